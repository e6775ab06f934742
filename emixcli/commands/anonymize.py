"""`emix anonymize`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands import _deid as deid
from emixcli.commands import _deid_shown as shown
from emixcli.commands._options import DryRun, Json, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.services.anonymize import AnonymizeRequest, AnonymizeResult
    from emixcli.services.deidentify import Deidentification

Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH…", help="Folders, ZIP files, disc images or files."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="A new folder, or an empty one."),
]
ProfileName = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="The profile; there is one: basic.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="FILE", help="Write what was done, never a value: .json or .html."
    ),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify/--no-verify", help="Search the new files for every identifying value of the old."
    ),
]
Dicomdir = Annotated[bool, typer.Option("--dicomdir", help="Write a DICOMDIR too.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", min=1, max=64, help="Processes; the amount of files decides."),
]
Table = Annotated[
    Path | None,
    typer.Option(
        "--table",
        metavar="FILE",
        help="Write an encrypted table that leads back; emix pseudonyms table reads it.",
    ),
]
TablePassphrase = Annotated[
    Path | None,
    typer.Option(
        "--table-passphrase-file",
        metavar="FILE",
        help="The table opens with the passphrase in FILE (- for stdin), not with the own keys.",
    ),
]


def command(
    paths: Paths = None,
    *,
    output: Output = None,
    profile: ProfileName = "basic",
    clean_pixel_data: deid.CleanPixelData = False,
    clean_recognizable: deid.CleanRecognizable = False,
    clean_graphics: deid.CleanGraphics = False,
    clean_structured_content: deid.CleanStructuredContent = False,
    clean_descriptors: deid.CleanDescriptors = False,
    retain_full_dates: deid.RetainFullDates = False,
    retain_modified_dates: deid.RetainModifiedDates = False,
    retain_patient_characteristics: deid.RetainPatient = False,
    retain_device: deid.RetainDevice = False,
    retain_institution: deid.RetainInstitution = False,
    retain_uids: deid.RetainUids = False,
    retain_safe_private: deid.RetainSafePrivate = False,
    rules: deid.Rules = None,
    key_file: deid.KeyFile = None,
    key: deid.KeptKey = None,
    accept_risk: deid.AcceptRisk = None,
    ocr: deid.Ocr = None,
    verify: Verify = True,
    report: ReportFile = None,
    table: Table = None,
    table_passphrase_file: TablePassphrase = None,
    dicomdir: Dicomdir = False,
    jobs: Jobs = None,
    dry_run: DryRun = False,
    new_key: shown.NewKey = None,
    explain: shown.Explain = None,
    profile_doc: shown.ProfileDoc = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Remove what identifies the patient (PS3.15 Annex E), then prove it.

    The source is never written. Objects that cannot be made safe are refused: the others are
    written, the result lists the refused ones, and the command ends with 80.
    """
    del verbose  # handled by its callback
    wanted = {
        "clean-pixel-data": clean_pixel_data, "clean-recognizable": clean_recognizable,
        "clean-graphics": clean_graphics, "clean-structured-content": clean_structured_content,
        "clean-descriptors": clean_descriptors, "retain-full-dates": retain_full_dates,
        "retain-modified-dates": retain_modified_dates,
        "retain-patient-characteristics": retain_patient_characteristics,
        "retain-device": retain_device, "retain-institution": retain_institution,
        "retain-uids": retain_uids, "retain-safe-private": retain_safe_private,
    }  # fmt: skip
    _check_profile(profile)
    chosen = deid.make_profile(wanted, rules=rules, accept_risk=accept_risk)
    if new_key or explain or profile_doc:
        shown.show(chosen, new_key=new_key, explain=explain, json=json)
        return
    files = _Files(paths or [], None if dry_run else output, report, table, table_passphrase_file)
    files.check(dry_run=dry_run)
    how = deid.find_how(chosen, key_file, key, ocr=ocr)
    _run(files.request(how, verify, dicomdir, jobs), json=json, quiet=quiet)


@dataclass(frozen=True)
class _Files:
    """What is read and written."""

    paths: list[str]
    output: Path | None
    report: Path | None
    table: Path | None
    table_passphrase_file: Path | None

    def check(self, *, dry_run: bool) -> None:
        """Refuse what cannot be meant."""
        from emixcli.errors import UsageError

        if not self.paths:
            raise UsageError("nothing to read", hint="emix anonymize PATH… -o DIR")
        if self.output is None and not dry_run:
            raise UsageError("no folder to write to", hint="give -o DIR, or --dry-run")
        if self.report is not None and self.report.suffix not in {".json", ".html"}:
            raise UsageError("a report is NAME.json or NAME.html")
        if self.table_passphrase_file is not None and self.table is None:
            raise UsageError("--table-passphrase-file goes with --table FILE")

    def request(
        self,
        how: Deidentification,
        verify: bool,  # noqa: FBT001 - as the options come
        dicomdir: bool,  # noqa: FBT001 - as the options come
        jobs: int | None,
    ) -> AnonymizeRequest:
        """Return what the service is asked for."""
        from emixcli.services.anonymize import AnonymizeRequest

        return AnonymizeRequest(
            paths=self.paths,
            output=self.output,
            how=how,
            verify=verify,
            report=self.report,
            table=self.table,
            table_passphrase=self._passphrase(),
            dicomdir=dicomdir,
            jobs=jobs,
        )

    def _passphrase(self) -> str | None:
        from emixcli.commands._opening import read_secret

        file = self.table_passphrase_file
        if file is None:
            return None
        return read_secret(file, what="passphrase", option="--table-passphrase-file")


def _check_profile(name: str) -> None:
    from emixcli.errors import UsageError

    if name != "basic":
        raise UsageError("there is no profile of this name", hint="it is --profile basic")


def _run(request: AnonymizeRequest, *, json: bool, quiet: bool) -> None:
    from emixcli.services.anonymize import anonymize
    from emixcli.ui.progress import progress

    with progress(quiet) as listener:
        result = anonymize(request, progress=listener)
    _show(result, request, json=json)
    _end(result)


def _show(result: AnonymizeResult, request: AnonymizeRequest, *, json: bool) -> None:
    from emixcli.anonymize import loosened
    from emixcli.ui import console, output

    n_written, n_refused = result.n_written, len(result.refused)
    if json:
        output.write_json(
            {
                "schema": "emix.anonymize/1",
                "dry_run": request.output is None,
                "folder": None if request.output is None else str(request.output),
                "counts": {
                    "read": n_written + n_refused,
                    "written": n_written,
                    "refused": n_refused,
                },
                "refused": [{"file": item.file, "id": item.id} for item in result.refused],
                "profile": "basic",
                "options": sorted(request.how.profile.options),
                "verified": result.verified,
                "table": None if not result.has_table else str(request.table),
                "reports_left_out": result.n_reports,
            }
        )
        return
    if request.output is not None:
        output.write_line(str(request.output))
    done = "would be written" if request.output is None else "objects written"
    console.note(f"{n_written} {done}, {n_refused} refused")
    if result.verified and n_written:
        kept = ", but for what rules of this site keep" if loosened(request.how.profile) else ""
        console.note(f"nothing that identifies the patient was found in them{kept}")
    if result.report.n_repaired:
        console.note(
            f"made again after the second look: {result.report.n_repaired}; see the report"
        )
    for item in result.refused:
        output.write_line(f"refused {item.id}: {item.file}")
    if result.has_table:
        console.note(f"the table that leads back is {request.table}: keep it apart from the images")
    if result.n_reports:
        console.note(f"reports beside the images, left out: {result.n_reports}")


def _end(result: AnonymizeResult) -> None:
    from emixcli.errors import DeidUnsafeError, PartialError
    from emixcli.services.deidentify import UNREADABLE
    from emixcli.ui.words import some

    n_unread = sum(1 for item in result.refused if item.id == UNREADABLE)
    if n_unread and n_unread == len(result.refused):
        raise PartialError(
            f"left out: {some(n_unread, 'file')} that could not be read",
            hint="emix scan tells more; ask for a new copy of the disc",
        )
    if result.refused:
        hint = next((item.hint for item in result.refused if item.hint), "")
        raise DeidUnsafeError(
            f"left out: {some(len(result.refused), 'object')} that cannot be de-identified safely",
            hint=hint or "emix anonymize --dry-run lists them with the reason",
        )
