"""A package as a file: written beside its place, synced, renamed; no half-written file is left."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from emixcli.errors import EmixError, NoSpaceError, OutputError, OutputExistsError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BUFFER = 1024 * 1024
_WRITEBACK = 16 * 1024 * 1024


class FileSink:
    """Writes NAME.partial and renames it to NAME when the block ends without an error.

    Parameters
    ----------
    mode
        Who may do what with the file, before the umask: 0600 for what is its owner's only.

    Raises
    ------
    OutputExistsError
        NAME exists.
    NoSpaceError
        The disk is full.
    OutputError
        The folder is missing or read-only.
    """

    def __init__(self, path: Path, *, mode: int = 0o666) -> None:
        self.path = path
        self._mode = mode
        self._partial = path.with_name(path.name + ".partial")
        self._file: BinaryIO
        self._written = self._begun = 0

    def __enter__(self) -> Self:
        if self.path.exists() or self.path.is_symlink():
            raise OutputExistsError(
                f"{self.path.name} exists already", hint="choose another name or remove it first"
            )
        try:
            self._file = _create(self._partial, self._mode)
        except OSError as exc:
            raise output_error(exc) from exc
        except BaseException:  # stopped between making the file and the block that removes it
            self._partial.unlink(missing_ok=True)
            raise
        return self

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        try:
            self._file.write(data)
            self._written += len(data)
            if self._written - self._begun >= _WRITEBACK:
                self._begin_writeback()
        except OSError as exc:
            raise output_error(exc) from exc

    def _begin_writeback(self) -> None:
        """Let the system write what is there while more is made: the sync at the end is short."""
        if hasattr(os, "posix_fadvise"):
            length = self._written - self._begun
            os.posix_fadvise(self._file.fileno(), self._begun, length, os.POSIX_FADV_DONTNEED)
        self._begun = self._written

    def patch(self, offset: int, data: bytes) -> None:
        """Replace bytes that have been written."""
        try:
            self._file.seek(offset)
            self._file.write(data)
            self._file.seek(0, os.SEEK_END)
        except OSError as exc:
            raise output_error(exc) from exc

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        done = False
        try:
            if kind is None:
                self._complete()
                done = True
        except OSError as exc:
            raise output_error(exc) from exc
        finally:
            if not done:
                self._discard()

    def _complete(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self.path.exists():
            raise OutputExistsError(f"{self.path.name} was made by somebody else meanwhile")
        self._partial.replace(self.path)
        sync_folder(self.path.parent)

    def _discard(self) -> None:
        with contextlib.suppress(OSError):  # what the buffer holds does not fit a full disk
            self._file.close()
        self._partial.unlink(missing_ok=True)


def _create(path: Path, mode: int) -> BinaryIO:
    """Return a new file in place of what an earlier run left; a planted link is not followed."""
    path.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, mode), "w+b", buffering=_BUFFER)


def sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError:  # some network file systems refuse it
        pass
    finally:
        os.close(handle)


def output_error(exc: OSError) -> EmixError:
    """Return our error for one of the file system while something is written."""
    if exc.errno in _FULL:
        return NoSpaceError("the disk is full", hint="free some space or choose another folder")
    if exc.errno == errno.ENOENT:
        return OutputError("the folder of the output does not exist", hint="make it first")
    if exc.errno in {errno.EEXIST, errno.ENOTDIR}:
        return OutputError("the folder of the output is a file", hint="choose another folder")
    return OutputError("the output cannot be written", hint="check the folder and its permissions")
