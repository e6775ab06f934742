"""Progress: a bar on a terminal, lines elsewhere, nothing when quiet."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from rich.progress import ProgressColumn

from emixcli.progress import SILENT
from emixcli.ui import progress
from tests.running import ROOT


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress(quiet=True) as listener:
        assert listener is SILENT
        listener.stage("reading", 10)
        listener.advance(10)
        listener.note("nothing")
    assert capsys.readouterr().err == ""


def test_lines_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("emixcli.ui.progress.time.monotonic", lambda: now[0])
    with progress.progress() as listener:
        listener.stage("reading", 4_000_000)
        for _ in range(4):
            now[0] += 6
            listener.advance(1_000_000)
        listener.stage("sending", None, "parts")
        now[0] += 11
        listener.advance(2)
        listener.note("one part again")
    assert capsys.readouterr().err.splitlines() == [
        "reading: 2.0 MB (50 %, 12 s left), 166.7 kB/s",
        "reading: 4.0 MB (100 %, 0 s left), 166.7 kB/s",
        "sending: 2 parts, 0.2 parts/s",
        "one part again",
        "sending: 2 parts, 0.2 parts/s",
    ]


def test_a_stage_ends_at_its_size_though_a_bound_was_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("emixcli.ui.progress.time.monotonic", lambda: now[0])
    with progress.progress() as listener:
        listener.stage("sending", 4_000_000)
        now[0] += 10
        listener.advance(1_000_000)
        listener.resize(2_000_000)
        now[0] += 10
        listener.advance(1_000_000)
    monkeypatch.setattr("emixcli.ui.console.is_drawable", lambda: True)
    with progress.progress() as listener:
        assert isinstance(listener, progress._BarListener)
        listener.stage("sending", 4)
        listener.advance(2)
        listener.resize(2)
        assert listener._progress is not None
        assert listener._progress.finished
    assert capsys.readouterr().err.splitlines()[:2] == [
        "sending: 1.0 MB (25 %, 30 s left), 100.0 kB/s",
        "sending: 2.0 MB (100 %, 0 s left), 100.0 kB/s",
    ]


def test_a_short_job_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress() as listener:
        listener.stage("reading", 10)
        listener.advance(10)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
@pytest.mark.parametrize(
    "quieter", [{}, {"CI": "true"}, {"TERM": "dumb"}, {"EMIX_NO_PROGRESS": "1"}]
)
def test_a_bar_on_a_terminal_only(quieter: dict[str, str]) -> None:
    program = (
        "from emixcli.ui.progress import progress\n"
        "with progress() as listener:\n"
        "    listener.stage('reading')\n"
        "    listener.advance(10)\n"
        "    listener.stage('sending', 2, 'parts')\n"
        "    listener.advance(2)\n"
        "    listener.note('a [red]name[/red] \\x1b[2J')\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    master, slave = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stderr=slave,
        stdin=slave,
        cwd=ROOT,
        env={**env, "TERM": "xterm", **quieter},
    ):
        os.close(slave)
        talk = b""
        try:
            while data := os.read(master, 4096):
                talk += data
        except OSError:
            pass  # Linux says EIO when the other side has closed
    os.close(master)
    assert (b"sending" in talk) is not bool(quieter)
    assert b"a [red]name[/red] \\x1b[2J" in talk


def test_thousands_of_stages_stay_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emixcli.ui.console.is_drawable", lambda: True)
    with progress.progress() as listener:
        assert isinstance(listener, progress._BarListener)
        for n in range(50):
            listener.stage(f"row {n}: sending", None if n % 2 else 10)
            listener.advance(10)
        assert listener._progress is not None
        names = [task.description for task in listener._progress.tasks]
    assert names[-1] == "row 49: sending"
    assert len(names) == 4


def test_a_stage_without_amounts_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emixcli.ui.console.is_drawable", lambda: True)
    with progress.progress() as listener:
        assert isinstance(listener, progress._BarListener)
        listener.stage("starting an exchange")
        listener.stage("sending")
        listener.stage("copying", 2000)
        assert listener._progress is not None
        amounts = listener._progress.columns[2]
        assert isinstance(amounts, ProgressColumn)
        shown = [str(amounts(task)) for task in listener._progress.tasks]
    assert shown == ["", "", "0 B of 2.0 kB"]
