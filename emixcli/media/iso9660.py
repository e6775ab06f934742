"""ISO 9660 volumes: levels 1 to 3, Joliet and Rock Ridge (ECMA-119, SUSP 1.12, RRIP 1.12).

Written for discs that begin to fail: every directory tree that can be read is read, and a file that
only one of them names is still found. Nothing is ever filled in for what is missing.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from emixcli.errors import MediaError
from emixcli.media.names import UniqueNames
from emixcli.media.rockridge import SystemUse, read_system_use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

SECTOR: Final = 2048
_FIRST_DESCRIPTOR: Final = 16
_LAST_DESCRIPTOR: Final = 48
_MAX_DIRECTORY: Final = 64 * 1024 * 1024
_MAX_FILES: Final = 2_000_000
_MAX_DEPTH: Final = 64
_EXTENT: Final = struct.Struct("<2Q")
_JOLIET: Final = (b"%/@", b"%/C", b"%/E")

_DIRECTORY: Final = 0x02
_ASSOCIATED: Final = 0x04
_MORE_EXTENTS: Final = 0x80


@dataclass(frozen=True, slots=True)
class IsoFile:
    """A file: its path, size, and where its bytes lie in the image."""

    path: str
    size: int
    packed: bytes  # `extents` in a third of the memory
    problem: str = ""

    @property
    def extents(self) -> list[tuple[int, int]]:
        """Offset and length of each part of the file."""
        return list(_EXTENT.iter_unpack(self.packed))

    @property
    def place(self) -> int:
        """Where the file begins, 0 where it is empty."""
        return int(_EXTENT.unpack_from(self.packed)[0]) if self.packed else 0


@dataclass(slots=True)
class Volume:
    """What was found on an image."""

    files: list[IsoFile] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Descriptor:
    joliet: bool
    block: int
    root: bytes


@dataclass(frozen=True, slots=True)
class _Record:
    name: bytes
    place: int  # bytes from the beginning of the image
    size: int
    flags: int
    is_interleaved: bool
    use: SystemUse


def read_volume(content: Bytes) -> Volume:
    """Return the files of an ISO 9660 image.

    Raises
    ------
    MediaError
        If there is no volume descriptor, or no directory can be read.
    """
    volume = Volume()
    descriptors = list(_descriptors(content, volume))
    if not descriptors:
        raise MediaError(
            "no file system that can be read was found on the disc or image",
            hint="mount it and give the folder, or copy the disc again",
        )
    trees = [_Tree(content, descriptor) for descriptor in descriptors]
    trees.sort(key=lambda tree: (not tree.has_long_names, not tree.descriptor.joliet))
    volume.files = _union(trees)
    n_damaged = sum(tree.n_damaged for tree in trees)
    if n_damaged:
        volume.codes["M04"] = n_damaged
    if not volume.files and n_damaged:
        raise MediaError(
            "the directories of the disc cannot be read",
            hint="copy the disc again, or ask the sender for a new one",
        )
    return volume


def is_iso(content: Bytes) -> bool:
    """Whether a volume descriptor can be found."""
    try:
        return any(True for _ in _descriptors(content, Volume()))
    except OSError:
        return False


def _descriptors(content: Bytes, volume: Volume) -> Iterator[_Descriptor]:
    """Yield primary and Joliet descriptors, going on behind a sector that cannot be read."""
    n_lost = 0
    for number in range(_FIRST_DESCRIPTOR, _LAST_DESCRIPTOR):
        try:
            data = content.read_at(number * SECTOR, SECTOR)
        except OSError:
            data = b""
        if data[1:6] != b"CD001" or len(data) < SECTOR:
            n_lost += 1
            if n_lost > 4:
                return
            continue
        if data[0] == 255:
            return
        joliet = data[88:91] in _JOLIET
        if data[0] == 1 or (data[0] == 2 and joliet):
            if n_lost:
                volume.codes["M03"] = n_lost
            block = int.from_bytes(data[128:130], "little")
            yield _Descriptor(
                data[0] == 2, block if block in (512, 1024, 2048) else SECTOR, data[156:190]
            )


class _Tree:
    """One directory tree of an image."""

    def __init__(self, content: Bytes, descriptor: _Descriptor) -> None:
        self.descriptor = descriptor
        self.n_damaged = 0
        self._content = content
        self._rock_ridge = False
        self._skip = 0
        self._seen: set[int] = set()
        self._names = UniqueNames()
        self._files: list[IsoFile] = []
        self._root = self._record(descriptor.root)
        if self._root is not None:
            self._find_rock_ridge(self._root)

    @property
    def has_long_names(self) -> bool:
        """Whether its names are those of Rock Ridge."""
        return self._rock_ridge

    def read(self) -> list[IsoFile]:
        """Return all files."""
        if self._root is None:
            self.n_damaged += 1
            return []
        stack = [(self._root, "", 0)]
        while stack and len(self._files) < _MAX_FILES:
            directory, path, depth = stack.pop()
            if directory.place in self._seen or depth > _MAX_DEPTH:
                continue
            self._seen.add(directory.place)
            for record, inner in self._read_directory(directory, path):
                stack.append((record, inner, depth + 1))
        files, self._files, self._names = self._files, [], UniqueNames()
        return files

    def _find_rock_ridge(self, root: _Record) -> None:
        """Look for the SP entry in the root's own record (SUSP section 5.3)."""
        if self.descriptor.joliet:
            return
        try:
            data = self._content.read_at(root.place, SECTOR)
        except OSError:
            return
        length = data[0] if data else 0
        area = data[34:length] if length >= 41 else b""
        if area[:2] == b"SP" and area[4:6] == b"\xbe\xef":
            self._rock_ridge = True
            self._skip = area[6]

    def _read_directory(self, directory: _Record, path: str) -> Iterator[tuple[_Record, str]]:
        """Yield the folders of a directory, and add its files."""
        pending: list[_Record] = []
        for record in self._records(directory):
            if record.name in (b"\x00", b"\x01") or record.use.is_relocated:
                continue
            name = self._name(record)
            inner = f"{path}/{name}" if path else name
            if record.use.child is not None:
                yield _moved(record, record.use.child * self.descriptor.block, self), inner
            elif record.flags & _DIRECTORY:
                yield record, inner
            elif not record.flags & _ASSOCIATED and not record.use.is_link:
                pending.append(record)
                if not record.flags & _MORE_EXTENTS:
                    self._add(pending, inner)
                    pending = []

    def _add(self, records: list[_Record], path: str) -> None:
        """Add a file that is described by one record or more (level 3)."""
        problem = ""
        if any(record.is_interleaved for record in records):
            problem = "interleaved file"
        elif records[0].use.is_compressed:
            problem = "compressed file"
        size = sum(record.size for record in records)
        extents = [_EXTENT.pack(record.place, record.size) for record in records if record.size]
        self._files.append(IsoFile(self._names.take(path), size, b"".join(extents), problem))

    def _records(self, directory: _Record) -> Iterator[_Record]:
        size = min(directory.size, _MAX_DIRECTORY)
        for sector in range(0, size, SECTOR):
            try:
                data = self._content.read_at(directory.place + sector, min(SECTOR, size - sector))
            except OSError:
                data = b""
            if not data or not data[0]:
                self.n_damaged += 1  # a sector of a directory is never empty
                continue
            yield from self._sector_records(data)

    def _sector_records(self, data: bytes) -> Iterator[_Record]:
        at = 0
        while at < len(data) and (length := data[at]):
            record = self._record(data[at : at + length])
            if record is None:
                self.n_damaged += 1
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
        place = (block + data[1]) * self.descriptor.block
        name = data[33 : 33 + data[32]]
        use = SystemUse()
        if self._rock_ridge:
            area = data[33 + data[32] + (data[32] + 1) % 2 + self._skip : data[0]]
            use = read_system_use(area, self._content, self.descriptor.block)
        return _Record(name, place, size, data[25], bool(data[26] or data[27]), use)

    def _name(self, record: _Record) -> str:
        if record.use.name:
            name = record.use.name.decode("utf-8", "surrogateescape")
        elif self.descriptor.joliet:
            name = record.name.decode("utf-16-be", "replace")
        else:
            name = record.name.decode("latin-1")
        if not record.use.name:
            stem, mark, version = name.rpartition(";")
            name = (stem if mark and version.isdigit() else name).rstrip(".")
        name = name.replace("/", "_").replace("\\", "_").replace("\0", "_")
        return name if name not in ("", ".", "..") else "_"


def _moved(record: _Record, place: int, tree: _Tree) -> _Record:
    """Return the record of a directory that Rock Ridge moved to keep the tree flat."""
    try:
        head = tree._content.read_at(place, 34)  # noqa: SLF001 - same module
    except OSError:
        head = b""
    size = int.from_bytes(head[10:14], "little") if len(head) == 34 else SECTOR
    return _Record(record.name, place, size, _DIRECTORY, is_interleaved=False, use=SystemUse())


def _union(trees: list[_Tree]) -> list[IsoFile]:
    """Return the files of the tree with the best names, and those that only others name."""
    files = trees[0].read()
    if len(trees) == 1:
        return files
    places = {file.place for file in files if file.packed}
    names = {file.path for file in files}
    for tree in trees[1:]:
        for file in tree.read():
            if file.packed and file.place not in places and file.path not in names:
                places.add(file.place)
                names.add(file.path)
                files.append(file)
    return files
