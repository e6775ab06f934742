"""`emix view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emixcli.commands._options import Json


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A package.")],
    *,
    json: Json = False,
) -> None:
    """Open a package in the browser, which asks for the access code.

    Prints the path, for the case that no browser can be started from here.
    """
    import contextlib
    import webbrowser

    from emixcli.package import load_head
    from emixcli.ui import console, output

    load_head(file)
    path = file.resolve()
    opened = False
    with contextlib.suppress(webbrowser.Error, OSError):
        opened = webbrowser.open(path.as_uri())
    if json:
        output.write_json({"schema": "emix.view/1", "file": str(path), "opened": opened})
    else:
        output.write_line(str(path))
        if not opened:
            console.note("no browser could be started: open this file in one")
