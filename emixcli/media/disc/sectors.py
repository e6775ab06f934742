"""A medium read sector by sector: a bad one never spoils its neighbours, and each is remembered.

Any `OSError` means that the place cannot be read: drivers and user-space file systems give EIO,
EPERM and others for the same scratch.
"""

from __future__ import annotations

import errno
import mmap
import os
import threading
from typing import TYPE_CHECKING, Final

from emixcli.media.disc.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

SECTOR: Final = 2048
_CHUNK: Final = 1024 * 1024


class UnreadableError(OSError):
    """Bytes that the medium does not give.

    Attributes
    ----------
    start, stop
        The first range of them, in bytes from the beginning of the medium.
    """

    def __init__(self, start: int, stop: int) -> None:
        super().__init__(errno.EIO, "the medium cannot be read here")
        self.start = start
        self.stop = stop


class SectorBytes:
    """The bytes of a medium with bad sectors.

    Attributes
    ----------
    bad
        Ranges that could not be read, as far as is known; grows while reading. What is in it is
        not tried again: a drive takes seconds for each.

    Parameters
    ----------
    content
        The medium.
    bad
        What is known beforehand: of a mapfile.
    holes
        What the medium does not have: an error, but no damage.
    """

    __slots__ = ("_content", "_holes", "_lock", "bad", "size")
    is_random = True

    def __init__(
        self, content: Bytes, *, bad: Ranges | None = None, holes: Ranges | None = None
    ) -> None:
        self._content = content
        self._holes = Ranges() if holes is None else holes
        self._lock = threading.Lock()
        self.bad = Ranges() if bad is None else bad
        self.size = content.size

    def lost(self, start: int, stop: int) -> Ranges:
        """Return what is known to be unreadable between two offsets, also behind the end."""
        found = Ranges()
        for known in (self.bad, self._holes):
            for first, last in known.within(start, stop) if known else ():
                found.add(first, last)
        found.add(max(start, self.size), stop)
        return found

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end.

        Raises
        ------
        UnreadableError
            With the first range that cannot be read.
        """
        length = max(0, min(length, self.size - offset))
        for known in (self.bad, self._holes):
            if known and (found := known.first(offset, offset + length)):
                raise UnreadableError(*found)
        try:
            return self._content.read_at(offset, length)
        except OSError:
            return self._read_carefully(offset, length)

    def _read_carefully(self, offset: int, length: int) -> bytes:
        """Read by halves down to the first sector that is bad; the error may have been a whim."""
        parts: list[bytes] = []
        at, end = offset, offset + length
        n_sectors = -(-end // SECTOR) - at // SECTOR
        while at < end:
            start = at // SECTOR * SECTOR
            stop = min(end, start + n_sectors * SECTOR)
            try:
                data = self._content.read_at(at, stop - at)
            except OSError as exc:
                if n_sectors > 1:
                    n_sectors = max(1, n_sectors // 2)
                    continue
                with self._lock:
                    self.bad.add(start, min(start + SECTOR, self.size))
                raise UnreadableError(start, start + SECTOR) from exc
            parts.append(data)
            at += len(data)
            if at < stop:
                break
        return b"".join(parts)

    def fileno(self) -> int:
        """Return the handle of the operating system, where there is one."""
        return self._content.fileno()  # type: ignore[attr-defined,no-any-return]  # raises as it should

    def close(self) -> None:
        """Close the medium."""
        self._content.close()


def iter_pieces(
    content: Bytes, start: int, stop: int, *, chunk: int = _CHUNK
) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of everything that can be read between two offsets, in order."""
    at = start
    while at < stop:
        wanted = min(chunk - at % chunk, stop - at)
        try:
            data = content.read_at(at, wanted)
        except OSError as exc:
            bad = exc.start if isinstance(exc, UnreadableError) else at
            if bad > at:
                yield from iter_pieces(content, at, bad, chunk=chunk)
            after = exc.stop if isinstance(exc, UnreadableError) else at // SECTOR * SECTOR + SECTOR
            at = max(after, at + 1)
            continue
        if not data:
            return
        yield at, data
        at += len(data)


class DriveBytes:
    """A drive, read in whole sectors and past the cache of the system.

    The cache reads pages of 4 KiB: a bad sector would take its neighbour with it.

    Parameters
    ----------
    fd
        Opened for direct reading where the system can; taken over.
    sector
        Bytes that the drive reads at once.
    """

    __slots__ = ("_buffer", "_fd", "_lock", "_sector", "size")
    is_random = True

    def __init__(self, fd: int, size: int, *, sector: int = SECTOR) -> None:
        self._fd = fd
        self._sector = sector
        self._lock = threading.Lock()
        self._buffer = mmap.mmap(-1, _CHUNK)  # memory that begins with a page, as direct reads need
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        with self._lock:
            while offset < end:
                start = offset // self._sector * self._sector
                wanted = min(-(-end // self._sector) * self._sector - start, _CHUNK)
                n_read = self._fill(start, wanted)
                if start + n_read <= offset:
                    break
                parts.append(self._buffer[offset - start : min(n_read, end - start)])
                offset += len(parts[-1])
        return b"".join(parts)

    def _fill(self, start: int, length: int) -> int:
        if hasattr(os, "preadv"):
            with memoryview(self._buffer) as view, view[:length] as part:
                return os.preadv(self._fd, [part], start)
        os.lseek(self._fd, start, os.SEEK_SET)
        data = os.read(self._fd, length)
        self._buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the drive; again does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
            self._buffer.close()
