"""What an exchange offers to recipients with an account: their key, and their inbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from emixcli.exchange import bodies
from emixcli.exchange.bodies import not_understood
from emixcli.exchange.paging import iter_items, page_query

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange
    from emixcli.exchange.interface import Content

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Arrived:
    """A package that somebody has sealed for the own key."""

    share_id: str
    package_id: str
    size: int
    organisation: str
    sender_name: str
    purpose: str
    urgent: bool
    state: str
    notified: str
    expires: str


def publish_key(exchange: HttpExchange, public_key: str) -> None:
    """Make a key that of the own account; others may seal packages for it."""
    exchange.ask("PUT", "/v1/keys/own", {"public_key": public_key})


def withdraw_key(exchange: HttpExchange) -> None:
    """Take the published key back."""
    exchange.ask("DELETE", "/v1/keys/own")


def iter_inbox(exchange: HttpExchange) -> Iterator[Arrived]:
    """Yield what has arrived."""

    def fetch(cursor: str) -> Mapping[str, Any]:
        return exchange.ask("GET", "/v1/inbox" + page_query(limit=_PAGE, cursor=cursor))

    yield from map(_arrived, iter_items(fetch, "inbox"))


def open_inbox(exchange: HttpExchange, share_id: str) -> Content:
    """Return where the bytes are, and the sealed key as its slot."""
    # Each opening counts against a limit of the sender: it is not repeated by itself.
    path = f"/v1/inbox/{quote(share_id, safe='')}:open"
    return bodies.opened(exchange.ask_once("POST", path, {}))


def _arrived(item: Mapping[str, Any]) -> Arrived:
    try:
        texts = {
            name: str(item[name] or "")
            for name in (
                "share_id", "package_id", "organisation", "sender_name", "purpose", "state",
                "notified", "expires",
            )
        }  # fmt: skip
        return Arrived(**texts, size=int(item["size"]), urgent=item["urgent"] is True)
    except (KeyError, TypeError, ValueError) as exc:
        raise not_understood() from exc
