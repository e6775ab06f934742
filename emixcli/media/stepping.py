"""Stepping over the elements of a data set, taking the attributes of `model.KEYWORDS`."""

from __future__ import annotations

import struct
from itertools import repeat
from typing import TYPE_CHECKING, Final

from emixcli.media import elements as el
from emixcli.media.charset import joined
from emixcli.media.window import CHUNK, MAX_VALUE
from emixcli.model import KEYWORDS, Value

if TYPE_CHECKING:
    from emixcli.media.window import Window

N_SLOTS: Final = len(KEYWORDS)
#: Readers that open sequences by recursion fail far deeper than any real object goes.
MAX_DEPTH: Final = 64
#: Bytes of sequences of known length that are looked into, of one header.
_MAX_CHECKED: Final = 128 * 1024

# Why the loop over elements stopped.
MORE, AT_PIXELS, AT_UNDEFINED, AT_ZERO, CUT, COUNTED = range(6)
ALL: Final = 2**62


class Caches:
    """Decoded values by their bytes, and which cache serves which VR or attribute.

    Numbers are those of 2 bytes in little endian; big endian ones are not kept.
    """

    def __init__(self) -> None:
        self.texts: dict[bytes, Value] = {}
        self.numbers: dict[bytes, Value] = {}
        little, big = el.EXPLICIT_LITTLE, el.EXPLICIT_BIG
        self.little = dict.fromkeys(little.text_vrs, self.texts)
        self.little[little.us] = self.numbers
        self.big = dict.fromkeys(big.text_vrs, self.texts)
        self.by_slot: list[dict[bytes, Value] | None] = [
            self.numbers if slot in el.NUMBER_SLOTS else self.texts for slot in range(N_SLOTS)
        ]
        self.by_slot += [None] * el.N_MARKS  # the negative marks of `Dialect.wanted`


class Stepper:
    """State while one header is read: where it is, how it is encoded, what was taken.

    Attributes
    ----------
    values
        In the order of `model.KEYWORDS`; one more at the end says whether the header is deep.
    pending
        Slots and bytes of texts that are not ASCII.
    """

    __slots__ = (
        "by_slot", "by_vr", "caches", "checkable", "codes", "dataset", "dialect", "media_class",
        "numbers", "offset", "pending", "pixel_length", "pixel_offset", "texts", "values", "window",
    )  # fmt: skip

    def __init__(self, window: Window, caches: Caches) -> None:
        self.window = window
        self.caches = caches
        self.texts = caches.texts
        self.numbers = caches.numbers
        self.by_slot = caches.by_slot
        self.by_vr = caches.little
        self.values: list[Value] = [None] * (N_SLOTS + 1)
        self.pending: list[tuple[int, bytes]] = []
        self.codes: set[str] = set()
        self.checkable = _MAX_CHECKED
        self.dialect = el.EXPLICIT_LITTLE
        self.dataset = 0
        self.offset = 0
        self.pixel_offset = -1
        self.pixel_length = 0
        self.media_class = ""

    def reset(self, offset: int) -> None:
        """Forget what was taken, and begin at `offset` again."""
        self.offset = offset
        self.dialect = el.EXPLICIT_LITTLE
        self.media_class = ""
        self.values = [None] * (N_SLOTS + 1)
        self.pending.clear()

    def run(self, count: int = ALL) -> int:
        """Step through up to `count` elements until one needs more; return what it is.

        `self.offset` is then at that element.
        """
        return self._run_explicit(count) if self.dialect.explicit else self._run_implicit(count)

    def _run_explicit(self, count: int) -> int:
        window, dialect = self.window, self.dialect
        data, last, stop = window.data, window.last, window.stop
        head, short, wanted = dialect.head.unpack_from, dialect.short_vrs, dialect.wanted.get
        values, caches = self.values, self.by_vr.get
        at = self.offset - window.base
        reason = MORE
        for _ in repeat(None, count):
            if at > last:
                break
            tag, vr, length = head(data, at)
            value = at + 8
            if vr not in short:
                tag, vr, value, length = el.element(dialect, data, at)
                self._check_vr(at, tag, vr, value, length)
                if length == el.UNDEFINED:
                    reason = AT_PIXELS if wanted(tag) == el.PIXELS else AT_UNDEFINED
                    break
            slot = wanted(tag)
            if slot is not None:
                cache = caches(vr)
                if cache is not None and slot >= 0 and value + length <= stop:
                    raw = data[value : value + length]
                    try:
                        values[slot] = cache[raw]
                    except KeyError:
                        self._take(slot, vr, raw)
                elif reason := self._take_special(slot, vr, value, length):
                    break
            at = value + length
        else:
            reason = COUNTED
        self.offset = window.base + at
        return reason

    def _check_vr(self, at: int, tag: int, vr: int, value: int, length: int) -> None:
        """Name what is wrong with an element whose VR is not a short one."""
        dialect = self.dialect
        if vr == dialect.sq:
            self._check_sequence(value, length)
        elif vr == dialect.un and value == at + 8:  # no letters: taken as unknown
            if dialect.wanted.get(tag) in el.IDENTIFIER_SLOTS:
                self.codes.add("S09")
        elif vr not in dialect.long_vrs and tag:
            self.codes.add("S09")

    def _check_sequence(self, value: int, length: int) -> None:
        """Look into a sequence of known length, unless it is long or the file ends in it."""
        window = self.window
        offset = window.base + value
        if not length or length > self.checkable or offset + length > window.size:
            return
        self.checkable -= length
        if value + length <= window.stop:
            data = window.data[value : value + length]
        else:
            data = window.read_at(offset, length)
        if len(data) == length and not is_closed(self.dialect, data):
            self.codes.add("S15")

    def _run_implicit(self, count: int) -> int:
        window, dialect = self.window, self.dialect
        data, last, stop = window.data, window.last, window.stop
        head, wanted = dialect.head.unpack_from, dialect.wanted.get
        values, caches = self.values, self.by_slot
        at = self.offset - window.base
        reason = MORE
        for _ in repeat(None, count):
            if at > last:
                break
            tag, length = head(data, at)
            slot = wanted(tag)
            if length == el.UNDEFINED:
                reason = AT_PIXELS if slot == el.PIXELS else AT_UNDEFINED
                break
            value = at + 8
            if slot is not None:
                cache = caches[slot]
                if cache is not None and value + length <= stop:
                    raw = data[value : value + length]
                    try:
                        values[slot] = cache[raw]
                    except KeyError:
                        self._take(slot, 0, raw)
                elif reason := self._take_special(slot, 0, value, length):
                    break
            at = value + length
        else:
            reason = COUNTED
        self.offset = window.base + at
        return reason

    def _take_special(self, slot: int, vr: int, value: int, length: int) -> int:
        """Handle what the loops do not; a reason to stop, or 0 to go on behind the element."""
        if slot in (el.DEEP, el.DEEP_SEQUENCE):
            self.values[N_SLOTS] = 1
        if slot in (el.SEQUENCE, el.DEEP_SEQUENCE):
            self._check_sequence(value, length)
        elif slot == el.MARK:
            self.codes.add("S15")
        elif slot in (el.PIXELS, el.ZERO):
            return AT_PIXELS if slot == el.PIXELS else AT_ZERO
        elif slot >= 0 and length <= MAX_VALUE:
            window = self.window
            available = window.stop - value
            is_inside = window.base + window.stop < window.size
            if length > available and is_inside and (value > 12 or window.stop < CHUNK):
                return CUT
            self._take(slot, vr, window.data[value : value + min(length, max(available, 0))])
        return 0

    def _take(self, slot: int, vr: int, raw: bytes) -> None:
        """Decode one value that is not in the caches."""
        dialect = self.dialect
        is_known = vr not in (0, dialect.un)
        if vr not in dialect.text_vrs and (is_known or slot in el.NUMBER_SLOTS):
            if slot in el.IDENTIFIER_SLOTS and vr in dialect.long_vrs:
                self.codes.add("S09")
            code = dialect.number_vrs.get(vr, dialect.number_vrs[dialect.un])
            self.values[slot] = value = number_of(raw, code)
            if len(raw) == 2 and code == "<H":
                self.numbers[raw] = value
        elif raw.isascii() and b"\x1b" not in raw:
            self.values[slot] = self.texts[raw] = joined(raw.decode("ascii"))
        else:
            self.pending.append((slot, raw))

    # -- sequences of undefined length ---------------------------------------------------------

    def skip_undefined(self) -> bool:
        """Move behind a sequence of undefined length (PS3.5 section 7.5); False at the end."""
        window = self.window
        at = self.offset - window.base
        _, vr, value, _ = el.element(self.dialect, window.data, at)
        # UN of undefined length holds implicit little endian (PS3.5 section 6.2.2 note 4).
        is_unknown = self.dialect.explicit and vr == self.dialect.un
        stack = [(el.IMPLICIT_LITTLE if is_unknown else self.dialect, True)]
        offset = window.base + value
        while stack:
            at = offset - window.base
            if at <= window.last and len(stack) <= MAX_DEPTH:
                offset += step(stack, window.data, at, self.codes)
            elif len(stack) > MAX_DEPTH or not window.seek(offset):
                self.codes.add("S10")
                self.offset = max(offset, window.size)
                return False
        self.offset = offset
        return True


def step(
    stack: list[tuple[el.Dialect, bool]], data: bytes, at: int, codes: set[str], depth: int = 0
) -> int:
    """Take one item, delimiter or element inside open sequences; return the bytes passed.

    What stands where it must not is passed over, and `S15` is added to `codes`; also where an item
    or sequence of known length, if all of it is there, is not filled by what is in it.
    """
    dialect, is_sequence = stack[-1]
    tag, length = dialect.plain.unpack_from(data, at)
    if tag == dialect.item:
        if length != el.UNDEFINED:
            value = data[at + 8 : at + 8 + length]
            if len(value) == length and not is_closed(
                dialect, value, is_sequence=False, depth=depth + len(stack)
            ):
                codes.add("S15")
            return int(8 + length)
        stack.append((dialect, False))
    elif tag == dialect.sequence_end:
        while stack and not stack[-1][1]:  # an item that was not closed
            codes.add("S15")
            stack.pop()
        del stack[-1:]
    elif tag == dialect.item_end:
        if is_sequence:
            codes.add("S15")
        else:
            stack.pop()
    else:
        if is_sequence:
            codes.add("S15")
        return _step_over(stack, data, at, codes, depth)
    return 8


def _step_over(
    stack: list[tuple[el.Dialect, bool]], data: bytes, at: int, codes: set[str], depth: int
) -> int:
    """Take an element, as `step`."""
    dialect, _ = stack[-1]
    tag, vr, value, length = el.element(dialect, data, at)
    if length != el.UNDEFINED:
        if is_nesting(dialect, tag, vr):
            raw = data[value : value + length]
            if len(raw) == length and not is_closed(dialect, raw, depth=depth + len(stack)):
                codes.add("S15")
        return value - at + length
    if dialect.explicit and vr not in dialect.long_vrs:
        codes.add("S15")
    stack.append((el.IMPLICIT_LITTLE if vr == dialect.un and vr else dialect, True))
    return value - at


def is_closed(
    dialect: el.Dialect, data: bytes, *, is_sequence: bool = True, depth: int = 0
) -> bool:
    """Whether items fill a sequence of known length, or elements an item (PS3.5 section 7.5).

    Parameters
    ----------
    data
        A value.
    is_sequence
        Whether it is that of a sequence, not of an item.
    depth
        How many sequences and items are around it.
    """
    stack = [(dialect, is_sequence)]
    codes: set[str] = set()
    at, end = 0, len(data)
    data += bytes(12)
    while at + 8 <= end and stack and not codes:
        if depth + len(stack) > MAX_DEPTH:
            return False
        at += step(stack, data, at, codes, depth)
    return at == end and len(stack) <= 1 and not codes


def is_nesting(dialect: el.Dialect, tag: int, vr: int) -> bool:
    """Whether an element is a sequence by its VR, or where it has none by its tag."""
    if dialect.explicit:
        return vr == dialect.sq
    return dialect.wanted.get(tag) in (el.SEQUENCE, el.DEEP_SEQUENCE)


def number_of(raw: bytes, code: str) -> Value:
    """Return a binary number, several joined by a backslash, None where the length is wrong."""
    width = struct.calcsize(code)
    if not raw:
        return ""
    if len(raw) % width:
        return None
    numbers = [item[0] for item in struct.iter_unpack(code, raw)]
    if len(numbers) == 1 and isinstance(numbers[0], int):
        return numbers[0]
    return "\\".join(str(number) for number in numbers)
