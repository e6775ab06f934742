from __future__ import annotations

import io
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from emixcli.deid.pixels.clean import clean_pixels
from emixcli.deid.pixels.decoded import Frames
from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import Facts, Region
from tests.unit.deid.pixels.images import (
    burn,
    clean,
    compressed,
    facts_of,
    frames_of,
    image,
    outside,
    pixel_range,
    speckle,
    to_bytes,
)
from tests.unit.deid.pixels.jpeg_writer import Options, encode

REGIONS = [Region(0, 0, 97, 18), Region(37, 50, 51, 61)]
ROWS, COLUMNS = 90, 97
JPEG_2000 = "1.2.840.10008.1.2.4.90"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
needs_dcmtk = pytest.mark.skipif(shutil.which("dcmdjpeg") is None, reason="needs dcmtk")


def _picture(samples: int = 1, frames: int = 1, bits: int = 8) -> NDArray[Any]:
    pixels = speckle(frames, ROWS, COLUMNS, samples)
    pixels = (pixels * (1 if bits == 8 else 16) + 3).astype("u1" if bits == 8 else "<u2")
    for sample in range(samples):
        burn(pixels[..., sample], "DOE", at=(2, 3), value=255)
    return pixels


def _attributes(pixels: NDArray[Any], **more: Any) -> dict[str, Any]:
    wide = pixels.dtype.itemsize == 2
    found: dict[str, Any] = {
        "Rows": pixels.shape[1],
        "Columns": pixels.shape[2],
        "SamplesPerPixel": pixels.shape[3],
        "NumberOfFrames": pixels.shape[0],
        "BitsAllocated": 16 if wide else 8,
        "BitsStored": 12 if wide else 8,
    }
    if pixels.shape[3] == 3:
        found |= {"PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
    return found | more


def _check_lossless(data: bytes, *, rows: int = ROWS, columns: int = COLUMNS) -> bytes:
    result, cleaned = clean(data, REGIONS)
    if cleaned.attributes:
        ds = dcmread(io.BytesIO(result))
        for tag, value in cleaned.attributes.items():
            ds[tag].value = value
        result = to_bytes(ds)
    before, after = frames_of(data, raw=True), frames_of(result, raw=True)
    free = outside(REGIONS, rows, columns)
    assert np.array_equal(before[:, free], after[:, free])
    assert not after[:, ~free].any()
    assert before[:, ~free].any()
    return result


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
@pytest.mark.parametrize(("samples", "frames", "bits"), [(1, 1, 8), (3, 3, 8), (1, 2, 16)])
def test_rle_frames_keep_every_other_pixel(
    table: str, samples: int, frames: int, bits: int
) -> None:
    pixels = _picture(samples, frames, bits)
    ds = image(pixels.tobytes(), **_attributes(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    parts = list(generate_frames(ds.PixelData, number_of_frames=frames))
    result = _check_lossless(
        to_bytes(compressed(parts, RLELossless, table=table, **_attributes(pixels)))
    )
    _check_offsets(result, table)


def _check_offsets(data: bytes, table: str) -> None:
    """Offsets lead to the items of the frames."""
    ds = dcmread(io.BytesIO(data))
    frames = int(ds.NumberOfFrames)
    value = ds.PixelData
    n_table = int.from_bytes(value[4:8], "little")
    assert n_table == (4 * frames if table == "basic" else 0)
    if table == "basic":
        first = 8 + n_table
        for number in range(frames):
            at = int.from_bytes(value[8 + 4 * number : 12 + 4 * number], "little")
            assert value[first + at : first + at + 4] == b"\xfe\xff\x00\xe0"


def test_the_extended_offset_table_is_made_anew() -> None:
    pixels = _picture(1, 4)
    ds = image(pixels.tobytes(), **_attributes(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    frames = list(generate_frames(ds.PixelData, number_of_frames=4))
    data = to_bytes(compressed(frames, RLELossless, table="extended", **_attributes(pixels)))
    result, cleaned = clean(data, REGIONS)
    offsets = np.frombuffer(cleaned.attributes[0x7FE00001], "<u8")
    lengths = np.frombuffer(cleaned.attributes[0x7FE00002], "<u8")
    start, _ = pixel_range(data)
    for offset, length in zip(offsets.tolist(), lengths.tolist(), strict=True):
        head = result[start + 8 + offset : start + 16 + offset]
        assert head[:4] == b"\xfe\xff\x00\xe0"
        assert int.from_bytes(head[4:], "little") == length + length % 2


@needs_dcmtk
def test_dcmtk_reads_cleaned_rle_images(tmp_path: Path) -> None:
    pixels = _picture(3, 3)
    ds = image(pixels.tobytes(), **_attributes(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    result, _ = clean(to_bytes(ds), REGIONS)
    after = _through_dcmtk("dcmdrle", result, tmp_path)
    assert np.array_equal(after, frames_of(result))


def test_signed_values_keep_their_sign_when_decoded() -> None:
    for name in ("MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"):
        data = _load(name)
        start, length = pixel_range(data)
        frames = Frames(facts_of(data), io.BytesIO(data), start, length)
        assert np.array_equal(frames[0][..., 0], dcmread(io.BytesIO(data)).pixel_array)


def test_rle_rows_outside_keep_their_bytes() -> None:
    pixels = _picture()
    ds = image(pixels.tobytes(), **_attributes(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    data = to_bytes(compressed([frame], RLELossless, **_attributes(pixels)))
    result, _ = clean(data, [Region(0, 0, COLUMNS, 18)])
    assert frame[-1500:-2] in result


def test_rle_runs_across_rows_are_read() -> None:
    rows, columns = 20, 50
    frame = bytes(64) + b""
    code = b"".join(bytes((256 - 126, value)) for value in (7, 9, 7, 9, 7, 9, 7)) + b"\x80"
    code += bytes((256 - 110 + 0, 5))  # 7 × 127 = 889 and 111 more
    header = (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56)
    assert len(header) == len(frame)
    data = to_bytes(compressed([header + code + b"\0"], RLELossless, Rows=rows, Columns=columns))
    regions = [Region(0, 0, columns, 2), Region(10, 9, 20, 11)]
    result, _ = clean(data, regions)
    free = outside(regions, rows, columns)
    before, after = frames_of(data), frames_of(result)
    assert np.array_equal(before[:, free], after[:, free])
    assert not after[:, ~free].any()


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
    pixels = _picture(samples)
    options = Options(
        sampling=[(1, 1)] * samples, step=step, restart=restart, interleaved=interleaved
    )
    frame = encode([pixels[0, ..., i] for i in range(samples)], options)
    more = {"PhotometricInterpretation": "YBR_FULL"} if samples == 3 else {}
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **_attributes(pixels, **more)))
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
    pixels = _picture(3)
    options = Options(sampling=[sampling, (1, 1), (1, 1)], restart=restart)
    frame = encode([pixels[0, ..., i] for i in range(3)], options)
    attributes = _attributes(pixels, PhotometricInterpretation="YBR_FULL_422")
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
    pixels = _picture()
    frame = encode([pixels[0, ..., 0]], Options(restart=0))
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **_attributes(pixels)))
    once, _ = clean(data, REGIONS)
    first, _ = clean(data, REGIONS[:1])
    twice, _ = clean(first, REGIONS[1:])
    again, _ = clean(once, REGIONS)
    assert np.array_equal(frames_of(once), frames_of(twice))
    assert again == once


def test_monochrome1_jpeg_becomes_white_in_values() -> None:
    pixels = _picture()
    frame = encode([pixels[0, ..., 0]], Options())
    attributes = _attributes(pixels, PhotometricInterpretation="MONOCHROME1")
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **attributes))
    result, _ = clean(data, REGIONS)
    assert frames_of(result)[0, 5, 5] == 255


_JPEG = ["JPGExtended.dcm", "SC_jpeg_no_color_transform.dcm", "SC_rgb_dcmtk_+eb+cr.dcm",
         "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_dcmtk_+eb+cy+n2.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
         "SC_rgb_dcmtk_+eb+cy+s2.dcm", "SC_rgb_dcmtk_+eb+cy+s4.dcm", "SC_rgb_jpeg_dcmtk.dcm",
         "SC_rgb_jpeg_lossy_gdcm.dcm", "examples_ybr_color.dcm"]  # fmt: skip


def _load(name: str) -> bytes:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    return Path(path).read_bytes()


@pytest.mark.parametrize("name", _JPEG)
def test_real_jpeg_images_keep_what_lies_two_blocks_away(name: str) -> None:
    data = _load(name)
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
    data = _load(name)
    facts = facts_of(data)
    result, _ = clean(data, [Region(0, 0, facts.columns, facts.rows // 8)])
    before = _through_dcmtk("dcmdjpeg", data, tmp_path)
    after = _through_dcmtk("dcmdjpeg", result, tmp_path)
    assert np.array_equal(before[:, facts.rows // 8 + 18 :], after[:, facts.rows // 8 + 18 :])
    assert after[:, : facts.rows // 8].max() <= 1


def _through_dcmtk(program: str, data: bytes, folder: Path, *options: str) -> NDArray[Any]:
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(data)
    done = subprocess.run(
        [program, *options, source, target], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "orrupt" not in done.stderr
    return frames_of(target.read_bytes())


@needs_dcmtk
@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("samples", "bits"), [(1, 8), (1, 16), (3, 8)])
def test_lossless_jpeg_keeps_every_other_pixel(
    predictor: int, samples: int, bits: int, tmp_path: Path
) -> None:
    pixels = _picture(samples, 2, bits)
    (tmp_path / "in.dcm").write_bytes(to_bytes(image(pixels.tobytes(), **_attributes(pixels))))
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
    result = _check_lossless(data)
    after = _through_dcmtk("dcmdjpeg", result, tmp_path)
    assert np.array_equal(after, frames_of(result, raw=True))


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_gdcm.dcm"])
def test_real_lossless_jpeg_images_keep_every_other_pixel(name: str) -> None:
    data = _load(name)
    result, _ = clean(data, [Region(10, 10, 70, 40)])
    before, after = frames_of(data), frames_of(result)
    free = outside([Region(10, 10, 70, 40)], *before.shape[1:3])
    assert np.array_equal(before[:, free], after[:, free])
    assert not after[:, ~free].any()


@pytest.mark.parametrize(
    "name", ["MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "examples_jpeg2k.dcm"]
)
def test_lossless_frames_are_coded_again_by_libraries(name: str) -> None:
    pytest.importorskip("jpeg_ls")
    pytest.importorskip("openjpeg")
    data = _load(name)
    region = Region(5, 6, 40, 33)
    result, cleaned = clean(data, [region])
    before, after = frames_of(data), frames_of(result)
    free = outside([region], *before.shape[1:3])
    assert np.array_equal(before[:, free], after[:, free])
    assert len(np.unique(after[:, ~free].reshape(-1, after.shape[3]), axis=0)) == 1
    assert 0x00282110 not in cleaned.attributes


@pytest.mark.parametrize(("samples", "bits"), [(1, 8), (1, 16), (3, 8)])
def test_jpeg_ls_frames_keep_every_other_pixel(samples: int, bits: int) -> None:
    pytest.importorskip("jpeg_ls")
    pixels = _picture(samples, 2, bits)
    ds = image(pixels.tobytes(), **_attributes(pixels))
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    _check_lossless(to_bytes(ds))


def test_deflated_frames_keep_every_other_pixel() -> None:
    pixels = _picture(3, 2)
    frames = []
    for frame in pixels:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        frames.append(deflater.compress(frame.tobytes()) + deflater.flush())
    # pydicom does not know the syntax; only the file meta would differ.
    data = to_bytes(compressed(frames, RLELossless, **_attributes(pixels)))
    facts = Facts(facts_of(data).values, DEFLATED_FRAMES)
    start, length = pixel_range(data)
    cleaned = clean_pixels(facts, io.BytesIO(data), start, length, REGIONS)
    value = b"".join(piece for piece in cleaned.pieces() if isinstance(piece, bytes))
    cleaned.close()
    tailed = to_bytes(compressed([frames[0] + b"DOE^JANE"], RLELossless, **_attributes(pixels[:1])))
    facts = Facts(facts_of(tailed).values, DEFLATED_FRAMES)
    trimmed = clean_pixels(facts, io.BytesIO(tailed), *pixel_range(tailed))
    assert any(frames[0] in piece for piece in trimmed.pieces() if isinstance(piece, bytes))
    assert not any(b"DOE" in piece for piece in trimmed.pieces() if isinstance(piece, bytes))
    trimmed.close()
    free = outside(REGIONS, ROWS, COLUMNS)
    for frame, before in zip(generate_frames(value, number_of_frames=2), pixels, strict=True):
        plain = zlib.decompressobj(-15).decompress(frame)
        after = np.frombuffer(plain, np.uint8).reshape(before.shape)
        assert np.array_equal(before[free], after[free])
        assert not after[~free].any()


@pytest.mark.parametrize(
    "name",
    ["JPEG2000.dcm", "693_J2KI.dcm", "JPEGLSNearLossless_08.dcm", "SC_rgb_gdcm_KY.dcm",
     "SC_rgb_jls_lossy_line.dcm"],
)  # fmt: skip
def test_lossy_frames_of_other_kinds_are_refused_by_name(name: str) -> None:
    with pytest.raises(PixelError) as caught:
        clean(_load(name), [Region(0, 0, 9, 9)])
    assert caught.value.reason == "pixels.codec"
    assert caught.value.exit_code == 80
    assert caught.value.hint


@pytest.mark.parametrize(
    "name", ["SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_jpeg_gdcm.dcm", "MR_small_jpeg_ls_lossless.dcm",
             "MR_small_jp2klossless.dcm", "MR_small_RLE.dcm"],
)  # fmt: skip
@pytest.mark.parametrize("change", [{"Rows": 70}, {"Columns": 70}])
def test_frames_of_another_size_than_the_header_says_are_refused(
    name: str, change: dict[str, int]
) -> None:
    ds = dcmread(io.BytesIO(_load(name)))
    for keyword, value in change.items():
        setattr(ds, keyword, value)
    with pytest.raises(PixelError, match="damaged"):
        clean(to_bytes(ds), [Region(0, 0, 9, 9)])


@pytest.mark.parametrize("regions", [[], REGIONS])
def test_frames_behind_the_only_one_that_the_header_counts_go(regions: list[Region]) -> None:
    pixels = _picture(1, 2)
    ds = image(pixels.tobytes(), **_attributes(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    first = next(generate_frames(ds.PixelData, number_of_frames=2))
    ds.NumberOfFrames = 1
    result, _ = clean(to_bytes(ds), regions)
    expected, _ = clean(
        to_bytes(compressed([first], RLELossless, **_attributes(pixels[:1]))), regions
    )
    assert np.array_equal(frames_of(result), frames_of(expected))
    assert len(result) == len(expected)


@pytest.mark.parametrize("regions", [[], REGIONS])
@pytest.mark.parametrize("bits", [8, 16])
def test_bytes_that_code_no_pixel_of_an_rle_frame_go(regions: list[Region], bits: int) -> None:
    pixels = _picture(1, 2, bits)
    ds = image(pixels.tobytes(), **_attributes(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    frames = list(generate_frames(ds.PixelData, number_of_frames=2))
    name = b"CANARYSURNAME^JANE"
    hidden = bytearray(frames[1] + name)
    hidden[40:58] = name  # where the header has offsets of segments that it does not use
    data = to_bytes(compressed([frames[0], bytes(hidden)], RLELossless, **_attributes(pixels)))
    result, _ = clean(data, regions)
    assert name not in result
    plain, _ = clean(to_bytes(compressed(frames, RLELossless, **_attributes(pixels))), regions)
    assert np.array_equal(frames_of(result), frames_of(plain))


@pytest.mark.parametrize("regions", [[], REGIONS])
@pytest.mark.parametrize("syntax", [RLELossless, JPEGBaseline8Bit])
def test_text_in_a_basic_offset_table_is_replaced_by_offsets(
    regions: list[Region], syntax: str
) -> None:
    pixels = _picture(1, 2)
    if syntax == RLELossless:
        ds = image(pixels.tobytes(), **_attributes(pixels))
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        frames = list(generate_frames(ds.PixelData, number_of_frames=2))
    else:
        frames = [encode([frame[..., 0]], Options()) for frame in pixels]
    ds = compressed(frames, syntax, **_attributes(pixels))
    expected, _ = clean(to_bytes(ds), regions)
    name = b"CANARY^J"
    ds.PixelData = ds.PixelData[:8] + name + ds.PixelData[16:]
    result, _ = clean(to_bytes(ds), regions)
    assert result == expected
    _check_offsets(result, "basic")


def test_text_in_an_extended_offset_table_is_replaced_by_offsets() -> None:
    pixels = _picture(1, 2)
    frames = [encode([frame[..., 0]], Options()) for frame in pixels]
    ds = compressed(frames, JPEGBaseline8Bit, table="extended", **_attributes(pixels))
    _, same = clean(to_bytes(ds))
    assert not same.attributes
    right = ds.ExtendedOffsetTable
    ds.ExtendedOffsetTable = b"CANARYSURNAME^JA"
    _, cleaned = clean(to_bytes(ds))
    assert cleaned.attributes == {0x7FE00001: right}


def test_a_video_is_copied_without_a_false_offset_table() -> None:
    name = b"CANARY^J"
    ds = compressed([b"\0\0\1\xb3video", b"more"], "1.2.840.10008.1.2.4.100", Rows=9, Columns=9)
    ds.NumberOfFrames = 70
    result, _ = clean(to_bytes(ds))
    assert result.count(b"video") == result.count(b"more") == 1
    ds.PixelData = ds.PixelData[:8] + name + ds.PixelData[16:]
    assert name not in clean(to_bytes(ds))[0]
    with pytest.raises(PixelError, match=r"codec|compression"):
        clean(to_bytes(ds), [Region(0, 0, 4, 4)])


@pytest.mark.parametrize("regions", [[], REGIONS])
def test_images_behind_the_only_one_that_the_header_counts_go(regions: list[Region]) -> None:
    pixels = _picture()
    frame = encode([pixels[0, ..., 0]], Options())
    ds = compressed([frame, frame], JPEGBaseline8Bit, **_attributes(pixels))
    ds.NumberOfFrames = 1
    result, _ = clean(to_bytes(ds), regions)
    assert result.count(b"\xff\xd8") == 1


def test_a_progressive_jpeg_image_is_refused_by_name() -> None:
    pixels = _picture()
    frame = encode([pixels[0, ..., 0]], Options()).replace(b"\xff\xc0", b"\xff\xc2")
    data = to_bytes(compressed([frame], JPEGBaseline8Bit, **_attributes(pixels)))
    with pytest.raises(PixelError, match=r"pixels\.codec"):
        clean(data, REGIONS)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, RLELossless, "1.2.840.10008.1.2.4.70"])
@pytest.mark.parametrize("frame", [b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xc4\0\x03\0",
                                   b"x" * 70, bytes(64), b"\xff" * 99])  # fmt: skip
def test_frames_of_nonsense_are_refused(syntax: str, frame: bytes) -> None:
    data = to_bytes(compressed([frame], syntax, Rows=ROWS, Columns=COLUMNS))
    with pytest.raises(PixelError):
        clean(data, REGIONS)


@pytest.mark.parametrize("kind", ["jpeg", "rle", "lossless"])
def test_damaged_frames_raise_only_our_error(kind: str) -> None:
    pixels = _picture(1, 1)
    rng = np.random.default_rng(8)
    attributes = _attributes(pixels)
    if kind == "rle":
        ds = image(pixels.tobytes(), **attributes)
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        syntax, frame = RLELossless, next(generate_frames(ds.PixelData, number_of_frames=1))
    elif kind == "lossless":
        ds = dcmread(io.BytesIO(_load("SC_rgb_jpeg_gdcm.dcm")))
        syntax, frame = ds.file_meta.TransferSyntaxUID, next(generate_frames(ds.PixelData))
        attributes = {"Rows": ds.Rows, "Columns": ds.Columns, "SamplesPerPixel": 3,
                      "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}  # fmt: skip
    else:
        syntax, frame = JPEGBaseline8Bit, encode([pixels[0, ..., 0]], Options(restart=4))
    refused = 0
    for _ in range(150):
        broken = bytearray(frame)
        for at in rng.integers(0, len(broken), 1 + int(rng.integers(0, 3))).tolist():
            broken[at] = int(rng.integers(0, 256))
        if rng.random() < 0.3:
            del broken[int(rng.integers(2, len(broken))) :]
        data = to_bytes(compressed([bytes(broken)], syntax, **attributes))
        try:
            clean(data, [Region(0, 0, 60, 18)])
        except PixelError:
            refused += 1
    assert refused > 5


def test_fragments_without_a_way_to_tell_frames_apart_are_refused() -> None:
    data = to_bytes(
        compressed([b"\x01\x02", b"\x03\x04", b"\x05\x06"], RLELossless, table="none", Rows=9,
                   Columns=9)
    )  # fmt: skip
    ds = dcmread(io.BytesIO(data))
    ds.NumberOfFrames = 2
    with pytest.raises(PixelError):
        clean(to_bytes(ds), [Region(0, 0, 4, 4)])


def test_a_frame_in_several_fragments_is_cleaned_as_one() -> None:
    pixels = _picture()
    frame = encode([pixels[0, ..., 0]], Options())
    whole = compressed([frame], JPEGBaseline8Bit, **_attributes(pixels))
    parts = [frame[:1001], frame[1001:1500], frame[1500:]]
    value = b"\xfe\xff\x00\xe0" + bytes(4)
    for part in parts:
        value += b"\xfe\xff\x00\xe0" + len(part).to_bytes(4, "little") + part
    split: Dataset = compressed([frame], JPEGBaseline8Bit, **_attributes(pixels))
    split.PixelData = value + b"\xfe\xff\xdd\xe0" + bytes(4)
    first, _ = clean(to_bytes(whole), REGIONS)
    second, _ = clean(to_bytes(split), REGIONS)
    assert np.array_equal(frames_of(first), frames_of(second))


def test_native_syntaxes_need_no_library() -> None:
    pixels = _picture()
    data = to_bytes(image(pixels.tobytes(), syntax=ExplicitVRLittleEndian, **_attributes(pixels)))
    _check_lossless(data)
    assert np.array_equal(pixel_array(io.BytesIO(data)), pixels[0, ..., 0])
