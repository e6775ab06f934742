"""`emix unpack`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emixcli.commands._options import CodeFile, Json, NoInput, Quiet


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A package.")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="A new folder, or an empty one.")
    ],
    code_file: CodeFile = None,
    no_input: NoInput = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Get the DICOM file-set and the reports back, bit for bit.

    Everything is checked against the signed manifest. Nothing is overwritten.
    """
    from emixcli.commands._opening import open_file
    from emixcli.services.unpack import unpack
    from emixcli.ui import console
    from emixcli.ui import output as out
    from emixcli.ui.progress import progress, size_text
    from emixcli.ui.words import some

    with open_file(file, code_file=code_file, no_input=no_input) as package:
        with progress(quiet) as listener:
            result = unpack(package, output, progress=listener)
        documents_lost = package.manifest.documents_lost
    if json:
        out.write_json(
            {
                "schema": "emix.unpack/1",
                "package_id": result.package_id,
                "folder": str(result.folder),
                "size": result.size,
                "files": result.n_files,
                "counts": result.counts,
                "losses": result.losses,
                "documents_lost": documents_lost,
            }
        )
    else:
        out.write_line(str(result.folder))
        console.note(f"{some(result.n_files, 'file')}, {size_text(result.size)}")
    if result.losses or documents_lost:
        console.warn(
            f"lost when the package was made: {some(result.counts.get('lost', 0), 'object')}"
        )
