"""`emix pack`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli.commands import _deid as deid
from emixcli.commands import _deid_key as keyed
from emixcli.commands import _deid_reports as review
from emixcli.commands import _packed as packed
from emixcli.commands import _packing as options
from emixcli.commands._media import AcceptReport, AllPatients, Paths, Patients, Reports, Studies
from emixcli.commands._options import CodeOut, DryRun, Json, NoInput, Quiet, Verbose, Yes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.services.pack import Prepared
    from emixcli.services.sealing import Sealing
    from emixcli.services.selection import Selection


def command(
    paths: Paths,
    *,
    output: options.Output,
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
    accept_risk: deid.AcceptRisk = None, anonymize_report: deid.DeidReport = None,
    reports: review.ReportsMode = "", reviewer: review.Reviewer = "",
    review_out: review.ReviewOut = None, reviewed: review.Reviewed = "",
    code_out: CodeOut = None,
    code_file: options.OwnCode = None,
    passphrase: options.Passphrase = False,
    recipient: options.Recipients = None,
    threads: options.Threads = None,
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

    secret = options.find_secret(code_file, ask=passphrase, no_input=no_input)
    sealing = Sealing(secret)  # its thread works while the rest is imported
    from emixcli.services.selection import Selection

    if not dry_run:
        _check_outputs(output, code_out, paths, generated=secret is None, json=json)
    keys = keyed.Keys(key_file, key, new_key, table, table_passphrase_file)
    told = deid.Anonymizing(anonymize, deid_option, deid_rules, accept_risk, keys, anonymize_report)
    selection = Selection(
        paths=paths, patients=patient or (), studies=study or (), all_patients=all_patients,
        reports=report or (), accept_reports=accept_report,
        report_policy=review.Way(reports, reviewer, review_out, reviewed).find(anonymize, no_input),
        deidentification=told.find(paths, dry_run=dry_run),
    )  # fmt: skip
    prepared = _prepare(selection, recipient or (), threads, sealing, quiet=quiet)
    _confirm(prepared, output, yes=yes)
    if dry_run:
        packed.show_plan(prepared, json=json)
        return
    _pack(prepared, sealing, _Outputs(output, code_out, told), json=json, quiet=quiet)


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
    """What is written: the package, its code, and what is told of its de-identification."""

    package: Path
    code_out: Path | None
    told: deid.Anonymizing


def _pack(
    prepared: Prepared, sealing: Sealing, outputs: _Outputs, *, json: bool, quiet: bool
) -> None:
    from emixcli.services import pack as service
    from emixcli.ui.progress import progress

    code_out = outputs.code_out
    with outputs.told.written(prepared.choice), progress(quiet) as listener:
        result = service.pack(
            prepared, outputs.package, sealing, code_out=code_out, progress=listener
        )
    packed.tell_code(None if code_out else result.code)
    packed.show(result, outputs.package, told=outputs.told, json=json)


def _check_outputs(
    output: Path, code_out: Path | None, sources: list[str], *, generated: bool, json: bool
) -> None:
    """Refuse, before anything is read, outputs that cannot be written."""
    from emixcli.commands._sharing import check_code_out
    from emixcli.services.pack import check_output

    if generated:
        check_code_out(code_out, json=json)
    check_output(output, code_out, sources=sources)


def _confirm(prepared: Prepared, output: Path, *, yes: bool) -> None:
    """Ask once more where a person sits there and several patients go into one file."""
    from emixcli.commands._media import note_reports
    from emixcli.ui import prompts

    packed.warn(prepared, output)
    note_reports(prepared.plan)
    n_patients = prepared.plan.counts["patients"]
    if n_patients > 1 and prompts.is_interactive():
        prompts.confirm(f"pack {n_patients} patients into one file?", yes=yes)
