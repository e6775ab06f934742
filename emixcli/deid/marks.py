"""Hashes of what was read before: of the last elements, and of all values that identify."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final

import numpy as np

_MOST: Final = 1 << 16
_FRESH: Final = 1 << 14


class Marks:
    """Hashes of elements that were met, so that of a series only what differs is read.

    There are at most so many of them; what is forgotten is read again.
    """

    def __init__(self) -> None:
        self._settled: set[int] = set()
        self._fresh: set[int] = set()

    def is_new(self, mark: int) -> bool:
        """Whether an element was not met; it is from now on."""
        if mark in self._settled or mark in self._fresh:
            return False
        if len(self._fresh) >= _MOST:
            self._fresh.clear()
        self._fresh.add(mark)
        return True

    def settle(self) -> None:
        """Keep what was met since the last time."""
        if len(self._settled) + len(self._fresh) > _MOST:
            self._settled.clear()
        self._settled |= self._fresh
        self._fresh.clear()

    def drop(self) -> None:
        """Forget what was met since `settle`."""
        self._fresh.clear()

    def clear(self) -> None:
        """Forget all."""
        self._settled.clear()
        self._fresh.clear()


class Hashes:
    """A set of hashes that takes eight bytes for each, but for the last that were added."""

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        self._sorted = array("q")

    def __len__(self) -> int:
        return len(self._sorted) + len(self._fresh)

    def __contains__(self, value: int) -> bool:
        at = bisect_left(self._sorted, value)
        is_old = at < len(self._sorted) and self._sorted[at] == value
        return is_old or value in self._fresh

    def add(self, value: int) -> None:
        """Add a hash."""
        if value in self:
            return
        self._fresh.add(value)
        if len(self._fresh) >= _FRESH:
            fresh = np.fromiter(self._fresh, np.int64, len(self._fresh))
            together = np.concatenate((np.frombuffer(self._sorted, np.int64), fresh))
            self._sorted = array("q", np.sort(together).tobytes())
            self._fresh = set()
