"""Stepping over the elements of a data set, taking the attributes of `model.KEYWORDS`."""

from __future__ import annotations

import struct
from itertools import repeat
from operator import length_hint
from typing import TYPE_CHECKING, Final

from emixcli.media import elements as el
from emixcli.media.charset import joined
from emixcli.media.leaping import Open, find_end
from emixcli.media.sequences import MAX_DEPTH, Walk, is_closed, step
from emixcli.media.window import CHUNK, MAX_VALUE, EndlessError
from emixcli.model import KEYWORDS, Value

if TYPE_CHECKING:
    from emixcli.media.window import Window

N_SLOTS: Final = len(KEYWORDS)
#: Elements of a header outside of sequences; real objects have some thousands at most.
MAX_ELEMENTS: Final = 16_384
#: Steps inside sequences of a header; behind them, the ends of sequences are searched for.
MAX_STEPS: Final = 8192
#: Steps in each sequence that follows, and the elements that a search counts for.
_MORE_STEPS: Final = 64
_SEARCH_COST: Final = 256
#: Those of a header that is worth learning from.
_SHORT: Final = 4096
#: Bytes of values that are decoded, of one header. Each value counts for some more, and so does
#: each byte of a text that is not ASCII, whose parts may all be in another character set.
MAX_TAKEN: Final = 512 * 1024
_LEAST_TAKEN: Final = 64
_FOREIGN: Final = 7
#: Longer texts are not kept for the next header.
_MAX_KEPT: Final = 1024
#: Bytes of sequences of known length that are looked into, of one header.
MAX_CHECKED: Final = 128 * 1024

# Why the loop over elements stopped.
MORE, AT_PIXELS, AT_UNDEFINED, AT_ZERO, CUT = range(5)


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
    left, walk, takeable
        How many elements, steps in sequences and bytes of values may still come: on any bytes, a
        header is read in bounded time.
    pending
        Bytes of texts that are not ASCII, by slot.
    """

    __slots__ = (
        "by_slot", "by_vr", "caches", "checkable", "codes", "dataset", "dialect", "left",
        "media_class", "numbers", "offset", "pending", "pixel_length", "pixel_offset", "takeable",
        "texts", "values", "walk", "window",
    )  # fmt: skip

    def __init__(self, window: Window, caches: Caches) -> None:
        self.window = window
        self.caches = caches
        self.texts = caches.texts
        self.numbers = caches.numbers
        self.by_slot = caches.by_slot
        self.by_vr = caches.little
        self.values: list[Value] = [None] * (N_SLOTS + 1)
        self.pending: dict[int, bytes] = {}
        self.codes: set[str] = set()
        self.left = MAX_ELEMENTS
        self.walk = Walk(MAX_STEPS, self.codes)
        self.takeable = MAX_TAKEN
        self.checkable = MAX_CHECKED
        self.dialect = el.EXPLICIT_LITTLE
        self.dataset = 0
        self.offset = 0
        self.pixel_offset = -1
        self.pixel_length = 0
        self.media_class = ""

    @property
    def is_short(self) -> bool:
        """Whether few elements and steps were taken."""
        return self.left > MAX_ELEMENTS - _SHORT and self.walk.left > MAX_STEPS - _SHORT

    def run(self) -> int:
        """Step through elements until one needs more; return what it is.

        `self.offset` is then at that element.

        Raises
        ------
        EndlessError
            Where there are more of them than any object has.
        """
        return self._run_explicit() if self.dialect.explicit else self._run_implicit()

    def _run_explicit(self) -> int:
        window, dialect = self.window, self.dialect
        data, last, stop = window.data, window.last, window.stop
        head, short, wanted = dialect.head.unpack_from, dialect.short_vrs, dialect.wanted.get
        values, caches = self.values, self.by_vr.get
        at = self.offset - window.base
        reason, elements = MORE, repeat(None, self.left)
        for _ in elements:
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
                    if values[slot] is not None:
                        self._repeat(slot)
                    try:
                        values[slot] = cache[raw]
                    except KeyError:
                        self._take(slot, vr, raw)
                elif reason := self._take_special(slot, vr, value, length):
                    break
            at = value + length
        else:
            raise EndlessError
        self.left = length_hint(elements)
        self.offset = window.base + at
        return reason

    def _check_vr(self, at: int, tag: int, vr: int, value: int, length: int) -> None:
        """Name what is wrong with an element whose VR is not a short one."""
        dialect = self.dialect
        if vr == dialect.sq:
            self._check_sequence(value, length)
        elif vr == dialect.un and value == at + 8:  # no letters: taken as unknown
            name = self.window.data[at + 4 : at + 6]
            if dialect.wanted.get(tag) in el.KEY_SLOTS or name in el.DCMTK_VRS:
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
        if len(data) == length and not is_closed(self.dialect, data, self.walk):
            self.codes.add("S15")

    def _run_implicit(self) -> int:
        window, dialect = self.window, self.dialect
        data, last, stop = window.data, window.last, window.stop
        head, wanted = dialect.head.unpack_from, dialect.wanted.get
        values, caches = self.values, self.by_slot
        at = self.offset - window.base
        reason, elements = MORE, repeat(None, self.left)
        for _ in elements:
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
                    if values[slot] is not None:
                        self._repeat(slot)
                    try:
                        values[slot] = cache[raw]
                    except KeyError:
                        self._take(slot, 0, raw)
                elif reason := self._take_special(slot, 0, value, length):
                    break
            at = value + length
        else:
            raise EndlessError
        self.left = length_hint(elements)
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

    def _repeat(self, slot: int) -> None:
        """Name an identifier that is empty where readers look, at the first of two elements."""
        if self.values[slot] == "" and slot in el.UID_SLOTS:
            self.codes.add("S01")

    def _take(self, slot: int, vr: int, raw: bytes) -> None:
        """Decode one value that is not in the caches."""
        self.takeable -= len(raw) + _LEAST_TAKEN
        if self.takeable < 0:
            raise EndlessError
        dialect = self.dialect
        is_known = vr not in (0, dialect.un)
        if vr not in dialect.text_vrs and (is_known or slot in el.NUMBER_SLOTS):
            if slot in el.KEY_SLOTS and vr in dialect.long_vrs:
                self.codes.add("S09")
            code = dialect.number_vrs.get(vr, dialect.number_vrs[dialect.un])
            self.values[slot] = value = number_of(raw, code)
            if len(raw) == 2 and code == "<H":
                self.numbers[raw] = value
        elif raw.isascii() and b"\x1b" not in raw:
            self.values[slot] = text = joined(raw.decode("ascii"))
            if len(raw) <= _MAX_KEPT:
                self.texts[raw] = text
        else:
            self.pending[slot] = raw
            self.takeable -= len(raw) * _FOREIGN

    # -- sequences of undefined length ---------------------------------------------------------

    def skip_undefined(self) -> bool:
        """Move behind a sequence of undefined length (PS3.5 section 7.5); False at the end.

        Once the steps of the header are used up, its end is searched for.
        """
        window, walk = self.window, self.walk
        at = self.offset - window.base
        tag, vr, value, _ = el.element(self.dialect, window.data, at)
        # UN of undefined length holds implicit little endian (PS3.5 section 6.2.2 note 4).
        is_unknown = self.dialect.explicit and vr == self.dialect.un
        stack = [(el.IMPLICIT_LITTLE if is_unknown else self.dialect, True)]
        offset = window.base + value
        while stack and walk.left > 0:
            at = offset - window.base
            if at <= window.last and len(stack) <= MAX_DEPTH:
                offset += step(stack, window.data, at, walk)
            elif len(stack) > MAX_DEPTH or not window.seek(offset):
                return self._end_open(offset)
        if stack:
            self.left -= _SEARCH_COST
            walk.left = _MORE_STEPS
            n_items = sum(not is_sequence for _, is_sequence in stack)
            sequence = Open(self.dialect, stack[0][0], tag, n_items, is_between=len(stack) == 1)
            offset = find_end(window, sequence, offset)
            if offset < 0:
                return self._end_open(window.size)
        self.offset = offset
        return True

    def _end_open(self, offset: int) -> bool:
        self.codes.add("S10")
        self.offset = max(offset, self.window.size)
        return False


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
