"""`emix share`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import (
    CaFile,
    ConfirmTo,
    Expires,
    Hold,
    MaxDownloads,
    Purpose,
    TimeOut,
    To,
    TokenFile,
    Urgent,
)
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
    from emixcli.services.share import Shared, ShareOrder


def command(
    package_id: Annotated[str, typer.Argument(metavar="ID", help="An own package.")],
    *,
    to: To,
    purpose: Purpose,
    confirm_to: ConfirmTo = None,
    hold: Hold = None,
    max_downloads: MaxDownloads = None,
    expires: Expires = "",
    urgent: Urgent = False,
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
    from emixcli.commands._exchange import access
    from emixcli.commands._sharing import check_code_out, show_foreseen
    from emixcli.exchange.connect import connect
    from emixcli.services.recipients import Foreseen, judge_recipients
    from emixcli.services.share import Shared, ShareOrder, with_terms
    from emixcli.ui import prompts

    order = ShareOrder(tuple(to), purpose, hold, frozenset(confirm_to or ()))
    order = with_terms(order, max_opens=max_downloads, expires=expires, urgent=urgent)
    if not dry_run:
        check_code_out(code_out, json=json, resumed=True)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    if dry_run:
        exchange.package(package_id)
        _show(package_id, order, Shared([], []), json=json, dry_run=True)
        show_foreseen(order, Foreseen(judge_recipients(exchange, order), "exchange"), quiet=json)
        return
    people = ", ".join(order.recipients)
    prompts.confirm(
        f"share package {package_id} with {people} for {purpose}?",
        yes=yes,
        no_input=no_input,
        plain=f"share package {package_id} for {purpose} (recipients: {len(order.recipients)})?",
    )
    shared = _share(exchange, package_id, order, code_out, json=json, no_input=no_input)
    _show(package_id, order, shared, json=json)


def _share(
    exchange: HttpExchange,
    package_id: str,
    order: ShareOrder,
    code_out: Path | None,
    *,
    json: bool,
    no_input: bool,
) -> Shared:
    from emixcli.commands._sharing import check_code_out, confirm_addresses, hand_over, judge_order
    from emixcli.container.identity import load_identity
    from emixcli.services.journal import Journal, journal_key
    from emixcli.services.share import NewShare, fetch_key, share_package

    content = exchange.content(package_id)
    key = fetch_key(exchange, content, load_identity(create=False))
    request = [exchange.url, package_id, sorted(order.recipients), order.purpose]
    made: list[NewShare] = []
    with Journal("share", journal_key(request)) as journal:
        check_code_out(code_out, json=json, resumed=bool(journal.records))
        judged = judge_order(exchange, order, journal, no_input=no_input)
        order = confirm_addresses(order, judged, no_input=no_input)
        try:
            shared = share_package(
                exchange, key, order, package_id=package_id, journal=journal, on_share=made.append
            )
        finally:
            hand_over(made, code_out, named=len(order.recipients) > 1)
        if not shared.refused:
            journal.remove()
    return shared


def _show(
    package_id: str, order: ShareOrder, shared: Shared, *, json: bool, dry_run: bool = False
) -> None:
    """Show what was made.

    Raises
    ------
    PartialError
        Somebody got nothing.
    """
    from emixcli.commands._exchange import share_json, show_shares
    from emixcli.commands._sharing import refused_json, require_all
    from emixcli.ui import output
    from emixcli.ui.words import some

    shares = [new.share for new in shared.made]
    if json:
        document = {
            "schema": "emix.share/1",
            "package_id": package_id,
            "dry_run": dry_run,
            "recipients": list(order.recipients),
            "shares": [share_json(share) for share in shares],
            "refused": refused_json(shared.refused),
        }
        output.write_json(document)
    elif dry_run:
        output.write_line(
            f"would share with {some(len(order.recipients), 'recipient')}; nothing was done"
        )
    else:
        show_shares(shares)
    require_all(shared.made, shared.refused)
