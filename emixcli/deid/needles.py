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

from emixcli.deid.marks import Hashes
from emixcli.deid.spellings import Kind

_LOWER = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))
_UID = re.compile(rb"[0-2](?:\.\d{1,60}){2,}")
#: Values of this length and more are found by their first eight bytes, others by four.
_LONG = 8
_SHORT = 4
_LONG_UID = 24
#: Bytes behind a value by which it is judged, or of a UID.
_BEHIND = 96
#: So many places are looked at in one go.
_WINDOW = 1 << 18


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


class Uids:
    """UIDs, of which only hashes are kept: a run may have hundreds of thousands."""

    def __init__(self) -> None:
        self._hashes = Hashes()
        #: The first bytes of them, as many as all have.
        self.heads: set[bytes] = set()
        #: Of those that are also found as the start of others, the longest first.
        self._lengths: list[int] = []

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, uid: str) -> None:
        """Add a UID, to be found as a whole or as the start of a longer one."""
        data = uid.encode("ascii", "replace")
        if len(data) >= _LONG:
            self._hashes.add(hash(data))
            self.heads.add(data[:_LONG])
            if len(data) >= _LONG_UID and len(data) not in self._lengths:
                self._lengths = sorted([*self._lengths, len(data)], reverse=True)

    def at(self, data: bytes, position: int) -> Iterator[Hit]:
        """Yield the UID that begins somewhere."""
        if position and data[position - 1 : position].isdigit():
            return
        match = _UID.match(data, position, position + 80)
        if match is None:
            return
        token = match.group()
        if hash(token) in self._hashes:
            yield Hit(Kind.UID, "as-is", position, len(token), token.decode())
            return
        for end in self._lengths:
            if token[end : end + 1] == b"." and hash(token[:end]) in self._hashes:
                yield Hit(Kind.UID, "start of another", position, end, token[:end].decode())
                return


class Needles:
    """A set of byte strings to be found, ASCII letters of either case.

    `add` them all, then `find`.

    Parameters
    ----------
    uids
        To be found too; others may add to them.
    """

    def __init__(self, uids: Uids | None = None) -> None:
        self._uids = Uids() if uids is None else uids
        self._long: dict[bytes, list[_Needle]] = {}
        self._short: dict[bytes, list[_Needle]] = {}
        self._seen: set[tuple[bytes, bool]] = set()
        self._longest = 0
        self._tables: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        #: UIDs' first bytes of which the tables know.
        self._n_heads = 0

    def __len__(self) -> int:
        return len(self._seen) + len(self._uids)

    @property
    def reach(self) -> int:
        """So many bytes from the start of a value on tell whether it is one."""
        return self._longest + _BEHIND

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
        self._longest = max(self._longest, len(data))
        self._tables = None
        needle = _Needle(data, kind, how, whole, text)
        if len(data) >= _LONG:
            self._long.setdefault(data[:_LONG], []).append(needle)
        else:
            self._short.setdefault(data[:_SHORT], []).append(needle)

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
            if near in self._uids.heads:
                yield from self._uids.at(data, position)
            for needle in (*self._long.get(near, ()), *self._short.get(near[:_SHORT], ())):
                end = position + len(needle.data)
                if (
                    len(needle.data) >= least
                    and data[position:end].translate(_LOWER) == needle.data
                    and (not needle.whole or _is_whole(data, position, needle.data))
                ):
                    text = needle.text or needle.data.decode("utf-8", "replace")
                    yield Hit(needle.kind, needle.how, position, len(needle.data), text)

    def _candidates(self, data: bytes) -> Iterator[int]:
        """Yield where the first four bytes are those of a value, in any case."""
        if self._tables is None or self._n_heads != len(self._uids.heads):
            self._tables = self._make_tables()
            self._n_heads = len(self._uids.heads)
        for start in range(0, len(data) - _SHORT + 1, _WINDOW):
            stop = min(start + _WINDOW + _SHORT - 1, len(data))
            yield from _at(data, start, stop, self._tables)

    def _make_tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first, second = np.zeros(65536, bool), np.zeros(65536, bool)
        starts = set()
        for start in (*self._long, *self._short, *self._uids.heads):
            for cased in _cases(start[:_SHORT]):
                first[cased[0] | cased[1] << 8] = True
                second[cased[2] | cased[3] << 8] = True
                starts.add(int.from_bytes(cased, "little"))
        return first, second, np.array(sorted(starts), "<u4")


def _at(
    data: bytes, start: int, stop: int, tables: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> list[int]:
    first, second, starts = tables
    found: list[int] = []
    for odd in (0, 1):
        pairs = np.frombuffer(data, "<u2", (stop - start - odd) // 2, start + odd)
        at = first[pairs[:-1]].nonzero()[0]
        at = at[second[pairs[at + 1]]]
        if at.size:
            fours = pairs[at].astype("<u4") | pairs[at + 1].astype("<u4") << 16
            near = np.minimum(np.searchsorted(starts, fours), len(starts) - 1)
            found += (at[starts[near] == fours] * 2 + (start + odd)).tolist()
    return sorted(found)


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
