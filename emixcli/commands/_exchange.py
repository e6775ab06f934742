"""What commands that talk to an exchange share: options, and how packages and shares are shown."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from emixcli.commands._options import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from emixcli.exchange.connect import Access
    from emixcli.exchange.http import HttpExchange
    from emixcli.exchange.interface import Package, Share

_Item = TypeVar("_Item")
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help="Trust the authorities in this PEM file (also EMIX_CA_FILE); login remembers it.",
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="Read the account's token from FILE (also EMIX_TOKEN_FILE, or EMIX_TOKEN).",
    ),
]
TimeOut = Annotated[
    float | None,
    number(
        "--timeout",
        low=0.1,
        kind=float,
        metavar="SECONDS",
        help="Give up on an answer after this time; 20 s to connect, 90 s to answer.",
    ),
]
To = Annotated[
    list[str], typer.Option("--to", metavar="ADDR", help="Mail address; once per recipient.")
]
OptionalTo = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="ADDR", help="Mail address; once per recipient."),
]
ConfirmTo = Annotated[
    list[str] | None,
    typer.Option("--confirm-to", metavar="ADDR", help="The address of a new recipient once more."),
]
_PURPOSE = typer.Option(
    "--purpose",
    metavar="P",
    help="Purpose of use: treatment, payment, operations, patient-request, authorization,"
    " public-health, research, legal, test.",
)
Purpose = Annotated[str, _PURPOSE]
OptionalPurpose = Annotated[str | None, _PURPOSE]
ForRequest = Annotated[
    str,
    typer.Option(
        "--for-request",
        metavar="ID",
        help="Answer this request for images, which was approved: recipient and purpose are its"
        " own, and the patient must be the one who was asked for.",
    ),
]
AcceptDifference = Annotated[
    bool,
    typer.Option(
        "--accept-difference",
        help="Send although the examination, or the spelling of the patient, differs from the"
        " request; never for another patient.",
    ),
]
Hold = Annotated[
    int | None,
    number(
        "--hold",
        low=0,
        metavar="SECONDS",
        help="Hold the mail back; 120 s for a new address and 0 for a proven one by default.",
    ),
]

MaxDownloads = Annotated[
    int | None,
    number("--max-downloads", low=1, help="Each may open it N times at most."),
]
Expires = Annotated[
    str,
    typer.Option("--expires", metavar="TIME", help="The share ends after 7d, or 12h; 30d at most."),
]
Urgent = Annotated[
    bool, typer.Option("--urgent", help="Its mail goes before all others, and is marked so.")
]

#: What is said of the mail with a link that did not leave, or did not arrive.
NOT_SENT = {"blocked": "not sent: blocked", "failed": "not sent: its mail server refused it"}


def access(
    profile: str | None = None,
    *,
    ca_file: Path | None = None,
    token_file: Path | None = None,
    timeout: float | None = None,
    url: str | None = None,
) -> Access:
    """Return how to reach the exchange."""
    from emixcli.exchange.connect import Access

    return Access(profile, url, ca_file, token_file, timeout)


def share_json(share: Share) -> dict[str, Any]:
    """Return a share as all commands write it; never with its access code."""
    return {
        "share_id": share.share_id,
        "package_id": share.package_id,
        "recipient": share.recipient,
        "state": share.state,
        "link": share.link or None,
        "purpose": share.purpose,
        "hold_until": share.hold_until or None,
        "expires": share.expires or None,
        "mail": share.mail or None,
        "notified": share.notified or None,
        "verified": share.verified or None,
        "opened": share.opened or None,
        "downloaded": share.downloaded or None,
        "ended_at": share.ended_at or None,
        "by_key": share.by_key,
        "opens": share.opens,
        "max_opens": share.max_opens,
        "urgent": share.urgent,
    }


def package_json(package: Package) -> dict[str, Any]:
    """Return a package as all commands write it."""
    return {
        "package_id": package.package_id,
        "state": package.state,
        "size": package.size,
        "created": package.created or None,
        "expires": package.expires or None,
        "shares": [share_json(share) for share in package.shares],
    }


def show_shares(shares: Sequence[Share]) -> None:
    """Tell people about shares: the link is data, the rest is said."""
    from emixcli.ui import console, output

    for share in shares:
        output.write_line(share.link or share.share_id)
        console.note(f"share {share.share_id} for {share.recipient}: {_state(share)}")


def _state(share: Share) -> str:
    from emixcli.ui.times import is_future, time_text

    if share.state != "held":
        return share.state
    if is_future(share.hold_until):
        when = time_text(share.hold_until)
        return f"its mail leaves at {when}; until then emix recall {share.share_id} takes it back"
    return "its mail is on the way"


def first_of(items: Iterable[_Item], limit: int) -> tuple[list[_Item], bool]:
    """Return the first items of a list, and whether there are more."""
    found = [*itertools.islice(items, limit + 1)]
    return found[:limit], len(found) > limit


def find_target(exchange: HttpExchange, target_id: str) -> tuple[Package, Share | None]:
    """Return an own package, and the share where the id is that of a share.

    Raises
    ------
    NotFoundError
        There is neither.
    """
    from emixcli.errors import NotFoundError

    try:
        return exchange.package(target_id), None
    except NotFoundError:
        pass
    try:
        share = exchange.share(target_id)
    except NotFoundError as exc:
        raise NotFoundError(
            "no package or share of this account has this id", hint="emix list shows the packages"
        ) from exc
    return exchange.package(share.package_id), share
