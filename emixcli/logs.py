"""The log file: what ran, and where it failed, without any patient data.

Our own messages hold counts, codes and our own ids. Libraries put attribute values into their
messages and warnings (`Invalid value for VR DA: '…'`): of those only the kind is kept.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import TextIO

from emixcli import config

_MAX_SIZE = 1_000_000
_KEEP = 3
_OURS = "emixcli"
_BEGUN = time.monotonic()


@functools.cache
def run_id() -> str:
    """Return a random name of this run, shown in errors and in each line of the log."""
    return os.urandom(4).hex()


def log_path() -> Path:
    """Return where the log is, whether or not it exists."""
    return config.state_dir() / "emix.log"


def start() -> None:
    """Send the log of this process to the file, and the text of libraries nowhere."""
    root = logging.getLogger()
    if not any(isinstance(handler, _LogFile) for handler in root.handlers):
        handler = _LogFile(log_path())
        handler.setFormatter(_Formatter())
        root.addHandler(handler)
        root.setLevel(logging.INFO)
    warnings.showwarning = _log_warning


def end(command: str, code: int) -> None:
    """Log how a command ended, and how long the process took."""
    logger = logging.getLogger(_OURS)
    logger.info("emix %s ended with %d after %.1f s", command, code, time.monotonic() - _BEGUN)


def set_verbosity(level: int) -> None:
    """Show the log on standard error too: 1 for steps, 2 and more for everything of ours."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(brief=True))
    ours = logging.getLogger(_OURS)
    ours.addHandler(handler)
    ours.setLevel(logging.INFO if level == 1 else logging.DEBUG)


def write_traceback(exc: BaseException) -> Path | None:
    """Write the frames of `exc` to the log and return its path, None where that cannot be.

    Neither the text of the exceptions nor any local value is written.
    """
    lines = []
    seen: set[int] = set()
    error: BaseException | None = exc
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        lines.append(type(error).__qualname__)
        lines += [
            f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        error = error.__cause__ or error.__context__
    path = log_path()
    try:
        with _open(path) as file:
            file.write(f"{run_id()} internal error\n" + "\n".join(lines) + "\n")
    except OSError:
        return None
    return path


class _Formatter(logging.Formatter):
    """One line per record; records of libraries lose their text."""

    def __init__(self, *, brief: bool = False) -> None:
        super().__init__()
        self._brief = brief

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name == _OURS or record.name.startswith(f"{_OURS}.")
        text = record.getMessage() if ours else f"{record.module}:{record.lineno} (text dropped)"
        if self._brief:
            return f"emix: {text}"
        when = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
        kind = f" {record.exc_info[0].__name__}" if record.exc_info and record.exc_info[0] else ""
        return f"{when} {run_id()} {record.levelname} {record.name}: {text}{kind}"


class _LogFile(logging.Handler):
    """Appends to the log, which is opened by the first record and not before."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._file: TextIO | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._file is None:
                self._file = _open(self._path)
            self._file.write(self.format(record) + "\n")
            self._file.flush()
        except OSError:
            # A log that cannot be written must not end the command; `emix doctor` tells.
            self._file = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


def _open(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _MAX_SIZE:
        for number in range(_KEEP, 1, -1):
            older = path.with_suffix(f".log.{number - 1}")
            if older.exists():
                older.replace(path.with_suffix(f".log.{number}"))
        path.replace(path.with_suffix(".log.1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", 1, "utf-8")


def _short(filename: str) -> str:
    parts = Path(filename).parts
    if "site-packages" in parts:
        return "/".join(parts[parts.index("site-packages") + 1 :])
    return "/".join(parts[-3:])


def _log_warning(  # noqa: PLR0917 - the signature of warnings.showwarning
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Keep the kind and place of a library's warning; its text may hold attribute values."""
    del message, file, line
    logging.getLogger(f"{_OURS}.warnings").info(
        "%s at %s:%d", category.__name__, _short(filename), lineno
    )
