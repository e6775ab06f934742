"""Encapsulated pixel data: its items, and which fragments are a frame (PS3.5 section A.4)."""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

ITEM: Final = 0xE000FFFE
DELIMITER: Final = 0xE0DDFFFE
UNDEFINED: Final = 0xFFFFFFFF
#: Tag and length of an item.
HEAD: Final = struct.Struct("<II")
#: How JPEG, JPEG-LS and JPEG 2000 code streams begin.
_STARTS: Final = (b"\xff\xd8", b"\xff\x4f\xff\x51")

#: Offset and length.
Range = tuple[int, int]
#: Reads at an offset so many bytes, fewer at the end of the file.
ReadAt = Callable[[int, int], bytes]


class State(enum.Enum):
    """How a sequence of items ended: by its delimiter, with the file, or by something else."""

    WHOLE = enum.auto()
    CUT = enum.auto()
    BROKEN = enum.auto()


class Items(NamedTuple):
    """Offset and length of the value of every whole item, and where they end, and how."""

    values: list[Range]
    end: int
    state: State


def read_items(read_at: ReadAt, start: int, size: int, *, most: int) -> Items:
    """Return the items whose first is at `start` in a file of `size` bytes.

    More items than `most` are broken.
    """
    values: list[Range] = []
    at = start
    while len(values) < most:
        head = read_at(at, HEAD.size)
        if len(head) < HEAD.size:
            return Items(values, at, State.CUT)
        tag, length = HEAD.unpack(head)
        if tag == DELIMITER:
            return Items(values, at + HEAD.size, State.WHOLE)
        if tag != ITEM or length == UNDEFINED:
            break
        if length > size - at - HEAD.size:
            return Items(values, at, State.CUT)
        values.append((at + HEAD.size, length))
        at += HEAD.size + length
    return Items(values, at, State.BROKEN)


def find_first_fragments(
    read_at: ReadAt, fragments: Sequence[Range], offsets: Sequence[int], n_frames: int
) -> list[int] | None:
    """Return the index of each frame's first fragment, None where that cannot be told.

    Parameters
    ----------
    offsets
        Of the offset table, counted from the first fragment's header; none where there is none.
    """
    if len(fragments) == n_frames:
        return list(range(n_frames))
    base = fragments[0][0]
    starts = {at - base: index for index, (at, _) in enumerate(fragments)}
    if len(offsets) == n_frames and all(offset in starts for offset in offsets):
        firsts = [starts[offset] for offset in offsets]
    else:
        firsts = [
            index for index, (at, _) in enumerate(fragments) if read_at(at, 4).startswith(_STARTS)
        ]
    is_told = len(firsts) == n_frames and firsts == sorted(set(firsts)) and firsts[0] == 0
    return firsts if is_told else None
