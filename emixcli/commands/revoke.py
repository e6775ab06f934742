"""`emix revoke`."""

from __future__ import annotations

from typing import Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import DryRun, Json, NoInput, Profile, Quiet, Verbose, Yes


def command(
    target_id: Annotated[
        str, typer.Argument(metavar="ID", help="A share, or a package with all its shares.")
    ],
    *,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
    yes: Yes = False,
    no_input: NoInput = False,
    verbose: Verbose = 0,
) -> None:
    """End the access to a share, or to a package and remove its bytes from the exchange.

    Works at once and cannot be undone. What somebody has downloaded before stays with them.
    """
    del verbose
    from emixcli.commands._exchange import access, find_target, package_json
    from emixcli.exchange.connect import connect
    from emixcli.ui import console, output, prompts
    from emixcli.words import some

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    package, share = find_target(exchange, target_id)
    what = (
        f"the share for {share.recipient}"
        if share is not None
        else f"the package and its {some(len(package.shares), 'share')}"
    )
    if not dry_run:
        prompts.typed(f"revoke {what}?", target_id[-4:], yes=yes, no_input=no_input)
        if share is not None:
            exchange.act_on_share(share.share_id, "revoke")
        else:
            exchange.delete_package(package.package_id)
        package = exchange.package(package.package_id)
    if json:
        document = {
            "schema": "emix.revoke/1",
            "revoked": target_id,
            "dry_run": dry_run,
            **package_json(package),
        }
        output.write_json(document)
    elif dry_run:
        output.write_line(f"would revoke {what}; nothing was done")
    else:
        console.note(f"revoked: {what}", quiet=quiet)
