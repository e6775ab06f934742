"""Bytes past the event loop: bodies read by threads, files sent by the kernel."""

from __future__ import annotations

import hashlib
import http.client
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from emixcli.server.settings import Limits, Settings
from tests.serving import ServerThread
from tests.unit.server.api import Person, Recipient, make_content, split, wait_for

PART = 8 << 20
SIZE = 4 * PART


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(limits=Limits(otp_interval_s=0, body_idle_s=1, download_check_s=0))


@pytest.fixture
def content() -> bytes:
    return make_content(SIZE)


@pytest.fixture
def package_id(sender: Person, content: bytes) -> str:
    return sender.upload(content, PART)


def sign(person: Person, package_id: str, data: bytes, digest: str = "sha256") -> dict[str, Any]:
    part = split(data, PART)[0]
    wanted = {"number": 1, "size": len(data), digest: part[digest]}
    path = f"/v1/packages/{package_id}/parts:sign"
    signed: dict[str, Any] = person.ok("POST", path, {"parts": [wanted]})["parts"][0]
    return signed


@pytest.fixture
def line(server: ServerThread) -> Iterator[http.client.HTTPConnection]:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    yield connection
    connection.close()


def put(line: http.client.HTTPConnection, signed: dict[str, Any], data: bytes) -> int:
    parts = urlsplit(signed["url"])
    line.request("PUT", f"{parts.path}?{parts.query}", data, signed["headers"])
    answer = line.getresponse()
    answer.read()
    return answer.status


@pytest.mark.parametrize("digest", ["md5", "sha256"])
def test_a_connection_goes_on_after_a_part(
    sender: Person, line: http.client.HTTPConnection, digest: str
) -> None:
    data = make_content(PART)
    package_id = sender.announce(len(data), PART)
    signed = sign(sender, package_id, data, digest)
    assert [put(line, signed, data) for _ in range(2)] == [200, 200]
    own = line.sock
    line.request("GET", "/healthz")
    assert line.getresponse().status == 200
    assert line.sock is own
    stored = sender.ok("GET", f"/v1/packages/{package_id}/parts")["parts"]
    assert stored == [{"number": 1, "size": PART, digest: split(data, PART)[0][digest]}]


def test_a_package_is_sealed_by_its_sha256_alone(sender: Person, content: bytes) -> None:
    package_id = sender.announce(len(content), PART)
    assert sender.ok("GET", f"/v1/packages/{package_id}")["part_digest"] == "sha256"
    parts = split(content, PART)
    for part in parts:
        del part["md5"]
    path = f"/v1/packages/{package_id}/parts:sign"
    for signed in sender.ok("POST", path, {"parts": parts})["parts"]:
        at = (signed["number"] - 1) * PART
        assert sender.put(signed, content[at : at + PART]).status_code == 200
    assert sender.seal(package_id, parts).status_code == 200
    assert sender.seal(package_id, parts).status_code == 200
    assert sender.get(f"/v1/packages/{package_id}/content").content == content


def test_other_bytes_under_a_sha256_are_refused(
    sender: Person, line: http.client.HTTPConnection
) -> None:
    data = make_content(PART)
    package_id = sender.announce(len(data), PART)
    signed = sign(sender, package_id, data)
    assert put(line, signed, bytes(PART)) == 400
    other = {**signed["headers"], "Content-Digest": "sha-256=:AAAA:"}
    assert put(line, {**signed, "headers": other}, data) == 403
    assert sender.ok("GET", f"/v1/packages/{package_id}/parts")["parts"] == []


@pytest.mark.parametrize("body", [{}, {"md5": "0" * 32, "sha256": "0" * 64}, {"sha256": "0"}])
def test_a_part_is_signed_by_one_digest(sender: Person, body: dict[str, Any]) -> None:
    package_id = sender.announce(PART, PART)
    part = {"number": 1, "size": PART, **body}
    path = f"/v1/packages/{package_id}/parts:sign"
    assert sender.post(path, {"parts": [part]}).status_code == 422


@pytest.mark.parametrize("how", ["close", "stall"])
def test_a_body_that_stops_short_leaves_nothing(
    sender: Person, server: ServerThread, how: str
) -> None:
    data = make_content(PART)
    package_id = sender.announce(len(data), PART)
    signed = sign(sender, package_id, data)
    parts = urlsplit(signed["url"])
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in signed["headers"].items()]
    with socket.create_connection((parts.hostname, parts.port), 30) as raw:
        raw.sendall("\r\n".join([*lines, "", ""]).encode() + data[: PART // 2])
        if how == "stall":
            assert raw.recv(100).startswith(b"HTTP/1.1 409 ")
    folder = next((server.exchange.settings.data / "store" / "uploads").iterdir())
    assert wait_for(lambda: list(folder.iterdir()) == [])
    assert sender.put(signed, data).status_code == 200


def test_a_client_that_waits_for_leave_gets_it(
    sender: Person, line: http.client.HTTPConnection
) -> None:
    data = make_content(PART)
    package_id = sender.announce(len(data), PART)
    signed = sign(sender, package_id, data)
    parts = urlsplit(signed["url"])
    line.putrequest("PUT", f"{parts.path}?{parts.query}")
    for name, value in {**signed["headers"], "Expect": "100-continue"}.items():
        line.putheader(name, value)
    line.endheaders()
    assert line.sock.recv(25).startswith(b"HTTP/1.1 100 Continue")
    line.send(data)
    assert line.getresponse().status == 200


class Download:
    """A download of which little is read."""

    def __init__(self, server: ServerThread, path: str, token: str) -> None:
        parts = urlsplit(server.url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.socket.settimeout(30)
        self.socket.connect((parts.hostname, parts.port))
        head = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        self.socket.sendall(f"{head}\r\n".encode())
        self.n = len(self.socket.recv(1 << 16))

    def rest(self) -> int:
        """Read until the exchange ends it; the bytes in all."""
        while piece := self.socket.recv(1 << 16):
            self.n += len(piece)
        return self.n


@pytest.fixture
def download(server: ServerThread, recipient: Recipient, package_id: str) -> Iterator[Download]:
    opened = recipient.open(recipient.verify()["session"]).json()
    path = f"/v1/packages/{package_id}/content"
    running = Download(server, path, opened["content"]["token"])
    yield running
    running.socket.close()


@pytest.mark.parametrize("end", ["share", "package"])
def test_a_running_download_is_cut_by_a_revocation(
    sender: Person, share: dict[str, Any], package_id: str, download: Download, end: str
) -> None:
    if end == "share":
        sender.ok("POST", f"/v1/shares/{share['share_id']}:revoke", {})
    else:
        sender.ok("DELETE", f"/v1/packages/{package_id}")
    assert download.rest() < SIZE
    found = sender.ok("GET", f"/v1/shares/{share['share_id']}")
    assert (found["state"], found["downloaded"]) == ("revoked", None)


def test_a_download_that_its_reader_cut_is_not_noted(
    sender: Person, server: ServerThread, share: dict[str, Any], download: Download
) -> None:
    download.socket.close()
    wait_for(lambda: 'status="499"' in sender.get("/metrics").text)
    assert sender.ok("GET", f"/v1/shares/{share['share_id']}")["state"] == "opened"


def test_a_whole_download_is_noted_and_right(
    sender: Person, recipient: Recipient, share: dict[str, Any], content: bytes
) -> None:
    opened = recipient.open(recipient.verify()["session"]).json()
    got = recipient.get(
        f"/v1/packages/{share['package_id']}/content",
        headers={"Authorization": f"Bearer {opened['content']['token']}"},
    ).content
    assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()
    wait_for(lambda: sender.ok("GET", f"/v1/shares/{share['share_id']}")["state"] == "downloaded")
