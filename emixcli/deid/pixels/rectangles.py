"""Rectangles of an image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from emixcli.deid.pixels.facts import Region


def outside(regions: Sequence[Region], *, columns: int, rows: int) -> list[Region]:
    """Return rectangles that together cover what lies in no region, without overlaps."""
    edges = sorted({0, rows, *(y for region in regions for y in (region.y0, region.y1))})
    bands: list[tuple[int, int, list[tuple[int, int]]]] = []
    for top, bottom in pairwise(edges):
        inside = [region for region in regions if region.y0 <= top and bottom <= region.y1]
        gaps = _gaps([(region.x0, region.x1) for region in inside], columns)
        if bands and bands[-1][1] == top and bands[-1][2] == gaps:
            bands[-1] = (bands[-1][0], bottom, gaps)
        else:
            bands.append((top, bottom, gaps))
    return [Region(left, top, right, bottom) for top, bottom, gaps in bands for left, right in gaps]


def _gaps(spans: list[tuple[int, int]], columns: int) -> list[tuple[int, int]]:
    gaps = []
    at = 0
    for left, right in sorted(spans):
        if left > at:
            gaps.append((at, left))
        at = max(at, right)
    if at < columns:
        gaps.append((at, columns))
    return gaps
