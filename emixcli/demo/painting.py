"""Painting soft-edged anatomy: ellipses, ellipsoids and tubes, one slice at a time.

Lengths are millimetres in the patient's coordinates (PS3.3 section C.7.6.2.1.1: x to the left, y
to the back, z to the head). Edges are blended over one pixel, as partial volume does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

Point = tuple[float, float, float]
_Box = tuple[slice, slice]


class Slice:
    """One axial slice being painted.

    Parameters
    ----------
    size
        Rows and columns; the origin of x and y is the centre.
    spacing_mm
        Distance of two pixels.
    z_mm
        Where the slice lies.
    background
        Value of all pixels at first (HU for CT).
    """

    def __init__(self, size: int, spacing_mm: float, z_mm: float, background: float) -> None:
        axis = ((np.arange(size) - (size - 1) / 2) * spacing_mm).astype(np.float32)
        self.x, self.y = axis[None, :], axis[:, None]
        self.spacing_mm = spacing_mm
        self.z_mm = z_mm
        self.values = np.full((size, size), background, np.float32)

    def box(self, x_mm: float, y_mm: float, half_x_mm: float, half_y_mm: float) -> _Box:
        """Return the pixels around a centre, with one pixel to spare."""
        size, origin = self.values.shape[0], float(self.x[0, 0])

        def cut(centre: float, half: float) -> slice:
            first = int((centre - half - origin) / self.spacing_mm) - 1
            last = int((centre + half - origin) / self.spacing_mm) + 3
            return slice(max(0, first), max(0, min(size, last)))

        return cut(y_mm, half_y_mm), cut(x_mm, half_x_mm)

    def soft(self, distance_mm: Array) -> Array:
        """Return how much of each pixel lies inside, from the distance to the edge (inside > 0)."""
        cover = distance_mm * np.float32(1 / self.spacing_mm) + np.float32(0.5)
        return np.asarray(np.clip(cover, 0, 1), np.float32)

    def blend(self, cover: Array, value: float | Array, box: _Box | None = None) -> None:
        """Mix a value into the slice where `cover` (0 to 1) says so."""
        part = self.values[box] if box else self.values
        part += cover * (value - part)

    def ellipse(
        self,
        centre: tuple[float, float],
        axes: tuple[float, float],
        value: float,
        *,
        power: float = 2.0,
    ) -> None:
        """Paint an ellipse (or a superellipse) of this slice."""
        box = self.box(*centre, *axes)
        self.blend(self.soft(self.inside(centre, axes, box, power=power)), value, box)

    def inside(
        self,
        centre: tuple[float, float],
        axes: tuple[float, float],
        box: _Box | None = None,
        *,
        power: float = 2.0,
    ) -> Array:
        """Return about the distance to an ellipse's edge in mm, positive inside."""
        rows, columns = box or (slice(None), slice(None))
        x = (self.x[:, columns] - centre[0]) / axes[0]
        y = (self.y[rows] - centre[1]) / axes[1]
        if power == 2.0:
            radius = np.sqrt(x * x + y * y)
        else:
            radius = (np.abs(x) ** power + np.abs(y) ** power) ** np.float32(1 / power)
        return np.asarray((1 - radius) * min(axes), np.float32)

    def ellipsoid(
        self, centre: Point, axes: Point, value: float, *, turn_deg: tuple[float, float] = (0, 0)
    ) -> None:
        """Paint an ellipsoid, turned about z and then about x."""
        reach = max(axes)
        if abs(self.z_mm - centre[2]) > reach:
            return
        box = self.box(centre[0], centre[1], reach, reach)
        self.blend(self.soft(self.solid(centre, axes, box, turn_deg=turn_deg)), value, box)

    def solid(
        self, centre: Point, axes: Point, box: _Box, *, turn_deg: tuple[float, float] = (0, 0)
    ) -> Array:
        """Return about the distance to an ellipsoid's surface in mm, positive inside."""
        x = self.x[:, box[1]] - np.float32(centre[0])
        y = self.y[box[0]] - np.float32(centre[1])
        z = np.float32(self.z_mm - centre[2])
        cos_z, cos_x = np.cos(np.radians(turn_deg)).astype(np.float32)
        sin_z, sin_x = np.sin(np.radians(turn_deg)).astype(np.float32)
        along, across = cos_z * x + sin_z * y, cos_z * y - sin_z * x
        across, up = cos_x * across + sin_x * z, cos_x * z - sin_x * across
        radius = np.sqrt((along / axes[0]) ** 2 + (across / axes[1]) ** 2 + (up / axes[2]) ** 2)
        return np.asarray((1 - radius) * min(axes), np.float32)

    def discs(self, discs: Array, value: float | Array, *, grow_mm: float = 0.0) -> None:
        """Paint the union of discs, rows of (x, y, radius) in mm."""
        if len(discs):
            self.blend(self.cover(discs, grow_mm=grow_mm), value)

    def cover(self, discs: Array, *, grow_mm: float = 0.0) -> Array:
        """Return how much of each pixel the union of discs covers."""
        size = self.values.shape[0]
        out = np.zeros((size, size), np.float32)
        if not len(discs):
            return out
        place = (discs[:, :2] - self.x[0, 0]) / self.spacing_mm
        radius = np.maximum(discs[:, 2] + grow_mm, 0) / self.spacing_mm
        reach = int(radius.max()) + 2
        near = np.rint(place).astype(np.int32)
        keep = ((near >= reach) & (near < size - reach)).all(axis=1) & (radius > 0)
        near, place, radius = near[keep], place[keep], radius[keep]
        steps = np.arange(-reach, reach + 1)
        dx = (near[:, :1] + steps - place[:, :1]) ** 2
        dy = (near[:, 1:] + steps - place[:, 1:]) ** 2
        distance = np.sqrt(dx[:, None, :] + dy[:, :, None])
        part = np.clip(radius[:, None, None] - distance + 0.5, 0, 1).astype(np.float32)
        part *= np.minimum(1, 2 * radius)[:, None, None] ** 2
        rows = (near[:, 1:] + steps)[:, :, None] * size
        np.maximum.at(out.reshape(-1), rows + (near[:, :1] + steps)[:, None, :], part)
        return out


@dataclass(frozen=True)
class Tubes:
    """Tubes as a cloud of balls: rows of (x, y, z, radius) in mm, sorted by z."""

    balls: Array
    #: Smaller than 1: taller than wide, as a rib is.
    flatten: float = 1.0

    @classmethod
    def along(cls, paths: Sequence[Array], *, step_mm: float = 1.0, flatten: float = 1.0) -> Tubes:
        """Return tubes along paths whose points are (x, y, z, radius)."""
        pieces = [_resample(np.asarray(path, np.float32), step_mm) for path in paths]
        balls = np.concatenate(pieces)
        return cls(balls[np.argsort(balls[:, 2], kind="stable")], flatten)

    def cut(self, z_mm: float, thickness_mm: float = 0.0, *, grow_mm: float = 0.0) -> Array:
        """Return the discs (x, y, radius) in which a plane cuts the tubes."""
        reach = (float(self.balls[:, 3].max()) + grow_mm) / self.flatten + thickness_mm
        first, last = np.searchsorted(self.balls[:, 2], (z_mm - reach, z_mm + reach))
        near = self.balls[first:last]
        away = np.maximum(np.abs(near[:, 2] - z_mm) - thickness_mm / 2, 0) * self.flatten
        square = (near[:, 3] + grow_mm) ** 2 - away**2
        keep = square > 0
        return np.column_stack([near[keep, :2], np.sqrt(square[keep])]).astype(np.float32)


def _resample(path: Array, step_mm: float) -> Array:
    """Return points of a polyline at equal steps."""
    lengths = np.linalg.norm(np.diff(path[:, :3], axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    steps = np.linspace(0, at[-1], max(2, int(at[-1] / step_mm) + 1))
    columns = [np.interp(steps, at, path[:, column]) for column in range(4)]
    return np.column_stack(columns).astype(np.float32)


def smooth_path(points: Sequence[tuple[float, float, float, float]], n: int = 24) -> Array:
    """Return a smooth curve through points (x, y, z, radius): Catmull-Rom."""
    ends = np.asarray([points[0], *points, points[-1]], np.float32)
    t = np.linspace(0, 1, n, endpoint=False, dtype=np.float32)[:, None]
    pieces = []
    for index in range(len(points) - 1):
        a, b, c, d = ends[index : index + 4]
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2)
            + 0.5 * (3 * b - a - 3 * c + d) * t**3
        )
    return np.concatenate([*pieces, ends[-1:]]).astype(np.float32)


def smooth_noise(rng: np.random.Generator, size: int, width: int, *, passes: int = 1) -> Array:
    """Return Gaussian noise of deviation 1, smoothed over `width` pixels; it wraps around."""
    noise = rng.standard_normal((size, size), dtype=np.float32)
    for axis in (0, 1) * passes:
        total = np.cumsum(np.concatenate([noise, noise], axis), axis, dtype=np.float64)
        ahead = np.take(total, np.arange(width, width + size), axis)
        noise = (ahead - np.take(total, np.arange(size), axis)).astype(np.float32)
    return np.asarray(noise / noise.std(), np.float32)
