"""What a batch writes while it runs: access codes, and a journal for people and scripts."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import threading
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from emixcli.errors import OutputError, OutputExistsError
from emixcli.wholefile import output_error

if TYPE_CHECKING:
    from pathlib import Path

    from emixcli.services.batch_file import Row
    from emixcli.services.share import NewShare

_CODES_HEAD: Final = ("row", "ref", "recipient", "code")


class Codes:
    """The access codes of a batch, in a file that only its owner reads: row, ref, address, code.

    A code is there before its row is said to be done.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        try:
            handle = os.open(path, flags, 0o600)
        except OSError as exc:
            raise output_error(exc) from exc
        self._file = os.fdopen(handle, "r+", encoding="utf-8", newline="")
        try:
            self._known = self._read_known(path)
        except BaseException:
            self._file.close()
            raise

    def _read_known(self, path: Path) -> set[tuple[str, ...]]:
        """Return the lines of an earlier run; any other file is left alone."""
        if os.name == "posix" and os.fstat(self._file.fileno()).st_mode & 0o077:
            raise OutputError(
                f"{path.name} may be read by others", hint=f"chmod 600 {path.name}, or another name"
            )
        text = _whole_lines(cast("BinaryIO", self._file.buffer))
        self._file.seek(0, os.SEEK_END)
        lines = [tuple(line) for line in csv.reader(io.StringIO(text, newline=""))]
        if not lines:
            self._write(_CODES_HEAD)
        elif lines[0] != _CODES_HEAD:
            raise OutputExistsError(
                f"{path.name} exists and holds no access codes", hint="choose another --codes-out"
            )
        return set(lines)

    def add(self, row: Row, new: NewShare) -> None:
        """Note a code, unless it stands there, or none is needed."""
        if not new.code:
            return
        line = (str(row.number), row.ref, new.share.recipient, new.code)
        with self._lock:
            if line in self._known:
                return
            self._write(line)
            self._known.add(line)

    def _write(self, line: tuple[str, ...]) -> None:
        try:
            csv.writer(self._file).writerow(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as exc:
            raise output_error(exc) from exc

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Log:
    """The journal of a batch for people and scripts: a JSON object for each step, written at once.

    Without names, addresses and codes.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._file = path.open("a+b", buffering=0)
            _whole_lines(cast("BinaryIO", self._file))
        except OSError as exc:
            raise OutputError(
                "the journal of the batch cannot be written", hint="choose another --log"
            ) from exc

    def note(self, step: str, **fields: Any) -> None:
        """Write a line and make it durable."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = json.dumps({"time": now, "step": step, **fields}, ensure_ascii=False)
        try:
            with self._lock:
                self._file.write(line.encode(errors="replace") + b"\n")
                os.fsync(self._file.fileno())
        except OSError as exc:
            raise output_error(exc) from exc

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _whole_lines(file: BinaryIO) -> str:
    """Return the lines of a file, and cut off the half of one that a crash has left."""
    file.seek(0)
    data = file.read()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        file.truncate(end)
    return data[:end].decode("utf-8", "replace")
