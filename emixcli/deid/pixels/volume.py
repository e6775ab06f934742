"""A series looked at coarsely: where the body is, and where in it the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Below skin and above air in CT, in Hounsfield units.
_CT_SKIN_HU: Final = -300.0
#: Below tissue and above noise in MR, as a part of the bright tissue.
_MR_SKIN: Final = 0.15
#: A level with less body than this is above the head, in square millimetres.
_LEAST_AREA_MM2: Final = 600.0
#: How much of the largest level the highest one may have where the vertex is seen.
_MOST_AT_TOP: Final = 0.55
#: Of a plausible head, 60 mm below its vertex, in millimetres.
_WIDTHS_MM: Final = (85.0, 200.0)
_LENGTHS_MM: Final = (100.0, 240.0)
_ROUND: Final = (0.95, 1.7)
_LEAST_FILLED: Final = 0.6
#: The height from which a cap's growth is told, and how much of one may be missing.
_CAP_MM: Final = 15.0
_MOST_CAP_MM: Final = 25.0
_MAX_CELLS: Final = 8_000_000


class Placed(Protocol):
    """A slice's plane; see `faces.Plane`."""

    @property
    def right(self) -> tuple[float, float, float]:
        """From one pixel to the next in a row."""

    @property
    def down(self) -> tuple[float, float, float]:
        """From one pixel to the next in a column."""

    def coordinates(self, columns: NDArray[Any], rows: NDArray[Any]) -> list[NDArray[Any]]:
        """Return x, y and z of pixels' centres."""


class Volume:
    """Samples of slices, about `sample_mm` apart; a few hundred slices take a few megabytes."""

    def __init__(self, sample_mm: float) -> None:
        self._sample_mm = sample_mm
        self._values: list[NDArray[Any]] = []
        self._points: list[NDArray[Any]] = []
        self._centres: list[tuple[float, float, float]] = []
        self._normal: NDArray[Any] | None = None
        self._step_mm = 0.0
        self._is_ct = True

    @property
    def n_slices(self) -> int:
        """How many slices were added."""
        return len(self._values)

    def add(self, values: NDArray[Any], plane: Placed, *, is_ct: bool) -> None:
        """Take samples of a slice (rows, columns) in Hounsfield units or MR's arbitrary ones."""
        import numpy as np

        steps = [
            max(1, round(self._sample_mm / float(np.linalg.norm(way))))
            for way in (plane.down, plane.right)
        ]
        rows, columns = (size // step for size, step in zip(values.shape, steps, strict=True))
        cut = values[: rows * steps[0], : columns * steps[1]]
        means = cut.reshape(rows, steps[0], columns, steps[1]).mean(axis=(1, 3))
        centres = [
            np.arange(count) * step + (step - 1) / 2
            for count, step in zip((rows, columns), steps, strict=True)
        ]
        x, y, z = plane.coordinates(centres[1], centres[0])
        points = np.stack([x.reshape(-1), y.reshape(-1), z.reshape(-1)], axis=1)
        self._values.append(means.astype(np.float32).reshape(-1))
        self._points.append(points.astype(np.float32))
        self._centres.append(tuple(points.mean(axis=0).tolist()))
        self._normal = np.cross(plane.right, plane.down)
        for way, step in zip((plane.down, plane.right), steps, strict=True):
            self._step_mm = max(self._step_mm, step * float(np.linalg.norm(way)))
        self._is_ct &= is_ct

    def gap_mm(self) -> float:
        """Return the largest distance between neighbouring slices."""
        import numpy as np

        if self._normal is None or len(self._centres) < 2:
            return float("inf")
        normal = self._normal / max(float(np.linalg.norm(self._normal)), 1e-9)
        places = np.unique(np.round(np.array(self._centres) @ normal, 2))
        return float(np.diff(places).max()) if len(places) > 1 else float("inf")

    def grid(self) -> Grid:
        """Return how much of each cell is body."""
        import numpy as np

        values, points = np.concatenate(self._values), np.concatenate(self._points)
        skin = _CT_SKIN_HU if self._is_ct else _MR_SKIN * float(np.percentile(values, 98))
        normal = np.zeros(3) if self._normal is None else np.abs(self._normal)
        normal = normal / max(float(np.linalg.norm(normal)), 1e-9)
        # A cell holds at least one sample: it is as wide as samples are apart along its axis.
        size = 1.1 * np.maximum(self._step_mm, self.gap_mm() * normal)
        first = points.min(axis=0)
        index = ((points - first) / size + 0.5).astype(np.int64)
        shape = tuple((index.max(axis=0) + 1).tolist())
        if np.prod(shape) > _MAX_CELLS:
            return Grid(np.zeros((1, 1, 1)), first, size)
        flat = np.ravel_multi_index(tuple(index.T), shape)
        n_cells = int(np.prod(shape))
        inside = np.bincount(flat, values > skin, minlength=n_cells)
        seen = np.bincount(flat, minlength=n_cells)
        return Grid((inside / np.maximum(seen, 1)).reshape(shape), first, size)


@dataclass(frozen=True)
class Grid:
    """Cells in the patient's coordinates (x, y, z).

    Attributes
    ----------
    share
        How much of each cell is body, from 0 to 1.
    first, size
        Centre of the first cell and size of each in millimetres, for the three axes.
    """

    share: Any
    first: Any
    size: Any


@dataclass(frozen=True)
class FoundHead:
    """A head; lengths and places in millimetres of the patient's coordinates."""

    grid: Grid
    cells: Any
    top: float
    middle: float
    length_mm: float

    def front_at(self, z: float) -> float | None:
        """Return y of the skin at the middle of the front at a level, None where there is none."""
        import numpy as np

        first, size = self.grid.first, self.grid.size
        level = round((z - float(first[2])) / float(size[2]))
        if not 0 <= level < self.cells.shape[2]:
            return None
        x = first[0] + size[0] * np.arange(self.cells.shape[0])
        fronts = []
        for column in np.flatnonzero(np.abs(x - self.middle) <= 20).tolist():
            cells = np.flatnonzero(self.cells[column, :, level])
            if len(cells):
                share = self.grid.share[column, max(0, cells[0] - 1) : cells[0] + 1, level]
                fronts.append(cells[0] + 0.5 - float(share.sum()))
        return float(first[1] + size[1] * np.median(fronts)) if fronts else None


def head_of(volume: Volume) -> FoundHead | None:
    """Return the head at the top of a body, None where there is none that is surely one."""
    import numpy as np

    grid = volume.grid()
    first, size = grid.first, grid.size
    cells = _largest(grid.share > 0.5)
    area = cells.sum(axis=(0, 1)) * size[0] * size[1]
    levels = np.flatnonzero(area >= _LEAST_AREA_MM2)
    if not len(levels) or area[levels[-1]] > _MOST_AT_TOP * area.max():
        return None
    top = float(first[2] + size[2] * levels[-1]) + _cap_mm(area, int(levels[-1]), float(size[2]))
    below = [level for level in levels.tolist() if 35 <= top - (first[2] + size[2] * level) <= 85]
    boxes = [np.nonzero(cells[:, :, level]) for level in below]
    if not boxes:
        return None
    width = max(float(size[0] * (np.ptp(xs) + 1)) for xs, _ in boxes)
    length = max(float(size[1] * (np.ptp(ys) + 1)) for _, ys in boxes)
    middle = np.median([first[0] + size[0] * (xs.min() + xs.max()) / 2 for xs, _ in boxes])
    fits = _WIDTHS_MM[0] <= width <= _WIDTHS_MM[1] and _LENGTHS_MM[0] <= length <= _LENGTHS_MM[1]
    # A head is longer than wide but not by much, and fills most of its box.
    filled = area[below].max() / (width * length)
    if not fits or not _ROUND[0] <= length / width <= _ROUND[1] or filled < _LEAST_FILLED:
        return None
    return FoundHead(grid, cells, top, float(middle), length)


def _cap_mm(area: NDArray[Any], level: int, size_mm: float) -> float:
    """Return how far the vertex lies above a level: a cap's area grows evenly with its height."""
    steps = max(1, round(_CAP_MM / size_mm))
    growth = (area[max(0, level - steps)] - area[level]) / (steps * size_mm)
    return float(min(area[level] / growth, _MOST_CAP_MM)) if growth > 0 else _MOST_CAP_MM


def _largest(cells: NDArray[Any]) -> NDArray[Any]:
    """Return the connected part that is largest, without what it touches by thin bridges."""
    import numpy as np

    core = cells.copy()
    for axis in range(3):
        if cells.shape[axis] > 4:
            core &= _shift(cells, axis, 1) & _shift(cells, axis, -1)
    best = np.zeros_like(cells)
    rest = core.copy()
    for _ in range(8):
        if rest.sum() <= best.sum():
            break
        part = _flood(rest, tuple(int(i) for i in _densest(rest)))
        if part.sum() > best.sum():
            best = part
        rest &= ~part
    grown: NDArray[Any] = best.copy()
    for axis in range(3):
        grown |= _shift(best, axis, 1) | _shift(best, axis, -1)
    grown &= cells
    return grown


def _densest(cells: NDArray[Any]) -> NDArray[Any]:
    """Return a cell of the level with most cells, near their centre."""
    import numpy as np

    level = int(cells.sum(axis=(0, 1)).argmax())
    places = np.argwhere(cells[:, :, level])
    centre = places.mean(axis=0)
    nearest = places[((places - centre) ** 2).sum(axis=1).argmin()]
    return np.array([nearest[0], nearest[1], level])


def _flood(cells: NDArray[Any], seed: tuple[int, ...]) -> NDArray[Any]:
    """Return the cells connected to one of them by faces."""
    import numpy as np

    part = np.zeros_like(cells)
    part[seed] = True
    count = 0
    while (now := int(part.sum())) != count:
        count = now
        for _ in range(4):
            grown = part.copy()
            for axis in range(3):
                grown |= _shift(part, axis, 1) | _shift(part, axis, -1)
            part = grown & cells
    return part


def _shift(cells: NDArray[Any], axis: int, by: int) -> NDArray[Any]:
    """Return cells moved by one along an axis; nothing comes in from outside."""
    import numpy as np

    moved = np.roll(cells, by, axis)
    edge: list[slice | int] = [slice(None)] * 3
    edge[axis] = 0 if by > 0 else -1
    moved[tuple(edge)] = False
    return moved
