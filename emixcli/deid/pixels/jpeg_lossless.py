"""Blackening regions of lossless JPEG images: pixels outside keep their values (ISO 10918-1 H)."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final

from emixcli.deid.pixels.errors import damaged, unsupported
from emixcli.deid.pixels.huffman import WINDOW, Table, differences, peeks, read_tables
from emixcli.deid.pixels.jpeg import (
    Frame,
    Headers,
    check_size,
    join_segments,
    read_scan,
)
from emixcli.deid.pixels.markers import SOS, segments, strip_comments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emixcli.deid.pixels.facts import Region

    Integers = NDArray[np.int32]

_DHT, _SOF3 = 0xC4, 0xC3
_RESTART: Final = re.compile(rb"\xff+[\xd0-\xd7]")
_MAX_SAMPLES: Final = 1 << 25
#: Bits are counted in 32 bits.
_MAX_DATA: Final = 1 << 28
#: So many samples are coded at once.
_BATCH: Final = 1 << 18
#: More bits than a sample can have.
_MAX_SAMPLE: Final = 16 + 16


@dataclass(frozen=True)
class _Coding:
    """How the samples of a scan are predicted and coded."""

    frame: Frame
    tables: list[Table]
    predictor: int
    shift: int
    lines_per_restart: int


def blacken_lossless(
    frame: bytes, regions: Sequence[Region], *, size: tuple[int, int], black: Sequence[int]
) -> bytes:
    """Return a lossless JPEG image with regions black, and without comments.

    Parameters
    ----------
    size
        Rows and columns that the image must have.
    black
        The value of each sample of a black pixel.

    Raises
    ------
    PixelError
        If the image is damaged, or has a scan for each component.
    """
    parts: list[bytes | list[tuple[int, Table]]] = [frame[:2]]
    done = False
    for part, coding in _iter_parts(strip_comments(frame) or frame, size):
        if coding is None:
            parts.append(part)
            continue
        if len(coding.tables) != len(black) or isinstance(part, list):
            raise damaged()
        parts.append(_blacken(part, coding, regions, black))
        done = True
    if not done:
        raise damaged()
    return join_segments(parts)


def decode_lossless(frame: bytes, *, size: tuple[int, int]) -> Integers:
    """Return the samples of a lossless JPEG image: (rows, columns, samples), not negative.

    Raises
    ------
    PixelError
        As `blacken_lossless`.
    """
    import numpy as np

    for part, coding in _iter_parts(frame, size):
        if coding is not None and isinstance(part, bytes):
            lines = []
            pieces = _RESTART.split(part)
            for index, top in enumerate(range(0, coding.frame.rows, coding.lines_per_restart)):
                rows = min(coding.lines_per_restart, coding.frame.rows - top)
                if index >= len(pieces):
                    raise damaged()
                plain = pieces[index].replace(b"\xff\x00", b"\xff")
                samples = _samples(plain, coding, rows)
                lines.append(np.stack(samples, axis=2) << coding.shift)
            return np.concatenate(lines)
    raise damaged()


def _iter_parts(
    frame: bytes, size: tuple[int, int]
) -> Iterator[tuple[bytes | list[tuple[int, Table]], _Coding | None]]:
    """Yield segments, tables and scans' headers without a coding, and scans' data with theirs."""
    headers = Headers()
    for marker, start, end in segments(frame):
        if marker == _DHT:
            tables = read_tables(frame[start + 4 : end])
            headers.tables |= dict(tables)
            yield tables, None
        elif marker != SOS:
            headers.read(marker, frame[start + 4 : end])
            if 0xC0 <= marker <= 0xCF and marker != _SOF3:
                raise unsupported("a JPEG image that is not lossless")
            yield frame[start:end], None
        else:
            first = start + 2 + int.from_bytes(frame[start + 2 : start + 4], "big")
            coding = _read_coding(frame[start + 4 : first], headers)
            check_size(headers, size)
            yield frame[start:first], None
            yield frame[first:end], coding


def _read_coding(body: bytes, headers: Headers) -> _Coding:
    scan = read_scan(body, headers)
    frame = headers.frame
    if frame is None or not 1 <= body[-3] <= 7:
        raise damaged()
    alike = all(item.across == item.down == 1 for item in frame.components)
    if len(scan.components) != len(frame.components) or (not alike and len(frame.components) > 1):
        raise unsupported("a lossless JPEG image in several scans")
    lines, rest = divmod(scan.restart, frame.columns)
    if rest:
        raise unsupported("a lossless JPEG image that restarts within lines")
    if frame.rows * frame.columns * len(frame.components) > _MAX_SAMPLES:
        raise unsupported("a lossless JPEG image of this size")
    return _Coding(frame, scan.dc_tables, body[-3], body[-1] & 15, lines or frame.rows)


def _blacken(
    data: bytes, coding: _Coding, regions: Sequence[Region], black: Sequence[int]
) -> bytes:
    frame = coding.frame
    pieces = _RESTART.split(data)
    out = []
    for index, top in enumerate(range(0, frame.rows, coding.lines_per_restart)):
        rows = min(coding.lines_per_restart, frame.rows - top)
        if index >= len(pieces):
            raise damaged()
        piece = pieces[index]
        inside = [
            region._replace(y0=max(region.y0 - top, 0), y1=min(region.y1 - top, rows))
            for region in regions
            if region.y0 < top + rows and region.y1 > top
        ]
        if inside:
            plain = piece.replace(b"\xff\x00", b"\xff")
            piece = _blacken_piece(plain, coding, rows, regions=inside, black=black)
            piece = piece.replace(b"\xff", b"\xff\x00")
        if index:
            out.append(bytes((0xFF, 0xD0 + (index - 1) % 8)))
        out.append(piece)
    return b"".join(out)


def _blacken_piece(
    data: bytes, coding: _Coding, rows: int, *, regions: Sequence[Region], black: Sequence[int]
) -> bytes:
    import numpy as np

    new = np.empty((rows * coding.frame.columns, len(coding.tables)), np.int32)
    for index, samples in enumerate(_samples(data, coding, rows)):
        for region in regions:
            samples[region.y0 : region.y1, region.x0 : region.x1] = black[index] >> coding.shift
        new[:, index] = _predict(samples, coding).reshape(-1)
    return _code(new.reshape(-1), coding.tables)


def _samples(data: bytes, coding: _Coding, rows: int) -> list[Integers]:
    """Return the samples of each component, (rows, columns), before the point transform."""
    import numpy as np

    count, columns = len(coding.tables), coding.frame.columns
    starts = np.frombuffer(_walk(data, coding, rows * columns * count), np.uint32)
    found = []
    for index, table in enumerate(coding.tables):
        mine = starts[index::count]
        coded = np.empty(rows * columns, np.int32)
        for at in range(0, len(coded), _BATCH):
            part = mine[at : at + _BATCH].astype(np.int64)
            coded[at : at + _BATCH] = differences(data, part, table)
        found.append(_undo_prediction(coded.reshape(rows, columns), coding))
    return found


def _walk(data: bytes, coding: _Coding, n_samples: int) -> array[int]:
    """Return the bit at which each sample starts."""
    if len(data) > _MAX_DATA:
        raise unsupported("a lossless JPEG image of this size")
    starts = array("I")
    at, count = 0, len(coding.tables)
    while len(starts) < n_samples:
        first = at // 8
        if first >= len(data):
            raise damaged()
        words = peeks(data, first, min(WINDOW, len(data) - first) + _MAX_SAMPLE // 8)
        steps = [array("B", table.dc_steps[words].tobytes()) for table in coding.tables]
        base, limit = 8 * first, 8 * min(WINDOW, len(data) - first)
        bit = at - base
        offset = len(starts) % count
        order = cycle(steps[offset:] + steps[:offset])
        for step in islice(order, n_samples - len(starts)):
            if bit >= limit:
                break
            starts.append(base + bit)
            length = step[bit]
            if not length:
                raise damaged()
            bit += length
        at = base + bit
    if at > 8 * len(data):
        raise damaged()
    return starts


def _first(coding: _Coding) -> int:
    """Return what the first sample after a start is predicted to be (section H.1.1)."""
    return 1 << (coding.frame.precision - coding.shift - 1)


def _undo_prediction(coded: Integers, coding: _Coding) -> Integers:
    """Return samples, modulo 65536 (section H.1.2.1)."""
    import numpy as np

    samples = np.empty_like(coded)
    line = np.cumsum(coded[0]) + _first(coding)
    samples[0] = line & 0xFFFF
    kind = coding.predictor
    for row in range(1, len(coded)):
        above = samples[row - 1]
        part = coded[row].astype(np.int64)
        part[0] += above[0]
        if kind in {1, 4, 5}:
            if kind == 4:
                part[1:] += above[1:] - above[:-1]
            elif kind == 5:
                part[1:] += (above[1:] - above[:-1]) >> 1
            samples[row] = np.cumsum(part) & 0xFFFF
        elif kind in {2, 3}:
            part[1:] += above[1:] if kind == 2 else above[:-1]
            samples[row] = part & 0xFFFF
        else:
            samples[row] = _undo_row(part.tolist(), above.tolist(), kind)
    return samples


def _undo_row(part: list[int], above: list[int], kind: int) -> list[int]:
    """As `_undo_prediction` for predictors whose samples depend on each other."""
    left = part[0] & 0xFFFF
    line = [left]
    for index in range(1, len(part)):
        up, corner = above[index], above[index - 1]
        guess = up + ((left - corner) >> 1) if kind == 6 else (left + up) >> 1
        left = (part[index] + guess) & 0xFFFF
        line.append(left)
    return line


def _predict(samples: Integers, coding: _Coding) -> Integers:
    """Return the differences that code samples, from -32767 to 32768 (section H.1.2)."""
    import numpy as np

    guess = np.empty_like(samples)
    guess[0, 0] = _first(coding)
    guess[0, 1:] = samples[0, :-1]
    guess[1:, 0] = samples[:-1, 0]
    left, up, corner = samples[1:, :-1], samples[:-1, 1:], samples[:-1, :-1]
    kinds: tuple[Callable[[], Integers], ...] = (
        lambda: left,
        lambda: up,
        lambda: corner,
        lambda: left + up - corner,
        lambda: left + ((up - corner) >> 1),
        lambda: up + ((left - corner) >> 1),
        lambda: (left + up) >> 1,
    )
    guess[1:, 1:] = kinds[coding.predictor - 1]()
    difference = (samples - guess) & 0xFFFF
    return np.where(difference > 32768, difference - 65536, difference).astype(np.int32)


def _code(values: Integers, tables: Sequence[Table]) -> bytes:
    """Return differences coded, those of components in turn, filled up with ones."""
    import numpy as np

    out = []
    rest = np.empty(0, np.uint8)
    batch = _BATCH // len(tables) * len(tables)
    for at in range(0, len(values), batch):
        bits = np.concatenate([rest, _code_batch(values[at : at + batch], tables)])
        whole = len(bits) // 8 * 8
        out.append(np.packbits(bits[:whole]).tobytes())
        rest = bits[whole:].copy()
    filling = np.ones(-len(rest) % 8, np.uint8)
    return b"".join([*out, np.packbits(np.concatenate([rest, filling])).tobytes()])


def _code_batch(values: Integers, tables: Sequence[Table]) -> NDArray[np.uint8]:
    """Return the bits of differences of which the first belongs to the first component."""
    import numpy as np

    count = len(tables)
    kinds = np.arange(len(values)) % count
    sizes = np.zeros(len(values), np.int64)
    magnitude = np.abs(values)
    for bit in range(16):
        sizes += magnitude >= 1 << bit
    codes = np.zeros((count, 17), np.int64)
    lengths = np.zeros((count, 17), np.int64)
    for kind, table in enumerate(tables):
        for symbol in np.unique(sizes[kind::count]).tolist():
            codes[kind, symbol], lengths[kind, symbol] = table.code(symbol)
    extra = np.where(sizes == 16, 0, sizes)
    low = np.where(values < 0, values + (1 << extra) - 1, values) & ((1 << extra) - 1)
    words = codes[kinds, sizes] << extra | low
    return _spread(words, lengths[kinds, sizes] + extra)


def _spread(words: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return words as single bits, the highest first."""
    import numpy as np

    ends = np.cumsum(lengths)
    below = np.repeat(ends, lengths) - np.arange(int(ends[-1])) - 1
    return (np.repeat(words, lengths) >> below & 1).astype(np.uint8)
