"""Options that many commands share, declared once so that each help shows them.

Taken as `json: Json = False`, `verbose: Verbose = 0`, `code_file: CodeFile = None`. The names in
the environment follow from the command (`EMIX_SEND_QUIET`); `emixcli.cli` sets them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer


def _set_verbosity(value: int) -> int:
    if value:
        from emixcli import logs

        logs.set_verbosity(value)
    return value


def number(
    name: str,
    *,
    low: float,
    high: float = math.inf,
    kind: type[int | float] = int,
    metavar: str = "N",
    help: str,
) -> Any:
    """Return an option that takes a number from `low` to `high`.

    Typer's own ranges read `<int range>` and `x>=1`.
    """
    has_end = math.isfinite(high)
    words = f"from {low} to {high}" if has_end else f"({low} or more)"

    def parse(text: object) -> int | float:
        try:
            value = kind(str(text))
        except ValueError:
            value = math.nan
        if not low <= value <= high or math.isinf(value):
            message = f"{text!r} is not a number {words}"
            raise typer.BadParameter(message)
        return value

    return typer.Option(
        name, metavar=f"{low}..{high}" if has_end else metavar, parser=parse, help=help
    )


Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Write one JSON document to standard output; errors as JSON to standard error.",
    ),
]
ArchivePasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="Read the password of an encrypted ZIP file from FILE (- for stdin).",
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show results and errors only, no progress.")
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        callback=_set_verbosity,
        show_default=False,
        help="Show steps on standard error; -vv for more.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer every confirmation with yes.")]
NoInput = Annotated[
    bool, typer.Option("--no-input", help="Never ask; fail and name the option instead.")
]
CodeFile = Annotated[
    Path | None,
    typer.Option(
        "--code-file",
        metavar="FILE",
        help="Read the access code from FILE (- for standard input).",
    ),
]
CodeOut = Annotated[
    Path | None,
    typer.Option(
        "--code-out",
        metavar="FILE",
        help="Write the generated access code to FILE (mode 0600) instead of the terminal.",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file", metavar="FILE", help="Read the password from FILE (- for stdin)."
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="Read the passphrase from FILE (- for stdin)."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done; write and send nothing.")
]
Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Take settings from [profiles.NAME]."),
]
