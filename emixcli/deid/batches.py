"""Texts that are searched together, some of them at a time."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from emixcli.deid.spellings import squeeze

if TYPE_CHECKING:
    from emixcli.deid.needles import Hit, Needles
    from emixcli.deid.reading import Text

#: Stands between two texts, so that nothing is found across them; a blank beside each.
_GAP: Final = b" \x1f "
_BATCH: Final = 1 << 18
#: Bytes before a value by which it is judged.
_BEFORE: Final = 8
_NOT_WORD: Final = re.compile(r"[\W_]+")
_OTHERS: Final = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_SPACES: Final = bytes(byte if chr(byte).isalnum() else 0x20 for byte in range(128)) + bytes(
    range(128, 256)
)


class Batch:
    """Texts as they are searched for one set of values.

    Parameters
    ----------
    take
        Gets each value that is found, and the text in which it is.
    """

    def __init__(self, needles: Needles, take: Callable[[Text, Hit], None]) -> None:
        self._needles = needles
        self._take = take
        self._clear()

    def add(self, text: Text, data: bytes) -> None:
        """Add what a text says."""
        self._texts.append(text)
        # With the blank before it.
        self._starts.append(self._size - 1)
        self._append(data + _GAP)
        if self._size > _BATCH:
            self.finish()

    def begin(self, text: Text) -> None:
        """Begin a text that comes in pieces."""
        self.finish()
        self._texts.append(text)
        self._starts.append(0)

    def go_on(self, data: bytes) -> None:
        """Add a piece of it."""
        self._append(data)
        if self._size > _BATCH + 2 * self._needles.reach:
            self._search(self._needles.reach)

    def end(self) -> None:
        """End it."""
        self._append(_GAP)
        self.finish()

    def finish(self) -> None:
        """Search what was not searched yet."""
        self._search(0)
        self._clear()

    def _clear(self) -> None:
        self._parts: list[bytes] = [_GAP]
        self._texts: list[Text] = []
        self._starts: list[int] = []
        self._size = len(_GAP)
        #: Bytes at the start that were searched before.
        self._done = 0

    def _append(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)

    def _search(self, keep: int) -> None:
        """Search all but the last bytes, which stay together with some that stand before them."""
        data = b"".join(self._parts)
        until = len(data) - keep
        for hit in self._needles.find(data):
            if self._done <= hit.position < until:
                self._take(self._texts[bisect_right(self._starts, hit.position) - 1], hit)
        start = max(0, until - _BEFORE)
        self._parts, self._size = [data[start:]], len(data) - start
        self._done = until - start


def written(words: str) -> Iterator[bytes]:
    """Yield plain text as it is, without blanks and punctuation, and with one blank for them."""
    data = words.encode("utf-8", "replace")
    yield data
    if data.isascii():
        yield data.translate(None, _OTHERS)
        yield data.translate(_SPACES)
    else:
        yield squeeze(words).encode("utf-8", "replace")
        yield _NOT_WORD.sub(" ", words).encode("utf-8", "replace")
