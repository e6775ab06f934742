"""DICOM objects that are reports: structured reports of any template, encapsulated documents.

The object's own head says whom it is about; a document inside it must not contradict.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from emixcli.errors import ReportError
from emixcli.quiet import quiet_pydicom
from emixcli.reports import blocks, reading
from emixcli.reports.hl7_documents import kind_of
from emixcli.reports.inner import Inner
from emixcli.reports.matching import Identifier, Identity
from emixcli.reports.names import parse_pn
from emixcli.reports.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

    from emixcli.reports.blocks import Block

_PREAMBLE: Final = 128
_DOCUMENT: Final = "EncapsulatedDocument"


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as PS3.10 says."""
    return head[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def read_object(data: bytes) -> Reading:
    """Return what an object says.

    Raises
    ------
    ReportError
        It cannot be read, or there is nothing in it to read.
    """
    from emixcli.container.deep import pydicom_errors
    from emixcli.container.deep_text import render_text

    try:
        with quiet_pydicom():
            from pydicom import dcmread

            dataset = dcmread(io.BytesIO(data), stop_before_pixels=True)
            identity = identity_of_object(dataset)
            inner = tuple(_documents(dataset))
            lines = [] if inner else render_text(dataset)
            head = tuple(_head(dataset))
    except pydicom_errors():
        raise ReportError("a DICOM object cannot be read", hint="try emix diagnose") from None
    if not inner and not lines:
        raise ReportError("a DICOM object has no text", hint="its images are for emix view")
    return Reading((identity,), (*head, *_tree(lines)), inner=inner)


def identity_of_object(dataset: Dataset) -> Identity:
    """Return whom an object says that it is about."""
    number, issuer = _text(dataset, "PatientID"), _text(dataset, "IssuerOfPatientID")
    return Identity(
        names=parse_pn(_text(dataset, "PatientName")),
        ids=(Identifier(number, (issuer,) if issuer else ()),) if number else (),
        birth_date=_text(dataset, "PatientBirthDate"),
        sex=_text(dataset, "PatientSex"),
        accessions=tuple(filter(None, (_text(dataset, "AccessionNumber"),))),
        study_uids=tuple(filter(None, (_text(dataset, "StudyInstanceUID"),))),
    )


def read_document(data: bytes, title: str = "") -> Inner:
    """Return a document that an object holds, read."""
    return reading.read_inner([Inner(kind_of(data), data, title)])[0]


def _documents(dataset: Dataset) -> Iterator[Inner]:
    data = dataset.get(_DOCUMENT)
    if isinstance(data, bytes):
        exact = dataset.get("EncapsulatedDocumentLength")
        if isinstance(exact, int) and len(data) - 1 <= exact <= len(data):
            data = data[:exact]  # PS3.3 section C.24.2: without the padding byte
        yield read_document(data, _text(dataset, "DocumentTitle"))


def _head(dataset: Dataset) -> Iterator[Block]:
    title = _text(dataset, "DocumentTitle") or _text(dataset, "SeriesDescription")
    if _DOCUMENT in dataset:
        yield blocks.heading(title or "Encapsulated document")
    yield blocks.facts(
        (label, _text(dataset, keyword))
        for label, keyword in (
            ("Patient", "PatientName"), ("Identifier", "PatientID"), ("Born", "PatientBirthDate"),
            ("Sex", "PatientSex"), ("Accession", "AccessionNumber"), ("Date", "ContentDate"),
        )
    )  # fmt: skip


def _tree(lines: list[dict[str, Any]]) -> Iterator[Block]:
    """Yield the content tree: its root as a heading, each item with its name and value."""
    for line in lines:
        words = ": ".join(filter(None, (line["label"], line["value"])))
        if line["level"]:
            yield blocks.item(words, line["level"])
        else:
            yield blocks.heading(words)


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()
