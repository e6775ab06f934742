"""`emix unpack`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._options import CodeFile, Json, NoInput, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.services.report_forms import Form
    from emixcli.services.unpack import UnpackResult


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A package.")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="A new folder, or an empty one.")
    ],
    reports_as: Annotated[
        list[str] | None,
        typer.Option(
            "--reports-as",
            metavar="FORM",
            help="Form of the reports: original, pdf, text, hl7 or dicom; several times.",
            show_default="original",
        ),
    ] = None,
    code_file: CodeFile = None,
    no_input: NoInput = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Get the DICOM file-set and the reports back, bit for bit.

    Everything is checked against the signed manifest. Nothing is overwritten. With --reports-as,
    reports are also, or instead, given in another form; where one cannot be, its original is there
    and the command ends with 3.
    """
    del verbose  # handled by its callback
    from emixcli.commands._opening import open_file
    from emixcli.services.unpack import unpack
    from emixcli.ui.progress import progress

    forms = _find_forms(reports_as)
    with open_file(file, code_file=code_file, no_input=no_input) as package:
        with progress(quiet) as listener:
            result = unpack(package, output, forms=forms, progress=listener)
        documents_lost = package.manifest.documents_lost
    _show(result, documents_lost, json=json)


def _find_forms(names: list[str] | None) -> list[Form]:
    from emixcli.errors import UsageError
    from emixcli.services.report_forms import Form

    words = [word for name in names or ["original"] for word in name.lower().split(",")]
    if not set(words) <= set(Form):
        raise UsageError(
            "there is no such form of reports", hint=f"--reports-as takes {', '.join(Form)}"
        )
    return [Form(word) for word in words]


def _document(result: UnpackResult, documents_lost: list[dict[str, Any]]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "schema": "emix.unpack/1",
        "package_id": result.package_id,
        "folder": str(result.folder),
        "size": result.size,
        "files": result.n_files,
        "counts": result.counts,
        "losses": result.losses,
        "documents_lost": documents_lost,
        "reports": [asdict(one) for one in result.reports],
        "not_given": [asdict(one) for one in result.not_given],
    }


def _show(result: UnpackResult, documents_lost: list[dict[str, Any]], *, json: bool) -> None:
    from emixcli.errors import PartialError
    from emixcli.ui import console
    from emixcli.ui import output as out
    from emixcli.words import size_text, some

    if json:
        out.write_json(_document(result, documents_lost))
    else:
        out.write_line(str(result.folder))
        console.note(f"{some(result.n_files, 'file')}, {size_text(result.size)}")
    if result.losses or documents_lost:
        console.warn(
            f"lost when the package was made: {some(result.counts.get('lost', 0), 'object')}"
        )
    for one in result.not_given:
        console.warn(f"{one.entry} is not there as {one.form}: {one.reason}")
    if result.not_given:
        raise PartialError(
            f"everything is unpacked, but {some(len(result.not_given), 'report')} not in the form"
            " that was asked for",
            hint="their originals are in the folder",
        )
