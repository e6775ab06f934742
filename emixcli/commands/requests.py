"""`emix requests`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Verbose, number

if TYPE_CHECKING:
    from emixcli.exchange.request_terms import RequestRecord


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

    Whose images is not shown here: emix request show ID opens one.
    """
    del verbose
    import itertools

    from emixcli.commands._asking import record_json
    from emixcli.commands._exchange import access
    from emixcli.errors import UsageError
    from emixcli.exchange.connect import connect
    from emixcli.ui import output

    if state not in _STATES:
        raise UsageError(
            "this is not a state of a request", hint=f"one of {', '.join(_STATES[1:])}"
        )
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    found = [*itertools.islice(exchange.requests.iter_all(state), limit + 1)]
    records, more = found[:limit], len(found) > limit
    if json:
        requests = [record_json(record) for record in records]
        output.write_json({"schema": "emix.requests/1", "requests": requests, "more": more})
        return
    _show(records, more=more)


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
