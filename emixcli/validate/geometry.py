"""Where slices lie in space (PS3.3 section C.7.6.2)."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from emixcli.model import KEYWORDS, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.model import Instance, Value

_POSITION = KEYWORDS.index("ImagePositionPatient")
_ORIENTATION = KEYWORDS.index("ImageOrientationPatient")
#: The cosine of 0.8 degrees.
_SAME_NORMAL: Final = 0.9999
#: Nothing lies further away; distances between such numbers would be infinite.
_FARTHEST_MM: Final = 1e9
#: More orientations in one series are no stacks.
_MAX_STACKS: Final = 256


def slice_positions(instances: Sequence[Instance]) -> list[float] | None:
    """Return the position in mm of each slice along the common normal.

    None where one has no position, or where their orientations differ.
    """
    normals = [_normal(str(value)) for value in dict.fromkeys(values_of(instances, _ORIENTATION))]
    first = normals[0]
    if first is None:
        return None
    for normal in normals[1:]:
        if normal is None or sum(a * b for a, b in zip(first, normal, strict=True)) < _SAME_NORMAL:
            return None
    positions = []
    for value in values_of(instances, _POSITION):
        position = _position(value, first)
        if position is None:
            return None
        positions.append(position)
    return positions


def stacks(instances: Sequence[Instance]) -> list[list[tuple[int, float]]]:
    """Return the slices of each orientation: their places in `instances` and positions in mm.

    Instances without a position are in none.
    """
    found: list[tuple[tuple[float, float, float], list[tuple[int, float]]]] = []
    known: dict[str, int] = {}
    columns = (values_of(instances, slot) for slot in (_ORIENTATION, _POSITION))
    for place, (orientation, value) in enumerate(zip(*columns, strict=True)):
        text = str(orientation)
        number = known.get(text)
        if number is None:
            normal = _normal(text)
            number = known[text] = -1 if normal is None else _stack_of(normal, found)
        if number < 0:
            continue
        position = _position(value, found[number][0])
        if position is not None:
            found[number][1].append((place, position))
    return [stack for _, stack in found]


def _stack_of(
    normal: tuple[float, float, float],
    found: list[tuple[tuple[float, float, float], list[tuple[int, float]]]],
) -> int:
    for number, (other, _) in enumerate(found):
        if sum(a * b for a, b in zip(normal, other, strict=True)) >= _SAME_NORMAL:
            return number
    if len(found) == _MAX_STACKS:
        return -1
    found.append((normal, []))
    return len(found) - 1


@lru_cache(maxsize=4096)  # asked for in each series twice: for its order, and for gaps
def _position(value: Value, normal: tuple[float, float, float]) -> float | None:
    """Return the position along a normal in mm, None where there is none."""
    x, y, z = normal
    try:
        a, b, c = str(value).split("\\")
        position = x * float(a) + y * float(b) + z * float(c)
    except ValueError:
        return None
    return round(position, 4) if abs(position) < _FARTHEST_MM else None


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
