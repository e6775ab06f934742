"""The own key file: made once, for its owner only, on every file system."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from emixcli import config
from emixcli.container.identity import FILE_NAME, load_identity
from emixcli.errors import OutputError
from tests.running import ROOT


@pytest.fixture
def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse hard links as FAT does."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new home, with the folder of the keys."""
    monkeypatch.setenv("EMIX_HOME", str(tmp_path / "home"))
    folder = config.keys_dir()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("no_hard_links")
def test_keys_are_made_without_hard_links(home: Path) -> None:
    made = load_identity()
    assert load_identity(create=False).fingerprint() == made.fingerprint()
    assert names(home) == [FILE_NAME]
    if os.name == "posix":
        assert (home / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_the_quicker_process_wins_without_hard_links(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_identity()
    content = (home / FILE_NAME).read_bytes()
    (home / FILE_NAME).unlink()

    def lose_the_race(*_: object, **__: object) -> None:
        (home / FILE_NAME).write_bytes(content)
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", lose_the_race)
    assert load_identity().fingerprint() == first.fingerprint()
    assert (home / FILE_NAME).read_bytes() == content
    assert names(home) == [FILE_NAME]


@pytest.mark.usefixtures("no_hard_links")
def test_a_failed_write_leaves_no_key_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError):
        load_identity()
    assert names(home) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a rename overwrites nothing there")
@pytest.mark.parametrize("links", ["linked", "no links"])
def test_many_processes_agree_on_one_key(home: Path, links: str) -> None:
    program = (
        "import os, sys\n"
        "from emixcli.container.identity import load_identity\n"
        "def refuse(*_):\n"
        "    raise PermissionError\n"
        "if sys.argv[1] == 'no links':\n"
        "    os.link = refuse\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(load_identity().fingerprint())\n"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, links],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(8)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    found = {racer.communicate()[0] for racer in racers}
    assert found == {load_identity(create=False).fingerprint() + "\n"}
    assert names(home) == [FILE_NAME]
