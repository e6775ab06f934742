"""The file of the own keys: for its owner only, made once, replaced whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from emixcli.container.sink import output_error, sync_folder
from emixcli.errors import EmixError, NoSpaceError, OutputError


def create_key_file(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, mode 0600; a reader never sees half of it.

    Raises
    ------
    FileExistsError
        Another process was quicker.
    OutputError
        It cannot be written; none is left.
    """
    with _written(path, data) as partial:
        try:
            _publish(partial, path)
        except FileExistsError:
            raise
        except OSError as exc:
            raise _unwritable(exc) from exc


def replace_key_file(path: Path, data: bytes) -> Path | None:
    """Write the file, and return where the earlier one is kept, None where there was none.

    Raises
    ------
    OutputError
        It cannot be written; the earlier one stays.
    """
    with _written(path, data) as partial:
        try:
            kept = _keep_old(path)
            partial.replace(path)
        except OSError as exc:
            raise _unwritable(exc) from exc
    return kept


@contextlib.contextmanager
def _written(path: Path, data: bytes) -> Iterator[Path]:
    """Give a whole file beside `path`, for the block to give it its name."""
    # A name of this thread's own: two that make the first keys must not take each other's file.
    own = f"{os.getpid()}-{threading.get_ident()}"
    partial = path.with_name(f"{path.name}.{own}.partial")
    try:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_new(partial, data)
        except OSError as exc:
            raise _unwritable(exc) from exc
        yield partial
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that did not exist, for its owner only; a failed write leaves none."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _publish(partial: Path, path: Path) -> None:
    """Give a whole file its name unless another has it; raises FileExistsError then."""
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
    """As `_publish`, one process at a time."""
    lock = path.with_suffix(".lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        is_there = path.exists()
        if not is_there:
            partial.replace(path)
        # Whoever waits for this very file, or makes a new one, then finds the keys.
        lock.unlink(missing_ok=True)
    finally:
        os.close(handle)
    if is_there:
        raise FileExistsError


def _keep_old(path: Path) -> Path | None:
    """Copy the key file to a name of its own: packages made with it open with nothing else."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    kept = path.with_name(f"identity-{hashlib.sha256(data).hexdigest()[:12]}.json")
    with contextlib.suppress(FileExistsError):
        _write_new(kept, data)
    return kept


def _unwritable(exc: OSError) -> EmixError:
    error = output_error(exc)
    if isinstance(error, NoSpaceError):
        return error
    return OutputError(
        "the own key file cannot be written", hint="set EMIX_HOME to a folder that can be"
    )
