"""`emix whoami`."""

from __future__ import annotations

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Verbose


def command(
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """Show the account that is logged in, as the exchange knows it."""
    del verbose
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.ui import output

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    account = exchange.account()
    if json:
        output.write_json(
            {
                "schema": "emix.whoami/1",
                "exchange": exchange.url,
                "email": account.email,
                "name": account.name,
                "organisation": account.organisation,
                "role": account.role,
            }
        )
        return
    output.write_line(account.email)
    output.write_line(f"{account.name}, {account.organisation} ({account.role})")
    output.write_line(exchange.url)
