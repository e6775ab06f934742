"""Reports that go into a package: taken from disk and medium, compared, made readable."""

from __future__ import annotations

import codecs
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from emixcli.container import layout
from emixcli.container.layout import Report
from emixcli.container.plan import document_fields
from emixcli.errors import ReportError
from emixcli.media.sniff import document_kind, wide_encoding
from emixcli.media.window import HEAD_LENGTH
from emixcli.reports import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from emixcli.container.plan import Reader
    from emixcli.model import Document, FileSet

#: Names that are never those of plain text: the content is then a placeholder or a mistake.
_NO_TEXT = frozenset({
    ".docx", ".odt", ".pages", ".xlsx", ".xls", ".ods", ".pptx", ".ppt", ".pdf", ".rtf", ".jpg",
    ".jpeg", ".png", ".tif", ".tiff", ".zip", ".dcm",
})  # fmt: skip


def load_report(path: Path) -> Report:
    """Return a report from the disk, its kind told by its content.

    Raises
    ------
    ReportError
        It cannot be read, is of no known kind, or its name and content contradict each other.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_LENGTH)
            size = file.seek(0, os.SEEK_END)
    except OSError as exc:
        raise ReportError(
            "a report cannot be read", hint="check its name, and that you may read it"
        ) from exc
    kind = _kind(head, path.name)
    if kind is None:
        raise ReportError(
            "a report is of no known kind", hint="give PDF, text, RTF, HL7 v2, CDA or CCR"
        )
    if kind == "text" and path.suffix.lower() in _NO_TEXT:
        raise ReportError(
            "a report is plain text, but its name says something else",
            hint="make sure that it is the right file, then name it .txt",
        )
    return Report(path, size, kind)


#: Bytes that no text has, in whatever encoding of single or several bytes: C0 controls but tab,
#: line ends, form feed, end of file (Ctrl-Z) and escape.
_NO_TEXT_BYTES: Final = frozenset(range(0x20)) - frozenset(b"\t\n\r\x0c\x1a\x1b")


def _is_text(head: bytes) -> bool:
    if wide_encoding(head):
        return True
    return bool(head) and _NO_TEXT_BYTES.isdisjoint(head)


def _kind(head: bytes, name: str) -> str | None:
    """Return the kind by content; a mark of UTF-16 hides it from who looks at bytes."""
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    narrow = head[: len(head) & ~1].decode("utf-16", "replace").encode() if wide else head
    return document_kind(narrow, name) or ("text" if _is_text(head) else None)


def describe_reports(
    file_set: FileSet, reports: tuple[Report, ...], media: Reader, *, accept: str = ""
) -> list[dict[str, Any]]:
    """Return what the index says of each report, none of another patient among them.

    Parameters
    ----------
    media
        Opens the reports of the medium.
    accept
        Why reports that do not fit the patient go along, where their rule lets them; recorded.

    Raises
    ------
    PatientMismatchError
        One is, and nobody has accepted it or may accept it.
    """
    found: list[dict[str, Any]] = []
    refused, numbers = [], []
    for document, name in layout.iter_documents(file_set, reports):
        data = reading.whole_file(_opener(document, media), document)
        read = reading.read_whole(data, document.kind)
        verdict = reading.judge(file_set.patients, read)
        if reading.is_refused(verdict, accept):
            refused.append(verdict)
            numbers.append(len(found) - len(file_set.documents) + 1)
        fields = document_fields(document, name)
        fields["match"] = reading.match_json(verdict, accept)
        if read.title:
            fields["title"] = read.title
        if read.blocks:
            fields["blocks"] = [block.as_document() for block in read.blocks]
        if read.inner:
            fields["inside"] = [one.as_index(data or b"") for one in read.inner]
        found.append(fields)
    if refused:
        raise reading.mismatch(refused, accept, which=_which(numbers))
    return found


def _which(numbers: Sequence[int]) -> str:
    """Return words for reports by their place among those given; below 1 is on the medium."""
    given = ", ".join(str(number) for number in numbers if number > 0)
    words = [f"--report number {given}"] if given else []
    if min(numbers) < 1:
        words.append("on the medium: emix scan shows which")
    return "; ".join(words)


def _opener(document: Document | Report, media: Reader) -> Callable[[], BinaryIO]:
    if isinstance(document, Report):
        return document.open
    item = document
    return lambda: media.open(item)
