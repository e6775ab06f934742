"""A chest radiograph of the CT phantom: what a detector behind it would have seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emixcli.demo import thorax

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACING_MM = thorax.SPACING_MM / 2
MAXIMUM = 4095


def make_radiograph(volume: NDArray[np.int16], seed: int = 5) -> NDArray[np.uint16]:
    """Return a postero-anterior view, 12 bits, dense tissue bright.

    Parameters
    ----------
    volume
        Of `thorax.make_thorax`.
    """
    body = volume[:, : int(thorax.SIZE * 0.78)]  # without the table
    water_mm = np.stack([_thickness(plane) for plane in body])
    n_rows = int(volume.shape[0] * thorax.THICKNESS_MM / SPACING_MM)
    at = np.linspace(0, water_mm.shape[0] - 1, n_rows)
    across = np.linspace(0, water_mm.shape[1] - 1, water_mm.shape[1] * 2)
    water_mm = _stretch(_stretch(water_mm, at).T, across).T
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.012, water_mm.shape)
    blurred = _box(water_mm, 61)
    detail = 1.6 * (water_mm - blurred) + blurred  # what unsharp masking in the device does
    level = np.clip((np.maximum(detail, 0) / 290) ** 0.9 + noise, 0, 1)
    return np.asarray(np.rint(level * MAXIMUM), np.uint16)


def _thickness(plane: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return the way through the body along y, in mm of water."""
    density = np.maximum(plane.astype(np.float32) / 1000 + 1, 0)
    density *= 1 + 0.55 * np.clip(density - 1.1, 0, 1)  # bone absorbs more than its density says
    return np.asarray(density.sum(axis=0) * thorax.SPACING_MM, np.float32)


def _stretch(image: NDArray[np.float32], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the rows of an image at fractional positions."""
    first = np.minimum(at.astype(np.intp), image.shape[0] - 2)
    part = (at - first).astype(np.float32)[:, None]
    return np.asarray(image[first] * (1 - part) + image[first + 1] * part, np.float32)


def _box(image: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the mean over a square neighbourhood."""
    for _ in range(2):
        padded = np.pad(image, ((width // 2 + 1, width // 2), (0, 0)), mode="edge")
        total = np.cumsum(padded, axis=0, dtype=np.float64)
        image = ((total[width:] - total[:-width]) / width).astype(np.float32).T
    return image
