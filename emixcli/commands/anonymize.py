"""`emix anonymize`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands import _deid as deid
from emixcli.commands._options import DryRun, Json, Quiet, Verbose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emixcli.anonymize import Explanation, Profile
    from emixcli.services.anonymize import AnonymizeRequest, AnonymizeResult

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
NewKey = Annotated[
    Path | None,
    typer.Option("--new-key", metavar="FILE", help="Make a key file and do nothing else."),
]
Explain = Annotated[
    str | None,
    typer.Option(
        "--explain",
        metavar="TAG",
        help="Tell what happens to an attribute, and by which rule.",
    ),
]
ProfileDoc = Annotated[
    bool, typer.Option("--profile-doc", help="Write the whole profile as a table (Markdown).")
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
    accept_risk: deid.AcceptRisk = None,
    ocr: deid.Ocr = None,
    verify: Verify = True,
    report: ReportFile = None,
    dicomdir: Dicomdir = False,
    jobs: Jobs = None,
    dry_run: DryRun = False,
    new_key: NewKey = None,
    explain: Explain = None,
    profile_doc: ProfileDoc = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Remove what identifies the patient (PS3.15 Annex E), then prove it.

    The source is never written. Objects that cannot be made safe are refused: the others are
    written, the result lists the refused ones, and the command ends with 80.
    """
    given = dict(locals())
    chosen = deid.make_profile(given, rules=rules, accept_risk=accept_risk)
    _check_profile(profile)
    if new_key is not None:
        _make_key(new_key)
    elif explain is not None:
        _explain(explain, chosen, json=json)
    elif profile_doc:
        _write_table(chosen, json=json)
    else:
        request = _request(given, chosen)
        _run(request, json=json, quiet=quiet)


def _check_profile(name: str) -> None:
    from emixcli.errors import UsageError

    if name != "basic":
        raise UsageError("there is no profile of this name", hint="it is --profile basic")


def _make_key(path: Path) -> None:
    from emixcli.services.deid_key import make_key_file
    from emixcli.ui import console, output

    make_key_file(path)
    output.write_line(str(path))
    console.note("whoever has this key can link patients to their pseudonyms: put it away safely")


def _explain(text: str, profile: Profile, *, json: bool) -> None:
    from emixcli.anonymize import explain, find_tag
    from emixcli.ui import output

    found = explain(find_tag(text), profile)
    if json:
        output.write_json({"schema": "emix.anonymize-explain/1", **_row_json(found)})
        return
    output.write_line(f"({found.tag >> 16:04X},{found.tag & 0xFFFF:04X}) {found.name}".rstrip())
    output.write_line(f"  {found.words}")
    output.write_line(f"  {found.rule}")


def _row_json(row: Explanation) -> dict[str, str]:
    tag = f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X})"
    texts = {"name": row.name, "action": row.action, "words": row.words, "rule": row.rule}
    return {"tag": tag, **texts}


def _write_table(profile: Profile, *, json: bool) -> None:
    from emixcli.anonymize import profile_rows
    from emixcli.ui import output

    if json:
        rows = (_row_json(row) for row in profile_rows(profile))
        output.write_json({"schema": "emix.anonymize-profile/1", "attributes": rows})
        return
    output.write_line("| tag | attribute | action | what happens | rule |")
    output.write_line("|---|---|---|---|---|")
    for row in profile_rows(profile):
        tag = f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X})"
        output.write_line(f"| {tag} | {row.name} | {row.action} | {row.words} | {row.rule} |")


def _request(given: Mapping[str, Any], profile: Profile) -> AnonymizeRequest:
    from emixcli.errors import UsageError
    from emixcli.services.anonymize import AnonymizeRequest
    from emixcli.services.deidentify import Deidentification

    if not given["paths"]:
        raise UsageError("nothing to read", hint="emix anonymize PATH… -o DIR")
    if given["output"] is None and not given["dry_run"]:
        raise UsageError("no folder to write to", hint="give -o DIR, or --dry-run")
    if given["ocr"]:
        from emixcli.deid.pixels import ocr

        ocr.require()
    deid.warn_of_loosening(profile)
    report = given["report"]
    if report is not None and report.suffix not in {".json", ".html"}:
        raise UsageError("a report is NAME.json or NAME.html")
    return AnonymizeRequest(
        paths=given["paths"],
        output=None if given["dry_run"] else given["output"],
        how=Deidentification(profile, deid.find_key(given["key_file"]), given["ocr"]),
        verify=given["verify"],
        dicomdir=given["dicomdir"],
        report=report,
        jobs=given["jobs"],
    )


def _run(request: AnonymizeRequest, *, json: bool, quiet: bool) -> None:
    from emixcli.services.anonymize import anonymize
    from emixcli.ui.progress import progress

    with progress(quiet) as listener:
        result = anonymize(request, progress=listener)
    _show(result, request, json=json)
    _end(result)


def _show(result: AnonymizeResult, request: AnonymizeRequest, *, json: bool) -> None:
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
                "reports_left_out": result.n_reports,
            }
        )
        return
    if request.output is not None:
        output.write_line(str(request.output))
    done = "would be written" if request.output is None else "objects written"
    console.note(f"{n_written} {done}, {n_refused} refused")
    if result.verified and n_written:
        console.note("nothing that identifies the patient was found in them")
    for item in result.refused:
        output.write_line(f"refused {item.id}: {item.file}")
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
