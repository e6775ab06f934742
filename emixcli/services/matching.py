"""Reports on a medium, compared with the patients of its images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emixcli.validate.codes import TYPES

if TYPE_CHECKING:
    from emixcli.media.reader import MediaReader
    from emixcli.model import Document, FileSet, Finding, Patient


def with_matches(file_set: FileSet, patients: Sequence[Patient] | None = None) -> FileSet:
    """Return the file set with each report on the medium compared, and findings of those that fail.

    Parameters
    ----------
    patients
        With whom; those of the file set where None.
    """
    if not file_set.documents:
        return file_set
    # Only media with reports pay for what reads them.
    from emixcli.media.reader import MediaReader

    with MediaReader(file_set) as media:
        documents = tuple(
            _compared(document, media, file_set.patients if patients is None else patients)
            for document in file_set.documents
        )
    findings = (*file_set.findings, *_findings(documents))
    return file_set._replace(documents=documents, findings=findings)


def _compared(document: Document, media: MediaReader, patients: Sequence[Patient]) -> Document:
    from emixcli.reports import reading

    verdict = reading.judge(patients, reading.read_file(lambda: media.open(document), document))
    return document._replace(verdict=str(verdict.level), reason=verdict.reason)


def _findings(documents: Sequence[Document]) -> list[Finding]:
    found = []
    for code, level in (("R01", "block"), ("R02", "warn")):
        files = tuple((d.source, d.path) for d in documents if d.verdict == level)
        if files:
            found.append(TYPES[code].found(len(files), "", files[:10]))
    return found
