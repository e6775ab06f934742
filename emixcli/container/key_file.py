"""The file of the own keys: for its owner only, made once, replaced whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli.wholefile import create_whole, output_error, replace_whole

if TYPE_CHECKING:
    from emixcli.errors import EmixError


def create_key_file(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, mode 0600; a reader never sees half of it.

    Raises
    ------
    FileExistsError
        Another process was quicker.
    OutputError
        It cannot be written; none is left.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise _unwritable(exc) from exc
    try:
        create_whole(path, data)
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
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = _keep_old(path)
        replace_whole(path, data)
    except OSError as exc:
        raise _unwritable(exc) from exc
    return kept


def _keep_old(path: Path) -> Path | None:
    """Copy the key file to a name of its own: packages made with it open with nothing else."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    kept = path.with_name(f"identity-{hashlib.sha256(data).hexdigest()[:12]}.json")
    with contextlib.suppress(FileExistsError):
        create_whole(kept, data)
    return kept


def _unwritable(exc: OSError) -> EmixError:
    return output_error(
        exc,
        "the own key file cannot be written",
        hint="set EMIX_HOME to a folder that can be",
    )
