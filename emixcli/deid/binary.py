"""Values of numbers and bytes: as many as PS3.6 allows, no text, no identifier written as a number.

A length that was damaged makes the elements behind it part of a value. Nobody would look into
them, and what they tell about the patient would not be known: such an object is refused.
"""

from __future__ import annotations

import re
import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from emixcli.deid import tables, values
from emixcli.deid.parse import SHORT_VRS, VRS, vr_of
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.terms import technical

if TYPE_CHECKING:
    from emixcli.deid.identity import Identity
    from emixcli.deid.parse import Element

#: Bytes of the shortest element: a head.
_HEAD: Final = 8
_MOST_PLACES: Final = 64
_NUMBERS: Final = frozenset({"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
#: So many bytes of numbers, and of bytes, are no text by chance.
_MIN_TEXT: Final = 12
_MIN_BYTES: Final = 6
#: A constant table is no text: so many different letters one has.
_MIN_LETTERS: Final = 4
#: Longer values are tables of measurements, where any number may be.
_MOST_MEASURED: Final = 256
_SHORTEST_NUMBER: Final = 6
_TEXT: Final = re.compile(rb"[\t\n\r\x20-\x7e]+")
#: Text inside other bytes, too long to be there by chance.
_RUNS: Final = re.compile(rb"[\x20-\x7e]*[A-Za-z]{4}[\x20-\x7e]{8,}|[\x20-\x7e]{8,}[A-Za-z]{4}")
_MOST_BYTES: Final = 1 << 16
_WORDS: Final = re.compile(rb"[A-Za-z]{3}")
#: How files begin: gzip, ZIP, xz, 7z, PDF, RTF, OLE, PNG, JPEG, GIF.
_FILES: Final = (
    b"\x1f\x8b\x08", b"PK\3\4", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"%PDF-", b"{\\rtf",
    b"\xd0\xcf\x11\xe0\xa1\xb1", b"\x89PNG", b"\xff\xd8\xff", b"GIF8",
)  # fmt: skip
#: Bytes of a deflated stream that are tried, and of its shortest.
_TRIED: Final = 4096
_SHORTEST_STREAM: Final = 11


def longest(tag: int, named: str = "") -> int | None:
    """Return the bytes that an attribute of numbers may have; None where nothing limits them.

    Parameters
    ----------
    named
        VR in the file: some writers use wider numbers.
    """
    most = tables.counts().get(tag)
    if most is None:
        return None
    width = values.WIDTHS[tables.dictionary()[tag]]
    return most * max(width, values.WIDTHS[named] if named in _NUMBERS else 0)


def check(data: bytes, element: Element, *, explicit: bool) -> None:
    """Refuse an element whose value has others in it, as after damage of a length.

    Raises
    ------
    DeidError
        `Reason.MALFORMED`.
    """
    tag, at, end = element.tag, element.value, element.end
    if end - at <= _HEAD or tag & 0x10000 or element.is_undefined or element.vr == "SQ":
        return
    vr = vr_of(tag, element.vr)
    if vr in values.TEXT_VRS:
        if data.find(b"\0", at, end - 1) < 0:
            return
        places = _after_nul(data, at, end)
    else:
        most = longest(tag, element.vr)
        if most is None or end - at < most + _HEAD:
            return
        places = [at + most]
    if any(_is_head(data, place, end, tag, explicit=explicit) for place in places):
        raise DeidError(Reason.MALFORMED)


def _after_nul(data: bytes, at: int, end: int) -> list[int]:
    """Return where elements may begin in text: groups below 0x0100 have NUL as second byte."""
    found: list[int] = []
    place = data.find(b"\0", at + 1, end - 1)
    while place >= 0 and len(found) < _MOST_PLACES:
        found.append(place - 1)
        place = data.find(b"\0", place + 1, end - 1)
    return found


def _is_head(data: bytes, at: int, end: int, before: int, *, explicit: bool) -> bool:
    """Whether the head of a known element with a higher tag stands there."""
    if at + _HEAD > end:
        return False
    group, number, length = struct.unpack_from("<HHI", data, at)
    tag = group << 16 | number
    if tag <= before or tag not in tables.dictionary():
        return False
    if not explicit:
        return bool(length <= end - at - _HEAD or length == 0xFFFFFFFF)
    vr = VRS.get(data[at + 4 : at + 6], "")
    return bool(vr) and (vr in SHORT_VRS or data[at + 6 : at + 8] == b"\0\0")


def is_text(raw: bytes, *, width: int = 1) -> bool:
    """Whether bytes are text rather than a table of numbers of so many bytes."""
    stripped = raw.strip(b" \0")
    if (
        len(stripped) < (_MIN_BYTES if width == 1 else _MIN_TEXT)
        or _TEXT.fullmatch(stripped) is None
    ):
        return False
    return _WORDS.search(stripped) is not None and (
        len({byte for byte in stripped.lower() if 0x61 <= byte <= 0x7A}) >= _MIN_LETTERS
    )


def is_file(raw: bytes) -> bool:
    """Whether bytes are a file or a deflated stream (RFC 1950): nobody looks into them."""
    if raw.startswith(_FILES):
        return True
    if len(raw) < _SHORTEST_STREAM or raw[0] & 0x8F != 8 or (raw[0] << 8 | raw[1]) % 31:
        return False
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(raw, _TRIED)
    except zlib.error:
        return False
    return len(found) == _TRIED or (bool(found) and stream.eof)


def holds_words(raw: bytes) -> bool:
    """Whether words that are no terms stand in bytes of a private element."""
    return len(raw) <= _MOST_BYTES and any(
        technical(run) != run for run in (found.decode() for found in _RUNS.findall(raw))
    )


def holds_number(identity: Identity, vr: str, raw: bytes) -> bool:
    """Whether a few measured values hold an identifier of the patient as a number."""
    if len(raw) > _MOST_MEASURED:
        return False
    codes = _codes(identity.compacts).get(vr, frozenset())
    width = values.WIDTHS.get(vr, 1)
    return any(
        raw[at : at + width] in codes for at in range(0, len(raw) - width + 1, width) if codes
    )


@lru_cache(maxsize=64)
def _codes(compacts: tuple[str, ...]) -> dict[str, frozenset[bytes]]:
    """Return identifiers of digits only as numbers of each VR."""
    found: dict[str, frozenset[bytes]] = {}
    numbers = {int(code) for code in compacts if code.isdigit() and len(code) >= _SHORTEST_NUMBER}
    signed = numbers | {-number for number in numbers}
    for vr, code in _FORMATS.items():
        made = []
        for number in signed:
            try:
                made.append(struct.pack(code, number))
            except (OverflowError, struct.error):
                continue  # too large for this VR, or below zero
        found[vr] = frozenset(made)
    return found


_FORMATS: Final = {
    "FD": "<d", "FL": "<f", "OD": "<d", "OF": "<f", "OL": "<I", "OV": "<Q", "SL": "<i", "SV": "<q",
    "UL": "<I", "UV": "<Q",
}  # fmt: skip
_WHOLE: Final = re.compile(r"\s*[+-]?0*(\d{5,})(?:\.0*)?\s*")


def whole_number(text: str) -> str:
    """Return the digits of a whole number of at least five, however written; else nothing."""
    found = _WHOLE.fullmatch(text)
    if found is not None:
        return found[1]
    if "e" not in text and "E" not in text:
        return ""
    try:
        number = float(text)
    except ValueError:
        return ""
    is_whole = number.is_integer() and 1e4 <= abs(number) < 1e16
    return str(abs(int(number))) if is_whole else ""
