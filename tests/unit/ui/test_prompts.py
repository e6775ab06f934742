"""Questions: asked on a real terminal, refused without one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from emixcli.errors import DeclinedError
from emixcli.ui import prompts
from tests.running import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")


def play(expression: str, typed: str) -> tuple[str, str]:
    """Evaluate in a child on a terminal; return its standard output, and the talk."""
    program = (
        "from emixcli.ui import prompts\n"
        "from emixcli.errors import EmixError\n"
        "try:\n"
        f"    print(repr({expression}))\n"
        "except EmixError as exc:\n"
        "    print(exc.id, exc.message)\n"
    )
    master, slave = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        cwd=ROOT,
        start_new_session=True,
    ) as child:
        os.close(slave)
        talk = b""
        answers = typed.encode().splitlines(keepends=True)
        try:
            while data := os.read(master, 4096):
                talk += data
                # getpass flushes what was typed ahead: answer each question when it is there.
                if answers and talk.endswith((b": ", b"] ")):
                    os.write(master, answers.pop(0))
        except OSError:
            pass  # Linux says EIO when the other side has closed
        assert child.stdout is not None
        out = child.stdout.read().decode().strip()
    os.close(master)
    return out, talk.decode()


@pytest.mark.parametrize(
    ("expression", "typed", "result"),
    [
        ("prompts.ask('address')", "jo@clinic.example\n", "'jo@clinic.example'"),
        ("prompts.ask('address', default='x')", "\n", "'x'"),
        ("prompts.ask('address')", "\x04", "declined the input ended"),
        ("prompts.confirm('really')", "y\n", "True"),
        ("prompts.confirm('really')", "\n", "declined not confirmed"),
        ("prompts.typed('this purges 3 shares', 'PURGE')", " purge \n", "True"),
        ("prompts.typed('x', 'PURGE')", "no\n", "declined what was typed does not match"),
        ("prompts.ask_secret('password')", "s3cret\n", "'s3cret'"),
        ("prompts.ask_secret('password', repeat=True)", "a\nb\n", "usage the two entries differ"),
        ("prompts.is_interactive()", "", "True"),
    ],
)
def test_on_a_terminal(expression: str, typed: str, result: str) -> None:
    out, _talk = play(expression, typed)
    assert out == result


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
