"""Get everything out of a package: the file-set, reports, and what the package says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emixcli.container import layout
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.folder import new_folder

if TYPE_CHECKING:
    from emixcli.package import PackageReader


@dataclass(frozen=True)
class UnpackResult:
    """What was written below `folder`; `counts` and `losses` are those of the manifest."""

    package_id: str
    size: int
    folder: Path
    n_files: int
    counts: dict[str, int]
    losses: list[dict[str, Any]]


def unpack(
    package: PackageReader, folder: Path, *, progress: ProgressListener = SILENT
) -> UnpackResult:
    """Write every entry below a new folder, each checked against the manifest.

    The folder gets its name once everything is in it.

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
    names = [*package.manifest.entries, layout.MANIFEST, layout.SIGNATURE]
    total = sum(entry.size for entry in package.manifest.entries.values())
    progress.stage("unpacking", total)
    with new_folder(folder) as partial:
        for name in names:
            _write_entry(package, name, partial, progress)
    return UnpackResult(
        package_id=package.manifest.package_id,
        size=total,
        folder=folder,
        n_files=len(names),
        counts=package.manifest.counts,
        losses=package.manifest.losses,
    )


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
