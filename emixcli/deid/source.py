"""The bytes of one object: where its data set is, and how it is written (PS3.10 section 7)."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import IO, BinaryIO, Final, NamedTuple, cast

from emixcli.deid import tables
from emixcli.deid.pages import Pages, Scratch, write
from emixcli.deid.parse import head
from emixcli.deid.refusal import DeidError, Reason
from emixcli.syntaxes import (
    DEFLATED_UID,
    EXPLICIT_BIG_UID,
    EXPLICIT_LITTLE_UID,
    IMPLICIT_LITTLE_UID,
)

FIRST_READ: Final = 32 * 1024
#: A deflated data set may inflate to so much.
_MAX_INFLATED: Final = 256 * 1024 * 1024
#: Real file meta groups have some hundred bytes.
_MAX_META: Final = 1024 * 1024
_CHUNK: Final = 256 * 1024
#: Prefix and begin of the group's length; where what follows that begins; head of (0002,0003).
_PREFIX: Final = b"DICM\2\0\0\0"
_GROUP: Final = 144
_INSTANCE: Final = b"\2\0\3\0UI"
#: Transfer syntaxes without encapsulated pixel data.
NATIVE: Final = frozenset({IMPLICIT_LITTLE_UID, EXPLICIT_LITTLE_UID})


@dataclass(slots=True, eq=False, repr=False)
class Source:
    """An object that is being read from its begin.

    Attributes
    ----------
    file
        Where ranges of the output's body come from; of a deflated object its inflated bytes.
    data, base
        Some bytes, from offset `base` on.
    size
        Of the file.
    scratch
        Where parts of the new object wait.
    dataset
        Offset of the data set.
    is_other
        Whether `file` is not what was given, so that ranges of it must become bytes.
    is_followed
        Whether the meta group was read by a template.
    """

    file: BinaryIO
    size: int
    data: bytes
    scratch: Scratch
    base: int = 0
    dataset: int = 0
    syntax: str = ""
    media_class: str = ""
    media_instance: str = ""
    version_name: bytes = b""
    explicit: bool = True
    little: bool = True
    is_other: bool = False
    is_followed: bool = False

    @property
    def is_all(self) -> bool:
        """Whether everything up to the end of the file is there."""
        return self.base + len(self.data) >= self.size

    def grow(self) -> None:
        """Read at least as much again; raises `DeidError` at the end of the file."""
        if self.is_all:
            raise DeidError(Reason.TRUNCATED)
        end = self.base + len(self.data)
        wanted = min(max(len(self.data), FIRST_READ), self.size - end)
        more = self.read_at(end, wanted)
        if len(more) < wanted:
            raise DeidError(Reason.TRUNCATED)
        self.data += more

    def jump(self, offset: int) -> None:
        """Go on at an offset behind what was read, without reading what is between."""
        self.base = offset
        self.data = self.read_at(offset, min(FIRST_READ, max(0, self.size - offset)))

    def trim(self, index: int) -> None:
        """Forget the bytes before an index."""
        self.base += index
        self.data = self.data[index:]

    def pages(self, index: int) -> Pages:
        """Return what follows an index, to the end of the file."""
        offset = self.base + index
        return Pages(self.file, offset, self.size - offset)

    def become(self, file: IO[bytes], size: int) -> None:
        """Go on with a data set that was written into another file."""
        self.file, self.is_other = cast("BinaryIO", file), True
        self.size, self.dataset = size, 0
        self.jump(0)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the file."""
        self.file.seek(offset)
        return self.file.read(length)


class MetaTemplate(NamedTuple):
    """A file meta group that was read; the next one mostly differs in one UID.

    Attributes
    ----------
    before, after
        Bytes between the group's length and (0002,0003), and from behind that to the end.
    """

    before: bytes
    after: bytes
    syntax: str
    media_class: str
    version_name: bytes

    def follow(self, source: Source) -> bool:
        """Read a group that is the same but for its UID; False where it is not."""
        data = source.data
        start = _GROUP + len(self.before)
        if not data.startswith(self.before, _GROUP) or data[start : start + 6] != _INSTANCE:
            return False
        value = start + 8
        end = value + int.from_bytes(data[start + 6 : value], "little")
        stop = end + len(self.after)
        if len(data) < stop:
            return False
        if not data.startswith(self.after, end) or data[stop : stop + 2] in (b"\2\0", b""):
            return False
        source.media_instance = data[value:end].decode("latin-1").strip(" \0")
        source.syntax, source.media_class = self.syntax, self.media_class
        source.version_name = self.version_name
        source.dataset, source.is_followed = stop, True
        return True


def template_of(source: Source, data: bytes) -> MetaTemplate | None:
    """Return the template that the meta group of an object makes; None if it makes none."""
    start = data.find(_INSTANCE, _GROUP)
    if data[128:136] != _PREFIX or not _GROUP <= start < source.dataset <= len(data):
        return None
    end = start + 8 + int.from_bytes(data[start + 6 : start + 8], "little")
    if not start < end <= source.dataset:
        return None
    return MetaTemplate(
        data[_GROUP:start],
        data[end : source.dataset],
        source.syntax,
        source.media_class,
        source.version_name,
    )


def open_source(
    file: BinaryIO,
    scratch: Scratch,
    first_read: int = FIRST_READ,
    template: MetaTemplate | None = None,
) -> Source:
    """Return an object whose meta group is read and whose encoding is known.

    Raises
    ------
    DeidError
        If it is no DICOM object, or is written in a way that nobody defines.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    source = Source(file, size, file.read(first_read), scratch)
    data = source.data
    if template is not None and data[128:136] == _PREFIX and template.follow(source):
        pass
    elif data[128:132] == b"DICM" and (
        data[132:134] == b"\x02\0" or _is_plausible(data[132:]) or not _is_plausible(data)
    ):
        _read_meta(source, 132)
    elif _is_plausible(data):
        _read_meta(source, 0)
    else:
        raise DeidError(Reason.NO_DICOM)
    if source.syntax and source.syntax not in tables.uids()[1]:
        raise DeidError(Reason.UNKNOWN_SYNTAX)
    if source.syntax == DEFLATED_UID:
        _inflate(source)
    _find_encoding(source)
    return source


def _is_plausible(data: bytes) -> bool:
    """Whether bytes without prefix may be a data set."""
    if len(data) < 16:
        return False
    for order in ("<", ">"):
        group, element = struct.unpack_from(f"{order}HH", data)
        if group in (2, 8) and element < 0x4000:
            length = struct.unpack_from(f"{order}I", data, 4)[0]
            return (data[4:6].isalpha() and data[4:6].isupper()) or length < 0x10000
    return False


def _read_meta(source: Source, at: int) -> None:
    """Read group 0002, whatever its length says (PS3.10 section 7.1)."""
    while True:
        data = source.data
        if at + 12 > len(data) and not source.is_all:
            source.grow()
            continue
        if data[at : at + 2] != b"\x02\x00":
            break
        tag, _, value, length = head(data, at, explicit=True)
        if _MAX_META < value + length <= source.size:
            raise DeidError(Reason.TOO_LARGE)
        while value + length > len(source.data):
            source.grow()
        raw = source.data[value : value + length]
        if tag in (0x00020002, 0x00020003, 0x00020010):
            uid = raw.decode("latin-1").strip(" \0")
            if tag == 0x00020002:
                source.media_class = uid
            elif tag == 0x00020003:
                source.media_instance = uid
            else:
                source.syntax = uid
        elif tag == 0x00020013:
            source.version_name = raw
        at = value + length
    source.dataset = at


def _inflate(source: Source) -> None:
    """Replace the file by one of its inflated bytes (PS3.5 section A.5)."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = source.scratch.file()
    size = 0
    source.file.seek(source.dataset)
    try:
        while not engine.eof:
            chunk = engine.unconsumed_tail or source.file.read(_CHUNK)
            if not chunk:
                raise DeidError(Reason.DEFLATED)
            part = engine.decompress(chunk, _CHUNK)
            write(inflated, part, size)
            size += len(part)
            if size > _MAX_INFLATED:
                raise DeidError(Reason.TOO_LARGE)
    except zlib.error:
        raise DeidError(Reason.DEFLATED) from None
    source.become(inflated, size)
    source.syntax = EXPLICIT_LITTLE_UID


def _find_encoding(source: Source) -> None:
    """Decide how the data set is written: as declared, unless its bytes say otherwise."""
    while len(source.data) < source.dataset + 8 and not source.is_all:
        source.grow()
    first = source.data[source.dataset : source.dataset + 6]
    if len(first) < 6:
        raise DeidError(Reason.TRUNCATED)
    source.explicit = first[4:6].isalpha() and first[4:6].isupper()
    if first[0] == 0 and first[1]:
        source.little = False
    elif first[1] == 0 and first[0]:
        source.little = True
    else:
        source.little = source.syntax != EXPLICIT_BIG_UID
    if not source.little:
        if not source.explicit:
            raise DeidError(Reason.UNKNOWN_SYNTAX)
        source.syntax = EXPLICIT_BIG_UID
    elif not source.explicit:
        source.syntax = IMPLICIT_LITTLE_UID
    elif source.syntax in ("", IMPLICIT_LITTLE_UID, EXPLICIT_BIG_UID):
        source.syntax = EXPLICIT_LITTLE_UID
