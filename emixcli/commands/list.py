"""`emix list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Verbose, number

if TYPE_CHECKING:
    from emixcli.exchange.interface import Package


def command(
    *,
    limit: Annotated[int, number("--limit", low=1, help="Show at most N packages.")] = 100,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """List own packages on the exchange, newest first."""
    del verbose
    from emixcli.commands._exchange import access, first_of, package_json
    from emixcli.exchange.connect import connect
    from emixcli.ui import output

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    packages, more = first_of(exchange.iter_packages(), limit)
    if json:
        document = {
            "schema": "emix.list/1",
            "packages": [package_json(package) for package in packages],
            "more": more,
        }
        output.write_json(document)
        return
    _show(packages, more=more)


def _show(packages: list[Package], *, more: bool) -> None:
    from emixcli.ui import console, output
    from emixcli.ui.times import time_text
    from emixcli.words import size_text

    if packages:
        head = ("package", "state", "size", "created", "expires", "shares")
        rows = [
            (
                package.package_id,
                package.state,
                size_text(package.size),
                time_text(package.created),
                time_text(package.expires),
                " ".join(f"{share.recipient}:{share.state}" for share in package.shares),
            )
            for package in packages
        ]
        output.write_table(rows, head=head)
    else:
        console.note("no packages")
    if more:
        console.note("there are more: --limit N")
