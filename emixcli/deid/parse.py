"""Elements of a little endian data set told apart, without decoding them (PS3.5 section 7).

Every error is a `DeidError`: what cannot be told apart cannot be made safe. Data is `bytes`, or
`Pages` where there is too much of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from emixcli.deid import tables
from emixcli.deid.pages import LARGE, Pages
from emixcli.deid.refusal import DeidError, Reason

UNDEFINED: Final = 0xFFFFFFFF
MAX_DEPTH: Final = 64
#: Elements that a data set or item of more than memory holds may have: PS3.6 knows 5,000.
MAX_ELEMENTS: Final = 16_384

Data = bytes | Pages

_ITEM: Final = b"\xfe\xff\x00\xe0"
_ITEM_END: Final = b"\xfe\xff\x0d\xe0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0"

LONG_VRS: Final = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # noqa: SIM905 - a list is longer
SHORT_VRS: Final = frozenset(
    "AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()  # noqa: SIM905 - a list is longer
)
_LONG: Final = frozenset(vr.encode("ascii") for vr in LONG_VRS)
_SHORT: Final = frozenset(vr.encode("ascii") for vr in SHORT_VRS)
#: VR by its two bytes.
VRS: Final = {code: code.decode("ascii") for code in _LONG | _SHORT}

_EXPLICIT: Final = struct.Struct("<HH2sH")
_IMPLICIT: Final = struct.Struct("<HHI")
_LENGTH: Final = struct.Struct("<I")
_MARK: Final = struct.Struct("<4sI")
_LONG_HEAD: Final = 12


class Element(NamedTuple):
    """Where an element stands.

    Attributes
    ----------
    vr
        As named in the file; `""` where none is.
    start, value, end, stop
        Begin of the element, of its value, end of the value, and of the element. With undefined
        length a delimiter stands between the last two.
    """

    tag: int
    vr: str
    start: int
    value: int
    end: int
    stop: int

    @property
    def is_undefined(self) -> bool:
        """Whether it has no length of its own."""
        return self.stop != self.end


def head(data: Data, at: int, *, explicit: bool) -> tuple[int, str, int, int]:
    """Return tag, VR, index of the value, and length.

    Raises
    ------
    DeidError
        If fewer bytes are left than the head has.
    """
    if not isinstance(data, bytes):
        tag, vr, value, length = head(data[at : at + _LONG_HEAD], 0, explicit=explicit)
        return tag, vr, at + value, length
    try:
        if not explicit:
            group, element, length = _IMPLICIT.unpack_from(data, at)
            return group << 16 | element, "", at + 8, length
        group, element, code, length = _EXPLICIT.unpack_from(data, at)
        tag = group << 16 | element
        if code in _SHORT:
            return tag, VRS[code], at + 8, length
        if code in _LONG:
            return tag, VRS[code], at + 12, _LENGTH.unpack_from(data, at + 8)[0]
    except struct.error:
        raise DeidError(Reason.TRUNCATED) from None
    if code.isalpha() and code.isupper():
        raise DeidError(Reason.MALFORMED)  # a VR that nobody knows: its length may be either
    # An element written as in implicit VR; some devices do.
    return tag, "", at + 8, _LENGTH.unpack_from(data, at + 4)[0]


def names_vrs(data: Data, vr: str, value: int, *, explicit: bool) -> bool:
    """Whether the elements in the items of a sequence have VRs.

    In UN they have none (PS3.5 section 6.2.2), but some writers gave them theirs.

    Parameters
    ----------
    vr, value
        Of the sequence: as named in the file, and where its value begins.
    explicit
        Whether the elements beside it have VRs.
    """
    if not explicit or vr not in ("UN", ""):
        return explicit
    first = data[value + 8 : value + 14]
    if data[value : value + 4] != _ITEM or first[4:] not in VRS:
        return False
    tag = int.from_bytes(first[:2], "little") << 16 | int.from_bytes(first[2:4], "little")
    return bool(tag >> 16 & 1) or tables.dictionary().get(tag) == VRS[first[4:]]


def iter_elements(
    data: Data, at: int, end: int, *, explicit: bool, depth: int = 0
) -> Iterator[Element]:
    """Yield the elements between two indices; they must fill the range.

    Raises
    ------
    DeidError
        If they do not.
    """
    while at < end:
        tag, vr, value, length = head(data, at, explicit=explicit)
        if length == UNDEFINED:
            inner = names_vrs(data, vr, value, explicit=explicit)
            stop = skip_items(data, value, end, explicit=inner, depth=depth + 1)
            yield Element(tag, vr, at, value, stop - 8, stop)
        else:
            stop = value + length
            if stop > end:
                raise DeidError(Reason.TRUNCATED)
            yield Element(tag, vr, at, value, stop, stop)
        at = stop


def skip_items(data: Data, at: int, end: int, *, explicit: bool, depth: int) -> int:
    """Return the index behind the delimiter of a sequence of undefined length."""
    if depth > MAX_DEPTH:
        raise DeidError(Reason.TOO_DEEP)
    start = at
    if not isinstance(data, bytes) and start in data.ends:
        return data.ends[start]
    while at + 8 <= end:
        code, length = _MARK.unpack(data[at : at + 8])
        at += 8
        if code == _SEQUENCE_END:
            return _noted(data, start, at)
        if code != _ITEM:
            raise DeidError(Reason.MALFORMED)
        at = at + length if length != UNDEFINED else _skip_item(data, at, end, explicit, depth)
    raise DeidError(Reason.TRUNCATED)


def _skip_item(data: Data, at: int, end: int, explicit: bool, depth: int) -> int:  # noqa: FBT001 - inner loop
    start = at
    if not isinstance(data, bytes) and start in data.ends:
        return data.ends[start]
    while at + 8 <= end:
        if data[at : at + 4] == _ITEM_END:
            return _noted(data, start, at + 8)
        _, vr, value, length = head(data, at, explicit=explicit)
        if length != UNDEFINED:
            at = value + length
        else:
            inner = names_vrs(data, vr, value, explicit=explicit)
            at = skip_items(data, value, end, explicit=inner, depth=depth + 1)
    raise DeidError(Reason.TRUNCATED)


def _noted(data: Data, start: int, stop: int) -> int:
    """Note where something large ends, since who looks into it asks for its end again."""
    if not isinstance(data, bytes) and stop - start > LARGE:
        data.ends[start] = stop
    return stop


def iter_items(
    data: Data, at: int, end: int, *, explicit: bool, depth: int
) -> Iterator[tuple[int, int]]:
    """Yield where the content of each item begins and ends.

    Raises
    ------
    DeidError
        If the range holds anything else.
    """
    if depth > MAX_DEPTH:
        raise DeidError(Reason.TOO_DEEP)
    while at < end:
        if at + 8 > end:
            raise DeidError(Reason.TRUNCATED)
        code, length = _MARK.unpack(data[at : at + 8])
        at += 8
        if code == _SEQUENCE_END and not length:
            continue  # a delimiter after a defined length; some writers add it
        if code != _ITEM:
            raise DeidError(Reason.MALFORMED)
        if length == UNDEFINED:
            stop = _skip_item(data, at, end, explicit, depth)
            yield at, stop - 8
            at = stop
        elif at + length > end:
            raise DeidError(Reason.TRUNCATED)
        else:
            yield at, at + length
            at += length


def vr_of(tag: int, named: str) -> str:
    """Return the VR by which an attribute is treated: that of PS3.6 where there is one."""
    if tag >> 16 & 1:
        return named or ("LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN")
    return tables.dictionary().get(tag) or named or "UN"


def encode(tag: int, vr: str, value: bytes, *, explicit: bool) -> bytes:
    """Return an element with a value of even length (PS3.5 section 7.1)."""
    if len(value) & 1:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    return encode_head(tag, vr, len(value), explicit=explicit) + value


def encode_head(tag: int, vr: str, length: int, *, explicit: bool) -> bytes:
    """Return what stands before a value."""
    group, element = tag >> 16, tag & 0xFFFF
    if not explicit:
        return _IMPLICIT.pack(group, element, length)
    code = vr.encode("ascii")
    if code in _LONG:
        return _EXPLICIT.pack(group, element, code, 0) + _LENGTH.pack(length)
    if length > 0xFFFE:  # too long for its VR: UN may be longer (PS3.5 section 6.2.2)
        return _EXPLICIT.pack(group, element, b"UN", 0) + _LENGTH.pack(length)
    return _EXPLICIT.pack(group, element, code, length)


def item_head(length: int) -> bytes:
    """Return what stands before the content of an item."""
    return _ITEM + _LENGTH.pack(length)


def encode_item(content: bytes) -> bytes:
    """Return an item of a sequence."""
    return _ITEM + _LENGTH.pack(len(content)) + content
