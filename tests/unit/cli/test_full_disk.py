"""A full disk: its own exit code, and nothing half-written. A limit on file sizes stands for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emixcli import credentials
from tests import builders
from tests.running import ROOT, EmixProcess, Result

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
_TRAMPOLINE = (
    "import os, resource, sys\n"
    "limit = int(sys.argv[1])\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'emixcli', *sys.argv[2:]])\n"
)


def run_limited(limit: int, *arguments: str | Path, cwd: Path) -> Result:
    done = subprocess.run(
        [sys.executable, "-c", _TRAMPOLINE, str(limit), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def work(tmp_path: Path, run_emix: EmixProcess) -> Path:
    builders.study(tmp_path / "disc", rows=128, columns=128)
    done = run_emix("pack", "disc", "-o", "p.emix.html", "--code-out", "code")
    assert done.code == 0, done.stderr
    return tmp_path


@pytest.mark.parametrize(
    ("limit", "arguments"),
    [
        (50_000, ("pack", "disc", "-o", "q.emix.html")),
        (50_000, ("pack", "disc", "-o", "q.emix.html", "--code-out", "q.code")),
        (0, ("pack", "disc", "-o", "q.emix.html", "--code-out", "q.code")),
        (5_000, ("unpack", "p.emix.html", "-o", "out")),
        (100, ("keys", "export", "-o", "key")),
        (10, ("exchange", "init", "x", "--email", "it@hospital.example", "--no-input")),
    ],
)
def test_no_output_is_left(limit: int, arguments: tuple[str, ...], work: Path) -> None:
    before = names(work)
    result = run_limited(limit, *arguments, cwd=work)
    assert result.code == 42, result.stderr
    assert "hint: " in result.stderr
    assert names(work) == before


def test_settings_and_keys_stay_as_they_were(
    tmp_path: Path, run_emix: EmixProcess, emix_home: Path
) -> None:
    assert run_limited(10, "keys", "show", cwd=tmp_path).code == 42
    assert names(emix_home / "keys") == []
    assert run_emix("config", "set", "sender_name", "CT").code == 0
    settings = (emix_home / "config.toml").read_bytes()
    assert run_limited(10, "config", "set", "organisation", "Hospital", cwd=tmp_path).code == 42
    assert (emix_home / "config.toml").read_bytes() == settings
    assert not [name for name in names(emix_home) if name.endswith(".partial")]


def test_logins_stay_as_they_were(emix_home: Path) -> None:
    credentials.remember("https://a.example", "token", store="file", email="", ca_file=None)
    kept = (emix_home / "credentials.json").read_bytes()
    limited = (
        "import resource\n"
        "from emixcli import credentials\n"
        "from emixcli.errors import NoSpaceError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "try:\n"
        "    credentials.remember('https://b', 't', store='file', email='', ca_file=None)\n"
        "except NoSpaceError as error:\n"
        "    raise SystemExit(error.exit_code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 42
    assert (emix_home / "credentials.json").read_bytes() == kept
    assert names(emix_home) == ["credentials.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
@pytest.mark.parametrize("arguments", [("--help",), ("version",), ("keys", "show"), ("config",)])
def test_standard_output_on_a_full_disk(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "emixcli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
    if arguments == ("config",):  # its help goes to standard error
        assert done.returncode == 2
    else:
        assert done.returncode == 42
        assert done.stderr.startswith("emix: error: the disk is full")
    assert "Traceback" not in done.stderr


def test_a_journal_on_a_full_disk(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from emixcli.errors import NoSpaceError\n"
        "from emixcli.services.journal import Journal\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "journal = Journal('send', 'key', directory=Path(sys.argv[1]))\n"
        "try:\n"
        "    journal.append('begin', package_id='x' * 100)\n"
        "except NoSpaceError:\n"
        "    print('full', flush=True)\n"
        "import os; os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stdout.strip() == "full", done.stderr
