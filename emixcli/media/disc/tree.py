"""What one directory tree of a disc says, whatever its file system."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_EXTENT: Final = struct.Struct("<2Q")
#: Offset of an extent that was never written: it reads as zeros (ECMA-167 section 4/14.14.1.1).
UNWRITTEN: Final = (1 << 64) - 1
MAX_FILES: Final = 1_000_000
MAX_DEPTH: Final = 64
MAX_DIRECTORY: Final = 64 * 1024 * 1024
#: Bytes of all directories of a tree: hostile ones may all lie in the same place.
MAX_DIRECTORIES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DiscFile:
    """A file: its path, size, and where its bytes lie in the image.

    Attributes
    ----------
    packed
        `extents` in a third of the memory.
    problem
        Why it cannot be read, "" where it can.
    """

    path: str
    size: int
    packed: bytes
    problem: str = ""

    @property
    def extents(self) -> list[tuple[int, int]]:
        """Offset and length of each part of the file."""
        return list(_EXTENT.iter_unpack(self.packed))

    @property
    def place(self) -> int:
        """Where the file begins, 0 where it is empty."""
        return int(_EXTENT.unpack_from(self.packed)[0]) if self.packed else 0


def pack_extents(extents: Iterable[tuple[int, int]]) -> bytes:
    """Return extents as `DiscFile.packed`; those that follow each other become one."""
    joined: list[tuple[int, int]] = []
    for place, length in extents:
        if length and joined and place == sum(joined[-1]):
            joined[-1] = (joined[-1][0], joined[-1][1] + length)
        elif length:
            joined.append((place, length))
    return b"".join(_EXTENT.pack(*extent) for extent in joined)


@dataclass(slots=True)
class TreeContent:
    """The files of one tree.

    Attributes
    ----------
    rank
        The lower, the better its names.
    directories
        Offset and length of each directory that was read, by offset.
    n_damaged
        Directory sectors and records that cannot be read or make no sense.
    n_lost
        Descriptors of the volume that cannot be read, where others serve.
    find_orphans
        Searches the disc for files that no directory names, where the file system has such.
    """

    rank: int
    files: list[DiscFile] = field(default_factory=list)
    directories: dict[int, int] = field(default_factory=dict)
    n_damaged: int = 0
    n_lost: int = 0
    find_orphans: Callable[[], list[tuple[int, bytes]]] | None = None


def clean_name(name: str) -> str:
    """Return a name from a directory as one part of a path."""
    name = name.replace("/", "_").replace("\\", "_").replace("\0", "_")
    return name if name not in ("", ".", "..") else "_"
