"""`emix inbox`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, number

if TYPE_CHECKING:
    from emixcli.exchange.inbox import Arrived


def command(
    *,
    limit: Annotated[int, number("--limit", low=1, help="Show at most N packages.")] = 100,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """List packages that others have sealed for your published key.

    emix download ID gets one: with the keys of this machine, without link and access code.
    """
    from emixcli.commands._exchange import access, first_of
    from emixcli.exchange.connect import connect
    from emixcli.exchange.inbox import iter_inbox
    from emixcli.ui import console, output

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    found, more = first_of(iter_inbox(exchange), limit)
    arrived = sorted(found, key=lambda one: one.notified)
    if json:
        packages = [_json(one) for one in arrived]
        output.write_json({"schema": "emix.inbox/1", "packages": packages, "more": more})
        return
    if not arrived:
        console.note("nothing has arrived")
        return
    _show(arrived)
    if more:
        console.note("there are more: --limit N")


def _show(arrived: list[Arrived]) -> None:
    from emixcli.ui import output
    from emixcli.ui.times import time_text
    from emixcli.words import size_text

    head = ("id", "from", "size", "purpose", "arrived", "expires", "state")
    rows = [
        (
            one.share_id,
            f"{one.sender_name}, {one.organisation}",
            size_text(one.size),
            f"{one.purpose}{' (urgent)' if one.urgent else ''}",
            time_text(one.notified),
            time_text(one.expires),
            one.state,
        )
        for one in arrived
    ]
    output.write_table(rows, head=head)


def _json(one: Arrived) -> dict[str, Any]:
    return {
        "share_id": one.share_id,
        "package_id": one.package_id,
        "size": one.size,
        "organisation": one.organisation,
        "sender_name": one.sender_name,
        "purpose": one.purpose,
        "urgent": one.urgent,
        "state": one.state,
        "arrived": one.notified or None,
        "expires": one.expires or None,
    }
