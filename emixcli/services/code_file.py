"""Writes an access code to a file that only its owner reads."""

from __future__ import annotations

import os
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
        It cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as exc:
        raise OutputExistsError("the file for the access code exists already") from exc
    except OSError as exc:
        raise output_error(exc) from exc
    done = False
    try:
        with os.fdopen(handle, "w", encoding="ascii", newline="\n") as file:
            file.write(code + "\n")
            file.flush()
            os.fsync(file.fileno())
        done = True
    except OSError as exc:
        raise output_error(exc) from exc
    finally:
        if not done:
            path.unlink(missing_ok=True)
