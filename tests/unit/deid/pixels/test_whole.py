"""Pixels cleaned on the whole way: a file in, a de-identified file out."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from emixcli.anonymize import Anonymizer, Option, Profile
from emixcli.deid.pixels.faces import Plane, find_faces
from emixcli.deid.pixels.facts import Region
from emixcli.deid.refusal import DeidError
from emixcli.demo.brain import Tissue
from tests.unit.deid.pixels.images import (
    burn,
    compressed,
    facts_of,
    frames_of,
    image,
    outside,
    speckle,
    to_bytes,
)
from tests.unit.deid.pixels.jpeg_writer import Options, encode
from tests.unit.deid.pixels.test_faces import SIZE, _slices

KEY = bytes(range(32))
CLEAN = frozenset({Option.CLEAN_PIXEL_DATA})
IDENTITY: dict[str, Any] = {
    "PatientName": "CANARYSURNAME^JANE", "PatientID": "CANARY-1", "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.1", "InstanceNumber": 1, "StudyDate": "20240501",
}  # fmt: skip


def _anonymize(data: bytes, options: frozenset[Option] = CLEAN, **more: Any) -> Dataset:
    anonymizer = Anonymizer(Profile(options, accept_risk=more.pop("accept", None)), KEY, **more)
    file = io.BytesIO(data)
    made = anonymizer.anonymize(file)
    out = b"".join(bytes(piece) for piece in made.iter_bytes(file))
    made.close()
    assert len(out) == made.size
    assert b"CANARY" not in out
    return dcmread(io.BytesIO(out))


def _pixels() -> np.ndarray:
    pixels = speckle(2, 480, 640) + 20
    burn(pixels, "DOE JANE", at=(10, 30), value=255)
    return pixels


@pytest.mark.parametrize("kind", ["native", "rle", "jpeg"])
def test_text_of_a_known_device_is_gone(kind: str) -> None:
    pixels = _pixels()
    attributes = IDENTITY | {
        "Rows": 480, "Columns": 640, "Manufacturer": "Philips", "ManufacturerModelName": "iU22",
        "BurnedInAnnotation": "YES",
    }  # fmt: skip
    if kind == "jpeg":
        comment = (0xFE, b"CANARYSURNAME^JANE")
        frames = [encode([frame], Options(segments=[comment])) for frame in pixels]
        ds = compressed(frames, JPEGBaseline8Bit, table="extended", **attributes)
    else:
        ds = image(pixels.tobytes(), NumberOfFrames=2, **attributes)
        if kind == "rle":
            ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    before = frames_of(ds) if kind != "jpeg" else frames_of(to_bytes(ds))
    result = _anonymize(to_bytes(ds))
    assert result.BurnedInAnnotation == "NO"
    assert "113101" in {item.CodeValue for item in result.DeidentificationMethodCodeSequence}
    after = result.pixel_array.reshape(2, 480, 640, 1)
    assert not after[:, :47].any()
    free = outside([Region(0, 0, 640, 48)], 480, 640)
    assert np.array_equal(after[:, free], before[:, free])
    if kind == "jpeg":
        assert result.LossyImageCompression == "01"
        assert len(result.ExtendedOffsetTable) == 16


def test_margins_of_an_unknown_device_are_gone() -> None:
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 40, 60
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 599, 419
    pixels = _pixels()
    ds = image(
        pixels.tobytes(), Rows=480, Columns=640, NumberOfFrames=2,
        SequenceOfUltrasoundRegions=[region], **IDENTITY,
    )  # fmt: skip
    after = _anonymize(to_bytes(ds)).pixel_array
    kept = ~outside([Region(40, 60, 600, 420)], 480, 640)
    assert np.array_equal(after[:, kept], pixels[:, kept])
    assert not after[:, ~kept].any()


@pytest.mark.parametrize("options", [CLEAN, frozenset()])
def test_an_unknown_device_is_refused_unless_the_risk_is_taken(
    options: frozenset[Option],
) -> None:
    pixels = _pixels()
    data = to_bytes(image(pixels.tobytes(), Rows=480, Columns=640, NumberOfFrames=2, **IDENTITY))
    with pytest.raises(DeidError) as caught:
        _anonymize(data, options)
    assert caught.value.reason == "pixels.ultrasound"
    assert caught.value.exit_code == 80
    result = _anonymize(data, options, accept="all images were looked at")
    assert np.array_equal(result.pixel_array, pixels)
    assert result.get("BurnedInAnnotation") != "NO"
    codes = {item.CodeValue for item in result.DeidentificationMethodCodeSequence}
    assert "113101" not in codes


def _head() -> list[tuple[bytes, np.ndarray]]:
    found = []
    for number, item in enumerate(_slices("CT")):
        ds = dcmread(io.BytesIO(item.data))
        for keyword, value in IDENTITY.items():
            setattr(ds, keyword, value)
        ds.SOPInstanceUID = f"1.2.3.1.{number + 1}"
        found.append((to_bytes(ds), item.tissue))
    return found


def test_a_head_loses_its_face_and_keeps_all_other_pixels() -> None:
    options = frozenset({Option.CLEAN_PIXEL_DATA, Option.CLEAN_RECOGNIZABLE})
    head = _head()
    with pytest.raises(DeidError) as caught:
        _anonymize(head[20][0], options)
    assert caught.value.reason == "pixels.face-removal"
    place = Anonymizer(Profile(options), KEY).pixel_place
    masks = find_faces([[partial(io.BytesIO, data) for data, _ in head]], place)
    (mask,) = masks.values()
    eyes = 0
    for data, tissue in head:
        result = _anonymize(data, options, faces=masks)
        assert result.RecognizableVisualFeatures == "NO"
        covered = mask.covers(Plane.of(facts_of(data)), rows=SIZE, columns=SIZE)
        before, after = dcmread(io.BytesIO(data)).pixel_array, result.pixel_array
        assert np.array_equal(after[~covered], before[~covered])
        assert not after[covered].any()
        eyes += int((covered & (tissue == Tissue.VITREOUS)).sum())
    assert eyes > 100


def test_a_head_that_cannot_be_placed_has_no_mask_and_is_refused() -> None:
    options = frozenset({Option.CLEAN_RECOGNIZABLE})
    head = _head()[:20]
    place = Anonymizer(Profile(options), KEY).pixel_place
    masks = find_faces([[partial(io.BytesIO, data) for data, _ in head], []], place)
    assert masks == {}
    with pytest.raises(DeidError, match="face"):
        _anonymize(head[3][0], options, faces=masks)
