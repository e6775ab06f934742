"""Letters of five by seven points, to burn text into pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Seven rows of five points for each character, as numbers.
_GLYPHS = {
    "A": (14, 17, 17, 31, 17, 17, 17), "B": (30, 17, 17, 30, 17, 17, 30),
    "C": (14, 17, 16, 16, 16, 17, 14), "D": (30, 17, 17, 17, 17, 17, 30),
    "E": (31, 16, 16, 30, 16, 16, 31), "F": (31, 16, 16, 30, 16, 16, 16),
    "G": (14, 17, 16, 23, 17, 17, 14), "I": (14, 4, 4, 4, 4, 4, 14),
    "K": (17, 18, 20, 24, 20, 18, 17), "M": (17, 27, 21, 21, 17, 17, 17),
    "N": (17, 25, 21, 19, 17, 17, 17), "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16), "R": (30, 17, 17, 30, 20, 18, 17),
    "T": (31, 4, 4, 4, 4, 4, 4), "U": (17, 17, 17, 17, 17, 17, 14),
    "V": (17, 17, 17, 17, 17, 10, 4), "Z": (31, 1, 2, 4, 8, 16, 31),
    "0": (14, 17, 19, 21, 25, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 6, 8, 16, 31), "3": (14, 17, 1, 6, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2), "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (14, 16, 30, 17, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14), "9": (14, 17, 17, 15, 1, 1, 14),
    "-": (0, 0, 0, 14, 0, 0, 0), " ": (0, 0, 0, 0, 0, 0, 0),
}  # fmt: skip


def mask(text: str, *, scale: int = 2) -> NDArray[np.bool_]:
    """Return the points of a line of text, 7 * `scale` rows high."""
    columns = []
    for letter in text.upper():
        rows = [[bool(row >> (4 - x) & 1) for x in range(5)] + [False] for row in _GLYPHS[letter]]
        columns.append(np.array(rows))
    return np.kron(np.hstack(columns), np.ones((scale, scale), bool)).astype(bool)


def burn(
    frame: NDArray[np.generic], text: str, *, row: int, column: int, value: int, scale: int = 2
) -> tuple[int, int, int, int]:
    """Write a line of text into a frame; return its rows and columns (first, end, first, end)."""
    points = mask(text, scale=scale)
    height, width = points.shape
    frame[row : row + height, column : column + width][points] = value
    return row, row + height, column, column + width
