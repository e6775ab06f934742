"""Whole objects: file meta, header, pixel data, and what follows it."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from emixcli.deid import bigendian, markers
from emixcli.deid.body import Body, Inlined, Made, Piece
from emixcli.deid.engine import SERIES, SOP_CLASS, SOP_INSTANCE, STUDY, DataSet, Engine
from emixcli.deid.options import Option, Profile
from emixcli.deid.parse import LONG_VRS, UNDEFINED, encode, vr_of
from emixcli.deid.pixels.facts import Facts
from emixcli.deid.pixels.risk import Assessment, Policy, assess, describe, hint
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.source import EXPLICIT_LITTLE, NATIVE, Source, open_source
from emixcli.deid.split import PixelElement, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION_NAME: Final = 0x00020013
_NO_PIXELS: Final = Assessment()


@dataclass(frozen=True, slots=True)
class DeidentifiedObject:
    """What `anonymize.Anonymized` says, whose attributes these are."""

    head: bytes
    body: Body
    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    accepted: tuple[str, ...]
    records: Sequence[Record]


class Objects:
    """De-identifies objects for one profile and key."""

    def __init__(self, profile: Profile, key: bytes) -> None:
        self._profile = profile
        self._engine = Engine(profile, key)
        self._first_read = 32 * 1024
        self._marked: dict[tuple[bool, bytes, bool], dict[int, bytes]] = {}
        self._policy = Policy(
            clean=Option.CLEAN_PIXEL_DATA in profile.options,
            faces=Option.CLEAN_RECOGNIZABLE in profile.options,
            accept_risk=profile.accept_risk,
            site_rules=profile.rules.pixel_rules,
        )

    def make(self, file: BinaryIO) -> DeidentifiedObject:
        """Return an object without what identifies the patient; see `Anonymizer.anonymize`."""
        source = open_source(file, self._first_read)
        if not source.little:
            return _BigEndian(self, source).make()
        dataset = self._engine.treat(source)
        if dataset.pixels is None:
            return self.finish(source, dataset, _NO_PIXELS, None)
        return self._with_pixels(source, dataset, dataset.pixels)

    # -- pixel data ---------------------------------------------------------------------------

    def _with_pixels(
        self, source: Source, dataset: DataSet, pixels: PixelElement
    ) -> DeidentifiedObject:
        if pixels.length == UNDEFINED and source.syntax in NATIVE:
            raise DeidError(Reason.ENCODING)
        facts = facts_of(source, dataset)
        assessment = self.assess(facts)
        end = end_of(source, pixels)
        part = self._clean(source, facts, pixels, assessment)
        tail = self._tail(source, dataset, end)
        return self.finish(source, dataset, assessment, (pixels, part, tail))

    def assess(self, facts: Facts) -> Assessment:
        """Return what is to be done to pixels; raises `DeidError` where they must not go out."""
        assessment = assess(facts, self._policy)
        if assessment.refusal is not None:
            reason = assessment.refusal
            raise DeidError(reason, words=describe(reason), hint=hint(reason))
        return assessment

    @staticmethod
    def _clean(
        source: Source, facts: Facts, pixels: PixelElement, assessment: Assessment
    ) -> tuple[Piece | Made, int, dict[int, bytes]]:
        """Return the value of the pixel data, its size, and elements that go with it."""
        part: Piece | Made = (pixels.offset, pixels.length)
        size, attributes = pixels.length, {}
        if pixels.length == UNDEFINED or assessment.regions or _may_have_excess(facts, pixels):
            from emixcli.deid.pixels.clean import clean_pixels

            cleaned = clean_pixels(
                facts, source.file, pixels.offset, pixels.length, assessment.regions
            )
            part, size, attributes = cleaned, cleaned.size, dict(cleaned.attributes)
        if source.is_memory:
            part = Inlined(source.file, part, size)
        return part, size, attributes

    def _tail(self, source: Source, dataset: DataSet, end: int) -> bytes:
        """Return what may stay of the elements behind the pixel data; garbage is left out."""
        if end >= source.size:
            return b""
        source.jump(end)
        try:
            records, _ = self._engine.splitter.split(source, end)
        except DeidError:
            return b""
        records = [record for record in records if record.tag > 0x7FE00010]
        self._engine.render(records, dataset.context, dataset.scope)
        return Engine.join(replace(dataset, records=records), {})

    # -- the whole ----------------------------------------------------------------------------

    def finish(
        self,
        source: Source,
        dataset: DataSet,
        assessment: Assessment,
        pixels: tuple[PixelElement, tuple[Piece | Made, int, dict[int, bytes]], bytes] | None,
    ) -> DeidentifiedObject:
        """Return the object from its parts."""
        naming = dataset.naming()
        named = naming.get(SOP_CLASS)
        sop_class = (named.text() if named else "") or source.media_class
        instance = _new(naming.get(SOP_INSTANCE))
        if not instance:
            raise DeidError(Reason.NO_UID)
        made = self._markers(dataset, naming.get(markers.METHOD_CODES), assessment)
        if pixels is None:
            value, body = b"", Body()
        else:
            element, (part, size, attributes), tail = pixels
            made |= {
                tag: encode(tag, vr_of(tag, ""), value, explicit=source.explicit)
                for tag, value in attributes.items()
            }
            value = _pixel_head(element, size, explicit=source.explicit)
            body = Body((part, tail) if tail else (part,), size + len(tail))
        head = markers.meta(sop_class, instance, source.syntax) + Engine.join(dataset, made) + value
        self._first_read = min(max(32 * 1024, len(head) + 4096 & ~4095), 256 * 1024)
        return DeidentifiedObject(
            head,
            body,
            sop_class,
            instance,
            _new(naming.get(SERIES)),
            _new(naming.get(STUDY)),
            () if assessment.accepted is None else (assessment.accepted,),
            dataset.records,
        )

    def _markers(
        self, dataset: DataSet, earlier: Record | None, assessment: Assessment
    ) -> dict[int, bytes]:
        explicit = dataset.scope.explicit
        before = b"" if earlier is None else earlier.value
        key = (explicit, before, assessment.accepted is None)
        made = self._marked.get(key)
        if made is None:
            without = frozenset({Option.CLEAN_PIXEL_DATA} if assessment.accepted else ())
            made = self._marked[key] = markers.markers(
                self._profile, explicit=explicit, earlier=before, without=without
            )
        made = made.copy()
        if assessment.cleaned:
            made[markers.BURNED_IN] = encode(markers.BURNED_IN, "CS", b"NO", explicit=explicit)
        return made


def facts_of(source: Source, dataset: DataSet) -> Facts:
    """Return what the header says about the pixels."""
    values = {record.tag: record.value for record in dataset.records if record.is_fact}
    if source.version_name:
        values[_VERSION_NAME] = source.version_name
    return Facts(values, source.syntax, source.explicit)


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


def _new(record: Record | None) -> str:
    if record is None or not record.out:
        return ""
    n_head = 8  # UI has a short head in either dialect
    return record.out[n_head:].decode("latin-1").strip(" \0")


def _pixel_head(element: PixelElement, size: int, *, explicit: bool) -> bytes:
    length = UNDEFINED if element.length == UNDEFINED else size
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if not explicit:
        return struct.pack("<HHI", group, number, length)
    vr = element.vr if element.vr in LONG_VRS and element.vr != "UN" else "OW"
    return struct.pack("<HH2sHI", group, number, vr.encode(), 0, length)


class _BigEndian:
    """A big endian object, which becomes a little endian one."""

    def __init__(self, objects: Objects, source: Source) -> None:
        self._objects = objects
        self._source = source

    def make(self) -> DeidentifiedObject:
        source = self._source
        content, pixels = self._converted()
        little = replace(
            source,
            file=io.BytesIO(content),
            size=len(content),
            data=content,
            base=0,
            dataset=0,
            syntax=EXPLICIT_LITTLE,
            little=True,
        )
        engine = self._objects._engine  # noqa: SLF001 - one class in two
        dataset = engine.treat(little)
        if pixels is None:
            return self._objects.finish(little, dataset, _NO_PIXELS, None)
        element = PixelElement(pixels.tag, pixels.vr, pixels.offset, pixels.length)
        if element.length == UNDEFINED:
            raise DeidError(Reason.MALFORMED)
        end_of(source, element)
        facts = replace(facts_of(little, dataset), big_endian=True)
        assessment = self._objects.assess(facts)
        part, size, attributes = self._objects._clean(  # noqa: SLF001 - as above
            source, facts, element, assessment
        )
        inner = None if isinstance(part, bytes | memoryview | tuple) else part
        width = {"OB": 1, "OW": 2, "OF": 4, "OD": 8}.get(element.vr, 2)
        swapped = bigendian.Swapped(source.file, Body((part,), size).pieces, size, width, inner)
        return self._objects.finish(
            little, dataset, assessment, (element, (swapped, size, attributes), b"")
        )

    def _converted(self) -> tuple[bytes, bigendian.Pixels | None]:
        source = self._source
        while True:
            try:
                return bigendian.Converter(source.data).dataset(source.dataset)
            except DeidError as exc:
                if exc.reason != Reason.TRUNCATED or source.is_all:
                    raise
            source.grow()
