"""Words of the standard: the allow-list by which free text is cleaned (PS3.15 section E.3.5)."""

from __future__ import annotations

import re
from typing import Any

_WORD = re.compile(r"[A-Za-z]{2,}")
#: Abbreviations and words of descriptions that the standard does not have.
_EXTRA = """
abd abdomen abdominal acq adc ahead angio ankle ant anterior apical art arterial artery asl aspect
ax axial bh blood bone bolus boost brain breast breath bright bright c calc cardiac care carotid
cc cerebral cervical chest cine circle clavicle cmp coll compl con contrast cor coronal coronary
ct cta ctp cube cut dce delayed der derived dess dir dist dixon dose dual dti dwi dyn dynamic
early echo ecg elbow enhanced ep epi exam exp facial fa fast fat feet femur fgre fiesta film
filter finger first fl flair flash flow fluid foot forearm fov free frfse fs fse full fused gad
gad gd ge gradient gre grey half hand haste head heart hip hold hr humerus hyper iac image images
inner insp inv inversion inplane ir iso isotropic joint kernel kidney knee lat lateral left leg
lens liver loc localizer localiser long low lower lumbar lung lymph map mask med mediastinum mip
mid minip mm mono mosaic motion mpr mprage mr mra mrcp mrv multi native neck nm non obl oblique
opt orbit outer ovary pancreas par pat pc pd pelvis perf perfusion pet phase pituitary plain
planning pla portal post posterior pre pred prep proc prone prop propeller prostate protocol
proximal pulmonary qc radial rao lao rapid rec recon ref reformat reg rel renal rep res rest
resting rib right rl roi rot rt run sag sagittal sc scan scanogram scout screen sd se sec seg
sella sense seq series set shoulder short shot shots sinus skull slab slice slices small smart
soft space spair spgr spine spin spir spleen ssfp ssfse std stack stealth stenosis stir strain
stress study sub subtracted subtraction summary supine surview survey swi syn t target tb td te
test tfe thick thin thigh thorax thoracic tir tirm tra trace trans transverse trauma tse tumor
tumour turbo tof tr trig trufi twist two type ultra unenhanced upper us uterus vasc vein venous
vent view vibe vol volume wb weighted wide win window wo without with wrist xr xray zoom
sn om xy ic na resampled reformatted screensave parallel parts interpolated rotated
acquired adenosine algorithm aligned annotated annotation annotations anonymous arrhythmia
attenuation averaged background baseline bilateral biopsy blurred bowtie breathhold breathing
calibration capture centered clips coil coils collapsed color colorflow colour combined comp
compressed compression cont contiguous contour control converted corrected correction cropped
decimated decompressed deformed denoised denoising detector diastolic difference digital direct
dixon dobutamine doppler dotarem echocardiogram eddy edge elastography endo enhancement eovist
equalized export exported exposure extremity fetal fiducial filtered flipped fluoro fluoroscopy
fmri footfirst frame frames free freehand frontal gadavist gadolinium gated gaussian generic
geometry grayscale grid hamming hanning headfirst helical histogram idose improved index inferior
initial inspiration interleaved interpolation invert inverted iodine iomeron irreversible
isotropic isovue iterative jpeg kidneys lipiodol lookup lossless lossy lungs magnevist magnitude
manual marked marker medium mesh metal model monitor mosaic movie multiframe multihance multiphase
multiplanar nodule noise nominal normal normalized nuclear oblic offset omnipaque omniscan onto
optional optiray original orthogonal overlay overlays oversampling overview panorama parametric
patch peripheral phantom pilot pixel planned plus portable postcontrast precontrast preview
primovist processed profile prohance projected projection protocols quad quality quantitative
radiograph ramp random range ratio raw realigned reconstructed reconstruction reduced reference
registered registration regular relative rendered rendering repeat rescaled respiratory result
results retro retrospective reverse reversible rotating sample samples scaled scaling scatter
secondary segmentation segmented selected separate sharp sharpened shifted signal simple single
sketch smooth smoothed smoothing soft spatial spectral standard static stepped stitched stitching
stream suppressed suppression surface synthetic systolic template temporal tensor threshold
thresholded tilt tilted timed tissue tomosynthesis topogram transformed triggered truncated
ultravist uncompressed uncorrected undefined underlay uniform unilateral unsharp untitled
upsampled velocity version visipaque volumetric washout weight wholebody wholespine width
workstation xenetix year zero zoomed
"""
#: Anatomy, diseases, treatment, contrast media and tracers, names of structures (AAPM TG-263).
_MEDICAL = """
aaa achalasia acl adenomas adenomyosis adrenalin adrenals amended anaemia anemia ankylosing aortas
appendicitis approximately arcs ards arms arthritis arthrogram arthrography arthrosis asbestosis
ascites aspirin atherosclerosis atrophic avm bilat biosystems biphasic birads bowel bph bronchi
bronchiectasis bronchitis bursitis caecum calculi calculus canals carcinoid cardio carotids carpal
cauda cavernoma cavitary cavitation cbct centimetre chambers chestwall chf cholangiocarcinoma
cholecystitis cholelithiasis clariscan clinic cll cochlea colitis compatible concussion
consolidation consolidations constrictor constrictors contusion contusions copd coronaries
cortical couchtop covid craniectomy craniotomy crc ctchest cthead ctpa cva cvc cystitis cysts
damaged dapi dcal degenerative dementia demonstrates demonstration demyelinating demyelination
diagnostics dialysis dictated diff discs dislocation diverticulitis diverticulosis dlbcl dmsa
dotatoc drain drainage drawing dtpa ducts dvt dyspnoea ears editor ef effusions einthoven ekg
emboli encephalitis encephalopathy endometriosis enter enterography epididymitis equina ercp esoph
eval evaluate evd excretory extracranial fibroid fibroids fibrotic foetal followup fractures
gadovist gallstone gallstones gastroenterology gastrostomy gbm gerd gi gist glioma gliosis glnd
goiter goitre gout grafts granulomas granulomatous groundglass gsps gynaecology haemangioma
haematoma haemorrhage hcc hdp hemorrhagic hemorrhoids hepatocellular hernia hernias herniation
hmpao honeycombing hot hotspot hrct hsg hydrocele hydrocephalus hydronephrosis ibd icu identified
ileus iliacs imar immobilization imrt incontinence infarcts injected injuries inpatient interior
intracerebral intussusception iomeprol ischaemia ivc ivp kev keys kyphoplasty kyphosis labrum
laceration latex lcl lcx leukoaraiosis ligaments lirads lobes lordosis lungrads lvef lvh
lymphangitic masses mbh mcl mdp medulla meningioma meningitis mertiatide mibi microangiopathy
microseconds microvolt migraine milligray milliseconds millivolt moco monochromatic mre msk musc
myelography myelopathy myoma nasogastric neoadjuvant neonate nephritis nephrographic
nephrolithiasis nephrostomy nerves neuro neuropathy newborn noncontrast nonenhanced nrv nsclc
nuclei oar oars obs occluded octreotide odontoid oedema oesophagus opacification orbits orchitis
orthopaedics orthopedics osteoarthritis osteomyelitis osteopenia osteoporosis ovaries paediatric
pancreatitis parkinsonism parotids pcl pdf pe perforation petrous picc pirads plans pneumonia
pneumothoraces polyps polytrauma pons postop premonitoring preop probable prv ptc pyelonephritis
question radiculopathy rcc referral referred reflux reformats resection restaging reticulation
reviewed rheumatoid ribs sacroiliitis sah sarcoidosis sat sbft sbrt schwannoma sclc scoliosis
scoord screenshot sdh seizures shim shows silicosis sirt slides smartscore sob sono sonography
spondylitis spondylosis sprain srs stained steatosis stents stereotaxis subdural subluxation
submand suggest suggests suspicion svc swimmers tace tcoord tee tendinitis tendinopathy tendinosis
tendons tested testes thromboembolism thymoma timepoint tirads tmj toes tracew tracker
transabdominal transcribed transvaginal tte tuberculosis tumors tumours ugi ultralow uncal
unchanged ungated unremarkable ureters uro urogram urolithiasis uti valves varicocele vcug
venography ventricles vertebrae vertebroplasty ves vesicles vnc volvulus vue weightbearing
"""
#: Words of the standard that are also given names or common surnames.
_NAMES = frozenset(
    """
    alexander alice allen alzheimer anna baker barbara bell benjamin bennett brown charles christian
    clark cohen cook cooper daniel david diana edwards elizabeth emily evans fisher frank franklin
    george graham grant harris henry hunter jack jackson james jean john johnson jordan joseph king
    lewis linda lopez louis marie martin mary mason michael miller moore morgan morris nelson parker
    paul perry peter philip pierre price richard robert robin rose ross russell ryan samuel scott
    simon smith stanley stein stephen stone stuart sullivan taylor thomas thompson turner van victor
    walker ward watson william williams wilson wolf wood wright young
    """.split()  # noqa: SIM905 - read as a text
)


def vocabulary() -> str:
    """Return the words, sorted, one a line."""
    from pydicom._dicom_dict import DicomDictionary
    from pydicom.sr._concepts_dict import concepts

    words = {*_EXTRA.split(), *_MEDICAL.split()}
    schemes: Any = concepts
    for scheme in schemes.values():
        for by_value in scheme.values():
            for meaning, _ in by_value.values():
                words.update(word.lower() for word in _WORD.findall(meaning))
    for entry in DicomDictionary.values():
        words.update(word.lower() for word in _WORD.findall(entry[2]))
    return "".join(f"{word}\n" for word in sorted(words - _NAMES))
