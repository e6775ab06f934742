"""dev.py, which must work before anything is installed."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

import dev
from tests.running import ROOT


def test_it_needs_the_standard_library_only() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text("utf-8"))
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported <= sys.stdlib_module_names


def test_the_hooks_before_a_commit_call_what_exists() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    entries = [shlex.split(entry) for entry in re.findall(r"(?m)^ +entry: (.+)$", text)]
    assert ["python3", "dev.py", "lint"] in entries
    assert any("tests/test_phi.py" in entry for entry in entries)
    for _python, _script, command, *arguments in entries:
        assert hasattr(dev, command)
        assert all((ROOT / name).exists() for name in arguments if not name.startswith("-"))


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--help"], 0), (["deploy"], 2)])
def test_without_a_command_it_tells_its_commands(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "dev.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "python3 dev.py demo" in done.stdout


def test_missing_programs_are_named_to_who_cannot_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "dcmdump" else f"/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    dev.install_programs(dev.PROGRAMS)
    assert "sudo apt-get install --no-install-recommends dcmtk" in capsys.readouterr().out


def test_every_step_runs_after_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    fail, work = ((sys.executable, "-c", text) for text in ("raise SystemExit(3)", "print('ran')"))
    assert dev.run_steps({"first": fail, "second": work}) == 1
    out = capfd.readouterr().out
    assert "ran" in out
    assert "dev: failed: first" in out
    assert dev.run_steps({"second": work}) == 0
