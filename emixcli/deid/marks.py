"""What was read before, in bounded memory."""

from __future__ import annotations

from typing import Final

_MOST: Final = 1 << 16


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
