"""Bytes made before they are written: kept compressed, read back as a stream.

Index, directory and manifest grow with the number of instances; folded, those of 100,000 take a
few megabytes.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEVEL = 1
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded bytes; `size` is their length when read back."""

    content: bytes
    size: int

    def __add__(self, other: Folded) -> Folded:
        """Return both, one after the other: members of a gzip file (RFC 1952, section 2.2)."""
        return Folded(self.content + other.content, self.size + other.size)

    def open(self) -> BinaryIO:
        """Return the bytes as a seekable stream."""
        return cast("BinaryIO", gzip.GzipFile(fileobj=io.BytesIO(self.content), mode="rb"))

    def read(self) -> bytearray:
        """Return the bytes; nothing more than these is held meanwhile."""
        data = bytearray(self.size)
        done = 0
        with self.open() as file, memoryview(data) as view:
            while piece := file.read(_PIECE):
                view[done : done + len(piece)] = piece
                done += len(piece)
        return data


class Folder:
    """Folds bytes that arrive in pieces, the first of them `start`."""

    def __init__(self, start: bytes = b"") -> None:
        self._buffer = io.BytesIO()
        self._file = gzip.GzipFile(fileobj=self._buffer, mode="wb", compresslevel=_LEVEL, mtime=0)
        self.size = 0
        self.add(start)

    def add(self, piece: bytes | bytearray) -> None:
        """Append one piece."""
        self._file.write(piece)
        self.size += len(piece)

    def finish(self) -> Folded:
        """Return all pieces as one; call it once."""
        self._file.close()
        return Folded(self._buffer.getvalue(), self.size)


def fold(pieces: Iterable[bytes | bytearray]) -> Folded:
    """Return the pieces as one."""
    folder = Folder()
    for piece in pieces:
        folder.add(piece)
    return folder.finish()
