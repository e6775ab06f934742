"""Get everything out of a package: the file-set, reports, and what the package says of itself."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emixcli.container import layout
from emixcli.container.sink import output_error, sync_folder
from emixcli.errors import OutputExistsError
from emixcli.progress import SILENT, ProgressListener

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
    with _new_folder(folder) as partial:
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


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder that is renamed to `folder` when the block ends without an error."""
    if folder.is_symlink() or (folder.exists() and not _is_empty(folder)):
        raise OutputExistsError(
            f"{folder.name} exists and is not empty", hint="choose another folder"
        )
    partial = folder.with_name(folder.name + ".partial")
    try:
        partial.mkdir(parents=True)
    except FileExistsError as exc:
        raise OutputExistsError(
            f"{partial.name} exists, perhaps of an interrupted run", hint="remove it first"
        ) from exc
    except OSError as exc:
        raise output_error(exc) from exc
    done = False
    try:
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
        sync_folder(folder.parent)
        done = True
    except OSError as exc:
        raise output_error(exc) from exc
    finally:
        if not done:
            shutil.rmtree(partial, ignore_errors=True)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None


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
        file.flush()
        os.fsync(file.fileno())
