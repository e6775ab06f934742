"""`emix pack`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._options import CodeOut, DryRun, Json, NoInput, Quiet, Verbose, Yes

if TYPE_CHECKING:
    from emixcli.services.pack import PackResult, Prepared

Paths = Annotated[
    list[str], typer.Argument(metavar="PATH…", help="Folders, ZIP files, disc images or files.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The package: NAME.emix.html.")
]
Reports = Annotated[
    list[Path] | None,
    typer.Option("--report", metavar="FILE", help="A report to add; may be given several times."),
]
Recipients = Annotated[
    list[Path] | None,
    typer.Option(
        "--recipient",
        metavar="KEYFILE",
        help="Public key file of somebody who may open it without the code; several times.",
    ),
]
Patients = Annotated[
    list[str] | None,
    typer.Option("--patient", metavar="N|ID", help="Pack this patient; several times."),
]
Studies = Annotated[
    list[str] | None,
    typer.Option("--study", metavar="N|UID", help="Pack this study; several times."),
]
AllPatients = Annotated[
    bool,
    typer.Option("--all-patients", help="Pack everything although it is of several patients."),
]
OwnCode = Annotated[
    Path | None,
    typer.Option(
        "--code-file",
        metavar="FILE",
        help="Take the access code or passphrase from FILE (- for standard input).",
    ),
]


def command(
    paths: Paths,
    *,
    output: Output,
    report: Reports = None,
    patient: Patients = None,
    study: Studies = None,
    all_patients: AllPatients = False,
    code_out: CodeOut = None,
    code_file: OwnCode = None,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Ask for a passphrase instead of making a code.")
    ] = False,
    recipient: Recipients = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, max=64, help="Threads; one for each core.")
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
    yes: Yes = False,
    no_input: NoInput = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Make one encrypted file that shows itself in a browser.

    The access code that opens it is shown once: give it to the recipient by telephone, never with
    the file. Ends with 3 where something on the medium could not be read; the result lists it.
    """
    del verbose  # handled by its callback
    from emixcli.services import pack as service
    from emixcli.ui.progress import progress

    secret = _find_secret(code_file, ask=passphrase, no_input=no_input)
    if secret is None and not dry_run:
        _check_code_out(code_out, json=json)
    if not dry_run:
        service.check_output(output)
    request = service.PackRequest(
        paths=paths,
        patients=patient or (),
        studies=study or (),
        all_patients=all_patients,
        reports=report or (),
        recipients=recipient or (),
        workers=threads,
    )
    with progress(quiet) as listener:
        prepared = service.prepare(request, progress=listener)
    _confirm_several(prepared, yes=yes)
    if dry_run:
        _show_plan(prepared, json=json)
        return
    with progress(quiet) as listener:
        result = service.pack(prepared, output, secret=secret, progress=listener)
    _deliver(result, output, code_out, json=json)


def _find_secret(code_file: Path | None, *, ask: bool, no_input: bool) -> str | None:
    """Return a code or passphrase of the user's own, None where one is to be generated."""
    from emixcli.commands._opening import read_secret
    from emixcli.errors import UsageError
    from emixcli.services.pack import check_secret
    from emixcli.ui import prompts

    if ask and code_file is not None:
        raise UsageError("--passphrase and --code-file exclude each other")
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


def _check_code_out(code_out: Path | None, *, json: bool) -> None:
    from emixcli.errors import OutputExistsError, UsageError

    if code_out is None and json:
        raise UsageError(
            "a generated access code is never in JSON", hint="give --code-out FILE for it"
        )
    if code_out is not None and (code_out.exists() or code_out.is_symlink()):
        raise OutputExistsError("the file for the access code exists already")


def _confirm_several(prepared: Prepared, *, yes: bool) -> None:
    """Ask once more where a person sits there and several patients go into one file."""
    from emixcli.ui import prompts

    n_patients = prepared.plan.counts["patients"]
    if n_patients > 1 and prompts.is_interactive():
        prompts.confirm(f"pack {n_patients} patients into one file?", yes=yes)


def _show_plan(prepared: Prepared, *, json: bool) -> None:
    from emixcli.ui import output as out

    plan = prepared.plan
    if json:
        out.write_json(
            {
                "schema": "emix.pack/1",
                "dry_run": True,
                "package_id": None,
                "size_bound": plan.size_bound,
                "counts": dict(plan.counts),
                "losses": [],
            }
        )
        return
    out.write_line(_summary(dict(plan.counts)))
    out.write_line(f"at most {plan.size_bound} bytes; nothing was written")


def _summary(counts: dict[str, int]) -> str:
    names = ("patients", "studies", "series", "instances", "documents")
    return ", ".join(f"{counts[name]} {name}" for name in names)


def _deliver(result: PackResult, output: Path, code_out: Path | None, *, json: bool) -> None:
    """Hand out the code, then tell what was done."""
    from emixcli.errors import PartialError
    from emixcli.services.code_file import write_code
    from emixcli.ui import console
    from emixcli.ui import output as out

    if result.code is not None:
        if code_out is not None:
            write_code(code_out, result.code)
        else:
            console.note(f"access code: {result.code}")
            console.note("It is shown this once. Give it to the recipient by telephone.")
    if json:
        out.write_json(_document(result, output))
    else:
        out.write_line(str(output))
        console.note(f"{_summary(result.package.counts)}; {result.package.size} bytes")
    if result.prepared.n_reports_left_out:
        console.note(
            f"{result.prepared.n_reports_left_out} reports on the medium were left out:"
            " they may be of another patient; add them with --report"
        )
    if result.is_partial:
        n_unread = len(result.prepared.file_set.unreadable)
        raise PartialError(
            f"the package is made, but {result.package.counts['lost']} objects are not in it and"
            f" {n_unread} files on the medium could not be read whole",
            hint="emix scan lists them; ask the sender for a new copy of the disc",
        )


def _document(result: PackResult, output: Path) -> dict[str, Any]:
    from emixcli.container.index import findings_json

    package = result.package
    return {
        "schema": "emix.pack/1",
        "package_id": package.package_id,
        "file": str(output),
        "size": package.size,
        "counts": package.counts,
        "losses": package.losses,
        "documents_lost": package.documents_lost,
        "reports_left_out": result.prepared.n_reports_left_out,
        "unreadable": len(result.prepared.file_set.unreadable),
        "slots": result.slot_kinds,
        "dicomdir_invented": dict(result.prepared.plan.invented),
        "findings": findings_json(result.prepared.file_set.findings),
    }
