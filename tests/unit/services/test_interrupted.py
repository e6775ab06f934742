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

from emixcli.media.disc.mapfile import Mapfile, Status
from tests.builders import file_set, has_xorriso, iso, study
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


@pytest.mark.skipif(not has_xorriso(), reason="xorriso is not installed")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_copy_of_a_disc_goes_on_where_it_was_stopped(
    number: signal.Signals, code: int, tmp_path: Path, run_emix: EmixProcess
) -> None:
    files = file_set(tmp_path / "files", study(tmp_path / "x", series=1))
    disc = iso(tmp_path / "disc.iso", files)
    os.truncate(disc, 256 * 1024 * 1024)
    arguments = ("salvage", disc, "-o", "saved", "--image", "copy.iso")
    for _ in range(_TRIES):
        found = stop_when("copy.iso.map", number, *arguments, cwd=tmp_path)
        state = Mapfile.parse((tmp_path / "copy.iso.map").read_text())
        n_done, n_left = state.n_bytes(Status.DONE), state.n_bytes(Status.UNTRIED)
        if found and n_done and n_left:
            break
        shutil.rmtree(tmp_path / "saved", ignore_errors=True)
        for name in ("copy.iso", "copy.iso.map"):
            (tmp_path / name).unlink()
    assert found == code
    assert not (tmp_path / "saved").exists()
    start, stop = state.blocks(Status.DONE)[0]
    assert start == 0 < stop
    before = disc.read_bytes()
    with disc.open("r+b") as file:
        file.write(b"other")  # what was read is not read again
    assert run_emix(*arguments).code == 0
    assert (tmp_path / "copy.iso").read_bytes() == before
