"""Pixel data of an object: judged, cleaned where it must be, else a range of the source."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from emixcli.deid.body import Inlined, Made, Mapped, Piece
from emixcli.deid.parse import UNDEFINED
from emixcli.deid.pixels.facts import Facts
from emixcli.deid.pixels.risk import (
    FACE_REMOVAL,
    Assessment,
    Policy,
    assess,
    describe,
    hint,
)
from emixcli.deid.refusal import DeidError, Reason

if TYPE_CHECKING:
    from emixcli.deid.engine import DataSet
    from emixcli.deid.pixels.faces import FaceMask
    from emixcli.deid.source import Source
    from emixcli.deid.split import PixelElement

_VERSION_NAME: Final = 0x00020013
_OVERLAYS: Final = 0x60000000
_MASKS: Final = {8: 1, 16: 2, 32: 4}


@dataclass(frozen=True)
class PixelValue:
    """The new value of the pixel data element.

    Attributes
    ----------
    attributes
        Values, little endian, of elements that go with it.
    """

    assessment: Assessment = field(default_factory=Assessment)
    part: Piece | Made = b""
    size: int = 0
    attributes: Mapping[int, bytes] = field(default_factory=dict)


class PixelWork:
    """Treats pixel data under one policy.

    Parameters
    ----------
    faces
        Where the face is, by old Series Instance UID.
    """

    def __init__(self, policy: Policy, faces: Mapping[str, FaceMask] | None) -> None:
        self._policy = replace(policy, masks=faces is not None)
        self._faces = faces or {}

    def treat(
        self, source: Source, facts: Facts, pixels: PixelElement, series_uid: str
    ) -> PixelValue:
        """Return what takes the place of pixel data.

        Raises
        ------
        DeidError
            If it must not go out, and cannot be cleaned.
        """
        assessment = self._assess(facts)
        regions = assessment.regions
        if assessment.face:
            mask = self._faces.get(series_uid)
            if mask is None:
                raise _refusal(FACE_REMOVAL)
            regions += mask.regions(facts)
        if assessment.look:
            from emixcli.deid.pixels.ocr import find_text

            regions += tuple(find_text(facts, source.file, pixels.offset, pixels.length, regions))
        value = PixelValue(assessment, (pixels.offset, pixels.length), pixels.length)
        if pixels.length == UNDEFINED or regions or _may_have_excess(facts, pixels):
            from emixcli.deid.pixels.clean import clean_pixels

            made = clean_pixels(facts, source.file, pixels.offset, pixels.length, regions)
            value = PixelValue(assessment, made, made.size, made.attributes)
        value = self._without_overlays(source, facts, pixels, value)
        if source.is_memory:
            value = replace(value, part=Inlined(source.file, value.part, value.size))
        return value

    def _assess(self, facts: Facts) -> Assessment:
        assessment = assess(facts, self._policy)
        if assessment.refusal is not None:
            raise _refusal(assessment.refusal)
        return assessment

    @staticmethod
    def _without_overlays(
        source: Source, facts: Facts, pixels: PixelElement, value: PixelValue
    ) -> PixelValue:
        """Clear bits of pixels that hold overlays (PS3.5 section 8.1.2, retired)."""
        if not any(tag >= _OVERLAYS and any(raw) for tag, raw in facts.values.items()):
            return value
        bits, high = facts.integer("BitsAllocated"), facts.integer("HighBit")
        stored = facts.integer("BitsStored")
        width = _MASKS.get(bits)
        if stored == bits:
            return value
        if pixels.length == UNDEFINED or width is None or facts.big_endian:
            raise DeidError(Reason.OVERLAY_BITS)
        mask = ((1 << stored) - 1) << (high + 1 - stored)
        change = _Mask(mask.to_bytes(width, "little"))
        return replace(value, part=Mapped(source.file, value.part, value.size, width, change))


@dataclass(frozen=True)
class _Mask:
    mask: bytes

    def __call__(self, data: bytes) -> bytes:
        mask = self.mask * (len(data) // len(self.mask))
        number = int.from_bytes(data, "little") & int.from_bytes(mask, "little")
        return number.to_bytes(len(data), "little")


def _refusal(reason: str) -> DeidError:
    return DeidError(reason, words=describe(reason), hint=hint(reason))


def facts_of(source: Source, dataset: DataSet, *, big_endian: bool = False) -> Facts:
    """Return what the header says about the pixels."""
    values = {record.tag: record.value for record in dataset.records if record.is_fact}
    if source.version_name:
        values[_VERSION_NAME] = source.version_name
    return Facts(values, source.syntax, source.explicit, big_endian)


def end_of(source: Source, pixels: PixelElement) -> int:
    """Return the offset behind pixel data; raises `DeidError` if the file ends before."""
    at = pixels.offset
    if pixels.length != UNDEFINED:
        if at + pixels.length > source.size:
            raise DeidError(Reason.TRUNCATED)
        return at + pixels.length
    while at + 8 <= source.size:
        group, element, length = struct.unpack("<HHI", source.read_at(at, 8))
        at += 8
        if (group, element) == (0xFFFE, 0xE0DD):
            return at
        if (group, element) != (0xFFFE, 0xE000) or length == UNDEFINED:
            raise DeidError(Reason.MALFORMED)
        at += length
    raise DeidError(Reason.TRUNCATED)


def _may_have_excess(facts: Facts, pixels: PixelElement) -> bool:
    """Whether native pixel data is longer than its frames, so that something may hide behind."""
    bits = facts.rows * facts.columns * facts.samples * facts.frames
    bits *= facts.integer("BitsAllocated", 8)
    return pixels.length > (bits + 7) // 8
