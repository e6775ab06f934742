from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import Region
from emixcli.deid.pixels.markers import strip_comments
from tests.unit.deid.pixels.images import clean, compressed, frames_of, speckle, to_bytes
from tests.unit.deid.pixels.jpeg_writer import Options, encode

NAME = b"CANARYSURNAME^JANE"
JFIF = b"JFIF\0\x01\x02\x01\0\x48\0\x48\0\0"
ADOBE = b"Adobe\0\x64\0\0\0\0\1"
PLANE = speckle(50, 60)


def _jpeg(*segments: tuple[int, bytes], restart: int = 0) -> bytes:
    return encode([PLANE], Options(segments=segments, restart=restart))


@pytest.mark.parametrize("marker", [0xFE, *range(0xE0, 0xF0), 0xF0, 0xFD])
@pytest.mark.parametrize("prefix", [b"", b"JFXX\0\x13", b"Exif\0\0", b"ICC_PROFILE\0\1\1"])
def test_comments_and_application_data_are_taken_out(marker: int, prefix: bytes) -> None:
    frame = _jpeg((0xE0, JFIF), (marker, prefix + NAME))
    stripped = strip_comments(frame)
    assert stripped == _jpeg((0xE0, JFIF))


@pytest.mark.parametrize("marker", [0xDB, 0xC4, 0xDD, 0xC0, 0xF7])
@pytest.mark.parametrize("body", [NAME, b"\0" * 65 + NAME, b"\0" * 17 + NAME])
def test_tables_with_room_for_words_are_refused(marker: int, body: bytes) -> None:
    with pytest.raises(PixelError):
        strip_comments(_jpeg((marker, body)))


@pytest.mark.parametrize(
    ("marker", "body", "kept"),
    [
        (0xE0, JFIF[:-2] + b"\2\3" + bytes(18) + NAME, JFIF),
        (0xE0, JFIF + NAME, JFIF),
        (0xEE, ADOBE + NAME, ADOBE),
    ],
)
def test_what_decoders_need_stays_without_what_follows(
    marker: int, body: bytes, kept: bytes
) -> None:
    assert strip_comments(_jpeg((marker, body))) == _jpeg((marker, kept))


@pytest.mark.parametrize(
    "segments",
    [
        (),
        ((0xE0, JFIF),),
        ((0xEE, ADOBE),),
        ((0xFE, b"LEAD Technologies Inc. V1.01"),),
        ((0xFE, b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 95\n"),),
    ],
)
@pytest.mark.parametrize("end", [b"", b"\0"])
def test_harmless_images_stay_bit_for_bit(
    segments: tuple[tuple[int, bytes], ...], end: bytes
) -> None:
    assert strip_comments(_jpeg(*segments) + end) is None


@pytest.mark.parametrize("tail", [NAME, b"\0" * 40 + NAME, b"\xff\xd8" + NAME])
def test_bytes_behind_the_image_are_taken_out(tail: bytes) -> None:
    assert strip_comments(_jpeg() + tail) == _jpeg()


def test_a_comment_between_scans_is_taken_out() -> None:
    planes = [PLANE, PLANE, PLANE]
    frame = encode(planes, Options(sampling=[(1, 1)] * 3, interleaved=False))
    at = frame.rfind(b"\xff\xc4")
    at = frame.rfind(b"\xff\xc4", 0, at)
    comment = b"\xff\xfe" + (len(NAME) + 2).to_bytes(2, "big") + NAME
    assert strip_comments(frame[:at] + comment + frame[at:]) == frame


def test_comments_go_also_where_nothing_is_blackened() -> None:
    attributes: dict[str, Any] = {"Rows": 50, "Columns": 60}
    frame = _jpeg((0xFE, NAME), (0xE1, b"Exif\0\0" + NAME))
    for regions in ([], [Region(0, 0, 60, 8)]):
        data = to_bytes(compressed([frame, _jpeg()], JPEGBaseline8Bit, **attributes))
        result, _ = clean(data, regions)
        assert NAME not in result
        assert np.array_equal(frames_of(data)[:, 8:], frames_of(result)[:, 8:])
        if not regions:
            assert np.array_equal(frames_of(data), frames_of(result))


def _j2k() -> bytes:
    path = get_testdata_file("examples_jpeg2k.dcm")
    ds = dcmread(str(path))
    return next(generate_frames(ds.PixelData, number_of_frames=1))


def _comment(words: bytes) -> bytes:
    return b"\xff\x64" + (len(words) + 4).to_bytes(2, "big") + b"\0\1" + words


def test_a_comment_in_a_jpeg_2000_main_header_is_taken_out() -> None:
    frame = _j2k()
    at = frame.index(b"\xff\x90")
    spoiled = frame[:at] + _comment(NAME) + frame[at:]
    stripped = strip_comments(spoiled)
    assert stripped is not None
    assert NAME not in stripped
    assert stripped.startswith(frame[:at])


def test_a_comment_in_a_jpeg_2000_tile_is_taken_out_and_the_tile_stays_whole() -> None:
    frame = _j2k()
    at = frame.index(b"\xff\x90")
    comment = _comment(NAME)
    length = int.from_bytes(frame[at + 6 : at + 10], "big") + len(comment)
    inner = at + 12
    spoiled = (
        frame[: at + 6] + length.to_bytes(4, "big") + frame[at + 10 : inner] + comment
        + frame[inner:]
    )  # fmt: skip
    ds = dcmread(str(get_testdata_file("examples_jpeg2k.dcm")))
    attributes = {
        "Rows": ds.Rows, "Columns": ds.Columns, "SamplesPerPixel": 3, "PlanarConfiguration": 0,
        "PhotometricInterpretation": "YBR_RCT",
    }  # fmt: skip
    data = to_bytes(compressed([spoiled], JPEG2000Lossless, **attributes))
    result, _ = clean(data)
    assert NAME not in result
    assert np.array_equal(frames_of(result), frames_of(ds))


def test_boxes_around_a_jpeg_2000_code_stream_are_taken_off() -> None:
    ds = dcmread(str(get_testdata_file("GDCMJ2K_TextGBR.dcm")))
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    at = frame.index(b"jp2c") - 4
    xml = (8 + len(NAME)).to_bytes(4, "big") + b"xml " + NAME
    stripped = strip_comments(frame[:at] + xml + frame[at:])
    assert stripped is not None
    assert stripped.startswith(b"\xff\x4f\xff\x51")
    assert NAME not in stripped


def test_what_an_encoder_says_of_itself_may_stay() -> None:
    assert strip_comments(_j2k()) is None


@pytest.mark.parametrize(
    "frame",
    [b"", b"\xff", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\xff\xff", b"GIF89a", b"\xff\x4f\xff\x51",
     b"\xff\xd8\xff\xfe\0\1\0\0", b"\0\0\0\x0cjP  ", b"\0\0\0\x0cjP  \0\0\0\1jp2c"],
)  # fmt: skip
def test_nonsense_is_refused(frame: bytes) -> None:
    with pytest.raises(PixelError):
        strip_comments(frame)


@given(st.binary(max_size=60), st.sampled_from([b"\xff\xd8", b"\xff\x4f\xff\x51", b""]))
def test_random_bytes_raise_only_our_error(data: bytes, start: bytes) -> None:
    try:
        strip_comments(start + data)
    except PixelError as error:
        assert error.reason in {"pixels.damaged", "pixels.codec"}  # noqa: PT017 - not always
