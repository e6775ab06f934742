"""Directory record types and their keys (PS3.3 section F.5 and Table F.4-1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a directory record: its tag, VR, type and PS3.6 keyword.

    Types are 1 and 2 of PS3.5 section 7.4, and 3 for what stands only where the object has it.
    """

    tag: int
    vr: str
    type: int
    keyword: str


CHARSET: Final = Key(0x00080005, "CS", 2, "SpecificCharacterSet")
_NUMBER: Final = Key(0x00200013, "IS", 1, "InstanceNumber")
_DATE: Final = Key(0x00080023, "DA", 1, "ContentDate")
_TIME: Final = Key(0x00080033, "TM", 1, "ContentTime")
_CONCEPT: Final = Key(0x0040A043, "SQ", 1, "ConceptNameCodeSequence")
#: Content Identification Macro, PS3.3 Table 10-12.
_CONTENT: Final = (
    _NUMBER,
    Key(0x00700080, "CS", 1, "ContentLabel"),
    Key(0x00700081, "LO", 2, "ContentDescription"),
    Key(0x00700084, "PN", 2, "ContentCreatorName"),
)

PATIENT: Final = (
    Key(0x00100010, "PN", 2, "PatientName"),
    Key(0x00100020, "LO", 1, "PatientID"),
)
STUDY: Final = (
    Key(0x00080020, "DA", 1, "StudyDate"),
    Key(0x00080030, "TM", 1, "StudyTime"),
    Key(0x00080050, "SH", 2, "AccessionNumber"),
    Key(0x00081030, "LO", 2, "StudyDescription"),
    Key(0x0020000D, "UI", 1, "StudyInstanceUID"),
    Key(0x00200010, "SH", 1, "StudyID"),
)
SERIES: Final = (
    Key(0x00080060, "CS", 1, "Modality"),
    Key(0x0020000E, "UI", 1, "SeriesInstanceUID"),
    Key(0x00200011, "IS", 1, "SeriesNumber"),
)
#: Keys of the records below a series, by record type; PRIVATE is for classes without one.
INSTANCE: Final[dict[str, tuple[Key, ...]]] = {
    "IMAGE": (_NUMBER,),
    "RT DOSE": (_NUMBER, Key(0x3004000A, "CS", 1, "DoseSummationType")),
    "RT STRUCTURE SET": (
        _NUMBER,
        Key(0x30060002, "SH", 1, "StructureSetLabel"),
        Key(0x30060008, "DA", 2, "StructureSetDate"),
        Key(0x30060009, "TM", 2, "StructureSetTime"),
    ),
    "RT PLAN": (
        _NUMBER,
        Key(0x300A0002, "SH", 1, "RTPlanLabel"),
        Key(0x300A0006, "DA", 2, "RTPlanDate"),
        Key(0x300A0007, "TM", 2, "RTPlanTime"),
    ),
    "RT TREAT RECORD": (
        _NUMBER,
        Key(0x30080250, "DA", 2, "TreatmentDate"),
        Key(0x30080251, "TM", 2, "TreatmentTime"),
    ),
    "PRESENTATION": (
        *_CONTENT,
        Key(0x00700082, "DA", 1, "PresentationCreationDate"),
        Key(0x00700083, "TM", 1, "PresentationCreationTime"),
    ),
    "WAVEFORM": (_NUMBER, _DATE, _TIME),
    "SR DOCUMENT": (
        _NUMBER, _DATE, _TIME, _CONCEPT,
        Key(0x0040A030, "DT", 3, "VerificationDateTime"),
        Key(0x0040A491, "CS", 1, "CompletionFlag"),
        Key(0x0040A493, "CS", 1, "VerificationFlag"),
    ),
    "KEY OBJECT DOC": (_NUMBER, _DATE, _TIME, _CONCEPT),
    "SPECTROSCOPY": (
        _NUMBER, _DATE, _TIME,
        Key(0x00080008, "CS", 1, "ImageType"),
        Key(0x00280008, "IS", 1, "NumberOfFrames"),
        Key(0x00280010, "US", 1, "Rows"),
        Key(0x00280011, "US", 1, "Columns"),
        Key(0x00289001, "UL", 1, "DataPointRows"),
        Key(0x00289002, "UL", 1, "DataPointColumns"),
    ),
    "RAW DATA": (Key(0x00200013, "IS", 2, "InstanceNumber"), _DATE, _TIME),
    "REGISTRATION": (*_CONTENT, _DATE, _TIME),
    "FIDUCIAL": (*_CONTENT, _DATE, _TIME),
    "ENCAP DOC": (
        _NUMBER,
        Key(0x00080023, "DA", 2, "ContentDate"),
        Key(0x00080033, "TM", 2, "ContentTime"),
        Key(0x0040A043, "SQ", 2, "ConceptNameCodeSequence"),
        Key(0x00420010, "ST", 2, "DocumentTitle"),
        Key(0x00420012, "LO", 1, "MIMETypeOfEncapsulatedDocument"),
    ),
    "VALUE MAP": (*_CONTENT, _DATE, _TIME),
    "STEREOMETRIC": (),
    "PLAN": (),
    "MEASUREMENT": (*_CONTENT, _DATE, _TIME),
    "SURFACE": (*_CONTENT, _DATE, _TIME),
    "TRACT": (*_CONTENT, _DATE, _TIME),
    "ASSESSMENT": (_NUMBER, Key(0x00080023, "DA", 1, "ContentDate"), _TIME),
    "PRIVATE": (),
}  # fmt: skip

#: Endings of SOP class UIDs below 1.2.840.10008.5.1.4.1.1 and their record type.
_ENDINGS: Final[dict[str, str]] = {
    "4.2": "SPECTROSCOPY",
    "66": "RAW DATA",
    "66.1": "REGISTRATION",
    "66.2": "FIDUCIAL",
    "66.3": "REGISTRATION",
    "66.5": "SURFACE",
    "66.6": "TRACT",
    "67": "VALUE MAP",
    "68.1": "SURFACE",
    "77.1.5.3": "STEREOMETRIC",
    "88.59": "KEY OBJECT DOC",
    "481.2": "RT DOSE",
    "481.3": "RT STRUCTURE SET",
    "481.4": "RT TREAT RECORD",
    "481.5": "RT PLAN",
    "481.6": "RT TREAT RECORD",
    "481.7": "RT TREAT RECORD",
    "481.8": "RT PLAN",
    "481.9": "RT TREAT RECORD",
}
_PREFIXES: Final[tuple[tuple[str, str], ...]] = (
    ("104.", "ENCAP DOC"),
    ("88.", "SR DOCUMENT"),
    ("11.", "PRESENTATION"),
    ("9.", "WAVEFORM"),
    ("78.", "MEASUREMENT"),
    ("79.", "SR DOCUMENT"),
    ("90.", "ASSESSMENT"),
)
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."


def record_type(sop_class: str, *, has_pixels: bool) -> str:
    """Return the record type of a SOP class (PS3.3 Table F.4-1)."""
    if sop_class.startswith(_STORAGE):
        ending = sop_class.removeprefix(_STORAGE)
        if ending in _ENDINGS:
            return _ENDINGS[ending]
        for prefix, name in _PREFIXES:
            if ending.startswith(prefix):
                return name
    return "IMAGE" if has_pixels else "PRIVATE"
