"""Data sets larger than memory: read where they are looked at, written where they wait.

`Pages` stands in for the bytes of a large element; `Rope` for those of a new one, most of which
wait in a `Scratch`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from emixcli.wholefile import output_error

#: Longer elements and items are not held in memory as a whole.
LARGE: Final = 128 * 1024
_WINDOW: Final = 64 * 1024
_CHUNK: Final = 1024 * 1024
#: So much waits in memory before it goes to the disk.
_SPOOL: Final = 512 * 1024


class Pages:
    """Bytes of a file, read where they are looked at; taken by slices, as `bytes` are.

    Parameters
    ----------
    start, size
        Offset of the first one in the file, and how many there are.

    Attributes
    ----------
    start
        Offset of the first one.
    ends
        Where what begins at an index, and is large, was found to end.
    """

    __slots__ = ("_at", "_file", "_size", "_window", "ends", "start")

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self.start, self._size = file, start, size
        self._window, self._at = b"", 0
        self.ends: dict[int, int] = {}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice) -> bytes:
        start, stop = key.start or 0, key.stop
        if stop is None or stop > self._size:
            stop = self._size
        if start >= stop:
            return b""
        if start < self._at or stop > self._at + len(self._window):
            if stop - start >= _WINDOW:
                return self._read(start, stop)
            self._window = self._read(start, min(start + _WINDOW, self._size))
            self._at = start
        return self._window[start - self._at : stop - self._at]

    def part(self, start: int, stop: int) -> Pages:
        """Return bytes from one index to another, not read yet."""
        return Pages(self._file, self.start + start, stop - start)

    def until(self, stop: int) -> Pages:
        """Return the bytes before an index, with what is known of them."""
        made = self.part(0, stop)
        made.ends = self.ends
        return made

    def chunks(self, start: int, stop: int, *, overlap: int = 0) -> Iterator[bytes]:
        """Yield the bytes from one index to another, each chunk with the end of the one before."""
        for at in range(start, stop, _CHUNK):
            yield self._read(max(start, at - overlap), min(at + _CHUNK, stop))

    def forget(self) -> None:
        """Give back the memory of what was read."""
        self._window = b""

    def place(self, start: int, stop: int) -> Range:
        """Return where bytes stand in the file."""
        return Range(self._file, self.start + start, stop - start)

    def _read(self, start: int, stop: int) -> bytes:
        self._file.seek(self.start + start)
        data = self._file.read(stop - start)
        if len(data) < stop - start:
            raise OSError("the source has become shorter")
        return data


class Range(NamedTuple):
    """Bytes of a file."""

    file: IO[bytes]
    offset: int
    length: int


class Rope:
    """Bytes in parts: in memory, or ranges of files.

    Attributes
    ----------
    size
        Bytes of all parts.
    """

    __slots__ = ("_parts", "size")

    def __init__(self, *parts: bytes | Range | Rope) -> None:
        self._parts: list[bytes | Range] = []
        self.size = 0
        for part in parts:
            self.add(part)

    def __len__(self) -> int:
        return self.size

    def add(self, part: bytes | Range | Rope) -> None:
        """Add a part behind the others."""
        if isinstance(part, Rope):
            for inner in part._parts:  # noqa: SLF001 - of the same class
                self.add(inner)
            return
        self.size += part.length if isinstance(part, Range) else len(part)
        last = self._parts[-1] if self._parts else b""
        if (
            isinstance(part, Range)
            and isinstance(last, Range)
            and last.file is part.file
            and last.offset + last.length == part.offset
        ):
            self._parts[-1] = last._replace(length=last.length + part.length)
        else:
            self._parts.append(part)

    def waiting(self, scratch: Scratch) -> Rope:
        """Return the same bytes, with none of them in memory."""
        made, run = Rope(), bytearray()
        for part in self._parts:
            if isinstance(part, bytes):
                run += part
                continue
            if run:
                made.add(scratch.put(bytes(run)))
                run.clear()
            made.add(part)
        if run:
            made.add(scratch.put(bytes(run)))
        return made

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes, at most 1 MiB of a file at once.

        Raises
        ------
        OSError
            Where a file cannot be read, or has become shorter.
        """
        for part in self._parts:
            if isinstance(part, Range):
                yield from Pages(part.file, part.offset, part.length).chunks(0, part.length)
            else:
                yield part

    def close(self) -> None:
        """Do nothing: files are closed by who made them."""


class Scratch:
    """Files without names in which parts of one object wait; gone when it is closed."""

    def __init__(self) -> None:
        self._files: list[IO[bytes]] = []
        self._parts: IO[bytes] | None = None
        self._end = 0

    def file(self) -> IO[bytes]:
        """Return a new, empty file: in memory as long as it is small."""
        import tempfile  # it loads much, and few objects need it

        made: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115 - closed by `close`
        self._files.append(made)
        return made

    def put(self, data: bytes) -> Range:
        """Let bytes wait; return where.

        Raises
        ------
        OutputError
            There is no room for them.
        """
        if self._parts is None:
            self._parts = self.file()
        at = self._end
        write(self._parts, data, at)
        self._end += len(data)
        return Range(self._parts, at, len(data))

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()
        self._files.clear()


def write(file: IO[bytes], data: bytes, at: int) -> None:
    """Write bytes at an offset; raises `OutputError` where there is no room."""
    try:
        file.seek(at)
        file.write(data)
    except OSError as exc:
        raise output_error(exc) from exc
