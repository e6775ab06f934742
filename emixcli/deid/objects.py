"""Whole objects: file meta, header, pixel data, and what follows it."""

from __future__ import annotations

import contextlib
import functools
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from emixcli.deid import markers
from emixcli.deid.anonymized import Anonymized
from emixcli.deid.body import Body
from emixcli.deid.engine import SERIES, SOP_CLASS, SOP_INSTANCE, STUDY, DataSet, Engine
from emixcli.deid.options import Option, Profile
from emixcli.deid.pages import Scratch
from emixcli.deid.parse import LONG_VRS, UNDEFINED, encode, vr_of
from emixcli.deid.pixels.risk import Assessment, Policy
from emixcli.deid.pixelwork import PixelValue, PixelWork, end_of, facts_of, groups_of, series_of
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.source import (
    FIRST_READ,
    NATIVE,
    MetaTemplate,
    Source,
    open_source,
    template_of,
)
from emixcli.deid.split import PixelElement, Record, behind
from emixcli.deid.values import MAX_TEXT
from emixcli.syntaxes import EXPLICIT_LITTLE_UID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emixcli.deid.body import Made, Piece
    from emixcli.deid.pages import Rope
    from emixcli.deid.pixels.faces import FaceMask
    from emixcli.deid.pixels.facts import Facts
    from emixcli.deid.pixels.functional import Groups
    from emixcli.deid.render import Content
    from emixcli.deid.repair import Repair

_MAX_FIRST_READ: Final = 256 * 1024
_NO_PIXELS: Final = PixelValue()
_NOTHING: Final[Content] = b""
#: Rows, Columns, Bits Allocated: nothing but images with pixel data has all three.
_IMAGE: Final = frozenset({0x00280010, 0x00280011, 0x00280100})
#: Pixel Data Provider URL: the pixels are elsewhere.
_PROVIDER: Final = 0x00287FE0


class PixelPlace(NamedTuple):
    """Where the pixel data of an object stands, and what its header says of it.

    Attributes
    ----------
    series_uid
        The old one.
    start, length
        Of the value in the file; the length is 0xFFFFFFFF where it is encapsulated.
    groups
        Functional groups, of a multi-frame image.
    """

    facts: Facts
    series_uid: str
    start: int
    length: int
    groups: Groups


class _Opened(NamedTuple):
    """An object after its header was treated; big endian pixels are still in their own file."""

    source: Source
    dataset: DataSet
    pixels: PixelElement | None
    pixel_source: Source
    facts: Facts | None


class Objects:
    """De-identifies objects for one profile and key.

    Parameters
    ----------
    faces
        Where the face is, by old Series Instance UID; None where faces are not taken away.
    ocr
        Whether text is looked for in pixels; None: where Clean Pixel Data is asked, and the part
        that recognises it is installed.
    """

    def __init__(
        self,
        profile: Profile,
        key: bytes,
        *,
        faces: Mapping[str, FaceMask] | None = None,
        ocr: bool | None = None,
    ) -> None:
        self._profile = profile
        self._engine = Engine(profile, key)
        self._first_read = FIRST_READ
        self._template: MetaTemplate | None = None
        self._marked: dict[tuple[bool, bytes, bool], dict[int, bytes]] = {}
        is_clean = Option.CLEAN_PIXEL_DATA in profile.options
        policy = Policy(
            clean=is_clean,
            faces=Option.CLEAN_RECOGNIZABLE in profile.options,
            accept_risk=profile.accept_risk,
            site_rules=profile.rules.pixel_rules,
            ocr=is_clean and _has_ocr() if ocr is None else ocr,
        )
        self._pixel_work = PixelWork(policy, faces)

    def make(self, file: BinaryIO, repair: Repair | None = None) -> Anonymized:
        """Return an object without what identifies the patient; see `Anonymizer.anonymize`."""
        with contextlib.ExitStack() as failing:
            scratch = Scratch()
            failing.callback(scratch.close)
            try:
                made = self._make(self._open(file, scratch, repair))
            except (ArithmeticError, LookupError, RecursionError, ValueError, struct.error):
                # What no check foresaw does not go out, and its text may hold values.
                raise DeidError(Reason.MALFORMED) from None
            failing.pop_all()  # `Body.close` closes it
            return made

    def _make(self, opened: _Opened) -> Anonymized:
        value, tail = _NO_PIXELS, _NOTHING
        behind_pixels: list[Record] = []
        if opened.pixels is not None and opened.facts is not None:
            end = end_of(opened.pixel_source, opened.pixels)
            value = self._pixel_work.treat(
                opened.pixel_source, opened.facts, opened.pixels, opened.dataset
            )
            if opened.pixel_source is opened.source:
                behind_pixels = self._behind_pixels(opened.source, opened.dataset, end)
                tail = Engine.join(opened.dataset._replace(records=behind_pixels), {})
            else:
                value = _little(opened, value)
        made = self._finish(opened, value, tail)
        return made._replace(records=[*made.records, *behind_pixels]) if behind_pixels else made

    def pixel_place(self, file: BinaryIO) -> PixelPlace | None:
        """Return where the pixels of an object are; None where it has none."""
        with contextlib.closing(Scratch()) as scratch:
            opened = self._open(file, scratch)
            if opened.pixels is None or opened.facts is None:
                return None
            return PixelPlace(
                opened.facts,
                series_of(opened.dataset),
                opened.pixels.offset,
                opened.pixels.length,
                groups_of(opened.dataset).loaded(),
            )

    # -- reading ------------------------------------------------------------------------------

    def _open(self, file: BinaryIO, scratch: Scratch, repair: Repair | None = None) -> _Opened:
        source = open_source(file, scratch, self._first_read, self._template)
        if not source.little:
            return self._open_big_endian(source, repair)
        if not source.is_followed and not source.is_other:
            self._template = template_of(source, source.data)
        dataset = self._engine.treat(source, repair)
        pixels = dataset.pixels
        if pixels is None:
            _check_whole(dataset)
            return _Opened(source, dataset, None, source, None)
        if pixels.length == UNDEFINED and source.syntax in NATIVE:
            raise DeidError(Reason.ENCODING)
        return _Opened(source, dataset, pixels, source, facts_of(source, dataset))

    def _open_big_endian(self, source: Source, repair: Repair | None) -> _Opened:
        from emixcli.deid import bigendian

        made = source.scratch.file()
        size, pixels = bigendian.convert(source.pages(-source.base), source.dataset, made)
        little = replace(source, syntax=EXPLICIT_LITTLE_UID, little=True)
        little.become(made, size)
        dataset = self._engine.treat(little, repair)
        if pixels is None:
            _check_whole(dataset)
            return _Opened(little, dataset, None, source, None)
        if pixels.length == UNDEFINED:
            raise DeidError(Reason.ENCODING)
        element = PixelElement(pixels.tag, pixels.vr, pixels.offset, pixels.length)
        facts = facts_of(source, dataset, big_endian=True)
        return _Opened(little, dataset, element, source, facts)

    def _behind_pixels(self, source: Source, dataset: DataSet, end: int) -> list[Record]:
        """Return the elements behind the pixel data, treated; garbage is left out."""
        if end >= source.size:
            return []
        source.jump(end)
        try:
            records, _ = self._engine.splitter.split(source, end)
        except DeidError:
            records = [behind(explicit=source.explicit)]
        # the rest of the pixel data's group is retired (PS3.6): nobody reads it
        records = [record for record in records if record.tag > 0x7FE0FFFF]
        self._engine.render(records, dataset.context, dataset.scope, source.scratch)
        return records

    # -- the whole ----------------------------------------------------------------------------

    def _finish(self, opened: _Opened, value: PixelValue, tail: Content) -> Anonymized:
        source, dataset = opened.source, opened.dataset
        naming = dataset.naming()
        named = naming.get(SOP_CLASS)
        sop_class = (named.text() if named else "") or source.media_class
        instance = _new(naming.get(SOP_INSTANCE))
        made = self._markers(dataset, naming.get(markers.METHOD_CODES), value.assessment)
        if not instance:
            raise DeidError(Reason.NO_UID)
        for tag, raw in value.attributes.items():
            made[tag] = encode(tag, vr_of(tag, ""), raw, explicit=source.explicit)
        head = markers.meta(sop_class, instance, source.syntax)
        content = Engine.join(dataset, made)
        pixel_head = b""
        parts: list[Rope | Piece | Made] = []
        if opened.pixels is not None:
            pixel_head = _pixel_head(opened.pixels, value.size, explicit=source.explicit)
            parts.append(value.part)
        if tail:
            parts.append(tail)
        size = value.size + len(tail)
        if isinstance(content, bytes):
            head += content + pixel_head
        else:
            content.add(pixel_head)
            parts.insert(0, content)
            size += len(content)
        body = Body(tuple(parts), size, source.scratch)
        self._first_read = min(max(FIRST_READ, len(head) + 4096 & ~4095), _MAX_FIRST_READ)
        accepted = value.assessment.accepted
        return Anonymized(
            head,
            body,
            sop_class,
            instance,
            _new(naming.get(SERIES)),
            _new(naming.get(STUDY)),
            () if accepted is None else (accepted,),
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
        if assessment.face:
            tag = markers.RECOGNIZABLE
            made[tag] = encode(tag, "CS", b"NO", explicit=explicit)
        return made


def _has_ocr() -> bool:
    from emixcli.deid.pixels.ocr import is_installed

    return is_installed()


def _check_whole(dataset: DataSet) -> None:
    """Refuse an image that ends where its pixel data should begin."""
    asked = [record for record in dataset.records if record.tag in _IMAGE | {_PROVIDER}]
    tags = {record.tag for record in asked if record.value_data[:MAX_TEXT].strip(b" \0")}
    if tags == _IMAGE:
        raise DeidError(Reason.TRUNCATED)


def _new(record: Record | None) -> str:
    if record is None or not record.out:
        return ""
    n_head = 8  # UI has a short head in either dialect
    return cast("bytes", record.out)[n_head:].decode("latin-1").strip(" \0")


def _pixel_head(element: PixelElement, size: int, *, explicit: bool) -> bytes:
    length = UNDEFINED if element.length == UNDEFINED else size
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if not explicit:
        return struct.pack("<HHI", group, number, length)
    vr = element.vr if element.vr in LONG_VRS and element.vr != "UN" else "OW"
    return struct.pack("<HH2sHI", group, number, vr.encode(), 0, length)


def _little(opened: _Opened, value: PixelValue) -> PixelValue:
    """Return big endian pixels turned round."""
    from emixcli.deid import bigendian

    vr = "" if opened.pixels is None else opened.pixels.vr
    width = {"OB": 1, "OF": 4, "OD": 8}.get(vr, 2)
    if vr == "OW" and opened.facts is not None:  # samples of 32 bits are turned as a whole
        width = max(2, opened.facts.integer("BitsAllocated", 16) // 8)
        if width not in {2, 4, 8}:
            raise DeidError(Reason.ENCODING)
    change = functools.partial(bigendian.swap, width=width)
    part = bigendian.Mapped(opened.pixel_source.file, value.part, value.size, width, change)
    return value._replace(part=part)
