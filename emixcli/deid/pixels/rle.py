"""Blackening regions of RLE frames: rows outside keep their bytes (PS3.5 Annex G)."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from emixcli.deid.pixels.errors import damaged

if TYPE_CHECKING:
    from emixcli.deid.pixels.facts import Region

_HEADER: Final = struct.Struct("<16I")
#: What may follow the code of a segment, which has an even length.
_PADDING: Final = (b"", b"\0", b"\x80")
_RUN: Final = re.compile(rb"(.)\1{2,127}", re.DOTALL)


def blacken_rle(
    frame: bytes, regions: Sequence[Region], *, columns: int, rows: int, black: Sequence[bytes]
) -> bytes:
    """Return an RLE frame with regions blackened.

    Parameters
    ----------
    black
        The value of a black pixel in each segment: one byte per segment, sample by sample, the
        most significant byte first.

    Raises
    ------
    PixelError
        If the frame is not one of these dimensions.
    """
    parts = _segments(frame, len(black))
    segments = [
        _blacken_segment(part, regions, columns=columns, rows=rows, black=value)
        for part, value in zip(parts, black, strict=True)
    ]
    return _join(segments)


def trim_rle(frame: bytes, *, pixels: int, n_segments: int) -> bytes | None:
    """Return an RLE frame without bytes that code no pixel, None where there are none.

    Raises
    ------
    PixelError
        If the frame has another number of pixels or segments.
    """
    parts = _segments(frame, n_segments)
    ends = [_end(part, pixels) for part in parts]
    if all(part[end:] in _PADDING for part, end in zip(parts, ends, strict=True)):
        rest = _HEADER.unpack_from(frame)[1 + n_segments :]
        if not any(rest):
            return None
    segments = [part[:end] for part, end in zip(parts, ends, strict=True)]
    return _join([segment + b"\0" * (len(segment) % 2) for segment in segments])


def _segments(frame: bytes, count: int) -> list[bytes]:
    """Return the segments that the header names (PS3.5 section G.5)."""
    if len(frame) < 64:
        raise damaged()
    n_segments, *offsets = _HEADER.unpack_from(frame)
    bounds = [*offsets[:count], len(frame)]
    if n_segments != count or offsets[0] != 64 or bounds != sorted(bounds):
        raise damaged()
    return [frame[first:last] for first, last in pairwise(bounds)]


def _join(segments: Sequence[bytes]) -> bytes:
    at, starts = 64, []
    for segment in segments:
        starts.append(at)
        at += len(segment)
    count = len(segments)
    return _HEADER.pack(count, *starts, *[0] * (15 - count)) + b"".join(segments)


def _end(segment: bytes, size: int) -> int:
    """Return where the code of so many bytes ends."""
    at = filled = 0
    try:
        while filled < size:
            head = segment[at]
            if head < 128:
                filled += head + 1
                at += head + 2
            elif head > 128:
                filled += 257 - head
                at += 2
            else:
                at += 1
    except IndexError:
        raise damaged() from None
    if at > len(segment) or filled > size:
        raise damaged()
    return at


def _blacken_segment(
    segment: bytes, regions: Sequence[Region], *, columns: int, rows: int, black: bytes
) -> bytes:
    lines = _split(segment, columns, rows) or _recode(segment, columns, rows)
    spans: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    for region in regions:
        for row in range(region.y0, region.y1):
            spans[row].append((region.x0, region.x1))
    whole = _encode(black * columns)
    for row, parts in enumerate(spans):
        if not parts:
            continue
        if (0, columns) in parts:
            lines[row] = whole
            continue
        line = bytearray(_decode(lines[row], columns))
        for left, right in parts:
            line[left:right] = black * (right - left)
        lines[row] = _encode(bytes(line))
    result = b"".join(lines)
    return result + b"\0" * (len(result) % 2)


def _split(segment: bytes, columns: int, rows: int) -> list[bytes] | None:
    """Return the code of each row; None where a run crosses rows, against section G.3.1."""
    lines: list[bytes] = []
    at = start = filled = 0
    size = len(segment)
    while len(lines) < rows:
        if at >= size:
            raise damaged()
        head = segment[at]
        if head < 128:
            filled += head + 1
            at += head + 2
        elif head > 128:
            filled += 257 - head
            at += 2
        else:
            at += 1
        if filled == columns:
            lines.append(segment[start:at])
            start, filled = at, 0
        elif filled > columns:
            return None
    if at > size:
        raise damaged()
    return lines


def _recode(segment: bytes, columns: int, rows: int) -> list[bytes]:
    data = _decode(segment, columns * rows)
    return [_encode(data[row * columns : (row + 1) * columns]) for row in range(rows)]


def _decode(code: bytes, size: int) -> bytes:
    parts = []
    at = filled = 0
    while filled < size:
        if at >= len(code):
            raise damaged()
        head = code[at]
        if head < 128:
            part = code[at + 1 : at + 2 + head]
            at += head + 2
        elif head > 128:
            part = code[at + 1 : at + 2] * (257 - head)
            at += 2
        else:
            at += 1
            continue
        if not part:
            raise damaged()
        parts.append(part)
        filled += len(part)
    return b"".join(parts)[:size]


def _encode(line: bytes) -> bytes:
    """Return one row coded: runs of three and more as replicates, the rest literally."""
    parts = []
    at = 0
    for run in _RUN.finditer(line):
        start, end = run.span()
        parts += _literals(line[at:start])
        parts.append(bytes((257 - (end - start), line[start])))
        at = end
    parts += _literals(line[at:])
    return b"".join(parts)


def _literals(data: bytes) -> list[bytes]:
    return [
        bytes((len(part) - 1,)) + part
        for part in (data[at : at + 128] for at in range(0, len(data), 128))
    ]
