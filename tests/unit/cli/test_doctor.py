"""The doctor: what it finds, and that its report can be pasted anywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from emixcli import credentials
from emixcli.services import doctor
from tests.running import EmixProcess, run_here

ANSWERS = {
    "/good/openapi.json": (200, {"info": {"version": "9.9"}}),
    "/ill/openapi.json": (500, {}),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, document = ANSWERS.get(self.path, (404, {}))
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def checks(*, offline: bool = False) -> dict[str, doctor.Check]:
    return {check.name: check for check in doctor.examine(offline=offline)}


@pytest.mark.parametrize(
    ("path", "state", "words"),
    [
        ("/good", doctor.OK, "answers, version 9.9, not logged in"),
        ("/ill", doctor.FAILED, "exchange.server"),
        ("/else", doctor.FAILED, "exchange."),
    ],
)
def test_the_exchange(
    path: str, state: str, words: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMIX_EXCHANGE_URL", url + path)
    check = checks()["exchange"]
    assert check.state == state
    assert words in check.detail


def test_without_an_exchange_it_says_how_to_get_one() -> None:
    check = checks()["exchange"]
    assert check.state == doctor.WARNING
    assert "emix login" in check.hint


def test_without_a_keyring_it_says_what_to_do() -> None:
    check = checks(offline=True)["credentials"]
    assert check.state == doctor.WARNING
    assert "--store file" in check.hint


def test_a_token_in_a_file_needs_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://exchange.example"
    monkeypatch.setenv("EMIX_EXCHANGE_URL", url)
    credentials.remember(url, "secret", store="file", email="a@b.example", ca_file=None)
    check = checks(offline=True)["credentials"]
    assert (check.state, check.hint) == (doctor.OK, "")
    assert "file" in check.detail


def test_a_state_folder_that_cannot_be_written(emix_home: Path) -> None:
    (emix_home / "state").write_text("a file")
    check = checks(offline=True)["state"]
    assert check.state == doctor.FAILED
    assert "EMIX_HOME" in check.hint


def test_broken_settings(emix_home: Path) -> None:
    (emix_home / "config.toml").write_text("sender_name = [")
    found = checks()
    assert found["settings"].state == found["exchange"].state == doctor.FAILED


def test_the_report_holds_no_secret_and_no_account(
    run_emix: EmixProcess, tmp_path: Path, url: str
) -> None:
    home = tmp_path / "home" / "jane.doe"
    home.mkdir(parents=True)
    env = {
        "HOME": str(home),
        "EMIX_HOME": str(home / "emix"),
        "EMIX_TOKEN": "s3cr3t-token",
        "EMIX_SENDER_NAME": "Jane Doe",
        "EMIX_EXCHANGE_URL": f"{url}/good",
    }
    for options in ((), ("--json",)):
        done = run_emix("doctor", *options, env=env)
        assert done.code in {0, 3}
        assert "sender_name (environment)" in done.stdout
        for secret in ("s3cr3t-token", "Jane Doe", "jane.doe"):
            assert secret not in done.stdout + done.stderr


def test_a_failed_check_ends_with_3(emix_home: Path) -> None:
    (emix_home / "state").write_text("a file")
    done = run_here("doctor", "--offline", "--json")
    assert done.code == 3
    assert done.document["schema"] == "emix.doctor/1"
    assert done.error["id"] == "partial"
    states = {check["name"]: check["state"] for check in done.document["checks"]}
    assert states["state"] == "failed"
    assert states["version"] == "ok"
