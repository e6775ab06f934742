"""Questions to the person at the terminal.

Asked only when standard input and standard error are terminals and `--no-input` is not given;
standard output may be a pipe (`$(emix …)`). Otherwise the command fails with `declined` and names
the option that answers the question.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from typing import Literal

from emixcli.errors import DeclinedError, UsageError
from emixcli.ui import console
from emixcli.ui.output import visible


def is_interactive() -> bool:
    """Whether a person can be asked: standard input and standard error are terminals."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, *, option: str = "", default: str = "", no_input: bool = False) -> str:
    """Return what the person types, stripped; `default` for an empty line.

    Parameters
    ----------
    question
        Without colon: `email address`.
    option
        What answers the question without a terminal, for the hint: `--email ADDRESS`.
    default
        Shown in brackets.
    no_input
        True where `--no-input` was given.

    Raises
    ------
    DeclinedError
        Nobody can be asked, or the input ended.
    """
    _require_terminal(question, option, no_input=no_input)
    shown = f" [{default}]" if default else ""
    return _read_line(f"{question}{shown}: ").strip() or default


def ask_each(questions: Sequence[tuple[str, str]], *, no_input: bool = False) -> list[str]:
    """Return an answer to each question; where nobody can be asked, name all the options at once.

    Parameters
    ----------
    questions
        Each with the option that answers it.

    Raises
    ------
    DeclinedError
    """
    if questions:
        named, options = zip(*questions, strict=True)
        _require_terminal("; ".join(named), ", ".join(options), no_input=no_input)
    return [ask(question, option=option) for question, option in questions]


def choose(question: str, words: Sequence[str], *, option: str, no_input: bool = False) -> str:
    """Return one of the words, or what begins as only one of them does; asked until it is one."""
    while True:
        text = ask(f"{question}\n  {', '.join(words)}", option=option, no_input=no_input).lower()
        found = [word for word in words if word == text] or [
            word for word in words if text and word.startswith(text)
        ]
        if len(found) == 1:
            return found[0]
        sys.stderr.write("  one of these words, or how it begins\n")


def ask_secret(
    question: str, *, option: str = "", repeat: bool = False, no_input: bool = False
) -> str:
    """Return what the person types without showing it.

    With `repeat` it is asked twice, and `UsageError` is raised where the two differ.
    """
    _require_terminal(question, option, no_input=no_input)
    secret = _read_secret(f"{question}: ")
    if repeat and _read_secret(f"{question} (again): ") != secret:
        msg = "the two entries differ"
        raise UsageError(msg, hint="start the command again")
    return secret


def confirm(
    question: str, *, yes: bool = False, no_input: bool = False, plain: str = ""
) -> Literal[True]:
    """Return True when the person (or `yes`) agrees.

    Parameters
    ----------
    question
        May name the patient: it is on the terminal only.
    yes, no_input
        As the options.
    plain
        The question without what identifies a patient, for the error where nobody can be asked.

    Raises
    ------
    DeclinedError
        The person said no, or nobody can be asked.
    """
    if yes:
        return True
    _require_terminal(plain or question, "--yes", no_input=no_input)
    if _read_line(f"{visible(question)} [y/N] ").strip().lower() not in {"y", "yes"}:
        msg = "not confirmed"
        raise DeclinedError(msg, hint="nothing was done")
    return True


def typed(
    question: str, expected: str, *, yes: bool = False, no_input: bool = False
) -> Literal[True]:
    """Return True when the person has typed `expected` (or `yes` was given).

    For what destroys or discloses; comparison ignores case and outer blanks.

    Raises
    ------
    DeclinedError
        Something else was typed, or nobody can be asked.
    """
    if yes:
        return True
    _require_terminal(question, "--yes", no_input=no_input)
    shown = f'"{visible(expected)}"' if " " in expected else visible(expected)
    answer = _read_line(f"{question}\ntype {shown} to go on: ")
    if answer.strip().strip('"').casefold() != expected.strip().casefold():
        msg = "what was typed does not match"
        raise DeclinedError(msg, hint="nothing was done")
    return True


def _require_terminal(question: str, option: str, *, no_input: bool) -> None:
    if no_input or not is_interactive():
        msg = f"a terminal is needed to ask: {question}"
        raise DeclinedError(msg, hint=f"give {option}" if option else "run this in a terminal")


def _read_line(prompt: str) -> str:
    # Not input(): it writes its prompt to standard output when readline is not loaded.
    sys.stderr.write(console.fitted(prompt))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write(os.linesep)
        msg = "the input ended"
        raise DeclinedError(msg, hint="nothing was done")
    return line.rstrip("\r\n")


def _read_secret(prompt: str) -> str:
    try:
        return getpass.getpass(prompt, stream=sys.stderr)
    except EOFError as exc:
        msg = "the input ended"
        raise DeclinedError(msg, hint="nothing was done") from exc
