from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEGBaseline8Bit,
    RLELossless,
)

from emixcli.deid.pixels import encapsulated
from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import Region
from tests.unit.deid.pixels.coding import (
    COLUMNS,
    REGIONS,
    ROWS,
    attributes_of,
    check_offsets,
    load,
    picture,
)
from tests.unit.deid.pixels.images import (
    clean,
    compressed,
    frames_of,
    image,
    to_bytes,
)
from tests.unit.deid.pixels.jpeg_writer import Options, encode


@pytest.mark.parametrize(
    "name", ["SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_jpeg_gdcm.dcm", "MR_small_jpeg_ls_lossless.dcm",
             "MR_small_jp2klossless.dcm", "MR_small_RLE.dcm"],
)  # fmt: skip
@pytest.mark.parametrize("change", [{"Rows": 70}, {"Columns": 70}])
def test_frames_of_another_size_than_the_header_says_are_refused(
    name: str, change: dict[str, int]
) -> None:
    ds = dcmread(io.BytesIO(load(name)))
    for keyword, value in change.items():
        setattr(ds, keyword, value)
    with pytest.raises(PixelError, match="damaged"):
        clean(to_bytes(ds), [Region(0, 0, 9, 9)])


@pytest.mark.parametrize("regions", [[], REGIONS])
def test_frames_behind_the_only_one_that_the_header_counts_go(regions: list[Region]) -> None:
    pixels = picture(1, 2)
    ds = image(pixels.tobytes(), **attributes_of(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    first = next(generate_frames(ds.PixelData, number_of_frames=2))
    ds.NumberOfFrames = 1
    result, _ = clean(to_bytes(ds), regions)
    expected, _ = clean(
        to_bytes(compressed([first], RLELossless, **attributes_of(pixels[:1]))), regions
    )
    assert np.array_equal(frames_of(result), frames_of(expected))
    assert len(result) == len(expected)


@pytest.mark.parametrize("regions", [[], REGIONS])
@pytest.mark.parametrize("bits", [8, 16])
def test_bytes_that_code_no_pixel_of_an_rle_frame_go(regions: list[Region], bits: int) -> None:
    pixels = picture(1, 2, bits)
    ds = image(pixels.tobytes(), **attributes_of(pixels))
    ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    frames = list(generate_frames(ds.PixelData, number_of_frames=2))
    name = b"CANARYSURNAME^JANE"
    hidden = bytearray(frames[1] + name)
    hidden[40:58] = name  # where the header has offsets of segments that it does not use
    data = to_bytes(compressed([frames[0], bytes(hidden)], RLELossless, **attributes_of(pixels)))
    result, _ = clean(data, regions)
    assert name not in result
    plain, _ = clean(to_bytes(compressed(frames, RLELossless, **attributes_of(pixels))), regions)
    assert np.array_equal(frames_of(result), frames_of(plain))


@pytest.mark.parametrize("regions", [[], REGIONS])
@pytest.mark.parametrize("syntax", [RLELossless, JPEGBaseline8Bit])
def test_text_in_a_basic_offset_table_is_replaced_by_offsets(
    regions: list[Region], syntax: str
) -> None:
    pixels = picture(1, 2)
    if syntax == RLELossless:
        ds = image(pixels.tobytes(), **attributes_of(pixels))
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        frames = list(generate_frames(ds.PixelData, number_of_frames=2))
    else:
        frames = [encode([frame[..., 0]], Options()) for frame in pixels]
    ds = compressed(frames, syntax, **attributes_of(pixels))
    expected, _ = clean(to_bytes(ds), regions)
    name = b"CANARY^J"
    ds.PixelData = ds.PixelData[:8] + name + ds.PixelData[16:]
    result, _ = clean(to_bytes(ds), regions)
    assert result == expected
    check_offsets(result, "basic")


def test_text_in_an_extended_offset_table_is_replaced_by_offsets() -> None:
    pixels = picture(1, 2)
    frames = [encode([frame[..., 0]], Options()) for frame in pixels]
    ds = compressed(frames, JPEGBaseline8Bit, table="extended", **attributes_of(pixels))
    _, same = clean(to_bytes(ds))
    assert not same.attributes
    right = ds.ExtendedOffsetTable
    ds.ExtendedOffsetTable = b"CANARYSURNAME^JA"
    _, cleaned = clean(to_bytes(ds))
    assert cleaned.attributes == {0x7FE00001: right}


def test_frames_beyond_the_spool_are_made_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = picture(1, 5)
    frames = [encode([frame[..., 0]], Options(segments=[(0xFE, b"DOE")])) for frame in pixels]
    data = to_bytes(compressed(frames, JPEGBaseline8Bit, **attributes_of(pixels)))
    for regions in ([], REGIONS):
        monkeypatch.setattr(encapsulated, "MAX_SPOOL", 1 << 20)
        spooled, _ = clean(data, regions)
        monkeypatch.setattr(encapsulated, "MAX_SPOOL", 2 * len(frames[0]))
        again, _ = clean(data, regions)
        assert again == spooled
        assert b"DOE" not in again


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
    pixels = picture()
    frame = encode([pixels[0, ..., 0]], Options())
    ds = compressed([frame, frame], JPEGBaseline8Bit, **attributes_of(pixels))
    ds.NumberOfFrames = 1
    result, _ = clean(to_bytes(ds), regions)
    assert result.count(b"\xff\xd8") == 1


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, RLELossless, "1.2.840.10008.1.2.4.70"])
@pytest.mark.parametrize("frame", [b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xc4\0\x03\0",
                                   b"x" * 70, bytes(64), b"\xff" * 99])  # fmt: skip
def test_frames_of_nonsense_are_refused(syntax: str, frame: bytes) -> None:
    data = to_bytes(compressed([frame], syntax, Rows=ROWS, Columns=COLUMNS))
    with pytest.raises(PixelError):
        clean(data, REGIONS)


@pytest.mark.parametrize("kind", ["jpeg", "rle", "lossless"])
def test_damaged_frames_raise_only_our_error(kind: str) -> None:
    pixels = picture(1, 1)
    rng = np.random.default_rng(8)
    attributes = attributes_of(pixels)
    if kind == "rle":
        ds = image(pixels.tobytes(), **attributes)
        ds.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        syntax, frame = RLELossless, next(generate_frames(ds.PixelData, number_of_frames=1))
    elif kind == "lossless":
        ds = dcmread(io.BytesIO(load("SC_rgb_jpeg_gdcm.dcm")))
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
    pixels = picture()
    frame = encode([pixels[0, ..., 0]], Options())
    whole = compressed([frame], JPEGBaseline8Bit, **attributes_of(pixels))
    parts = [frame[:1001], frame[1001:1500], frame[1500:]]
    value = b"\xfe\xff\x00\xe0" + bytes(4)
    for part in parts:
        value += b"\xfe\xff\x00\xe0" + len(part).to_bytes(4, "little") + part
    split: Dataset = compressed([frame], JPEGBaseline8Bit, **attributes_of(pixels))
    split.PixelData = value + b"\xfe\xff\xdd\xe0" + bytes(4)
    first, _ = clean(to_bytes(whole), REGIONS)
    second, _ = clean(to_bytes(split), REGIONS)
    assert np.array_equal(frames_of(first), frames_of(second))
