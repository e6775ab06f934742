"""Journals: what a command has done so far, so that the same command goes on after any crash.

A journal is a file of JSON lines, one per step, each on disk before the next step begins. A last
line that was torn by a crash is ignored. Its name is a digest of what was asked for, so that the
same command finds it and another one does not. It holds no key and no access code in the clear.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import IO, Any, Self

from emixcli import config
from emixcli.errors import EmixError, NoSpaceError, OutputError, UsageError
from emixcli.wholefile import output_error, replace_whole

Record = dict[str, Any]
#: Packages live 30 days at most; what is older helps nobody.
_KEEP_S = 35 * 86400
#: What a lock that another holds gives; anything else is a file system without locks.
_BUSY = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}


def journal_key(request: object) -> str:
    """Return the name for a request: a digest of its canonical JSON."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:40]


def journals_dir() -> Path:
    """Return the folder of journals."""
    return config.state_dir() / "journals"


class JournalBusyError(UsageError):
    """The same command is running in another process or thread."""


class Journal:
    """One journal, locked while it is open.

    Parameters
    ----------
    kind, key
        `send`, `upload`, …, and what `journal_key` gives.
    directory
        Where journals are kept.

    Raises
    ------
    JournalBusyError
        The same command is running already.
    OutputError
        The journal cannot be written.
    """

    def __init__(self, kind: str, key: str, *, directory: Path | None = None) -> None:
        folder = directory or journals_dir()
        self.path = folder / f"{kind}-{key}.jsonl"
        self._lock: IO[bytes] | None = None
        self._file: IO[bytes] | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_old(folder)
            self._lock = _lock(self.path.with_suffix(".lock"))
            self._file = _open(self.path)
            self.records = _read(self._file)
        except OSError as exc:
            self.close()
            raise _unwritable(self.path, exc) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def append(self, step: str, **values: Any) -> Record:
        """Write one step to disk and return it."""
        record: Record = {"step": step, **values}
        file = self._opened()
        try:
            file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())
        except OSError as exc:
            raise _unwritable(self.path, exc) from exc
        self.records.append(record)
        return record

    def find(self, step: str, **match: Any) -> Record | None:
        """Return the latest record of a step whose values match, since the last new start."""
        for record in reversed(self.records):
            if record.get("step") == step and all(record.get(k) == v for k, v in match.items()):
                return record
        return None

    def restart(self) -> None:
        """Forget everything: the exchange no longer knows what was begun."""
        file = self._opened()
        try:
            file.seek(0)
            file.truncate()
            os.fsync(file.fileno())
        except OSError as exc:
            raise _unwritable(self.path, exc) from exc
        self.records = []

    def forget(self, name: str) -> None:
        """Take a value out of every step, on the disk too; a crash leaves all or nothing of it."""
        if not any(name in record for record in self.records):
            return
        kept = [{k: v for k, v in record.items() if k != name} for record in self.records]
        self._opened().close()  # a file that is open is not replaced everywhere
        try:
            replace_whole(self.path, b"".join(map(_line, kept)))
            self._file = _open(self.path)
            self._file.seek(0, os.SEEK_END)
        except OSError as exc:
            raise _unwritable(self.path, exc) from exc
        self.records = kept

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            msg = "the journal is closed"
            raise RuntimeError(msg)
        return self._file

    def remove(self) -> None:
        """Delete the journal: nothing is left to go on with."""
        self.close(delete=True)

    def close(self, *, delete: bool = False) -> None:
        """Close the file and give up the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if delete:
            self.path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _open(path: Path) -> IO[bytes]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "r+b")


def _line(record: Record) -> bytes:
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii") + b"\n"


def _read(file: IO[bytes]) -> list[Record]:
    """Return the whole records, and cut off what a crash left after them."""
    data = file.read()
    records: list[Record] = []
    end = 0
    for line in data.splitlines(keepends=True):
        record = _record(line)
        if record is None:
            break
        records.append(record)
        end += len(line)
    if end < len(data):
        file.truncate(end)
    file.seek(end)
    return records


def _record(line: bytes) -> Record | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _lock(path: Path) -> IO[bytes]:
    """Return the lock file, held by this process until it is closed or the process ends."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        file.close()
        if exc.errno not in _BUSY:
            raise
        raise JournalBusyError(
            "the same command is running already", hint="wait until it ends, or stop it first"
        ) from exc
    return file


def _remove_old(folder: Path) -> None:
    limit = time.time() - _KEEP_S
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another send was quicker
            if path.suffix in {".jsonl", ".lock"} and path.stat().st_mtime < limit:
                path.unlink()


def _unwritable(path: Path, exc: OSError) -> EmixError:
    error = output_error(exc)
    if isinstance(error, NoSpaceError):
        return NoSpaceError("the disk is full", hint=f"free some space at {path.parent}")
    return OutputError(
        "the journal of this command cannot be written", hint=f"check the folder {path.parent}"
    )
