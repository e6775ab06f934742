from __future__ import annotations

import io
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import Facts, Region
from emixcli.deid.pixels.native import CHUNK, clear_bits, iter_cleaned
from emixcli.deid.pixels.rectangles import outside as complement
from tests.unit.deid.pixels.images import (
    burn,
    clean,
    facts_of,
    frames_of,
    image,
    outside,
    pixel_range,
    speckle,
    to_bytes,
)

REGIONS = [Region(0, 0, 40, 9), Region(17, 20, 23, 31)]


def _check(data: bytes, regions: list[Region], black: Any) -> None:
    result, _ = clean(data, regions)
    before, after = frames_of(data, raw=True), frames_of(result, raw=True)
    free = outside(regions, *before.shape[1:3])
    assert np.array_equal(before[:, free], after[:, free])
    assert not np.array_equal(before[:, ~free], after[:, ~free])
    assert np.unique(after[:, ~free], axis=1).shape[1] == 1
    assert np.array_equal(after[0, ~free][0], np.atleast_1d(black))
    start, _ = pixel_range(data)
    assert result[:start] == data[:start]
    assert len(result) == len(data)


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(
    ("bits", "stored", "signed", "photometric", "black"),
    [
        (8, 8, 0, "MONOCHROME2", 0),
        (8, 8, 0, "MONOCHROME1", 255),
        (8, 8, 0, "PALETTE COLOR", 0),
        (16, 12, 0, "MONOCHROME2", 0),
        (16, 12, 0, "MONOCHROME1", 4095),
        (16, 16, 1, "MONOCHROME2", -32768),
        (16, 12, 1, "MONOCHROME2", -2048),
        (16, 16, 1, "MONOCHROME1", 32767),
        (32, 32, 0, "MONOCHROME2", 0),
    ],
)
def test_grey_pixels_of_every_width_become_black(
    frames: int, bits: int, stored: int, signed: int, photometric: str, black: int
) -> None:
    pixels = (speckle(frames, 40, 41) + 20).astype(f"<u{bits // 8}")
    burn(pixels, "DOE", at=(1, 1), value=100)
    attributes: dict[str, Any] = {}
    if photometric.startswith("PALETTE"):
        attributes["RedPaletteColorLookupTableDescriptor"] = [256, 0, 16]
    data = to_bytes(
        image(
            pixels.tobytes(),
            Rows=40,
            Columns=41,
            NumberOfFrames=frames,
            BitsAllocated=bits,
            BitsStored=stored,
            PixelRepresentation=signed,
            PhotometricInterpretation=photometric,
            **attributes,
        )
    )
    _check(data, REGIONS, black)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize(
    ("photometric", "black"), [("RGB", (0, 0, 0)), ("YBR_FULL", (0, 128, 128))]
)
def test_colour_pixels_become_black_in_both_planar_configurations(
    planar: int, photometric: str, black: tuple[int, ...]
) -> None:
    pixels = speckle(2, 40, 41, 3) + 30
    stored = pixels.transpose(0, 3, 1, 2) if planar else pixels
    data = to_bytes(
        image(
            stored.tobytes(),
            Rows=40,
            Columns=41,
            NumberOfFrames=2,
            SamplesPerPixel=3,
            PlanarConfiguration=planar,
            PhotometricInterpretation=photometric,
        )
    )
    _check(data, REGIONS, black)


def test_two_pixels_share_their_colours_in_ybr_full_422() -> None:
    pixels = speckle(2, 40, 21, 4) + 30
    data = to_bytes(
        image(
            pixels.tobytes(),
            Rows=40,
            Columns=42,
            NumberOfFrames=2,
            SamplesPerPixel=3,
            PlanarConfiguration=0,
            PhotometricInterpretation="YBR_FULL_422",
        )
    )
    _check(data, [Region(0, 0, 42, 5), Region(16, 20, 24, 31)], (0, 128, 128))
    odd, _ = clean(data, [Region(17, 20, 23, 31)])
    even, _ = clean(data, [Region(16, 20, 24, 31)])
    assert odd == even


@pytest.mark.parametrize("frames", [1, 9])
def test_pixels_of_one_bit_are_cleared_without_touching_their_neighbours(frames: int) -> None:
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 2, (frames, 33, 41)).astype(np.uint8)
    packed = np.packbits(pixels.reshape(-1), bitorder="little").tobytes()
    data = to_bytes(
        image(
            packed + b"\0" * (len(packed) % 2),
            Rows=33,
            Columns=41,
            NumberOfFrames=frames,
            BitsAllocated=1,
            BitsStored=1,
        )
    )
    _check(data, REGIONS, 0)


def test_pixels_packed_in_twelve_bits_are_cleared() -> None:
    rng = np.random.default_rng(6)
    bits = rng.integers(0, 2, 12 * 33 * 41).astype(np.uint8)
    packed = np.packbits(bits, bitorder="little").tobytes()
    ds = image(packed + b"\0", Rows=33, Columns=41, BitsAllocated=12, BitsStored=12)
    data = to_bytes(ds)
    result, _ = clean(data, REGIONS)
    start, _ = pixel_range(data)
    after = np.unpackbits(
        np.frombuffer(result[start : start + len(packed)], np.uint8), bitorder="little"
    )[: len(bits)].reshape(33, 41, 12)
    before = bits.reshape(33, 41, 12)
    free = outside(REGIONS, 33, 41)
    assert np.array_equal(before[free], after[free])
    assert not after[~free].any()


def test_float_pixels_become_zero() -> None:
    pixels = speckle(40, 41).astype("<f4") + 1
    ds = image(b"", Rows=40, Columns=41, BitsAllocated=32, BitsStored=32)
    del ds.PixelData, ds.PixelRepresentation, ds.BitsStored, ds.HighBit
    ds.FloatPixelData = pixels.tobytes()
    data = to_bytes(ds)
    result, _ = clean(data, REGIONS)
    start, length = pixel_range(data)
    after = np.frombuffer(result[start : start + length], "<f4").reshape(40, 41)
    free = outside(REGIONS, 40, 41)
    assert np.array_equal(pixels[free], after[free])
    assert not after[~free].any()


def test_bits_that_hold_an_overlay_go_with_the_pixels() -> None:
    pixels = (speckle(40, 41).astype("<u2") | 0xF000).astype("<u2")
    data = to_bytes(image(pixels.tobytes(), Rows=40, Columns=41, BitsAllocated=16, BitsStored=12))
    result, _ = clean(data, REGIONS)
    start, length = pixel_range(data)
    after = np.frombuffer(result[start : start + length], "<u2").reshape(40, 41)
    free = outside(REGIONS, 40, 41)
    assert np.array_equal(pixels[free], after[free])
    assert not after[~free].any()


@pytest.mark.parametrize("regions", [[], REGIONS])
def test_an_overlay_in_unused_bits_goes_from_the_whole_image(regions: list[Region]) -> None:
    pixels = speckle(40, 41).astype("<u2") + 1
    written = np.zeros((40, 41), np.bool_)
    burn(written, "DOE", at=(20, 3), value=True)
    spoiled = (pixels | (written.astype("<u2") << 14)).astype("<u2")
    ds = image(spoiled.tobytes(), Rows=40, Columns=41, BitsAllocated=16, BitsStored=12)
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 14)
    data = to_bytes(ds)
    result, _ = clean(data, regions)
    start, length = pixel_range(data)
    after = np.frombuffer(result[start : start + length], "<u2").reshape(40, 41)
    free = outside(regions, 40, 41)
    assert np.array_equal(after[free], pixels[free])
    assert not after[~free].any()


@pytest.mark.filterwarnings("ignore:The pixel data is")
@pytest.mark.parametrize("regions", [[], REGIONS])
def test_bytes_behind_the_last_pixel_become_zeros(regions: list[Region]) -> None:
    pixels = speckle(40, 41)
    data = to_bytes(image(pixels.tobytes() + b"DOE^JANE", Rows=40, Columns=41))
    result, _ = clean(data, regions)
    assert b"DOE" not in result
    assert len(result) == len(data)
    free = outside(regions, 40, 41)
    assert np.array_equal(frames_of(result)[0, free, 0], pixels[free])


@pytest.mark.filterwarnings("ignore:The pixel data is")
def test_bytes_behind_halved_colours_become_zeros() -> None:
    pixels = speckle(40, 20, 4)
    ds = image(
        pixels.tobytes() + b"DOE^JANE", Rows=40, Columns=40, SamplesPerPixel=3,
        PlanarConfiguration=0, PhotometricInterpretation="YBR_FULL_422",
    )  # fmt: skip
    result, _ = clean(to_bytes(ds))
    assert b"DOE" not in result
    assert pixels.tobytes() in result


def test_without_regions_the_value_is_one_range_of_the_source() -> None:
    data = to_bytes(image(speckle(40, 40).tobytes(), Rows=40, Columns=40))
    _, cleaned = clean(data)
    assert list(cleaned.pieces()) == [pixel_range(data)]


def test_a_large_multiframe_streams_in_small_pieces() -> None:
    rows, columns, frames = 512, 640, 120
    frame = np.random.default_rng(3).integers(1, 255, (rows, columns, 3)).astype(np.uint8)

    class Source(io.RawIOBase):
        """The same frame again and again, never held."""

        at = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            assert whence == 0
            self.at = offset
            return offset

        def read(self, size: int = -1) -> bytes:
            start = self.at % frame.nbytes
            part = frame.reshape(-1)[start : start + size].tobytes()
            self.at += len(part)
            return part

    facts = facts_of(
        to_bytes(
            image(
                b"\0\0",
                Rows=rows,
                Columns=columns,
                NumberOfFrames=frames,
                SamplesPerPixel=3,
                PlanarConfiguration=0,
                PhotometricInterpretation="RGB",
            )
        )
    )
    region = Region(0, 0, columns, 47)
    expected = frame.copy()
    expected[:47] = 0
    tracemalloc.start()
    total = 0
    source: Any = Source()
    for piece in iter_cleaned(source, 0, frame.nbytes * frames, facts, [region]):
        assert len(piece) <= CHUNK
        where = total % frame.nbytes
        assert bytes(piece[:64]) == expected.reshape(-1)[where : where + 64].tobytes()
        total += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == frame.nbytes * frames
    assert peak < 6 * CHUNK


def test_a_frame_larger_than_a_piece_is_cleaned_in_bands() -> None:
    pixels = speckle(2500, 2100) + 1
    data = to_bytes(image(pixels.tobytes(), Rows=2500, Columns=2100))
    _check(data, [Region(0, 0, 2100, 80), Region(100, 1990, 300, 2010)], 0)


@pytest.mark.parametrize(
    "change",
    [{"Rows": 0}, {"Columns": 0}, {"BitsAllocated": 24}, {"SamplesPerPixel": 9}, {"Rows": 900}],
)
def test_headers_that_do_not_fit_are_refused(change: dict[str, int]) -> None:
    attributes: dict[str, Any] = {"Rows": 40, "Columns": 40} | change
    data = to_bytes(image(bytes(1600), **attributes))
    start, length = pixel_range(data)
    facts = facts_of(data)
    with pytest.raises(PixelError):
        list(iter_cleaned(io.BytesIO(data[: start + length]), start, 2_000_000, facts, REGIONS))


def test_big_endian_pixels_are_cleaned_or_refused() -> None:
    pixels = (speckle(40, 41) + 1).astype(">u2")
    data = to_bytes(image(b"", Rows=40, Columns=41, BitsAllocated=16, BitsStored=16))
    facts = Facts(facts_of(data).values, "1.2.840.10008.1.2.2", big_endian=True)
    raw = pixels.tobytes()
    after = np.frombuffer(
        b"".join(iter_cleaned(io.BytesIO(raw), 0, len(raw), facts, REGIONS)), ">u2"
    ).reshape(40, 41)
    free = outside(REGIONS, 40, 41)
    assert np.array_equal(pixels[free], after[free])
    assert not after[~free].any()
    eight = facts_of(to_bytes(image(b"", Rows=40, Columns=41)))
    with pytest.raises(PixelError) as caught:
        list(
            iter_cleaned(
                io.BytesIO(raw),
                0,
                1640,
                Facts(eight.values, "1.2.840.10008.1.2.2", big_endian=True),
                REGIONS,
            )
        )
    assert caught.value.reason == "pixels.codec"


@given(st.binary(min_size=1, max_size=40), st.integers(0, 350), st.integers(0, 350))
def test_clearing_bits_clears_these_and_no_others(data: bytes, start: int, end: int) -> None:
    cleared = bytearray(data)
    clear_bits(cleared, start, end)
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little").copy()
    bits[start : max(start, end)] = 0
    assert np.packbits(bits, bitorder="little").tobytes() == bytes(cleared)


_CORNERS = st.tuples(st.integers(0, 30), st.integers(0, 20), st.integers(1, 30), st.integers(1, 20))


@given(st.lists(_CORNERS, max_size=6))
def test_the_outside_of_regions_is_covered_once(corners: list[tuple[int, int, int, int]]) -> None:
    regions = [Region(x, y, x + w, y + h) for x, y, w, h in corners]
    inside = [part for region in regions if (part := region.clip(30, 20)) is not None]
    count = np.zeros((20, 30), int)
    for region in complement(inside, columns=30, rows=20):
        count[region.y0 : region.y1, region.x0 : region.x1] += 1
    assert np.array_equal(count, outside(inside, 20, 30).astype(int))
