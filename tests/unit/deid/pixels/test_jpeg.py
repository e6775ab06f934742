from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.uid import (
    JPEGBaseline8Bit,
)

from emixcli.deid.pixels.decoded import Frames
from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import Region
from emixcli.deid.pixels.jpeg_lossless import decode_lossless
from tests.unit.deid.pixels.coding import (
    COLUMNS,
    REGIONS,
    ROWS,
    attributes_of,
    check_lossless,
    load,
    needs_dcmtk,
    picture,
    through_dcmtk,
)
from tests.unit.deid.pixels.images import (
    clean,
    compressed,
    facts_of,
    frames_of,
    image,
    outside,
    pixel_range,
    to_bytes,
)
from tests.unit.deid.pixels.jpeg_writer import Options, encode, encode_lossless


def _changed_blocks(
    before: NDArray[Any], after: NDArray[Any], regions: list[Region], size: tuple[int, int]
) -> None:
    """Regions are black; pixels beyond the blocks that they touch are the same."""
    rows, columns = before.shape[1:3]
    wide, high = size
    grown = [
        Region(r.x0 // wide * wide, r.y0 // high * high, -(-r.x1 // wide) * wide,
               -(-r.y1 // high) * high)
        for r in regions
    ]  # fmt: skip
    free = outside(grown, rows, columns)
    assert np.array_equal(before[:, free], after[:, free])
    inside = ~outside(regions, rows, columns)
    assert np.unique(after[:, inside].reshape(-1, after.shape[3]), axis=0).shape[0] == 1


@pytest.mark.parametrize("restart", [0, 1, 5, 13])
@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("step", [1, 9])
def test_jpeg_blocks_outside_keep_their_pixels(
    restart: int, interleaved: bool, samples: int, step: int
) -> None:
    pixels = picture(samples)
    options = Options(
        sampling=[(1, 1)] * samples, step=step, restart=restart, interleaved=interleaved
    )
    frame = encode([pixels[0, ..., i] for i in range(samples)], options)
    more = {"PhotometricInterpretation": "YBR_FULL"} if samples == 3 else {}
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **attributes_of(pixels, **more)))
    result, cleaned = clean(data, REGIONS)
    before, after = frames_of(data, raw=True), frames_of(result, raw=True)
    assert np.abs(before[0, 30:40].astype(int) - pixels[0, 30:40]).mean() < 3 * step
    _changed_blocks(before, after, REGIONS, (8, 8))
    black = (0, 128, 128) if samples == 3 else (0,)
    assert tuple(after[0, 5, 5]) == black
    assert cleaned.attributes[0x00282110] == b"01"
    assert cleaned.attributes[0x00282114] == b"ISO_10918_1"
    assert float(cleaned.attributes[0x00282112]) > 1


@pytest.mark.parametrize("sampling", [(2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("restart", [0, 3])
def test_jpeg_with_sampled_colours_changes_no_luminance_outside(
    sampling: tuple[int, int], restart: int
) -> None:
    pixels = picture(3)
    options = Options(sampling=[sampling, (1, 1), (1, 1)], restart=restart)
    frame = encode([pixels[0, ..., i] for i in range(3)], options)
    attributes = attributes_of(pixels, PhotometricInterpretation="YBR_FULL_422")
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **attributes))
    result, _ = clean(data, REGIONS)
    before, after = frames_of(data, raw=True), frames_of(result, raw=True)
    _changed_blocks(before[..., :1], after[..., :1], REGIONS, (8, 8))
    # Decoders smooth colours over the borders of blocks.
    unit = (8 * sampling[0], 8 * sampling[1])
    grown = [Region(r.x0 - 2, r.y0 - 2, r.x1 + 2, r.y1 + 2) for r in REGIONS]
    free = outside(
        [Region(r.x0 // unit[0] * unit[0] - 2, r.y0 // unit[1] * unit[1] - 2,
                -(-r.x1 // unit[0]) * unit[0] + 2, -(-r.y1 // unit[1]) * unit[1] + 2)
         for r in grown], ROWS, COLUMNS)  # fmt: skip
    assert np.array_equal(before[:, free], after[:, free])


def test_jpeg_outside_blocks_keep_their_coefficients() -> None:
    """A second cleaning with the regions swapped gives what both at once give."""
    pixels = picture()
    frame = encode([pixels[0, ..., 0]], Options(restart=0))
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **attributes_of(pixels)))
    once, _ = clean(data, REGIONS)
    first, _ = clean(data, REGIONS[:1])
    twice, _ = clean(first, REGIONS[1:])
    again, _ = clean(once, REGIONS)
    assert np.array_equal(frames_of(once), frames_of(twice))
    assert again == once


def test_monochrome1_jpeg_becomes_white_in_values() -> None:
    pixels = picture()
    frame = encode([pixels[0, ..., 0]], Options())
    attributes = attributes_of(pixels, PhotometricInterpretation="MONOCHROME1")
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **attributes))
    result, _ = clean(data, REGIONS)
    assert frames_of(result)[0, 5, 5] == 255


_JPEG = ["JPGExtended.dcm", "SC_jpeg_no_color_transform.dcm", "SC_rgb_dcmtk_+eb+cr.dcm",
         "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_dcmtk_+eb+cy+n2.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
         "SC_rgb_dcmtk_+eb+cy+s2.dcm", "SC_rgb_dcmtk_+eb+cy+s4.dcm", "SC_rgb_jpeg_dcmtk.dcm",
         "SC_rgb_jpeg_lossy_gdcm.dcm", "examples_ybr_color.dcm"]  # fmt: skip


@pytest.mark.parametrize("name", _JPEG)
def test_real_jpeg_images_keep_what_lies_two_blocks_away(name: str) -> None:
    data = load(name)
    facts = facts_of(data)
    regions = [Region(0, 0, facts.columns, facts.rows // 8)]
    result, _ = clean(data, regions)
    before, after = frames_of(data), frames_of(result)
    free = outside(regions, facts.rows, facts.columns, grow=18)
    assert np.array_equal(before[:, free], after[:, free])
    inside = after[:, : facts.rows // 8]
    assert inside.max() <= 1
    assert len(result) < len(data)


@needs_dcmtk
@pytest.mark.parametrize("name", _JPEG)
def test_dcmtk_reads_cleaned_jpeg_images(name: str, tmp_path: Path) -> None:
    data = load(name)
    facts = facts_of(data)
    result, _ = clean(data, [Region(0, 0, facts.columns, facts.rows // 8)])
    before = through_dcmtk("dcmdjpeg", data, tmp_path)
    after = through_dcmtk("dcmdjpeg", result, tmp_path)
    assert np.array_equal(before[:, facts.rows // 8 + 18 :], after[:, facts.rows // 8 + 18 :])
    assert after[:, : facts.rows // 8].max() <= 1


@needs_dcmtk
@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("samples", "bits"), [(1, 8), (1, 16), (3, 8)])
def test_lossless_jpeg_keeps_every_other_pixel(
    predictor: int, samples: int, bits: int, tmp_path: Path
) -> None:
    pixels = picture(samples, 2, bits)
    (tmp_path / "in.dcm").write_bytes(to_bytes(image(pixels.tobytes(), **attributes_of(pixels))))
    subprocess.run(
        ["dcmcjpeg", "+el", "+sv", str(predictor), tmp_path / "in.dcm", tmp_path / "c.dcm"],
        check=True,
        capture_output=True,
    )
    data = (tmp_path / "c.dcm").read_bytes()
    assert np.array_equal(frames_of(data, raw=True), pixels)
    start, length = pixel_range(data)
    frames = Frames(facts_of(data), io.BytesIO(data), start, length)
    assert np.array_equal(np.stack([frames[0], frames[1]]), pixels)
    result = check_lossless(data)
    after = through_dcmtk("dcmdjpeg", result, tmp_path)
    assert np.array_equal(after, frames_of(result, raw=True))


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_gdcm.dcm"])
def test_real_lossless_jpeg_images_keep_every_other_pixel(name: str) -> None:
    data = load(name)
    result, _ = clean(data, [Region(10, 10, 70, 40)])
    before, after = frames_of(data), frames_of(result)
    free = outside([Region(10, 10, 70, 40)], *before.shape[1:3])
    assert np.array_equal(before[:, free], after[:, free])
    assert not after[:, ~free].any()


def test_a_progressive_jpeg_image_is_refused_by_name() -> None:
    pixels = picture()
    frame = encode([pixels[0, ..., 0]], Options()).replace(b"\xff\xc0", b"\xff\xc2")
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **attributes_of(pixels)))
    with pytest.raises(PixelError, match=r"pixels\.codec"):
        clean(data, REGIONS)


@pytest.mark.parametrize(("restart_lines", "shift"), [(0, 0), (1, 0), (7, 0), (40, 0), (0, 2)])
def test_lossless_jpeg_with_restarts_keeps_every_other_pixel(
    restart_lines: int, shift: int
) -> None:
    pixels = picture(1, 1, 16)
    frame = encode_lossless(pixels[0, ..., 0], restart_lines=restart_lines, shift=shift)
    data = to_bytes(compressed([frame], "1.2.840.10008.1.2.4.70", **attributes_of(pixels)))
    assert np.array_equal(decode_lossless(frame, size=(ROWS, COLUMNS)), pixels[0] >> shift << shift)
    if not shift:
        assert np.array_equal(frames_of(data, raw=True), pixels)
        check_lossless(data)
    result, _ = clean(data, REGIONS)
    start, length = pixel_range(result)
    after = Frames(facts_of(result), io.BytesIO(result), start, length)[0]
    free = outside(REGIONS, ROWS, COLUMNS)
    assert np.array_equal(after[free], (pixels[0] >> shift << shift)[free])
    assert not after[~free].any()


def test_lossless_jpeg_of_signed_values_is_decoded_with_its_sign() -> None:
    values = (np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) % 4000 - 2000).astype(np.int16)
    frame = encode_lossless((values & 0xFFF).astype(np.uint16))
    attributes = attributes_of(picture(1, 1, 16), PixelRepresentation=1)
    data = to_bytes(compressed([frame], "1.2.840.10008.1.2.4.70", **attributes))
    start, length = pixel_range(data)
    frames = Frames(facts_of(data), io.BytesIO(data), start, length)
    assert np.array_equal(frames[0][..., 0], values)
