"""`emix scan` as a shell calls it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import builders
from tests.running import ROOT


def shell(script: str, cwd: Path) -> list[str]:
    """Run a script of the shell, where `emix` is the command; return the lines it wrote."""
    emix = f'emix() {{ {shlex.quote(sys.executable)} -m emixcli "$@"; }}\n'
    done = subprocess.run(
        ["sh", "-c", emix + script],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "EMIX_HOME": str(cwd / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(os.name == "nt", reason="needs sh")
def test_exit_codes_in_a_shell(tmp_path: Path) -> None:
    images = builders.study(tmp_path / "disc")
    (tmp_path / "empty").mkdir()
    script = "emix scan {} >/dev/null 2>&1; echo $?"
    assert shell(script.format("disc"), tmp_path) == ["0"]
    builders.truncate(images[0], keep=0.5)
    assert shell(script.format("disc"), tmp_path) == ["3"]
    assert shell(script.format("empty"), tmp_path) == ["21"]
    assert shell(script.format("nowhere"), tmp_path) == ["20"]
    found = shell("emix scan disc 2>/dev/null | grep -c 'unreadable  truncated'", tmp_path)
    assert found == ["1"]
    assert shell("emix scan disc --json 2>/dev/null | head -n 1; echo $?", tmp_path) == ["{", "0"]
