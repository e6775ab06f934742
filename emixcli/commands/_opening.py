"""How commands open a package: by access code, by own key, or by asking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from emixcli.package import PackageReader

_MAX_SECRET = 1024


def archive_password(password_file: Path | None, *, no_input: bool) -> Callable[[], bytes] | None:
    """Return what gives the password of an encrypted archive: a file, or the person; else None."""
    from emixcli.ui import prompts

    def ask() -> bytes:
        option = "--password-file"
        if password_file is not None:
            return read_secret(password_file, what="password", option=option).encode()
        return prompts.ask_secret("password of the archive", option=f"{option} FILE").encode()

    is_asked = prompts.is_interactive() and not no_input
    return ask if password_file is not None or is_asked else None


def read_secret(path: Path, *, what: str = "access code", option: str = "--code-file") -> str:
    """Return the first line of a file that holds a secret, with its blanks; - is standard input.

    Parameters
    ----------
    what, option
        Names of the secret and of the option that gave the file, for errors.

    Raises
    ------
    UsageError
        It cannot be read, or is empty.
    """
    import sys

    from emixcli.errors import UsageError

    try:
        if str(path) == "-":
            text = sys.stdin.readline(_MAX_SECRET)
        else:
            with path.open(encoding="utf-8-sig") as file:
                text = file.readline(_MAX_SECRET)
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(
            f"the file of the {what} cannot be read", hint=f"check the name given to {option}"
        ) from exc
    if not text.strip():
        raise UsageError(
            f"the file of the {what} is empty", hint=f"it holds the {what} as its first line"
        )
    return text.rstrip("\r\n")


def ask_passphrase(file: Path | None, *, repeat: bool, no_input: bool) -> str:
    """Return the passphrase of an export: from a file, or typed; twice where it is a new one."""
    from emixcli.container.slots import check_passphrase
    from emixcli.ui import prompts

    if file is not None:
        passphrase = read_secret(file, what="passphrase", option="--passphrase-file")
    else:
        passphrase = prompts.ask_secret(
            "passphrase", option="--passphrase-file FILE", repeat=repeat, no_input=no_input
        )
    if repeat:
        check_passphrase(passphrase)
    return passphrase


def open_file(path: Path, *, code_file: Path | None, no_input: bool = False) -> PackageReader:
    """Return an open package.

    Without a code the own key is tried, then a person is asked.

    Raises
    ------
    EmixError
        As `package.open_package`; `DeclinedError` where nobody can be asked.
    """
    from emixcli.container.identity import load_identity
    from emixcli.errors import NoMatchingKeyError
    from emixcli.package import load_head, open_package
    from emixcli.ui import prompts

    load_head(path)  # nobody is asked for the code of what is no package
    if code_file is not None:
        return open_package(path, code=read_secret(code_file))
    try:
        return open_package(path, identity=load_identity(create=False))
    except NoMatchingKeyError:
        pass
    code = prompts.ask_secret("access code", option="--code-file FILE", no_input=no_input)
    return open_package(path, code=code)
