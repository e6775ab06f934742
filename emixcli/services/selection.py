"""What of the media is meant: the first step of packing and of sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli.errors import OutputError
from emixcli.media.scan import require_dicom, scan_media
from emixcli.media.select import select
from emixcli.progress import SILENT, ProgressListener

if TYPE_CHECKING:
    from emixcli.model import FileSet


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to take.

    `patients` and `studies` choose as `media.select` says. `reports` are files from elsewhere.
    """

    paths: Sequence[str]
    patients: Sequence[str] = ()
    studies: Sequence[str] = ()
    all_patients: bool = False
    reports: Sequence[Path] = ()


@dataclass(frozen=True)
class Choice:
    """What was found (`scanned`) and what of it is meant (`file_set`).

    `n_reports_left_out` counts reports on the medium that may be of a patient who was not chosen.
    """

    file_set: FileSet
    scanned: FileSet
    reports: tuple[Path, ...]
    n_reports_left_out: int


def choose(selection: Selection, *, progress: ProgressListener = SILENT) -> Choice:
    """Scan the media and take what is meant; writes nothing.

    Raises
    ------
    EmixError
        No DICOM, or several patients and no choice.
    """
    scanned = scan_media(selection.paths, progress=progress)
    require_dicom(scanned)
    chosen = select(
        scanned,
        patients=selection.patients,
        studies=selection.studies,
        all_patients=selection.all_patients,
    )
    n_left_out = 0
    if len(chosen.patients) < len(scanned.patients):
        # A report beside the images says nowhere reliably whose it is.
        n_left_out = len(chosen.documents)
        chosen = replace(chosen, documents=())
    return Choice(chosen, scanned, tuple(selection.reports), n_left_out)


def check_outside(output: Path | None, sources: Sequence[str]) -> None:
    """Refuse an output below a folder that is read: the source is never written.

    Raises
    ------
    OutputError
        It would be.
    """
    if output is None:
        return
    target = output.resolve()
    if any(
        source.is_dir() and target.is_relative_to(source.resolve()) for source in map(Path, sources)
    ):
        raise OutputError(
            "the output would be written into the source", hint="choose a folder outside of it"
        )
