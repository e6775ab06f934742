"""A baseline JPEG encoder that can do what few encoders do: restarts, one scan per component,
tables that hold only the symbols of the image (ISO 10918-1).
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Blocks = NDArray[np.int64]  # (rows, columns, 64) quantised coefficients in zigzag order


def _zigzag(index: int) -> tuple[int, int]:
    row, column = divmod(index, 8)
    return row + column, row if (row + column) % 2 else column


_ZIGZAG = sorted(range(64), key=_zigzag)


@dataclass
class Options:
    """How to write."""

    sampling: Sequence[tuple[int, int]] = ((1, 1),)
    step: int = 4
    restart: int = 0
    interleaved: bool = True
    segments: Sequence[tuple[int, bytes]] = field(default_factory=tuple)


def encode(planes: Sequence[NDArray[np.uint8]], options: Options) -> bytes:
    """Return an image whose planes have full size; sampled ones are averaged."""
    rows, columns = planes[0].shape
    across = max(h for h, _ in options.sampling)
    down = max(v for _, v in options.sampling)
    units = (-(-columns // (8 * across)), -(-rows // (8 * down)))
    grids = [
        _blocks(plane, h, v, (across, down), units, options.step)
        for plane, (h, v) in zip(planes, options.sampling, strict=True)
    ]
    scans = [list(range(len(planes)))] if options.interleaved else [[i] for i in range(len(planes))]
    parts = [b"\xff\xd8"]
    parts += [_segment(marker, body) for marker, body in options.segments]
    parts.append(_segment(0xDB, b"\0" + bytes([options.step]) * 64))
    head = struct.pack(">BHHB", 8, rows, columns, len(planes))
    head += b"".join(bytes((i + 1, h << 4 | v, 0)) for i, (h, v) in enumerate(options.sampling))
    parts.append(_segment(0xC0, head))
    for scan in scans:
        parts += _scan(grids, scan, options, units, (rows, columns), (across, down))
    return b"".join([*parts, b"\xff\xd9"])


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _blocks(
    plane: NDArray[np.uint8],
    h: int,
    v: int,
    most: tuple[int, int],
    units: tuple[int, int],
    step: int,
) -> Blocks:
    wide, high = 8 * most[0] * units[0], 8 * most[1] * units[1]
    full = np.pad(
        plane.astype(float), ((0, high - plane.shape[0]), (0, wide - plane.shape[1])), "edge"
    )
    fy, fx = most[1] // v, most[0] // h
    small = full.reshape(high // fy, fy, wide // fx, fx).mean((1, 3)) - 128
    tiles = small.reshape(small.shape[0] // 8, 8, small.shape[1] // 8, 8).transpose(0, 2, 1, 3)
    k = np.arange(8)
    basis = np.cos((2 * k[None, :] + 1) * k[:, None] * np.pi / 16) / 2
    basis[0] /= np.sqrt(2)
    coefficients = np.rint(basis @ tiles @ basis.T / step).astype(np.int64)
    ordered: Blocks = coefficients.reshape(*tiles.shape[:2], 64)[:, :, _ZIGZAG]
    return ordered


def _order(
    grids: Sequence[Blocks],
    scan: Sequence[int],
    options: Options,
    units: tuple[int, int],
    size: tuple[int, int],
    most: tuple[int, int],
) -> list[list[tuple[int, NDArray[np.int64]]]]:
    """Return the blocks of each unit (MCU)."""
    if len(scan) == 1:
        h, v = options.sampling[scan[0]]
        across, down = -(-size[1] * h // (8 * most[0])), -(-size[0] * v // (8 * most[1]))
        return [[(0, grids[scan[0]][y, x])] for y in range(down) for x in range(across)]
    return [
        [
            (index, grids[component][y * v + dy, x * h + dx])
            for index, component in enumerate(scan)
            for h, v in [options.sampling[component]]
            for dy in range(v)
            for dx in range(h)
        ]
        for y in range(units[1])
        for x in range(units[0])
    ]


def _scan(
    grids: Sequence[Blocks],
    scan: Sequence[int],
    options: Options,
    units: tuple[int, int],
    size: tuple[int, int],
    most: tuple[int, int],
) -> list[bytes]:
    order = _order(grids, scan, options, units, size, most)
    pieces: list[list[tuple[str, int, int, int]]] = []
    for number, unit in enumerate(order):
        if not pieces or (options.restart and number % options.restart == 0):
            pieces.append([])
            predicted = [0] * len(scan)
        for index, block in unit:
            pieces[-1] += _symbols(block, predicted[index])
            predicted[index] = int(block[0])
    flat = [item for piece in pieces for item in piece]
    tables = {kind: _table(Counter(s for k, s, _, _ in flat if k == kind)) for kind in ("dc", "ac")}
    parts = [
        _segment(0xC4, bytes((number,)) + tables[kind][0])
        for number, kind in ((0, "dc"), (0x10, "ac"))
    ]
    if options.restart:
        parts.append(_segment(0xDD, struct.pack(">H", options.restart)))
    head = bytes([len(scan)]) + b"".join(bytes((component + 1, 0)) for component in scan)
    parts.append(_segment(0xDA, head + b"\0\x3f\0"))
    for number, piece in enumerate(pieces):
        if number:
            parts.append(bytes((0xFF, 0xD0 + (number - 1) % 8)))
        bits = "".join(
            tables[kind][1][symbol] + (f"{value:0{length}b}" if length else "")
            for kind, symbol, value, length in piece
        )
        bits += "1" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big")
        parts.append(data.replace(b"\xff", b"\xff\0"))
    return parts


def _symbols(block: NDArray[np.int64], predicted: int) -> list[tuple[str, int, int, int]]:
    """Return table, symbol, extra bits and their number."""
    values = [int(value) for value in block]
    found = [("dc", *_size(values[0] - predicted))]
    run = 0
    last = max((i for i in range(1, 64) if values[i]), default=0)
    for value in values[1 : last + 1]:
        if not value:
            run += 1
            continue
        while run > 15:
            found.append(("ac", 0xF0, 0, 0))
            run -= 16
        size, bits, length = _size(value)
        found.append(("ac", run << 4 | size, bits, length))
        run = 0
    if last < 63:
        found.append(("ac", 0, 0, 0))
    return found


def _size(value: int) -> tuple[int, int, int]:
    size = abs(value).bit_length()
    return size, value if value > 0 else value + (1 << size) - 1, size


def _table(counts: Counter[int]) -> tuple[bytes, dict[int, str]]:
    """Return a table of these symbols alone, with codes of one length, and the codes."""
    symbols = sorted(counts)
    length = len(symbols).bit_length()
    lengths = [0] * 16
    lengths[length - 1] = len(symbols)
    codes = {symbol: f"{code:0{length}b}" for code, symbol in enumerate(symbols)}
    return bytes(lengths) + bytes(symbols), codes


def encode_lossless(
    plane: NDArray[np.uint16], *, precision: int = 12, restart_lines: int = 0, shift: int = 0
) -> bytes:
    """Return a lossless image of one component, each sample predicted from its left neighbour."""
    rows, columns = plane.shape
    values = plane.astype(np.int64) >> shift
    lines = restart_lines or rows
    guess = np.empty_like(values)
    guess[:, 1:] = values[:, :-1]
    guess[1:, 0] = values[:-1, 0]
    guess[::lines, 0] = 1 << (precision - shift - 1)
    differences = (values - guess).tolist()
    sizes = [[_size(value) for value in line] for line in differences]
    table, codes = _table(Counter(size for line in sizes for size, _, _ in line))
    parts = [b"\xff\xd8", _segment(0xC3, struct.pack(">BHHB", precision, rows, columns, 1)
                                   + b"\1\x11\0"), _segment(0xC4, b"\0" + table)]  # fmt: skip
    if restart_lines:
        parts.append(_segment(0xDD, struct.pack(">H", restart_lines * columns)))
    parts.append(_segment(0xDA, bytes((1, 1, 0, 1, 0, shift))))
    for number, top in enumerate(range(0, rows, lines)):
        if number:
            parts.append(bytes((0xFF, 0xD0 + (number - 1) % 8)))
        bits = "".join(
            codes[size] + (f"{value:0{length}b}" if length else "")
            for line in sizes[top : top + lines]
            for size, value, length in line
        )
        bits += "1" * (-len(bits) % 8)
        parts.append(int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0"))
    return b"".join([*parts, b"\xff\xd9"])
