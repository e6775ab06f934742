"""A moving window over the bytes of a file, so that a header is read without reading the file."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

from emixcli.errors import MediaError

ReadAt = Callable[[int, int], bytes]

HEAD_LENGTH: Final = 16 * 1024
MAX_HEAD: Final = 64 * 1024
CHUNK: Final = 128 * 1024
#: No attribute of `model.KEYWORDS` is longer; a longer one is taken as absent.
MAX_VALUE: Final = 64 * 1024
#: Reads of a header; one that takes more is not a header.
MAX_REFILLS: Final = 1024
#: Bytes of a header that are inflated, and of its deflated form.
MAX_INFLATED: Final = 24 * 1024 * 1024
#: Bytes that are inflated at a time; what of them is left is copied each time.
_DEFLATED: Final = 16 * 1024

_PAD: Final = bytes(12)


def head_length_for(end: int) -> int:
    """Return how many bytes to read of a file whose header is about as long as `end`."""
    return min(max(HEAD_LENGTH, (end + 256 + 4095) & ~4095), MAX_HEAD)


class EndlessError(Exception):
    """A header has more of something than any real one: it is not read on."""


class Window:
    """Some bytes of a file, and where they are.

    Attributes
    ----------
    data
        The bytes, followed by 12 zero bytes where they reach the end of the file, so that an
        element's head can be unpacked without asking.
    base
        Offset of `data` in the file.
    last
        Largest index in `data` at which an element may begin.
    is_random
        Whether what lies before the window can be read again.
    """

    __slots__ = ("_refills", "base", "data", "is_random", "last", "read_at", "size", "stop")

    def __init__(self, head: bytes, size: int, read_at: ReadAt, *, is_random: bool = True) -> None:
        self.read_at = read_at
        self.is_random = is_random
        self._refills = 0
        self.size = size
        self._set(head, 0)

    def _set(self, data: bytes, base: int) -> None:
        self.base = base
        self.stop = len(data)
        if base + len(data) >= self.size:
            self.last = len(data) - 8
            self.data = data + _PAD
        else:
            self.last = len(data) - 12
            self.data = data

    def seek(self, offset: int, *, wide: bool = False) -> bool:
        """Move so that the window begins at `offset`; False where no element can begin there.

        Parameters
        ----------
        wide
            Whether the element there may be as long as `MAX_VALUE`; else little is read, since a
            header rarely goes on for long.

        Raises
        ------
        OSError
            Where the medium cannot be read.
        EndlessError
            Where there were too many reads.
        """
        self._refills += 1
        if offset + 8 > self.size:
            return False
        if self._refills > MAX_REFILLS:
            raise EndlessError
        wanted = min(CHUNK if wide or self._refills > 4 else HEAD_LENGTH, self.size - offset)
        data = self.read_at(offset, wanted)
        if len(data) < 8:
            self.size = offset + len(data)
            return False
        if len(data) < wanted:
            self.size = offset + len(data)  # the file is shorter than its directory says
        self._set(data, offset)
        return True


class Inflated:
    """The meta group followed by the inflated data set (PS3.5 section A.5), read forward only.

    Attributes
    ----------
    end
        Where the bytes end that were inflated so far.
    is_broken
        Whether the stream is damaged.
    """

    def __init__(self, meta: bytes, offset: int, size: int, read_at: ReadAt) -> None:
        self._engine = zlib.decompressobj(-zlib.MAX_WBITS)
        self._offset = offset
        self._size = size
        self._read_at = read_at
        self._data = meta
        self._base = 0
        self.end = len(meta)
        self.is_broken = False

    @property
    def is_whole(self) -> bool:
        """Whether the stream came to its end."""
        return self._engine.eof

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes; fewer at the end of the stream or where it is damaged."""
        if self.end < offset + length:
            parts = [self._data[max(0, offset - self._base) :]]
            while self.end < offset + length and (chunk := self._more()):
                self.end += len(chunk)
                if self.end > offset:
                    parts.append(chunk)
            self._data = b"".join(parts)
            self._base = self.end - len(self._data)
        start = offset - self._base
        if start < 0:
            raise MediaError("a deflated data set is read backwards", hint="")
        return self._data[start : start + length]

    def _more(self) -> bytes:
        while not self._engine.eof:
            if max(self.end, self._offset) > MAX_INFLATED:
                raise EndlessError
            tail = self._engine.unconsumed_tail
            if not tail:
                wanted = min(_DEFLATED, self._size - self._offset)
                tail = self._read_at(self._offset, max(0, wanted))
                self._offset += len(tail)
            try:
                chunk = self._engine.decompress(tail, CHUNK) if tail else self._engine.flush()
            except zlib.error:
                self.is_broken = True
                return b""
            if chunk or not tail:
                return chunk
        return b""
