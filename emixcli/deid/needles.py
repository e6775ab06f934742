"""Search for thousands of values at once, in text and in bytes.

A first look by tables of byte pairs finds where a value could start; only there the bytes are
compared. So the time follows the length of what is searched, hardly the number of values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from emixcli.deid.spellings import Kind

_LOWER = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))
_UID = re.compile(rb"[0-2](?:\.\d{1,60}){2,}")
#: Values of this length and more are found by their first eight bytes, others by four.
_LONG = 8
_SHORT = 4


class Hit(NamedTuple):
    """A value that was found; never which one."""

    kind: Kind
    how: str
    position: int


class _Needle(NamedTuple):
    data: bytes
    kind: Kind
    how: str
    whole: bool


class Needles:
    """A set of byte strings to be found, ASCII letters of either case.

    `add` them all, then `find`.
    """

    def __init__(self) -> None:
        self._long: dict[bytes, list[_Needle]] = {}
        self._short: dict[bytes, list[_Needle]] = {}
        self._seen: set[tuple[bytes, bool]] = set()
        self._uids: set[bytes] = set()
        self._uid_starts: set[bytes] = set()
        self._tables: tuple[np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self._seen) + len(self._uids)

    def add(self, data: bytes, kind: Kind, how: str, *, whole: bool) -> None:
        """Add a value of at least four bytes; shorter ones are ignored."""
        data = data.translate(_LOWER)
        if len(data) < _SHORT or (data, whole) in self._seen:
            return
        self._seen.add((data, whole))
        self._tables = None
        needle = _Needle(data, kind, how, whole)
        if len(data) >= _LONG:
            self._long.setdefault(data[:_LONG], []).append(needle)
        else:
            self._short.setdefault(data[:_SHORT], []).append(needle)

    def add_uid(self, uid: str) -> None:
        """Add a UID, to be found as a whole or as the start of a longer one."""
        data = uid.encode("ascii", "replace")
        if len(data) >= _LONG and data not in self._uids:
            self._uids.add(data)
            self._uid_starts.add(data[:_SHORT])
            self._tables = None

    def find(self, data: bytes, *, least: int = 0) -> Iterator[Hit]:
        """Yield what is found.

        Parameters
        ----------
        least
            Ignore values that are shorter than this, as in pixel data.
        """
        if len(data) < _SHORT or not (self._seen or self._uids):
            return
        lower = data.translate(_LOWER)
        for position in self._candidates(lower):
            if lower[position : position + _SHORT] in self._uid_starts:
                yield from self._uid_at(lower, position)
            for needle in (
                *self._long.get(lower[position : position + _LONG], ()),
                *self._short.get(lower[position : position + _SHORT], ()),
            ):
                if (
                    len(needle.data) >= least
                    and lower.startswith(needle.data, position)
                    and (not needle.whole or _is_whole(lower, position, needle.data))
                ):
                    yield Hit(needle.kind, needle.how, position)

    def _candidates(self, lower: bytes) -> list[int]:
        """Return where the first two pairs of bytes are those of a value."""
        if self._tables is None:
            self._tables = self._pairs()
        first, second = self._tables
        found = []
        for odd in (0, 1):
            pairs = np.frombuffer(lower, "<u2", (len(lower) - odd) // 2, odd)
            at = np.flatnonzero(first[pairs[:-1]])
            at = at[second[pairs[at + 1]]]
            found.append(at * 2 + odd)
        return sorted(np.concatenate(found).tolist())

    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        first, second = np.zeros(65536, bool), np.zeros(65536, bool)
        for start in (*self._long, *self._short, *self._uid_starts):
            first[start[0] | start[1] << 8] = True
            second[start[2] | start[3] << 8] = True
        return first, second

    def _uid_at(self, lower: bytes, position: int) -> Iterator[Hit]:
        if position and lower[position - 1 : position].isdigit():
            return
        match = _UID.match(lower, position, position + 80)
        if match is None:
            return
        token = match.group()
        if token in self._uids:
            yield Hit(Kind.UID, "as-is", position)
            return
        while (end := token.rfind(b".")) >= 24:
            token = token[:end]
            if token in self._uids:
                yield Hit(Kind.UID, "start of another", position)
                return


def _is_whole(data: bytes, position: int, needle: bytes) -> bool:
    """Whether no letter or digit goes on before or behind.

    Digits beside letters end a word and letters beside digits a number, but for the date before a
    time (DT).
    """
    end = position + len(needle)
    before, after = data[position - 1 : position], data[end : end + 1]
    if needle[:1].isdigit():
        if before.isdigit() or (before == b"." and data[position - 2 : position - 1].isdigit()):
            return False
    elif before.isalpha():
        return False
    if needle[-1:].isdigit():
        if not after.isdigit():
            return True
        # A date and a time in one: eight digits and two, four or six more.
        tail = re.match(rb"\d+", data[end : end + 8])
        return len(needle) == 8 and tail is not None and len(tail.group()) in {2, 4, 6}
    return not after.isalpha()
