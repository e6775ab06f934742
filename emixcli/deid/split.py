"""The data set cut into elements; those whose bytes were seen before are recognised at once."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from emixcli.deid import binary, charsets, publicuids
from emixcli.deid.identity import Known
from emixcli.deid.known import iter_known, may_identify
from emixcli.deid.longvalues import MAX_HELD
from emixcli.deid.options import Option
from emixcli.deid.pages import LARGE, Pages, Rope
from emixcli.deid.parse import (
    LONG_VRS,
    MAX_ELEMENTS,
    SHORT_VRS,
    UNDEFINED,
    Data,
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
#: Longer values are not remembered; nor are more elements, and bytes of them, at once.
_MAX_REMEMBERED: Final = 64 * 1024
_MAX_RECORDS: Final = 10_000
_MAX_RECORDED: Final = 2 * 1024 * 1024
#: All that a data set holds in memory, once it holds `MAX_HELD`.
_SHORT_VALUE: Final = 512
#: Longer elements that others depend on are none of a real object.
_MAX_DECIDING: Final = 4 * 1024 * 1024
#: Longer bytes are compared by their digest.
_LONG_KEY: Final = 1024
_MIN_BLOCK: Final = 3
#: Objects between two tries to learn blocks.
_MAX_BACKOFF: Final = 64
#: Elements that say which object this is.
NAMING: Final = frozenset({0x00080018, 0x0020000D, 0x0020000E})
_DECIDING: Final = SHARED | NAMING | FACT_TAGS


@dataclass(slots=True, eq=False, repr=False)
class Record:
    """An element of a data set, and what became of it.

    Attributes
    ----------
    raw
        The element's bytes; without its value where that was too large and goes anyway.
    known
        What it tells about the patient.
    key
        Stands for the bytes of an element that others depend on.
    is_shared, is_naming, is_fact
        Whether the treatment of other elements depends on it; whether it says which object this
        is; whether the treatment of pixels depends on it.
    block
        What followed it, from itself on, in the objects before.
    context, out, actions
        What it was treated for, the result, and what was done.
    """

    tag: int
    raw: Data
    element: Element
    charset: str
    explicit: bool
    known: tuple[Known, ...] = ()
    key: bytes = b""
    is_shared: bool = False
    is_naming: bool = False
    is_fact: bool = False
    block: Block | None = None
    context: Context | None = None
    out: bytes | Rope = b""
    actions: dict[tuple[int, str], int] = field(default_factory=dict)

    @property
    def value(self) -> bytes:
        """The value's bytes, read now where they are not in memory."""
        return self.raw[self.element.value : self.element.end]

    @property
    def value_data(self) -> Data:
        """The value's bytes, or where they can be read."""
        if isinstance(self.raw, bytes):
            return self.value
        return self.raw.part(self.element.value, self.element.end)

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
        self._n_seen = self._n_bytes = 0
        self._held = 0
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
        self._held = 0
        pixels = self._split(source, at, records)
        return records, pixels

    def _split(self, source: Source, at: int, records: list[Record]) -> PixelElement | None:
        charset = ""
        while True:
            index = self._run(source, at - source.base, charset, records)
            if index > LARGE:
                source.trim(index)
                index = 0
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
                block[0].block = Block(b"".join(cast("bytes", item.raw) for item in block), block)
            block = []

    def _remembered(self, explicit: bool, charset: str) -> dict[bytes, Record]:  # noqa: FBT001 - a key
        if self._n_seen > _MAX_RECORDS or self._n_bytes > _MAX_RECORDED:
            self._seen.clear()
            self._n_seen = self._n_bytes = 0
        return self._seen.setdefault((explicit, charset), {})

    def _run(self, source: Source, index: int, charset: str, records: list[Record]) -> int:
        """Take elements up to one that needs care; return its index."""
        if len(records) > MAX_ELEMENTS:
            raise DeidError(Reason.TOO_LARGE)
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
        most = _MAX_REMEMBERED if self._held <= MAX_HELD else _SHORT_VALUE
        if len(raw) != length or length > most or raw[:4] in _PIXEL_CODES:
            return None
        tag, vr, value, _ = head(raw, 0, explicit=explicit)
        element = Element(tag, vr, 0, value, length, length)
        return self._remember(raw, element, charset, seen, explicit=explicit)

    def _remember(
        self,
        raw: bytes,
        element: Element,
        charset: str,
        seen: dict[bytes, Record],
        *,
        explicit: bool,
    ) -> Record:
        record = seen[raw] = self._learn(raw, element, charset, explicit=explicit)
        self._n_seen += 1
        self._n_bytes += len(raw)
        self._held += len(raw)
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
        pages = source.pages(index)
        if length == UNDEFINED:
            stop = self._end_of_items(source, pages, vr, value - index)
            if stop is None:
                return None
            element = Element(tag, vr, 0, value - index, stop - 8, stop)
        else:
            stop = value - index + length
            if source.base + index + stop > source.size:
                raise DeidError(Reason.TRUNCATED)
            if length > LARGE and self._goes(tag, vr):
                return self._leave_out(source, index, Element(tag, vr, 0, value, value, value))
            element = Element(tag, vr, 0, value - index, stop, stop)
        end = source.base + index + stop
        is_here = index + stop <= len(source.data)
        if not self._is_held(element):
            pages = pages.until(stop)
            record = self._learn(pages, element, charset, explicit=source.explicit)
            pages.forget()
            if not is_here:
                source.jump(end)
            return record, end
        if not is_here:
            source.grow()
            return None
        raw = source.data[index : index + stop]
        if len(raw) > _MAX_REMEMBERED:
            self._held += len(raw)
            return self._learn(raw, element, charset, explicit=source.explicit), end
        seen = self._remembered(source.explicit, charset)
        record = seen.get(raw) or self._remember(
            raw, element, charset, seen, explicit=source.explicit
        )
        return record, end

    @staticmethod
    def _end_of_items(source: Source, pages: Pages, vr: str, value: int) -> int | None:
        """Return where a sequence without a length stops; None: read on first.

        Parameters
        ----------
        pages
            The file from where the sequence begins.
        """
        index = pages.start - source.base
        inner = names_vrs(source.data, vr, index + value, explicit=source.explicit)
        try:
            end = len(source.data)
            return skip_items(source.data, index + value, end, explicit=inner, depth=1) - index
        except DeidError as exc:
            if exc.reason != Reason.TRUNCATED or source.is_all:
                raise
        if len(source.data) - index > LARGE:
            return skip_items(pages, value, len(pages), explicit=inner, depth=1)
        source.grow()
        return None

    def _is_held(self, element: Element) -> bool:
        """Whether an element is held in memory as a whole."""
        if _is_deciding(element.tag):
            if element.stop > _MAX_DECIDING:
                raise DeidError(Reason.TOO_LARGE)
            return True
        if self._held > MAX_HELD:
            return element.stop <= _SHORT_VALUE
        is_items = vr_of(element.tag, element.vr) == "SQ" or element.is_undefined
        return element.stop <= (LARGE if is_items else MAX_HELD)

    def _goes(self, tag: int, vr: str) -> bool:
        """Whether an element is removed or replaced whatever its value is, and tells nothing.

        A sequence may become one of dummies, which keeps its structure, and may name persons.
        """
        if "SQ" in (vr, vr_of(tag, vr)):
            return False
        if tag >> 16 & 1:
            return not self._keeps_private
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

    def _learn(self, raw: Data, element: Element, charset: str, *, explicit: bool) -> Record:
        tag = element.tag
        if isinstance(raw, bytes):  # else when it is treated
            binary.check(raw, element, explicit=explicit)
        known: tuple[Known, ...] = ()
        if may_identify(element):
            found = iter_known(raw, element, self._rules, charset, explicit=explicit)
            known = tuple(dict.fromkeys(found))
        if self._maps_uids:
            known += tuple(
                Known("text", uid) for uid in publicuids.short_ones(raw, element, explicit=explicit)
            )
        is_creating = self._keeps_private and bool(tag >> 16 & 1) and is_creator(tag)
        is_shared = tag in SHARED or is_creating or bool(known)
        return Record(
            tag,
            raw,
            element,
            charset,
            explicit,
            known,
            _key_of(raw) if is_shared else b"",
            is_shared=is_shared,
            is_naming=tag in NAMING or tag in SHARED,
            is_fact=tag in FACT_TAGS,
        )


def _is_deciding(tag: int) -> bool:
    """Whether the treatment of other elements may depend on the value of an element."""
    return tag in _DECIDING or bool(tag >> 16 & 1 and is_creator(tag))


def _key_of(raw: Data) -> bytes:
    """Return bytes, or the digest of many."""
    if len(raw) <= _LONG_KEY and isinstance(raw, bytes):
        return raw
    digest = hashlib.sha256()
    for chunk in raw.chunks(0, len(raw)) if isinstance(raw, Pages) else (raw,):
        digest.update(chunk)
    return digest.digest()
