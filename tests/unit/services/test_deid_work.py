"""De-identification by several processes: the same files and the same list, or an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import builders

#: A main module whose worker processes end as if the system had killed them.
_KILLED = """
import os, sys
from emixcli.anonymize import Anonymizer
from emixcli.cli import main

mine, work = os.getpid(), Anonymizer.anonymize

def anonymize(self, file):
    if os.getpid() != mine:
        os._exit(9)
    return work(self, file)

Anonymizer.anonymize = anonymize
sys.exit(main(sys.argv[1:]))
"""
needs_copies = pytest.mark.skipif(sys.platform != "linux", reason="processes are not copied there")


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    folder = tmp_path / "disc"
    folder.mkdir()
    for number in range(1, 42):
        builders.write(builders.instance(number=number), folder / f"IM{number}")
    for number in (5, 37):
        path = folder / f"IM{number}"
        path.write_bytes(path.read_bytes()[:-100])
    return folder


def run(tmp_path: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EMIX_HOME": str(tmp_path / "home")}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, env=environment
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


#: A main module that the system gives one further process and no more.
_ALONE = """
import os, sys
from emixcli.cli import main

fork, given = os.fork, []

def one() -> int:
    if given:
        raise BlockingIOError(11, "Resource temporarily unavailable")
    given.append(1)
    return fork()

os.fork = one
sys.exit(main(sys.argv[1:]))
"""


@needs_copies
def test_fewer_processes_than_wanted_do_all(disc: Path, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(_ALONE)
    command = ("anonymize", disc, "-o", tmp_path / "out", "--jobs", "4", "--json")
    result = run(tmp_path, tmp_path / "main.py", *command)
    assert result.returncode == 80, result.stderr
    assert json.loads(result.stdout)["counts"] == {"read": 41, "written": 39, "refused": 2}


@needs_copies
def test_copies_of_the_process_make_what_one_makes(disc: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    command = ("-m", "emixcli", "anonymize")
    assert run(tmp_path, *command, "--new-key", key).returncode == 0
    made, documents = [], []
    for jobs in ("1", "3"):
        out, report = tmp_path / f"out-{jobs}", tmp_path / f"report-{jobs}.json"
        options = ("-o", out, "--key-file", key, "--jobs", jobs, "--report", report, "--json")
        result = run(tmp_path, *command, disc, *options)
        assert result.returncode == 80, result.stderr
        made.append(files(out))
        documents.append((json.loads(result.stdout), json.loads(report.read_text())))
    assert made[0] == made[1]
    assert len(made[0]) == 39
    for document, _ in documents:
        document.pop("folder")
    assert documents[0] == documents[1]


@needs_copies
def test_a_process_that_is_killed_fails_the_run(disc: Path, tmp_path: Path) -> None:
    script, out = tmp_path / "killed.py", tmp_path / "out"
    script.write_text(_KILLED)
    result = run(tmp_path, script, "anonymize", disc, "-o", out, "--jobs", "2")
    assert result.returncode == 40, result.stderr
    assert "ended before its work was done" in result.stderr
    assert not out.exists()
    assert not list(tmp_path.glob("*.partial"))
