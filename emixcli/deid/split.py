"""The data set cut into elements; those whose bytes were seen before are recognised at once."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.deid import binary, charsets, publicuids
from emixcli.deid.identity import Known
from emixcli.deid.known import iter_known, may_identify
from emixcli.deid.options import Option
from emixcli.deid.parse import (
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED,
    Element,
    encode,
    head,
    names_vrs,
    skip_items,
    vr_of,
)
from emixcli.deid.pixels.facts import FACT_TAGS
from emixcli.deid.private import is_creator
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.rest import MAX_REST, TRAILING_PADDING, is_rest
from emixcli.deid.rules import CHARACTER_SET, Rules

if TYPE_CHECKING:
    from emixcli.deid.scope import Context
    from emixcli.deid.source import Source

PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_PIXEL_CODES: Final = frozenset(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in PIXELS)
#: Elements that the treatment of others depends on: character set, SOP class, patient, earlier
#: methods of de-identification, and the kind of an encapsulated document.
SHARED: Final = frozenset(
    {CHARACTER_SET, 0x00080016, 0x00100010, 0x00100020, 0x00100030, 0x00120064, 0x00420012}
)

_explicit: Final = struct.Struct("<4s2sHI").unpack_from
_implicit: Final = struct.Struct("<4sI").unpack_from
_SHORT: Final = frozenset(vr.encode() for vr in SHORT_VRS)
_LONG: Final = frozenset(vr.encode() for vr in LONG_VRS)
#: Longer values are not remembered.
_MAX_REMEMBERED: Final = 64 * 1024
#: Longer values that go anyway are not even read.
_MAX_READ: Final = 256 * 1024
_MAX_RECORDS: Final = 20_000
_MIN_BLOCK: Final = 3
#: Objects between two tries to learn blocks.
_MAX_BACKOFF: Final = 64
#: Elements that say which object this is.
NAMING: Final = frozenset({0x00080018, 0x0020000D, 0x0020000E})


@dataclass(slots=True, eq=False, repr=False)
class Record:
    """An element of a data set, and what became of it.

    Attributes
    ----------
    raw
        The element's bytes; without its value where that was too large and goes anyway.
    known
        What it tells about the patient.
    is_shared, is_naming, is_fact
        Whether the treatment of other elements depends on it; whether it says which object this
        is; whether the treatment of pixels depends on it.
    block
        What followed it, from itself on, in the objects before.
    context, out, actions
        What it was treated for, the result, and what was done.
    """

    tag: int
    raw: bytes
    element: Element
    charset: str
    explicit: bool
    known: tuple[Known, ...] = ()
    is_shared: bool = False
    is_naming: bool = False
    is_fact: bool = False
    block: Block | None = None
    context: Context | None = None
    out: bytes = b""
    actions: dict[tuple[int, str], int] = field(default_factory=dict)

    @property
    def value(self) -> bytes:
        """The value's bytes."""
        return self.raw[self.element.value : self.element.end]

    def text(self) -> str:
        """Return the value as text."""
        return charsets.decode(self.value, self.charset).strip(" \0")


def behind(*, explicit: bool) -> Record:
    """Return what stands for bytes behind a data set, so that the report counts them."""
    raw = encode(TRAILING_PADDING, "OB", b"\1\1", explicit=explicit)
    element = Element(TRAILING_PADDING, "OB", 0, len(raw) - 2, len(raw), len(raw))
    return Record(TRAILING_PADDING, raw, element, "", explicit)


class Block(NamedTuple):
    """Elements that followed each other in several objects, and all their bytes."""

    raw: bytes
    records: list[Record]


class PixelElement(NamedTuple):
    """Where pixel data stands in the file."""

    tag: int
    vr: str
    offset: int
    length: int


class Splitter:
    """Cuts data sets; remembers elements by their bytes, character set and dialect."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._keeps_private = bool(rules.safe_private)
        self._maps_uids = Option.RETAIN_UIDS not in rules.profile.options
        self._seen: dict[tuple[bool, str], dict[bytes, Record]] = {}
        self._n_seen = 0
        self._previous: list[Record] = []
        self._wait, self._backoff = 0, 1

    def split(self, source: Source, at: int) -> tuple[list[Record], PixelElement | None]:
        """Return the elements from an offset on, up to pixel data or the end of the file.

        Raises
        ------
        DeidError
            If they cannot be told apart.
        """
        records: list[Record] = []
        pixels = self._split(source, at, records)
        return records, pixels

    def _split(self, source: Source, at: int, records: list[Record]) -> PixelElement | None:
        charset = ""
        while True:
            index = self._run(source, at - source.base, charset, records)
            at = source.base + index
            if records and records[-1].tag == CHARACTER_SET:
                charset = records[-1].text()
            if self._is_end(source, index):
                return None
            try:
                found = self._step(source, index, charset)
            except DeidError:
                if self._is_rest(source, index, records):
                    records.append(behind(explicit=source.explicit))
                    return None
                raise
            if isinstance(found, PixelElement):
                return found
            if found is not None:
                record, at = found
                records.append(record)
                if record.tag == CHARACTER_SET:
                    charset = record.text()

    def learn_blocks(self, records: list[Record]) -> None:
        """Note which elements follow each other; less and less often where that does not last."""
        if self._wait:
            self._wait -= 1
            return
        self._wait = self._backoff = min(self._backoff * 2, _MAX_BACKOFF)
        known = set(map(id, self._previous))
        self._previous = records
        block: list[Record] = []
        for record in [*records, None]:
            # The character set decides how what follows is looked up: it ends a block.
            if record is not None and id(record) in known and record.tag != CHARACTER_SET:
                block.append(record)
                continue
            if len(block) >= _MIN_BLOCK:
                block[0].block = Block(b"".join(item.raw for item in block), block)
            block = []

    def _remembered(self, explicit: bool, charset: str) -> dict[bytes, Record]:  # noqa: FBT001 - a key
        if self._n_seen > _MAX_RECORDS:
            self._seen.clear()
            self._n_seen = 0
        return self._seen.setdefault((explicit, charset), {})

    def _run(self, source: Source, index: int, charset: str, records: list[Record]) -> int:
        """Take elements up to one that needs care; return its index."""
        seen = self._remembered(source.explicit, charset)
        data, find, append = source.data, seen.get, records.append
        last = len(data) - 12
        while index <= last:
            if source.explicit:
                _, vr, short, length = _explicit(data, index)
                if vr in _SHORT:
                    stop = index + 8 + short
                elif vr in _LONG:
                    stop = index + 12 + length
                else:
                    break
            else:
                stop = index + 8 + _implicit(data, index)[1]
            raw = data[index:stop]
            record = find(raw)
            if record is None:
                record = self._take(raw, stop - index, charset, seen, explicit=source.explicit)
                if record is None:
                    break
            block = record.block
            if block is not None and data.startswith(block.raw, index):
                records += block.records
                index += len(block.raw)
                continue
            append(record)
            index = stop
            if record.tag == CHARACTER_SET:
                break
        return index

    def _take(
        self, raw: bytes, length: int, charset: str, seen: dict[bytes, Record], *, explicit: bool
    ) -> Record | None:
        """Return a new element that is wholly there; None for one that needs care."""
        if len(raw) != length or length > _MAX_REMEMBERED or raw[:4] in _PIXEL_CODES:
            return None
        tag, vr, value, _ = head(raw, 0, explicit=explicit)
        element = Element(tag, vr, 0, value, length, length)
        record = seen[raw] = self._learn(raw, element, charset, explicit=explicit)
        self._n_seen += 1
        return record

    @staticmethod
    def _is_end(source: Source, index: int) -> bool:
        """Whether nothing is left but padding; reads on if more may come."""
        while index + 12 > len(source.data) and not source.is_all:
            source.grow()
        return source.is_all and not source.data[index : index + 4096].strip(b"\0")

    @staticmethod
    def _is_rest(source: Source, index: int, records: list[Record]) -> bool:
        """Whether what could not be read is behind the data set, and no part of it."""
        while not source.is_all and len(source.data) - index <= MAX_REST:
            source.grow()
        groups = {record.tag >> 16 for record in records if record.tag >> 16 & 1}
        return source.is_all and is_rest(source.data[index:], groups, explicit=source.explicit)

    def _step(
        self, source: Source, index: int, charset: str
    ) -> PixelElement | tuple[Record, int] | None:
        """Take one element; None if more had to be read first."""
        tag, vr, value, length = head(source.data, index, explicit=source.explicit)
        if tag in PIXELS:
            return PixelElement(tag, vr, source.base + value, length)
        if length == UNDEFINED:
            stop = self._end_of_items(source, vr, value)
            if stop is None:
                return None
            element = Element(tag, vr, 0, value - index, stop - 8 - index, stop - index)
        else:
            stop = value + length
            if source.base + stop > source.size:
                raise DeidError(Reason.TRUNCATED)
            if length > _MAX_READ and self._goes(tag, vr):
                return self._leave_out(source, index, Element(tag, vr, 0, value, value, value))
            if stop > len(source.data):
                source.grow()
                return None
            element = Element(tag, vr, 0, value - index, stop - index, stop - index)
        raw = source.data[index:stop]
        if len(raw) > _MAX_REMEMBERED:
            return self._learn(raw, element, charset, explicit=source.explicit), source.base + stop
        seen = self._remembered(source.explicit, charset)
        record = seen.get(raw)
        if record is None:
            record = seen[raw] = self._learn(raw, element, charset, explicit=source.explicit)
            self._n_seen += 1
        return record, source.base + stop

    @staticmethod
    def _end_of_items(source: Source, vr: str, value: int) -> int | None:
        inner = names_vrs(source.data, vr, value, explicit=source.explicit)
        try:
            return skip_items(source.data, value, len(source.data), explicit=inner, depth=1)
        except DeidError as exc:
            if exc.reason != Reason.TRUNCATED or source.is_all:
                raise
        source.grow()
        return None

    def _goes(self, tag: int, vr: str) -> bool:
        """Whether an element is removed or replaced whatever its value is.

        A sequence may become one of dummies, which keeps its structure.
        """
        if tag >> 16 & 1:
            return not self._keeps_private
        if vr_of(tag, vr) == "SQ":
            return False
        return self._rules[tag].letters in ("X", "Z", "D") and tag not in SHARED

    def _leave_out(self, source: Source, index: int, at: Element) -> tuple[Record, int]:
        """Return a large element without its value, and go on behind it."""
        _, _, value, length = head(source.data, index, explicit=source.explicit)
        n_head = value - index
        # A value of two bytes stands for it: an empty one would be left empty.
        raw = source.data[index:value] + b"\1\1"
        element = Element(at.tag, at.vr, 0, n_head, n_head + 2, n_head + 2)
        offset = source.base + value + length
        source.jump(offset)
        return Record(at.tag, raw, element, "", source.explicit), offset

    def _learn(self, raw: bytes, element: Element, charset: str, *, explicit: bool) -> Record:
        tag = element.tag
        binary.check(raw, element, explicit=explicit)
        known: tuple[Known, ...] = ()
        if may_identify(element):
            known = tuple(iter_known(raw, element, self._rules, charset, explicit=explicit))
        if self._maps_uids:
            known += tuple(
                Known("text", uid) for uid in publicuids.short_ones(raw, element, explicit=explicit)
            )
        is_creating = self._keeps_private and bool(tag >> 16 & 1) and is_creator(tag)
        return Record(
            tag,
            raw,
            element,
            charset,
            explicit,
            known,
            is_shared=tag in SHARED or is_creating or bool(known),
            is_naming=tag in NAMING or tag in SHARED,
            is_fact=tag in FACT_TAGS,
        )
