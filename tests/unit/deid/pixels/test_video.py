"""Videos lose what is text or sound, and no picture."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.refusal import DeidError
from tests.unit.deid.pixels.images import clean, compressed, to_bytes

MPEG2 = "1.2.840.10008.1.2.4.100"
H264 = "1.2.840.10008.1.2.4.102"
HEVC = "1.2.840.10008.1.2.4.107"
NAME = b"Zzyzx Given"
SLICE = b"\x65" + bytes(range(1, 40))
PARAMETERS = b"\x67\x42\x00\x1e\x01"
USER_DATA = b"\x06\x05" + bytes((16 + len(NAME),)) + bytes(range(1, 17)) + NAME + b"\x80"
RECOVERY = b"\x06\x06\x01\xc4\x80"


def video(stream: bytes | Sequence[bytes], syntax: str = H264) -> bytes:
    parts = [stream] if isinstance(stream, bytes) else list(stream)
    ds = compressed(parts, syntax, Rows=16, Columns=16)
    ds.NumberOfFrames = 2
    return to_bytes(ds)


def cleaned(stream: bytes | Sequence[bytes], syntax: str = H264) -> bytes:
    return clean(video(stream, syntax))[0]


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def unit(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def entry(*parts: bytes, kind: bytes = b"avc1") -> bytes:
    name = bytes((len(NAME),)) + NAME
    return box(kind, bytes(8) + NAME[:4] + bytes(30) + name.ljust(32, b"\0") + bytes(4), *parts)


def parameters() -> bytes:
    sets = b"\xe1" + struct.pack(">H", len(PARAMETERS)) + PARAMETERS + b"\x01\0\2\x68\xce"
    return box(b"avcC", b"\1\x42\0\x1e\xff" + sets)


def movie(
    samples: Sequence[bytes],
    *,
    handler: bytes = b"vide",
    described: bytes = b"",
    extra: bytes = b"",
    inner: bytes = b"",
    gap: bytes = b"",
) -> bytes:
    """Return a file with one chunk of samples behind its tables."""
    head = box(b"ftyp", b"isom\0\0\2\0isomavc1")

    def moov(offset: int) -> bytes:
        sizes = [len(sample) for sample in samples]
        table = box(
            b"stbl",
            box(b"stsd", struct.pack(">II", 0, 1), described or entry(parameters())),
            box(b"stts", struct.pack(">IIII", 0, 1, len(sizes), 1)),
            box(b"stsc", struct.pack(">IIIII", 0, 1, 1, len(sizes), 1)),
            box(b"stsz", struct.pack(f">III{len(sizes)}I", 0, 0, len(sizes), *sizes)),
            box(b"stco", struct.pack(">III", 0, 1, offset)),
            inner,
        )
        url = box(b"url ", b"\0\0\0\0file:///" + NAME)
        return box(
            b"moov",
            box(b"mvhd", b"\0\0\0\0" + b"\xd0\x11\x22\x33" * 2 + bytes(92)),
            box(
                b"trak",
                box(b"tkhd", b"\1\0\0\0" + b"\xd0\x11\x22\x33" * 4 + bytes(76)),
                box(
                    b"mdia",
                    box(b"mdhd", b"\0\0\0\0" + b"\xd0\x11\x22\x33" * 2 + bytes(12)),
                    box(b"hdlr", bytes(8) + handler + bytes(12) + NAME + b"\0"),
                    box(
                        b"minf",
                        box(b"vmhd", bytes(12)),
                        box(b"dinf", box(b"dref", struct.pack(">II", 0, 1) + url)),
                        table,
                    ),
                ),
            ),
            extra,
        )

    offset = len(head) + len(moov(0)) + 8 + len(gap)
    return head + moov(offset) + box(b"mdat", gap, *samples, gap)


SAMPLES = [unit(SLICE) + unit(USER_DATA), unit(RECOVERY) + unit(SLICE)]


def test_text_around_pictures_goes_and_no_offset_changes() -> None:
    extra = box(b"udta", box(b"\xa9nam", NAME), box(b"meta", NAME)) + box(b"uuid", NAME)
    stream = movie(SAMPLES, extra=extra, inner=box(b"sgpd", NAME), gap=NAME)
    before = video(stream + box(b"free", NAME) + box(b"xyz ", NAME))
    after, _ = clean(before)
    assert before.count(NAME) == 12
    assert NAME not in after
    assert NAME[:4] not in after
    assert b"\xd0\x11\x22\x33" not in after
    assert len(after) == len(before)
    assert after.count(SLICE) == 2
    assert after.count(RECOVERY) == 1
    assert after.count(PARAMETERS) == 1
    assert after.count(b"stsz") == after.count(b"avcC") == 1
    assert before.find(SLICE) == after.find(SLICE)


def test_a_name_over_two_fragments_goes_too() -> None:
    stream = movie(SAMPLES, extra=box(b"udta", NAME), gap=NAME)
    at = (stream.find(NAME, stream.find(b"udta")) + 4) // 2 * 2
    result = cleaned([stream[:at], stream[at:]])
    assert NAME not in result
    assert NAME[:3] not in result
    assert NAME[6:] not in result


@pytest.mark.parametrize(
    "stream",
    [
        movie(SAMPLES, handler=b"soun"),
        movie(SAMPLES, extra=box(b"trak", box(b"tkhd", bytes(80)))),
        movie(SAMPLES, described=entry(kind=b"mp4v")),
        movie(SAMPLES) + box(b"moof", bytes(8)),
        b"G" + bytes(187) + b"G" + bytes(187),
        b"\0\0\1\xba" + bytes(100),
        b"RIFF" + bytes(100),
        b"x",
    ],
)
def test_what_is_not_known_through_and_through_is_refused(stream: bytes) -> None:
    with pytest.raises(PixelError) as caught:
        cleaned(stream)
    assert caught.value.reason == "pixels.codec"


@pytest.mark.parametrize("cut", [9, 40, 300, -1])
def test_a_cut_file_is_refused(cut: int) -> None:
    with pytest.raises((PixelError, struct.error)):
        cleaned(movie(SAMPLES)[:cut])


def test_user_data_of_a_plain_stream_becomes_filler() -> None:
    start = b"\0\0\0\1"
    stream = start + PARAMETERS + start + USER_DATA + start + RECOVERY + start + SLICE
    result = cleaned(stream)
    assert NAME not in result
    assert b"\0\0\0\1\x0c\xff" in result
    assert result.count(SLICE) == result.count(RECOVERY) == result.count(PARAMETERS) == 1


@pytest.mark.parametrize("kind", [39, 40, 38, 41, 50])
def test_hevc(kind: int) -> None:
    start, head = b"\0\0\0\1", bytes((kind << 1, 1))
    hashes = bytes((40 << 1, 1)) + b"\x84\2\x01\x02\x80"
    stream = start + head + USER_DATA[1:] + start + hashes + start + b"\x26\1" + SLICE
    result = cleaned(stream, HEVC)
    assert NAME not in result
    assert hashes in result
    assert SLICE in result


def test_mpeg2_loses_user_data_and_the_time_of_day() -> None:
    sequence = b"\0\0\1\xb3\x01\0\x01\x23\xff\xff\xe0\x18"
    group = b"\0\0\1\xb8\x12\x34\x56\xc0"
    picture = b"\0\0\1\0\0\x0f\xff\xf8\0\0\1\1" + SLICE
    tail = b"\0\0\1\xb7" + NAME
    result = cleaned(sequence + b"\0\0\1\xb2" + NAME + group + picture + tail, MPEG2)
    assert NAME not in result
    assert sequence in result
    assert picture in result
    assert b"\0\0\1\xb8\0\x08\0\x40" in result


@given(st.binary(max_size=200), st.integers(0, 900), st.sampled_from([MPEG2, H264, HEVC]))
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_are_refused_or_clean(data: bytes, at: int, syntax: str) -> None:
    stream = bytearray(movie(SAMPLES, extra=box(b"udta", NAME)))
    stream[at : at + len(data)] = data
    try:
        cleaned(bytes(stream), syntax)
    except (DeidError, struct.error, LookupError, ValueError):
        return
