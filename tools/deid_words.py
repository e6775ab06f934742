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
"""
#: Words of the standard that are also given names or common surnames.
_NAMES = frozenset(
    """
    alexander alice allen alzheimer anna baker barbara bell benjamin bennett brown charles christian
    clark cohen cook cooper daniel david diana edwards elizabeth emily evans fisher frank franklin
    george graham grant harris henry hunter jack jackson james jean john johnson jordan joseph king
    lewis linda lopez louis marie martin mary mason michael miller moore morgan morris nelson parker
    paul perry peter philip pierre price richard robert robin rose ross russell ryan samuel scott
    simon smith stanley stein stephen stone stuart sullivan taylor thomas thompson turner victor
    walker ward watson william williams wilson wolf wood wright young
    """.split()  # noqa: SIM905 - read as a text
)


def vocabulary() -> str:
    """Return the words, sorted, one a line."""
    from pydicom._dicom_dict import DicomDictionary
    from pydicom.sr._concepts_dict import concepts

    words = set(_EXTRA.split())
    schemes: Any = concepts
    for scheme in schemes.values():
        for by_value in scheme.values():
            for meaning, _ in by_value.values():
                words.update(word.lower() for word in _WORD.findall(meaning))
    for entry in DicomDictionary.values():
        words.update(word.lower() for word in _WORD.findall(entry[2]))
    return "".join(f"{word}\n" for word in sorted(words - _NAMES))
