"""What the commands of an exchange share: its directory, its settings, passwords of accounts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emixcli.server.settings import Settings

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="Data directory of the exchange.")]
BaseUrl = Annotated[
    str, typer.Option("--base-url", metavar="URL", help="Public address, used in links.")
]


def settings_of(data: Path) -> Settings:
    """Return the settings of the exchange in a directory."""
    from emixcli.server.settings import load_settings

    return load_settings(data.absolute())


def find_password(password_file: Path | None, *, no_input: bool) -> str:
    """Return the password of a file, stdin or a prompt; empty where one is to be made."""
    from emixcli.commands._opening import read_secret
    from emixcli.ui import prompts

    if password_file is not None:
        return read_secret(password_file, what="password", option="--password-file")
    if no_input or not prompts.is_interactive():
        return ""
    return prompts.ask_secret("password (empty: make one)", repeat=True)


def show_password(email: str, generated: str, *, quiet: bool = False) -> None:
    """Show a generated password, this once and never in JSON; else say that one is set."""
    from emixcli.ui import console

    if generated:
        console.tell(f"emix: password of {email}, shown only now: {generated}")
    elif not quiet:
        console.note(f"emix: the password of {email} is set")
