"""`emix report`: reports, readable in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._options import CodeFile, Json, NoInput

if TYPE_CHECKING:
    from emixcli.services.reports import Shown

app = typer.Typer(help="Read reports in the terminal.")

EXAMPLES = {"show": "emix report show report.hl7"}


@app.command("show")
def show(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A report: HL7 v2, CDA, CCR, RTF, text, PDF, DICOM."),
    ],
    entry: Annotated[
        str,
        typer.Argument(
            metavar="ENTRY",
            help="Where FILE is a package: which of its reports, such as R0001 (emix inspect).",
        ),
    ] = "",
    *,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Of HL7: every field as it stands, with the standard's names."),
    ] = False,
    save_documents: Annotated[
        Path | None,
        typer.Option(
            "--save-documents",
            metavar="DIR",
            help="Write the documents inside the report into this new folder, as they are.",
        ),
    ] = None,
    code_file: CodeFile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Show a report as text: status first, results as tables, and what is not shown.

    Nothing in it is opened, fetched or run. Of a PDF it tells what it holds besides pages.
    """
    from emixcli.services import reports
    from emixcli.ui import output

    if reports.is_package(file):
        from emixcli.commands._opening import open_file

        with open_file(file, code_file=code_file, no_input=no_input) as package:
            shown = reports.show_entry(package, entry)
    else:
        shown = reports.show_file(file)
    saved = reports.save_documents(shown, save_documents)
    if json:
        fields = [row._asdict() for row in reports.raw_fields(shown)] if raw else []
        output.write_json({**_as_json(shown, saved), "fields": fields})
    elif raw:
        output.write_table(reports.raw_fields(shown), head=("field", "name", "value"))
    else:
        _write(shown)


def _as_json(shown: Shown, saved: list[str]) -> dict[str, Any]:
    return {
        "schema": "emix.report-show/1",
        "kind": shown.kind,
        "size": shown.size,
        "title": shown.reading.title,
        "match": shown.match,
        "blocks": [block.as_document() for block in shown.reading.blocks],
        "documents": [
            {**inner.as_json(), "file": name}
            for inner, name in zip(shown.reading.inner, saved, strict=True)
        ],
    }


def _write(shown: Shown) -> None:
    import shutil
    import sys

    from emixcli.reports.inner import with_inner
    from emixcli.reports.lines import text_lines
    from emixcli.ui import output

    match = shown.match
    if match:
        accepted = f"; accepted: {match['accepted']}" if match.get("accepted") else ""
        output.write_line(f"{match['verdict']}: {match['reason']}{accepted}")
        output.write_line()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in text_lines(with_inner(shown.reading), width=width):
        output.write_line(line)
