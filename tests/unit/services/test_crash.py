"""Killed at any moment on either side, the same command goes on and the bytes are the same."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.running import ROOT, EmixProcess
from tests.unit.services.exchange_process import ExchangeProcess

N_KILLS = 12


def send_arguments(disc: Path, name: str, folder: Path) -> list[str]:
    address = f"{name}@clinic.example"
    return [
        "send", str(disc), "--to", address, "--confirm-to", address, "--purpose", "treatment",
        "--yes", "--json", "-q", "--code-out", str(folder / f"{name}.code"),
    ]  # fmt: skip


def begin(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "emixcli", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def signed_shares(exchange: ExchangeProcess, token: str, address: str) -> int:
    found = exchange.client(token).iter_packages()
    return sum(share.recipient == address for package in found for share in package.shares)


def n_steps(home: Path, known: set[Path]) -> int:
    """Lines in the journal of the send that is running."""
    mine = set((home / "state" / "journals").glob("send-*.jsonl")) - known
    return max((path.read_bytes().count(b"\n") for path in mine), default=0)


@pytest.mark.slow
def test_client_killed_at_random_points(
    run_emix: EmixProcess, logged_in: ExchangeProcess, large_disc: Path, tmp_path: Path,
    token: str, emix_home: Path,
) -> None:  # fmt: skip
    points = random.Random(20)
    killed = 0
    for n in range(N_KILLS):
        name, steps = f"killed{n}", points.randint(0, 9)
        known = set((emix_home / "state" / "journals").glob("*.jsonl"))
        process = begin(send_arguments(large_disc, name, tmp_path))
        while process.poll() is None and n_steps(emix_home, known) < steps:
            time.sleep(0.005)
        time.sleep(points.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() != 0
        done = run_emix(*send_arguments(large_disc, name, tmp_path))
        assert done.code == 0, done.stderr
        assert signed_shares(logged_in, token, f"{name}@clinic.example") == 1
        assert len((tmp_path / f"{name}.code").read_text().strip()) == 13
        stored = logged_in.stored(done.document["package_id"], token)
        assert len(stored) == done.document["size"]
    (tmp_path / "p.emix.html").write_bytes(stored)
    assert run_emix("verify", "p.emix.html").code == 0
    assert killed >= N_KILLS // 2


@pytest.mark.slow
def test_exchange_killed_at_random_points(
    run_emix: EmixProcess, logged_in: ExchangeProcess, large_disc: Path, tmp_path: Path, token: str
) -> None:
    points = random.Random(21)
    for n in range(N_KILLS // 2):
        process = begin(send_arguments(large_disc, f"away{n}", tmp_path))
        time.sleep(points.uniform(0.8, 2.0))
        logged_in.kill()
        logged_in.start()
        # The client waits for the exchange to come back; only a share may have to be asked again.
        code = process.wait(120)
        assert code in {0, 60}
        done = run_emix(*send_arguments(large_disc, f"away{n}", tmp_path))
        assert done.code == 0, done.stderr
        assert signed_shares(logged_in, token, f"away{n}@clinic.example") == 1
        stored = logged_in.stored(done.document["package_id"], token)
        assert len(stored) == done.document["size"]
    (tmp_path / "p.emix.html").write_bytes(stored)
    assert run_emix("verify", "p.emix.html").code == 0


@pytest.mark.slow
def test_download_killed_at_random_points(
    run_emix: EmixProcess, logged_in: ExchangeProcess, large_disc: Path, tmp_path: Path, token: str
) -> None:
    done = run_emix(*send_arguments(large_disc, "fetch", tmp_path))
    package_id = done.document["package_id"]
    points = random.Random(22)
    arguments = ["download", package_id, "-o", str(tmp_path / "in"), "-q"]
    for _ in range(4):
        process = begin(arguments)
        time.sleep(points.uniform(0.5, 1.2))
        process.kill()
        process.wait()
        if process.returncode == 0:
            break
    got = run_emix(*arguments)
    assert got.code in {0, 41}
    found = (tmp_path / "in" / f"{package_id}.emix.html").read_bytes()
    stored = logged_in.stored(package_id, token)
    assert hashlib.sha256(found).digest() == hashlib.sha256(stored).digest()
    assert [path.suffix for path in (tmp_path / "in").iterdir()] == [".html"]
