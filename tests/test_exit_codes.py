"""Every way to end has its code, on a terminal's words and in JSON."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emixcli import cli, errors, logs
from emixcli.server import problems
from emixcli.ui.output import StdoutClosedError
from tests.running import ROOT, EmixProcess, Result, run_here
from tools.gen_docs import error_classes

EXIT_CODES = (ROOT / "docs/reference/exit-codes.md").read_text("utf-8")
SECRET = "CANARY^SURNAME"


def raising(error: BaseException) -> Callable[[object], int]:
    def dispatch(_argv: object) -> int:
        raise error

    return dispatch


def run_raising(monkeypatch: pytest.MonkeyPatch, error: BaseException, *arguments: str) -> Result:
    monkeypatch.setattr(cli, "_dispatch", raising(error))
    return run_here("scan", *arguments)


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.id)
def test_each_error_is_in_the_table_and_ends_with_its_code(
    error: type[errors.EmixError], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.search(
        rf"^\| {error.exit_code} \| `{re.escape(error.id)}` \|", EXIT_CODES, re.MULTILINE
    )
    words = run_raising(monkeypatch, error("it broke", hint="mend it"))
    assert words == Result(error.exit_code, "", "emix: error: it broke\nemix: hint: mend it\n")
    document = run_raising(monkeypatch, error("it broke", hint=""), "--json")
    assert document.code == error.exit_code
    assert document.stdout == ""
    assert document.error == {
        "id": error.id,
        "exit_code": error.exit_code,
        "message": "it broke",
        "hint": "",
    }


def iter_errors(path: Path) -> Iterator[tuple[ast.Call, type[errors.EmixError]]]:
    """Yield where a module makes an error, and of which class; by the names of our classes."""
    known = {**vars(errors), **vars(problems)}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kind = known.get(node.func.id)
            if isinstance(kind, type) and issubclass(kind, errors.EmixError):
                yield node, kind


def test_every_error_says_what_to_do() -> None:
    """Where nothing can be done, the code says so: `hint=""`."""
    own = {problems.TooManyError, problems.BusyError}  # say it themselves
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno} {kind.__name__}"
        for path in sorted((ROOT / "emixcli").rglob("*.py"))
        for node, kind in iter_errors(path)
        if not kind.default_hint and kind not in own
        if not any(keyword.arg in {"hint", None} for keyword in node.keywords)
    ]
    assert bare == []


def test_ids_and_codes_are_unique() -> None:
    found = error_classes()
    assert len({error.id for error in found}) == len(found)
    assert len({error.exit_code for error in found}) == len(found)


def test_a_bug_is_told_by_its_class_and_logged_without_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    try:
        int(SECRET)
    except ValueError as exc:
        error = RuntimeError(SECRET)
        error.__cause__ = exc
    result = run_raising(monkeypatch, error)
    assert result.code == 1
    assert "internal error: RuntimeError" in result.stderr
    assert logs.run_id() in result.stderr
    log = logs.log_path().read_text("utf-8")
    assert "ValueError" in log
    assert "test_exit_codes.py" in log
    assert SECRET not in log + result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (cli.TerminatedError(), 143),
        (StdoutClosedError(), 0),
        (OSError(errno.ENOSPC, "full"), 42),
        (OSError(errno.EDQUOT, "quota"), 42),
        (ModuleNotFoundError(name="sqlalchemy.orm"), 2),  # `emix exchange` without the extra
        (ModuleNotFoundError(name="emixcli.nothing"), 1),
        (BrokenPipeError(), 1),  # not standard output's: some connection that nobody handled
    ],
)
def test_other_ends(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_raising(monkeypatch, error).code == code


def test_json_by_the_environment_makes_json_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMIX_CONFIG_GET_JSON", "1")
    result = run_here("config", "get", "nothing")
    assert result.code == 2
    assert result.error["id"] == "usage"


def test_a_group_without_subcommand_shows_its_help_and_fails() -> None:
    result = run_here("config")
    assert result.code == 2
    assert "Commands:" in result.stderr
    assert result.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_closed_pipe_ends_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "emixcli", "version", "--json"],
        stdout=write,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals(number: signal.Signals, code: int) -> None:
    # A command that waits: the settings are read from a pipe that nobody writes.
    program = (
        "import signal, sys, time\n"
        "from emixcli import cli\n"
        "def wait(argv):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "cli._dispatch = wait\n"
        "sys.exit(cli.main(['scan', '--json']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(20) == code
        assert json.loads(process.stderr.read())["error"]["exit_code"] == code


def test_a_narrow_terminal_encoding_ends_no_command(run_emix: EmixProcess, tmp_path: Path) -> None:
    run_emix("config", "set", "sender_name", "Źdźbło")
    narrow = {"PYTHONIOENCODING": "cp1252"}
    assert run_emix("config", "get", "sender_name", env=narrow).stdout.startswith("\\u0179d\\u017a")
    done = run_emix("config", "get", "sender_name", "--json", env=narrow)
    assert done.document["settings"][0]["value"] == "Źdźbło"
