from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.faces import FaceMask, Plane, find_face
from emixcli.deid.pixels.facts import Facts, Region
from emixcli.demo.brain import T1_SIGNAL, Tissue, label, make_slice
from tests.unit.deid.pixels.images import (
    CT,
    MR,
    clean,
    facts_of,
    frames_of,
    image,
    pixel_range,
    to_bytes,
)

BRAIN = (Tissue.CSF, Tissue.GREY, Tissue.DEEP_GREY, Tissue.WHITE)
#: Hounsfield units of `Tissue`.
HU = np.array([-1000, 20, -90, 900, 250, 8, 38, 30, 36, 55, 10, 45])
SIZE, SPACING_MM, GAP_MM = 128, 2.0, 5.0
_AXIS = ((np.arange(SIZE) - (SIZE - 1) / 2) * SPACING_MM).astype(np.float32)


@dataclass
class Slice:
    """One slice of the phantom."""

    data: bytes
    tissue: NDArray[np.int8]
    points: list[NDArray[Any]]


def _place(axis: int, at: float) -> tuple[list[NDArray[Any]], list[float], list[float]]:
    """Return coordinates of pixels, corner and directions of a slice across an axis."""
    fixed = np.full((1, 1), at, np.float32)
    first = float(_AXIS[0])
    if axis == 2:
        return [_AXIS[None, :], _AXIS[:, None], fixed], [first, first, at], [1, 0, 0, 0, 1, 0]
    if axis == 0:
        return [fixed, _AXIS[None, :], -_AXIS[:, None]], [at, first, -first], [0, 1, 0, 0, 0, -1]
    return [_AXIS[None, :], fixed, -_AXIS[:, None]], [first, at, -first], [1, 0, 0, 0, 0, -1]


def _slices(
    kind: str, *, axis: int = 2, scale: float = 1.0, low: float = -125.0, high: float = 125.0,
    support: bool = False, pitch: float = 0.0,
) -> Iterator[Slice]:  # fmt: skip
    rng = np.random.default_rng(4)
    rescale: dict[str, Any] = {"RescaleIntercept": -1024, "RescaleSlope": 1} if kind == "CT" else {}
    cos, sin = np.cos(np.radians(pitch)), np.sin(np.radians(pitch))
    for at in np.arange(low, high, GAP_MM):
        points, corner, directions = _place(axis, float(at))
        x, y, z = points
        turned = [x, cos * y + sin * z, cos * z - sin * y]
        scaled = [(part / scale).astype(np.float32) for part in turned]
        tissue = label(scaled[0], scaled[1], scaled[2])
        if kind == "CT":
            values = HU[tissue]
            if support:  # a cup around the back of the head, and a bar above the nose
                ring = np.abs(np.hypot(x, y - 4) - 116) < 3
                values = np.where(ring & (y > 20), 200, values)
                values = np.where((np.abs(y + 124) < 2) & (np.abs(x) < 40) & (z < 0), 100, values)
            stored = (values + 1024).astype("<u2")
        else:
            stored = make_slice((scaled[0], scaled[1], scaled[2]), T1_SIGNAL, rng).astype("<u2")
        ds = image(
            stored.tobytes(), Rows=SIZE, Columns=SIZE, BitsAllocated=16, BitsStored=12,
            SOPClassUID=CT if kind == "CT" else MR, Modality=kind, BodyPartExamined="HEAD",
            ImagePositionPatient=corner, ImageOrientationPatient=directions,
            PixelSpacing=[SPACING_MM, SPACING_MM],
            **rescale,
        )  # fmt: skip
        shape = (SIZE, SIZE)
        yield Slice(to_bytes(ds), tissue, [np.broadcast_to(part, shape) for part in points])


def _sources(slices: list[Slice]) -> Iterator[tuple[Facts, io.BytesIO, int, int]]:
    for item in slices:
        yield (facts_of(item.data), io.BytesIO(item.data), *pixel_range(item.data))


def _cut(slices: list[Slice], mask: FaceMask) -> NDArray[Any]:
    return np.stack(
        [mask.covers(Plane.of(facts_of(s.data)), rows=SIZE, columns=SIZE) for s in slices]
    )


@pytest.mark.parametrize("kind", ["CT", "MR"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("scale", [0.72, 1.0, 1.08])
def test_eyes_and_nose_are_cut_off_and_the_brain_is_kept(
    kind: str, axis: int, scale: float
) -> None:
    reach = 125 if axis == 2 else 95 if axis == 0 else 120
    slices = list(_slices(kind, axis=axis, scale=scale, low=-reach, high=reach))
    mask = find_face(_sources(slices))
    cut = _cut(slices, mask)
    tissue = np.stack([item.tissue for item in slices])
    x, y, z = (np.stack([item.points[i] for item in slices]) / scale for i in range(3))
    eyes = tissue == Tissue.VITREOUS
    assert cut[eyes].mean() > 0.75
    assert cut[eyes & (y < -78)].all()
    nose = (tissue != Tissue.AIR) & (y < -84) & (np.abs(x) < 15) & (z < -25) & (z > -62)
    assert nose.any()
    assert cut[nose].all()
    nerves = (z < -15) & (y < -20)
    brain = np.isin(tissue, BRAIN) & ~nerves
    assert cut[brain].mean() < 0.002
    assert not cut[z > 40].any()
    assert not cut[y > 15].any()


@pytest.mark.parametrize("pitch", [-15, -8, 8, 15])
def test_a_head_that_nods_loses_its_face_too(pitch: float) -> None:
    slices = list(_slices("CT", pitch=pitch))
    cut = _cut(slices, find_face(_sources(slices)))
    tissue = np.stack([item.tissue for item in slices])
    _, y, z = (np.stack([item.points[i] for item in slices]) for i in range(3))
    assert cut[tissue == Tissue.VITREOUS].mean() > 0.85
    brain = np.isin(tissue, BRAIN) & ~((z < -15) & (y < -20))
    assert cut[brain].mean() < 0.005


def test_a_head_support_and_a_bar_before_the_nose_do_no_harm() -> None:
    plain = list(_slices("CT"))
    held = list(_slices("CT", support=True))
    first, second = find_face(_sources(plain)), find_face(_sources(held))
    assert abs(first.brow - second.brow) < 5
    assert abs(first.top - second.top) < 5
    cut = _cut(held, second)
    assert cut[np.stack([item.tissue for item in held]) == Tissue.VITREOUS].mean() > 0.85


def test_the_cut_knows_nothing_of_the_face() -> None:
    """Behind the cut the front is a smooth surface: it bends only backwards, and evenly."""
    mask = FaceMask(0.0, -98.0, 112.0, 1.0)
    plane = Plane((-63.5, -127.0, -20.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    covered = mask.covers(plane, rows=200, columns=128)
    depth = covered.sum(axis=0)
    assert np.array_equal(depth, depth[::-1])
    assert np.abs(np.diff(depth, 2)).max() <= 1
    assert covered[: depth.min()].all()


def test_a_mask_is_applied_slice_by_slice_in_any_order() -> None:
    slices = list(_slices("CT"))
    mask = pickle.loads(pickle.dumps(find_face(_sources(slices[::-1]))))  # noqa: S301 - our own
    assert mask == find_face(_sources(slices))
    changed = 0
    for item in reversed(slices):
        facts = facts_of(item.data)
        regions = mask.regions(facts)
        if not regions:
            continue
        result, _ = clean(item.data, regions)
        before, after = frames_of(item.data)[0, ..., 0], frames_of(result)[0, ..., 0]
        covered = mask.covers(Plane.of(facts), rows=SIZE, columns=SIZE)
        assert np.array_equal(before[~covered], after[~covered])
        assert not after[covered].any()
        changed += 1
    assert changed > 20


def test_regions_cover_the_mask_and_nothing_else() -> None:
    (item,) = _slices("CT", low=-25, high=-24)
    mask = FaceMask(3.0, -98.0, 112.0, 1.1)
    painted = np.zeros((SIZE, SIZE), int)
    for region in mask.regions(facts_of(item.data)):
        assert isinstance(region, Region)
        painted[region.y0 : region.y1, region.x0 : region.x1] += 1
    covered = mask.covers(Plane.of(facts_of(item.data)), rows=SIZE, columns=SIZE)
    assert np.array_equal(painted, covered.astype(int))


def _refused(slices: list[Slice]) -> None:
    with pytest.raises(PixelError) as caught:
        find_face(_sources(slices))
    assert caught.value.reason == "pixels.face-removal"
    assert "--accept-risk" in caught.value.hint


def test_a_head_without_its_vertex_is_refused() -> None:
    _refused(list(_slices("CT", high=70)))


def test_too_few_or_too_distant_slices_are_refused() -> None:
    slices = list(_slices("CT"))
    _refused(slices[20:26])
    _refused(slices[::2])
    _refused([])


def test_something_else_than_a_head_is_refused() -> None:
    slices = []
    for item in _slices("CT"):
        facts = facts_of(item.data)
        x, _, z = item.points
        arms = (np.abs(np.abs(x) - 90) < 30) & (z < 115)
        stored = np.where(arms, 1060, 24).astype("<u2")
        start, length = pixel_range(item.data)
        assert facts.rows * facts.columns * 2 == length
        data = item.data[:start] + stored.tobytes() + item.data[start + length :]
        slices.append(Slice(data, item.tissue, item.points))
    _refused(slices)


@pytest.mark.parametrize(
    "change",
    [
        {"ImagePositionPatient": None},
        {"ImageOrientationPatient": None},
        {"PixelSpacing": None},
        {"PixelSpacing": [0, 1]},
        {"NumberOfFrames": 2},
    ],
)
def test_slices_without_a_place_are_refused(change: dict[str, Any]) -> None:
    from pydicom import dcmread

    slices = []
    for item in _slices("CT", low=0, high=60):
        ds = dcmread(io.BytesIO(item.data))
        for keyword, value in change.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
        slices.append(Slice(to_bytes(ds), item.tissue, item.points))
    _refused(slices)
    mask = FaceMask(0.0, -98.0, 112.0, 1.0)
    with pytest.raises(PixelError):
        mask.regions(facts_of(slices[0].data))
