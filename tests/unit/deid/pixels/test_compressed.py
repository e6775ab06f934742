from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from emixcli.deid.pixels.clean import clean_pixels
from emixcli.deid.pixels.decoded import Frames
from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import Facts, Region
from tests.unit.deid.pixels.coding import (
    COLUMNS,
    DEFLATED_FRAMES,
    REGIONS,
    ROWS,
    attributes_of,
    check_lossless,
    check_offsets,
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


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
@pytest.mark.parametrize(("samples", "frames", "bits"), [(1, 1, 8), (3, 3, 8), (1, 2, 16)])
def test_rle_frames_keep_every_other_pixel(
    table: str, samples: int, frames: int, bits: int
) -> None:
    pixels = picture(samples, frames, bits)
    ds = image(pixels.tobytes(), **attributes_of(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    parts = list(generate_frames(ds.PixelData, number_of_frames=frames))
    result = check_lossless(
        to_bytes(compressed(parts, RLELossless, table=table, **attributes_of(pixels)))
    )
    check_offsets(result, table)


def test_the_extended_offset_table_is_made_anew() -> None:
    pixels = picture(1, 4)
    ds = image(pixels.tobytes(), **attributes_of(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    frames = list(generate_frames(ds.PixelData, number_of_frames=4))
    data = to_bytes(compressed(frames, RLELossless, table="extended", **attributes_of(pixels)))
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
    pixels = picture(3, 3)
    ds = image(pixels.tobytes(), **attributes_of(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    result, _ = clean(to_bytes(ds), REGIONS)
    after = through_dcmtk("dcmdrle", result, tmp_path)
    assert np.array_equal(after, frames_of(result))


def test_signed_values_keep_their_sign_when_decoded() -> None:
    for name in ("MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"):
        data = load(name)
        start, length = pixel_range(data)
        frames = Frames(facts_of(data), io.BytesIO(data), start, length)
        assert np.array_equal(frames[0][..., 0], dcmread(io.BytesIO(data)).pixel_array)


def test_rle_rows_outside_keep_their_bytes() -> None:
    pixels = picture()
    ds = image(pixels.tobytes(), **attributes_of(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    data = to_bytes(compressed([frame], RLELossless, **attributes_of(pixels)))
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


@pytest.mark.parametrize(
    "name", ["MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "examples_jpeg2k.dcm"]
)
def test_lossless_frames_are_coded_again_by_libraries(name: str) -> None:
    pytest.importorskip("jpeg_ls")
    pytest.importorskip("openjpeg")
    data = load(name)
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
    pixels = picture(samples, 2, bits)
    ds = image(pixels.tobytes(), **attributes_of(pixels))
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    check_lossless(to_bytes(ds))


def test_deflated_frames_keep_every_other_pixel() -> None:
    pixels = picture(3, 2)
    frames = []
    for frame in pixels:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        frames.append(deflater.compress(frame.tobytes()) + deflater.flush())
    # pydicom does not know the syntax; only the file meta would differ.
    data = to_bytes(compressed(frames, RLELossless, **attributes_of(pixels)))
    facts = Facts(facts_of(data).values, DEFLATED_FRAMES)
    start, length = pixel_range(data)
    cleaned = clean_pixels(facts, io.BytesIO(data), start, length, REGIONS)
    value = b"".join(piece for piece in cleaned.pieces() if isinstance(piece, bytes))
    cleaned.close()
    tailed = to_bytes(
        compressed([frames[0] + b"DOE^JANE"], RLELossless, **attributes_of(pixels[:1]))
    )
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
        clean(load(name), [Region(0, 0, 9, 9)])
    assert caught.value.reason == "pixels.codec"
    assert caught.value.exit_code == 80
    assert caught.value.hint


def test_native_syntaxes_need_no_library() -> None:
    pixels = picture()
    data = to_bytes(image(pixels.tobytes(), syntax=ExplicitVRLittleEndian, **attributes_of(pixels)))
    check_lossless(data)
    assert np.array_equal(pixel_array(io.BytesIO(data)), pixels[0, ..., 0])
