"""Documents inside HL7 v2 messages: PDF, RTF, CDA, … in OBX-5, bit for bit.

The data types ED, RP, FT, TX and ST are used for them in many ways. What a document is, its first
bytes say; the declared type is only shown. Parts of one document in consecutive segments of one
observation are joined where the first is not whole.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from typing import Final

from emixcli.reports.hl7 import Delimiters, Message, Segment, unescape

_TYPES: Final = frozenset({"ED", "RP", "FT", "TX", "ST", "CE", "CWE"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s_-]+={0,2}\s*")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}|\s)+")
_BREAK: Final = re.compile(r"\\\.br\\|\\X0[AD](?:0[AD])?\\|\s+", re.IGNORECASE)
_TAIL: Final = 1024
_LOOK: Final = 24_000  # characters by which text is told from a document
_MIN_ENCODED: Final = 64  # characters; a shorter word is text, even where it is valid base64
_MAGIC: Final = (
    (b"%PDF-", "pdf"), (b"{\\rtf", "rtf"), (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"), (b"MM\0*", "tiff"), (b"GIF8", "gif"), (b"BM", "bmp"),
    (b"PK\x03\x04", "zip"),
    (b"MZ", "executable"), (b"\x7fELF", "executable"), (b"\xd0\xcf\x11\xe0", "office"),
)  # fmt: skip
_XML: Final = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|[A-Za-z])")
_HTML: Final = re.compile(rb"<(?:!doctype\s+html|html|body|script)\b", re.IGNORECASE)
_HEAD: Final = 4096
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_CDA: Final = re.compile(rb"<(?:[\w.-]+:)?ClinicalDocument\b")


@dataclass(frozen=True, slots=True)
class Embedded:
    """A document that was found in a message.

    Parameters
    ----------
    data
        Its bytes; empty for a reference, which is never followed.
    kind
        By its first bytes: `pdf`, `rtf`, `cda`, `xml`, `html`, `png`, …, `reference`, `unknown`.
    declared
        What the message calls it.
    observation
        OBX-3 as it stands.
    title
        Its name, as far as OBX-3 tells it.
    payloads
        What its parts are encoded as, as they stand.
    """

    data: bytes
    kind: str
    declared: str
    observation: str
    title: str = ""
    payloads: tuple[str, ...] = ()


def find_documents(message: Message) -> list[Embedded]:
    """Return the documents in all OBX of a message, parts joined."""
    found: list[tuple[Embedded, list[Embedded]]] = []
    goes_on, tail = False, b""
    for segment in message.all("OBX"):
        one = _read(segment, message.charset)
        if one and goes_on and _continues(found[-1][0], one, tail):
            found[-1][1].append(one)
            tail = (tail + one.data)[-_TAIL:]
        elif one:
            found.append((one, [one]))
            tail = one.data[-_TAIL:]
        goes_on = one is not None
    return [_joined(first, parts) for first, parts in found]


def _read(segment: Segment, charset: str) -> Embedded | None:
    """Return the document of one OBX, or None where it holds plain text or a value."""
    kind = segment.value(2).upper()
    if kind not in _TYPES or len(segment.field(5)) < len("{\\rtf}"):
        return None
    observation = segment.field(3)
    if kind == "RP":
        return Embedded(b"", "reference", segment.value(5, 4), observation, _title(segment))
    marks = segment.delimiters
    parts = segment.field(5).split(marks.component)
    declared = "/".join(part for part in parts[:-1][:3] if part and len(part) < _MIN_ENCODED)
    data, payload = None, segment.field(5)
    if kind == "ED":
        encoding = parts[3].strip().lower() if len(parts) > 4 else ""
        payload = marks.component.join(parts[4:]) if len(parts) > 4 else max(parts, key=len)
        data = _decode(payload, encoding, marks, charset)
    elif len(parts) == 1 or max(map(len, parts)) >= _MIN_ENCODED:
        data = _text_document(segment.field(5), marks, charset)
    title = _title(segment)
    return Embedded(data, "", declared, observation, title, (payload,)) if data else None


def _title(segment: Segment) -> str:
    return segment.value(3, 2) or segment.value(3)


def _decode(payload: str, encoding: str, marks: Delimiters, charset: str) -> bytes | None:
    """Decode ED.5 as ED.4 says, and where that does not work by what it looks like."""
    packed = _pack(payload, marks)
    if encoding in ("a", "ascii", "none", ""):
        plain = unescape(payload, marks).encode(charset, "replace")
        if _kind(plain) != "unknown" or not packed:
            return plain
    if encoding in ("hex", "h") and _HEX.fullmatch(packed):
        return _unhex(packed)
    return (
        _unbase64(packed) or _unhex(packed) or unescape(payload, marks).encode(charset, "replace")
    )


def _text_document(value: str, marks: Delimiters, charset: str) -> bytes | None:
    """Return a document that stands as text: RTF or XML as it is, anything as base64."""
    head = value[:_LOOK]
    for text, whole in ((head, str), (unescape(head, marks), lambda v: unescape(v, marks))):
        if text.lstrip().startswith("{\\rtf"):
            return whole(value).lstrip().encode(charset, "replace")
    if _kind(unescape(head, marks).encode(charset, "replace")) in ("cda", "html"):
        return unescape(value, marks).encode(charset, "replace")
    begin = _pack(head, marks)
    found = _unbase64(begin[: len(begin) // 4 * 4]) if len(begin) >= _MIN_ENCODED else None
    if not found or _kind(found) in ("unknown", "bmp"):
        return None
    return _unbase64(_pack(value, marks))


def _pack(payload: str, marks: Delimiters) -> str:
    text = _BREAK.sub("", payload) if marks.escape == "\\" else re.sub(r"\s+", "", payload)
    return unescape(text, marks)


def _unbase64(text: str) -> bytes | None:
    if not text or not _BASE64.fullmatch(text):
        return None
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _unhex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def _continues(first: Embedded, one: Embedded, tail: bytes) -> bool:
    """Whether a segment holds the next part: the first is cut, and this begins in its midst."""
    if first.observation != one.observation or not first.data or _kind(one.data) != "unknown":
        return False
    ends = {"pdf": b"%%EOF", "rtf": b"}", "cda": b"ClinicalDocument>"}
    end = ends.get(_kind(first.data))
    return end is not None and end not in tail


def _joined(first: Embedded, parts: list[Embedded]) -> Embedded:
    data = b"".join(part.data for part in parts)
    payloads = tuple(payload for part in parts for payload in part.payloads)
    return replace(first, data=data, kind=first.kind or kind_of(data), payloads=payloads)


def kind_of(data: bytes) -> str:
    """Return what a document is by its first bytes."""
    kind = _kind(data)
    return "text" if kind == "unknown" and _is_text(data[:_HEAD]) else kind


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", "ignore" if len(head) == _HEAD else "strict")
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and not _CONTROL.search(text)


def _kind(data: bytes) -> str:
    for start, kind in _MAGIC:
        if data.startswith(start):
            return kind
    if _XML.match(data[:256]):
        if _CDA.search(data[:16384]):
            return "cda"
        return "html" if _HTML.search(data[:1024]) else "xml"
    return "unknown"
