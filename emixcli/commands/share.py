"""`emix share`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

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
    from collections.abc import Sequence
    from pathlib import Path

    from emixcli.exchange.http import HttpExchange
    from emixcli.exchange.interface import Share
    from emixcli.services.share import Shared, ShareOrder


class _Manner(NamedTuple):
    """Where codes go, whether anew, and how the person is spoken to."""

    code_out: Path | None
    again: bool
    json: bool
    yes: bool
    no_input: bool


def command(
    package_id: Annotated[str, typer.Argument(metavar="ID", help="An own package.")],
    *,
    to: To,
    purpose: Purpose,
    again: Annotated[
        bool, typer.Option("--again", help="Share even with those who have a share already.")
    ] = False,
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
    started again, nobody gets a second mail; nor do those who can get the package already, without
    --again.
    """
    del verbose, quiet
    from emixcli.commands._exchange import access
    from emixcli.commands._sharing import check_code_out, show_foreseen
    from emixcli.exchange.connect import connect
    from emixcli.services.recipients import Foreseen, judge_recipients
    from emixcli.services.share import Shared, ShareOrder, with_terms

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
    manner = _Manner(code_out, again, json, yes, no_input)
    shared, earlier = _share(exchange, package_id, order, manner)
    _show(package_id, order, shared, earlier, json=json)


def _share(
    exchange: HttpExchange, package_id: str, order: ShareOrder, manner: _Manner
) -> tuple[Shared, list[Share]]:
    """Share with those who have no share yet; return what was made, and the shares of the others.

    Those of an earlier run of the same command that came to no end are made to the end.
    """
    from emixcli.commands._sharing import check_code_out, confirm_addresses, hand_over, judge_order
    from emixcli.container.identity import load_identity
    from emixcli.services.journal import Journal, journal_key
    from emixcli.services.share import (
        NewShare,
        Shared,
        earlier_shares,
        fetch_key,
        share_package,
        without,
    )

    package = exchange.package(package_id)
    request = [exchange.url, package_id, sorted(order.recipients), order.purpose]
    made: list[NewShare] = []
    with Journal("share", journal_key(request)) as journal:
        earlier = [] if manner.again else earlier_shares(order, package.shares, journal)
        order = without(order, earlier)
        try:
            if not order.recipients:
                return Shared([], []), earlier
            _confirm(package_id, order, manner)
            key = fetch_key(exchange, exchange.content(package_id), load_identity(create=False))
            check_code_out(manner.code_out, json=manner.json, resumed=bool(journal.records))
            judged = judge_order(exchange, order, journal, no_input=manner.no_input)
            order = confirm_addresses(order, judged, no_input=manner.no_input)
            try:
                shared = share_package(
                    exchange, key, order, package_id=package_id, journal=journal,
                    on_share=made.append,
                )  # fmt: skip
            finally:
                hand_over(made, manner.code_out, named=len(order.recipients) > 1)
            if not shared.refused:
                journal.remove()
        finally:
            if not journal.records:
                journal.remove()
    return shared, earlier


def _confirm(package_id: str, order: ShareOrder, manner: _Manner) -> None:
    from emixcli.ui import prompts

    prompts.confirm(
        f"share package {package_id} with {', '.join(order.recipients)} for {order.purpose}?",
        yes=manner.yes,
        no_input=manner.no_input,
        plain=f"share package {package_id} for {order.purpose}"
        f" (recipients: {len(order.recipients)})?",
    )


def _show(
    package_id: str,
    order: ShareOrder,
    shared: Shared,
    earlier: Sequence[Share] = (),
    *,
    json: bool,
    dry_run: bool = False,
) -> None:
    """Show what was made, and what was there.

    Raises
    ------
    PartialError
        Somebody got nothing.
    """
    from emixcli.commands._exchange import share_json, show_shares
    from emixcli.commands._sharing import refused_json, require_all
    from emixcli.ui import console, output
    from emixcli.words import some

    shares = [*earlier, *(new.share for new in shared.made)]
    if json:
        document = {
            "schema": "emix.share/1",
            "package_id": package_id,
            "dry_run": dry_run,
            "recipients": list(order.recipients),
            "already_shared": [share.share_id for share in earlier],
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
        for share in earlier:
            console.note(
                f"{share.recipient} has it by this share from before; nothing was sent again"
                f" (--again does). For a new access code: emix revoke {share.share_id} first"
            )
    require_all(shared.made, shared.refused)
