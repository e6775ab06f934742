"""What `emix pack` is told: where to, for whom, under which code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emixcli.commands._options import number

Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The package: NAME.emix.html.")
]
Recipients = Annotated[
    list[Path] | None,
    typer.Option(
        "--recipient",
        metavar="KEYFILE",
        help="Public key file of somebody who may open it without the code; several times.",
    ),
]
OwnCode = Annotated[
    Path | None,
    typer.Option(
        "--code-file",
        metavar="FILE",
        help="Take the access code or passphrase from FILE (- for standard input).",
    ),
]

Passphrase = Annotated[
    bool, typer.Option("--passphrase", help="Ask for a passphrase instead of making a code.")
]
Threads = Annotated[
    int | None,
    number("--threads", low=1, high=64, help="Threads; one for each core."),
]


def find_secret(code_file: Path | None, *, ask: bool, no_input: bool) -> str | None:
    """Return a code or passphrase of the user's own, None where one is to be generated."""
    from emixcli.commands._opening import read_secret
    from emixcli.errors import UsageError
    from emixcli.services.sealing import check_secret
    from emixcli.ui import prompts

    if ask and code_file is not None:
        raise UsageError(
            "--passphrase and --code-file exclude each other", hint="leave one of them out"
        )
    if code_file is not None:
        secret = read_secret(code_file)
    elif ask:
        secret = prompts.ask_secret(
            "passphrase", option="--code-file FILE", repeat=True, no_input=no_input
        )
    else:
        return None
    check_secret(secret)
    return secret
