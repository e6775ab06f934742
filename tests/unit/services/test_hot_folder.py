"""`emix batch run --watch`: what a PACS exports is sent once it is complete, and once only."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emixcli.errors import EmixError, NotFoundError, UsageError
from emixcli.services.batch_file import Row, read_batch
from emixcli.services.hot_folder import FAILED, SENT, HotFolder
from tests import builders
from tests.builders import Canary
from tests.running import ROOT, EmixProcess, Result
from tests.unit.services.exchange_process import ExchangeProcess


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def routes(tmp_path: Path, *sources: str) -> list[Row]:
    lines = [f"{name},a{n}@clinic.example,treatment" for n, name in enumerate(sources)]
    (tmp_path / "routes.csv").write_text("\n".join(["source,to,purpose", *lines]) + "\n")
    rows = read_batch(tmp_path / "routes.csv")
    good = [row for row in rows if isinstance(row, Row)]
    assert len(good) == len(rows)
    return good


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("eye", "heart"):
        (tmp_path / "hot" / name).mkdir(parents=True)
    return tmp_path / "hot"


def study(folder: Path, number: int) -> None:
    phi = Canary(name=f"HOT^P{number}", id=f"HOT-{number}")
    builders.study(folder, series=1, instances=2, number=number, phi=phi)


def test_an_export_is_taken_when_it_has_been_quiet(tmp_path: Path, folder: Path) -> None:
    clock = Clock()
    hot = HotFolder(folder, routes(tmp_path, "eye", "heart"), quiet_s=60, clock=clock)
    assert hot.ready() == []
    assert hot.is_empty
    (folder / "eye" / "one").mkdir()
    (folder / "eye" / "one" / "IM1").write_bytes(b"x")
    (folder / "eye" / ".hidden").write_bytes(b"x")
    (folder / "eye" / "empty").mkdir()
    assert hot.ready() == []
    clock.now = 59
    assert hot.ready() == []
    (folder / "eye" / "one" / "IM2").write_bytes(b"y")
    clock.now = 70
    assert hot.ready() == []
    clock.now = 131
    (export,) = hot.ready()
    assert export.name == "one"
    (folder / "eye" / "one" / "IM3.part").write_bytes(b"z")
    assert hot.ready() == []
    clock.now = 500
    assert hot.ready() == []


def test_loose_files_belong_together_by_study(tmp_path: Path, folder: Path) -> None:
    hot = HotFolder(folder, routes(tmp_path, "eye"), quiet_s=0, clock=Clock())
    for number in (1, 2):
        study(tmp_path / f"s{number}", number)
        for n, path in enumerate((tmp_path / f"s{number}").rglob("IM*")):
            shutil.copy(path, folder / "eye" / f"{number}-{n}.dcm")
    (folder / "eye" / "notes.xyz").write_bytes(b"?")
    found = sorted(len(export.sources) for export in hot.ready())
    assert found == [1, 2, 2]


def test_what_changes_while_it_is_sent_stays(tmp_path: Path, folder: Path) -> None:
    hot = HotFolder(folder, routes(tmp_path, "eye"), quiet_s=0, clock=Clock())
    (folder / "eye" / "one").mkdir()
    (folder / "eye" / "one" / "IM1").write_bytes(b"x")
    (export,) = hot.ready()
    (folder / "eye" / "one" / "IM2").write_bytes(b"late")
    assert not hot.move(export, package_id="p", errors=())
    assert (folder / "eye" / "one" / "IM2").exists()
    (export,) = hot.ready()
    assert hot.move(export, package_id="p", errors=())
    assert {path.name for path in (folder / SENT / "eye" / "one").iterdir()} == {"IM1", "IM2"}


def test_the_same_name_again_and_reasons_beside_it(tmp_path: Path, folder: Path) -> None:
    hot = HotFolder(folder, routes(tmp_path, "eye"), quiet_s=0, clock=Clock())
    for _ in range(2):
        (folder / "eye" / "one").mkdir()
        (folder / "eye" / "one" / "IM1").write_bytes(b"x")
        (export,) = hot.ready()
        error: EmixError = NotFoundError("it is not there", hint="look")
        assert hot.move(export, package_id="", errors=[error])
    place = folder / FAILED / "eye"
    names = ["one", "one-2", "one-2.error.json", "one.error.json"]
    assert sorted(path.name for path in place.iterdir()) == names
    reason = json.loads((place / "one.error.json").read_text())["errors"][0]
    assert reason == {"id": "exchange.not_found", "message": "it is not there", "hint": "look"}


def test_moving_loose_files_goes_on_after_a_kill(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = routes(tmp_path, "eye")
    hot = HotFolder(folder, rows, quiet_s=0, clock=Clock())
    study(tmp_path / "s", 5)
    for n, path in enumerate((tmp_path / "s").rglob("IM*")):
        shutil.copy(path, folder / "eye" / f"{n}.dcm")
    (export,) = hot.ready()
    moved: list[Path] = []
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if moved:
            raise KeyboardInterrupt
        moved.append(self)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        hot.move(export, package_id="package", errors=())
    monkeypatch.undo()
    again = HotFolder(folder, rows, quiet_s=0, clock=Clock())
    assert again.ready() == []
    names = sorted(path.name for path in (folder / SENT / "eye" / "package").iterdir())
    assert names == ["0.dcm", "1.dcm"]


@pytest.mark.parametrize("source", ["nothing", "..", "eye;heart", "../outside"])
def test_routes_that_are_none(tmp_path: Path, folder: Path, source: str) -> None:
    (tmp_path / "outside").mkdir()
    with pytest.raises(UsageError):
        HotFolder(folder, routes(tmp_path, source), quiet_s=0)


def watch(run_emix: EmixProcess, *more: str) -> Result:
    return run_emix(
        "batch", "run", "hot.csv", "--watch", "hot", "--codes-out", "codes.csv", "--once",
        "--quiet-for", "0.3", "--json", *more,
    )  # fmt: skip


def test_exports_are_sent_and_moved(
    run_emix: EmixProcess, logged_in: ExchangeProcess, folder: Path, tmp_path: Path
) -> None:
    before = logged_in.n_mails()
    to = ("hotfolder-eye@clinic.example", "quite-another@clinic.example")
    lines = [f"{n},{a},treatment,{a},0" for n, a in zip(("eye", "heart"), to, strict=True)]
    (tmp_path / "hot.csv").write_text("\n".join(["source,to,purpose,confirm_to,hold", *lines]))
    study(folder / "eye" / "export1", 71)
    study(folder / "heart" / "export2", 72)
    (folder / "heart" / "rubbish").mkdir()
    (folder / "heart" / "rubbish" / "readme.txt").write_text("nothing")
    done = watch(run_emix)
    assert done.code == 3, done.stderr
    assert done.document["counts"] == {"sent": 2, "already": 0, "ready": 0, "failed": 1}
    assert (folder / SENT / "eye" / "export1").is_dir()
    assert (folder / SENT / "heart" / "export2").is_dir()
    reasons = json.loads((folder / FAILED / "heart" / "rubbish.error.json").read_text())
    assert reasons["errors"][0]["id"] == "media.no_dicom"
    codes = (tmp_path / "codes.csv").read_text().splitlines()[1:]
    assert sorted(line.split(",")[2] for line in codes) == sorted(to)

    # Killed before the moving, or exported twice: it was sent already.
    shutil.copytree(folder / SENT / "eye" / "export1", folder / "eye" / "once-more")
    # Two patients in one export are two packages.
    study(folder / "eye" / "both", 73)
    builders.study(
        folder / "eye" / "both" / "b", series=1, instances=1, number=74,
        phi=Canary(name="HOT^P74", id="HOT-74"),
    )  # fmt: skip
    again = watch(run_emix, "--jobs", "2")
    assert again.code == 0, again.stderr
    assert again.document["counts"] == {"sent": 2, "already": 1, "ready": 0, "failed": 0}
    names = sorted(path.name for path in (folder / SENT / "eye").iterdir())
    assert names == ["both", "export1", "once-more"]
    assert logged_in.n_mails() >= before


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_watch_says_what_it_does_while_it_runs(
    logged_in: ExchangeProcess, folder: Path, tmp_path: Path
) -> None:
    del logged_in
    (folder / "eye" / "rubbish").mkdir()
    (folder / "eye" / "rubbish" / "readme.txt").write_text("nothing")
    (tmp_path / "hot.csv").write_text("source,to,purpose\neye,told@clinic.example,treatment\n")
    run = ("batch", "run", "hot.csv", "--watch", "hot", "--codes-out", "codes.csv")
    with subprocess.Popen(
        [sys.executable, "-m", "emixcli", *run, "--quiet-for", "0.2"],
        stderr=subprocess.PIPE, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = [process.stderr.readline().decode() for _ in range(2)]
        process.send_signal(signal.SIGINT)
    assert said[0] == "watching; Ctrl-C ends it\n"
    assert said[1].startswith("row 1: none of 1 file")
    assert process.returncode == 130


def test_once_goes_with_watch(run_emix: EmixProcess) -> None:
    found = run_emix("batch", "run", "hot.csv", "--codes-out", "codes.csv", "--once", "--json")
    assert (found.code, found.error["message"]) == (2, "--once goes with --watch")
