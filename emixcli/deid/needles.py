"""Search for thousands of values at once, in text and in bytes.

A first look by tables of byte pairs finds where a value could start; only there the bytes are
compared. So the time follows the length of what is searched, hardly the number of values.
"""

from __future__ import annotations

import itertools
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
_LONG_UID = 24


class Hit(NamedTuple):
    """A value that was found.

    Parameters
    ----------
    text
        The value, for the repair of what it stands in: never told, never stored.
    """

    kind: Kind
    how: str
    position: int
    length: int
    text: str


class _Needle(NamedTuple):
    data: bytes
    kind: Kind
    how: str
    whole: bool
    text: str


class Needles:
    """A set of byte strings to be found, ASCII letters of either case.

    `add` them all, then `find`.
    """

    def __init__(self) -> None:
        self._long: dict[bytes, list[_Needle]] = {}
        self._short: dict[bytes, list[_Needle]] = {}
        self._seen: set[tuple[bytes, bool]] = set()
        self._uids: set[bytes] = set()
        #: Of UIDs that are also found as the start of others, the longest first.
        self._uid_lengths: list[int] = []
        self._uid_starts: set[bytes] = set()
        self._tables: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self._seen) + len(self._uids)

    def add(self, data: bytes, kind: Kind, how: str, *, whole: bool, text: str = "") -> None:
        """Add a value of at least four bytes; shorter ones are ignored.

        Parameters
        ----------
        text
            What the bytes say, where they are not UTF-8.
        """
        data = data.translate(_LOWER)
        if len(data) < _SHORT or (data, whole) in self._seen:
            return
        self._seen.add((data, whole))
        self._tables = None
        needle = _Needle(data, kind, how, whole, text)
        if len(data) >= _LONG:
            self._long.setdefault(data[:_LONG], []).append(needle)
        else:
            self._short.setdefault(data[:_SHORT], []).append(needle)

    def add_uid(self, uid: str) -> None:
        """Add a UID, to be found as a whole or as the start of a longer one."""
        data = uid.encode("ascii", "replace")
        if len(data) >= _LONG and data not in self._uids:
            self._uids.add(data)
            if len(data) >= _LONG_UID and len(data) not in self._uid_lengths:
                self._uid_lengths = sorted([*self._uid_lengths, len(data)], reverse=True)
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
        for position in self._candidates(data):
            near = data[position : position + _LONG].translate(_LOWER)
            if near[:_SHORT] in self._uid_starts:
                yield from self._uid_at(data, position)
            for needle in (*self._long.get(near, ()), *self._short.get(near[:_SHORT], ())):
                end = position + len(needle.data)
                if (
                    len(needle.data) >= least
                    and data[position:end].translate(_LOWER) == needle.data
                    and (not needle.whole or _is_whole(data, position, needle.data))
                ):
                    text = needle.text or needle.data.decode("utf-8", "replace")
                    yield Hit(needle.kind, needle.how, position, len(needle.data), text)

    def _candidates(self, data: bytes) -> list[int]:
        """Return where the first four bytes are those of a value, in any case."""
        if self._tables is None:
            self._tables = self._make_tables()
        first, second, starts = self._tables
        found = []
        for odd in (0, 1):
            pairs = np.frombuffer(data, "<u2", (len(data) - odd) // 2, odd)
            at = np.flatnonzero(first[pairs[:-1]])
            at = at[second[pairs[at + 1]]]
            fours = pairs[at].astype("<u4") | pairs[at + 1].astype("<u4") << 16
            near = np.minimum(np.searchsorted(starts, fours), len(starts) - 1)
            found.append(at[starts[near] == fours] * 2 + odd)
        return sorted(np.concatenate(found).tolist())

    def _make_tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first, second = np.zeros(65536, bool), np.zeros(65536, bool)
        starts = set()
        for start in (*self._long, *self._short, *self._uid_starts):
            for cased in _cases(start[:_SHORT]):
                first[cased[0] | cased[1] << 8] = True
                second[cased[2] | cased[3] << 8] = True
                starts.add(int.from_bytes(cased, "little"))
        return first, second, np.array(sorted(starts), "<u4")

    def _uid_at(self, data: bytes, position: int) -> Iterator[Hit]:
        if position and data[position - 1 : position].isdigit():
            return
        match = _UID.match(data, position, position + 80)
        if match is None:
            return
        token = match.group()
        if token in self._uids:
            yield Hit(Kind.UID, "as-is", position, len(token), token.decode())
            return
        for end in self._uid_lengths:
            if token[end : end + 1] == b"." and token[:end] in self._uids:
                yield Hit(Kind.UID, "start of another", position, end, token[:end].decode())
                return


def _cases(start: bytes) -> list[bytes]:
    """Return four lower-case bytes in every mixture of cases."""
    choices = [{byte, byte - 32} if 97 <= byte <= 122 else {byte} for byte in start]
    return [bytes(letters) for letters in itertools.product(*choices)]


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
