"""What the system does not let a user read or write is told as that, never as a fault of a disc."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders import study
from tests.running import ROOT, Result

Run = Callable[..., Result]

#: Root may read everything, but for this right.
_AS_OTHERS = (
    "setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all",
)  # fmt: skip

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX"),
    pytest.mark.skipif(
        os.name == "posix" and os.geteuid() == 0 and not shutil.which("setpriv"),
        reason="root without setpriv",
    ),
]


def run(*arguments: str | Path) -> Result:
    """Run emix as somebody who is bound by permissions."""
    before = _AS_OTHERS if os.geteuid() == 0 else ()
    done = subprocess.run(
        [*before, sys.executable, "-m", "emixcli", *map(str, arguments)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "locked"
    study(folder / "inside", series=1, instances=1)
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize(
    "command",
    [
        ("diagnose", "disc", "--html", "locked/x.html"),
        ("salvage", "disc", "-o", "locked/here"),
        ("salvage", "disc", "-o", "locked/more/here"),
        ("salvage", "disc/x.iso", "-o", "here", "--image", "locked/x.iso"),
        ("pack", "disc", "-o", "locked/x.emix.html"),
        ("anonymize", "disc", "-o", "locked/here"),
    ],
)
def test_an_output_that_may_not_be_looked_at(
    command: tuple[str, ...], tmp_path: Path, locked: Path
) -> None:
    study(tmp_path / "disc", series=1, instances=1)
    (tmp_path / "disc/x.iso").write_bytes(bytes(40 * 2048))
    words = [
        tmp_path / word if "/" in word or word in ("disc", "here") else word for word in command
    ]
    done = run(*words)
    assert done.code == 40, done.stderr
    assert "check the folder and its permissions" in done.stderr
    assert not list(tmp_path.glob("*.partial"))
    del locked


@pytest.mark.parametrize("path", ["locked/inside", "locked/inside/x.iso"])
def test_a_medium_that_may_not_be_looked_at(path: str, tmp_path: Path, locked: Path) -> None:
    done = run("scan", tmp_path / path)
    assert done.code == 20
    assert "permission denied" in done.stderr
    assert "clean" not in done.stderr
    del locked


def test_files_that_may_not_be_read_are_no_damage(tmp_path: Path, locked: Path) -> None:
    paths = study(tmp_path / "disc", series=1, instances=3)
    paths[1].chmod(0)
    locked.rename(tmp_path / "disc/locked")
    done = run("scan", tmp_path / "disc")
    (tmp_path / "disc/locked").rename(locked)
    assert done.code == 3
    assert "M17  LOSS   2 x" in done.stdout
    assert "no permission to look into the folder: locked" in done.stdout
    assert "M01" not in done.stdout
    assert "clean" not in done.stdout + done.stderr
    done = run("scan", locked)
    assert "no permission to look into the folder: ." in done.stdout
    assert "clean" not in done.stdout + done.stderr
    assert done.code == 20
