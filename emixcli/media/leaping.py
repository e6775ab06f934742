"""The end of a long sequence of undefined length, searched for instead of stepped to.

A sequence ends at a delimiter that is followed by what may follow the sequence: an element with a
higher tag, or the end of the file. A delimiter inside of an item is told from it by what comes
then: the elements of an item end at a mark, those outside do not. Where this cannot be seen, marks
are counted: in front of a delimiter inside, more items of undefined length begin than end.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.media import elements as el
from emixcli.media.window import CHUNK, MAX_REFILLS, EndlessError

if TYPE_CHECKING:
    from emixcli.media.window import Window

#: Items of known length that are stepped over one by one.
MAX_ITEMS: Final = 65_536
#: Delimiters, and elements behind them, that are looked at.
MAX_LOOKS: Final = 16_384
#: How often an element may follow a delimiter inside before such delimiters are passed over.
_MAX_SAME: Final = 64
#: Bytes that are read at a time, and how many of them are behind each delimiter looked at.
_PIECE: Final = 2 * CHUNK
_AHEAD: Final = 4096
_MAX_SEARCHED: Final = MAX_REFILLS * CHUNK
#: Elements behind a delimiter that are looked at.
_MAX_FOLLOWING: Final = 64

#: Marks are found one by one where there is at most one in so many bytes.
_FEW: Final = 32

_INSIDE, _OUTSIDE, _UNKNOWN = range(3)


class Open(NamedTuple):
    """A sequence of undefined length that reading stopped in.

    Attributes
    ----------
    outer, inner
        How the data set around it is encoded, and what is in it.
    tag
        As the data set has it.
    n_items
        How many items of undefined length are open.
    is_between
        Whether reading stopped between two items.
    """

    outer: el.Dialect
    inner: el.Dialect
    tag: int
    n_items: int
    is_between: bool


def find_end(window: Window, sequence: Open, offset: int) -> int:
    """Return the offset behind a sequence that is open at `offset`, -1 where it is not closed.

    Raises
    ------
    EndlessError
        Where it is longer than any real sequence.
    OSError
        If the medium cannot be read.
    """
    if sequence.is_between:
        offset, is_closed = _behind_items(window, sequence.inner, offset)
        if is_closed:
            return offset
    search = _Search(window, sequence, offset)
    found = search.find(offset)
    if found < 0 and window.is_random and search.look_at_all():
        found = search.find(offset)
    return found


def _behind_items(window: Window, dialect: el.Dialect, offset: int) -> tuple[int, bool]:
    """Step over items of known length; return where they end, and whether the sequence does."""
    head, item = dialect.plain.unpack_from, dialect.item
    for _ in range(MAX_ITEMS):
        at = offset - window.base
        if at > window.last:
            if not window.seek(offset):
                break
            at = 0
        tag, length = head(window.data, at)
        if tag == dialect.sequence_end:
            return offset + 8, True
        if tag != item or length == el.UNDEFINED:
            break
        offset += 8 + length
    return offset, False


class _Search:
    """A search for the end of a sequence, from inside it on."""

    def __init__(self, window: Window, sequence: Open, offset: int) -> None:
        inner = sequence.inner
        self._window = window
        self._outer = sequence.outer
        self._tag = sequence.outer.swap(sequence.tag)
        self._end = inner.plain.pack(inner.sequence_end, 0)
        self._item = inner.plain.pack(inner.item, el.UNDEFINED)
        self._item_end = inner.plain.pack(inner.item_end, 0)
        self._marks = re.compile(re.escape(self._item) + b"|" + re.escape(self._item_end))
        self._base = offset  # of `_data`
        self._data = b""
        self._n_open = sequence.n_items  # where it begins
        self._n_items = 0  # that are open at `_counted`
        self._counted = offset
        self._is_counting = not window.is_random
        self._n_looks = 0
        self._following: Counter[bytes] = Counter()
        self._inside: list[bytes] = []
        self._is_sparing = True
        self._pattern = self._compile()

    def look_at_all(self) -> bool:
        """Pass over nothing any more; return whether something was passed over."""
        self._is_sparing = False
        has_passed_over = bool(self._inside)
        self._inside.clear()
        self._pattern = self._compile()
        return has_passed_over

    def find(self, start: int) -> int:
        """Return the offset behind the delimiter, searching from an offset on; -1 for none."""
        window = self._window
        self._base = self._counted = start
        self._n_items = self._n_open
        while self._base + 8 <= window.size:
            if self._base - start > _MAX_SEARCHED:
                raise EndlessError
            wanted = min(_PIECE, window.size - self._base)
            self._data = window.read_at(self._base, wanted)
            if len(self._data) < wanted:
                window.size = self._base + len(self._data)
            is_last = self._base + len(self._data) >= window.size
            limit = len(self._data) if is_last else len(self._data) - _AHEAD
            found = self._find_in_piece(limit)
            if found < 0 and is_last:
                found = self._find_at_end()
            if found >= 0:
                return self._base + found
            if self._is_counting:
                self._count(self._base + limit)
            self._base += limit
        return -1

    def _find_in_piece(self, limit: int) -> int:
        """Return where the sequence ends in the bytes that were read, -1 where it does not."""
        data, at = self._data, 0
        while (match := self._pattern.search(data, at)) and match.start() < limit:
            at = match.end()
            place = self._judge(at)
            if place == _OUTSIDE or (place == _UNKNOWN and self._is_balanced(at - 8)):
                return at
            following = data[at : at + 4]
            self._following[following] += 1
            if self._is_sparing and self._following[following] == _MAX_SAME:
                self._inside.append(following)
                self._pattern = self._compile()
        return -1

    def _find_at_end(self) -> int:
        """Return the end of a delimiter behind which the file has nothing but zeros, or -1."""
        at = self._data.rfind(self._end)
        if at < 0 or self._data[at + 8 :].strip(b"\0") or not self._is_balanced(at):
            return -1
        return at + 8

    def _judge(self, at: int) -> int:
        """Tell from the elements behind a delimiter whether they are inside the sequence."""
        outer, data, size = self._outer, self._data, self._window.size - self._base
        for _ in range(_MAX_FOLLOWING):
            self._n_looks += 1
            if self._n_looks > MAX_LOOKS:
                raise EndlessError
            if at > len(data) - 12:
                return _OUTSIDE if at == size else _UNKNOWN
            tag, _, value, length = el.element(outer, data, at)
            slot = outer.wanted.get(tag)
            if slot == el.MARK or (outer.explicit and not el.has_known_vr(outer, data, at)):
                return _INSIDE
            at = value + length
            if slot == el.PIXELS and length != el.UNDEFINED:
                return self._judge_pixels(at)
            if length == el.UNDEFINED:
                return _UNKNOWN if self._is_mark(value) else _INSIDE
            if at > size:
                return _INSIDE
        return _UNKNOWN

    def _judge_pixels(self, at: int) -> int:
        """Tell by what follows pixel data: behind that of an icon, its item or sequence ends."""
        if at + 8 <= len(self._data) or self._base + at + 8 > self._window.size:
            return _INSIDE if self._is_mark(at) else _OUTSIDE
        if not self._window.is_random:
            return _UNKNOWN
        return _INSIDE if self._is_mark(0, self._window.read_at(self._base + at, 8)) else _OUTSIDE

    def _is_mark(self, at: int, data: bytes | None = None) -> bool:
        mark = (self._data if data is None else data)[at : at + 4]
        return mark in (self._end[:4], self._item[:4], self._item_end[:4])

    def _is_balanced(self, at: int) -> bool:
        """Whether all items of undefined length that begin before a place end before it."""
        self._is_counting = True
        self._count(self._base + at)
        return self._n_items <= 0

    def _count(self, stop: int) -> None:
        """Count the items that are open at an offset."""
        if self._counted < self._base:
            for offset in range(self._counted, self._base, _PIECE):
                length = min(_PIECE, self._base - offset)
                self._n_items += self._n_more(self._window.read_at(offset, length + 7))
            self._counted = self._base
        self._n_items += self._n_more(
            self._data[self._counted - self._base : stop - self._base + 7]
        )
        self._counted = stop

    def _n_more(self, data: bytes) -> int:
        """Return how many more items begin than end; runs of one byte are slow to count in."""
        if data.count(b"\xe0") * _FEW < len(data):
            marks = self._marks.findall(data)
            return 2 * marks.count(self._item) - len(marks)
        return data.count(self._item) - data.count(self._item_end)

    def _compile(self) -> re.Pattern[bytes]:
        """Return what finds a delimiter that a plausible element with a higher tag follows."""
        inside = b"".join(b"(?!" + re.escape(tag) + b")" for tag in self._inside)
        vr = b"[A-Z]{2}" if self._outer.explicit else b""
        pattern = (
            re.escape(self._end) + b"(?=" + inside + _above(self._tag, self._outer) + vr + b")"
        )
        return re.compile(pattern, re.DOTALL)


def _above(tag: int, dialect: el.Dialect) -> bytes:
    """Return a pattern of higher tags; those of groups that end in FE, as marks do, are left out.

    Which bytes a tag has is decided from its first one on, so that most bytes are told quickly.
    """
    order = (0, 1, 2, 3) if not dialect.little else (1, 0, 3, 2)  # place of each byte
    octets = tag.to_bytes(4)
    quick = [b"."] * 4
    quick[order[0]] = _from(octets[0])
    quick[order[1]] = b"[^\xfe]"
    choices = []
    for index in range(4):
        parts = [b"."] * 4
        for earlier in range(index):
            parts[order[earlier]] = re.escape(octets[earlier : earlier + 1])
        parts[order[index]] = _from(octets[index] + 1)
        choices.append(b"".join(parts))
    return b"(?=" + b"".join(quick[:2]) + b")(?:" + b"|".join(choices) + b")"


def _from(least: int) -> bytes:
    """Return a pattern of one byte that is not lower."""
    return b"[" + re.escape(bytes((least,))) + b"-\xff]" if least < 0x100 else b"(?!)"
