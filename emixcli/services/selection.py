"""What of the media is meant: the first step of packing and of sending."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emixcli import __version__
from emixcli.errors import DeidUnsafeError, UsageError
from emixcli.media.scan import require_dicom, scan_media
from emixcli.media.select import select
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.matching import with_matches
from emixcli.words import some

if TYPE_CHECKING:
    from emixcli.container import layout
    from emixcli.deid.report import Report
    from emixcli.media.reader import MediaReader
    from emixcli.model import FileSet
    from emixcli.services.deid_reports import Policy
    from emixcli.services.deidentify import Deidentification, Deidentified, DeidentifyingReader
    from emixcli.services.reidentification import Link


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to take.

    `patients` and `studies` choose as `media.select` says. `reports` are files from elsewhere;
    `accept_reports` says why those go along that do not fit the patient.
    `deidentification` asks for `deidentified` after `choose`. `report_policy` says how
    reports then go along, None that they do not. `check` raises where what was chosen
    must not go out; it sees it before it is de-identified.
    """

    paths: Sequence[str]
    patients: Sequence[str] = ()
    studies: Sequence[str] = ()
    all_patients: bool = False
    reports: Sequence[Path] = ()
    accept_reports: str = ""
    deidentification: Deidentification | None = None
    check: Callable[[FileSet], object] | None = None
    report_policy: Policy | None = None


@dataclass(frozen=True)
class Choice:
    """What was found (`scanned`) and what of it is meant (`file_set`).

    `n_reports_left_out` counts reports on the medium that may be of a patient who was not chosen.
    `n_missing` counts objects that a DICOMDIR names and that are not on the media, as far as they
    may belong to what is meant.
    `reader` opens the instances where they are not taken as they are, and `close` gives the media
    back that it holds; `deidentification` is what the index of a package then says, and `links`
    lead back to the old values, where that was asked for. `deid_report` tells what was done.
    """

    file_set: FileSet
    scanned: FileSet
    reports: tuple[Path | layout.Report, ...]
    n_reports_left_out: int
    n_missing: int
    accept_reports: str = ""
    report_policy: Policy | None = None
    reader: DeidentifyingReader | None = None
    deidentification: dict[str, Any] | None = None
    links: tuple[Link, ...] = ()
    deid_report: Report | None = None

    def close(self) -> None:
        """Give the media back; what is opened later opens them again."""
        if self.reader is not None:
            self.reader.close()


def choose(selection: Selection, *, progress: ProgressListener = SILENT) -> Choice:
    """Scan the media and take what is meant; writes nothing.

    Raises
    ------
    EmixError
        No DICOM, several patients and no choice, or what the check of the selection raises.
    """
    scanned = scan_media(selection.paths, progress=progress)
    require_dicom(scanned)
    chosen = select(
        scanned,
        patients=selection.patients,
        studies=selection.studies,
        all_patients=selection.all_patients,
    )
    if selection.check is not None:
        selection.check(chosen)
    chosen = with_matches(chosen)
    n_left_out = 0
    if len(chosen.patients) < len(scanned.patients):
        # Of a medium with several patients, only reports that are surely of those chosen go along.
        kept = tuple(document for document in chosen.documents if document.verdict == "match")
        n_left_out = len(chosen.documents) - len(kept)
        chosen = chosen._replace(documents=kept)
    return Choice(
        chosen, scanned, tuple(selection.reports), n_left_out, len(chosen.missing),
        accept_reports=selection.accept_reports.strip(), report_policy=selection.report_policy,
    )  # fmt: skip


def deidentified(
    choice: Choice, how: Deidentification | None, *, progress: ProgressListener = SILENT
) -> Choice:
    """Return the same choice de-identified, after a second look at every object; writes nothing.

    Parameters
    ----------
    how
        With a key; None returns the choice as it is.

    Raises
    ------
    UsageError
        There are reports from elsewhere, and nobody said how they are to go along.
    DeidUnsafeError
        Objects are refused, or the second look found something.
    """
    from emixcli.media.reader import MediaReader
    from emixcli.services.deid_told import record, tell_package
    from emixcli.services.deidentify import (
        DeidentifyingReader,
        Remade,
        deidentify,
        look_again,
        with_faces,
    )

    if how is None:
        return choice
    _check_policy(choice)
    with MediaReader(choice.file_set) as media:
        how = with_faces(how, choice.file_set, media)
        reader = DeidentifyingReader(media, how)
        found = deidentify(choice.file_set, reader, progress=progress)
        _check_all(found, choice)
        n_left_out = choice.n_reports_left_out + len(choice.file_set.documents)
        report = _new_report(choice, how, n_left_out)
        outputs = Remade(media, reader)
        look_again(choice.file_set.patients, outputs, report, how=how, progress=progress)
        if reader.repairs:
            found = deidentify(choice.file_set, reader, progress=progress)
            _check_all(found, choice)
        tell_package(report, found)
        reports, noted = _report_copies(choice, found.file_set, media, how)
    return replace(
        choice,
        file_set=found.file_set,
        reports=reports,
        n_reports_left_out=n_left_out,
        reader=reader,
        deidentification={**record(how.profile, found), **noted},
        links=found.links,
        deid_report=report,
    )


def _new_report(choice: Choice, how: Deidentification, n_left_out: int) -> Report:
    from emixcli.deid.report import Report

    return Report(
        how.profile,
        __version__,
        not how.is_passing,
        n_reports=n_left_out,
        n_missing=choice.n_missing,
    )


def _check_policy(choice: Choice) -> None:
    if choice.reports and choice.report_policy is None:
        raise UsageError(
            "reports beside de-identified images say who the patient is",
            hint="leave --report out, or give --reports structured (codes and numbers only) or"
            " --reports reviewed",
        )


def _report_copies(
    choice: Choice, new: FileSet, media: MediaReader, how: Deidentification
) -> tuple[tuple[Path | layout.Report, ...], dict[str, Any]]:
    """Return the reports as they may go along, and what the index says of that."""
    if not choice.reports or choice.report_policy is None:
        return (), {}
    from emixcli.services.deid_reports import copies

    paths = [path for path in choice.reports if isinstance(path, Path)]
    made = copies(paths, choice.report_policy, old=choice.file_set, new=new, media=media, how=how)
    return made.reports, {"reports": made.record}


def _check_all(found: Deidentified, choice: Choice) -> None:
    from emixcli.services.deidentify import duplicates
    from emixcli.services.refusals import remedies

    refused = [*found.refused, *duplicates(choice.scanned)]
    if refused:
        raise DeidUnsafeError(
            f"{some(len(refused), 'object')} cannot be de-identified safely, so nothing goes out",
            hint=f"{remedies(refused)}; emix anonymize --dry-run lists them",
        )
