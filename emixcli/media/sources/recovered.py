"""The members of a ZIP file without its central directory, by their local headers (APPNOTE 4.3.7).

A download that was cut ends without its directory; each member still says its own name, and all but
those written as a stream say their size.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

from emixcli.media.sources.central import IN_FIELD, UTF_8, Member, zip64
from emixcli.media.sources.encrypted import AES, aes_method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_MARK: Final = b"PK\x03\x04"
_NEXT: Final = (_MARK, b"PK\x01\x02", b"PK\x06\x06", b"PK\x05\x06")
_DESCRIPTOR: Final = b"PK\x07\x08"
#: Data descriptors: with and without mark, with sizes of 4 and of 8 bytes (section 4.3.9).
_DESCRIPTOR_LENGTHS: Final = (16, 12, 24, 20)
_STREAMED: Final = 0x08
_CHUNK: Final = 1024 * 1024
_MAX_VERSION: Final = 63
_METHODS: Final = frozenset({0, 8, 9, 12, 14, 93, 95, 99})
#: A streamed member that unpacks to more is not followed to its end.
_MAX_STREAMED: Final = 16 * 1024**3


def iter_local_members(content: Bytes) -> Iterator[Member]:
    """Yield the members in their order; the last one may reach behind the end.

    Raises
    ------
    OSError
        Where the medium cannot be read.
    """
    at = _find(content, 0)
    while at >= 0:
        member, end = _member(content, at)
        if member is not None:
            yield member
        if end >= content.size:
            return
        head = content.read_at(end, _LOCAL.size)
        is_next = len(head) == _LOCAL.size and head.startswith(_MARK)
        at = end if is_next else _find(content, end)


def _find(content: Bytes, at: int) -> int:
    """Return where the next plausible local header is, -1 where there is none."""
    while at < content.size:
        data = content.read_at(at, _CHUNK)
        index = data.find(_MARK)
        while index >= 0:
            head = content.read_at(at + index, _LOCAL.size)
            if len(head) == _LOCAL.size and _is_plausible(head):
                return at + index
            index = data.find(_MARK, index + 1)
        if len(data) <= len(_MARK):
            return -1
        at += len(data) - len(_MARK) + 1
    return -1


def _is_plausible(head: bytes) -> bool:
    fields = _LOCAL.unpack(head)
    return fields[1] & 0xFF <= _MAX_VERSION and fields[3] in _METHODS and fields[9] > 0


def _member(content: Bytes, at: int) -> tuple[Member | None, int]:
    """Return the member with a local header at `at`, and where it ends."""
    fields = _LOCAL.unpack(content.read_at(at, _LOCAL.size))
    flags, method = fields[2:4]
    crc, packed_size, size, n_name, n_extra = fields[6:11]
    more = content.read_at(at + _LOCAL.size, n_name + n_extra)
    start = at + _LOCAL.size + n_name + n_extra
    if len(more) < n_name:
        return None, content.size
    name = more[:n_name].decode("utf-8" if flags & UTF_8 else "cp437", "replace")
    name = name.partition("\0")[0]
    if IN_FIELD in (size, packed_size):
        wide = zip64(more[n_name:])
        size = next(wide, size) if size == IN_FIELD else size
        packed_size = next(wide, packed_size) if packed_size == IN_FIELD else packed_size
    if method == AES:
        method = aes_method(more[n_name:])
    end = start + packed_size
    if flags & _STREAMED and not packed_size:
        if method == zipfile.ZIP_DEFLATED:
            crc, packed_size, size = _inflate(content, start)
        elif method == zipfile.ZIP_STORED:
            crc, packed_size, size = _stored(content, start)
        else:
            return None, start
        end = _behind_descriptor(content, start + packed_size)
    return Member(name, flags, method, crc, packed_size, size, at), end


def _inflate(content: Bytes, start: int) -> tuple[int, int, int]:
    """Return CRC, packed size and size of deflated data; one byte too many where it is cut."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    at, size, crc = start, 0, 0
    while not engine.eof and size < _MAX_STREAMED:
        data = content.read_at(at, _CHUNK)
        at += len(data)
        if not data:
            return 0, at - start + 1, size + 1
        try:
            while data and not engine.eof:
                out = engine.decompress(data, _CHUNK)
                crc, size = zlib.crc32(out, crc), size + len(out)
                data = engine.unconsumed_tail
                if not out and not data:
                    break
        except zlib.error:
            return 0, at - start, size + 1
    return crc, at - start - len(engine.unused_data), size


def _stored(content: Bytes, start: int) -> tuple[int, int, int]:
    """Return CRC, size and size of stored data, told by the data descriptor behind it."""
    at = start
    while at < content.size:
        data = content.read_at(at, _CHUNK)
        index = data.find(_DESCRIPTOR)
        while index >= 0:
            size = at + index - start
            crc, short = struct.unpack("<LL", content.read_at(at + index + 4, 8).ljust(8, b"\0"))
            if short == size & 0xFFFFFFFF:
                return crc, size, size
            index = data.find(_DESCRIPTOR, index + 1)
        if len(data) <= len(_DESCRIPTOR):
            break
        at += len(data) - len(_DESCRIPTOR) + 1
    return 0, content.size - start + 1, content.size - start + 1


def _behind_descriptor(content: Bytes, at: int) -> int:
    """Return where the next member begins."""
    data = content.read_at(at, max(_DESCRIPTOR_LENGTHS) + 4)
    for length in _DESCRIPTOR_LENGTHS:
        if data[length : length + 4] in _NEXT:
            return at + length
    return at
