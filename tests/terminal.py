"""Plays a person at a real terminal: answers the questions of a command as they come."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.running import ROOT, Result

CTRL_C, CTRL_D = "\x03", "\x04"
#: Makes the terminal that of the session, so that Ctrl-C is a signal; then becomes the command.
_TRAMPOLINE = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
)
_PATIENCE_S = 120


def play(
    *arguments: str | Path,
    answers: Sequence[tuple[str, str]] = (),
    cwd: Path,
    env: Mapping[str, str] | None = None,
) -> Result:
    """Run Python on a terminal and return its exit code, its standard output and the talk.

    Parameters
    ----------
    arguments
        As for Python: `-m emixcli login`.
    answers
        Ends of questions, in order, and what is typed then; control keys are typed as they are,
        and everything else is followed by the return key.
    """
    master, slave = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _TRAMPOLINE, *map(str, arguments)],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        cwd=cwd,
        # So wide that no sentence is cut into lines.
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "EMIX_NO_PROGRESS": "1",
            "COLUMNS": "999",
            **(env or {}),
        },
        start_new_session=True,
    ) as child:
        os.close(slave)
        assert child.stdout is not None
        out: list[bytes] = []
        reader = threading.Thread(target=lambda pipe=child.stdout: out.append(pipe.read()))
        reader.start()
        try:
            talk = _talk(master, list(answers))
        finally:
            os.close(master)  # a command that still asks gets a hang-up
        reader.join()
        code = child.wait(_PATIENCE_S)
    return Result(code, b"".join(out).decode(), talk.decode().replace("\r\n", "\n"))


def _talk(master: int, answers: list[tuple[str, str]]) -> bytes:
    talk, heard = b"", 0
    while select.select([master], [], [], _PATIENCE_S)[0]:
        try:
            data = os.read(master, 4096)
        except OSError:
            data = b""  # Linux says EIO when the other side has closed
        if not data:
            assert not answers, f"never asked: {answers[0][0]}\n{talk.decode()}"
            return talk
        talk += data
        # getpass flushes what was typed ahead: each question is answered when it is there.
        if answers and talk[heard:].endswith(answers[0][0].encode()):
            _question, answer = answers.pop(0)
            heard = len(talk)
            os.write(master, (answer if answer in {CTRL_C, CTRL_D} else answer + "\n").encode())
    raise AssertionError(f"nothing was said for {_PATIENCE_S} s\n{talk.decode()}")
