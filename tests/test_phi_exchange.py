"""The exchange never learns a patient's name, an access code or a package's key.

A study full of canaries goes the whole way; then every file of the exchange, of the sender's home
and every line that was printed is searched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import builders
from tests.running import ROOT, EmixProcess
from tests.test_phi import FOLDER, check, check_files, leaks

SENDER, RECIPIENT = "ct@hospital.example", "jo@clinic.example"


@dataclass(frozen=True)
class Exchange:
    """A running exchange and where it keeps its data."""

    data: Path
    url: str
    log: Path


@pytest.fixture
def exchange(tmp_path: Path, run_emix: EmixProcess) -> Iterator[Exchange]:
    data, log = tmp_path / "exchange", tmp_path / "exchange.log"
    (tmp_path / "password").write_text("correct horse battery")
    secret = ("--organisation", "Hospital", "--password-file", "password")
    for arguments in (
        ("init", data, "--email", "it@hospital.example", *secret),
        ("user", "add", data, SENDER, "--name", "CT desk", *secret),
    ):
        done = run_emix("exchange", *arguments)
        assert done.code == 0, done.stderr
        assert "correct horse" not in done.stdout + done.stderr
    serve = [sys.executable, "-m", "emixcli", "exchange", "serve", str(data)]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [*serve, "--listen", "127.0.0.1:0", "--json"],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": str(ROOT), "EMIX_HOME": str(tmp_path / "operator")},
        ) as process,
    ):
        assert process.stdout is not None
        lines = b""
        for line in process.stdout:
            lines += line
            if line.rstrip() == b"}":
                break
        yield Exchange(data, json.loads(lines)["url"], log)
        process.terminate()
        process.wait(20)


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    builders.study(tmp_path / FOLDER, series=2, instances=3)
    builders.truncate(tmp_path / FOLDER / "ST001/SE001/IM00001", keep=0.4)
    return tmp_path / FOLDER


def all_bytes(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_whole_way(
    exchange: Exchange, disc: Path, run_emix: EmixProcess, emix_home: Path, tmp_path: Path
) -> None:
    def emix(*arguments: str | Path, code: int = 0) -> dict[str, str]:
        result = run_emix(*arguments, "--json")
        assert result.code == code, result.stderr
        check(result, emix_home)
        document: dict[str, str] = result.document
        return document

    log_in = ("--email", SENDER, "--password-file", "password", "--store", "file")
    emix("login", exchange.url, *log_in)
    to = ("--to", RECIPIENT, "--confirm-to", RECIPIENT, "--purpose", "treatment", "--hold", "0")
    sent = emix("send", disc, *to, "--code-out", "code.txt", "--yes", "--no-input", code=3)
    package_id = sent["package_id"]
    for command in ("list", "whoami"):
        emix(command)
    emix("status", package_id)
    emix("download", package_id, "-o", "incoming")
    copy = next((tmp_path / "incoming").rglob("*.emix.html"))
    password = run_emix("inspect", copy, "--password", "--no-input").stdout
    emix("revoke", package_id, "--yes")

    key = max(password.split(), key=len).encode()
    assert len(key) == 43
    code = (tmp_path / "code.txt").read_text().split()[-1].encode()
    assert len(code.replace(b"-", b"")) == 11
    for place in (exchange.data, tmp_path / "operator", emix_home):
        check_files(place)
        content = all_bytes(place)
        for secret in (key, code, code.replace(b"-", b""), b"correct horse battery"):
            assert secret not in content
    assert not leaks(exchange.log.read_bytes())
    mails = all_bytes(exchange.data / "mail")
    assert mails
    assert not leaks(mails)
