"""What a file that is not DICOM may be, by its first bytes: a report, or something else.

Conservative with plain text: discs are full of README, licence and viewer files.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

#: Root elements of HL7 CDA (urn:hl7-org:v3) and ASTM CCR (urn:astm-org:CCR).
_XML_KINDS: Final = {"ClinicalDocument": "cda", "ContinuityOfCareRecord": "ccr"}
_XML_PROLOGUE: Final = re.compile(r"<!--.*?(?:-->|$)|<\?.*?(?:\?>|$)|<!DOCTYPE[^\[>]*", re.DOTALL)
_XML_ROOT: Final = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_HL7: Final = re.compile(rb"(?:\xef\xbb\xbf|\s)*(?:MSH|FHS|BHS)([^\w\s\x00-\x1f])")
_NOT_REPORTS: Final = re.compile(
    r"readme|autorun|licen[sc]e|copying|eula|viewer|install|setup|manual|help|notice|changelog"
    r"|version|index|lies_?mich|lisez",
    re.IGNORECASE,
)
_TEXT_NAMES: Final = frozenset({"", ".txt", ".text", ".asc", ".rep", ".rpt", ".doc"})
_WIDE_MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_LOOK: Final = 1024
_MIN_ZEROS: Final = 3
_NO_TEXT: Final = re.compile(
    "[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ud800-\udfff\ufffd\ufffe\uffff]"
)
_HEADINGS: Final = re.compile(
    r"^\W{0,3}(?:findings?|impression|conclusions?|indication|clinical (?:history|information)"
    r"|(?:radiology|final|diagnostic) report|technique|comparison|diagnosis"
    r"|befund|beurteilung|fragestellung|indikation|epikrise"
    r"|compte[- ]rendu|résultats?|conclusion|informe|hallazgos|conclusi[oó]n|referto|conclusioni"
    r"|bevindingen|conclusie|utlåtande|所見|診断|заключение|описание)\s*(?:[:：]|$)",
    re.IGNORECASE | re.MULTILINE,
)


def wide_encoding(head: bytes) -> str:
    """Return UTF-16 in which text is encoded, "" for any other.

    Without a mark, blanks, digits and line ends tell it: their other byte is zero.
    """
    for mark, encoding in _WIDE_MARKS:
        if head.startswith(mark):
            return encoding
    first, second = head[0:_LOOK:2].count(0), head[1:_LOOK:2].count(0)
    if min(first, second) or max(first, second) < _MIN_ZEROS:
        return ""
    encoding = "utf-16-be" if first else "utf-16-le"
    text = head[: min(len(head), _LOOK) & ~1].decode(encoding, "replace")
    return "" if _NO_TEXT.search(text) else encoding


def document_kind(head: bytes, path: str) -> str | None:
    """Return the kind of a report (`model.Document.kind`), or None for anything else.

    Parameters
    ----------
    head
        First bytes of the file, at most 16 KiB.
    path
        Its name on the medium, used for plain text only.
    """
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    wide = wide_encoding(head)
    narrow = head[: len(head) & ~1].decode(wide, "replace").encode() if wide else head
    if _HL7.match(narrow[:64]):
        return "hl7v2"
    start = head[:256].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")
    if start.startswith(b"<"):
        return _xml_kind(_decode(head))
    return "text" if _is_text_report(narrow, path) else None


def _xml_kind(text: str) -> str | None:
    root = _XML_ROOT.search(_XML_PROLOGUE.sub("", text))
    return _XML_KINDS.get(root[1]) if root else None


def _decode(head: bytes) -> str:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) & ~1].decode("utf-16", "replace")
    text = head.decode("utf-8", "replace")
    return head.decode("latin-1") if text.count("\ufffd") > 1 else text


def _is_text_report(head: bytes, path: str) -> bool:
    name = posixpath.basename(path)
    stem, extension = posixpath.splitext(name)
    if extension.lower() not in _TEXT_NAMES or _NOT_REPORTS.search(stem) or not head:
        return False
    if b"\0" in head or sum(byte < 9 for byte in head[:512]):
        return False
    return _HEADINGS.search(_decode(head)) is not None
