"""What `emix pack` and `emix send` share: options that choose, and words on what was chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

if TYPE_CHECKING:
    from emixcli.package import PackagePlan
    from emixcli.services.selection import Choice

Paths = Annotated[
    list[str], typer.Argument(metavar="PATH…", help="Folders, ZIP files, disc images or files.")
]
Reports = Annotated[
    list[Path] | None,
    typer.Option("--report", metavar="FILE", help="A report to add; several times."),
]
AcceptReport = Annotated[
    str,
    typer.Option(
        "--accept-report",
        metavar="REASON",
        help="Send a report that differs from the patient; the reason goes with it.",
    ),
]
Patients = Annotated[
    list[str] | None,
    typer.Option("--patient", metavar="N|ID", help="Take this patient only; several times."),
]
Studies = Annotated[
    list[str] | None,
    typer.Option("--study", metavar="N|UID", help="Take this study only; several times."),
]
AllPatients = Annotated[
    bool,
    typer.Option("--all-patients", help="Take everything although it is of several patients."),
]
_SINGULAR = {
    "patients": "patient",
    "studies": "study",
    "series": "series",
    "instances": "instance",
    "documents": "document",
}


class Made(Protocol):
    """A package that was made."""

    @property
    def package_id(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def counts(self) -> dict[str, int]: ...
    @property
    def losses(self) -> list[dict[str, Any]]: ...
    @property
    def documents_lost(self) -> list[dict[str, Any]]: ...


def counts_text(counts: Mapping[str, int]) -> str:
    """Return what a package holds in words."""
    from emixcli.words import some

    return ", ".join(some(counts[many], one) for many, one in _SINGULAR.items())


def note_left_out(choice: Choice) -> None:
    """Say that reports were left out, where some were."""
    from emixcli.ui import console
    from emixcli.words import some

    reports = some(choice.n_reports_left_out, "report")
    if choice.n_reports_left_out and choice.deidentification is not None:
        console.note(
            f"left out: {reports} on the medium; --report FILE --reports structured adds a copy"
            " that names nobody"
        )
    elif choice.n_reports_left_out:
        console.note(
            f"left out: {reports} on the medium that may be of another patient; add with --report"
            " what belongs to this one"
        )


def note_reports(plan: PackagePlan) -> None:
    """Say which reports are not surely of the patient, before they go along."""
    from emixcli.ui import console

    for one in plan.documents:
        match = one["match"]
        if match["verdict"] != "match":
            console.note(f"RISK R02, report {one['entry']}: {match['reason']}; read it first")


def plan_json(plan: PackagePlan) -> dict[str, Any]:
    """Return what `--dry-run --json` tells of a package."""
    return {
        "dry_run": True,
        "package_id": None,
        "size_bound": plan.size_bound,
        "counts": dict(plan.counts),
        "losses": [],
        "reports": [
            {name: one[name] for name in ("entry", "kind", "match")} for one in plan.documents
        ],
    }


def made_json(made: Made) -> dict[str, Any]:
    """Return what the result tells of a package."""
    return {
        "package_id": made.package_id,
        "size": made.size,
        "counts": made.counts,
        "losses": made.losses,
        "documents_lost": made.documents_lost,
    }


def choice_json(choice: Choice) -> dict[str, Any]:
    """Return what is told of the media."""
    from emixcli.container.index import findings_json

    return {
        "reports_left_out": choice.n_reports_left_out,
        "unreadable": len(choice.scanned.unreadable),
        "missing": choice.n_missing,
        "findings": findings_json(choice.scanned.findings),
    }


def missing_text(choice: Choice, lost: Collection[str] = ()) -> str:
    """Return what of the media is missing in words, "" where nothing is known to be.

    Parameters
    ----------
    lost
        Entries that packing has lost and that are told of otherwise.
    """
    from emixcli.container.layout import iter_instances

    told = {
        (instance.source, instance.path)
        for instance, entry in (iter_instances(choice.file_set) if lost else ())
        if entry in lost
    }
    bad = [one for one in choice.scanned.unreadable if (one.source, one.path) not in told]
    n_cut = sum(one.reason == "truncated" for one in bad)
    return lost_text(
        n_cut=n_cut,
        n_bad=len(bad) - n_cut,
        n_missing=choice.n_missing,
        has_lost_names=choice.scanned.has_lost_names,
    )


def lost_text(*, n_bad: int, n_missing: int, has_lost_names: bool, n_cut: int = 0) -> str:
    """Return what media have lost in words, "" where nothing is known to be."""
    from emixcli.words import some

    words = []
    if n_cut:
        words.append(f"{some(n_cut, 'object')} {_is(n_cut)} cut short on the medium")
    if n_bad:
        words.append(f"{some(n_bad, 'file')} could not be read")
    if n_missing:
        words.append(
            f"{some(n_missing, 'object')} that the medium's directory names"
            f" {_is(n_missing)} not on it"
        )
    if has_lost_names:
        words.append(
            "directories of the medium are lost, so files may be missing that nothing names"
        )
    return " and ".join(words)


def require_whole(done: str, made: Made, choice: Choice) -> None:
    """Raise where something on the media is not in the package as it should be.

    Raises
    ------
    PartialError
        With counts; the result lists what is missing.
    """
    from emixcli.errors import PartialError
    from emixcli.words import some

    lost = {one["entry"] for series in made.losses for one in series["instances"]}
    n_lost, missing = made.counts.get("lost", 0), missing_text(choice, lost)
    words = [f"{some(n_lost, 'object')} could not be read and {_is(n_lost)} not in it"] * bool(
        n_lost
    )
    if missing:
        words.append(missing)
    if words:
        # Of lost directories nothing can be listed.
        is_listed = not choice.scanned.has_lost_names
        told = "lists them;" if is_listed else "tells what is known; copy the disc again, or"
        raise PartialError(
            f"{done}, but {' and '.join(words)}",
            hint=f"emix scan {told} ask the sender for a new copy of the medium",
        )


def _is(n: int) -> str:
    return "is" if n == 1 else "are"
