"""A writer for ISO 9660 images, small and deterministic.

Interchange level 1 names (8.3) for everything that reads CDs, and a Joliet tree with the names as
given. File data is written as it comes; path tables and directories follow it, and the volume
descriptors are filled in at the end, so nothing has to be known ahead and memory stays small.

References: ECMA-119 (ISO 9660) sections 6 to 9; Joliet Specification 1.0.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

SECTOR = 2048
_FIRST_FILE = 19  # 16 system sectors, then primary, Joliet and terminating descriptors
_DIRECTORY_FLAG = 2
_JOLIET_ESCAPE = b"%/E"  # UCS-2 level 3


@dataclass(slots=True)
class _Node:
    name: str
    parent: _Node | None = None
    children: dict[str, _Node] | None = None  # None: a file
    extent: int = 0
    size: int = 0
    #: Sector and size of this directory in the primary and in the Joliet tree.
    tables: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0), (0, 0)])
    short: str = ""


class IsoWriter:
    """Write one ISO 9660 + Joliet image; use as a context manager.

    Parameters
    ----------
    file
        Opened for writing and seeking, empty.
    volume
        Volume label, at most 16 characters of A-Z, 0-9 and _.
    moment
        The one time stamp of everything in the image.
    """

    def __init__(self, file: BinaryIO, volume: str, *, moment: datetime) -> None:
        self._file = file
        self._volume = volume
        self._moment = moment
        self._root = _Node("", children={})
        self._sector = _FIRST_FILE
        file.seek(_FIRST_FILE * SECTOR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._finish()

    def add(self, path: str, data: bytes) -> None:
        """Write one file; `path` has its parts joined by "/"."""
        *folders, name = path.split("/")
        node = self._root
        for part in folders:
            node = _child(node, part, folder=True)
        entry = _child(node, name, folder=False)
        entry.extent, entry.size = self._sector, len(data)
        self._append(data)

    def _append(self, data: bytes) -> int:
        start = self._sector
        self._file.write(data)
        self._file.write(bytes(-len(data) % SECTOR))
        self._sector += -(-len(data) // SECTOR)
        return start

    def _finish(self) -> None:
        roots = []
        for joliet in (False, True):
            folders = _folders(self._root, joliet=joliet)
            self._place(folders, joliet=joliet)
            sizes = [self._append(_path_table(folders, order, joliet=joliet)) for order in "<>"]
            for node in folders:
                self._append(self._directory(node, joliet=joliet))
            roots.append((sizes, len(_path_table(folders, "<", joliet=joliet))))
        total = self._sector
        self._file.seek(16 * SECTOR)
        for joliet, (tables, length) in zip((False, True), roots, strict=True):
            self._file.write(self._descriptor(total, tables, length, joliet=joliet))
        self._file.write(b"\xffCD001\x01".ljust(SECTOR, b"\0"))
        self._file.flush()

    def _place(self, folders: list[_Node], *, joliet: bool) -> None:
        """Give every directory its sector: two path tables first, then the directories."""
        sector = self._sector + 2 * -(-len(_path_table(folders, "<", joliet=joliet)) // SECTOR)
        for node in folders:
            size = len(self._directory(node, joliet=joliet))
            node.tables[joliet] = (sector, size)
            sector += size // SECTOR

    def _directory(self, node: _Node, *, joliet: bool) -> bytes:
        """Return the records of one directory; none crosses a sector (ECMA-119 section 6.8.1.1)."""
        up = node.parent or node
        records = [self._record(node, b"\0", joliet=joliet), self._record(up, b"\1", joliet=joliet)]
        records += [
            self._record(child, _identifier(child, joliet=joliet), joliet=joliet)
            for child in _sorted(node, joliet=joliet)
        ]
        out = bytearray()
        for record in records:
            if len(out) % SECTOR + len(record) > SECTOR:
                out += bytes(-len(out) % SECTOR)
            out += record
        return bytes(out) + bytes(-len(out) % SECTOR)

    def _record(self, node: _Node, identifier: bytes, *, joliet: bool) -> bytes:
        """Return a directory record, ECMA-119 section 9.1."""
        folder = node.children is not None
        extent, size = node.tables[joliet] if folder else (node.extent, node.size)
        moment = self._moment
        date = bytes((moment.year - 1900, *moment.timetuple()[1:6], 0))
        flags = _DIRECTORY_FLAG if folder else 0
        body = _both32(extent) + _both32(size) + date + bytes((flags, 0, 0)) + _both16(1)
        body += bytes((len(identifier),)) + identifier
        body += bytes(len(body) % 2)  # with the two bytes in front: an even length
        return bytes((len(body) + 2, 0)) + body

    def _descriptor(self, total: int, tables: list[int], length: int, *, joliet: bool) -> bytes:
        """Return a primary or supplementary volume descriptor, ECMA-119 sections 8.4 and 8.5."""

        def text(value: str, size: int) -> bytes:
            return _ucs2(value, size) if joliet else value.encode("ascii").ljust(size)

        stamp = self._moment.strftime("%Y%m%d%H%M%S00").encode() + b"\0"
        never = b"0" * 16 + b"\0"
        out = bytes((2 if joliet else 1,)) + b"CD001\x01\0"
        out += text("", 32) + text(self._volume, 32) + bytes(8) + _both32(total)
        out += (_JOLIET_ESCAPE if joliet else b"").ljust(32, b"\0")
        out += _both16(1) + _both16(1) + _both16(SECTOR) + _both32(length)
        out += struct.pack("<II", tables[0], 0) + struct.pack(">II", tables[1], 0)
        out += self._record(self._root, b"\0", joliet=joliet)
        out += text("", 128) + text("", 128) + text("EMIX", 128) + text("EMIX", 128)
        out += text("", 37) + text("", 37) + text("", 37)
        out += stamp + stamp + never + stamp + b"\x01"
        return out.ljust(SECTOR, b"\0")


def _ucs2(value: str, size: int) -> bytes:
    """Return text in UCS-2 padded with blanks, and a zero byte where `size` is odd."""
    return value.ljust(size // 2).encode("utf-16-be").ljust(size, b"\0")


def _both16(value: int) -> bytes:
    return struct.pack("<H", value) + struct.pack(">H", value)


def _both32(value: int) -> bytes:
    return struct.pack("<I", value) + struct.pack(">I", value)


def _child(node: _Node, name: str, *, folder: bool) -> _Node:
    """Return the child of that name, made where it is not there yet."""
    children = node.children
    if children is None or not name or name in {".", ".."}:
        message = "not a name in this image"
        raise ValueError(message)
    found = children.get(name)
    if found is None:
        taken = {child.short for child in children.values()}
        found = _Node(name, parent=node, children={} if folder else None)
        found.short = _short_name(name, taken, folder=folder)
        children[name] = found
    elif not folder or found.children is None:
        message = "the name is taken"
        raise ValueError(message)
    return found


def _short_name(name: str, taken: set[str], *, folder: bool) -> str:
    """Return a level 1 name (ECMA-119 section 10.1): 8.3, upper case, unique in its directory."""
    stem, _, suffix = name.upper().rpartition(".") if "." in name else (name.upper(), "", "")
    stem = re.sub(r"[^A-Z0-9_]", "_", stem)
    suffix = "" if folder else re.sub(r"[^A-Z0-9_]", "_", suffix)[:3]
    for number in range(1000):
        head = stem[:8] if number == 0 else f"{stem[:5]}{number:03d}"
        short = head if folder else f"{head}.{suffix}"
        if short not in taken:
            return short
    message = "too many names alike in one directory"
    raise ValueError(message)


def _identifier(node: _Node, *, joliet: bool) -> bytes:
    version = "" if node.children is not None else ";1"
    if joliet:
        return (node.name[:64] + version).encode("utf-16-be")
    return (node.short + version).encode("ascii")


def _sorted(node: _Node, *, joliet: bool) -> list[_Node]:
    children = (node.children or {}).values()
    return sorted(children, key=lambda child: _identifier(child, joliet=joliet))


def _folders(root: _Node, *, joliet: bool) -> list[_Node]:
    """Return all directories in path table order: by level, then parent, then name."""

    def levels() -> Iterator[list[_Node]]:
        level = [root]
        while level:
            yield level
            below = [child for node in level for child in _sorted(node, joliet=joliet)]
            level = [child for child in below if child.children is not None]

    return [node for level in levels() for node in level]


def _path_table(folders: list[_Node], order: str, *, joliet: bool) -> bytes:
    """Return a path table, ECMA-119 section 9.4, little (`<`) or big (`>`) endian."""
    number = {id(node): index for index, node in enumerate(folders, 1)}
    out = bytearray()
    for node in folders:
        name = _identifier(node, joliet=joliet) if node.parent else b"\0"
        parent = number[id(node.parent or node)]
        out += struct.pack(f"{order}BBIH", len(name), 0, node.tables[joliet][0], parent) + name
        out += bytes(len(name) % 2)
    return bytes(out)
