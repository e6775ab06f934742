from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from emixcli.deid.pixels import ocr
from emixcli.deid.pixels.decoded import Frames
from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import Region
from emixcli.deid.pixels.risk import Policy, assess
from emixcli.errors import UsageError
from tests.unit.deid.pixels.images import (
    burn,
    clean,
    compressed,
    facts_of,
    frames_of,
    image,
    pixel_range,
    speckle,
    to_bytes,
)
from tests.unit.deid.pixels.jpeg_writer import Options, encode
from tests.unit.deid.pixels.test_rules import facts

needs_ocr = pytest.mark.skipif(not ocr.is_installed(), reason="needs emixcli[ocr]")
PLACES = [(12, 20), (150, 40), (208, 150)]


def _file(bits: int = 8, frames: int = 1, **more: Any) -> bytes:
    pixels = speckle(frames, 240, 320, high=120).astype("u1" if bits == 8 else "<u2")
    for frame, place in zip(range(frames), PLACES, strict=False):
        burn(pixels[frame], "DOE JANE 1477", at=place, value=255)
    pixels = pixels * (1 if bits == 8 else 16)
    return to_bytes(
        image(
            pixels.tobytes(),
            Rows=240,
            Columns=320,
            NumberOfFrames=frames,
            BitsAllocated=bits,
            BitsStored=8 if bits == 8 else 12,
            **more,
        )
    )


def _find(data: bytes, known: tuple[Region, ...] = ()) -> tuple[Region, ...]:
    start, length = pixel_range(data)
    return ocr.find_text(facts_of(data), io.BytesIO(data), start, length, known)


def _covers(found: tuple[Region, ...], place: tuple[int, int]) -> bool:
    """Whether a line of text lies in regions, but for two pixels at its ends."""
    row, column = place
    line = np.zeros((240, 320), np.bool_)
    line[row : row + 14, column + 2 : column + 13 * 12 - 4] = True
    for region in found:
        line[region.y0 : region.y1, region.x0 : region.x1] = False
    return not line.any()


@needs_ocr
@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 16])
def test_text_is_found_on_speckle_and_blackened(bits: int) -> None:
    data = _file(bits, frames=3)
    found = _find(data)
    assert all(_covers(found, place) for place in PLACES)
    result, _ = clean(data, found)
    after = frames_of(result)
    for row, column in PLACES:
        assert not after[:, row : row + 14, column + 2 : column + 148].any()
    assert not _find(result)


@needs_ocr
@pytest.mark.slow
def test_known_regions_are_not_found_again() -> None:
    assert not _find(_file(), (Region(0, 0, 320, 40),))


@needs_ocr
@pytest.mark.slow
def test_text_is_found_in_compressed_frames() -> None:
    pixels = speckle(240, 320, high=120)
    burn(pixels, "DOE JANE 1477", at=PLACES[0], value=255)
    frame = encode([pixels], Options())
    data = to_bytes(compressed([frame], "1.2.840.10008.1.2.4.50", Rows=240, Columns=320))
    assert _covers(_find(data), PLACES[0])


@needs_ocr
@pytest.mark.slow
def test_no_text_is_found_in_speckle() -> None:
    assert not _find(to_bytes(image(speckle(240, 320).tobytes(), Rows=240, Columns=320)))


@pytest.mark.skipif(ocr.is_installed(), reason="emixcli[ocr] is installed")
def test_without_the_optional_part_the_option_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="not installed") as caught:
        ocr.require()
    assert "emixcli[ocr]" in caught.value.hint


def test_only_images_that_often_show_text_are_looked_at() -> None:
    policy = Policy(clean=True, ocr=True)
    known = facts({"Modality": "US", "ManufacturerModelName": "LOGIQ9"})
    assert assess(known, policy).look
    assert not assess(known, Policy(clean=True)).look
    assert not assess(facts({"Modality": "CT"}), policy).look
    denied = facts({"Modality": "RF", "BurnedInAnnotation": "NO"})
    assert assess(denied, policy).look
    assert assess(facts({"Modality": "RF"}), policy).refusal == "pixels.angiography"
    assert assess(facts({"Modality": "RF"}), Policy(clean=True, ocr=True, accept_risk="x")).look


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_picture_shows_the_full_range_in_grey(photometric: str) -> None:
    data = _file(16, PhotometricInterpretation=photometric)
    start, length = pixel_range(data)
    values = Frames(facts_of(data), io.BytesIO(data), start, length)[0]
    assert values.shape == (240, 320, 1)
    picture = ocr.as_picture(values, facts_of(data))
    assert picture.dtype == np.uint8
    assert {0, 255} <= set(np.unique(picture).tolist())
    flat = ocr.as_picture(np.full((4, 4, 1), 7), facts_of(data))
    assert len(np.unique(flat)) == 1


def test_frames_are_decoded_one_by_one() -> None:
    data = _file(8, frames=3)
    start, length = pixel_range(data)
    frames = Frames(facts_of(data), io.BytesIO(data), start, length)
    assert len(frames) == 3
    assert np.array_equal(np.stack([frames[i] for i in range(3)]), frames_of(data))
    with pytest.raises(IndexError):
        _ = frames[3]
    short = Frames(facts_of(data), io.BytesIO(data), start, length // 2)
    with pytest.raises(PixelError):
        _ = short[2]
