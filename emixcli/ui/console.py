"""Standard error: everything that is said to the person and is not data."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar

from emixcli.ui.output import visible, wrapped

_for_script: ContextVar[bool] = ContextVar("_for_script", default=False)


@contextlib.contextmanager
def for_script(when: bool) -> Iterator[None]:  # noqa: FBT001 - a condition
    """Say nothing until the block ends, `when` a script reads along and no person does.

    With `--json` a script reads standard error for one JSON object, so words for people would be
    in its way. Where standard error is a terminal a person sits there.
    """
    token = _for_script.set(when and not sys.stderr.isatty())
    try:
        yield
    finally:
        _for_script.reset(token)


def is_for_script() -> bool:
    """Whether nobody is to be told anything but the error at the end."""
    return _for_script.get()


def note(text: str, *, quiet: bool = False) -> None:
    """Tell the person something; nothing when `quiet`, or where a script reads along."""
    if not (quiet or is_for_script()):
        tell(text)


def tell(text: str) -> None:
    """Tell what must not be lost, whoever reads along: a generated secret, the error."""
    sys.stderr.write(fitted(visible(text)) + "\n")
    sys.stderr.flush()


def fitted(text: str) -> str:
    """Return a text as it fits the terminal; as it is where standard error is none."""
    return wrapped(text, _room())


def _room() -> int | None:
    if not sys.stderr.isatty():
        return None
    # Not `shutil.get_terminal_size`, which asks standard output: it may be a pipe.
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal():
        return int(columns) or None
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or None
    except (OSError, ValueError):
        return None


def warn(text: str) -> None:
    """Tell the person something that should be acted on, also with `--quiet`."""
    note(f"emix: warning: {text}")


def is_drawable() -> bool:
    """Whether standard error is a terminal on which a line may be redrawn.

    Decided here and not by rich: `FORCE_COLOR` and `TTY_COMPATIBLE` make rich take a pipe for a
    terminal, and animations then fill the logs of a CI.
    """
    quiet_env = ("CI", "EMIX_NO_PROGRESS")
    return (
        sys.stderr.isatty()
        and os.environ.get("TERM") != "dumb"
        and not any(os.environ.get(name) for name in quiet_env)
    )
