"""The secret that pseudonyms, new UIDs and date shifts are made from, kept in a file."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from emixcli.anonymize import KEY_LENGTH, new_key
from emixcli.errors import UsageError
from emixcli.services.secret_file import write_secret

_MARK = "emix-deid-key-1"
_LONGEST = 200


def make_key_file(path: Path) -> None:
    """Write a new key, mode 0600; the file must not exist.

    Raises
    ------
    OutputError
        It exists or cannot be written.
    """
    write_secret(path, f"{_MARK} {base64.b64encode(new_key()).decode()}")


def load_key_file(path: Path) -> bytes:
    """Return the key in a file.

    Raises
    ------
    UsageError
        It cannot be read or holds no key.
    """
    try:
        with path.open(encoding="ascii") as file:
            mark, _, text = file.read(_LONGEST).strip().partition(" ")
        key = base64.b64decode(text, validate=True)
    except FileNotFoundError as exc:
        raise UsageError(
            "the key file does not exist", hint="make one with emix anonymize --new-key FILE"
        ) from exc
    except (OSError, ValueError, binascii.Error) as exc:
        raise UsageError(
            "the key file holds no key for de-identification",
            hint="make one with emix anonymize --new-key FILE",
        ) from exc
    if mark != _MARK or len(key) != KEY_LENGTH:
        raise UsageError("the key file is damaged", hint="take the copy that was put away safely")
    return key
