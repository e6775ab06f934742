"""Files that only their owner reads: access codes, exported keys, forms of requests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from emixcli.errors import OutputExistsError
from emixcli.wholefile import create_whole, output_error, replace_whole


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
        create_whole(path, data)
    except FileExistsError as exc:
        raise OutputExistsError(
            f"{path.name} exists already", hint="choose another name or remove it first"
        ) from exc
    except OSError as exc:
        raise output_error(exc) from exc


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
    try:
        replace_whole(path, f"{text}\n".encode("ascii"))
    except OSError as exc:
        raise output_error(exc) from exc
