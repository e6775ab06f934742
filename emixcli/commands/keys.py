"""`emix keys`: the keys of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emixcli.commands._options import Json

app = typer.Typer(help="Show and hand out the keys of this machine.", no_args_is_help=True)

EXAMPLES = {
    "show": "emix keys show",
    "export": "emix keys export -o our-department.emixkey",
}


@app.command("show")
def show(
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="KEYFILE", help="Show a public key file instead."),
    ] = None,
    json: Json = False,
) -> None:
    """Show the fingerprint of the own keys, which are made on first use.

    Compare it by telephone with what the other side sees.
    """
    from emixcli.ui import output

    document = _document(file)
    if json:
        output.write_json(document)
    else:
        fingerprint = document["fingerprint"]
        groups = [fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4)]
        output.write_line(" ".join(groups))


def _document(file: Path | None) -> dict[str, Any]:
    from emixcli.container.identity import load_identity, load_public

    public = load_identity().public if file is None else load_public(file)
    return {
        "schema": "emix.keys/1",
        "fingerprint": public.fingerprint,
        "algorithms": ["Ed25519", "X25519", *(["ML-KEM-768"] if public.mlkem else [])],
    }


@app.command("export")
def export(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here, not to the terminal."),
    ] = None,
    json: Json = False,
) -> None:
    """Write the public key file, which others give to `emix pack --recipient`.

    It holds nothing secret. The private keys never leave this machine.
    """
    from emixcli.container.identity import load_identity
    from emixcli.container.sink import FileSink
    from emixcli.ui import output as out

    public = load_identity().public
    if output is not None:
        with FileSink(output) as sink:
            sink.write(public.to_json())
    if json:
        out.write_json(
            {
                "schema": "emix.keys/1",
                "fingerprint": public.fingerprint,
                "file": None if output is None else str(output),
                "public_key": public.to_json().decode("ascii").strip(),
            }
        )
    elif output is None:
        out.write_line(public.to_json().decode("ascii").strip())
    else:
        out.write_line(str(output))
