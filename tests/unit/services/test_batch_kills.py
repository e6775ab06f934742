"""Client and exchange killed again and again during a batch: each send exactly once, none lost.

EMIX_KILLS sets how often, each time while a batch runs; 500 kills need more time than a test has
(`-o faulthandler_timeout=0`).
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from emixcli.container.code import normalise_code
from emixcli.container.encoding import to_base64url
from emixcli.container.slots import code_proof
from emixcli.exchange.address import parse_link
from emixcli.exchange.http import HttpExchange, HttpMailroom
from emixcli.exchange.interface import Package
from tests import builders
from tests.builders import Canary
from tests.running import ROOT, EmixProcess
from tests.unit.exchange.faulty_proxy import FaultyProxy
from tests.unit.server.api import wait_for
from tests.unit.services.exchange_process import EMAIL, PASSWORD, ExchangeProcess

KILLS = int(os.environ.get("EMIX_KILLS", "20"))
SENDS = 10
#: Which are killed: the client, the exchange, or both at once.
VICTIMS = ("client", "client", "client", "exchange", "exchange", "both")


@pytest.fixture
def doomed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExchangeProcess]:
    """An exchange that may be killed, with its sender logged in."""
    with FaultyProxy() as proxy:
        (tmp_path / "exchange").mkdir()
        process = ExchangeProcess(tmp_path / "exchange", proxy)
        process.start()
        token = process.client().login(EMAIL, PASSWORD).token
        monkeypatch.setenv("EMIX_EXCHANGE_URL", process.url)
        monkeypatch.setenv("EMIX_TOKEN", token)
        yield process
        process.stop()


class Killed:
    """One batch that is run and killed."""

    def __init__(self, folder: Path, chance: random.Random, number: int) -> None:
        self.folder = folder
        self._chance = chance
        self.file = folder / f"batch{number}.csv"
        self.log = folder / f"log{number}"
        self.recipients = [_address(chance) for _ in range(SENDS)]
        with self.file.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("source", "to", "purpose", "confirm_to", "hold"))
            for n, address in enumerate(self.recipients):
                phi = Canary(name=f"KILL^P{number}X{n}", id=f"K-{number}-{n}")
                name = f"study{number}-{n}"
                builders.study(folder / name, series=1, instances=2, number=n + 1, phi=phi)
                writer.writerow((name, address, "treatment", address, "0"))
        self.options = (
            "batch", "run", str(self.file), "--codes-out", str(folder / "codes.csv"), "--log",
            str(self.log), "--jobs", "2", "--wait", "120",
        )  # fmt: skip

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "emixcli", *self.options, "--quiet"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, exchange: ExchangeProcess, most: int) -> int:
        """Kill at random moments until the batch ends, `most` times; return how often."""
        client = self.start()
        for n_kills in range(most):
            victim = self._chance.choice(VICTIMS)
            try:
                client.wait(timeout=self._chance.uniform(0.2, 2.2))
            except subprocess.TimeoutExpired:
                pass
            else:
                return n_kills
            if victim in {"exchange", "both"}:
                exchange.kill()
            if victim in {"client", "both"}:
                client.send_signal(signal.SIGKILL)
                client.wait()
            if victim in {"exchange", "both"}:
                exchange.start()
            if client.poll() is not None:
                client = self.start()
        client.send_signal(signal.SIGKILL)
        client.wait()
        return most


def _address(chance: random.Random) -> str:
    letters = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(10))
    return f"{letters}@clinic.example"


def notified(exchange: ExchangeProcess) -> Counter[str]:
    """How many mails with a link each address has got."""
    mails = [message_from_bytes(p.read_bytes()) for p in (exchange.data / "mail").glob("*.eml")]
    return Counter(str(mail["To"]) for mail in mails if mail["X-Emix-Kind"] == "notify")


def check_log(log: Path, package_ids: set[str]) -> None:
    """The journal tells the truth: whole lines, and of each row what really became of it."""
    steps = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    ends = [step for step in steps if step["step"] == "end" and step["state"] != "failed"]
    assert {step["package_id"] for step in ends} == package_ids
    sent = Counter(step["row"] for step in ends if step["state"] == "sent")
    assert set(sent.values()) <= {1}
    by_row: dict[int, set[str]] = {}
    for step in ends:
        by_row.setdefault(step["row"], set()).add(step["package_id"])
    assert sorted(by_row) == list(range(1, SENDS + 1))
    assert all(len(found) == 1 for found in by_row.values())


def owner_of(exchange: ExchangeProcess) -> HttpExchange:
    return HttpExchange(exchange.client().transport, token=os.environ["EMIX_TOKEN"])


def check_exchange(exchange: ExchangeProcess, package_ids: set[str], recipients: list[str]) -> None:
    """The exchange has just what was sent: a package, a share and a mail for each."""
    packages = [*owner_of(exchange).iter_packages()]
    assert {package.package_id for package in packages} == package_ids
    shared = Counter(share.recipient for package in packages for share in package.shares)
    assert shared == Counter(recipients)
    wait_for(lambda: notified(exchange) >= Counter(recipients))
    assert notified(exchange) == Counter(recipients)


def open_with_code(exchange: ExchangeProcess, package: Package, code: str) -> None:
    """The access code in the list opens the share of its recipient."""
    (share,) = package.shares
    room = HttpMailroom(exchange.client().transport, parse_link(share.link).token)
    before = exchange.n_mails()
    room.request_code()
    mailbox = room.verify_code(exchange.mail_code(share.recipient, after=before))
    proof = to_base64url(code_proof({"kdf": mailbox.kdf}, normalise_code(code)))
    assert room.open(mailbox.session, proof).package_id == package.package_id


def test_each_send_arrives_exactly_once_whatever_is_killed(
    doomed: ExchangeProcess, run_emix: EmixProcess, tmp_path: Path
) -> None:
    chance = random.Random(20261124)
    n_kills, package_ids, recipients = 0, set[str](), list[str]()
    for number in itertools.count():
        batch = Killed(tmp_path, chance, number)
        n_kills += batch.kill(doomed, KILLS - n_kills)
        done = run_emix(*batch.options, "--json")
        assert done.code == 0, done.stderr
        found = {row["package_id"] for row in done.document["rows"]}
        assert len(found) == SENDS
        check_log(batch.log, found)
        package_ids |= found
        recipients += batch.recipients
        check_exchange(doomed, package_ids, recipients)
        print(f"{n_kills} kills while a batch ran; {len(recipients)} sends", flush=True)
        if n_kills >= KILLS:
            break
    packages = [*owner_of(doomed).iter_packages()]
    with (tmp_path / "codes.csv").open(newline="", encoding="utf-8") as file:
        codes = {line["recipient"]: line["code"] for line in csv.DictReader(file)}
    assert sorted(codes) == sorted(recipients)
    for package in packages[:3]:
        open_with_code(doomed, package, codes[package.shares[0].recipient])
