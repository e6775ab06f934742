"""Stopped in the middle: the exit code says so, and nothing half-written is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.running import ROOT, EmixProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

_TRIES = 30


def stop_when(appears: str, number: signal.Signals, *arguments: str | Path, cwd: Path) -> int:
    """Run a command, stop it once a file of its own appears, and return its exit code."""
    before = set(cwd.iterdir())
    with subprocess.Popen(
        [sys.executable, "-m", "emixcli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 60
        while not [path for path in set(cwd.glob(appears)) - before if path.exists()]:
            assert process.poll() is None, "it ended before it could be stopped"
            assert time.monotonic() < deadline
        process.send_signal(number)
        return process.wait(60)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_pack_and_unpack_leave_nothing(
    number: signal.Signals, code: int, large_disc: Path, tmp_path: Path, run_emix: EmixProcess
) -> None:
    pack = ("pack", large_disc, "--code-out", "code", "-o")
    assert stop_when("p.emix.html.partial", number, *pack, "p.emix.html", cwd=tmp_path) == code
    assert list(tmp_path.iterdir()) == []
    assert run_emix(*pack, "p.emix.html").code == 0
    before = set(tmp_path.iterdir())
    unpack = ("unpack", "p.emix.html", "-o", "out")
    for _ in range(_TRIES):  # now and then it is done before the signal arrives
        found = stop_when("*out*", number, *unpack, cwd=tmp_path)
        if found:
            break
        shutil.rmtree(tmp_path / "out")
    assert found == code
    assert set(tmp_path.iterdir()) == before
