"""What the header of an image says that decides about its pixels."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

#: Attributes that decide, in the order of the cache key of `Facts`.
KEYWORDS: Final[dict[str, int]] = {
    "ImplementationVersionName": 0x00020013,
    "ImageType": 0x00080008,
    "SOPClassUID": 0x00080016,
    "Modality": 0x00080060,
    "ConversionType": 0x00080064,
    "Manufacturer": 0x00080070,
    "StudyDescription": 0x00081030,
    "SeriesDescription": 0x0008103E,
    "ManufacturerModelName": 0x00081090,
    "AnatomicRegionSequence": 0x00082218,
    "BodyPartExamined": 0x00180015,
    "SecondaryCaptureDeviceManufacturer": 0x00181016,
    "SecondaryCaptureDeviceManufacturerModelName": 0x00181018,
    "ProtocolName": 0x00181030,
    "SequenceOfUltrasoundRegions": 0x00186011,
    "CTDIPhantomTypeCodeSequence": 0x00189346,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "PlanarConfiguration": 0x00280006,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103,
    "BurnedInAnnotation": 0x00280301,
    "RecognizableVisualFeatures": 0x00280302,
    "WindowWidth": 0x00281051,
    "LossyImageCompression": 0x00282110,
    "CommentsOnRadiationDose": 0x00400310,
}
#: Attributes that decide nothing about an image alone, and differ between slices.
PLACES: Final[dict[str, int]] = {
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "PixelSpacing": 0x00280030,
    "RescaleIntercept": 0x00281052,
    "RescaleSlope": 0x00281053,
}
#: Overlay Bit Position of every group: an overlay may hide in bits that no pixel uses (retired).
OVERLAY_BITS: Final = tuple(0x60000102 + (group << 16) for group in range(0, 0x20, 2))
EXTENDED_OFFSETS: Final = 0x7FE00001
EXTENDED_LENGTHS: Final = 0x7FE00002
FACT_TAGS: Final = frozenset({
    *KEYWORDS.values(), *PLACES.values(), *OVERLAY_BITS, EXTENDED_OFFSETS, EXTENDED_LENGTHS,
})  # fmt: skip

_ORDER: Final = tuple(KEYWORDS.values())
_WORDS: Final = frozenset({
    "SamplesPerPixel", "PlanarConfiguration", "Rows", "Columns", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation",
})  # fmt: skip
_LONG_VRS: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR",
                              b"UT", b"SV", b"UV"})  # fmt: skip
_MAX_REGIONS: Final = 64


class Region(NamedTuple):
    """Pixels with x0 <= column < x1 and y0 <= row < y1, counted from 0."""

    x0: int
    y0: int
    x1: int
    y1: int

    def clip(self, columns: int, rows: int) -> Region | None:
        """Return the part inside an image, None where there is none."""
        part = Region(max(0, self.x0), max(0, self.y0), min(columns, self.x1), min(rows, self.y1))
        return part if part.x0 < part.x1 and part.y0 < part.y1 else None


@dataclass(frozen=True)
class Facts:
    """Values of `FACT_TAGS` at the top level of one object, as bytes of the file.

    Parameters
    ----------
    values
        Value bytes by tag; an attribute that the object lacks is left out.
    transfer_syntax_uid
        Of the file meta information.
    big_endian
        Whether the pixels are in big endian order; values always are in little endian.
    """

    values: Mapping[int, bytes]
    transfer_syntax_uid: str
    explicit_vr: bool = True
    big_endian: bool = False

    @cached_property
    def key(self) -> tuple[bytes | str | bool | None, ...]:
        """Return what decides, hashable: equal for most slices of a series."""
        get = self.values.get
        return (*map(get, _ORDER), self.transfer_syntax_uid, self.big_endian)

    def text(self, keyword: str) -> str:
        """Return a value as text with backslashes, empty where it is absent."""
        if keyword in _WORDS:
            word = self.integer(keyword, -1)
            return str(word) if word >= 0 else ""
        raw = self.values.get(KEYWORDS[keyword], b"")
        return raw.decode("latin-1").strip(" \0")

    def decimals(self, keyword: str) -> tuple[float, ...]:
        """Return the numbers of an attribute of `PLACES`, () where it is absent or nonsense."""
        text = self.values.get(PLACES[keyword], b"").decode("latin-1").strip(" \0")
        try:
            numbers = tuple(float(part) for part in text.split("\\") if text)
        except ValueError:
            return ()
        return numbers if all(map(math.isfinite, numbers)) else ()

    def integer(self, keyword: str, default: int = 0) -> int:
        """Return a number, `default` where there is none."""
        raw = self.values.get(KEYWORDS[keyword], b"")
        if keyword in _WORDS and len(raw) == 2:
            return raw[0] | raw[1] << 8
        found = re.match(rb"\s*\+?(\d{1,9})", raw)
        return int(found[1]) if found else default

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return self.integer("Columns")

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return self.integer("Rows")

    @property
    def frames(self) -> int:
        """Return Number of Frames, at least 1."""
        return max(1, self.integer("NumberOfFrames", 1))

    @property
    def samples(self) -> int:
        """Samples per pixel, at least 1."""
        return max(1, self.integer("SamplesPerPixel", 1))

    @property
    def has_size(self) -> bool:
        """Whether the header says, with numbers that can be, how large the image is."""
        sizes = (self.rows, self.columns, self.integer("BitsAllocated"))
        return all(sizes) and (
            not self.text("NumberOfFrames") or self.integer("NumberOfFrames") > 0
        )

    @property
    def has_embedded_overlay(self) -> bool:
        """Whether an overlay lies in bits of the pixels that hold no pixel value."""
        return any(any(self.values.get(tag, b"")) for tag in OVERLAY_BITS)

    def ultrasound_regions(self) -> tuple[Region, ...]:
        """Return the calibrated regions inside the image (PS3.3 section C.8.5.5).

        Corners are counted from 0, and the right and lower ones belong to the region. A region of
        graphics, or of nothing, without a type of data holds text rather than an image. Where a
        region goes beyond the image, the image was scaled or cut afterwards, and none is right.
        """
        raw = self.values.get(KEYWORDS["SequenceOfUltrasoundRegions"], b"")
        found = []
        for item in _items(raw):
            corners = [item.get(tag) for tag in (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)]
            is_graphics = item.get(0x00186012) in {0, 5} and item.get(0x00186014) == 0
            if None in corners or is_graphics:
                continue
            x0, y0, x1, y1 = (int(corner) for corner in corners if corner is not None)
            if x1 > self.columns + 1 or y1 > self.rows + 1:
                return ()
            region = Region(x0, y0, x1 + 1, y1 + 1).clip(self.columns, self.rows)
            if region is not None:
                found.append(region)
        return tuple(found[:_MAX_REGIONS])


def _items(raw: bytes) -> Iterator[dict[int, int]]:
    """Yield the integers of two or four bytes of each item of a sequence's value."""
    at = 0
    while at + 8 <= len(raw):
        group, element, length = struct.unpack_from("<HHI", raw, at)
        if (group, element) != (0xFFFE, 0xE000):
            return
        end = len(raw) if length == 0xFFFFFFFF else min(len(raw), at + 8 + length)
        item, at = _item(raw, at + 8, end)
        yield item


def _item(raw: bytes, at: int, end: int) -> tuple[dict[int, int], int]:
    """Return the integers of an item and where it ends."""
    values: dict[int, int] = {}
    while at + 8 <= end:
        group, element = struct.unpack_from("<HH", raw, at)
        if (group, element) == (0xFFFE, 0xE00D):
            return values, at + 8
        vr = raw[at + 4 : at + 6]
        if not vr.isalpha() or not vr.isupper():
            (length,) = struct.unpack_from("<I", raw, at + 4)
            start = at + 8
        elif vr in _LONG_VRS:
            if at + 12 > end:
                break
            (length,) = struct.unpack_from("<I", raw, at + 8)
            start = at + 12
        else:
            (length,) = struct.unpack_from("<H", raw, at + 6)
            start = at + 8
        if length == 0xFFFFFFFF or start + length > end:
            return {}, len(raw)  # not how these items look: better no region than a wrong one
        if length in {2, 4}:
            value = int.from_bytes(raw[start : start + length], "little")
            values[group << 16 | element] = value
        at = start + length
    return values, end
