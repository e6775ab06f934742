"""Mapfiles of GNU ddrescue: which bytes of an image were read (its manual, "Mapfile structure").

An image is of little use without its mapfile: what could not be read is zeros in it, as if it were
so on the disc.
"""

from __future__ import annotations

import enum
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, Self

from emixcli.errors import MediaError
from emixcli.media.disc.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_LINES: Final = 1_000_000
_LIMIT: Final = 1 << 63
_HEADS: Final = (b"# Mapfile.", b"# Rescue Logfile.")
_STATUS_LINE: Final = re.compile(
    rb"(?:\s*#[^\n]*\n)*\s*0x[0-9A-Fa-f]+[ \t]+[?*/\-FG+](?:[ \t\d]*)\r?\n"
)
_CURRENT: Final = frozenset("?*/-FG+")


class Status(enum.StrEnum):
    """What is known of a block."""

    UNTRIED = "?"
    UNTRIMMED = "*"  # an error somewhere in it; to be read from both ends
    UNSCRAPED = "/"  # between two bad sectors; to be read one by one
    BAD = "-"
    DONE = "+"


class Mapfile:
    """The status of every byte of a medium.

    Attributes
    ----------
    position
        Where the copy was.
    current
        What it was doing there: one of `?*/-FG+`.
    size
        End of the last block.
    """

    def __init__(self, size: int) -> None:
        self.position = 0
        self.current = "?"
        self.size = size
        self._starts: list[int] = [0] if size else []
        self._statuses: list[Status] = [Status.UNTRIED] if size else []

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return a mapfile from its text.

        Raises
        ------
        MediaError
            Where it is none.
        """
        lines = (line.partition("#")[0].split() for line in text.splitlines())
        fields = [line for line in lines if line]
        if len(fields) < 2 or len(fields) > _MAX_LINES:  # one without blocks says nothing
            raise _no_mapfile()
        try:
            blocks = [(_number(a), _number(b), Status(c)) for a, b, c in fields[1:]]
            position, current = _number(fields[0][0]), fields[0][1]
        except (ValueError, IndexError) as exc:
            raise _no_mapfile() from exc
        made = cls(blocks[-1][0] + blocks[-1][1])
        at = 0
        for start, size, status in blocks:
            if start < at or not size or start + size > _LIMIT:
                raise _no_mapfile()
            made.mark(start, start + size, status)
            at = start + size
        if current not in _CURRENT:
            raise _no_mapfile()
        made.position, made.current = position, current
        return made

    def text(self) -> str:
        """Return it as ddrescue writes it."""
        lines = [
            "# Mapfile. Created by emix; GNU ddrescue reads it",
            "# current_pos  current_status  current_pass",
            f"0x{self.position:08X}     {self.current}               1",
            "#      pos        size  status",
            *(f"0x{start:08X}  0x{stop - start:08X}  {status}" for start, stop, status in self),
        ]
        return "\n".join(lines) + "\n"

    def __iter__(self) -> Iterator[tuple[int, int, Status]]:
        """Yield start, end and status of each block."""
        stops = [*self._starts[1:], self.size]
        return iter(list(zip(self._starts, stops, self._statuses, strict=False)))

    def mark(self, start: int, stop: int, status: Status) -> None:
        """Set the status of a range; behind the end, the medium gets longer."""
        if stop > self.size:
            if start > self.size and (not self._statuses or self._statuses[-1] != Status.UNTRIED):
                self._starts.append(self.size)
                self._statuses.append(Status.UNTRIED)
            self.size = stop
        self._split(start)
        if stop < self.size:
            self._split(stop)
        first = bisect_right(self._starts, start - 1)
        last = bisect_right(self._starts, stop - 1)
        self._starts[first:last] = [start]
        self._statuses[first:last] = [status]
        for index in (first + 1, first):
            if 0 < index < len(self._starts) and self._same(index):
                del self._starts[index], self._statuses[index]

    def _same(self, index: int) -> bool:
        return self._statuses[index] == self._statuses[index - 1]

    def _split(self, at: int) -> None:
        """Let a block begin at `at`."""
        index = bisect_right(self._starts, at)
        if index and self._starts[index - 1] != at:
            self._starts.insert(index, at)
            self._statuses.insert(index, self._statuses[index - 1])

    def blocks(self, status: Status) -> list[tuple[int, int]]:
        """Return start and end of the blocks of one status."""
        return [(start, stop) for start, stop, found in self if found == status]

    def n_bytes(self, status: Status) -> int:
        """Return how many bytes have a status."""
        return sum(stop - start for start, stop in self.blocks(status))

    def unread(self, size: int) -> Ranges:
        """Return what was not read of a medium of so many bytes."""
        ranges = Ranges((start, stop) for start, stop, status in self if status != Status.DONE)
        ranges.add(self.size, size)
        return ranges


def is_mapfile(head: bytes) -> bool:
    """Whether a file begins as ddrescue's and ours do, or with the status line behind comments."""
    return head.startswith(_HEADS) or _STATUS_LINE.match(head) is not None


def _number(word: str) -> int:
    """Return a number in C's notation."""
    number = int(word, 8 if word[:1] == "0" and word[1:].isdigit() else 0)
    if not 0 <= number < _LIMIT:
        raise ValueError("number out of range")
    return number


def _no_mapfile() -> MediaError:
    return MediaError(
        "the mapfile cannot be read",
        hint="give the one that ddrescue wrote with the image",
    )
