"""De-identified objects as files."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from emixcli.wholefile import output_error

if TYPE_CHECKING:
    from io import BufferedIOBase

    from emixcli.anonymize import Anonymized

#: A slice of 512 x 512 pixels goes through at once.
_BUFFER = 1024 * 1024
#: So much is written before the system begins to bring it to the disk.
_WRITEBACK = 16 * 1024 * 1024
#: So much in small objects is left to the sync at the end: to begin with each of them costs more
#: than it saves there.
_LATE = 100_000_000


class ObjectWriter:
    """Writes objects, one after the other, through one buffer."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_BUFFER))
        self._late = 0

    def write(self, made: Anonymized, source: BinaryIO, path: str) -> None:
        """Write a de-identified object; the file must not exist.

        Where there is much, the system begins at once to bring it to the disk, so that the sync at
        the end is short.

        Raises
        ------
        OutputError
            The disk is full or read-only.
        OSError
            The source cannot be read; the file is removed again.
        """
        target = _create(path)
        try:
            with target:
                self._fill(target, made, source)
                self._late += target.tell()
                if self._late > _LATE:
                    _begin_writeback(target, 0)
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise

    def _fill(self, target: FileIO, made: Anonymized, source: BinaryIO) -> None:
        before: bytes | memoryview = made.head
        for piece in made.body.pieces():
            if isinstance(piece, tuple):
                self._copy(target, before, source, *piece)
                before = b""
            else:
                _put(target, before)
                before = piece
        _put(target, before)

    def _copy(
        self, target: FileIO, before: bytes | memoryview, source: BinaryIO, offset: int, left: int
    ) -> None:
        """Write `before` and a range of the source; together, if that is short."""
        at = len(before)
        if at < _BUFFER:
            self._buffer[:at] = before
        else:
            _put(target, before)
            at = 0
        source.seek(offset)
        done = 0
        while left:
            n = cast("BufferedIOBase", source).readinto(self._buffer[at : at + left])
            if not n:
                raise OSError("the source has become shorter")
            _put(target, self._buffer[: at + n])
            at, left, done = 0, left - n, done + n
            if done >= _WRITEBACK:
                _begin_writeback(target, target.tell() - done)
                done = 0
        if at:  # the range was empty
            _put(target, self._buffer[:at])


def _create(path: str) -> FileIO:
    try:
        try:
            return FileIO(path, "xb")
        except FileNotFoundError:  # the first of its series
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            return FileIO(path, "xb")
    except OSError as exc:
        raise output_error(exc) from exc


def _put(file: FileIO, data: bytes | memoryview) -> None:
    view = memoryview(data).cast("B")
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as exc:
        raise output_error(exc) from exc


def _begin_writeback(file: FileIO, start: int) -> None:
    """Let the system bring to the disk what is behind `start`, while more is made."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), start, 0, os.POSIX_FADV_DONTNEED)
