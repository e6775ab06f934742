"""The web side: hosts, headers, limits, errors, the recipient's page, logs, figures."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from emixcli.server.settings import Settings
from emixcli.server.tables import audit, metadata, outbox, shares
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, Recipient, share_body
from tests.unit.server.conftest import PASSWORD

PAGE = b"""<!DOCTYPE html><html><head><meta charset="utf-8">
<meta content="default-src 'none'; script-src 'sha256-abc='" http-equiv="Content-Security-Policy">
</head><body>recipient</body></html>"""


@pytest.fixture
def settings(make_settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    page = tmp_path / "recipient.html"
    page.write_bytes(PAGE)
    return make_settings(recipient_page=str(page))


def counts(server: ServerThread) -> dict[str, Any]:
    with server.exchange.read() as work:
        return {name: work.all(select(table)) for name, table in metadata.tables.items()}


def test_following_a_link_changes_nothing_and_tells_nothing(
    server: ServerThread, recipient: Recipient
) -> None:
    before = counts(server)
    pages = [recipient.get(recipient.path) for _ in range(3)]
    unknown = recipient.get("/r/AAAAAAAAAAAAAAAAAAAAAAAAAAA")
    for page in [*pages, unknown]:
        assert (page.status_code, page.content) == (200, PAGE)
    assert recipient.call("HEAD", recipient.path).status_code == 200
    # What a mail scanner does that runs scripts: it posts forms with nothing in them.
    recipient.post(f"{recipient.path}/open", {})
    recipient.post(f"{recipient.path}/otp:verify", {})
    recipient.post(f"{recipient.path}/open", {"session": "x", "proof": "A" * 43})
    assert counts(server) == before


def test_asking_for_a_code_is_answered_alike_for_every_link(recipient: Recipient) -> None:
    known = recipient.post(f"{recipient.path}/otp", {})
    unknown = recipient.post("/r/AAAAAAAAAAAAAAAAAAAAAAAAAAA/otp", {})
    assert (known.status_code, known.content) == (202, b"{}")
    assert (unknown.status_code, unknown.content) == (202, b"{}")
    assert set(known.headers) == set(unknown.headers)


def test_the_page_has_its_policy_as_header(api: Api) -> None:
    headers = api.get("/r/x").headers
    policy = "default-src 'none'; script-src 'sha256-abc='; frame-ancestors 'none'"
    assert headers["Content-Security-Policy"] == policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_without_the_built_page_it_says_so(api: Api, settings: Settings) -> None:
    Path(settings.recipient_page).unlink()
    page = api.get("/r/x")
    assert page.status_code == 503
    assert "viewer" in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "127.0.0.1:80@evil.example"]
)
def test_an_unknown_host_is_misdirected(api: Api, host: str) -> None:
    for path in ("/v1/account", "/r/x", "/store/x/1"):
        response = api.get(path, headers={"Host": host})
        assert response.status_code in {400, 421}
    assert api.get("/healthz", headers={"Host": host}).status_code in {200, 400}


def test_links_never_come_from_the_request(
    server: ServerThread, sender: Person, package_id: str
) -> None:
    port = server.url.rpartition(":")[2]
    headers = {"Host": f"localhost:{port}", "X-Forwarded-Host": "evil.example"}
    headers |= {"X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    body = share_body()
    share = sender.ok("POST", f"/v1/packages/{package_id}/shares", body, headers=headers)
    assert share["link"].startswith(f"{server.url}/r/")


def test_two_host_headers_are_refused(server: ServerThread) -> None:
    host = server.url.removeprefix("http://")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=10) as raw:
        request = f"GET /r/x HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n"
        raw.sendall(request.encode())
        assert raw.recv(100).split()[1] in {b"400", b"421"}


@pytest.mark.parametrize(
    ("method", "path", "status", "error_id"),
    [
        ("GET", "/nothing", 404, "exchange.not_found"),
        ("PATCH", "/v1/packages", 405, "usage"),
        ("GET", "/v1/account", 401, "auth.required"),
        ("POST", "/v1/login", 422, "usage"),
        ("GET", "/store/x/1", 405, "usage"),
    ],
)
def test_errors_have_one_shape(
    api: Api, method: str, path: str, status: int, error_id: str
) -> None:
    response = api.call(method, path)
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == {"id", "message", "hint"}
    assert error["id"] == error_id
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/later", None),
        ("PATCH", "/v1/packages", None),
        ("POST", "/v1/login", {"email": "ct@a.example", "password": PASSWORD, "later": True}),
    ],
)
def test_what_a_newer_client_asks_for_names_the_versions(
    api: Api, method: str, path: str, body: dict[str, Any] | None
) -> None:
    hint = api.call(method, path, body).json()["error"]["hint"]
    assert "different versions: emix doctor shows both" in hint


def test_an_invalid_body_is_not_repeated(api: Api) -> None:
    response = api.post("/v1/login", {"email": ["CANARY"], "CANARY<x>": 1, "password": 5})
    assert response.status_code == 422
    assert "CANARY<" not in response.text
    assert '"CANARY"' not in response.text
    assert "email" in response.text


@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_cut_off(api: Api, chunked: bool) -> None:
    def chunks() -> Any:
        for _ in range(40):
            yield b" " * (1 << 16)

    data = chunks() if chunked else b" " * (40 << 16)
    headers = {"Content-Type": "application/json"}
    response = api.session.post(f"{api.url}/v1/login", data=data, headers=headers, timeout=30)
    assert response.status_code == 413
    assert response.json()["error"]["id"] == "exchange.quota"


def test_logs_and_figures_hold_no_secret(
    server: ServerThread,
    sender: Person,
    recipient: Recipient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    session = recipient.verify()["session"]
    opened = recipient.open(session).json()
    recipient.get(opened["copy"]["url"])
    sender.get("/v1/packages?cursor=CANARY")
    recipient.get("/CANARY")
    token = recipient.path.rpartition("/")[2]
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("emix", "uvicorn"))]
    text = "\n".join(ours) + server.site.metrics.expose().decode() + api_metrics(recipient)
    assert "/r/{token}/open" in text
    secrets = [token, session, opened["content"]["token"], "emt_", "CANARY", "example", "emx_"]
    assert [secret for secret in secrets if secret in text] == []


def api_metrics(api: Api) -> str:
    text = api.get("/metrics").text
    assert "emix_packages" in text
    return text


def test_health_and_readiness(api: Api) -> None:
    assert api.ok("GET", "/healthz") == {"status": "ok"}
    assert api.ok("GET", "/readyz") == {"status": "ready"}


def test_nothing_of_a_recipient_lies_in_the_database(
    server: ServerThread, recipient: Recipient
) -> None:
    """Neither link, codes, sessions, slot nor proof can be read from a stolen database."""
    code = recipient.ask()
    session = recipient.ok("POST", f"{recipient.path}/otp:verify", {"code": code})["session"]
    opened = recipient.open(session).json()
    stolen = repr(counts(server))
    token = recipient.path.rpartition("/")[2]
    ticket = opened["copy"]["url"].partition("=")[2]
    for secret in (token, session, opened["content"]["token"], ticket):
        assert secret not in stolen
    assert not re.search(rf"\b{code}\b", stolen)
    assert opened["slot"]["wrapped"] not in stolen
    with server.exchange.read() as work:
        row = work.one(select(shares))
        assert row is not None
        assert bytes(range(32)) not in row.slot + row.proof
        assert work.all(select(outbox)) == []
        assert "dr@c.example" in repr(work.all(select(audit.c.detail)))
