"""An MR of a head that no one ever had: T1 and T2 contrast of one labelled phantom.

Cortical folds are the level set of a warped gyroid near the surface of the brain; that gives sulci
and a grey ribbon of even width without a single stored shape.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from emixcli.demo.painting import Array

    Axes3 = tuple[Array, Array, Array]
    Fill = Callable[[NDArray[np.bool_], "Tissue"], None]


class Tissue(enum.IntEnum):
    """What fills a voxel; the value is the index into the signal tables."""

    AIR = 0
    SKIN = 1
    FAT = 2
    BONE = 3
    MARROW = 4
    CSF = 5
    GREY = 6
    WHITE = 7
    DEEP_GREY = 8
    MUSCLE = 9
    VITREOUS = 10
    FLOW = 11


#: Signal per tissue, arbitrary units, in the order of `Tissue`.
T1_SIGNAL = (4, 260, 900, 30, 560, 110, 430, 640, 470, 380, 120, 40)
T2_SIGNAL = (4, 300, 620, 25, 330, 1080, 500, 330, 400, 210, 1060, 15)


def make_slice(
    axes: Axes3, signal: tuple[int, ...], rng: np.random.Generator, *, noise: float = 14.0
) -> NDArray[np.uint16]:
    """Return one magnitude image.

    Parameters
    ----------
    axes
        x, y, z in mm (LPS, origin between the ears), broadcast to the image's shape.
    signal
        `T1_SIGNAL` or `T2_SIGNAL`.
    rng
        Where the noise comes from.
    noise
        Standard deviation of the noise in each channel; the magnitude makes it Rician.
    """
    tissue = label(*axes)
    image = np.asarray(signal, np.float32)[tissue]
    image = _blur(image)
    x, y, z = axes
    coil = 1 + 0.10 * np.cos(x / 90 + 0.4) + 0.07 * np.sin(y / 80) + 0.05 * np.cos(z / 70)
    real = image * coil + rng.normal(0, noise, image.shape)
    imaginary = rng.normal(0, noise, image.shape)
    return np.rint(np.hypot(real, imaginary)).astype(np.uint16)


def label(x: Array, y: Array, z: Array) -> NDArray[np.int8]:
    """Return the tissue of every point."""
    out = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), Tissue.AIR, np.int8)

    def fill(where: NDArray[np.bool_], tissue: Tissue) -> None:
        out[np.broadcast_to(where, out.shape)] = tissue

    _outside(fill, x, y, z)
    brain = _ellipsoid(x, y, z, (0, 4, 36), (71, 88, 64.5))
    base = _ellipsoid(x, y, z, (0, 2, 6), (62, 78, 41))
    surface = np.maximum(brain, np.where(z < 20, base, brain))
    fill(np.maximum(_ellipsoid(x, y, z, (0, 4, 34), (73, 90, 67)),
                    _ellipsoid(x, y, z, (0, 34, -24), (54, 46, 38))) > 0, Tissue.CSF)  # fmt: skip
    _cerebrum(fill, x, y, z, surface)
    _deep(fill, x, y, z)
    _cerebellum(fill, x, y, z)
    return out


def _ellipsoid(x: Array, y: Array, z: Array, centre: tuple[float, ...], axes: tuple[float, ...]) \
        -> Array:  # fmt: skip
    """Return about the distance to the surface in mm, positive inside."""
    dx, dy, dz = ((p - c) / a for p, c, a in zip((x, y, z), centre, axes, strict=True))
    return np.asarray((1 - np.sqrt(dx * dx + dy * dy + dz * dz)) * min(axes), np.float32)


def _outside(fill: Fill, x: Array, y: Array, z: Array) -> None:
    """Label scalp, skull, face and neck."""
    head = np.maximum(_ellipsoid(x, y, z, (0, 4, 32), (84, 102, 80)),
                      _ellipsoid(x, y, z, (0, -8, -30), (70, 88, 84)))  # fmt: skip
    neck = np.where(z < -30, 62 - np.hypot(x, y - 22), -9)
    nose = _ellipsoid(x, y, z, (0, -98, -42), (15, 20, 24))
    head = np.maximum(np.maximum(head, neck), nose)
    fill(head > 0, Tissue.SKIN)
    fill(head > 2, Tissue.FAT)
    planes = np.abs(np.sin(x / 8 + np.sin(y / 11) + 0.02 * z) * np.cos(y / 12 + np.sin(x / 15)))
    fill((head > 6) & (z < 10) & (planes > 0.09), Tissue.MUSCLE)
    skull = np.maximum(_ellipsoid(x, y, z, (0, 4, 33), (79, 97, 74)),
                       _ellipsoid(x, y, z, (0, 30, -22), (62, 58, 48)))  # fmt: skip
    fill(skull > 0, Tissue.BONE)
    fill((skull > 1.6) & (skull < 4.6), Tissue.MARROW)
    for side in (-1, 1):
        fill(_ellipsoid(x, y, z, (side * 32, -68, -22), (20, 24, 18)) > 0, Tissue.FAT)
        fill(_ellipsoid(x, y, z, (side * 32, -76, -22), (13, 13, 13)) > 0, Tissue.MUSCLE)
        fill(_ellipsoid(x, y, z, (side * 32, -76, -22), (12, 12, 12)) > 0, Tissue.VITREOUS)
        nerve = np.hypot(x - side * (32 + 0.35 * (y + 76)), z + 22) < 2.2
        fill(nerve & (y > -64) & (y < -30), Tissue.WHITE)
        fill(_ellipsoid(x, y, z, (side * 30, -56, -56), (18, 20, 18)) > 0, Tissue.AIR)
        fill(_ellipsoid(x, y, z, (side * 9, -62, -52), (6, 30, 22)) > 0, Tissue.AIR)
    fill((_ellipsoid(x, y, z, (0, -18, -52), (14, 10, 26)) > 0), Tissue.AIR)
    spine = (np.hypot(x / 1.2, y - 30) < 10) & (z < -52)
    fill(spine, Tissue.MARROW)
    fill(spine & ((z % 17) < 3), Tissue.BONE)
    fill((np.hypot(x, y - 52) < 9) & (z < -38), Tissue.CSF)
    fill((np.hypot(x, y - 52) < 5.5) & (z < -38), Tissue.WHITE)


def _cerebrum(fill: Fill, x: Array, y: Array, z: Array, surface: Array) -> None:
    """Label cortex and white matter with folds, split by the fissure between the hemispheres."""
    u = x / 5.0 + 0.9 * np.sin(y / 17 + 1.3) + 0.5 * np.sin(z / 13)
    v = y / 5.6 + 0.9 * np.sin(z / 19 + 0.4) + 0.5 * np.sin(x / 15)
    w = z / 5.2 + 0.9 * np.sin(x / 18 + 2.1) + 0.5 * np.sin(y / 14)
    gyroid = np.abs(np.sin(u) * np.cos(v) + np.sin(v) * np.cos(w) + np.sin(w) * np.cos(u))
    fold_mm = gyroid * 4.1  # about the distance to the nearest sulcus
    split = np.abs(x) - 1.2 + 0.8 * np.clip((10 - z) / 20, 0, 1) * 30
    depth = np.minimum(surface, np.maximum(split, (24 - z) * 0.5))
    sulcus = np.maximum(0, 15 - surface) * 0.05
    tissue_mm = np.minimum(
        depth - 0.6, np.where(surface < 20, fold_mm + np.maximum(0, surface - 12) * 0.4 - sulcus, 9)
    )
    sylvian = np.abs(z - 6 - 0.3 * y - 2 * np.sin(y / 9))
    gap = (sylvian < 1.3) & (np.abs(x) > 50 - 4 * np.sin(y / 8)) & (np.abs(y) < 34)
    inside = (surface > 0) & ~gap
    fill(inside & (tissue_mm > 0), Tissue.GREY)
    fill(inside & (tissue_mm > 2.5) & (surface > 3.2), Tissue.WHITE)


def _deep(fill: Fill, x: Array, y: Array, z: Array) -> None:
    """Label corpus callosum, basal ganglia, thalami, ventricles and brainstem."""
    near = _ellipsoid(x, y, z, (0, 4, 36), (71, 88, 64.5)) > 0
    core = _ellipsoid(x, y, z, (0, 4, 30), (36, 52, 23))
    fill(core > 0, Tissue.WHITE)
    fill((np.abs(x) < 1.2) & (z > 43) & (core < 2) & (core > -60) & near, Tissue.CSF)
    for side in (-1, 1):
        sx = side
        fill(_ellipsoid(x, y, z, (sx * 27, -2, 22), (7, 22, 15)) > 0, Tissue.DEEP_GREY)
        fill(_ellipsoid(x, y, z, (sx * 15, -22, 28), (6.5, 11, 13)) > 0, Tissue.DEEP_GREY)
        fill(_ellipsoid(x, y, z, (sx * 10.5, 12, 22), (9, 16, 11)) > 0, Tissue.DEEP_GREY)
        fill(_ellipsoid(x, y, z, (sx * 39, -4, 20), (2.2, 24, 18)) > 0, Tissue.GREY)
        bow = 6 + 0.0045 * (y - 4) ** 2
        body = (np.abs(x - sx * bow) / 5.5) ** 2 + ((z - 36 + 0.004 * (y - 2) ** 2) / 6.5) ** 2
        fill(body + (y / 38) ** 4 < 1, Tissue.CSF)
        fill(_ellipsoid(x, y, z, (sx * 19, 38, 26), (7.5, 16, 8)) > 0, Tissue.CSF)
        fill(_ellipsoid(x, y, z, (sx * 15, 34, 30), (3, 5, 3)) > 0, Tissue.GREY)
    fill((np.abs(x) < 0.9) & (np.abs(y + 4) < 30) & (np.abs(z - 34) < 6), Tissue.WHITE)
    fill((np.abs(x) < 2.2) & (np.abs(y - 8) < 15) & (np.abs(z - 18) < 9), Tissue.CSF)
    fill(_ellipsoid(x, y, z, (0, -4, 4), (16, 14, 9)) > 0, Tissue.CSF)
    fill(_ellipsoid(x, y, z, (0, 16, 2), (16, 13, 14)) > 0, Tissue.WHITE)
    fill(_ellipsoid(x, y, z, (0, 14, -16), (17, 15, 16)) > 0, Tissue.WHITE)
    fill(_ellipsoid(x, y, z, (0, 26, -38), (8, 8, 22)) > 0, Tissue.WHITE)
    fill(_ellipsoid(x, y, z, (0, -3, -17), (2, 2, 16)) > 0, Tissue.FLOW)
    fill(_ellipsoid(x, y, z, (0, -17, -6), (6, 5, 4)) > 0, Tissue.GREY)


def _cerebellum(fill: Fill, x: Array, y: Array, z: Array) -> None:
    """Label the cerebellum with its fine folia and the fourth ventricle."""
    lobe = np.maximum(_ellipsoid(x, y, z, (-22, 50, -20), (30, 29, 21)),
                      _ellipsoid(x, y, z, (22, 50, -20), (30, 29, 21)))  # fmt: skip
    vermis = _ellipsoid(x, y, z, (0, 48, -16), (10, 26, 22))
    lobe = np.maximum(lobe, vermis)
    fill(lobe > -3, Tissue.CSF)
    folia = np.abs(np.sin((z + 20) / 1.9 + 0.004 * (y - 36) ** 2 + 0.5 * np.sin(x / 9)))
    fill(lobe > 0, Tissue.GREY)
    fill((lobe > 0) & (lobe < 8) & (folia < 0.22), Tissue.CSF)
    fill((lobe > 4) & (folia > 0.72), Tissue.WHITE)
    fill(lobe > 11, Tissue.WHITE)
    fill(_ellipsoid(x, y, z, (0, 31, -17), (8, 5, 10)) > 0, Tissue.CSF)


def _blur(image: Array) -> Array:
    """Return the image as a scanner's point spread leaves it."""
    for axis in (0, 1):
        image = 0.5 * image + 0.25 * (np.roll(image, 1, axis) + np.roll(image, -1, axis))
    return image.astype(np.float32, copy=False)
