"""Exchanges that keep the contract of `emixcli.exchange.interface`.

There is one so far: the real one, over HTTP. Another implementation joins by a line in EXCHANGES,
and passes the same suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emixcli.exchange.http import HttpExchange, HttpMailroom
from emixcli.exchange.interface import Exchange, Mailroom
from emixcli.exchange.retry import Patience
from emixcli.exchange.transport import Transport
from emixcli.server.settings import Settings
from emixcli.server.vault import SECRETS_NAME, create_vault
from tests.serving import ServerThread
from tests.unit.server.api import Recipient
from tests.unit.server.conftest import LIMITS, PASSWORD, add_people, quick_passwords

ONCE = Patience(tries=1)


@dataclass(frozen=True)
class Place:
    """One exchange: logged-in senders, links as recipients have them, and their mail codes."""

    sender: Exchange
    stranger: Exchange
    mailroom: Callable[[str], Mailroom]
    mail_code: Callable[[str], str]


@pytest.fixture
def http_place(tmp_path: Path) -> Iterator[Place]:
    create_vault(tmp_path / SECRETS_NAME)
    settings = Settings(data=tmp_path, listen="127.0.0.1:0", limits=LIMITS)
    add_people(settings)
    transports: list[Transport] = []

    def transport(url: str) -> Transport:
        transports.append(Transport(url))
        return transports[-1]

    with ServerThread(settings, passwords=quick_passwords()) as server:

        def login(email: str) -> Exchange:
            token = HttpExchange(transport(server.url)).login(email, PASSWORD).token
            return HttpExchange(transport(server.url), token=token, quick=ONCE, steady=ONCE)

        def mailroom(link: str) -> Mailroom:
            token = link.rpartition("/")[2]
            return HttpMailroom(transport(server.url), token, quick=ONCE, steady=ONCE)

        def mail_code(link: str) -> str:
            with Recipient(server.url, link, tmp_path) as recipient:
                return recipient.ask()

        yield Place(login("ct@a.example"), login("mr@a.example"), mailroom, mail_code)
        for one in transports:
            one.close()


EXCHANGES = ["http"]


@pytest.fixture(params=EXCHANGES)
def place(request: pytest.FixtureRequest) -> Place:
    """Every exchange that there is."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found
