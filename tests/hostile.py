"""Headers that are made to take long: more of something than any real object has."""

from __future__ import annotations

import struct
import zlib

from emixcli.syntaxes import (
    DEFLATED_UID,
    EXPLICIT_BIG_UID,
    EXPLICIT_LITTLE_UID,
    IMPLICIT_LITTLE_UID,
)

UNDEFINED = 0xFFFFFFFF
ITEM = b"\xfe\xff\x00\xe0" + bytes(4)
OPEN = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
CLOSE = b"\xfe\xff\x0d\xe0" + bytes(4)
END = b"\xfe\xff\xdd\xe0" + bytes(4)
_LONG = ("OB", "OW", "SQ", "UN")
_TAG = 0x00209222  # of a sequence


def element(tag: int, vr: str, value: bytes = b"", length: int | None = None) -> bytes:
    """Return an element in explicit little endian, or implicit where the VR is empty."""
    length = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not vr:
        return head + struct.pack("<I", length) + value
    if vr in _LONG:
        return head + vr.encode() + struct.pack("<HI", 0, length) + value
    return head + vr.encode() + struct.pack("<H", length) + value


def item(value: bytes) -> bytes:
    """Return an item of known length."""
    return ITEM[:4] + struct.pack("<I", len(value)) + value


def sequence(content: bytes, *, tag: int = _TAG, explicit: bool = True, end: bytes = END) -> bytes:
    """Return a sequence of undefined length."""
    return element(tag, "SQ" if explicit else "", content, UNDEFINED)[: -len(content) or None] + (
        content + end
    )


def meta(syntax: str, more: bytes = b"") -> bytes:
    """Return preamble, prefix and meta group."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    group = element(0x00020002, "UI", b"1.2.3\0") + element(0x00020010, "UI", uid) + more
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(group))) + group


def begin(*, explicit: bool = True) -> bytes:
    """Return identifiers."""
    values = ((0x00080016, "UI", b"1.2.3\0"), (0x00080018, "UI", b"1.2.4\0"),
              (0x00100020, "LO", b"ID"), (0x0020000D, "UI", b"1.2.5\0"),
              (0x0020000E, "UI", b"1.2.6\0"))  # fmt: skip
    return b"".join(element(tag, vr if explicit else "", value) for tag, vr, value in values)


def pixels(*, explicit: bool = True) -> bytes:
    """Return rows, columns and pixel data."""
    values = (
        (0x00280010, "US", b"\4\0"),
        (0x00280011, "US", b"\4\0"),
        (0x7FE00010, "OW", bytes(32)),
    )
    return b"".join(element(tag, vr if explicit else "", value) for tag, vr, value in values)


def explicit(body: bytes) -> bytes:
    """Return an object in explicit little endian, with something before its rows."""
    return meta(EXPLICIT_LITTLE_UID) + begin() + body + pixels()


def implicit(body: bytes) -> bytes:
    """Return the same in implicit little endian."""
    return meta(IMPLICIT_LITTLE_UID) + begin(explicit=False) + body + pixels(explicit=False)


def deflated(body: bytes) -> bytes:
    """Return the same deflated."""
    engine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = engine.compress(begin() + body + pixels()) + engine.flush()
    return meta(DEFLATED_UID) + packed


def _nested(depth: int) -> bytes:
    """Return items and sequences of known length in each other."""
    inner = b""
    for _ in range(depth):
        inner = item(element(_TAG, "SQ", inner))
    return inner


def _bomb(size: int) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = begin() + element(0x00209999, "OB", length=16 * size)
    packed = [engine.compress(head), *(engine.compress(bytes(size)) for _ in range(16))]
    return meta(DEFLATED_UID) + b"".join(packed) + engine.flush()


def headers(size: int) -> dict[str, bytes]:
    """Return hostile headers of about so many bytes, by what they have too much of."""

    def fill(unit: bytes) -> bytes:
        return unit * (size // len(unit))

    small = element(0x00080100, "SH")
    low, high = sequence(b"", tag=0x00209113), sequence(b"", tag=0x00209223)
    frame = OPEN + sequence(OPEN + element(0x00200032, "DS", b"1 ") + CLOSE, tag=0x00209113) + CLOSE
    above = element(0x00209225, "DS", b"1 ")
    deep = (OPEN + high[:-8]) * 29 + (END + CLOSE) * 29
    names = b"".join(element(0x00100010, "PN", b"A%07d" % n) for n in range(size // 16))
    tags = (element(0x00210000 + n, "LO") for n in range(min(size // 8, 0xF0000)))
    huge = item(element(_TAG, "SQ", fill(ITEM)[:120_000]))
    doubles = (struct.pack("<d", n) * 400 for n in range(size // 3208))
    number = b"".join(element(0x00280030, "FD", value) for value in doubles)
    return {
        "items that are empty": explicit(sequence(fill(ITEM))),
        "items that are empty, implicit": implicit(sequence(fill(ITEM), explicit=False)),
        "items of undefined length": explicit(sequence(fill(OPEN + CLOSE))),
        "items that are not closed": explicit(sequence(fill(OPEN), end=b"")),
        "items of two kinds": explicit(sequence(fill(ITEM + OPEN + CLOSE + item(small)))),
        "items, sequence not closed": explicit(sequence(fill(OPEN + CLOSE), end=b"")),
        "items with elements": explicit(sequence(fill(OPEN + small * 3 + CLOSE))),
        "elements in one item": explicit(sequence(OPEN + fill(small) + CLOSE)),
        "frames": explicit(sequence(fill(frame))),
        "sequences in items": explicit(sequence(fill(OPEN + high + above + CLOSE))),
        "sequences in one item": explicit(sequence(OPEN + fill(high + above) + CLOSE)),
        "ends that look right": explicit(sequence(OPEN + fill(high + above + low))),
        "ends only": explicit(sequence(OPEN + small + CLOSE + fill(END))),
        "depth": explicit(sequence(fill(deep))),
        "known lengths in items": explicit(sequence(fill(item(element(_TAG, "SQ", ITEM * 2))))),
        "known lengths in each other": explicit(sequence(fill(_nested(20)))),
        "long known lengths": explicit(sequence(fill(huge))),
        "known lengths": explicit(fill(element(_TAG, "SQ", ITEM))),
        "known lengths, implicit": implicit(fill(element(0x00081140, "", ITEM))),
        "elements": explicit(fill(element(0x00209999, "SH"))),
        "elements, implicit": implicit(fill(element(0x00209999, ""))),
        "elements of a long VR": explicit(fill(element(0x00209999, "OB"))),
        "elements of unknown VR": explicit(fill(element(0x00209999, "ZZ"))),
        "elements without VR": explicit(fill(element(0x00209999, ""))),
        "elements in order": explicit(b"".join(tags)),
        "elements, big endian": meta(EXPLICIT_BIG_UID) + fill(b"\0\x08\0\x16UI\0\0"),
        "names": explicit(names),
        "names beyond ASCII": explicit(names.replace(b"A", b"\xe4")),
        "names that are long": explicit(fill(element(0x00100010, "PN", b"\xe4" * 60_000))),
        "numbers": explicit(number),
        "sequences": explicit(fill(sequence(b""))),
        "sequences with an item": explicit(fill(sequence(OPEN + CLOSE))),
        "sequences, unknown": explicit(fill(element(_TAG, "UN", length=UNDEFINED) + END)),
        "sequences, implicit": implicit(fill(sequence(b"", explicit=False))),
        "marks": explicit(fill(CLOSE)),
        "meta group": meta(EXPLICIT_LITTLE_UID, fill(element(0x00020099, "SH"))) + begin(),
        "wrong length of the meta group": _hiding(fill(element(0x00209999, "SH"))),
        "deflated items": deflated(sequence(fill(ITEM))),
        "deflated frames": deflated(sequence(fill(frame))),
        "deflated elements": deflated(fill(element(0x00209999, "SH"))),
        "deflated bomb": _bomb(size),
        "deflated to nothing": meta(DEFLATED_UID) + fill(b"\0\0\0\xff\xff"),
    }  # fmt: skip


def _hiding(body: bytes) -> bytes:
    """Return an object whose meta group says that it goes on to the end of what follows it."""
    data = explicit(body)
    return data.replace(data[140:144], struct.pack("<I", len(body)), 1)
