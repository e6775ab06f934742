"""Lists end, whatever cursors an exchange gives."""

from __future__ import annotations

import http.server
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emixcli.errors import ExchangeServerError
from emixcli.exchange import paging
from emixcli.exchange.auditing import AuditFilter, iter_audit
from emixcli.exchange.contacts import iter_contacts
from emixcli.exchange.disclosures import iter_disclosures
from emixcli.exchange.http import HttpExchange
from emixcli.exchange.inbox import iter_inbox
from emixcli.exchange.transport import Transport

TIMES = dict.fromkeys(("created", "expires", "notified", "at"), "2026-01-01T00:00:00Z")
WORDS = dict.fromkeys(
    (
        "request_id", "package_id", "share_id", "state", "purpose", "organisation", "requester",
        "sender_name", "email", "recipient", "sealed",
    ),
    "x",
)  # fmt: skip
ITEM = {**TIMES, **WORDS, "size": 1, "urgent": False}
ROW = {
    "seq": 1,
    "at_ms": 0,
    "actor": "x",
    "action": "x",
    "subject": "x",
    "detail": "{}",
    "hash": "x",
}
LISTS = ("packages", "requests", "inbox", "contacts", "disclosures")


class Hostile(http.server.ThreadingHTTPServer):
    """Answers every question with a page that leads on."""

    #: What each page holds, and its cursors in turn.
    items: tuple[dict[str, Any], ...] = (ITEM,)
    cursors: Iterator[Any] = iter(())

    def page(self) -> bytes:
        lists = dict.fromkeys(LISTS, self.items)
        rows = [ROW for _ in self.items]
        head = {"seq": 1, "hash": "x", "sealed": True}
        about = {"organisation": {"id": "x", "name": "x"}, "accounts": {}, "head": head}
        page = {**about, **lists, "rows": rows, "next_cursor": next(self.cursors)}
        return json.dumps(page).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hostile

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = self.server.page()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name the library calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with Hostile(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


READERS: dict[str, Callable[[HttpExchange], Iterator[Any]]] = {
    "packages": lambda exchange: exchange.iter_packages(),
    "requests": lambda exchange: exchange.requests.iter_all(),
    "inbox": iter_inbox,
    "contacts": iter_contacts,
    "disclosures": lambda exchange: iter_disclosures(exchange, "ab"),
    "audit": lambda exchange: iter_audit(exchange, AuditFilter()),
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("what", ["the same", "two in turn", "empty pages", "no text", "nothing"])
def test_a_list_that_never_ends_is_refused(hostile: Hostile, kind: str, what: str) -> None:
    word: Callable[[int], Any] = (lambda n: n) if kind == "audit" else (lambda n: f"c{n:03}")
    hostile.cursors = {
        "the same": itertools.repeat(word(1)),
        "two in turn": itertools.cycle([word(1), word(2)]),
        "empty pages": map(word, range(1, 20)),
        "no text": itertools.repeat([]),
        "nothing": itertools.repeat(""),
    }[what]
    if what == "empty pages":
        hostile.items = ()
    exchange = HttpExchange(Transport(f"http://127.0.0.1:{hostile.server_port}"), token="x")
    with pytest.raises(ExchangeServerError):
        for _ in itertools.islice(READERS[kind](exchange), 20):
            pass
    if what == "empty pages":
        assert next(hostile.cursors) == word(2)


@pytest.mark.parametrize("kind", READERS)
def test_a_list_ends_with_its_last_page(hostile: Hostile, kind: str) -> None:
    cursors: list[Any] = [1, 2, None] if kind == "audit" else ["b", "a", None]
    hostile.cursors = iter(cursors)
    exchange = HttpExchange(Transport(f"http://127.0.0.1:{hostile.server_port}"), token="x")
    assert len([*READERS[kind](exchange)]) == 3


@pytest.mark.parametrize("kind", READERS)
def test_ever_new_cursors_are_not_followed_for_ever(
    hostile: Hostile, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGES_MAX", 5)
    numbers = itertools.count(1)
    hostile.cursors = numbers if kind == "audit" else (f"c{n}" for n in numbers)
    exchange = HttpExchange(Transport(f"http://127.0.0.1:{hostile.server_port}"), token="x")
    with pytest.raises(ExchangeServerError, match="does not end"):
        for _ in itertools.islice(READERS[kind](exchange), 20):
            pass
    assert next(numbers) == 6
