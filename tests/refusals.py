"""Small objects that a PACS refuses, or takes although they are odd: element by element."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR")
_STUDY, _SOP, _CLASS, _ID, _PIXELS = 0x0020000D, 0x00080018, 0x00080016, 0x00100020, 0x7FE00010
Elements = dict[int, tuple[bytes, bytes]]
Made = Callable[[int], bytes]


def element(tag: int, vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """Return an element in explicit little endian, padded to an even length."""
    value += bytes(len(value) % 2)
    length = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    return head + struct.pack("<2xI" if vr in _LONG else "<H", length) + value


def implicit(tag: int, value: bytes) -> bytes:
    """Return an element in implicit little endian."""
    value += bytes(len(value) % 2)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def item(value: bytes) -> bytes:
    """Return an item of a sequence, or a fragment."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
OPEN_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
_REFERENCE = element(0x00081150, b"UI", b"1.2.3") + element(0x00081155, b"UI", b"1.2.4")


def elements(number: int, **changes: bytes | None) -> Elements:
    """Return the elements of a secondary capture; values by name, None leaves one out."""
    uid = b"2.25.77.%d.%d"
    found: Elements = {
        0x00080005: (b"CS", b"ISO_IR 100"),
        _CLASS: (b"UI", b"1.2.840.10008.5.1.4.1.1.7"),
        _SOP: (b"UI", uid % (1, number)),
        0x00080060: (b"CS", b"OT"),
        0x00100010: (b"PN", b"CANARYSURNAME^CANARYGIVEN"),
        _ID: (b"LO", b"CANARYID"),
        _STUDY: (b"UI", uid % (2, number)),
        0x0020000E: (b"UI", uid % (3, number)),
        0x00200011: (b"IS", b"1 "),
        0x00280002: (b"US", b"\1\0"),
        0x00280004: (b"CS", b"MONOCHROME2 "),
        0x00280010: (b"US", b"\4\0"),
        0x00280011: (b"US", b"\4\0"),
        0x00280100: (b"US", b"\x08\0"),
        0x00280101: (b"US", b"\x08\0"),
        0x00280102: (b"US", b"\7\0"),
        0x00280103: (b"US", b"\0\0"),
        _PIXELS: (b"OB", bytes(range(16))),
    }
    names = {"study": _STUDY, "sop": _SOP, "sop_class": _CLASS, "patient": _ID, "pixels": _PIXELS}
    for name, value in changes.items():
        vr, _ = found.pop(names[name])
        if value is not None:
            found[names[name]] = (vr, value)
    return found


def written(found: Mapping[int, tuple[bytes, bytes]]) -> bytes:
    """Return a data set."""
    return b"".join(element(tag, *found[tag]) for tag in sorted(found))


def meta(found: Elements, syntax: str = EXPLICIT, *, too_long: int = 0, more: bytes = b"") -> bytes:
    """Return preamble and meta group."""
    body = b"".join(
        [
            element(0x00020001, b"OB", b"\0\1"),
            element(0x00020002, b"UI", found.get(_CLASS, (b"", b""))[1]),
            element(0x00020003, b"UI", found.get(_SOP, (b"", b"1.2"))[1]),
            element(0x00020010, b"UI", syntax.encode()),
            more,
        ]
    )
    length = struct.pack("<I", len(body) + too_long)
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", length) + body


def _object(**changes: bytes | None) -> Callable[[int], bytes]:
    def made(number: int) -> bytes:
        found = elements(number, **changes)
        return meta(found) + written(found)

    return made


def _with_tail(tail: bytes) -> Callable[[int], bytes]:
    return lambda number: _object()(number) + tail


def _with_vr(tag: int, vr: bytes) -> Callable[[int], bytes]:
    def made(number: int) -> bytes:
        found = elements(number)
        found[tag] = (vr, found[tag][1])
        return meta(found) + written(found)

    return made


def _with_sequence(value: bytes, *, is_open: bool = True) -> Callable[[int], bytes]:
    def made(number: int) -> bytes:
        found = elements(number)
        length = 0xFFFFFFFF if is_open else len(value)
        sequence = element(0x00081140, b"SQ", value, length=length)
        before = {tag: found[tag] for tag in found if tag < 0x00081140}
        behind = {tag: found[tag] for tag in found if tag > 0x00081140}
        return meta(found) + written(before) + sequence + written(behind)

    return made


def _with_more(tag: int, more: bytes) -> Callable[[int], bytes]:
    def made(number: int) -> bytes:
        found = elements(number)
        before = {one: found[one] for one in found if one < tag}
        behind = {one: found[one] for one in found if one >= tag}
        return meta(found) + written(before) + more + written(behind)

    return made


def _two_metas(number: int) -> bytes:
    whole = _implicit()(number)
    end = 144 + int.from_bytes(whole[140:144], "little")
    return whole[:end] + whole[132:]


def _fragments(value: bytes, syntax: str = JPEG, vr: bytes = b"OB") -> Callable[[int], bytes]:
    def made(number: int) -> bytes:
        found = elements(number)
        del found[_PIXELS]
        pixels = element(_PIXELS, vr, value, length=0xFFFFFFFF)
        return meta(found, syntax) + written(found) + pixels

    return made


def _of_syntax(syntax: str, change: Callable[[bytes], bytes] = bytes) -> Callable[[int], bytes]:
    def made(number: int) -> bytes:
        found = elements(number)
        return meta(found, syntax) + change(written(found))

    return made


def _implicit_at(tag: int) -> Callable[[int], bytes]:
    def made(number: int) -> bytes:
        found = elements(number)
        parts = [
            implicit(one, found[one][1]) if one == tag else element(one, *found[one])
            for one in sorted(found)
        ]
        return meta(found) + b"".join(parts)

    return made


def _long_meta(by: int) -> Callable[[int], bytes]:
    return lambda number: (
        meta(elements(number), too_long=by) + written(elements(number))
    )  # fmt: skip


def _implicit_meta(number: int) -> bytes:
    found = elements(number)
    body = implicit(0x00020002, found[_CLASS][1]) + implicit(0x00020010, EXPLICIT.encode())
    length = implicit(0x00020000, struct.pack("<I", len(body)))
    return bytes(128) + b"DICM" + length + body + written(found)


def _with_meta_element(value: bytes) -> Callable[[int], bytes]:
    def made(number: int) -> bytes:
        found = elements(number)
        return meta(found, more=value) + written(found)

    return made


def _implicit(
    *, too_long: int = 0, has_meta: bool = True, sequence: bytes = b"", more: bytes = b""
) -> Made:
    def made(number: int) -> bytes:
        found = elements(number)
        head = meta(found, IMPLICIT, too_long=too_long) if has_meta else bytes(128) + b"DICM"
        found[0x00081140] = (b"SQ", sequence)
        parts = [implicit(tag, found[tag][1]) for tag in sorted(found)]
        return head + b"".join([*parts[:-1], more, parts[-1]])

    return made


def _nested(depth: int) -> bytes:
    value = _REFERENCE
    for _ in range(depth):
        value = element(0x00081140, b"SQ", item(value))
    return item(value)


def _with_zeros(number: int) -> bytes:
    found = elements(number)
    for tag in [tag for tag in found if tag >> 16 == 0x0028 or tag == _PIXELS]:
        del found[tag]
    return meta(found) + written(found) + bytes(1001)


def _cut(by: int) -> Callable[[int], bytes]:
    return lambda number: _object()(number)[:-by]


def _deflated(data: bytes, *, end: int = zlib.Z_FINISH) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush(end)


_COMMAND = element(0x00000002, b"UI", b"1.2.840.10008.1.1")
_FRAME = b"\xff\xd8" + bytes(range(30)) + b"\xff\xd9"
_WHOLE = item(b"") + item(_FRAME) + END

#: What a PACS cannot store.
REFUSED: dict[str, Callable[[int], bytes]] = {
    "no study UID": _object(study=None),
    "empty study UID": _object(study=b""),
    "blank study UID": _object(study=b"    "),
    "no SOP Instance UID": _object(sop=None),
    "study UID of 300 characters": _object(study=b"1." + b"2" * 298),
    "Patient ID of 300 characters": _object(patient=b"A" * 300),
    "study UID as bytes": _with_vr(_STUDY, b"OB"),
    "study UID of unknown VR": _with_vr(_STUDY, b"??"),
    "name of a VR that DCMTK has inside": _with_vr(0x00100010, b"ox"),
    "name as sequence": _with_vr(0x00100010, b"SQ"),
    "implicit Patient ID": _implicit_at(_ID),
    "implicit declared explicit": _of_syntax(IMPLICIT),
    "big endian that is none": _of_syntax("1.2.840.10008.1.2.2"),
    "not deflated": _of_syntax(DEFLATED),
    "deflated without its last byte": _of_syntax(DEFLATED, lambda data: _deflated(data)[:-1]),
    "deflated and not ended": _of_syntax(
        DEFLATED, lambda data: _deflated(data, end=zlib.Z_SYNC_FLUSH)
    ),
    "pixels that are cut, deflated": _of_syntax(DEFLATED, lambda data: _deflated(data[:-3])),
    "text behind pixels, deflated": _of_syntax(
        DEFLATED, lambda data: _deflated(data + b"hello, this is no element")
    ),
    "study UID behind a NUL": _object(study=b"\0" + b"2.25.77.2.1"),
    "an empty study UID before another": _with_more(_STUDY, element(_STUDY, b"UI", b"")),
    "a blank study UID before another": _with_more(_STUDY, element(_STUDY, b"UI", b"  ")),
    "two meta groups before implicit VR": _two_metas,
    "JPEG without fragments": _of_syntax(JPEG),
    "RLE without fragments": _of_syntax("1.2.840.10008.1.2.5"),
    "fragments of unknown VR": _fragments(_WHOLE, vr=b"UN"),
    "no end of fragments": _fragments(item(b"") + item(_FRAME)),
    "a fragment that is cut": _fragments(item(b"") + item(_FRAME)[:20]),
    "no items in place of fragments": _fragments(b"abcdefgh" + _WHOLE),
    "bytes behind fragments": _fragments(_WHOLE + b"abcdefghijkl"),
    "one byte behind pixels": _with_tail(b"\0"),
    "line end behind pixels": _with_tail(b"\r\n"),
    "text behind pixels": _with_tail(b"hello, this is no element"),
    "a cut element behind pixels": _with_tail(element(0xFFFCFFFC, b"OB", bytes(9))[:10]),
    "pixels that are cut": _cut(5),
    "meta group longer than the file": _long_meta(9999),
    "meta group in implicit VR": _implicit_meta,
    "meta group that takes the identifiers in": _long_meta(100),
    "meta group of wrong length before implicit VR": _implicit(too_long=-40),
    "meta group with an unknown VR": _with_meta_element(element(0x00020099, b"??", b"ab")),
    "no meta group before implicit VR": _implicit(has_meta=False),
    "prefix without preamble": lambda number: _object()(number)[128:],
    "blank transfer syntax": _of_syntax("  "),
    "Patient ID of 200 characters in 400 bytes": _object(patient=b"\xe9" * 200),
    "study UID of tabs": _object(study=b"\t\t"),
    "item that ends inside an element": _with_sequence(
        item(_REFERENCE[:-4]) + _REFERENCE[-4:], is_open=False
    ),
    "element that ends behind its item": _with_sequence(
        item(element(0x00081150, b"UI", b"1.2.3", length=900)), is_open=False
    ),
    "element that ends behind an item of an open sequence": _with_sequence(
        item(element(0x00081150, b"UI", b"1.2.3", length=900)) + END
    ),
    "sequence too short for an item": _with_sequence(b"\xfe\xff\0\xe0", is_open=False),
    "sequence of text in implicit VR": _implicit(sequence=b"garbage!"),
    "end of a sequence that did not begin": _implicit(more=END),
    "zeros behind the object that are no elements": _with_zeros,
    "sequence without end": _with_sequence(OPEN_ITEM + _REFERENCE),
    "item without end": _with_sequence(OPEN_ITEM + _REFERENCE + END),
    "end of an item that did not begin": _with_sequence(ITEM_END + END),
    "sequence of text": _with_sequence(b"garbage!", is_open=False),
}
#: What Orthanc takes from a file, and nobody can send it.
NOT_SENT: dict[str, Callable[[int], bytes]] = {
    "fragments in place of plain pixels": _fragments(_WHOLE, EXPLICIT),
    "letters in the transfer syntax": _of_syntax("1.2.840.10008.1.2.4.9P"),
}
#: What is odd, and stored all the same.
STORED: dict[str, Callable[[int], bytes]] = {
    "nothing odd": _object(),
    "no Patient ID": _object(patient=None),
    "Patient ID of 200 characters": _object(patient=b"A" * 200),
    "study UID with letters": _object(study=b"1.2.abc"),
    "study UID of 100 characters": _object(study=b"1." + b"2" * 98),
    "study UID as LO": _with_vr(_STUDY, b"LO"),
    "SOP class of unknown VR": _with_vr(_CLASS, b"xx"),
    "SOP class as bytes": _with_vr(_CLASS, b"OB"),
    "name of unknown VR": _with_vr(0x00100010, b"xx"),
    "too few pixels": _object(pixels=bytes(6)),
    "too many pixels": _object(pixels=bytes(60)),
    "no pixels": _object(pixels=None),
    "deflated": _of_syntax(DEFLATED, _deflated),
    "zeros behind what is deflated": _of_syntax(DEFLATED, lambda data: _deflated(data) + bytes(9)),
    "zeros behind pixels, deflated": _of_syntax(DEFLATED, lambda data: _deflated(data + bytes(8))),
    "an empty Patient ID before another": _with_more(_ID, element(_ID, b"LO", b"")),
    "a command set in front": _with_more(0, element(0, b"UL", b"\x20\0\0\0") + _COMMAND),
    "an element of zeros": _with_more(_ID, bytes(8)),
    "fragments": _fragments(_WHOLE),
    "zeros behind pixels": _with_tail(bytes(1000)),
    "padding behind pixels": _with_tail(element(0xFFFCFFFC, b"OB", bytes(10))),
    "an element behind pixels": _with_tail(element(0x00091001, b"LO", b"late")),
    "meta group a little too long": _long_meta(8),
    "meta group too short": _long_meta(-8),
    "meta group of right length before implicit VR": _implicit(sequence=item(b"")),
    "nested sequences": _with_sequence(_nested(15), is_open=False),
    "a sequence": _with_sequence(OPEN_ITEM + _REFERENCE + ITEM_END + END),
    "a sequence of known length": _with_sequence(item(_REFERENCE), is_open=False),
}
