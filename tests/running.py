"""Runs the command line for tests: as a real process, or in this one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from emixcli import cli

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Result:
    """What a run left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The JSON document on standard output."""
        return json.loads(self.stdout)

    @property
    def error(self) -> dict[str, Any]:
        """The error object of `--json` on standard error."""
        found: dict[str, Any] = json.loads(self.stderr.splitlines()[-1])["error"]
        return found


@dataclass(frozen=True)
class EmixProcess:
    """Calls `emix` as a user does; the environment is that of the test."""

    cwd: Path

    def __call__(
        self,
        *arguments: str | Path,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_s: float = 120,
    ) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "emixcli", *map(str, arguments)],
            input=stdin.encode(),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            cwd=cwd or self.cwd,
            timeout=timeout_s,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_here(*arguments: str | Path, stdin: str = "") -> Result:
    """Call `emix` in this process: quick, seen by coverage, but not the whole of the real thing."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "stdin", io.StringIO(stdin)),
    ):
        code = cli.run([str(argument) for argument in arguments])
    return Result(code, *(_content(stream) for stream in (out, err)))


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.detach()
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()
