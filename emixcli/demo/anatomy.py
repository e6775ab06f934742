"""The tubes of the thorax phantom: bones, vessels, airways and bowel, as paths in space.

Points are (x, y, z, radius) in mm, in the patient's coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emixcli.demo.painting import Tubes, smooth_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from emixcli.demo.painting import Array

    Path = Sequence[tuple[float, float, float, float]]

SPINE_Y_MM = 56.0
_HILA = ((-36.0, 10.0, 14.0), (38.0, 14.0, 16.0))  # right, left

# fmt: off
_ARTERIES: tuple[Path, ...] = (
    (  # aorta
        (-6, -22, -28, 15), (-16, -26, 0, 15), (-16, -26, 36, 15), (-6, -14, 66, 14),
        (12, 14, 76, 13), (23, 36, 60, 12.5), (25, 40, 20, 12), (22, 40, -60, 11.5),
        (8, 33, -140, 11), (4, 30, -230, 10),
    ),
    (  # pulmonary trunk and right artery, then the left one
        (20, -44, -24, 14), (22, -36, 10, 14), (14, -12, 26, 13), (-14, 2, 22, 11),
        (-36, 10, 16, 8),
    ),
    ((18, -18, 26, 12), (34, 4, 28, 10), (40, 16, 20, 8)),
    # branches of the arch
    ((-10, -12, 72, 6.5), (-18, -12, 100, 6), (-34, -16, 122, 5), (-66, -18, 150, 4)),
    ((2, -2, 76, 4.5), (14, 2, 110, 4), (20, 4, 152, 4)),
    ((14, 14, 78, 5), (28, 14, 108, 4.5), (58, -2, 130, 4), (90, -10, 150, 4)),
)
_VEINS: tuple[Path, ...] = (
    ((-26, -14, 108, 8), (-30, -16, 60, 9), (-30, -12, 0, 10), (-26, -8, -26, 11)),  # vena cava
    ((-24, -4, -70, 11), (-22, 6, -110, 11), (-20, 16, -160, 11), (-18, 20, -230, 11)),
    ((-7, 36, -200, 3), (-7, 36, 20, 3.5), (-16, 28, 44, 4), (-28, -6, 48, 4.5)),  # azygos
    ((46, -26, 118, 6), (10, -36, 96, 6.5), (-24, -22, 86, 7.5)),
    *(
        ((side * 12, 10, -14, 9), (side * 40, 12, -8 + dz, 6.5), (side * 62, 8, dz * 3, 4))
        for side in (-1, 1) for dz in (-12, 8)
    ),
)
_AIRWAYS: tuple[Path, ...] = (
    ((0, 6, 170, 8.5), (0, 10, 100, 8.5), (-1, 16, 46, 8.5)),
    ((-1, 16, 46, 8), (-18, 16, 32, 6.8), (-36, 14, 14, 5.2), (-48, 18, -14, 4)),
    ((-1, 16, 46, 7), (20, 18, 30, 6), (42, 18, 12, 5), (54, 22, -18, 3.6)),
    ((-26, 15, 24, 4), (-44, 8, 34, 3.4), (-54, 2, 52, 2.6)),
    ((40, 18, 14, 3.6), (54, 6, 16, 3), (62, -14, 8, 2.2)),
)
_BOWEL: tuple[Path, ...] = (
    ((96, 10, -176, 15), (92, -24, -168, 17), (66, -56, -186, 17), (28, -64, -204, 17),
     (-10, -66, -216, 16), (-40, -62, -236, 16)),
    ((96, 10, -176, 15), (104, 14, -200, 15), (106, 20, -240, 15)),
    ((40, 4, -196, 11), (64, -16, -204, 12), (76, 2, -216, 12), (44, -8, -226, 12)),
    ((-10, 2, -196, 10), (16, -6, -184, 9), (50, 6, -172, 8)),  # pancreas
)
_LIVER_VEINS = (  # where they start, their first direction, their radius
    *(((-26, 2, -92), way, 4.2)
      for way in ((-1, -0.3, -0.5), (-0.9, 0.6, -0.7), (0.2, -1, -0.4), (-0.5, -0.9, -0.5))),
    *(((-30, -14, -150), way, 4.8)
      for way in ((-1, 0.1, 0.1), (-0.8, -0.6, 0.2), (-0.8, 0.6, -0.4), (0.1, -1, 0.3))),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Everything in the thorax that is long and round."""

    ribs: Tubes
    cartilage: Tubes
    girdle: Tubes
    arteries: Tubes
    veins: Tubes
    airways: Tubes
    lung_vessels: Tubes
    liver_vessels: Tubes
    bowel: Tubes


def make_anatomy(rng: np.random.Generator) -> Anatomy:
    """Return the tubes; `rng` decides how vessels branch."""
    pairs = [(number, side) for number in range(12) for side in (-1, 1)]
    return Anatomy(
        ribs=Tubes.along([_rib(*pair) for pair in pairs], step_mm=1.6, flatten=0.6),
        cartilage=Tubes.along(
            [_rib(*pair, cartilage=True) for pair in pairs if pair[0] < 7], step_mm=2, flatten=0.7
        ),
        girdle=Tubes.along(list(_girdle()), step_mm=1.6),
        arteries=Tubes.along([smooth_path(path) for path in _ARTERIES]),
        veins=Tubes.along([smooth_path(path) for path in _VEINS]),
        airways=Tubes.along([smooth_path(path) for path in _AIRWAYS]),
        lung_vessels=Tubes.along(_lung_vessels(rng), step_mm=0.9),
        liver_vessels=Tubes.along(_liver_vessels(rng), step_mm=1.2),
        bowel=Tubes.along([smooth_path(path) for path in _BOWEL]),
    )


def chest_wall(z_mm: float) -> tuple[float, float]:
    """Return half width and half depth of the inner chest wall."""
    down = np.clip((150 - z_mm) / 200, 0.0, 1.0)
    return float(46 + 86 * np.sin(down * np.pi / 2) ** 0.9), float(46 + 44 * down**0.6)


def _girdle() -> Iterable[Array]:
    """Yield scapulae, as a plate of lines, and clavicles."""
    for side in (-1, 1):
        for drop in range(0, 84, 4):
            narrow = 1 - drop / 100
            tip = (side * (92 + 34 * narrow), 84 - 30 * narrow, 122 - drop, 3.0)
            yield np.asarray([(side * 92, 84, 118 - drop, 2.6), tip], np.float32)
        yield smooth_path(
            (
                (side * 14, -68, 102, 6.5),
                (side * 60, -74, 112, 5.5),
                (side * 104, -52, 124, 5.5),
                (side * 140, -16, 136, 6.5),
            )
        )


def _lung_vessels(rng: np.random.Generator) -> list[Array]:
    paths: list[Array] = []
    for side, hilum in zip((-1.0, 1.0), _HILA, strict=True):
        for turn in range(26):  # directions spread evenly over the outer hemisphere
            out, angle = 0.06 + 0.9 * turn / 26, 2.39996 * turn
            flat = np.sqrt(1 - out * out)
            way = (side * out, flat * np.cos(angle), flat * np.sin(angle) * 1.35 - 0.2)
            radius_mm = float(rng.uniform(2.4, 4.2))
            _branch(paths, rng, _vector(hilum), way=_vector(way), radius_mm=radius_mm)
    return paths


def _liver_vessels(rng: np.random.Generator) -> list[Array]:
    paths: list[Array] = []
    for start, way, radius_mm in _LIVER_VEINS:
        _branch(paths, rng, _vector(start), way=_vector(way), radius_mm=radius_mm)
    return [path for path in paths if path[:, 0].max() < 28]


def _vector(values: Sequence[float]) -> Array:
    return np.asarray(values, np.float32)


def _rib(number: int, side: int, *, cartilage: bool = False) -> Array:
    """Return one rib's path from the spine forward and down, or its cartilage to the sternum."""
    start = 132 - 23.0 * number
    reach = (2.30, 2.36, 2.40, 2.40, 2.36, 2.30, 2.24, 2.12, 2.0, 1.86, 1.35, 0.95)[number]
    drop = 26 + 7.5 * min(number, 7)
    first, last = (reach, 2.86) if cartilage else (0.16, reach)
    points = []
    for angle in np.linspace(first, last, 40):
        part = float(np.sin(min(angle, 2.4) / 2.4 * np.pi / 2) ** 1.3)
        z = start - drop * part
        if cartilage:  # rises again towards the sternum
            z += (angle - first) * (8 + 7 * number)
        half_x, half_y = chest_wall(z)
        x = (half_x + 4.5) * np.sin(angle) ** 0.85
        y = (half_y + 4.5) * np.cos(angle)
        if angle < 0.5:
            near = (angle - 0.16) / 0.34
            x, y = 22 + (x - 22) * near, SPINE_Y_MM + 16 + (y - SPINE_Y_MM - 16) * near
        points.append((side * x, y, z, 4.6 if cartilage else 4.9))
    return np.asarray(points, np.float32)


def _branch(
    paths: list[Array], rng: np.random.Generator, at: Array, *, way: Array, radius_mm: float
) -> None:
    """Grow a vessel and its branches until they are thin or leave the lung."""
    way = way / np.float32(np.linalg.norm(way))
    length = 6 + 7.2 * radius_mm * float(rng.uniform(0.75, 1.3))
    bend = rng.normal(0, 0.12, 3).astype(np.float32)
    middle = at + way * (length / 2)
    end = middle + (way + bend) * (length / 2)
    thin = radius_mm * 0.86
    paths.append(
        np.asarray([(*at, radius_mm), (*middle, (radius_mm + thin) / 2), (*end, thin)], np.float32)
    )
    half_x, half_y = chest_wall(float(end[2]))
    outside = (end[0] / half_x) ** 2 + (end[1] / half_y) ** 2 > 0.92
    if radius_mm < 0.5 or outside or abs(end[0]) < 20:
        return
    for scale, spread in ((0.80, 0.22), (0.62, 0.62), (0.5, 0.7)):
        if scale > 0.55 or rng.random() < 0.6:
            turn = rng.normal(0, spread, 3).astype(np.float32)
            _branch(paths, rng, end, way=way + bend + turn, radius_mm=radius_mm * scale)
