"""The central directory of a ZIP file (APPNOTE 6.3, sections 4.3.12 to 4.3.16), entry by entry.

The standard library keeps some 700 bytes for each member; a medium may have 100,000 of them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple
from zipfile import BadZipFile

from emixcli.media.sources.encrypted import AES, aes_method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_MAX_COMMENT: Final = 65535
_CHUNK: Final = 1024 * 1024
_MAX_ENTRY: Final = _ENTRY.size + 3 * 65535
UTF_8: Final = 0x800
_ZIP64_FIELD: Final = 1
IN_FIELD: Final = 0xFFFFFFFF


class Member(NamedTuple):
    """What the central directory says of one member."""

    name: str
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int  # of its local header


def iter_members(content: Bytes) -> Iterator[Member]:
    """Yield the members in the order of the central directory.

    Raises
    ------
    zipfile.BadZipFile
        Where there is no central directory, or where it is damaged.
    OSError
        Where the medium cannot be read.
    """
    at, length, shift = _find_directory(content)
    end = at + length
    base, data = at, b""
    while at < end:
        if at + _MAX_ENTRY > base + len(data) and base + len(data) < end:
            base, data = at, content.read_at(at, min(max(_CHUNK, _MAX_ENTRY), end - at))
        index = at - base
        if index + _ENTRY.size > len(data):
            raise BadZipFile("central directory ends early")
        fields = _ENTRY.unpack_from(data, index)
        stop = index + _ENTRY.size + sum(fields[10:13])
        if fields[0] != b"PK\x01\x02" or stop > len(data):
            raise BadZipFile("central directory is damaged")
        yield _member(fields, data[index + _ENTRY.size : stop], shift)
        at = base + stop


def _find_directory(content: Bytes) -> tuple[int, int, int]:
    """Return where the directory begins, its length, and how many bytes precede the archive."""
    start = max(0, content.size - _END.size - _MAX_COMMENT)
    tail = content.read_at(start, content.size - start)
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or found + _END.size > len(tail):
        raise BadZipFile("no end of central directory")
    place = start + found
    length, offset = _END.unpack_from(tail, found)[5:7]
    end_64 = place - _LOCATOR.size - _END_64.size
    if end_64 >= 0:
        data = content.read_at(end_64, _END_64.size + _LOCATOR.size)
        if data[_END_64.size :].startswith(b"PK\x06\x07") and data.startswith(b"PK\x06\x06"):
            length, offset = _END_64.unpack_from(data)[8:10]
            place = end_64
    shift = place - length - offset
    if offset + shift < 0:
        raise BadZipFile("central directory is damaged")
    return offset + shift, length, shift


def _member(fields: tuple[int, ...], data: bytes, shift: int) -> Member:
    flags, method = fields[3:5]
    crc, packed_size, size, n_name, n_extra = fields[7:12]
    name = data[:n_name].decode("utf-8" if flags & UTF_8 else "cp437")
    offset = fields[16]
    if IN_FIELD in (size, packed_size, offset):
        wide = zip64(data[n_name : n_name + n_extra])
        size, packed_size, offset = (
            next(wide, value) if value == IN_FIELD else value
            for value in (size, packed_size, offset)
        )
    if method == AES:
        method = aes_method(data[n_name : n_name + n_extra])
    return Member(name.partition("\0")[0], flags, method, crc, packed_size, size, offset + shift)


def zip64(extra: bytes) -> Iterator[int]:
    """Return the numbers of the Zip64 field (APPNOTE section 4.5.3)."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _ZIP64_FIELD:
            numbers = extra[4 : 4 + min(length, 24) // 8 * 8]
            return (number for (number,) in struct.iter_unpack("<Q", numbers))
        extra = extra[4 + length :]
    return iter(())
