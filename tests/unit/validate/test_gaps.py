"""Gaps between slices (C05): on real series, and on stacks of every order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pydicom
import pytest

from emixcli.media.grouping import in_viewing_order
from emixcli.media.scan import scan_media
from emixcli.model import KEYWORDS, Instance, Series
from emixcli.validate.gaps import find_gaps
from tests.running import ROOT

_AXIAL = "1\\0\\0\\0\\1\\0"
_SAGITTAL = "0\\1\\0\\0\\0\\-1"


def image(
    number: int | None, position: float, *, orientation: str = _AXIAL, **values: str
) -> Instance:
    where = {_AXIAL: f"0\\0\\{position}", _SAGITTAL: f"{position}\\0\\0"}[orientation]
    known = {
        "ImagePositionPatient": where,
        "ImageOrientationPatient": orientation,
        "SpacingBetweenSlices": "3",
        **values,
    }
    if number is not None:
        known["InstanceNumber"] = str(number)
    path = f"{random.Random(repr((number, position, values))).random()}"
    return Instance(0, path, 1, tuple(known.get(keyword) for keyword in KEYWORDS))


def series(images: Sequence[Instance]) -> Series:
    return Series("1", tuple(in_viewing_order(list(images))))


def _phases(*, inner: bool, numbered: bool = True, told: bool = False) -> list[Instance]:
    """Four images of each of nine positions; positions run outside of phases, or inside."""
    pairs = [(z, phase) for phase in range(4) for z in range(9)]
    if inner:
        pairs.sort()
    return [
        image(
            number if numbered else None,
            3.0 * z,
            AcquisitionNumber=str(phase if told else 1),
            ContentTime=f"{phase}",
        )
        for number, (z, phase) in enumerate(pairs, 1)
    ]


def _two_directions() -> list[Instance]:
    axial = [image(n, 3.0 * n) for n in range(1, 8)]
    return axial + [image(n, 5.0 * n, orientation=_SAGITTAL) for n in range(8, 15)]


STACKS = {
    "one stack": ([image(n, 3.0 * n) for n in range(1, 8)], 5),
    "downwards": ([image(n, -3.0 * n) for n in range(1, 8)], 5),
    "four slices": ([image(n, 3.0 * n) for n in range(1, 5)], 2),
    "numbers leave out": ([image(n * n, 3.0 * n) for n in range(1, 8)], 5),
    "two directions": (_two_directions(), 10),
    "phase by phase": (_phases(inner=False), 34),
    "position by position": (_phases(inner=True), 28),
    "without numbers": (_phases(inner=False, numbered=False), 28),
    "by acquisition": (_phases(inner=True, told=True), 28),
}


@pytest.mark.parametrize("name", STACKS)
def test_one_image_left_out(name: str) -> None:
    images, n_inside = STACKS[name]
    assert find_gaps(series(images)) == []
    found = 0
    for left_out in images:
        gaps = find_gaps(series([one for one in images if one is not left_out]))
        assert [gap[2] for gap in gaps] in ([], [1])
        found += len(gaps)
    assert found >= n_inside


def test_a_gap_has_its_neighbours() -> None:
    images = _phases(inner=False)
    del images[13]
    whole = series(images)
    ((before, after, n_missing),) = find_gaps(whole)
    numbers = [whole.instances[at].integer("InstanceNumber") for at in (before, after)]
    assert (numbers, n_missing) == ([13, 15], 1)


def test_several_missing() -> None:
    images = [image(n, 3.0 * n) for n in range(1, 30)]
    assert [gap[2] for gap in find_gaps(series(images[:10] + images[17:]))] == [7]
    assert len(find_gaps(series(images[:5] + images[6:7] + images[8:]))) == 2
    phases = [one for one in _phases(inner=False) if one.numbers("ImagePositionPatient")[2] != 9]
    assert sum(gap[2] for gap in find_gaps(series(phases))) == 4


@pytest.mark.parametrize(
    "positions",
    [
        [0, 3, 6, 9, 12, 18, 24, 30, 36],  # the distance changes
        [0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16],  # pairs of slices
        [0, 3, 7, 12, 18, 25, 33],
        [0, 3, 6, 9, 300, 303, 306, 309],  # two slabs
        [0, 30],
        [0, 10, 30],  # a localiser
        [0, 0, 0, 0, 0, 0],
        [-1.5e308, 1.5e308, 1.6e308, 1.65e308, 1.7e308],  # a distance is infinite
    ],
)
def test_habits_of_devices_are_no_gaps(positions: Sequence[float]) -> None:
    assert find_gaps(series([image(n, z) for n, z in enumerate(positions, 1)])) == []


def test_a_last_phase_that_was_stopped_is_no_gap() -> None:
    assert find_gaps(series(_phases(inner=False)[:-4])) == []
    assert find_gaps(series([image(n, n % 7) for n in range(3)])) == []


def test_images_without_position_disturb_nothing() -> None:
    stack = [image(n, 3.0 * n) for n in range(1, 9) if n != 4]
    text = [image(n, 0, ImagePositionPatient="") for n in range(20, 24)]
    nonsense = [image(30, 0, ImagePositionPatient="nan\\0\\inf")]
    assert len(find_gaps(series([*stack, *text, *nonsense]))) == 1


def test_hostile_series_take_no_time() -> None:
    some = random.Random(4)
    many = [
        image(
            n,
            some.randrange(300),
            AcquisitionNumber=str(n),
            ImageOrientationPatient=f"{some.random()}\\1\\0\\0\\0\\-1",
        )
        for n in range(20_000)
    ]
    find_gaps(Series("1", tuple(many)))


def test_real_series(shared_corpora: Path) -> None:
    """The table of docs/reference/findings.md."""
    n_series = n_found = n_possible = n_inside = n_false = 0
    data = Path(pydicom.__file__).parent / "data"
    for folder in (shared_corpora / "dicom", data):
        for one in scan_media([str(folder)]).iter_series():
            if len(one.instances) < 4:
                continue
            n_series += 1
            whole = find_gaps(one)
            n_false += any(n_missing != _numbers_between(one, *gap) for *gap, n_missing in whole)
            possible = _possible(one.instances)
            for at in range(1, len(one.instances) - 1):
                gaps = find_gaps(Series("1", [*one.instances[:at], *one.instances[at + 1 :]]))
                n_inside += 1
                n_possible += at in possible
                n_found += sum(n for *_, n in gaps) == sum(n for *_, n in whole) + 1
    row = f"| {n_series} | {n_inside} | {n_possible} | {n_found} | {n_false} |"
    page = (ROOT / "docs" / "reference" / "findings.md").read_text("utf-8")
    assert row in page, row
    assert n_found == n_possible
    assert n_false == 0


def _numbers_between(one: Series, before: int, after: int) -> int:
    a, b = (one.instances[at].integer("InstanceNumber") for at in (before, after))
    return abs(b - a) - 1


def _possible(instances: Sequence[Instance]) -> set[int]:
    """Return the images whose absence positions can tell: within rows of even distance."""
    rows: dict[str, list[int]] = {}
    for at, one in enumerate(instances):
        if len(one.numbers("ImagePositionPatient")) == 3:
            rows.setdefault(one.text("ImageOrientationPatient"), []).append(at)
    found: set[int] = set()
    for row in rows.values():
        points = sorted({instances[at].numbers("ImagePositionPatient") for at in row})
        steps = [sum(abs(x - y) for x, y in zip(a, b, strict=True)) for a, b in pairwise(points)]
        if len(steps) >= 3 and max(steps) < 1.1 * min(steps):
            found.update(row[1:-1])
    return found
