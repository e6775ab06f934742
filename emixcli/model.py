"""The information model: what was found on a medium.

Words are those of PS3.3 and PS3.10: a FileSet holds Patients, Studies, Series and Instances. All
types are frozen; a scan of 100,000 instances stays below 100 MB because each instance keeps its
header values in one tuple and equal values are one object.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

Value = str | int | None

#: Header attributes that a scan keeps of each instance (PS3.6 keywords), in this order in
#: `Instance.values`. Text values are decoded by (0008,0005), stripped, multiple values joined by a
#: backslash; US, UL, SS, SL values are int (or text joined by a backslash when several); absent is
#: None; present but empty is "".
KEYWORDS: tuple[str, ...] = (
    # file meta and SOP common
    "TransferSyntaxUID",
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    # patient
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    # study
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "InstitutionName",
    # series
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDate",
    "SeriesTime",
    "SeriesDescription",
    "Modality",
    "BodyPartExamined",
    "ProtocolName",
    "Laterality",
    "Manufacturer",
    "ManufacturerModelName",
    "FrameOfReferenceUID",
    # instance
    "InstanceNumber",
    "AcquisitionNumber",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentDate",
    "ContentTime",
    "ImageLaterality",
    "ViewPosition",
    "PatientOrientation",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceLocation",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PixelAspectRatio",
    # pixels
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "PresentationLUTShape",
    "FrameTime",
    "CineRate",
    "RecommendedDisplayFrameRate",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "BurnedInAnnotation",
    "MIMETypeOfEncapsulatedDocument",
    "DocumentTitle",
    "ContentLabel",
)

_POSITION = {keyword: index for index, keyword in enumerate(KEYWORDS)}


class Severity(enum.StrEnum):
    """How bad a finding is, by consequence."""

    BLOCK = "BLOCK"  # a PACS will not store it, or it must not be sent
    LOSS = "LOSS"  # pixels or files are gone
    RISK = "RISK"  # wrong patient, incomplete, unreadable name
    NOTE = "NOTE"  # conformance only


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a medium, counted over all its places.

    `code` is stable (`docs/reference/findings.md`); `where` names series and instance numbers or
    our own file numbers, never attribute values.
    """

    code: str
    severity: Severity
    count: int
    where: str
    why: str
    next: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM object on the medium.

    `path` is the name on the medium, parts joined by "/", and `source` the number of the source in
    `FileSet.sources`. `pixel_offset` is the byte offset of the value of (7FE0,0010), (7FE0,0008) or
    (7FE0,0009) in the file, -1 where there is none; `pixel_length` its length in the header
    (0xFFFFFFFF: encapsulated, PS3.5 section A.4).
    """

    source: int
    path: str
    size: int
    values: tuple[Value, ...]
    pixel_offset: int = -1
    pixel_length: int = 0
    #: Has palette, modality or VOI lookup tables, functional groups or overlays: read these with
    #: pydicom when the index of a package is made.
    deep: bool = False

    def text(self, keyword: str) -> str:
        """Return the value as text, "" where it is absent."""
        value = self.values[_POSITION[keyword]]
        return "" if value is None else str(value)

    def number(self, keyword: str) -> float | None:
        """Return the first value as a number, None where it is absent or not a number."""
        first = self.text(keyword).partition("\\")[0].strip()
        try:
            return float(first)
        except ValueError:
            return None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return all values as numbers, () where absent or where one is not a number."""
        text = self.text(keyword)
        try:
            return tuple(float(part) for part in text.split("\\")) if text.strip() else ()
        except ValueError:
            return ()

    def integer(self, keyword: str, default: int = 0) -> int:
        """Return the first value as an integer, `default` where it is absent or not a number."""
        value = self.number(keyword)
        return default if value is None or value != value or abs(value) > 2**53 else int(value)


@dataclass(frozen=True, slots=True)
class Series:
    """Instances with one Series Instance UID, in viewing order."""

    uid: str
    instances: tuple[Instance, ...]

    def text(self, keyword: str) -> str:
        """Return the value of the first instance."""
        return self.instances[0].text(keyword)


@dataclass(frozen=True, slots=True)
class Study:
    """Series with one Study Instance UID, by series number."""

    uid: str
    series: tuple[Series, ...]

    def text(self, keyword: str) -> str:
        """Return the value of the first instance."""
        return self.series[0].text(keyword)


@dataclass(frozen=True, slots=True)
class Patient:
    """Studies of one patient: same id, issuer, name and birth date after normalisation."""

    key: str
    studies: tuple[Study, ...]

    def text(self, keyword: str) -> str:
        """Return the value of the first instance."""
        return self.studies[0].text(keyword)


@dataclass(frozen=True, slots=True)
class Document:
    """A report found beside the images, not in DICOM: PDF, HL7, CDA, CCR, RTF or text."""

    source: int
    path: str
    size: int
    kind: str  # "pdf", "hl7v2", "cda", "ccr", "rtf", "text"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be read, or not as far as its header says."""

    source: int
    path: str
    size: int
    reason: str  # a fixed phrase, never the text of a library


@dataclass(frozen=True, slots=True)
class FileSet:
    """Everything that was found on the media given to one command."""

    sources: tuple[str, ...]  # as given on the command line
    patients: tuple[Patient, ...]
    documents: tuple[Document, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    n_files: int = 0
    n_other: int = 0
    size: int = 0  # bytes of the DICOM instances
    findings: tuple[Finding, ...] = field(default=())

    def iter_studies(self) -> Iterator[Study]:
        """Yield every study of every patient."""
        for patient in self.patients:
            yield from patient.studies

    def iter_series(self) -> Iterator[Series]:
        """Yield every series of every study."""
        for study in self.iter_studies():
            yield from study.series

    def iter_instances(self) -> Iterator[Instance]:
        """Yield every instance, in viewing order."""
        for series in self.iter_series():
            yield from series.instances
