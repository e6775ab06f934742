"""Writes access codes to a file that only its owner reads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from emixcli.container.sink import output_error
from emixcli.errors import OutputExistsError


def write_code(path: Path, code: str) -> None:
    """Write one line, mode 0600; the file must not exist.

    Raises
    ------
    OutputExistsError
        It exists.
    OutputError
        It cannot be written; none is left behind.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as exc:
        raise OutputExistsError(
            "the file for the access code exists already", hint="choose another name for --code-out"
        ) from exc
    except OSError as exc:
        raise output_error(exc) from exc
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            file.write(code + "\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException as exc:
        path.unlink(missing_ok=True)
        if isinstance(exc, OSError):
            raise output_error(exc) from exc
        raise


@contextlib.contextmanager
def code_written(path: Path | None, code: str | None) -> Iterator[None]:
    """Write as `write_code`, where there are both; the file goes away where the block fails."""
    if path is None or code is None:
        yield
        return
    write_code(path, code)
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def replace_code(path: Path, code: str) -> None:
    """Write as `write_code`, over a file of an earlier run.

    Raises
    ------
    OutputError
        It cannot be written; an earlier file stays as it was.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        write_code(partial, code)
        partial.replace(path)
    except OSError as exc:
        raise output_error(exc) from exc
