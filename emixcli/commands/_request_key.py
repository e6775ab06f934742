"""`emix request key`: who of one's organisation can open requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile

if TYPE_CHECKING:
    from emixcli.exchange.request_terms import Readers

app = typer.Typer(help="Who of the organisation can open requests.", no_args_is_help=True)


@app.command("publish")
def publish(
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Have requests to one's organisation sealed for the keys of this machine, too.

    From the first reader on the organisation takes requests. Those that were made before stay
    closed to a new reader.
    """
    from emixcli.commands._exchange import access
    from emixcli.container.identity import load_identity
    from emixcli.exchange.connect import connect

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    key = load_identity().public.to_json().decode("ascii")
    _show(exchange.requests.publish_key(key), json=json)


@app.command("list")
def list_(
    *,
    of: Annotated[
        str, typer.Option("--of", metavar="NAME", help="Of another organisation, by its name.")
    ] = "",
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show whom requests are sealed for; compare the fingerprints by telephone."""
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    _show(exchange.requests.readers(of), json=json)


@app.command("withdraw")
def withdraw(
    fingerprint: Annotated[
        str, typer.Argument(metavar="FINGERPRINT", help="As emix request key list shows it.")
    ],
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Take a key back: one's own, or as administrator that of a colleague."""
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    exchange.requests.withdraw_key(fingerprint.replace(" ", "").lower())
    _show(exchange.requests.readers(), json=json)


def _show(readers: Readers, *, json: bool) -> None:
    from emixcli.ui import console, output
    from emixcli.words import groups

    if json:
        keys = [{"fingerprint": k.fingerprint, "email": k.email or None} for k in readers.keys]
        document = {"schema": "emix.request-keys/1", "organisation": readers.organisation}
        output.write_json({**document, "keys": keys})
        return
    if not readers.keys:
        console.note("nobody reads requests of this organisation yet: emix request key publish")
    for key in readers.keys:
        output.write_line(f"{groups(key.fingerprint)}  {key.email}".rstrip())
