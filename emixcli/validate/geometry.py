"""Where slices lie in space (PS3.3 section C.7.6.2)."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from emixcli.model import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.model import Instance

_POSITION = KEYWORDS.index("ImagePositionPatient")
_ORIENTATION = KEYWORDS.index("ImageOrientationPatient")


def slice_positions(instances: Sequence[Instance]) -> list[float] | None:
    """Return the position in mm of each slice along the common normal.

    None where one has no position, or where their orientations differ.
    """
    orientations = Counter(str(instance.value(_ORIENTATION)) for instance in instances)
    normals = [_normal(text) for text in orientations]
    first = normals[0]
    if first is None:
        return None
    for normal in normals[1:]:
        if normal is None or sum(a * b for a, b in zip(first, normal, strict=True)) < 0.9999:
            return None
    x, y, z = first
    positions = []
    for instance in instances:
        try:
            a, b, c = str(instance.value(_POSITION)).split("\\")
            position = x * float(a) + y * float(b) + z * float(c)
        except ValueError:
            return None
        if not math.isfinite(position):
            return None
        positions.append(round(position, 4))
    return positions


def _normal(orientation: str) -> tuple[float, float, float] | None:
    try:
        ax, ay, az, bx, by, bz = (float(part) for part in orientation.split("\\"))
    except ValueError:
        return None
    normal = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    length = math.hypot(*normal)
    if not 0.5 < length < 1.5:
        return None
    return (normal[0] / length, normal[1] / length, normal[2] / length)
