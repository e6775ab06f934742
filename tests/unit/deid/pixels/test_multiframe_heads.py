"""Heads in enhanced multi-frame CT and MR: each frame loses its own part of the face."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from emixcli.anonymize import Anonymizer, DeidError, Option, Profile
from emixcli.deid.pixels.faces import FaceMask, Plane, find_face, find_faces
from tests.unit.deid.pixels.images import facts_of, frames_of, to_bytes
from tests.unit.deid.pixels.test_faces import SIZE, Slice, _slices, _sources

KEY = bytes(range(32))
PROFILE = Profile(frozenset({Option.CLEAN_RECOGNIZABLE}))
ENHANCED = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}


def group(keyword: str, **values: Any) -> tuple[str, list[Dataset]]:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return keyword, [item]


def groups(*made: tuple[str, list[Dataset]]) -> Dataset:
    item = Dataset()
    for keyword, value in made:
        setattr(item, keyword, value)
    return item


def enhanced(
    slices: list[Slice], kind: str = "CT", *, syntax: str = ExplicitVRLittleEndian
) -> Dataset:
    """Return the slices as one object, as a scanner would write them."""
    read = [dcmread(io.BytesIO(one.data)) for one in slices]
    ds = read[0]
    per_frame = [
        groups(group("PlanePositionSequence", ImagePositionPatient=one.ImagePositionPatient))
        for one in read
    ]
    shared = groups(
        group("PlaneOrientationSequence", ImageOrientationPatient=ds.ImageOrientationPatient),
        group("PixelMeasuresSequence", PixelSpacing=ds.PixelSpacing, SliceThickness="5"),
    )
    if kind == "CT":
        shared.PixelValueTransformationSequence = group(
            "", RescaleIntercept="-1024", RescaleSlope="1", RescaleType="HU"
        )[1]
    pixels = b"".join(one.PixelData for one in read)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
                    "RescaleSlope", "RescaleIntercept"):  # fmt: skip
        if keyword in ds:
            del ds[keyword]
    ds.SOPClassUID, ds.SeriesInstanceUID = ENHANCED[kind], "1.2.3.4.5"
    ds.StudyInstanceUID, ds.SOPInstanceUID = "1.2.3.4.6", "1.2.3.4.7"
    ds.NumberOfFrames = len(read)
    ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = [shared], per_frame
    ds.PixelData = pixels
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    return ds


def made(data: bytes) -> tuple[bytes, dict[str, FaceMask]]:
    """De-identify an object that is a series of its own."""
    faces = find_faces([[lambda: io.BytesIO(data)]], Anonymizer(PROFILE, KEY).pixel_place)
    file = io.BytesIO(data)
    done = Anonymizer(PROFILE, KEY, faces=faces).anonymize(file)
    output = b"".join(done.iter_bytes(file))
    assert len(output) == done.size
    return output, faces


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("kind", ["CT", "MR"])
def test_faces_go_frame_by_frame_as_they_go_slice_by_slice(kind: str, syntax: str) -> None:
    slices = list(_slices(kind))
    ds = enhanced(slices, kind, syntax=syntax)
    output, faces = made(to_bytes(ds))
    (mask,) = faces.values()
    assert mask == find_face(_sources(slices))
    before, after = frames_of(ds)[..., 0], frames_of(output)[..., 0]
    changed = 0
    for number, one in enumerate(slices):
        covered = mask.covers(Plane.of(facts_of(one.data)), rows=SIZE, columns=SIZE)
        assert not after[number][covered].any(), number
        assert np.array_equal(before[number][~covered], after[number][~covered])
        changed += not np.array_equal(before[number], after[number])
    assert changed > 20
    assert dcmread(io.BytesIO(output)).RecognizableVisualFeatures == "NO"


def test_frames_in_any_order_lose_the_same() -> None:
    slices = list(_slices("CT"))
    order = np.random.default_rng(1).permutation(len(slices))
    plain = frames_of(made(to_bytes(enhanced(slices)))[0])
    mixed = frames_of(made(to_bytes(enhanced([slices[at] for at in order])))[0])
    assert np.array_equal(plain[order], mixed)


def _without_positions(ds: Dataset) -> None:
    for item in ds.PerFrameFunctionalGroupsSequence:
        del item.PlanePositionSequence


def _with_fewer_groups(ds: Dataset) -> None:
    ds.PerFrameFunctionalGroupsSequence = ds.PerFrameFunctionalGroupsSequence[:-1]


def _across(ds: Dataset) -> None:
    ds.PerFrameFunctionalGroupsSequence[3].PlaneOrientationSequence = group(
        "", ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"]
    )[1]


def _short(ds: Dataset) -> None:
    ds.PixelData = ds.PixelData[: -SIZE * SIZE]


@pytest.mark.parametrize("change", [_without_positions, _with_fewer_groups, _across, _short])
def test_frames_without_a_place_are_refused(change: Any) -> None:
    ds = enhanced(list(_slices("CT")))
    change(ds)
    with pytest.raises(DeidError) as caught:
        made(to_bytes(ds))
    assert caught.value.reason in {"pixels.face-removal", "pixels.damaged"}


def test_a_head_is_known_by_the_anatomy_of_its_frames() -> None:
    ds = enhanced(list(_slices("CT"))[:3])
    del ds.BodyPartExamined
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "69536005", "SCT", "Head"
    anatomy = group("", AnatomicRegionSequence=[region])[1]
    ds.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = anatomy
    with pytest.raises(DeidError) as caught:
        Anonymizer(Profile(), KEY).anonymize(io.BytesIO(to_bytes(ds)))
    assert caught.value.reason == "pixels.face"
