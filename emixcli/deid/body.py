"""What follows the header of a de-identified object: ranges of the source and made bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

if TYPE_CHECKING:
    from emixcli.deid.pages import Scratch

_CHUNK = 1024 * 1024

#: Bytes, or offset and length of a range of the source that is copied as it is.
Piece = bytes | memoryview | tuple[int, int]


class Made(Protocol):
    """Pieces made while they are read: cleaned pixel data."""

    @property
    def size(self) -> int:
        """Bytes of all pieces."""

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces, each time anew."""

    def close(self) -> None:
        """Free what they need."""


class Body(NamedTuple):
    """Parts in order; `size` is the sum of their lengths, `scratch` where some of them wait."""

    parts: tuple[Piece | Made, ...] = ()
    size: int = 0
    scratch: Scratch | None = None

    def pieces(self) -> Iterator[Piece]:
        """Yield bytes and ranges of the source in order."""
        for part in self.parts:
            if isinstance(part, bytes | memoryview | tuple):
                yield part
            else:
                yield from part.pieces()

    def close(self) -> None:
        """Free what the parts need."""
        for part in self.parts:
            if not isinstance(part, bytes | memoryview | tuple):
                part.close()
        if self.scratch is not None:
            self.scratch.close()

    def read_from(self, source: BinaryIO) -> Iterator[bytes | memoryview]:
        """Yield the bytes, at most 1 MiB of the source at once.

        Raises
        ------
        OSError
            Where the source cannot be read, or has become shorter.
        """
        for piece in self.pieces():
            if not isinstance(piece, tuple):
                yield piece
                continue
            offset, left = piece
            source.seek(offset)
            while left:
                data = source.read(min(left, _CHUNK))
                if not data:
                    raise OSError("the source has become shorter")
                left -= len(data)
                yield data


@dataclass(eq=False, repr=False)
class Inlined:
    """A part whose ranges are read from another file than the source, such as inflated bytes."""

    file: BinaryIO
    part: Piece | Made
    size: int

    def pieces(self) -> Iterator[Piece]:
        """Yield bytes only."""
        inner = Body((self.part,), self.size)
        yield from inner.read_from(self.file)

    def close(self) -> None:
        """Free what the part needs."""
        Body((self.part,)).close()
