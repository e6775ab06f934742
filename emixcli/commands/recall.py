"""`emix recall`."""

from __future__ import annotations

from typing import Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Quiet, Verbose


def command(
    share_id: Annotated[
        str, typer.Argument(metavar="ID", help="A share, or a package: all its held shares.")
    ],
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Take a share back before its mail has gone; afterwards use emix revoke.

    Nobody has been told anything then, and nobody will be.
    """
    del verbose
    from emixcli.commands._exchange import access, find_target, share_json
    from emixcli.errors import GoneError
    from emixcli.exchange.connect import connect
    from emixcli.services.share import live_shares
    from emixcli.ui import console, output

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    package, share = find_target(exchange, share_id)
    shares = [share] if share is not None else [s for s in package.shares if s.state == "held"]
    if not shares:
        hint = f"emix revoke {share_id} ends access" if live_shares(package.shares) else "emix list"
        raise GoneError("no mail of this package is held any more", hint=hint)
    recalled = [exchange.act_on_share(found.share_id, "recall") for found in shares]
    if json:
        document = {
            "schema": "emix.recall/1",
            "package_id": package.package_id,
            "shares": [share_json(found) for found in recalled],
        }
        output.write_json(document)
        return
    for found in recalled:
        console.note(
            f"share {found.share_id} for {found.recipient}: {found.state}, no mail sent",
            quiet=quiet,
        )
