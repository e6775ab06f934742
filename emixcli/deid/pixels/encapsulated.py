"""Frames of encapsulated pixel data: told apart, replaced one by one, written (PS3.5 A.4)."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import IO, TYPE_CHECKING, BinaryIO, Final

from emixcli.deid.pixels.errors import damaged
from emixcli.deid.pixels.facts import EXTENDED_LENGTHS, EXTENDED_OFFSETS
from emixcli.deid.pixels.native import read_into
from emixcli.fragments import (
    DELIMITER,
    HEAD,
    ITEM,
    Range,
    State,
    find_first_fragments,
    read_items,
)

if TYPE_CHECKING:
    from emixcli.deid.body import Piece
    from emixcli.deid.pixels.facts import Facts

_MAX_ITEMS: Final = 4_000_000
#: A frame is held in memory as a whole.
MAX_FRAME: Final = 1 << 30
#: Replaced frames beyond this go to a temporary file; they hold cleaned pixels only.
_SPOOL: Final = 16 * 1024 * 1024
#: Those beyond this are made a second time when they are written.
MAX_SPOOL: Final = 256 * 1024 * 1024

Fragment = Range
#: Stands for the place in the spool of a frame that is not there.
_AGAIN: Final = -1


@dataclass(frozen=True)
class Encapsulated:
    """The items of encapsulated pixel data.

    Attributes
    ----------
    frames
        Offset and length of the fragments of each frame in the file, item headers left out.
    table
        The value of the basic offset table.
    end
        Where the sequence ends in the file, behind its delimiter.
    """

    frames: tuple[tuple[Fragment, ...], ...]
    table: bytes
    end: int


def read_encapsulated(
    file: BinaryIO, start: int, facts: Facts, *, is_video: bool = False
) -> Encapsulated:
    """Return the frames of pixel data whose first item is at `start`.

    All fragments of a video are one frame: it tells its frames apart itself.

    Raises
    ------
    PixelError
        If items or frames cannot be told apart.
    """
    read_at = partial(_read_at, file)
    items = read_items(read_at, start, file.seek(0, io.SEEK_END), most=_MAX_ITEMS)
    if items.state is not State.WHOLE or len(items.values) < 2:
        raise damaged()
    table, *fragments = items.values
    if table[1] > 16 * _MAX_ITEMS:
        raise damaged()
    raw = bytearray(table[1])
    read_into(file, table[0], memoryview(raw))
    offsets = list(struct.unpack_from(f"<{len(raw) // 4}I", raw))
    extended = facts.values.get(EXTENDED_OFFSETS, b"")
    if not offsets and extended:
        offsets = list(struct.unpack_from(f"<{len(extended) // 8}Q", extended))
    firsts: list[int] | None = [0]
    if facts.frames != 1 and not is_video:
        firsts = find_first_fragments(read_at, fragments, offsets, facts.frames)
    if firsts is None:
        raise damaged()
    bounds = [*firsts, len(fragments)]
    frames = tuple(tuple(fragments[first:last]) for first, last in pairwise(bounds))
    return Encapsulated(frames, bytes(raw), items.end)


def _read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _new_spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_SPOOL)  # Rewritten closes it


@dataclass
class Rewritten:
    """Encapsulated pixel data of which some frames are replaced.

    Attributes
    ----------
    size
        Bytes of the value, offset table and delimiter included.
    attributes
        Value bytes of the extended offset table, where the object has one.
    """

    file: BinaryIO
    source: Encapsulated
    change: Callable[[bytes], bytes | None] | None
    spool: IO[bytes] = field(default_factory=_new_spool)
    places: list[Fragment | None] = field(default_factory=list)
    attributes: dict[int, bytes] = field(default_factory=dict)
    table: bytes = b""
    size: int = 0

    def add(self, frame: bytes | None) -> None:
        """Replace the next frame, or keep it."""
        if frame is None:
            self.places.append(None)
            return
        self.spool.seek(0, io.SEEK_END)
        at = self.spool.tell()
        if at + len(frame) > MAX_SPOOL:
            self.places.append((_AGAIN, len(frame)))
            return
        self.places.append((at, len(frame)))
        self.spool.write(frame)

    def finish(self, *, extended: bool) -> None:
        """Compute offsets and the size, once all frames are known."""
        offsets, lengths, at = [], [], 0
        for frame, place in zip(self.source.frames, self.places, strict=True):
            offsets.append(at)
            if place is None:
                lengths.append(sum(length for _, length in frame))
                at += sum(8 + length for _, length in frame)
            else:
                lengths.append(place[1])
                at += 8 + place[1] + place[1] % 2
        if extended:
            self.attributes[EXTENDED_OFFSETS] = struct.pack(f"<{len(offsets)}Q", *offsets)
            self.attributes[EXTENDED_LENGTHS] = struct.pack(f"<{len(lengths)}Q", *lengths)
        elif self.source.table and offsets[-1] <= 0xFFFFFFFF:
            self.table = struct.pack(f"<{len(offsets)}I", *offsets)
        self.size = 8 + len(self.table) + at + 8

    @property
    def is_new(self) -> bool:
        """Whether a frame or the basic offset table differs from the source's."""
        return any(self.places) or self.table != self.source.table

    def pieces(self) -> Iterator[Piece]:
        """Yield bytes and ranges of the source."""
        yield HEAD.pack(ITEM, len(self.table)) + self.table
        for frame, place in zip(self.source.frames, self.places, strict=True):
            if place is None:
                for at, length in frame:
                    yield (at - 8, 8 + length)
                continue
            at, length = place
            if at == _AGAIN:
                data = self._make_again(frame)
            else:
                self.spool.seek(at)
                data = self.spool.read(length)
            if len(data) != length:
                raise damaged()
            padding = b"\0" * (length % 2)
            yield HEAD.pack(ITEM, length + length % 2) + data + padding
        yield HEAD.pack(DELIMITER, 0)

    def _make_again(self, fragments: Sequence[Fragment]) -> bytes:
        frame = read_frame(self.file, fragments)
        return (self.change(frame) if self.change is not None else None) or b""

    def close(self) -> None:
        """Remove the temporary file."""
        self.spool.close()


def rewrite(
    file: BinaryIO,
    source: Encapsulated,
    change: Callable[[bytes], bytes | None] | None,
    *,
    extended: bool,
) -> Rewritten:
    """Pass every frame through `change`, which gives None for a frame that stays.

    Raises
    ------
    PixelError
        If a frame is too large, or `change` refuses it.
    """
    result = Rewritten(file, source, change)
    try:
        for fragments in source.frames:
            result.add(change(read_frame(file, fragments)) if change is not None else None)
        result.finish(extended=extended)
    except BaseException:
        result.close()
        raise
    return result


def read_frame(file: BinaryIO, fragments: Sequence[Fragment]) -> bytes:
    """Return the bytes of one frame, its fragments joined."""
    size = sum(length for _, length in fragments)
    if size > MAX_FRAME:
        raise damaged()
    frame = bytearray(size)
    done = 0
    for at, length in fragments:
        read_into(file, at, memoryview(frame)[done : done + length])
        done += length
    return bytes(frame)
