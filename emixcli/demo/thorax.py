"""A CT of the thorax that no one ever had: analytic organs, bones, vessels, one small nodule."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from emixcli.demo.anatomy import SPINE_Y_MM, chest_wall, make_anatomy
from emixcli.demo.painting import Slice, smooth_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emixcli.demo.painting import Array, Point

SIZE = 512
SPACING_MM = 0.78125
THICKNESS_MM = 2.5
N_SLICES = 144
TOP_MM = 142.5
AIR_HU = -1000.0
#: The finding of the report: centre and radius of the nodule in the right upper lobe.
NODULE: tuple[Point, float] = ((-74.0, -22.0, 62.5), 4.5)

_CENTRAL_MM = 44.0
_ALL = (slice(None), slice(None))
_SPINE_PERIOD_MM = 24.0
_DOMES = ((-66.0, -2.0, -78.0), (64.0, 0.0, -92.0))


def z_positions() -> NDArray[np.floating[Any]]:
    """Return the z of every slice in mm, head first."""
    return TOP_MM - THICKNESS_MM * np.arange(N_SLICES)


def make_thorax(seed: int = 1) -> NDArray[np.int16]:
    """Return the volume in Hounsfield units, (slices, rows, columns), head first."""
    body = _Body(seed)
    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(body.slice_hu, z_positions())))


def _skin(z_mm: float) -> tuple[float, float]:
    """Return half width and half depth of the body; its back stays on the table."""
    shoulder = np.clip((z_mm - 70) / 70, 0.0, 1.0)
    waist = np.clip((-120 - z_mm) / 90, 0.0, 1.0)
    return float(165 + 14 * shoulder - 8 * waist), float(116 - 18 * shoulder**1.5 - 3 * waist)


class _Body:
    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        #: The scanner's noise, a little smoothed by the kernel.
        self._noise = smooth_noise(rng, 1024, 2)
        #: Slow variation: fat planes in muscle, perfusion of organs.
        self._texture = smooth_noise(rng, 1024, 18, passes=3)
        self._parts = make_anatomy(rng)

    def slice_hu(self, z_mm: float) -> NDArray[np.int16]:
        """Return one slice in Hounsfield units."""
        s = Slice(SIZE, SPACING_MM, float(z_mm), AIR_HU)
        index = round((TOP_MM - z_mm) / THICKNESS_MM)
        texture = np.roll(self._texture, (17 * index, 5 * index), (0, 1))[:SIZE, :SIZE]
        _wall(s, self._texture[index : index + SIZE, :SIZE])
        lung = _lungs(s, self._middle(s))
        liver = _abdomen(s, texture)
        if s.z_mm < _DOMES[0][2]:
            s.blend(s.cover(self._parts.liver_vessels.cut(s.z_mm, 1.0)) * liver, 150)
            s.discs(self._parts.bowel.cut(s.z_mm), 46)
            bowel = s.cover(self._parts.bowel.cut(s.z_mm, grow_mm=-3))
            s.blend(bowel, np.where(s.y < -46 + 3 * np.sin(s.x / 9), -930, 18).astype(np.float32))
        self._lung_tissue(s, lung, texture)
        self._mediastinum(s)
        self._bones(s)
        table = s.soft(2.2 - np.abs(s.y - 124 + 0.0011 * s.x * s.x)) * (np.abs(s.x) < 190)
        s.blend(table, -240)
        shift = (index * 331 % 509, index * 197 % 499)
        noise = self._noise[shift[0] : shift[0] + SIZE, shift[1] : shift[1] + SIZE]
        level = 10 + 8 * np.exp(-(s.x**2 + s.y**2) / 12000)
        s.values += noise * level * np.where(s.values < -950, 0.5, 1)
        return np.clip(np.rint(s.values), -1024, 3071).astype(np.int16)

    def _middle(self, s: Slice) -> Array:
        """Return what the fat around the great vessels and central airways covers."""
        parts = [
            tubes.cut(s.z_mm, grow_mm=4) for tubes in (self._parts.arteries, self._parts.veins)
        ]
        parts.append(self._parts.airways.cut(s.z_mm, grow_mm=3.5))
        discs = np.concatenate(parts)
        return s.cover(discs[np.abs(discs[:, 0]) < _CENTRAL_MM])

    def _lung_tissue(self, s: Slice, lung: Array, texture: Array) -> None:
        """Paint parenchyma, denser at the back (gravity), a fissure, vessels, the nodule."""
        base = -845 + 0.28 * s.y + 14 * texture
        for side in (-1, 1):
            plane = (s.y + 16) * 0.62 + (s.z_mm + 18) * 0.72
            fissure = np.exp(-((plane / 1.1) ** 2)) * (s.x * side > 0)
            base = base + 95 * fissure
        s.blend(lung, base.astype(np.float32))
        vessels = s.cover(self._parts.lung_vessels.cut(s.z_mm, THICKNESS_MM / 2)) * lung
        s.blend(vessels, 60)
        centre, radius = NODULE
        away = s.z_mm - centre[2]
        box = s.box(centre[0], centre[1], 12, 12)
        angle = np.arctan2(s.y[box[0]] - centre[1], s.x[:, box[1]] - centre[0])
        edge = radius + 0.7 * np.sin(5 * angle + 0.3 * away) + 0.4 * np.sin(11 * angle)
        distance = np.sqrt(
            (s.x[:, box[1]] - centre[0]) ** 2 + (s.y[box[0]] - centre[1]) ** 2 + away**2
        )
        s.blend(s.soft((edge - distance).astype(np.float32)), 42, box)

    def _mediastinum(self, s: Slice) -> None:
        """Paint heart, great vessels, airways and oesophagus."""
        _heart(s)
        s.discs(self._parts.veins.cut(s.z_mm), 148)
        s.discs(self._parts.arteries.cut(s.z_mm), 205)
        low = -min(s.z_mm, 0.0)
        if low < 130:
            gullet = (5 + 0.09 * low, 29 - 0.16 * low + 0.0003 * low * low)
            s.ellipse(gullet, (8, 6), 42)
            s.ellipse(gullet, (2.2, 1.2), -320)
        s.discs(self._parts.airways.cut(s.z_mm, grow_mm=1.3), 10)
        s.discs(self._parts.airways.cut(s.z_mm), -985)

    def _bones(self, s: Slice) -> None:
        _spine(s)
        s.discs(self._parts.cartilage.cut(s.z_mm), 95)
        for tubes, shell_mm, marrow in (
            (self._parts.ribs, 1.3, 190),
            (self._parts.girdle, 1.4, 260),
        ):
            s.discs(tubes.cut(s.z_mm), 760)
            s.discs(tubes.cut(s.z_mm, grow_mm=-shell_mm), marrow)
        for side in (-1, 1):
            s.ellipsoid((side * 148, 8, 138), (21, 21, 22), 620)
            s.ellipsoid((side * 148, 8, 138), (19.4, 19.4, 20.4), 230)
        if -70 < s.z_mm < 92:
            y = -chest_wall(s.z_mm)[1] - 5
            wide = 22 if s.z_mm > 60 else 15
            s.ellipse((0, y), (wide, 6.2), 560, power=2.6)
            s.ellipse((0, y), (wide - 1.3, 4.9), 140, power=2.6)


def _wall(s: Slice, texture: Array) -> None:
    """Paint skin, fat and the muscles of the chest wall."""
    half_x, half_y = _skin(s.z_mm)
    back = 116 - half_y
    skin = s.inside((0, back), (half_x, half_y), power=2.5)
    s.blend(s.soft(skin), 20)
    s.blend(s.soft(skin - 1.8), -104 + 4 * texture)
    muscle = s.inside((0, back + 3), (half_x - 13, half_y - 11), power=2.5)
    layers = np.abs(np.sin(muscle / 8.5 + 0.55 * texture))
    planes = np.clip(1.3 - layers * 7, 0, 1) * 110
    cage_x, cage_y = chest_wall(s.z_mm)
    s.blend(s.soft(muscle), 58 - planes + 4 * texture)
    s.blend(s.soft(s.inside((0, 0), (cage_x + 12, cage_y + 11))), 40 - 0.7 * planes)
    s.blend(s.soft(s.inside((0, 0), (cage_x + 1.5, cage_y + 1.5))), -96 + 5 * texture)


def _dome(s: Slice, side: int) -> Array:
    """Return how far the slice lies above the diaphragm, in mm."""
    x, y, top = _DOMES[0 if side < 0 else 1]
    dx, dy = s.x - x, s.y - y
    back = np.where(dy > 0, 0.0125, 0.0065)
    surface = top - 0.0078 * dx * dx - back * dy * dy
    return np.asarray(s.z_mm - surface, np.float32)


def _lungs(s: Slice, middle: Array) -> Array:
    """Return how much of each pixel is lung; `middle` covers heart, great vessels and airways."""
    cage = s.inside((0, 0), chest_wall(s.z_mm))
    out = np.zeros_like(s.values)
    front = np.clip((-30 - s.y) / 50, 0, 1)
    back = np.clip((s.y - 16) / 24, 0, 1)
    width = 17 - 11 * front + 4 * back + 0.22 * max(0.0, s.z_mm - 70)
    for side in (-1, 1):
        apex = np.float32(142 - s.z_mm) * 0.7 - 3
        lung = np.minimum(np.minimum(cage, s.x * side - width), apex)
        lung = np.minimum(lung, _dome(s, side) * 0.8)
        lung = np.minimum(lung, -s.inside((0, SPINE_Y_MM + 2), (25, 26)))
        out = np.maximum(out, s.soft(lung.astype(np.float32)))
    heart = s.solid((26, -34, -58), (66, 50, 58), s.box(0, 0, 210, 210), turn_deg=(28, 18))
    return np.asarray(out * (1 - s.soft(heart)) * (1 - middle), np.float32)


def _heart(s: Slice) -> None:
    turn = (28, 18)
    s.ellipsoid((26, -34, -58), (62, 46, 54), 95, turn_deg=turn)  # myocardium
    s.ellipsoid((-18, -26, -48), (25, 30, 34), 152, turn_deg=turn)  # right atrium
    s.ellipsoid((14, -58, -62), (38, 17, 40), 158, turn_deg=turn)  # right ventricle
    s.ellipsoid((46, -28, -66), (34, 19, 36), 192, turn_deg=turn)  # left ventricle
    s.ellipsoid((10, 4, -34), (34, 16, 24), 188, turn_deg=(4, 0))  # left atrium
    s.ellipsoid((60, -34, -74), (9, 4, 10), 105, turn_deg=turn)  # papillary muscle
    s.ellipsoid((42, -16, -60), (8, 3.5, 9), 105, turn_deg=turn)


def _abdomen(s: Slice, texture: Array) -> Array:
    """Paint liver, spleen, stomach and kidneys below the diaphragm; return where liver is."""
    cage = s.inside((0, 0), chest_wall(s.z_mm))
    below = [np.minimum(cage, -_dome(s, side) * 0.8 - 2) for side in (-1, 1)]
    if s.z_mm > -70:
        return np.zeros_like(s.values)
    edge = 46 - 0.5 * s.y - 0.35 * (-90 - s.z_mm)
    liver = np.minimum(np.minimum(below[0], cage - 2), (edge - s.x) * 0.8)
    liver = np.minimum(liver, -s.inside((0, SPINE_Y_MM), (32, 30)))
    cover = s.soft((liver - 2).astype(np.float32))
    s.blend(s.soft(liver.astype(np.float32)), 112 + 5 * texture)
    s.ellipsoid((94, 36, -136), (24, 46, 42), 124)  # spleen
    s.ellipsoid((56, -24, -140), (44, 40, 46), 48)  # stomach: wall, fluid, air
    box = s.box(56, -24, 46, 46)
    hollow = s.soft(s.solid((56, -24, -140), (40, 36, 42), box))
    s.blend(hollow, 12, box)
    s.blend(hollow * (s.y[box[0]] < -34), -960, box)
    for side in (-1, 1):
        s.ellipsoid((side * 64, 50, -222), (34, 31, 60), -98)  # fat around the kidney
        s.ellipsoid((side * 64, 50, -222), (26, 23, 50), 178)
        s.ellipsoid((side * 57, 47, -222), (14, 12, 38), 60)
        cover = cover * (1 - s.soft(s.solid((side * 64, 50, -222), (34, 31, 60), _ALL)))
    return cover


def _spine(s: Slice) -> None:
    phase = (s.z_mm + 230) % _SPINE_PERIOD_MM
    disc = phase < 4.5
    y = SPINE_Y_MM - 2
    waist = 1 - 0.06 * np.sin(np.pi * (phase - 4.5) / (_SPINE_PERIOD_MM - 4.5))
    axes = (18.5 * waist, 15.0 * waist)
    if disc:
        s.ellipse((0, y), (19.5, 16), 92, power=2.3)
    else:
        plate = min(phase - 4.5, _SPINE_PERIOD_MM - phase) < 1.6
        s.ellipse((0, y), axes, 560, power=2.3)
        s.ellipse((0, y), (axes[0] - 1.4, axes[1] - 1.4), 470 if plate else 158, power=2.3)
    s.ellipse((0, y + 25), (14, 13), 540)
    s.ellipse((0, y + 25), (10.5, 9.2), 8)  # canal and cord
    s.ellipse((0, y + 25), (5.2, 4.4), 38)
    if 8 < phase < 18:
        for side in (-1, 1):
            s.ellipse((side * 13.5, y + 14), (4.2, 9), 520)
            s.ellipse((side * 26, y + 28), (16, 4.4), 480)
            s.ellipse((side * 26, y + 28), (14.4, 2.9), 250)
    length = 11 if phase > 6 else 6
    s.ellipse((0, y + 36 + length), (3.4, length), 500)
    s.ellipse((0, y + 36 + length), (2.0, max(2.0, length - 1.6)), 260)
