"""Slices that are missing inside a series, told from positions (C05)."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from emixcli.model import KEYWORDS, values_of
from emixcli.validate.geometry import stacks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from emixcli.model import Instance, Series

#: Places of the instances beside a gap, and how many slices fit into it.
Gap = tuple[int, int, int]
#: Place in the series and position in mm.
_Slice = tuple[int, float]

#: A gap is a distance above this many times the usual one, measured on real series.
_GAP: Final = 1.5
_MAX_UNEVEN: Final = 0.1
_SAME_PLACE_MM: Final = 0.01
#: With fewer slices than this, what the header says of their distance has to agree.
_MIN_SLICES: Final = 5
#: More distances in a row that are all larger are a change of the distance, and no gaps.
_MAX_RUN: Final = 2
#: With fewer passes before the last, nothing is said of their ends.
_MIN_PASSES: Final = 3
_SPACINGS: Final = ("SpacingBetweenSlices", "SliceThickness")
#: What can tell images of one position apart.
_TELLING: Final = (KEYWORDS.index("AcquisitionNumber"), KEYWORDS.index("ImageType"))


def find_gaps(series: Series) -> list[Gap]:
    """Return the places in `series.instances` beside each gap, and how many slices fit into it.

    Positions are the evidence: instance numbers alone are none, since many devices leave some
    out. Each orientation is looked at by itself. Where several images have one position (phases,
    echoes, b-values), each pass over the positions is; where passes cannot be told apart, a
    position with fewer images than those beside it is a gap.
    """
    found: list[Gap] = []
    for stack in stacks(series.instances):
        levels = _levels([position for _, position in stack])
        if len(levels) == 0:
            continue
        if len(set(levels)) == len(levels):
            found += _between(series.instances, stack)
        else:
            found += _among_repeats(series.instances, stack, levels)
    return sorted(found)


def _median(numbers: Sequence[float]) -> float:
    """Return the median, as `statistics` would, which takes 4 ms to import."""
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _levels(positions: Sequence[float]) -> list[int]:
    """Return the number of each position among those that are different."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    steps = [positions[b] - positions[a] for a, b in pairwise(order)]
    real = [step for step in steps if step > _SAME_PLACE_MM]
    if not real:
        return [0] * len(positions)
    same = max(_SAME_PLACE_MM, _MAX_UNEVEN * _median(real))
    levels, level = [0] * len(positions), 0
    for (_, at), step in zip(pairwise(order), steps, strict=True):
        level += step > same
        levels[at] = level
    return levels


def _between(instances: Sequence[Instance], slices: Sequence[_Slice]) -> list[Gap]:
    """Return the gaps between slices of which no two have one position."""
    order = sorted(slices, key=lambda one: one[1])
    steps = [b[1] - a[1] for a, b in pairwise(order)]
    if len(order) < 3:
        return []
    usual = min(steps) if len(order) == 3 else _median(steps)
    if usual <= 0 or (len(order) < _MIN_SLICES and not _is_said(usual, instances[order[0][0]])):
        return []
    ratios = [step / usual for step in steps]
    if any(ratio < 1 - _MAX_UNEVEN or abs(ratio - round(ratio)) > _MAX_UNEVEN for ratio in ratios):
        return []
    gaps = [
        (order[at][0], order[at + 1][0], round(ratios[at]) - 1)
        for at in _isolated([ratio > _GAP for ratio in ratios])
    ]
    if len(gaps) > max(2, len(steps) // 4):
        return []  # a habit of the device
    return [gap for gap in gaps if gap[2] <= len(order) or _is_numbered(instances, gap)]


def _is_said(distance: float, instance: Instance) -> bool:
    """Whether the header gives this distance between slices, or about this thickness."""
    said = [instance.number(keyword) or 0.0 for keyword in _SPACINGS]
    return any(abs(distance - one) <= 0.25 * one for one in said)


def _is_numbered(instances: Sequence[Instance], gap: Gap) -> bool:
    """Whether instance numbers leave out just as many."""
    before, after = (instances[at].integer("InstanceNumber") for at in gap[:2])
    return abs(after - before) == gap[2] + 1


def _isolated(large: Sequence[bool]) -> list[int]:
    """Return where single large steps are, and pairs of them that do not end the row."""
    found: list[int] = []
    at = 0
    for is_large, run in groupby(large):
        length = len(list(run))
        inside = at > 0 and at + length < len(large)
        if is_large and length <= (_MAX_RUN if inside else 1):
            found += range(at, at + length)
        at += length
    return found


def _among_repeats(
    instances: Sequence[Instance], stack: Sequence[_Slice], levels: Sequence[int]
) -> list[Gap]:
    n_levels = max(levels) + 1
    passes = _told_apart(instances, stack, levels) or _passes(levels)
    n_whole = sum(len(one) >= n_levels - max(1, n_levels // 10) for one in passes)
    if n_levels < 3 or n_whole * 2 < len(passes):
        return _dips(instances, stack, levels)
    inside = [gap for one in passes for gap in _between(instances, [stack[at] for at in one])]
    return inside + _at_ends(stack, levels, passes)


def _told_apart(
    instances: Sequence[Instance], stack: Sequence[_Slice], levels: Sequence[int]
) -> list[list[int]]:
    """Return the passes by an attribute that explains all repeats, [] where there is none."""
    for position in _TELLING:
        values = values_of(instances, position)
        passes: dict[str, list[int]] = {}
        for at, (place, _) in enumerate(stack):
            value = values[place]
            passes.setdefault("" if value is None else str(value), []).append(at)
        if all(len({levels[at] for at in one}) == len(one) for one in passes.values()):
            return list(passes.values())
    return []


def _passes(levels: Sequence[int]) -> list[list[int]]:
    """Return the passes over the positions, in the order of the series."""
    passes: list[list[int]] = [[]]
    seen: set[int] = set()
    for at, level in enumerate(levels):
        if level in seen:
            passes.append([])
            seen = set()
        passes[-1].append(at)
        seen.add(level)
    return passes


def _at_ends(
    stack: Sequence[_Slice], levels: Sequence[int], passes: Sequence[Sequence[int]]
) -> list[Gap]:
    """Return the gaps between passes: at the end of one, or at the start of the next.

    Only of positions that all other passes have. Where the series ends, a pass may be cut: that is
    no gap.
    """
    n_counted = len(passes) - 1  # not the last
    counts = Counter(levels[at] for one in passes[:-1] for at in one)
    found: list[Gap] = []
    if n_counted < _MIN_PASSES:
        return found
    for number, (one, next_one) in enumerate(pairwise(passes), 1):
        behind = _outside([levels[at] for at in one], counts, at_end=True)
        ahead = _outside([levels[at] for at in next_one], counts, at_end=False)
        n_next = n_counted - (number < n_counted)
        n_missing = sum(counts[level] == n_counted - 1 for level in behind)
        n_missing += sum(counts[level] == n_next for level in ahead)
        if n_missing:
            found.append((stack[one[-1]][0], stack[next_one[0]][0], n_missing))
    return found


def _outside(levels: Sequence[int], every: Iterable[int], *, at_end: bool) -> set[int]:
    """Return the positions beyond the last one of a pass, or ahead of its first."""
    rises = levels[-1] >= levels[0]
    low, high = min(levels), max(levels)
    if rises == at_end:
        return {level for level in every if level > high}
    return {level for level in every if level < low}


def _dips(
    instances: Sequence[Instance], stack: Sequence[_Slice], levels: Sequence[int]
) -> list[Gap]:
    """Return the gaps that show in the number of images of each position."""
    counts = Counter(levels)
    row = [counts[level] for level in range(max(levels) + 1)]
    usual, n_usual = Counter(row).most_common(1)[0]
    first = {level: at for at, level in reversed(list(enumerate(levels)))}
    last = {level: at for at, level in enumerate(levels)}
    distinct = [stack[at] for at in first.values()]
    found = [(a, b, n * usual) for a, b, n in _between(instances, distinct)]
    fewer = _isolated([count < usual for count in row])
    if n_usual * 3 < len(row) * 2 or len(fewer) > max(2, len(row) // 4):
        return found
    for level in fewer:
        if 0 < level < len(row) - 1:
            beside = min(last[level] + 1, len(stack) - 1)
            found.append((stack[last[level]][0], stack[beside][0], usual - row[level]))
    return found
