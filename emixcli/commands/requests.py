"""`emix requests`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Verbose, number

if TYPE_CHECKING:
    from emixcli.exchange.request_terms import Invitation, RequestRecord


_STATES = ("", "open", "approved", "declined", "fulfilled", "expired")


def command(
    *,
    state: Annotated[
        str,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Those only that are open, approved, declined, fulfilled or expired.",
        ),
    ] = "",
    limit: Annotated[int, number("--limit", low=1, help="Show at most N requests.")] = 100,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """List requests for images: to one's organisation, and one's own; newest first.

    Then follow one's own invitations to ask, and what became of their mails. Whose images is
    not shown here: emix request show ID opens one.
    """
    del verbose
    from emixcli.commands._asking import invitation_json, record_json
    from emixcli.commands._exchange import access, first_of
    from emixcli.errors import UsageError
    from emixcli.exchange.connect import connect
    from emixcli.ui import output

    if state not in _STATES:
        raise UsageError(
            "this is not a state of a request", hint=f"one of {', '.join(_STATES[1:])}"
        )
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    records, more = first_of(exchange.requests.iter_all(state), limit)
    invitations = [] if state else [*exchange.requests.iter_invitations()]
    if json:
        requests = [record_json(record) for record in records]
        document = {"schema": "emix.requests/1", "requests": requests, "more": more}
        output.write_json(
            {**document, "invitations": [invitation_json(one) for one in invitations]}
        )
        return
    _show(records, more=more)
    if invitations:
        _show_invitations(invitations)


def _show(records: list[RequestRecord], *, more: bool) -> None:
    from emixcli.ui import console, output
    from emixcli.ui.times import time_text

    if records:
        head = ("request", "state", "asked", "from", "to", "purpose")
        rows = [
            (
                record.request_id,
                record.state,
                time_text(record.created),
                record.requester,
                "us" if record.is_received else record.organisation,
                record.purpose,
            )
            for record in records
        ]
        output.write_table(rows, head=head)
    else:
        console.note("no requests")
    if more:
        console.note("there are more: --limit N")


def _show_invitations(invitations: list[Invitation]) -> None:
    from emixcli.commands._exchange import NOT_SENT
    from emixcli.ui import output
    from emixcli.ui.times import time_text

    rows = [
        (
            one.invitation_id,
            one.email,
            NOT_SENT.get(one.mail, one.mail),
            time_text(one.used),
            time_text(one.expires),
        )
        for one in invitations
    ]
    output.write_line("")
    output.write_table(rows, head=("invitation", "to", "mail", "used", "expires"))
