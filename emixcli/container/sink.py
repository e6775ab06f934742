"""A package as a file: written beside its place, synced, renamed; no half-written file is left."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from emixcli.errors import OutputExistsError
from emixcli.wholefile import open_new, output_error, output_errors, sync_folder

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
        with output_errors():
            is_taken = self.path.exists() or self.path.is_symlink()
        if is_taken:
            raise OutputExistsError(
                f"{self.path.name} exists already", hint="choose another name or remove it first"
            )
        try:
            self._partial.unlink(missing_ok=True)  # what an earlier run left
            handle = open_new(self._partial, self._mode)
            self._file = os.fdopen(handle, "w+b", buffering=_BUFFER)
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
