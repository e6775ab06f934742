"""Sets of byte ranges: what cannot be read, what belongs to a file."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Ranges:
    """Half-open ranges `[start, stop)`, sorted, never touching each other."""

    __slots__ = ("_starts", "_stops")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in ranges:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        """Include a range; what it touches becomes one with it."""
        if start >= stop:
            return
        if not self._stops or start > self._stops[-1]:
            self._starts.append(start)
            self._stops.append(stop)
            return
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def first(self, start: int, stop: int) -> tuple[int, int] | None:
        """Return the first range that has something of `[start, stop)`, whole, or None."""
        index = bisect_right(self._stops, start)
        if index < len(self._starts) and self._starts[index] < stop:
            return self._starts[index], self._stops[index]
        return None

    def within(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield what is included of `[start, stop)`."""
        index = bisect_right(self._stops, start)
        while index < len(self._starts) and self._starts[index] < stop:
            yield max(start, self._starts[index]), min(stop, self._stops[index])
            index += 1

    def gaps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield what is not included of `[start, stop)`."""
        at = start
        for first, last in self.within(start, stop):
            if at < first:
                yield at, first
            at = last
        if at < stop:
            yield at, stop

    def n_bytes(self) -> int:
        """Return how many bytes are included."""
        return sum(self._stops) - sum(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._stops, strict=True)))

    def __len__(self) -> int:
        return len(self._starts)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it changes
