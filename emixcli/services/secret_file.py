"""Files that only their owner reads: access codes, exported keys, forms of requests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from emixcli.container.sink import output_error
from emixcli.errors import OutputExistsError


def write_secret(path: Path, text: str) -> None:
    """Write one line, mode 0600; raises as `write_private`."""
    write_private(path, f"{text}\n".encode("ascii"))


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600; it must not exist.

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
            f"{path.name} exists already", hint="choose another name or remove it first"
        ) from exc
    except OSError as exc:
        raise output_error(exc) from exc
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as exc:
        path.unlink(missing_ok=True)
        if isinstance(exc, OSError):
            raise output_error(exc) from exc
        raise


@contextlib.contextmanager
def secret_written(path: Path | None, text: str | None) -> Iterator[None]:
    """Write as `write_secret`, where there are both; the file goes away where the block fails."""
    if path is None or text is None:
        yield
        return
    write_secret(path, text)
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def replace_secret(path: Path, text: str) -> None:
    """Write as `write_secret`, over a file of an earlier run.

    Raises
    ------
    OutputError
        It cannot be written; an earlier file stays as it was.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        write_secret(partial, text)
        partial.replace(path)
    except OSError as exc:
        raise output_error(exc) from exc
