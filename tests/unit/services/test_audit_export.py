"""`emix audit` as a user calls it: lists, checks, files, and a syslog server behind TLS."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from emixcli.errors import SyslogError, UsageError
from emixcli.services.syslog import SyslogSender, SyslogTarget, parse_target
from tests.running import EmixProcess
from tests.unit.services.audit_schema import check_message
from tests.unit.services.exchange_process import PASSWORD, ExchangeProcess


class SyslogServer:
    """Takes frames of RFC 5425 by TLS until a client closes."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file, self.client_file = folder / "ca.pem", folder / "client.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        own = authority.issue_cert("sender@hospital.example")
        own.private_key_and_cert_chain_pem.write_to_path(str(self.client_file))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        authority.configure_trust(self._context)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.data = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(plain, server_side=True) as stream:
                    while piece := stream.recv(65536):
                        self.data += piece
                    stream.unwrap().close()
            except OSError:
                continue

    def messages(self) -> list[bytes]:
        found, rest = [], self.data
        while rest:
            length, _, rest = rest.partition(b" ")
            found.append(rest[: int(length)])
            rest = rest[int(length) :]
        return found

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def syslog(tmp_path: Path) -> Iterator[SyslogServer]:
    server = SyslogServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def auditing(exchange: ExchangeProcess, monkeypatch: pytest.MonkeyPatch) -> ExchangeProcess:
    """The exchange, with the token of its administrator in the environment."""
    token = exchange.client().login("it@hospital.example", PASSWORD).token
    monkeypatch.setenv("EMIX_EXCHANGE_URL", exchange.url)
    monkeypatch.setenv("EMIX_TOKEN", token)
    return exchange


def test_list_verify_and_export(
    auditing: ExchangeProcess, run_emix: EmixProcess, tmp_path: Path
) -> None:
    del auditing
    listed = run_emix("audit", "list", "--action", "account", "--limit", "2", "--json")
    assert listed.code == 0, listed.stderr
    assert [row["action"] for row in listed.document["rows"]] == ["account.added"] * 2
    assert listed.document["more"] is True
    words = run_emix("audit", "list", "--limit", "3")
    assert "it@hospital.example" in words.stdout
    assert "--after 3" in words.stderr
    first = run_emix("audit", "verify", "--json").document
    again = run_emix("audit", "verify", "--json").document
    assert first["remembered"] is None
    assert again["remembered"] == first["rows"]
    done = run_emix("audit", "export", "-o", "trail.jsonl", "--json").document
    assert done["last"] == done["rows"]
    assert (tmp_path / "trail.jsonl").stat().st_mode & 0o77 == 0
    checked = run_emix("audit", "verify", "trail.jsonl", "--json")
    assert checked.document["rows"] == done["rows"]
    lines = (tmp_path / "trail.jsonl").read_text().splitlines()
    (tmp_path / "less.jsonl").write_text("\n".join(lines[:2] + lines[3:]) + "\n")
    bad = run_emix("audit", "verify", "less.jsonl", "--json")
    assert (bad.code, bad.error["id"]) == (86, "audit.broken")
    assert "row 3 is missing" in bad.error["message"]
    assert run_emix("audit", "list", "--since", "yesterday").code == 2
    assert run_emix("audit", "list", "--until", "2020-01-01", "--json").document["rows"] == []
    assert json.loads(lines[-1])["seq"] == done["last"]


def test_dicom_messages_follow_the_schema_and_name_no_patient(
    auditing: ExchangeProcess, run_emix: EmixProcess, tmp_path: Path
) -> None:
    del auditing
    run_emix("audit", "export", "--format", "dicom", "-o", "trail.xml")
    lines = (tmp_path / "trail.xml").read_bytes().splitlines()
    roots = [check_message(line) for line in lines]
    events = {str(root[0][0].get("csd-code")) for root in roots}
    assert {"110101", "110113", "110114"} <= events
    # Those who may not read the audit are refused as well, and leave a row.
    assert run_emix("audit", "export", "--json").code == 2


def test_syslog_over_tls(
    auditing: ExchangeProcess, run_emix: EmixProcess, syslog: SyslogServer
) -> None:
    del auditing
    trusted = ("--syslog", syslog.target, "--syslog-ca", syslog.ca_file)
    own = ("--syslog-cert", syslog.client_file)
    done = run_emix("audit", "export", *trusted, *own, "--json")
    assert done.code == 0, done.stderr
    messages = syslog.messages()
    assert len(messages) == done.document["rows"] >= 3
    for message in messages:
        head = re.match(
            rb"<8[45]>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [!-~]+ emix \d+ DICOM\+RFC3881 - "
            rb"\xef\xbb\xbf", message,
        )  # fmt: skip
        assert head
        check_message(message[head.end() :])
    after = str(done.document["last"])
    more = run_emix("audit", "export", *trusted, *own, "--after", after, "--json").document
    # the reading itself, and whatever the exchange did meanwhile: each row once
    assert more["rows"] == more["last"] - done.document["last"] >= 1
    untrusted = run_emix("audit", "export", "--syslog", syslog.target, *own, "--json")
    assert (untrusted.code, untrusted.error["id"]) == (73, "syslog.unreachable")
    refused = run_emix("audit", "export", *trusted, "--json")
    assert refused.code == 73


def test_a_server_that_does_not_know_us_is_told(syslog: SyslogServer) -> None:
    """With TLS 1.3 its refusal comes after our side is ready."""
    host, port = parse_target(syslog.target)
    target = SyslogTarget(host, port, syslog.ca_file)
    for _ in range(20):
        with pytest.raises(SyslogError):
            SyslogSender(target)


def test_a_syslog_server_that_goes_away_is_told(syslog: SyslogServer) -> None:
    host, port = parse_target(syslog.target)
    syslog.close()
    with pytest.raises(SyslogError):
        SyslogSender(SyslogTarget(host, port, syslog.ca_file))


@pytest.mark.parametrize(
    ("text", "found"),
    [("log.example", ("log.example", 6514)), ("[::1]:99", ("::1", 99)), ("[::1]", ("::1", 6514))],
)
def test_targets(text: str, found: tuple[str, int]) -> None:
    assert parse_target(text) == found


@pytest.mark.parametrize("text", ["", ":6514", "log:x", "log:0", "log:70000"])
def test_bad_targets(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)
