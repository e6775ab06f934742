"""`emix pack`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands import _deid as deid
from emixcli.commands import _deid_key as keyed
from emixcli.commands import _deid_reports as review
from emixcli.commands._media import AcceptReport, AllPatients, Paths, Patients, Reports, Studies
from emixcli.commands._options import CodeOut, DryRun, Json, NoInput, Quiet, Verbose, Yes, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.services.pack import PackResult, Prepared
    from emixcli.services.sealing import Sealing
    from emixcli.services.selection import Selection

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


def command(
    paths: Paths,
    *,
    output: Output,
    report: Reports = None,
    accept_report: AcceptReport = "",
    patient: Patients = None,
    study: Studies = None,
    all_patients: AllPatients = False,
    anonymize: deid.Anonymize = False,
    deid_option: deid.DeidOptions = None,
    key_file: keyed.KeyFileAfterAnonymize = None,
    key: keyed.KeptKey = None,
    new_key: keyed.NewKey = None,
    table: keyed.Table = None,
    table_passphrase_file: keyed.TablePassphrase = None,
    deid_rules: deid.DeidRules = None,
    accept_risk: deid.AcceptRisk = None,
    reports: review.ReportsMode = "", reviewer: review.Reviewer = "",
    review_out: review.ReviewOut = None, reviewed: review.Reviewed = "",
    code_out: CodeOut = None,
    code_file: OwnCode = None,
    passphrase: Passphrase = False,
    recipient: Recipients = None,
    threads: Threads = None,
    dry_run: DryRun = False,
    json: Json = False, yes: Yes = False, no_input: NoInput = False,
    quiet: Quiet = False, verbose: Verbose = 0,
) -> None:  # fmt: skip
    """Make one encrypted file that shows itself in a browser.

    The access code that opens it is shown once: give it to the recipient by telephone, never with
    the file. Ends with 3 where something on the medium could not be read; the result lists it.
    """
    del verbose  # handled by its callback
    from emixcli.services.sealing import Sealing

    secret = _find_secret(code_file, ask=passphrase, no_input=no_input)
    sealing = Sealing(secret)  # its thread works while the rest is imported
    from emixcli.services.selection import Selection

    if not dry_run:
        _check_outputs(output, code_out, paths, generated=secret is None, json=json)
    keys = keyed.Keys(key_file, key, new_key, table, table_passphrase_file)
    told = deid.Anonymizing(anonymize, deid_option, deid_rules, accept_risk, keys)
    selection = Selection(
        paths=paths, patients=patient or (), studies=study or (), all_patients=all_patients,
        reports=report or (), accept_reports=accept_report,
        report_policy=review.Way(reports, reviewer, review_out, reviewed).find(anonymize, no_input),
        deidentification=told.find(paths, dry_run=dry_run),
    )  # fmt: skip
    prepared = _prepare(selection, recipient or (), threads, sealing, quiet=quiet)
    _confirm(prepared, output, yes=yes)
    if dry_run:
        _show_plan(prepared, json=json)
        return
    _pack(prepared, sealing, _Outputs(output, code_out, keys), json=json, quiet=quiet)


def _prepare(
    selection: Selection,
    recipients: Sequence[Path],
    threads: int | None,
    sealing: Sealing,
    *,
    quiet: bool,
) -> Prepared:
    from emixcli.services.pack import PackRequest, prepare
    from emixcli.ui.progress import progress

    request = PackRequest(selection=selection, recipients=recipients, workers=threads)
    with progress(quiet) as listener:
        return prepare(request, package_id=sealing.package_id, progress=listener)


@dataclass(frozen=True)
class _Outputs:
    """What is written: the package, its code and the table that leads back."""

    package: Path
    code_out: Path | None
    keys: keyed.Keys


def _pack(
    prepared: Prepared, sealing: Sealing, outputs: _Outputs, *, json: bool, quiet: bool
) -> None:
    from emixcli.services import pack as service
    from emixcli.ui.progress import progress

    code_out = outputs.code_out
    with outputs.keys.written_table(prepared.choice.links), progress(quiet) as listener:
        result = service.pack(
            prepared, outputs.package, sealing, code_out=code_out, progress=listener
        )
    _tell_code(None if code_out else result.code)
    _show(result, outputs.package, table=outputs.keys.table, json=json)


def _check_outputs(
    output: Path, code_out: Path | None, sources: list[str], *, generated: bool, json: bool
) -> None:
    """Refuse, before anything is read, outputs that cannot be written."""
    from emixcli.commands._sharing import check_code_out
    from emixcli.services.pack import check_output

    if generated:
        check_code_out(code_out, json=json)
    check_output(output, code_out, sources=sources)


def _find_secret(code_file: Path | None, *, ask: bool, no_input: bool) -> str | None:
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


def _tell_code(code: str | None) -> None:
    from emixcli.ui import console

    if code is None:
        return
    console.note(f"access code: {code}")
    console.note("It is shown this once. Give it to the recipient by telephone.")


def _warn(prepared: Prepared, output: Path) -> None:
    """Say what would surprise the recipient."""
    from emixcli.ui import console

    sender = prepared.plan.sender
    if not (sender.name or sender.organisation):
        console.warn(
            "the package does not say who sends it; set it once:"
            " emix config set sender_name 'NAME', emix config set organisation 'NAME'"
        )
    if output.suffix.lower() not in {".html", ".htm"}:
        console.warn("a double click opens the package only where its name ends in .html")


def _confirm(prepared: Prepared, output: Path, *, yes: bool) -> None:
    """Ask once more where a person sits there and several patients go into one file."""
    from emixcli.commands._media import note_reports
    from emixcli.ui import prompts

    _warn(prepared, output)
    note_reports(prepared.plan)
    n_patients = prepared.plan.counts["patients"]
    if n_patients > 1 and prompts.is_interactive():
        prompts.confirm(f"pack {n_patients} patients into one file?", yes=yes)


def _show_plan(prepared: Prepared, *, json: bool) -> None:
    from emixcli.commands._media import counts_text, plan_json
    from emixcli.ui import output as out
    from emixcli.ui.progress import size_text

    plan = prepared.plan
    if json:
        out.write_json({"schema": "emix.pack/1", **plan_json(plan)})
        return
    out.write_line(counts_text(plan.counts))
    out.write_line(f"at most {size_text(plan.size_bound)}; nothing was written")


def _show(result: PackResult, output: Path, *, table: Path | None, json: bool) -> None:
    from emixcli.commands._media import counts_text, note_left_out, require_whole
    from emixcli.ui import console
    from emixcli.ui import output as out
    from emixcli.ui.progress import size_text

    if json:
        out.write_json(_document(result, output, table))
    else:
        out.write_line(str(output))
        console.note(f"{counts_text(result.package.counts)}; {size_text(result.package.size)}")
    note_left_out(result.prepared.choice)
    require_whole("the package is made", result.package, result.prepared.choice)


def _document(result: PackResult, output: Path, table: Path | None) -> dict[str, Any]:
    from emixcli.commands._media import choice_json, made_json

    return {
        "schema": "emix.pack/1",
        **made_json(result.package),
        "file": str(output),
        "table": None if table is None else str(table),
        **choice_json(result.prepared.choice),
        "slots": result.slot_kinds,
        "dicomdir_invented": dict(result.prepared.plan.invented),
    }
