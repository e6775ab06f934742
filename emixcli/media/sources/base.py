"""What every medium offers: a list of files, and their bytes at any offset."""

from __future__ import annotations

import io
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from emixcli.media.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.disc.sectors import SectorBytes

_BLOCK = 64 * 1024
_HAS_PREAD = hasattr(os, "pread")


class MediaFile:
    """A file on a medium.

    Attributes
    ----------
    path
        Its name on the medium, parts joined by "/", unique in its source.
    missing
        The number of bytes at its end that the medium says it has and does not have.
    lost
        The number of bytes in it that are known to be unreadable.
    damaged
        The number of bytes that the medium gives and that are known not to be what was written.
    """

    __slots__ = ("_size", "damaged", "lost", "missing", "path")

    def __init__(
        self, path: str, size: int = 0, missing: int = 0, lost: int = 0, damaged: int = 0
    ) -> None:
        self.path = path
        self.damaged = damaged
        self.missing = missing
        self.lost = lost
        self._size = size

    @property
    def size(self) -> int:
        """In bytes."""
        return self._size


class NotPermittedError(PermissionError):
    """The system does not let this user open a file: no fault of the medium.

    Not to be told from the number of an error alone: for a scratch some file systems give EPERM.
    """


class DamagedContentError(OSError):
    """Bytes that the medium gives, and that are not what they should be."""


@dataclass(slots=True, eq=False, repr=False)
class SourceNotes:
    """What a source noticed while it was listed.

    Attributes
    ----------
    codes
        How often each finding of `validate.codes` was met.
    unreadable
        Names that could not be listed or opened, with a fixed phrase that says why.
    forbidden
        The same of those that the system does not let this user look into.
    carved
        Names that we gave to what no directory names.
    earlier
        Of files of a disc's earlier sessions: number of the session, and the name there.
    """

    codes: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    forbidden: list[tuple[str, str]] = field(default_factory=list)
    carved: set[str] = field(default_factory=set)
    earlier: dict[str, tuple[int, str]] = field(default_factory=dict)

    def name_there(self, path: str) -> str:
        """Return what a file is called in its own session; one without a name is in the root."""
        if path in self.carved:
            return path.rpartition("/")[2]
        return self.earlier[path][1] if path in self.earlier else path

    def names_beside(self, path: str) -> dict[str, str]:
        """Return the names of the files of a file's own session, by their folded names there."""
        if path not in self.earlier:
            return {}
        session = self.earlier[path][0]
        return {
            fold(there): here for here, (number, there) in self.earlier.items() if number == session
        }


class Bytes(Protocol):
    """Bytes at any offset, for any number of threads."""

    @property
    def is_random(self) -> bool:
        """Whether bytes far into the content cost no more than the first ones."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read_at(self, offset: int, length: int, /) -> bytes:
        """Return `length` bytes, fewer only at the end.

        Raises
        ------
        OSError
            Where the medium cannot be read.
        """

    def close(self) -> None:
        """Give the file back."""


class Source(Protocol):
    """A medium that was given to a command.

    Attributes
    ----------
    kind
        "folder", "file", "zip", "iso" (any image of a disc) or "device".
    notes
        What was noticed.
    """

    kind: str
    notes: SourceNotes

    @property
    def medium(self) -> SectorBytes | None:
        """All bytes of the medium, None where its files are files of the system."""

    def iter_files(self) -> Iterator[MediaFile]:
        """Yield every file once, in an order that does not change."""

    def extents(self, path: str, /) -> list[tuple[int, int]]:
        """Return offset and length in `medium` of each part of a file, [] where it has none."""

    def open_bytes(self, path: str, /) -> Bytes:
        """Return the content of a file that was listed.

        Raises
        ------
        OSError
            Where the medium cannot be read.
        """

    def open(self, path: str, /) -> BinaryIO:
        """Return the content of a file that was listed, as a seekable stream."""

    def close(self) -> None:
        """Give back what the source holds open."""


class FileBytes:
    """Bytes of a file or device of the operating system."""

    __slots__ = ("_fd", "_lock", "_size")
    is_random = True

    def __init__(self, fd: int, size: int = -1) -> None:
        self._fd = fd
        self._lock = None if _HAS_PREAD else threading.Lock()
        self._size = size

    @property
    def size(self) -> int:
        """Length in bytes, asked for only where it is needed."""
        if self._size < 0:
            self._size = os.fstat(self._fd).st_size
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        parts: list[bytes] = []
        while length > 0:
            part = self._read(offset, length)
            if not part:
                break
            if len(part) == length and not parts:
                return part
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return b"".join(parts)

    def read_into(self, offset: int, view: memoryview) -> int:
        """Fill `view` without a copy; returns how many bytes, fewer also before the end."""
        if hasattr(os, "preadv"):
            return os.preadv(self._fd, [view], offset)
        data = self._read(offset, len(view))
        view[: len(data)] = data
        return len(data)

    def _read(self, offset: int, length: int) -> bytes:
        if self._lock is None:
            return os.pread(self._fd, length, offset)
        with self._lock:  # Windows has no pread
            os.lseek(self._fd, offset, os.SEEK_SET)
            return os.read(self._fd, length)

    def close(self) -> None:
        """Close the file; again does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class StreamBytes:
    """Bytes of a seekable stream, one thread at a time."""

    __slots__ = ("_lock", "_stream", "size")
    is_random = False

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        with self._lock:
            self._stream.seek(offset)
            return self._stream.read(length)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class _RawBytes(io.RawIOBase):
    def __init__(self, content: Bytes) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._content.size}[whence]
        if start + offset < 0:
            raise OSError("seek before the beginning")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # narrower than any buffer
        view = memoryview(buffer).cast("B")
        if isinstance(self._content, FileBytes):
            n = self._content.read_into(self._at, view)
        else:
            data = self._content.read_at(self._at, len(view))
            n = len(data)
            view[:n] = data
        self._at += n
        return n

    def close(self) -> None:
        if not self.closed:
            self._content.close()
        super().close()


def stream_of(content: Bytes) -> BinaryIO:
    """Return `content` as a seekable stream that closes it."""
    return cast("BinaryIO", io.BufferedReader(_RawBytes(content), _BLOCK))
