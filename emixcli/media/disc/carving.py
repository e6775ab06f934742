"""DICOM objects that no directory names: found by their first bytes, measured by their elements.

A file of PS3.10 begins with 128 bytes and `DICM`, and files on a disc begin with a sector.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.media import elements as el
from emixcli.media.disc.sectors import SECTOR, UnreadableError, iter_pieces
from emixcli.syntaxes import DEFLATED_UID, EXPLICIT_BIG_UID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emixcli.media.sources.base import Bytes

_MARK: Final = b"DICM"
_PREAMBLE: Final = 128
_META: Final = 132
_CHUNK: Final = 4 * 1024 * 1024
_WINDOW: Final = 16 * 1024
_MAX_DEPTH: Final = 32
_MAX_BEYOND: Final = 1 << 30
_MAX_ELEMENTS: Final = 1_000_000
_SYNTAX: Final = 0x00020010
_PIXELS: Final = 0x7FE00010


@dataclass(frozen=True, slots=True)
class Carved:
    """An object found without a directory.

    Attributes
    ----------
    offset, length
        Where it lies, in bytes; beyond the end of a medium that ends too early.
    is_whole
        Whether all its elements are there, one behind the other.
    """

    offset: int
    length: int
    is_whole: bool


def carve(content: Bytes, gaps: Iterable[tuple[int, int]]) -> Iterator[Carved]:
    """Yield the objects that begin in parts of a disc, in order.

    Parameters
    ----------
    gaps
        Start and end of each part, in bytes; an object does not go beyond its part.
    """
    for start, stop in gaps:
        before = -1
        for offset in find_marks(content, start, stop):
            if before >= 0:
                yield measure(content, before, stop, following=offset)
            before = offset
        if before >= 0:
            yield measure(content, before, stop, following=stop)


def find_marks(content: Bytes, start: int, stop: int) -> Iterator[int]:
    """Yield the offsets of sectors with which an object begins."""
    first = -(-start // SECTOR) * SECTOR
    for base, data in iter_pieces(content, first, stop, chunk=_CHUNK):
        at = data.find(_MARK)
        while at >= 0:
            if (base + at) % SECTOR == _PREAMBLE:
                yield base + at - _PREAMBLE
            at = data.find(_MARK, at + 1)


def measure(content: Bytes, offset: int, stop: int, *, following: int) -> Carved:
    """Return how long the object at `offset` is.

    Parameters
    ----------
    stop
        Where it ends at the latest.
    following
        Where the next one begins: beyond it, the lengths in this one are wrong.
    """
    walk = _Walk(content, offset, stop)
    is_whole = walk.run()
    end = min(walk.at, stop)
    if following == content.size < walk.at <= content.size + _MAX_BEYOND:
        end = walk.at  # the medium ends too early, and the object says how much is missing
    elif end > following:
        end, is_whole = following, False
    return Carved(offset, end - offset, is_whole)


class _EndError(Exception):
    """Nothing more can be read."""


class _Walk:
    """Steps over the elements of one object.

    Attributes
    ----------
    at
        Where it is: behind the last whole element, or where that should end.
    """

    def __init__(self, content: Bytes, offset: int, stop: int) -> None:
        self.at = offset + _META
        self._content = content
        self._stop = stop
        self._base = 0
        self._data = b""
        self._left = _MAX_ELEMENTS
        self._syntax = ""
        self._dialect = el.EXPLICIT_LITTLE

    def run(self) -> bool:
        """Go to the end of the object; whether it is whole."""
        try:
            self._meta()
            if self._syntax == DEFLATED_UID:
                return self._deflated()
            head = self._peek(8)
            is_little = self._syntax != EXPLICIT_BIG_UID
            self._dialect = el.dialect(explicit=el.has_vr(head[4:6]), little=is_little)
            return self._elements()
        except _EndError:
            return False

    def _peek(self, length: int) -> bytes:
        """Return the next bytes, padded with zeros at the end of the part."""
        index = self.at - self._base
        if index < 0 or index + length > len(self._data):
            try:
                wanted = min(_WINDOW, self._stop - self.at)
                self._data = self._content.read_at(self.at, wanted) if wanted > 0 else b""
            except OSError:
                try:
                    self._data = self._content.read_at(self.at, min(length, self._stop - self.at))
                except OSError as exc:
                    # The bad sector belongs to the object: its loss must not go unseen. Whether
                    # the next ones do, nobody can tell.
                    bad = exc.start if isinstance(exc, UnreadableError) else self.at
                    self.at = (max(bad, self.at) // SECTOR + 1) * SECTOR
                    raise _EndError from None
            self._base, index = self.at, 0
        return self._data[index : index + length].ljust(length, b"\0")

    def _next(self, dialect: el.Dialect) -> tuple[int, int, int]:
        """Return tag (as in PS3.6), VR and length of the next element, and step to its value."""
        self._left -= 1
        if self._left < 0:
            raise _EndError
        tag, vr, value, length = el.element(dialect, self._peek(12), 0)
        self.at += value
        return dialect.swap(tag), vr, length

    def _meta(self) -> None:
        while self._peek(2) == b"\x02\0":
            tag, _, length = self._next(el.EXPLICIT_LITTLE)
            if tag == _SYNTAX and length <= 64:
                self._syntax = self._peek(length).rstrip(b"\0 ").decode("latin-1")
            self._skip(length)

    def _skip(self, length: int) -> None:
        self.at += length
        if self.at > self._stop:
            raise _EndError

    def _elements(self) -> bool:
        """Step over a data set up to the first bytes that cannot go on with it."""
        last = 0
        while True:
            start = self.at
            tag, vr, length = self._next(self._dialect)
            is_next = tag > last and (vr or not self._dialect.explicit) and tag >> 16 > 2
            if not is_next or (tag & 0xFFFF0000 == 0xFFFE0000):
                self.at = start
                return last != 0
            if length == el.UNDEFINED:
                self._items(1)
            elif start + length > self._stop and last >= _PIXELS:
                self.at = start  # no element of this object: what lies behind it
                return True
            else:
                self._skip(length)
            last = tag

    def _items(self, depth: int) -> None:
        """Step over items up to the end of a sequence or of encapsulated pixel data."""
        if depth > _MAX_DEPTH:
            raise _EndError
        while True:
            tag, length = self._plain()
            if tag == el.SEQUENCE_END:
                return
            if tag != el.ITEM:
                raise _EndError
            if length == el.UNDEFINED:
                self._item(depth)
            else:
                self._skip(length)

    def _plain(self) -> tuple[int, int]:
        self._left -= 1
        if self._left < 0:
            raise _EndError
        tag, length = self._dialect.plain.unpack(self._peek(8))
        self.at += 8
        return self._dialect.swap(tag), length

    def _item(self, depth: int) -> None:
        """Step over the elements of an item of undefined length."""
        while True:
            if self._dialect.swap(self._dialect.plain.unpack(self._peek(8))[0]) == el.ITEM_END:
                self.at += 8
                return
            tag, _, length = self._next(self._dialect)
            if not tag:
                raise _EndError
            if length == el.UNDEFINED:
                self._items(depth + 1)
            else:
                self._skip(length)

    def _deflated(self) -> bool:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        while not engine.eof:
            try:
                data = self._content.read_at(self.at, min(_WINDOW, self._stop - self.at))
                pending = data
                while pending and not engine.eof:
                    engine.decompress(pending, _CHUNK)
                    pending = engine.unconsumed_tail
            except (OSError, zlib.error):
                return False
            if not data:
                return False
            self.at += len(data) - len(engine.unused_data)
        self.at += self.at % 2
        return True
