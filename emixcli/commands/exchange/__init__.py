"""`emix exchange`: run and look after an exchange."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from emixcli.commands._options import Json, Verbose
from emixcli.commands.exchange import users
from emixcli.commands.exchange.installation import BaseUrl, Dir, settings_of
from emixcli.commands.exchange.setting_up import init

app = typer.Typer(help="Run and look after an exchange.")
app.command("init")(init)

EXAMPLES = {
    "init": "emix exchange init /srv/emix --email it@hospital.example",
    "serve": "emix exchange serve /srv/emix",
    "purge": "emix exchange purge /srv/emix",
    "check": "emix exchange check /srv/emix --full",
    "user add": "emix exchange user add /srv/emix ct@a.example --name CT --organisation Hospital",
    "user list": "emix exchange user list /srv/emix",
    "user disable": "emix exchange user disable /srv/emix ct@a.example",
    "user passwd": "emix exchange user passwd /srv/emix ct@a.example",
}


@app.command("serve")
def serve(
    data: Dir,
    *,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen; port 0: any.")
    ] = "",
    base_url: BaseUrl = "",
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front does TLS.")
    ] = False,
    verbose: Verbose = 0,
    json: Json = False,
) -> None:
    """Serve until stopped; goes on where it was, also after a crash."""
    import logging

    from emixcli.server import run
    from emixcli.ui import console, output

    settings = settings_of(data)
    settings = dataclasses.replace(
        settings,
        listen=listen or settings.listen,
        base_url=base_url or settings.base_url,
        behind_proxy=settings.behind_proxy or behind_proxy,
    )
    run.configure_logging(logging.INFO if verbose else logging.WARNING)

    def on_ready(url: str) -> None:
        if json:
            output.write_json({"schema": "emix.exchange-serve/1", "url": url})
        console.note(f"emix: exchange ready at {url}")

    run.serve(settings, on_ready)


@app.command("purge")
def purge(data: Dir, *, json: Json = False) -> None:
    """End what has expired and remove its bytes now, and bytes that belong to nothing."""
    from emixcli.server.app import opened_exchange
    from emixcli.server.housekeeping import purge_now
    from emixcli.ui import output

    with opened_exchange(settings_of(data)) as exchange:
        counts = purge_now(exchange)
    if json:
        output.write_json({"schema": "emix.exchange-purge/1", **counts})
    else:
        words = ", ".join(f"{n} {name}" for name, n in counts.items())
        output.write_line(words)


@app.command("check")
def check(
    data: Dir,
    *,
    full: Annotated[bool, typer.Option("--full", help="Read and hash every stored byte.")] = False,
    json: Json = False,
) -> None:
    """Verify the database, the audit chains and the stored files; 3 when something is wrong."""
    from emixcli.errors import PartialError
    from emixcli.server.app import opened_exchange
    from emixcli.server.check import check_exchange
    from emixcli.ui import output
    from emixcli.words import some

    with opened_exchange(settings_of(data)) as exchange:
        problems = list(check_exchange(exchange, full=full))
    if json:
        output.write_json({"schema": "emix.exchange-check/1", "problems": problems})
    else:
        for problem in problems:
            output.write_line(problem)
    if problems:
        message = f"{some(len(problems), 'problem')} found"
        raise PartialError(
            message, hint="restore what is missing from a backup, or have it sent again"
        )
    if not json:
        output.write_line("everything is in order")


app.add_typer(users.app, name="user")
