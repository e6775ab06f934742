"""`emix exchange` as processes: init, serve, SIGKILL and going on, SIGTERM, a full disk."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.running import ROOT, EmixProcess, Result
from tests.unit.server.api import Api, Person, make_content, split
from tests.unit.server.conftest import PASSWORD

resource = pytest.importorskip("resource")

PART = 8 << 20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and limits of Linux")


@pytest.fixture
def data(tmp_path: Path, run_emix: EmixProcess) -> Path:
    folder = tmp_path / "exchange"
    (tmp_path / "password").write_text(PASSWORD + "\n")
    made = run_emix(
        "exchange", "init", folder, "--email", "it@a.example", "--password-file",
        tmp_path / "password", "--json",
    )  # fmt: skip
    assert made.code == 0, made.stderr
    assert made.document["administrator"] == "it@a.example"
    return folder


class Process:
    """A served exchange that can be killed."""

    def __init__(self, data: Path, *options: str, limit: int | None = None) -> None:
        command = [sys.executable, "-m", "emixcli", "exchange", "serve", str(data)]
        listen = [] if "--listen" in options else ["--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*command, *listen, *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("emix: exchange ready at http"), line
        self.url = line.split()[-1]
        if limit is not None:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (limit, limit))

    def kill(self, number: int = signal.SIGKILL) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@pytest.fixture
def start(data: Path) -> Iterator[Callable[..., Process]]:
    running: list[Process] = []

    def begin(*options: str, limit: int | None = None) -> Process:
        running.append(Process(data, *options, limit=limit))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.kill()


def login(url: str) -> Person:
    with Api(url) as api:
        return api.login("it@a.example", PASSWORD)


def test_killed_in_the_middle_of_an_upload_it_goes_on(
    start: Callable[..., Process], data: Path, run_emix: EmixProcess
) -> None:
    content = make_content(2 * PART + 1000)
    parts = split(content, PART)
    server = start()
    person = login(server.url)
    token = str(person.session.headers["Authorization"]).split()[1]
    package_id = person.announce(len(content), PART)
    signed = person.sign(package_id, parts)
    assert person.put(signed[0], content[:PART]).status_code == 200

    def cut() -> Iterator[bytes]:
        yield content[PART : PART + (PART // 2)]
        server.kill()
        yield content[PART + (PART // 2) : 2 * PART]

    headers = dict(signed[1]["headers"])
    with pytest.raises(requests.RequestException):
        requests.put(signed[1]["url"], data=_Sized(cut(), PART), headers=headers, timeout=30)

    server = start()
    person = Person(server.url, token)
    listed = person.ok("GET", f"/v1/packages/{package_id}/parts")["parts"]
    assert [part["number"] for part in listed] == [1]
    for one in person.sign(package_id, parts[1:]):
        at = (one["number"] - 1) * PART
        assert person.put(one, content[at : at + PART]).status_code == 200
    assert person.seal(package_id, parts).status_code == 200
    assert person.get(f"/v1/packages/{package_id}/content").content == content
    assert server.kill(signal.SIGTERM) == 0
    assert run_emix("exchange", "check", data, "--full").code == 0
    leftover = [path.name for path in (data / "store").rglob("*.partial")]
    assert leftover == []


def test_keys_are_gone_for_good_when_the_process_dies_in_a_purge(
    start: Callable[..., Process], data: Path, run_emix: EmixProcess
) -> None:
    server = start()
    person = login(server.url)
    token = str(person.session.headers["Authorization"]).split()[1]
    content = make_content(3 * PART)
    package_id = person.upload(content, PART)
    kept, revoked = (person.share(package_id, f"dr{n}@c.example", hold_s=900) for n in "12")
    slots = stored_slots(data)
    assert len(slots) == 2
    person.ok("POST", f"/v1/shares/{revoked['share_id']}:revoke")
    assert left_of(slots, data) == [kept["share_id"]]
    person.ok("DELETE", f"/v1/packages/{package_id}")
    server.kill()
    assert stored_slots(data) == {}
    server = start()
    person = Person(server.url, token)
    # The worker waits until the lease of the dead one has run out; an operator need not.
    assert run_emix("exchange", "purge", data).code == 0
    assert person.ok("GET", f"/v1/packages/{package_id}")["state"] == "purged"
    assert left_of(slots, data) == []
    assert [path for path in (data / "store").rglob("*") if path.is_file()] == []
    assert server.kill(signal.SIGTERM) == 0
    assert run_emix("exchange", "check", data, "--full").code == 0


def stored_slots(data: Path) -> dict[str, bytes]:
    """The wrapped keys that the database gives, by share."""
    with contextlib.closing(sqlite3.connect(data / "exchange.sqlite3")) as connection:
        return dict(connection.execute("SELECT id, slot FROM shares WHERE slot IS NOT NULL"))


def left_of(slots: dict[str, bytes], data: Path) -> list[str]:
    """The shares whose wrapped key stands anywhere in the files of the database."""
    raw = b"".join(path.read_bytes() for path in data.glob("exchange.sqlite3*"))
    return [share_id for share_id, slot in slots.items() if slot in raw]


class _Sized:
    """An iterator with a length, so that requests sends no chunks."""

    def __init__(self, pieces: Iterator[bytes], size: int) -> None:
        self._pieces = pieces
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def test_a_full_disk_is_told_and_nothing_half_written_stays(
    start: Callable[..., Process], data: Path
) -> None:
    """RLIMIT_FSIZE makes writes fail in the middle of a part, as a full disk does."""
    content = make_content(PART)
    parts = split(content, PART)
    server = start("--listen", "127.0.0.1:0", limit=4 << 20)
    person = login(server.url)
    package_id = person.announce(len(content), PART)
    refused = person.put(person.sign(package_id, parts)[0], content)
    assert refused.status_code == 507
    assert refused.json()["error"]["id"] == "exchange.server"
    assert person.ok("GET", f"/v1/packages/{package_id}/parts")["parts"] == []
    assert [path for path in (data / "store").rglob("*") if path.is_file()] == []
    token = str(person.session.headers["Authorization"]).split()[1]
    server.kill()
    server = start()
    person = Person(server.url, token)
    person.send_parts(package_id, content, PART)
    assert person.seal(package_id, parts).status_code == 200


def test_init_makes_a_private_directory_and_never_overwrites(
    data: Path, run_emix: EmixProcess, tmp_path: Path
) -> None:
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for name in ("secrets", "exchange.toml", "exchange.sqlite3"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600, name
    again = run_emix("exchange", "init", data, "--email", "it@a.example", "--json")
    assert (again.code, again.error["id"]) == (41, "output.exists")
    other = tmp_path / "other"
    bad = run_emix("exchange", "init", other, "--email", "no address", "--no-input")
    assert bad.code == 2
    assert not other.exists()
    assert not (tmp_path / "other.partial").exists()


def test_without_a_password_one_is_made_and_shown_once(
    run_emix: EmixProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "x"
    made = run_emix("exchange", "init", folder, "--email", "it@a.example", "--json")
    password = made.stderr.split()[-1]
    assert password not in made.stdout
    server = Process(folder)
    with Api(server.url) as api:
        assert api.login("it@a.example", password).get("/v1/account").status_code == 200
    server.kill()


def test_accounts_from_the_command_line(data: Path, run_emix: EmixProcess) -> None:
    def user(*arguments: str) -> Result:
        return run_emix("exchange", "user", arguments[0], data, *arguments[1:], "--json")

    names = ("--name", "CT", "--organisation", "My organisation")
    assert user("add", "ct@a.example", *names).document["user"]["role"] == "sender"
    assert user("add", "CT@a.example", *names).code == 41
    done = run_emix("exchange", "user", "disable", data, "ct@a.example")
    assert (done.code, "passwd enables it" in done.stderr) == (0, True)
    listed: list[dict[str, Any]] = user("list").document["users"]
    assert [(one["email"], bool(one["disabled"])) for one in listed] == [
        ("ct@a.example", True),
        ("it@a.example", False),
    ]
    assert user("passwd", "ct@a.example").code == 0
    assert user("passwd", "nobody@a.example").code == 64
    assert "password_hash" not in user("list").stdout
    head, first, _ = run_emix("exchange", "user", "list", data).stdout.splitlines()
    assert head.split() == ["EMAIL", "ROLE", "ORGANISATION", "NAME", "STATE"]
    assert first.split() == ["ct@a.example", "sender", "My", "organisation", "CT", "active"]


def test_purge_and_check(data: Path, run_emix: EmixProcess) -> None:
    purged = run_emix("exchange", "purge", data, "--json").document
    assert purged == {"schema": "emix.exchange-purge/1", "expired": 0, "purged": 0, "strays": 0}
    assert run_emix("exchange", "check", data, "--json").document["problems"] == []
    (data / "store" / "objects" / ("0" * 26)).mkdir()
    found = run_emix("exchange", "check", data, "--json")
    assert (found.code, len(found.document["problems"])) == (3, 1)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--listen", "0.0.0.0:0"], 2),
        (["--listen", "nonsense"], 2),
        (["--base-url", "http://exchange.example"], 2),
        (["--base-url", "https://exchange.example/path"], 2),
        (["--behind-proxy"], 2),
    ],
)
def test_serving_unsafely_is_refused(
    data: Path, run_emix: EmixProcess, options: list[str], code: int
) -> None:
    assert run_emix("exchange", "serve", data, *options).code == code


def test_other_secrets_are_refused(data: Path, run_emix: EmixProcess) -> None:
    secrets = json.loads((data / "secrets").read_text())
    (data / "secrets").chmod(0o644)
    assert run_emix("exchange", "check", data).code == 2
    (data / "secrets").write_text(json.dumps({**secrets, "master": "A" * 43 + "="}))
    (data / "secrets").chmod(0o600)
    assert "does not belong" in run_emix("exchange", "check", data).stderr


def test_a_test_certificate_is_trusted_through_its_authority(
    run_emix: EmixProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "tls"
    made = run_emix("exchange", "init", folder, "--email", "it@a.example", "--test-tls", "--json")
    server = Process(folder)
    assert server.url.startswith("https://127.0.0.1:")
    health = requests.get(server.url + "/healthz", verify=made.document["authority"], timeout=10)
    assert health.status_code == 200
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(server.url + "/healthz", timeout=10)
    server.kill()
