"""Parts of an upload before they are sent: small ones in memory, large ones on disk.

What is spooled is ciphertext already, since a package is encrypted entry by entry as it is made.
"""

from __future__ import annotations

import contextlib
import os
import queue
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from emixcli import config
from emixcli.errors import EmixError, NoSpaceError, OutputError, PackageDamagedError
from emixcli.wholefile import output_error

#: A socket's time-out covers one of these, so that a slow line may take what it needs for a part.
PIECE = 256 << 10
#: Parts above this wait on disk; four of them in memory would break the limit of 150 MB.
MEMORY_PART_MAX = 12 << 20


class PartBuffer(Protocol):
    """Room for one part."""

    def __len__(self) -> int:
        """Return how many bytes are in it."""

    def append(self, data: memoryview) -> None:
        """Add bytes behind those in it."""

    def patch(self, offset: int, data: memoryview) -> None:
        """Replace bytes that are in it."""

    def pieces(self) -> Iterator[memoryview]:
        """Yield the bytes."""

    def clear(self) -> None:
        """Make it empty."""

    def close(self) -> None:
        """Give its room back."""


class MemoryPart:
    """Room for one part in memory."""

    def __init__(self, capacity: int) -> None:
        self._data = memoryview(bytearray(capacity))
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, data: memoryview) -> None:
        """Add bytes behind those in it."""
        self._data[self._size : self._size + len(data)] = data
        self._size += len(data)

    def patch(self, offset: int, data: memoryview) -> None:
        """Replace bytes that are in it."""
        self._data[offset : offset + len(data)] = data

    def pieces(self) -> Iterator[memoryview]:
        """Yield the bytes."""
        for start in range(0, self._size, PIECE):
            yield self._data[start : min(start + PIECE, self._size)]

    def clear(self) -> None:
        """Make it empty."""
        self._size = 0

    def close(self) -> None:
        """Give its room back."""
        self.clear()


class DiskPart:
    """Room for one part in a file that has no name, so that no crash leaves it behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by `close`
        except OSError as exc:
            raise _unwritable(folder, exc) from exc
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, data: memoryview) -> None:
        """Add bytes behind those in it."""
        self._write(self._size, data)
        self._size += len(data)

    def patch(self, offset: int, data: memoryview) -> None:
        """Replace bytes that are in it."""
        self._write(offset, data)

    def pieces(self) -> Iterator[memoryview]:
        """Yield the bytes."""
        for start in range(0, self._size, PIECE):
            self._file.seek(start)
            found = self._file.read(min(PIECE, self._size - start))
            if not found:
                raise OutputError(
                    "a waiting part cannot be read back", hint="start the same command again"
                )
            yield memoryview(found)

    def clear(self) -> None:
        """Make it empty."""
        self._size = 0

    def close(self) -> None:
        """Give its room back."""
        self._file.close()

    def _write(self, offset: int, data: memoryview) -> None:
        try:
            self._file.seek(offset)
            while data:
                data = data[self._file.write(data) :]
        except OSError as exc:
            raise _unwritable(self._folder, exc) from exc


def _unwritable(folder: Path, exc: OSError) -> EmixError:
    if isinstance(output_error(exc), NoSpaceError):
        return NoSpaceError(
            "there is no room for waiting parts",
            hint=f"free some space at {folder}, or set EMIX_HOME",
        )
    return OutputError("the folder for waiting parts cannot be written", hint=f"check {folder}")


class PackageFile:
    """A finished package that several threads read at once.

    Parameters
    ----------
    file
        Open for reading, at any position.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._seeking = threading.Lock()

    def read_into(self, target: memoryview, offset: int) -> int:
        """Fill `target` from `offset` on, and return how many bytes there were."""
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [target], offset)
        with self._seeking:
            self._file.seek(offset)
            data = self._file.read(len(target))
        target[: len(data)] = data
        return len(data)


class FilePart:
    """A part of a finished file, read again each time it is wanted.

    Parameters
    ----------
    file
        The package.
    start, size
        The part's bytes in it.
    head
        What goes out in place of the first bytes of the file.
    """

    def __init__(self, file: PackageFile, start: int, size: int, head: bytes) -> None:
        self._file, self._start, self._size, self._head = file, start, size, head

    def __len__(self) -> int:
        return self._size

    def pieces(self) -> Iterator[memoryview]:
        """Yield the bytes; each piece is good until the next."""
        buffer = memoryview(bytearray(min(PIECE, self._size)))
        at, end = self._start, self._start + self._size
        while at < end:
            if at < len(self._head):
                piece = memoryview(self._head)[at : min(at + PIECE, end)]
            else:
                piece = buffer[: min(PIECE, end - at)]
                piece = piece[: self._file.read_into(piece, at)]
            if not piece:
                raise PackageDamagedError("the package changed while it was read")
            yield piece
            at += len(piece)


class Pool:
    """A fixed number of part buffers; whoever wants one more waits for one to come back.

    Parameters
    ----------
    part_size
        Bytes of a part.
    n
        Number of buffers.
    folder
        Where large parts wait.
    """

    def __init__(self, part_size: int, n: int, *, folder: Path | None = None) -> None:
        self._free: queue.SimpleQueue[PartBuffer | None] = queue.SimpleQueue()
        self._part_size = part_size
        self._folder = folder or config.state_dir() / "spool"
        for _ in range(n):
            self._free.put(None)

    def take(self) -> PartBuffer:
        """Return an empty buffer, waiting until there is one."""
        buffer = self._free.get()
        if buffer is not None:
            buffer.clear()
            return buffer
        # Made on first use: a small package needs one.
        if self._part_size <= MEMORY_PART_MAX:
            return MemoryPart(self._part_size)
        return DiskPart(self._folder)

    def give(self, buffer: PartBuffer) -> None:
        """Take a buffer back."""
        self._free.put(buffer)

    def close(self) -> None:
        """Close all buffers that have come back."""
        with contextlib.suppress(queue.Empty):
            while True:
                buffer = self._free.get_nowait()
                if buffer is not None:
                    buffer.close()
