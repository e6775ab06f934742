"""`emix share`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, ConfirmTo, Hold, Purpose, TimeOut, To, TokenFile
from emixcli.commands._options import (
    CodeOut,
    DryRun,
    Json,
    NoInput,
    Profile,
    Quiet,
    Verbose,
    Yes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from emixcli.exchange.http import HttpExchange
    from emixcli.services.share import NewShare, ShareOrder


def command(
    package_id: Annotated[str, typer.Argument(metavar="ID", help="An own package.")],
    *,
    to: To,
    purpose: Purpose,
    confirm_to: ConfirmTo = None,
    hold: Hold = None,
    code_out: CodeOut = None,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    yes: Yes = False,
    no_input: NoInput = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Share an uploaded package with further recipients, each with an access code of their own.

    Works where the package was made: its key is opened with the keys of this machine. Stopped and
    started again, nobody gets a second mail.
    """
    del verbose, quiet
    from emixcli.commands._exchange import access, check_code_out, share_json, show_shares
    from emixcli.exchange.connect import connect
    from emixcli.services.share import ShareOrder, check_order
    from emixcli.ui import output, prompts

    order = check_order(ShareOrder(tuple(to), purpose, hold, frozenset(confirm_to or ())))
    if not dry_run:
        check_code_out(code_out, json=json)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    made: list[NewShare] = []
    if not dry_run:
        people = ", ".join(order.recipients)
        prompts.confirm(
            f"share package {package_id} with {people} for {purpose}?", yes=yes, no_input=no_input
        )
        made = _share(exchange, package_id, order, code_out, no_input=no_input)
    else:
        exchange.package(package_id)
    shares = [new.share for new in made]
    if json:
        document = {
            "schema": "emix.share/1",
            "package_id": package_id,
            "dry_run": dry_run,
            "recipients": list(order.recipients),
            "shares": [share_json(share) for share in shares],
        }
        output.write_json(document)
    elif dry_run:
        output.write_line(f"would share with {len(order.recipients)} recipients; nothing was done")
    else:
        show_shares(shares)


def _share(
    exchange: HttpExchange,
    package_id: str,
    order: ShareOrder,
    code_out: Path | None,
    *,
    no_input: bool,
) -> list[NewShare]:
    from dataclasses import replace

    from emixcli.commands._exchange import confirmed_addresses, hand_over
    from emixcli.container.identity import load_identity
    from emixcli.services.journal import Journal, journal_key
    from emixcli.services.share import fetch_key, proven_addresses, share_package
    from emixcli.ui import prompts

    content = exchange.content(package_id)
    key = fetch_key(exchange, content, load_identity(create=False))
    if prompts.is_interactive():
        proven = proven_addresses(exchange)
        confirmed = confirmed_addresses(
            order.recipients, list(order.confirmed), proven=proven, no_input=no_input
        )
        order = replace(order, confirmed=confirmed)
    request = [exchange.url, package_id, sorted(order.recipients), order.purpose]
    made: list[NewShare] = []
    with Journal("share", journal_key(request)) as journal:
        try:
            share_package(
                exchange, key, order, package_id=package_id, journal=journal, on_share=made.append
            )
        finally:
            hand_over(made, code_out)
        journal.remove()
    return made
