"""`emix login`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut
from emixcli.commands._options import Json, NoInput, PasswordFile, Profile, Quiet, Verbose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emixcli.exchange.interface import Login

Url = Annotated[
    str | None,
    typer.Argument(metavar="URL", help="The exchange; the one in the settings by default."),
]
Email = Annotated[
    str | None, typer.Option("--email", metavar="ADDR", help="Mail address of the account.")
]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="WHERE",
        help="Keep the token in the system's keyring, or in a file that only you can read:"
        " keyring or file.",
    ),
]


def command(
    url: Url = None,
    *,
    email: Email = None,
    password_file: PasswordFile = None,
    store: Store = "keyring",
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
    no_input: NoInput = False,
    verbose: Verbose = 0,
) -> None:
    """Log in to an exchange and remember it.

    The token goes to the keyring. Where there is none, say so with --store file: it is never
    written in plain text otherwise.
    """
    del verbose
    from emixcli import config, credentials
    from emixcli.commands._exchange import access
    from emixcli.commands._opening import read_secret
    from emixcli.errors import UsageError
    from emixcli.exchange.connect import connect
    from emixcli.ui import prompts

    if store not in credentials.STORES:
        raise UsageError(
            "--store is neither keyring nor file", hint="--store file where there is no keyring"
        )
    exchange = connect(access(profile, url=url, ca_file=ca_file, timeout=timeout), login=False)
    _probe(
        store,
        [
            url or "",
            *_given(email=email, password_file=password_file, ca_file=ca_file, profile=profile),
        ],
    )
    address = email or prompts.ask("mail address", option="--email ADDR", no_input=no_input)
    password = (
        read_secret(password_file, what="password", option="--password-file")
        if password_file is not None
        else prompts.ask_secret("password", option="--password-file FILE", no_input=no_input)
    )
    found = exchange.login(address, password)
    credentials.remember(
        exchange.url,
        found.token,
        store=store,
        email=found.account.email,
        ca_file=ca_file,
        profile=profile,
    )
    if url is not None:
        config.save("exchange_url", exchange.url, profile=profile)
    _show(found, exchange.url, store, json=json, quiet=quiet)


def _given(**options: object) -> Iterator[str]:
    for name, value in options.items():
        if value is not None:
            yield from (f"--{name.replace('_', '-')}", str(value))


def _probe(store: str, given: Sequence[str]) -> None:
    """Refuse a store that does not work, and say the whole command that does."""
    import shlex

    from emixcli import credentials
    from emixcli.errors import AuthRequiredError

    try:
        credentials.probe_store(store)
    except AuthRequiredError as error:
        again = shlex.join(["emix", "login", *filter(None, given), "--store", "file"])
        raise AuthRequiredError(
            error.message,
            hint=f"{again} keeps the token in a file that only you can read; or give a token by"
            " EMIX_TOKEN_FILE",
        ) from error


def _show(found: Login, url: str, store: str, *, json: bool, quiet: bool) -> None:
    from emixcli import credentials
    from emixcli.ui import console, output
    from emixcli.ui.times import time_text

    account = found.account
    if json:
        document = {
            "schema": "emix.login/1",
            "exchange": url,
            "email": account.email,
            "name": account.name,
            "organisation": account.organisation,
            "role": account.role,
            "expires": found.expires or None,
            "store": store,
        }
        output.write_json(document)
        return
    where = str(credentials.path()) if store == credentials.FILE else "the keyring"
    console.note(f"logged in as {account.email} ({account.organisation})", quiet=quiet)
    console.note(f"the token is in {where}, valid until {time_text(found.expires)}", quiet=quiet)
