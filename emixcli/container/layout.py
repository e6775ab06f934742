"""Names of the entries of a package: 8.3, telling nothing about the patient (PS3.10 8.2)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from emixcli.model import Document, FileSet, Instance, Series

INDEX, DICOMDIR, README = "EMIX/INDEX.JSN", "DICOMDIR", "README.TXT"
MANIFEST, SIGNATURE = "EMIX/MANIFEST.JSN", "EMIX/MANIFEST.SIG"

_EXTENSIONS = {
    "pdf": "PDF", "text": "TXT", "rtf": "RTF", "hl7v2": "HL7", "cda": "XML", "ccr": "XML",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """A report given on the command line.

    Parameters
    ----------
    data
        What goes along instead of the file; None where that goes as it is.
    """

    path: Path
    size: int
    kind: str
    data: bytes | None = field(default=None, repr=False)

    def open(self) -> BinaryIO:
        """Return its bytes as a file."""
        return self.path.open("rb") if self.data is None else io.BytesIO(self.data)


def series_folder(study: int, series: int) -> str:
    """Return the folder of a series; both count from 1, studies over the whole package."""
    return f"DICOM/S{study:04}/E{series:04}"


def instance_name(folder: str, instance: int) -> str:
    """Return the name of the entry of an instance, counted from 1 in its series."""
    return f"{folder}/I{instance:05}"


def document_name(number: int, kind: str) -> str:
    """Return the name of the entry of a report, counted from 1."""
    return f"REPORTS/R{number:04}.{_EXTENSIONS.get(kind, 'BIN')}"


def iter_series(file_set: FileSet) -> Iterator[tuple[Series, str]]:
    """Yield every series and its folder, in the order of the package."""
    for study_number, study in enumerate(file_set.iter_studies(), 1):
        for series_number, series in enumerate(study.series, 1):
            yield series, series_folder(study_number, series_number)


def iter_instances(file_set: FileSet) -> Iterator[tuple[Instance, str]]:
    """Yield every instance and the name of its entry, in the order of the package."""
    for series, folder in iter_series(file_set):
        for number, instance in enumerate(series.instances, 1):
            yield instance, instance_name(folder, number)


def iter_documents(
    file_set: FileSet, reports: tuple[Report, ...]
) -> Iterator[tuple[Document | Report, str]]:
    """Yield every report with the name of its entry: those of the medium first."""
    found: list[Document | Report] = [*file_set.documents, *reports]
    for number, document in enumerate(found, 1):
        yield document, document_name(number, document.kind)
