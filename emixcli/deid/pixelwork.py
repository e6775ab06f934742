"""Pixel data of an object: judged, cleaned where it must be, else a range of the source."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.deid.body import Inlined, Made, Piece
from emixcli.deid.engine import SERIES
from emixcli.deid.parse import UNDEFINED
from emixcli.deid.pixels.errors import damaged
from emixcli.deid.pixels.facts import Facts
from emixcli.deid.pixels.functional import PER_FRAME, SHARED, Groups, with_anatomy
from emixcli.deid.pixels.native import needs_cleaning
from emixcli.deid.pixels.risk import (
    FACE_REMOVAL,
    Assessment,
    Policy,
    assess,
    describe,
    hint,
)
from emixcli.deid.refusal import DeidError, Reason
from emixcli.fragments import State, read_items

if TYPE_CHECKING:
    from emixcli.deid.engine import DataSet
    from emixcli.deid.pixels.faces import FaceMask
    from emixcli.deid.pixels.facts import Region
    from emixcli.deid.source import Source
    from emixcli.deid.split import PixelElement

_VERSION_NAME: Final = 0x00020013
_MAX_ITEMS: Final = 4_000_000


class PixelValue(NamedTuple):
    """The new value of the pixel data element.

    Attributes
    ----------
    attributes
        Values, little endian, of elements that go with it.
    """

    assessment: Assessment = Assessment()
    part: Piece | Made = b""
    size: int = 0
    attributes: Mapping[int, bytes] = MappingProxyType({})


class PixelWork:
    """Treats pixel data under one policy.

    Parameters
    ----------
    faces
        Where the face is, by old Series Instance UID.
    """

    def __init__(self, policy: Policy, faces: Mapping[str, FaceMask] | None) -> None:
        self._policy = policy._replace(masks=faces is not None)
        self._faces = faces or {}

    def treat(
        self, source: Source, facts: Facts, pixels: PixelElement, dataset: DataSet
    ) -> PixelValue:
        """Return what takes the place of pixel data.

        Raises
        ------
        DeidError
            If it must not go out, and cannot be cleaned.
        """
        if not facts.has_size:  # then nothing tells where the pixels end
            raise damaged("the header says not how large the image is")
        assessment = self._assess(facts)
        regions = assessment.regions
        per_frame: list[tuple[Region, ...]] = []
        if assessment.face:
            mask = self._faces.get(series_of(dataset))
            if mask is None:
                raise _refusal(FACE_REMOVAL)
            if facts.frames > 1:
                per_frame = mask.regions_of_frames(groups_of(dataset).frames(facts))
            else:
                regions += mask.regions(facts)
        if assessment.look:
            from emixcli.deid.pixels.ocr import find_text

            regions += tuple(find_text(facts, source.file, pixels.offset, pixels.length, regions))
        value = PixelValue(assessment, (pixels.offset, pixels.length), pixels.length)
        if per_frame:
            from emixcli.deid.pixels.clean import clean_frames

            frames = [regions + own for own in per_frame]
            made = clean_frames(facts, source.file, pixels.offset, pixels.length, frames)
            value = PixelValue(assessment, made, made.size)
        elif pixels.length == UNDEFINED or needs_cleaning(facts, pixels.length, regions):
            from emixcli.deid.pixels.clean import clean_pixels

            made = clean_pixels(facts, source.file, pixels.offset, pixels.length, regions)
            value = PixelValue(assessment, made, made.size, made.attributes)
        if source.is_other:
            value = value._replace(part=Inlined(source.file, value.part, value.size))
        return value

    def _assess(self, facts: Facts) -> Assessment:
        assessment = assess(facts, self._policy)
        if assessment.refusal is not None:
            raise _refusal(assessment.refusal)
        return assessment


def _refusal(reason: str) -> DeidError:
    return DeidError(reason, words=describe(reason), hint=hint(reason))


def series_of(dataset: DataSet) -> str:
    """Return the old Series Instance UID, "" where there is none."""
    found = dataset.naming().get(SERIES)
    return "" if found is None else found.text()


def groups_of(dataset: DataSet) -> Groups:
    """Return the functional groups of a multi-frame image."""
    found = {record.tag: record for record in dataset.records if record.tag in (SHARED, PER_FRAME)}
    shared, per_frame = (
        b"" if (record := found.get(tag)) is None else record.value_data
        for tag in (SHARED, PER_FRAME)
    )
    is_explicit = all(record.element.vr == "SQ" for record in found.values())
    return Groups(shared, per_frame, dataset.scope.explicit and is_explicit)


def facts_of(source: Source, dataset: DataSet, *, big_endian: bool = False) -> Facts:
    """Return what the header says about the pixels."""
    values = {record.tag: record.value for record in dataset.records if record.is_fact}
    if source.version_name:
        values[_VERSION_NAME] = source.version_name
    facts = Facts(values, source.syntax, source.explicit, big_endian)
    return with_anatomy(facts, groups_of(dataset)) if facts.frames > 1 else facts


def end_of(source: Source, pixels: PixelElement) -> int:
    """Return the offset behind pixel data; raises `DeidError` if the file ends before."""
    at = pixels.offset
    if pixels.length != UNDEFINED:
        if at + pixels.length > source.size:
            raise DeidError(Reason.TRUNCATED)
        return at + pixels.length
    items = read_items(source.read_at, at, source.size, most=_MAX_ITEMS)
    if items.state is State.WHOLE:
        return items.end
    raise DeidError(Reason.TRUNCATED if items.state is State.CUT else Reason.MALFORMED)
