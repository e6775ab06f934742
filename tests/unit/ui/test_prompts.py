"""Questions: asked on a real terminal, refused without one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emixcli.errors import DeclinedError
from emixcli.ui import prompts
from tests.terminal import CTRL_C, CTRL_D, play

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")


PROGRAM = """
import sys
from emixcli import cli
from emixcli.ui import prompts

def ask(argv):
    print(repr(eval(argv[0])))
    return 0

cli._dispatch = ask
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("expression", "typed", "code", "said"),
    [
        ("prompts.ask('q')", ["jo@clinic.example"], 0, "'jo@clinic.example'"),
        ("prompts.ask('q')", ["  żółw "], 0, "'żółw'"),
        ("prompts.ask('q', default='x')", [""], 0, "'x'"),
        ("prompts.ask('q')", [CTRL_D], 5, "the input ended"),
        ("prompts.ask('q')", [CTRL_C], 130, "interrupted"),
        ("prompts.ask('q', no_input=True, option='--q')", [], 5, "give --q"),
        ("prompts.confirm('q')", ["y"], 0, "True"),
        ("prompts.confirm('q')", ["YES"], 0, "True"),
        ("prompts.confirm('q')", [""], 5, "not confirmed"),
        ("prompts.confirm('q')", ["sure"], 5, "not confirmed"),
        ("prompts.confirm('q')", [CTRL_C], 130, "interrupted"),
        ("prompts.confirm('q', no_input=True)", [], 5, "give --yes"),
        ("prompts.typed('purge 3 shares?', 'PURGE')", [" purge "], 0, "True"),
        ("prompts.typed('q', 'PURGE')", ["no"], 5, "what was typed does not match"),
        ("prompts.typed('q', 'PURGE')", [CTRL_C], 130, "interrupted"),
        ("prompts.typed('q', 'PURGE', no_input=True)", [], 5, "give --yes"),
        ("prompts.ask_secret('q')", ["s3cret"], 0, "'s3cret'"),
        ("prompts.ask_secret('q', repeat=True)", ["a", "a"], 0, "'a'"),
        ("prompts.ask_secret('q', repeat=True)", ["a", "b"], 2, "the two entries differ"),
        ("prompts.ask_secret('q')", [CTRL_D], 5, "the input ended"),
        ("prompts.ask_secret('q')", [CTRL_C], 130, "interrupted"),
        ("prompts.ask_secret('q', repeat=True)", ["a", CTRL_C], 130, "interrupted"),
        ("prompts.ask_secret('q', no_input=True)", [], 5, "run this in a terminal"),
        ("prompts.is_interactive()", [], 0, "True"),
    ],
)
def test_on_a_terminal(
    expression: str, typed: list[str], code: int, said: str, tmp_path: Path
) -> None:
    ends = "] " if "confirm" in expression else ": "
    answers = [(ends, answer) for answer in typed]
    result = play("-c", PROGRAM, expression, answers=answers, cwd=tmp_path)
    assert result.code == code, result.stderr
    assert said in (result.stderr if code else result.stdout)
    if code:
        assert result.stdout == ""


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    result = play(
        "-c", PROGRAM, "bool(prompts.ask_secret('q'))", answers=[(": ", "s3cret")], cwd=tmp_path
    )
    assert result.stdout == "True\n"
    assert "s3cret" not in result.stderr


def test_a_secret_that_was_interrupted_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    program = (
        "import sys, termios\n"
        "from emixcli.ui import prompts\n"
        "before = termios.tcgetattr(0)\n"
        "try:\n"
        "    prompts.ask_secret('q')\n"
        "except KeyboardInterrupt:\n"
        "    print(termios.tcgetattr(0) == before)\n"
    )
    result = play("-c", program, answers=[(": ", CTRL_C)], cwd=tmp_path)
    assert result.stdout == "True\n"


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: prompts.ask("address", option="--to ADDRESS"), "give --to ADDRESS"),
        (lambda: prompts.ask_secret("password"), "run this in a terminal"),
        (lambda: prompts.confirm("really"), "give --yes"),
        (lambda: prompts.typed("really", "NAME"), "give --yes"),
    ],
)
def test_without_a_terminal(call: object, hint: str) -> None:
    assert callable(call)
    with pytest.raises(DeclinedError) as caught:
        call()
    assert caught.value.hint == hint


def test_yes_asks_nothing() -> None:
    assert prompts.confirm("really", yes=True, no_input=True)
    assert prompts.typed("really", "NAME", yes=True, no_input=True)
