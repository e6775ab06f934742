"""The secret that pseudonyms, new UIDs and date shifts are made from: in a file or the keyring."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from emixcli import config, credentials
from emixcli.anonymize import KEY_LENGTH, new_key
from emixcli.errors import OutputExistsError, UsageError
from emixcli.services.secret_file import replace_secret, write_secret
from emixcli.services.targets import check_new

_MARK = "emix-deid-key-1"
_LONGEST = 200
_OTHERS = 0o077
#: Names only: keyrings do not list what they keep.
_NAMES = "pseudonyms.json"
_IN_A_FILE = (
    "keep the key in a file that only you can read: emix anonymize --new-key FILE makes one,"
    " --key-file FILE takes it"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def make_key_file(path: Path) -> None:
    """Write a new key, mode 0600; the file must not exist.

    Raises
    ------
    OutputError
        It exists or cannot be written.
    """
    try:
        write_secret(path, _text(new_key()))
    except OutputExistsError as exc:
        raise _exists(path) from exc


def check_new_key(path: Path, sources: Sequence[str]) -> None:
    """Refuse a place for a new key as `targets.check_new` does."""
    try:
        check_new(path, sources)
    except OutputExistsError as exc:
        raise _exists(path) from exc


def _exists(path: Path) -> OutputExistsError:
    return OutputExistsError(
        f"{path.name} exists already",
        hint="a key there goes on with --key-file; for a new one choose another name. Never"
        " remove a key: what comes later would not fit to what it made",
    )


def load_key_file(path: Path) -> bytes:
    """Return the key in a file.

    Raises
    ------
    UsageError
        It cannot be read, holds no key, or may be read by others.
    """
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_LONGEST)
    except FileNotFoundError as exc:
        raise UsageError(
            "the key file does not exist",
            hint="check its name: another key gives other pseudonyms; the first of a study is made"
            " by --new-key FILE",
        ) from exc
    except OSError as exc:
        raise UsageError(
            "the key file cannot be read",
            hint="check that it is this file, and that you may read it (ls -l); another key"
            " gives other pseudonyms",
        ) from exc
    except ValueError as exc:
        raise _no_key() from exc
    key = _parse(text)
    if os.name == "posix" and mode & _OTHERS:
        raise UsageError(
            "the key file may be read by others on this machine",
            hint="chmod 600 it; where that cannot be, keep the key in the keyring:"
            " emix pseudonyms import NAME FILE",
        )
    return key


def _text(key: bytes) -> str:
    return f"{_MARK} {base64.b64encode(key).decode()}"


def _parse(text: str) -> bytes:
    mark, _, body = text.strip().partition(" ")
    try:
        key = base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error) as exc:
        raise (_damaged() if mark == _MARK else _no_key()) from exc
    if mark != _MARK or len(key) != KEY_LENGTH:
        raise (_damaged() if mark == _MARK else _no_key())
    return key


def _damaged() -> UsageError:
    return UsageError("the key is damaged", hint="take the copy that was put away safely")


def _no_key() -> UsageError:
    return UsageError(
        "the file holds no key for de-identification",
        hint="check its name: the key of a study is one line that begins with"
        f" {_MARK}; another key gives other pseudonyms",
    )


# -- in the keyring -------------------------------------------------------------------------------


def names() -> list[str]:
    """Return the names of the keys that this user has put into the keyring.

    Raises
    ------
    UsageError
        The list cannot be read.
    """
    try:
        found = json.loads(_list().read_text("ascii"))["names"]
        return sorted(str(name) for name in found)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise UsageError(
            "the list of keys cannot be read",
            hint=f"remove {_list()}; the keys themselves stay in the keyring",
        ) from exc


def make_kept_key(name: str) -> None:
    """Put a new key into the keyring.

    Raises
    ------
    OutputExistsError
        There is one of this name: it is never replaced.
    UsageError
        The name is unfit, or there is no keyring.
    """
    keep_key(name, new_key())


def keep_key(name: str, key: bytes) -> None:
    """Put a key into the keyring; raises as `make_kept_key` does."""
    _check(name)
    if name in names() or credentials.find_secret(_entry(name), instead=_IN_A_FILE) is not None:
        raise OutputExistsError(
            "there is a key of this name in the keyring", hint="choose another name"
        )
    credentials.keep_secret(_entry(name), _text(key), instead=_IN_A_FILE)
    _save([*names(), name])


def load_kept_key(name: str) -> bytes:
    """Return a key in the keyring.

    Raises
    ------
    UsageError
        There is none of this name, or no keyring.
    """
    _check(name)
    text = credentials.find_secret(_entry(name), instead=_IN_A_FILE)
    if text is None:
        raise UsageError(
            "there is no key of this name in the keyring",
            hint="emix pseudonyms list shows the names, emix pseudonyms new NAME makes a key;"
            " for one in a file: --key-file FILE, or --new-key FILE to make it",
        )
    return _parse(text)


def export_key(name: str, path: Path) -> None:
    """Write a key of the keyring to a new key file, mode 0600; raises as the others do."""
    write_secret(path, _text(load_kept_key(name)))


def forget_key(name: str) -> None:
    """Remove a key from the keyring; raises as `load_kept_key` does."""
    load_kept_key(name)
    credentials.forget_secret(_entry(name), instead=_IN_A_FILE)
    _save([other for other in names() if other != name])


def _check(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            "this is no name for a key",
            hint="letters, digits, dots, dashes and underscores, at most 64, such as trial-7",
        )


def _entry(name: str) -> str:
    return f"pseudonyms {name}"


def _list() -> Path:
    return config.home() / _NAMES


def _save(found: list[str]) -> None:
    path = _list()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_secret(path, json.dumps({"v": 1, "names": sorted(set(found))}))
