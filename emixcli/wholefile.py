"""Small files are written whole: beside their place, synced, renamed; half of one never has a name.

The functions raise `OSError`, of which `output_error` makes our own; `FileSink` writes large files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from emixcli.errors import EmixError, NoSpaceError, OutputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: Who may read a file that is its owner's only.
PRIVATE = 0o600


def replace_whole(path: Path, data: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file in the place of an earlier one, which stays where that fails."""
    with written_beside(path, data, mode=mode) as partial:
        partial.replace(path)


def create_whole(path: Path, data: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file that is not there yet.

    Raises
    ------
    FileExistsError
        It is there, or another process was quicker.
    """
    with written_beside(path, data, mode=mode) as partial:
        publish(partial, path)


@contextlib.contextmanager
def written_beside(path: Path, data: bytes, *, mode: int = PRIVATE) -> Iterator[Path]:
    """Give a whole file beside `path`, for the block to give it its name; it does not stay."""
    # A name of this thread's own: two that write the same must not take each other's file.
    own = f"{os.getpid()}-{threading.get_ident()}"
    partial = path.with_name(f"{path.name}.{own}.partial")
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(open_new(partial, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield partial
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def open_new(path: Path, mode: int) -> int:
    """Return the descriptor of a new file, to be read and written; no link is followed."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.open(path, flags, mode)


def publish(partial: Path, path: Path) -> None:
    """Give a whole file its name; raises `FileExistsError` where another has it."""
    if sys.platform == "win32":
        partial.rename(path)  # overwrites nothing there
        return
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError:  # FAT and some network file systems have no hard links
        _publish_locked(partial, path)


def _publish_locked(partial: Path, path: Path) -> None:
    """As `publish`, one process at a time."""
    lock = path.with_suffix(".lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        is_there = path.exists()
        if not is_there:
            partial.replace(path)
        # Whoever waits for this very file, or makes a new one, then finds the first.
        lock.unlink(missing_ok=True)
    finally:
        os.close(handle)
    if is_there:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


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


@contextlib.contextmanager
def output_errors() -> Iterator[None]:
    """Make our own error of one of the file system, also where it only looks for the output."""
    try:
        yield
    except OSError as exc:
        raise output_error(exc) from exc


def output_error(exc: OSError, message: str = "", *, hint: str | None = None) -> EmixError:
    """Return our error for one of the file system while something is written.

    Parameters
    ----------
    message, hint
        What is said unless the disk is full; by default what fits the cause.
    """
    if exc.errno in _FULL:
        return NoSpaceError("the disk is full", hint="free some space or choose another folder")
    if message:
        return OutputError(message, hint=hint)
    if exc.errno == errno.ENOENT:
        return OutputError("the folder of the output does not exist", hint="make it first")
    if exc.errno in {errno.EEXIST, errno.ENOTDIR}:
        return OutputError("the folder of the output is a file", hint="choose another folder")
    return OutputError("the output cannot be written", hint="check the folder and its permissions")
