"""Reports as DICOM objects: Encapsulated PDF and Encapsulated CDA (PS3.3 A.45.1 and A.45.2).

An object follows from the study and the document alone: made twice, it is the same object.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.errors import ReportError
from emixcli.quiet import quiet_pydicom

if TYPE_CHECKING:
    from pydicom import Dataset

    from emixcli.reports.subject import Subject

MAX_DOCUMENT: Final = 2**31
"""Bytes of a document; a value of more has no defined length that all readers take."""

_PDF: Final = "1.2.840.10008.5.1.4.1.1.104.1"
_CDA: Final = "1.2.840.10008.5.1.4.1.1.104.2"
_SERIES_NUMBER: Final = 9001
_MAX_TITLE: Final = 1024
_UID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*)){1,31}", re.ASCII)
_DATE: Final = re.compile(r"\d{8}", re.ASCII)
_TIME: Final = re.compile(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?", re.ASCII)
_SEX: Final = re.compile(r"[MFO]")
#: Control characters, and what would make two values of one (PS3.5 section 6.2).
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


@dataclass(frozen=True, kw_only=True)
class Wrapped:
    """A document to be put into an object.

    Parameters
    ----------
    data
        The document, which the object holds as it is.
    title
        For people; may be empty.
    number
        Instance Number in the series of reports.
    cda_id
        `root^extension` of a CDA document (PS3.3 C.24.2.1, HL7 Instance Identifier); "" for a PDF.
    """

    data: bytes
    title: str
    number: int
    cda_id: str = ""


def wrap(subject: Subject, document: Wrapped) -> bytes:
    """Return a DICOM file with a document in it and the identifiers of the study.

    Raises
    ------
    ReportError
        The study has no UID, a value of it cannot stand in an object, or the document is too large.
    """
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    _require(subject, document)
    sop_class = _CDA if document.cda_id else _PDF
    with quiet_pydicom():  # what the images say is repeated, right or wrong
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.SOPClassUID = UID(sop_class)
        ds.SOPInstanceUID = UID(_uid("object", subject, document.data))
        _add_study(ds, subject)
        ds.Modality = "DOC"
        ds.SeriesInstanceUID = UID(_uid("series", subject, b""))
        ds.SeriesNumber = _SERIES_NUMBER
        ds.SeriesDescription = "Reports"
        ds.Manufacturer = "emix"
        ds.ConversionType = "WSD"
        ds.InstanceNumber = document.number
        _add_document(ds, document)
        file = io.BytesIO()
        ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _require(subject: Subject, document: Wrapped) -> None:
    texts = (
        subject.name, subject.id, subject.issuer, subject.accession, subject.study_id,
        subject.referring, subject.description, document.cda_id,
    )  # fmt: skip
    if (
        not _UID.fullmatch(subject.study_uid)
        or len(document.data) >= MAX_DOCUMENT
        or any(_NO_TEXT.search(text) for text in texts)
    ):
        raise ReportError("a report cannot be put into a DICOM object", hint="unpack it as it is")


def _if(pattern: re.Pattern[str], text: str) -> str:
    """Return a text that is a value of its kind; of another, nothing: it says nothing for sure."""
    return text if pattern.fullmatch(text) else ""


def _add_study(ds: Dataset, subject: Subject) -> None:
    """Add Patient and General Study (PS3.3 C.7.1.1 and C.7.2.1)."""
    ds.PatientName = subject.name
    ds.PatientID = subject.id
    if subject.issuer:
        ds.IssuerOfPatientID = subject.issuer
    ds.PatientBirthDate = _if(_DATE, subject.birth_date)
    ds.PatientSex = _if(_SEX, subject.sex)
    ds.StudyInstanceUID = subject.study_uid
    ds.StudyDate = _if(_DATE, subject.study_date)
    ds.StudyTime = _if(_TIME, subject.study_time)
    ds.ReferringPhysicianName = subject.referring
    ds.StudyID = subject.study_id
    ds.AccessionNumber = subject.accession
    if subject.description:
        ds.StudyDescription = subject.description


def _add_document(ds: Dataset, document: Wrapped) -> None:
    """Add Encapsulated Document (PS3.3 C.24.2); its dates are those of the document: not known."""
    ds.ContentDate = ds.ContentTime = ds.AcquisitionDateTime = None
    ds.BurnedInAnnotation = "YES"
    ds.DocumentTitle = _NO_TEXT.sub(" ", document.title)[:_MAX_TITLE]
    ds.ConceptNameCodeSequence = []
    if document.cda_id:
        ds.HL7InstanceIdentifier = document.cda_id
    ds.MIMETypeOfEncapsulatedDocument = "text/xml" if document.cda_id else "application/pdf"
    ds.EncapsulatedDocumentLength = len(document.data)
    ds.EncapsulatedDocument = document.data + bytes(len(document.data) % 2)


def _uid(what: str, subject: Subject, data: bytes) -> str:
    """Return a UID that follows from the study and the document (PS3.5 B.2)."""
    digest = hashlib.sha256(f"emix/report/1/{what}\0{subject.study_uid}\0".encode() + data)
    number = int.from_bytes(digest.digest()[:16], "big")
    number = number & ~(15 << 76 | 3 << 62) | 8 << 76 | 2 << 62  # RFC 9562 section 5.8
    return f"2.25.{number}"
