"""A de-identified object as a file; what stays of the source is copied by the system."""

from __future__ import annotations

import contextlib
import os
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from emixcli.wholefile import output_error

if TYPE_CHECKING:
    from emixcli.anonymize import Anonymized

_COPY = 16 * 1024 * 1024


def write_object(made: Anonymized, source: BinaryIO, path: str) -> None:
    """Write a de-identified object; the file must not exist.

    The system begins at once to bring it to the disk, so that the sync at the end is short.

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
            _put(target, made.head)
            for piece in made.body.pieces():
                if isinstance(piece, tuple):
                    _copy(source, *piece, target)
                else:
                    _put(target, piece)
            _begin_writeback(target, 0)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


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


def _copy(source: BinaryIO, offset: int, length: int, target: FileIO) -> None:
    """Copy a range of the source to the end of the target."""
    copied = _copy_by_system(source, offset, length, target)
    if copied == length:
        return
    source.seek(offset + copied)
    left = length - copied
    while left:
        data = source.read(min(left, _COPY))
        if not data:
            raise OSError("the source has become shorter")
        _put(target, data)
        left -= len(data)


def _copy_by_system(source: BinaryIO, offset: int, length: int, target: FileIO) -> int:
    """Return how many bytes the system copied without showing them to us; 0 where it cannot."""
    done = 0
    if not hasattr(os, "copy_file_range"):
        return done
    with contextlib.suppress(OSError):  # other file systems, archives: read and write instead
        handle = source.fileno()
        while done < length:
            n = os.copy_file_range(
                handle, target.fileno(), min(length - done, _COPY), offset + done
            )
            if not n:
                break
            done += n
            if n == _COPY:
                _begin_writeback(target, target.tell() - n)
    return done


def _begin_writeback(file: FileIO, start: int) -> None:
    """Let the system bring to the disk what is behind `start`, while more is made."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), start, 0, os.POSIX_FADV_DONTNEED)
