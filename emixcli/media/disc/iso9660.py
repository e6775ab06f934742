"""ISO 9660 volumes: levels 1 to 3, Joliet and Rock Ridge (ECMA-119, SUSP 1.12, RRIP 1.12).

Written for discs that begin to fail: what cannot be read is counted and stepped over, directories
are found by the path table as well, and nothing is ever filled in for what is missing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.media.disc.rockridge import SystemUse, read_system_use
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.disc.tree import (
    MAX_DEPTH,
    MAX_DIRECTORIES,
    MAX_DIRECTORY,
    MAX_FILES,
    DiscFile,
    TreeContent,
    clean_name,
    pack_extents,
)
from emixcli.media.names import UniqueNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

FIRST_DESCRIPTOR: Final = 16
_N_DESCRIPTORS: Final = 32
_MAX_LOST: Final = 4
_JOLIET: Final = (b"%/@", b"%/C", b"%/E")
_ROCK_RIDGE_RANK, _JOLIET_RANK, _PLAIN_RANK = 0, 1, 3

_DIRECTORY: Final = 0x02
_ASSOCIATED: Final = 0x04
_MORE_EXTENTS: Final = 0x80


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A primary or Joliet volume descriptor (ECMA-119 sections 8.4 and 8.5).

    Attributes
    ----------
    block
        Size of a logical block in bytes.
    n_bytes
        Size of the volume.
    path_table
        Offset and length of the path table (type L).
    root
        Record of the root directory.
    n_lost
        Descriptors before it that cannot be read.
    """

    joliet: bool
    block: int
    n_bytes: int
    path_table: tuple[int, int]
    root: bytes
    n_lost: int


@dataclass(frozen=True, slots=True)
class _Record:
    name: bytes
    place: int  # bytes from the beginning of the image
    size: int
    flags: int
    is_interleaved: bool
    use: SystemUse


def iter_descriptors(content: Bytes, first: int = FIRST_DESCRIPTOR) -> Iterator[Descriptor]:
    """Yield the descriptors from a sector on, going on behind one that cannot be read."""
    n_lost = 0
    for number in range(first, first + _N_DESCRIPTORS):
        try:
            data = content.read_at(number * SECTOR, SECTOR)
        except OSError:
            data = b""
        if data[1:6] != b"CD001" or len(data) < SECTOR:
            n_lost += 1
            if n_lost > _MAX_LOST:
                return
            continue
        if data[0] == 255:
            return
        joliet = data[88:91] in _JOLIET
        if data[0] == 1 or (data[0] == 2 and joliet):
            yield _descriptor(data, n_lost)


def _descriptor(data: bytes, n_lost: int) -> Descriptor:
    block = int.from_bytes(data[128:130], "little")
    block = block if block in (512, 1024, 2048) else SECTOR
    n_blocks, size, place = (int.from_bytes(data[at : at + 4], "little") for at in (80, 132, 140))
    table = (place * block, min(size, MAX_DIRECTORY))
    return Descriptor(data[0] == 2, block, n_blocks * block, table, data[156:190], n_lost)


def root_place(descriptor: Descriptor) -> int:
    """Return where the root directory lies, in bytes."""
    return int.from_bytes(descriptor.root[2:6], "little") * descriptor.block


def is_root(data: bytes, place: int, block: int) -> bool:
    """Whether a sector begins a directory that says it lies at `place` (ECMA-119 section 6.8.2)."""
    is_self = len(data) >= 34 and data[0] >= 34 and data[32:34] == b"\x01\x00"
    return is_self and int.from_bytes(data[2:6], "little") * block == place


def read_tree(content: Bytes, descriptor: Descriptor) -> TreeContent:
    """Return the files of the tree that a descriptor names."""
    return _Tree(content, descriptor).read()


class _Tree:
    """One directory tree of an image."""

    def __init__(self, content: Bytes, descriptor: Descriptor) -> None:
        self._descriptor = descriptor
        self._content = content
        self._rock_ridge = False
        self._skip = 0
        self._left = MAX_DIRECTORIES
        self._names = UniqueNames()
        self._found = TreeContent(_JOLIET_RANK if descriptor.joliet else _PLAIN_RANK)
        self._root = self._record(descriptor.root)
        if self._root is not None:
            self._find_rock_ridge(self._root)

    def read(self) -> TreeContent:
        """Return all files: those of lost directories through the path table."""
        if self._root is None:
            self._found.n_damaged += 1
        else:
            self._walk(self._root, "")
        for place, path in self._path_table() if self._found.n_damaged else ():
            if place not in self._found.directories and self._is_directory(place):
                record = _Record(b"", place, self._own_size(place), _DIRECTORY, False, SystemUse())  # noqa: FBT003 - a record
                self._walk(record, path)
        return self._found

    def _walk(self, top: _Record, path: str) -> None:
        stack = [(top, path, 0)]
        while stack and len(self._found.files) < MAX_FILES:
            directory, path, depth = stack.pop()
            if directory.place in self._found.directories or depth > MAX_DEPTH:
                continue
            self._found.directories[directory.place] = min(directory.size, MAX_DIRECTORY)
            for record, inner in self._read_directory(directory, path):
                stack.append((record, inner, depth + 1))

    def _find_rock_ridge(self, root: _Record) -> None:
        """Look for the SP entry in the root's own record (SUSP section 5.3)."""
        if self._descriptor.joliet:
            return
        data = self._head(root.place, SECTOR)
        length = data[0] if data else 0
        area = data[34:length] if length >= 41 else b""
        if area[:2] == b"SP" and area[4:6] == b"\xbe\xef":
            self._rock_ridge = True
            self._found.rank = _ROCK_RIDGE_RANK
            self._skip = area[6]

    def _read_directory(self, directory: _Record, path: str) -> Iterator[tuple[_Record, str]]:
        """Yield the folders of a directory, and add its files."""
        pending: list[_Record] = []
        pending_path = ""
        for record in self._records(directory):
            if record.name in (b"\x00", b"\x01") or record.use.is_relocated:
                continue
            name = self._name(record)
            inner = f"{path}/{name}" if path else name
            if record.use.child is not None:
                yield self._moved(record, record.use.child * self._descriptor.block), inner
            elif record.flags & _DIRECTORY:
                yield record, inner
            elif not record.flags & _ASSOCIATED and not record.use.is_link:
                if pending and pending_path != inner:
                    self._add(pending, pending_path)
                    pending = []
                pending.append(record)
                pending_path = inner
                if not record.flags & _MORE_EXTENTS:
                    self._add(pending, inner)
                    pending = []
        if pending:
            self._add(pending, pending_path)

    def _add(self, records: list[_Record], path: str) -> None:
        """Add a file that is described by one record or more (level 3)."""
        problem = ""
        if any(record.is_interleaved for record in records):
            problem = "interleaved file"
        elif records[0].use.is_compressed:
            problem = "compressed file"
        size = sum(record.size for record in records)
        packed = pack_extents((record.place, record.size) for record in records)
        self._found.files.append(DiscFile(self._names.take(path), size, packed, problem))

    def _records(self, directory: _Record) -> Iterator[_Record]:
        size = min(directory.size, MAX_DIRECTORY)
        for sector in range(0, size, SECTOR):
            self._left -= SECTOR
            if self._left < 0 or len(self._found.files) >= MAX_FILES:
                self._found.n_damaged += 1
                return
            data = self._head(directory.place + sector, min(SECTOR, size - sector))
            if not data or not data[0]:
                self._found.n_damaged += 1  # a sector of a directory is never empty
                if directory.place + sector >= self._content.size:
                    return
                continue
            yield from self._sector_records(data)

    def _sector_records(self, data: bytes) -> Iterator[_Record]:
        at = 0
        while at < len(data) and (length := data[at]):
            record = self._record(data[at : at + length])
            if record is None:
                self._found.n_damaged += 1
                return
            yield record
            at += length

    def _record(self, data: bytes) -> _Record | None:
        """Return a directory record (ECMA-119 section 9.1), None where it is damaged."""
        if len(data) < 34 or data[0] > len(data) or 33 + data[32] > len(data):
            return None
        (block,) = struct.unpack_from("<I", data, 2)
        (size,) = struct.unpack_from("<I", data, 10)
        if data[2:6] != data[6:10][::-1] and data[10:14] != data[14:18][::-1]:
            return None  # both values are written twice, in either byte order
        place = (block + data[1]) * self._descriptor.block
        name = data[33 : 33 + data[32]]
        use = SystemUse()
        if self._rock_ridge:
            area = data[33 + data[32] + (data[32] + 1) % 2 + self._skip : data[0]]
            use = read_system_use(area, self._content, self._descriptor.block)
        return _Record(name, place, size, data[25], bool(data[26] or data[27]), use)

    def _name(self, record: _Record) -> str:
        if record.use.name:
            return clean_name(record.use.name.decode("utf-8", "surrogateescape"))
        return self._plain_name(record.name)

    def _plain_name(self, name: bytes) -> str:
        text = name.decode("utf-16-be" if self._descriptor.joliet else "latin-1", "replace")
        stem, mark, version = text.rpartition(";")
        return clean_name((stem if mark and version.isdigit() else text).rstrip("."))

    def _moved(self, record: _Record, place: int) -> _Record:
        """Return the record of a directory that Rock Ridge moved to keep the tree flat."""
        return _Record(record.name, place, self._own_size(place), _DIRECTORY, False, SystemUse())  # noqa: FBT003 - a record

    def _head(self, place: int, length: int) -> bytes:
        try:
            return self._content.read_at(place, length)
        except OSError:
            return b""

    def _own_size(self, place: int) -> int:
        """Return how long a directory says that it is."""
        head = self._head(place, 34)
        return int.from_bytes(head[10:14], "little") if len(head) == 34 else SECTOR

    def _is_directory(self, place: int) -> bool:
        return is_root(self._head(place, 34), place, self._descriptor.block)

    def _path_table(self) -> Iterator[tuple[int, str]]:
        """Yield place and path of each directory (ECMA-119 section 9.4)."""
        place, length = self._descriptor.path_table
        data = self._head(place, length)
        paths: list[str] = []
        at = 0
        while at + 8 < len(data) and data[at]:
            block, parent = struct.unpack_from("<IH", data, at + 2)
            name = data[at + 8 : at + 8 + data[at]]
            above = paths[parent - 1] if 0 < parent <= len(paths) else ""
            path = "" if not paths else self._plain_name(name)
            paths.append(f"{above}/{path}"[-4096:] if above else path)
            yield (block + data[at + 1]) * self._descriptor.block, paths[-1]
            at += 8 + data[at] + data[at] % 2
