"""TLS, errors and ranges, against real sockets."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from emixcli.errors import (
    AuthRequiredError,
    EmixError,
    ExchangeError,
    ExchangeServerError,
    ExchangeTimeoutError,
    ExchangeTlsError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    QuotaError,
    RecipientUnconfirmedError,
    ShareLockedError,
    UploadInterruptedError,
    UsageError,
)
from emixcli.exchange.http import HttpExchange, read_range
from emixcli.exchange.interface import Content
from emixcli.exchange.retry import Patience
from emixcli.exchange.transport import Body, Transport
from tests.unit.exchange.faulty_proxy import Fault, FaultyProxy, http_answer

CONTENT = bytes(range(256)) * 4096
PATIENCE = Patience(tries=6, base_s=0.001, cap_s=0.01)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves ranges of one file, takes anything, and tells what it got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = self.headers["Range"].removeprefix("bytes=").split("-")
        start, end = int(asked[0]), int(asked[1])
        body = CONTENT[start : end + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(CONTENT)}")
        self._send(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self._send(b'{"got": "%s"}' % (self.headers.get("Authorization") or "").encode())

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 65536)))
        self.send_response(200)
        self._send(b"")

    def _send(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that give up are what is tested."""


def serve(context: ssl.SSLContext | None = None) -> http.server.ThreadingHTTPServer:
    server = QuietServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def plain() -> Iterator[http.server.ThreadingHTTPServer]:
    server = serve()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(authority: trustme.CA) -> Iterator[http.server.ThreadingHTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = serve(context)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(plain: http.server.ThreadingHTTPServer) -> Iterator[FaultyProxy]:
    with FaultyProxy() as proxy:
        proxy.target = ("127.0.0.1", plain.server_port)
        yield proxy


def test_untrusted_certificate(secure: http.server.ThreadingHTTPServer) -> None:
    transport = Transport(f"https://localhost:{secure.server_port}")
    with pytest.raises(ExchangeTlsError, match="not trusted") as found:
        transport.json("POST", "/v1/login", body={})
    assert "--ca-file" in found.value.hint
    transport.close()


def test_own_authority(
    secure: http.server.ThreadingHTTPServer, authority: trustme.CA, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing"))
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    transport = Transport(f"https://localhost:{secure.server_port}", ca_file=tmp_path / "ca.pem")
    assert transport.json("POST", "/v1/login", body={}) == {"got": ""}
    wrong_name = Transport(f"https://127.0.0.1:{secure.server_port}", ca_file=tmp_path / "ca.pem")
    with pytest.raises(ExchangeTlsError):
        wrong_name.json("POST", "/v1/login", body={})
    transport.close()
    wrong_name.close()


def test_ca_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(UsageError, match="authorities"):
        Transport("https://localhost", ca_file=tmp_path / "ca.pem")


def test_tls_to_a_port_without_tls(plain: http.server.ThreadingHTTPServer) -> None:
    transport = Transport(f"https://localhost:{plain.server_port}")
    with pytest.raises(ExchangeError):
        transport.json("POST", "/v1/login", body={})
    transport.close()


def test_netrc_is_not_read(
    plain: http.server.ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    transport = Transport(f"http://127.0.0.1:{plain.server_port}")
    assert transport.json("POST", "/", body={}) == {"got": ""}
    assert transport.json("POST", "/", body={}, token="t") == {"got": "Bearer t"}
    transport.close()


def test_nobody_there() -> None:
    transport = Transport("http://127.0.0.1:9")
    with pytest.raises(ExchangeError) as found:
        transport.json("GET", "/v1/account")
    assert found.value.id == "exchange.unreachable"
    transport.close()


def test_no_answer(proxy: FaultyProxy) -> None:
    proxy.faults.append(Fault(hang=True))
    transport = Transport(proxy.url, timeout_s=0.2)
    with pytest.raises(ExchangeTimeoutError):
        transport.json("GET", "/v1/account")
    transport.close()


ERRORS: list[tuple[int, str, type[EmixError]]] = [
    (401, "auth.required", AuthRequiredError),
    (403, "exchange.forbidden", ForbiddenError),
    (404, "exchange.not_found", NotFoundError),
    (409, "recipient.unconfirmed", RecipientUnconfirmedError),
    (409, "upload.interrupted", UploadInterruptedError),
    (410, "exchange.gone", GoneError),
    (410, "share.locked", ShareLockedError),
    (413, "exchange.quota", QuotaError),
    (400, "usage", UsageError),
    (500, "exchange.server", ExchangeServerError),
]


@pytest.mark.parametrize(("status", "error_id", "kind"), ERRORS)
def test_errors_of_the_exchange(
    proxy: FaultyProxy, status: int, error_id: str, kind: type[EmixError]
) -> None:
    body = b'{"error": {"id": "%s", "message": "as it says", "hint": "do so"}}' % error_id.encode()
    proxy.faults.append(Fault(answer=http_answer(status, body)))
    transport = Transport(proxy.url)
    with pytest.raises(kind) as found:
        transport.json("GET", "/v1/account")
    assert (type(found.value), found.value.message) == (kind, "as it says")
    transport.close()


@pytest.mark.parametrize("status", [401, 403, 404, 410, 413, 418, 429, 500, 502, 503])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"error": 1}', b'{"error":{"message":"a\\nb"}}']
)
def test_errors_of_something_else(proxy: FaultyProxy, status: int, body: bytes) -> None:
    proxy.faults.append(Fault(answer=http_answer(status, body)))
    transport = Transport(proxy.url)
    with pytest.raises(EmixError) as found:
        transport.json("GET", "/v1/account")
    assert found.value.exit_code != 1
    assert "\n" not in found.value.message
    transport.close()


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"null", b"{" * 100000, b'{"id": 1}'])
def test_answers_that_are_none(proxy: FaultyProxy, body: bytes) -> None:
    exchange = HttpExchange(Transport(proxy.url), quick=PATIENCE)
    proxy.faults.extend([Fault(answer=http_answer(200, body))] * PATIENCE.tries)
    with pytest.raises(ExchangeServerError, match="understood"):
        exchange.account()
    exchange.transport.close()


def test_range_goes_on_after_cuts(proxy: FaultyProxy) -> None:
    proxy.faults.extend([Fault(cut_down=200_000)] * 4)
    transport = Transport(proxy.url)
    found = bytearray()
    read_range(
        transport, Content("x", len(CONTENT), "/c", ""), (5, 900_005), found.extend, PATIENCE
    )
    assert bytes(found) == CONTENT[5:900_005]
    transport.close()


def test_other_range_than_asked_for(proxy: FaultyProxy) -> None:
    wrong = http_answer(206, b"x" * 10, "Content-Range: bytes 0-9/100\r\n")
    proxy.faults.append(Fault(answer=wrong))
    transport = Transport(proxy.url)
    with pytest.raises(ExchangeServerError, match="range"):
        transport.get_range("/c", (10, 20), lambda _piece: None)
    transport.close()


class Part:
    def __len__(self) -> int:
        return len(CONTENT)

    def pieces(self) -> Iterator[memoryview]:
        for start in range(0, len(CONTENT), 65536):
            yield memoryview(CONTENT)[start : start + 65536]


def test_part_is_sent_in_pieces_that_are_counted(proxy: FaultyProxy) -> None:
    sent: list[int] = []
    transport = Transport(proxy.url)
    transport.put("PUT", "/store/1", Body(Part(), sent.append), {})
    assert sum(sent) == len(CONTENT)
    assert len(sent) > 10
    transport.close()


def test_cut_part(proxy: FaultyProxy) -> None:
    proxy.faults.append(Fault(cut_up=100_000))
    transport = Transport(proxy.url)
    with pytest.raises(ExchangeError):
        transport.put("PUT", "/store/1", Body(Part(), lambda _n: None), {})
    transport.close()
