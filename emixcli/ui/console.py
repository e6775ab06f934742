"""Standard error: everything that is said to the person and is not data."""

from __future__ import annotations

import os
import sys

from emixcli.ui.output import visible


def note(text: str, *, quiet: bool = False) -> None:
    """Tell the person something; nothing when `quiet`."""
    if not quiet:
        sys.stderr.write(visible(text) + "\n")
        sys.stderr.flush()


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
