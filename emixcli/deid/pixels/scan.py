"""One scan of a sequential JPEG image: found blocks, and new bits for some of them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final

from emixcli.deid.pixels.errors import damaged, unsupported
from emixcli.deid.pixels.huffman import WINDOW, Table, coded_difference, differences, peeks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emixcli.deid.pixels.facts import Region

_RESTART: Final = re.compile(rb"\xff+([\xd0-\xd7])")
#: The bits of a longer scan would take more than half a gigabyte.
_MAX_DATA: Final = 1 << 26
#: More bits than a block can have: 64 codes of 16 bits with 15 bits behind each.
_MAX_BLOCK: Final = 64 * 32


@dataclass(frozen=True)
class Component:
    """Of a frame: sampling factors and the number of its quantisation table."""

    id: int
    across: int
    down: int
    table: int


@dataclass(frozen=True)
class Scan:
    """What a scan's header and the tables before it say."""

    rows: int
    columns: int
    most_across: int
    most_down: int
    components: list[Component]
    dc_tables: list[Table]
    ac_tables: list[Table | None]
    restart: int

    def pattern(self) -> list[int]:
        """Return the component of each block of a unit (MCU), in order."""
        if len(self.components) == 1:
            return [0]
        return [
            index
            for index, component in enumerate(self.components)
            for _ in range(component.across * component.down)
        ]

    def touched(self, regions: Sequence[Region]) -> NDArray[np.bool_]:
        """Return whether regions touch each block, in the order of the scan (section A.2)."""
        import numpy as np

        if len(self.components) == 1:
            only = self.components[0]
            across = -(-self.columns * only.across // (8 * self.most_across))
            down = -(-self.rows * only.down // (8 * self.most_down))
            return self._covered(only, np.arange(across), np.arange(down), regions).reshape(-1)
        across = -(-self.columns // (8 * self.most_across))
        down = -(-self.rows // (8 * self.most_down))
        blocks = []
        for component in self.components:
            columns, rows = component.across, component.down
            grid = self._covered(
                component, np.arange(across * columns), np.arange(down * rows), regions
            )
            units = grid.reshape(down, rows, across, columns).transpose(0, 2, 1, 3)
            blocks.append(units.reshape(down * across, rows * columns))
        return np.concatenate(blocks, axis=1).reshape(-1)

    def _covered(
        self,
        component: Component,
        across: NDArray[np.int64],
        down: NDArray[np.int64],
        regions: Sequence[Region],
    ) -> NDArray[np.bool_]:
        import numpy as np

        # Edges in units of 1/across and 1/down pixels, which stay whole numbers.
        wide, high = 8 * self.most_across, 8 * self.most_down
        left, top = across * wide, down * high
        found = np.zeros((len(down), len(across)), np.bool_)
        for region in regions:
            in_x = (left < region.x1 * component.across) & (
                left + wide > region.x0 * component.across
            )
            in_y = (top < region.y1 * component.down) & (top + high > region.y0 * component.down)
            found |= in_y[:, None] & in_x[None, :]
        return found


def blacken_scan(data: bytes, scan: Scan, regions: Sequence[Region], black: Sequence[int]) -> bytes:
    """Return the entropy-coded data of a scan with touched blocks black.

    Parameters
    ----------
    black
        The first coefficient of a black block of each of the scan's components.
    """
    if any(table is None for table in scan.ac_tables):
        raise damaged()
    touched = scan.touched(regions)
    pattern = scan.pattern()
    pieces = _RESTART.split(data)
    per_piece = scan.restart * len(pattern) or len(touched)
    if -(-len(touched) // per_piece) > len(pieces[::2]):
        raise damaged()
    out = []
    for index, first in enumerate(range(0, len(touched), per_piece)):
        part = touched[first : first + per_piece]
        piece = pieces[2 * index]
        if part.any():
            plain = piece.replace(b"\xff\x00", b"\xff")
            piece = _blacken_piece(plain, scan, pattern, part, black)
            piece = piece.replace(b"\xff", b"\xff\x00")
        if index:
            out.append(b"\xff" + pieces[2 * index - 1])
        out.append(piece)
    return b"".join(out)


def _blacken_piece(
    data: bytes,
    scan: Scan,
    pattern: list[int],
    touched: NDArray[np.bool_],
    black: Sequence[int],
) -> bytes:
    """Return what lies between two restarts, without stuffing, with touched blocks black."""
    import numpy as np

    if len(data) > _MAX_DATA:
        raise unsupported("a JPEG image of this size")
    n_blocks = len(touched)
    starts = np.frombuffer(_walk(data, scan, pattern, n_blocks), np.int64)
    kinds = np.resize(np.array(pattern), n_blocks)
    old = np.zeros(n_blocks, np.int64)
    new = np.zeros(n_blocks, np.int64)
    for index, table in enumerate(scan.dc_tables):
        mine = kinds == index
        old[mine] = differences(data, starts[:-1][mine], table)
        values = np.cumsum(old[mine])
        values[touched[mine]] = black[index]
        new[mine] = np.diff(values, prepend=0)
    changed = np.flatnonzero((new != old) | touched)
    return _splice(data, scan, starts, kinds=kinds, new=new, changed=changed, touched=touched)


def _walk(data: bytes, scan: Scan, pattern: list[int], n_blocks: int) -> array[int]:
    """Return the bit at which each block starts, and at which the last one ends."""
    starts = array("q")
    at = 0
    while len(starts) < n_blocks:
        if at // 8 >= len(data):
            raise damaged()
        offset = len(starts) % len(pattern)
        kinds = pattern[offset:] + pattern[:offset]
        at = _walk_window(data, scan, kinds, at=at, n_blocks=n_blocks, starts=starts)
    if at > 8 * len(data):
        raise damaged()
    starts.append(at)
    return starts


def _walk_window(
    data: bytes, scan: Scan, kinds: list[int], *, at: int, n_blocks: int, starts: array[int]
) -> int:
    """Append where blocks start that start in a window from bit `at`; return where they end."""
    first = at // 8
    words = peeks(data, first, min(WINDOW, len(data) - first) + _MAX_BLOCK // 8)
    base = 8 * first
    limit = 8 * min(WINDOW, len(data) - first)
    dc_steps = [array("B", table.dc_steps[words].tobytes()) for table in scan.dc_tables]
    ac_steps = [array("H", t.ac_steps[words].tobytes()) for t in scan.ac_tables if t is not None]
    bit = at - base
    for kind in islice(cycle(kinds), n_blocks - len(starts)):
        if bit >= limit:
            break
        starts.append(base + bit)
        step = dc_steps[kind][bit]
        if not step:
            raise damaged()
        bit += step
        ac = ac_steps[kind]
        passed = 1
        while passed < 64:
            step = ac[bit]
            if not step:
                raise damaged()
            passed += step >> 8
            bit += step & 255
    return base + bit


def _splice(
    data: bytes,
    scan: Scan,
    starts: NDArray[np.int64],
    *,
    kinds: NDArray[np.int64],
    new: NDArray[np.int64],
    changed: NDArray[np.int64],
    touched: NDArray[np.bool_],
) -> bytes:
    """Return the bits of all blocks, those of changed ones made anew, filled up with ones."""
    import numpy as np

    old_bits = np.unpackbits(np.frombuffer(data, np.uint8))
    parts = []
    at = 0
    known: dict[tuple[int, int, bool], NDArray[np.uint8]] = {}
    for block in changed.tolist():
        start = int(starts[block])
        parts.append(old_bits[at:start])
        kind, value, black = int(kinds[block]), int(new[block]), bool(touched[block])
        bits = known.get((kind, value, black))
        if bits is None:
            bits = known[kind, value, black] = _block_bits(scan, kind, value, ends=black)
        parts.append(bits)
        at = int(starts[block + 1]) if black else start + _dc_length(data, scan, kind, start)
    parts.append(old_bits[at : int(starts[-1])])
    n_bits = sum(map(len, parts))
    parts.append(np.ones(-n_bits % 8, np.uint8))  # section F.1.2.3
    return np.packbits(np.concatenate(parts)).tobytes()


def _block_bits(scan: Scan, kind: int, value: int, *, ends: bool) -> NDArray[np.uint8]:
    import numpy as np

    code, length = coded_difference(value, scan.dc_tables[kind])
    table = scan.ac_tables[kind]
    if ends and table is not None:
        end, end_length = table.code(0)
        code, length = code << end_length | end, length + end_length
    return np.array([code >> (length - 1 - bit) & 1 for bit in range(length)], np.uint8)


def _dc_length(data: bytes, scan: Scan, kind: int, start: int) -> int:
    word = int.from_bytes((data[start // 8 : start // 8 + 3] + b"\xff\xff\xff")[:3], "big")
    return int(scan.dc_tables[kind].dc_steps[word >> (8 - start % 8) & 0xFFFF])
