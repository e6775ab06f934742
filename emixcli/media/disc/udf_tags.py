"""Descriptors of UDF that everything else is made of (ECMA-167, OSTA UDF 1.02 to 2.60)."""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIMARY, ANCHOR, POINTER, PARTITION, LOGICAL, TERMINATING = 1, 2, 3, 5, 6, 8
FILE_SET, FILE_ID, ALLOCATION = 256, 257, 258
FILE_ENTRY, EXTENDED_FILE_ENTRY = 261, 266
DIRECTORY, REGULAR, SYMLINK, VAT = 4, 5, 12, 248
_FILE_TYPES: Final = frozenset({0, REGULAR, 249})

_TAG: Final = struct.Struct("<2H2B3HL")
_SHORT: Final = struct.Struct("<2L")
_LONG: Final = struct.Struct("<2LH")
_EXTENDED: Final = struct.Struct("<4LH")
_EMBEDDED: Final = 3
RECORDED, NEXT = 0, 3


@dataclass(frozen=True, slots=True)
class Tag:
    """What begins every descriptor (ECMA-167 section 3/7.2).

    Attributes
    ----------
    is_sound
        Whether the checksum over the descriptor is right.
    """

    number: int
    location: int
    is_sound: bool


def read_tag(data: bytes) -> Tag | None:
    """Return the tag of a descriptor, None where the bytes are none."""
    if len(data) < _TAG.size:
        return None
    number, version, checksum, _, _, crc, crc_length, location = _TAG.unpack_from(data)
    if not number or version not in (2, 3) or (sum(data[:16]) - checksum) & 255 != checksum:
        return None
    body = data[16 : 16 + crc_length]
    is_sound = len(body) < crc_length or binascii.crc_hqx(body, 0) == crc
    return Tag(number, location, is_sound)


@dataclass(frozen=True, slots=True)
class LongAd:
    """Where something lies: block and length in a partition (ECMA-167 section 4/14.14.2)."""

    length: int
    block: int
    partition: int
    kind: int = RECORDED

    @classmethod
    def of(cls, data: bytes, at: int = 0) -> LongAd:
        """Return the one at an offset."""
        length, block, partition = _LONG.unpack_from(data, at)
        return cls(length & 0x3FFFFFFF, block, partition, length >> 30)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file entry, plain or extended (ECMA-167 sections 4/14.9 and 4/14.17).

    Attributes
    ----------
    embedded
        Offset of the content in the entry, -1 where it lies elsewhere.
    descriptors
        Bytes of the allocation descriptors.
    is_sound
        Whether its checksum is right.
    """

    file_type: int
    size: int
    strategy: int
    form: int
    embedded: int
    descriptors: bytes
    is_sound: bool = True

    @property
    def is_file(self) -> bool:
        """Whether it is a file with content."""
        return self.file_type in _FILE_TYPES


def read_entry(data: bytes) -> FileEntry | None:
    """Return the file entry in a block, None where there is none."""
    tag = read_tag(data)
    if tag is None or tag.number not in (FILE_ENTRY, EXTENDED_FILE_ENTRY):
        return None
    fixed = 176 if tag.number == FILE_ENTRY else 216
    if len(data) < fixed:
        return None
    (strategy,) = struct.unpack_from("<H", data, 20)
    (flags,) = struct.unpack_from("<H", data, 34)
    (size,) = struct.unpack_from("<Q", data, 56)
    n_attributes, n_descriptors = struct.unpack_from("<2L", data, fixed - 8)
    start = fixed + n_attributes
    form = flags & 7
    return FileEntry(
        file_type=data[27],
        size=size,
        strategy=strategy,
        form=form,
        embedded=start if form == _EMBEDDED else -1,
        descriptors=data[start : start + n_descriptors],
        is_sound=tag.is_sound,
    )


def iter_descriptors(form: int, data: bytes, partition: int) -> Iterator[LongAd]:
    """Yield the allocation descriptors of one of the three forms, to the first empty one.

    Parameters
    ----------
    partition
        In which short descriptors count blocks.
    """
    layout = {0: _SHORT, 1: _LONG, 2: _EXTENDED}.get(form)
    if layout is None:
        return
    step = {0: 8, 1: 16, 2: 20}[form]
    for at in range(0, len(data) - step + 1, step):
        fields = layout.unpack_from(data, at)
        length = fields[0] & 0x3FFFFFFF
        if not length:
            return
        block = fields[3] if form == 2 else fields[1]
        where = partition if form == 0 else fields[-1]
        yield LongAd(length, block, where, fields[0] >> 30)


def text_of(data: bytes) -> str:
    """Return OSTA compressed unicode (CS0) as text (UDF 2.60 section 2.1.1)."""
    if not data:
        return ""
    if data[0] in (16, 255):
        return data[1:].decode("utf-16-be", "replace")
    return data[1:].decode("latin-1")
