"""A real exchange in a process of its own that a test may kill and start again."""

from __future__ import annotations

import contextlib
import json
import os
import quopri
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

from emixcli.exchange.http import HttpExchange
from emixcli.exchange.retry import Patience
from emixcli.exchange.transport import Transport
from tests.running import ROOT
from tests.unit.exchange.faulty_proxy import FaultyProxy

PASSWORD = "correct horse battery"
EMAIL = "ct@hospital.example"
QUICK = Patience(tries=3, base_s=0.01, cap_s=0.05)


class ExchangeProcess:
    """An exchange behind a proxy; all its addresses are those of the proxy."""

    def __init__(self, folder: Path, proxy: FaultyProxy) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.proxy = proxy
        self.url = proxy.url
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._log = (folder / "exchange.log").open("ab")
        self._emix(
            "exchange", "init", self.data, "--email", "it@hospital.example", "--organisation",
            "Hospital", "--password-file", self.password_file,
        )  # fmt: skip
        self._emix(
            "exchange", "user", "add", self.data, EMAIL, "--name", "CT desk", "--organisation",
            "Hospital", "--password-file", self.password_file,
        )  # fmt: skip
        # A worker that is killed while it mails leaves a lease of four such limits.
        mail = "[mail]\ntimeout_s = 2\n"
        limits = f"{mail}[limits]\notp_interval_s = 0\notp_per_hour = 10000\n"
        (self.data / "exchange.toml").write_text(limits)

    def _command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "emixcli", *map(str, arguments)]

    def _env(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "EMIX_HOME": str(self.folder / "home")}

    def _emix(self, *arguments: str | Path) -> None:
        command = self._command(*arguments)
        subprocess.run(command, check=True, capture_output=True, env=self._env())

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command(
                "exchange", "serve", self.data, "--listen", f"127.0.0.1:{self._port}",
                "--base-url", self.url, "--json",
            ),
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=self._env(),
        )  # fmt: skip
        if not self._port:
            self._port = self._find_port()
            self.proxy.target = ("127.0.0.1", self._port)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/healthz", timeout=2).ok:
                    return
            time.sleep(0.05)
        raise AssertionError("the exchange did not start")

    def _find_port(self) -> int:
        log = self.folder / "exchange.log"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = re.findall(rb"127\.0\.0\.1:(\d+)", _listening(self._process))
            if found:
                return int(found[-1])
            time.sleep(0.05)
        raise AssertionError(log.read_text())

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        self._log.close()

    def client(self, token: str = "") -> HttpExchange:
        return HttpExchange(Transport(self.url), token=token, quick=QUICK, steady=QUICK)

    def mail_code(self, recipient: str, *, after: int = 0) -> str:
        """Return the newest one-time code for a recipient, from the mails after the first few."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            mails = [path.read_bytes() for path in sorted((self.data / "mail").glob("*.eml"))]
            texts = [quopri.decodestring(mail).decode() for mail in mails[after:]]
            mine = [text for text in texts if f"To: {recipient}" in text]
            codes = [re.search(r"^\s*(\d{6})\s*$", text, re.MULTILINE) for text in mine]
            found = [code[1] for code in codes if code]
            if found:
                return found[-1]
            time.sleep(0.05)
        raise AssertionError("no mail with a code came")

    def n_mails(self, to: str = "") -> int:
        """Return how many mails went out, to one recipient or to all."""
        header = f"To: {to}".encode()
        mails = (self.data / "mail").glob("*.eml")
        return sum(1 for mail in mails if not to or header in mail.read_bytes())

    def stored(self, package_id: str, token: str) -> bytes:
        """Return the bytes of a package as its owner gets them."""
        url = f"{self.url}/v1/packages/{package_id}/content"
        answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.content


def _listening(process: subprocess.Popen[bytes] | None) -> bytes:
    """Return the addresses on which a process listens, as Linux shows them."""
    assert process is not None
    inodes = set()
    with contextlib.suppress(FileNotFoundError, PermissionError):
        for link in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(str(link.readlink()).removeprefix("socket:[").rstrip("]"))
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            return b"127.0.0.1:%d" % int(fields[1].partition(":")[2], 16)
    assert process.poll() is None, "the exchange ended"
    return b""


def json_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
