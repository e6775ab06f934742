"""Byte ranges of the frames of a multi-frame object, so that one frame can be read alone."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from emixcli.fragments import HEAD, UNDEFINED, Range, find_first_fragments, read_items
from emixcli.syntaxes import DEFLATED_UID

if TYPE_CHECKING:
    from emixcli.model import Instance

#: Objects with more frames than this are read whole.
MAX_FRAMES = 65_536
_MAX_FRAGMENTS = 1_000_000


def n_frames(instance: Instance) -> int:
    """Return Number of Frames, 1 where it is absent or nonsense."""
    return max(1, instance.integer("NumberOfFrames", 1))


def has_frame_table(instance: Instance) -> bool:
    """Tell whether the manifest may list frames: several, and at fixed places in the file."""
    return (
        instance.pixel_offset >= 0
        and 1 < n_frames(instance) <= MAX_FRAMES
        and instance.text("TransferSyntaxUID") != DEFLATED_UID
    )


def frame_ranges(instance: Instance, file: BinaryIO) -> list[Range]:
    """Return offset and length of every frame in the file, [] where they cannot be told apart.

    Native frames are found by arithmetic (PS3.5 section 8.1.1); frames of one bit may share a
    byte. The range of an encapsulated frame (PS3.5 section A.4) is that of its items, with their
    headers. A damaged object has the frames before the damage.
    """
    if not has_frame_table(instance):
        return []
    if instance.pixel_length == UNDEFINED:
        return _encapsulated(instance, file)
    return _native(instance)


def _native(instance: Instance) -> list[Range]:
    pixels = instance.integer("Rows") * instance.integer("Columns")
    samples: float = max(1, instance.integer("SamplesPerPixel", 1))
    if instance.text("PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2  # PS3.3 section C.7.6.3.1.2: one Cb and Cr for two pixels
    bits = int(pixels * samples) * instance.integer("BitsAllocated")
    if bits <= 0:
        return []
    start = instance.pixel_offset
    end = min(start + instance.pixel_length, instance.size)
    ranges = []
    for frame in range(n_frames(instance)):
        first = start + frame * bits // 8
        last = start + -(-(frame + 1) * bits // 8)
        if last > end:
            break
        ranges.append((first, last - first))
    return ranges


def _encapsulated(instance: Instance, file: BinaryIO) -> list[Range]:
    def read_at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    items = read_items(read_at, instance.pixel_offset, instance.size, most=_MAX_FRAGMENTS)
    if len(items.values) < 2:
        return []
    (table_at, table_length), *fragments = items.values
    table = read_at(table_at, table_length // 4 * 4)
    offsets = struct.unpack(f"<{len(table) // 4}I", table)
    firsts = find_first_fragments(read_at, fragments, offsets, n_frames(instance))
    return [] if firsts is None else _join(fragments, firsts)


def _join(fragments: Sequence[Range], firsts: Sequence[int]) -> list[Range]:
    """Return the range of each run of fragments, heads included, that begins in `firsts`."""
    ranges = []
    for first, following in zip(firsts, [*firsts[1:], len(fragments)], strict=True):
        start = fragments[first][0] - HEAD.size
        last_at, last_length = fragments[following - 1]
        ranges.append((start, last_at + last_length - start))
    return ranges


class FrameHasher:
    """SHA-256 of ranges of a file that arrives in pieces, in order.

    Ranges are sorted by offset and may share bytes.
    """

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._ranges = ranges
        self._open: list[tuple[int, hashlib._Hash]] = []
        self._next = 0
        self._at = 0
        self.digests: list[str] = []

    def add(self, piece: bytes | memoryview) -> None:
        """Count one piece."""
        view = memoryview(piece)
        start, end = self._at, self._at + len(view)
        self._at = end
        while self._next < len(self._ranges) and self._ranges[self._next][0] < end:
            self._open.append((self._next, hashlib.sha256()))
            self._next += 1
        still_open = []
        for index, digest in self._open:
            first, length = self._ranges[index]
            digest.update(view[max(0, first - start) : max(0, first + length - start)])
            if first + length <= end:
                self.digests.append(digest.hexdigest())
            else:
                still_open.append((index, digest))
        self._open = still_open
