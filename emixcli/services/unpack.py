"""Get everything out of a package: the file-set, reports, and what the package says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emixcli.container import layout
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.folder import new_folder
from emixcli.services.report_forms import Form, NotGiven, iter_forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.package import PackageReader


#: Of reports; DICOM objects stay, as DICOMDIR lists them.
_FOLDER: Final = "REPORTS/"


@dataclass(frozen=True)
class UnpackResult:
    """What was written below `folder`; `counts` and `losses` are those of the manifest."""

    package_id: str
    size: int
    folder: Path
    n_files: int
    counts: dict[str, int]
    losses: list[dict[str, Any]]
    reports: tuple[ReportFile, ...] = ()
    not_given: tuple[NotGiven, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file with a report: its entry in the package, its form and its name below the folder."""

    entry: str
    form: Form
    file: str
    size: int


def unpack(
    package: PackageReader,
    folder: Path,
    *,
    forms: Sequence[Form] = (Form.ORIGINAL,),
    progress: ProgressListener = SILENT,
) -> UnpackResult:
    """Write every entry below a new folder, each checked against the manifest.

    The folder gets its name once everything is in it.

    Parameters
    ----------
    forms
        Of the reports; the original stays where one of them cannot be had.

    Raises
    ------
    OutputExistsError
        The folder exists and is not empty.
    PackageDamagedError
        An entry is damaged.
    OutputError
        The disk is full or read-only; nothing is left behind.
    """
    package.check_signature()
    total = sum(entry.size for entry in package.manifest.entries.values())
    progress.stage("unpacking", total)
    with new_folder(folder) as partial:
        made, not_given = _write_forms(package, partial, forms)
        replaced = _replaced(made, not_given, forms)
        names = [
            *(name for name in package.manifest.entries if name not in replaced),
            layout.MANIFEST, layout.SIGNATURE,
        ]  # fmt: skip
        for name in names:
            is_counted = name in package.manifest.entries
            _write_entry(package, name, partial, progress if is_counted else SILENT)
    return UnpackResult(
        package_id=package.manifest.package_id,
        size=total,
        folder=folder,
        n_files=len(names) + sum(one.file not in names for one in made),
        counts=package.manifest.counts,
        losses=package.manifest.losses,
        reports=tuple(made),
        not_given=tuple(not_given),
    )


def _write_forms(
    package: PackageReader, folder: Path, forms: Sequence[Form]
) -> tuple[list[ReportFile], list[NotGiven]]:
    """Write the reports in each form but the original; return what was written and what not."""
    made, not_given = [], []
    for one in iter_forms(package, forms):
        if isinstance(one, NotGiven):
            not_given.append(one)
            continue
        made.append(ReportFile(one.entry, one.form, one.name, len(one.data)))
        if one.name != one.entry:  # a PDF is already what is wanted
            target = folder.joinpath(*one.name.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(one.data)
    return made, not_given


def _replaced(
    made: Sequence[ReportFile],
    not_given: Sequence[NotGiven],
    forms: Sequence[Form],
) -> set[str]:
    """Return the entries of reports whose originals are not wanted, and are there otherwise."""
    if Form.ORIGINAL in forms:
        return set()
    needed = {one.entry for one in not_given} | {one.file for one in made}
    return {one.entry for one in made if one.entry.startswith(_FOLDER)} - needed


def _write_entry(
    package: PackageReader, name: str, folder: Path, progress: ProgressListener
) -> None:
    """Write one entry; the reader has let only 8.3 names below fixed folders pass."""
    target = folder.joinpath(*name.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        for piece in package.iter_pieces(name):
            file.write(piece)
            progress.advance(len(piece))
