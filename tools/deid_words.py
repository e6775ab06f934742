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
#: Anatomy, diseases, treatment, contrast media and tracers, names of structures (AAPM TG-263), and
#: words that reports are made of.
_MEDICAL = """
aaa about abutting achalasia acl additionally adenomas adenomyosis adequate adrenalin adrenals
advise advised again against aged aicd airspace ajcc already also although amended among anaemia
anemia angulated ankylosing another anterolisthesis anteroposterior aortas appendectomy
appendicitis appreciable approximately arcs ards arms artefact artefacts arthritis arthrodesis
arthrogram arthrography arthropathy arthroplasty arthrosis artifacts asbestosis ascites aspirated
aspirin asymmetrical atherosclerosis atrophic avid avidity avm because been beneath beside beyond
biapical bibasilar bilat bilaterally biodistribution biosystems biphasic birads blastic bleb
bosniak bowel bph bronchi bronchiectasis bronchiolitis bronchitis bulge bulging bullae bursitis
caecum calcific calculi calculus callus calyces canals carcinoid carcinomatosis cardio
cardiomediastinal carotids carpal cauda cavernoma cavitary cavitation cavoatrial cbct cecal
centimetre cephalization chambers chestwall chf cholangiocarcinoma cholecystectomy cholecystitis
choledocholithiasis cholelithiasis cholestasis chondral chondrocalcinosis chondromalacia cisterns
clariscan classic clinic cll cochlea colectomy colitis collecting comminuted compatible
compressibility compressible compressing concussion consolidation consolidations conspicuous
constrictor constrictors continued continues contusion contusions conus convexity copd coronaries
correlate cortical corticomedullary costophrenic couchtop could covid craniectomy craniocaudal
craniotomy crazy crc ctchest cthead ctpa cva cvc cystitis cysts damaged dapi dcal degenerative
degraded dementia demonstrated demonstrates demonstration demyelinating demyelination described
desiccation despite detectable diagnostics dialysis diameters dictated diff discectomy discs
dislocation displacing distended distension distention diverticulitis diverticulosis dlbcl dmsa
dotatoc drain drainage drawing dtpa ducts dural dvt dyspnoea each ears eburnation echostructure
editor ef effacement effusions einthoven either ekg emboli encasement encasing encephalitis
encephalopathy endometriosis endosteal endplates enter enterography enthesopathy enthesophyte
epididymitis equina ercp esoph esophagectomy eval evaluate evd even every evident excretion
excretory extending extends extraaxial extracranial extruded extrusion facets falx fashion fibroid
fibroids fibrotic figo filum flavum foetal followup foramina foraminal fractures fungal
furthermore gadovist gallstone gallstones ganglia gastrectomy gastroenterology gastrostomy gbm
gerd gi gist glioma gliosis glnd goiter goitre gout grafts granulomas granulomatous grossly
groundglass gsps gynaecology gyri gyrus had haemangioma haematoma haemorrhage having hcc hdp
healed healing hemidiaphragm hemidiaphragms hemorrhagic hemorrhoids hepatectomy hepatocellular
hepatosplenomegaly hernia hernias herniation hmpao homogeneously honeycombing hot hotspot however
hrct hsg hydrocele hydrocephalus hydronephrosis hyperattenuating hyperdense hyperinflated
hyperinflation hypermetabolic hypertrophy hypoattenuating hypodense hypometabolic ibd icd icu
identified ileus iliacs imar immobilization impacted improving imrt incidental incidentally
incompletely incontinence infarcts infrahilar injected injuries inpatient interior interstitium
intraaxial intracerebral intussusception invading involves involving inwards iomeprol irecist
ischaemia ivc ivp joints kev keys kyphoplasty kyphosis labrum laceration laminectomy laparoscopic
laparotomy latex lcl lcx leftward leptomeningeal leukoaraiosis ligaments lingula lingular lirads
lobectomy lobes loculated lordosis lungrads lvef lvh lymphadenopathies lymphangitic lytic mainly
malalignment malunion many masses mbh mcl mdp medulla medullaris meningioma meningitis mertiatide
mesorectal mesorectum mibi microangiopathy microseconds microvolt might migraine milligray
milliseconds millivolt minimally minutes moco monochromatic monophasic mostly mre mrecist msk
mucus musc mycobacterial myelography myelopathy myoma nasogastric needed neither neoadjuvant
neonate nephrectomy nephritis nephrographic nephrolithiasis nephrostomy nerves neural neuro
neuropathy newborn newly nodularity noncompressible noncontrast nondisplaced nonenhanced
nonenhancing nonocclusive nonunion nor nrv nsclc nuclei oar oars obs occluded occlusive octreotide
odontoid oedema oesophagus oophorectomy opacification opacified orbits orchitis orthopaedics
orthopedics osteoarthritis osteochondral osteomyelitis osteopenia osteophyte osteophytes
osteophytic osteoporosis otherwise ovaries overlies overlying paediatric pancreatitis panlobular
pararenal paraseptal paraventricular parkinsonism parotids partly pathognomonic paving pcl pdf pe
pelvicalyceal perforation peribronchial pericholecystic perihilar perinephric periosteal
periventricular petrous phasicity photopenic picc pigtail pins pirads plans plates plugging
pneumobilia pneumonectomy pneumonia pneumonic pneumonitis pneumothoraces polyps polytrauma pons
postop premonitoring preop probable progressed projecting projects prominent protrusion
protrusions prv ptc pyelonephritis question questionable radiculopathy radiographically
radiotracer rcc recently recommend recommends rectosigmoid referral referred reflux reformats
regarding regressed relatively remnant require resection resistive resolving responder restaging
reticulation retrocardiac retrolisthesis reversed reviewed rheumatoid ribs rightward rim
sacroiliitis sah salpingectomy sarcoidosis sars sat sbft sbrt schwannoma sclc scoliosis scoord
screenshot screws sdh seizures septated septation septations sequestered sequestration several
shim shows significantly silicosis similarly sirt slides slightly smartscore sob some sono
sonographically sonography splenectomy splenomegaly spondylitis spondylolisthesis spondylolysis
spondylosis sprain spur spurring spurs srs stained steatosis stents stereotaxis sternotomy streak
subchondral subdural subluxation submand subtle suggest suggested suggests sulci sulcus suprahilar
suspicion suvmax suvmean suvpeak svc swimmers symmetrical synovial synovitis tace tcoord tee
tendinitis tendinopathy tendinosis tendons tentorium terminale terminates terminating tested
testes tethering that their them then there therefore these they thickened thoracotomy those
though thromboembolism throughout thus thymoma thyroidectomy timepoint tirads tmj today toes
tolerated towards tracew tracker transabdominal transcribed transvaginal tte tuberculosis tumors
tumours ugi ultralow uncal unchanged underneath uneventful ungated unilaterally unless
unremarkable upon ureters uro urogram urolithiasis uti valves varices varicocele vcug velocities
venography ventricles vertebrae vertebroplasty ves vesicles visualised visualization vnc volvulus
vue walled was waveforms weeks weightbearing were while widening will wires woman worsened
worsening would years yesterday yet yield
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
