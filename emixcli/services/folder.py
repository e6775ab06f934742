"""A folder as a result: filled beside its place, renamed when everything is in it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from emixcli.errors import OutputExistsError
from emixcli.services.crew import Crew
from emixcli.wholefile import output_error, output_errors, sync_folder

_SYNCS, _BATCH = 8, 2


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder that is renamed to `folder` when the block ends without an error.

    One in which nothing was written is not made.

    Raises
    ------
    OutputExistsError
        The folder exists and is not empty.
    OutputError
        It cannot be written; nothing is left behind.
    """
    check_new_folder(folder)
    partial = folder.with_name(folder.name + ".partial")
    is_ours = True  # from before it is made: a signal may come right behind that
    try:
        try:
            partial.mkdir(parents=True)
        except FileExistsError as exc:
            is_ours = False
            raise OutputExistsError(
                f"{partial.name} exists, perhaps of an interrupted run", hint="remove it first"
            ) from exc
        yield partial
        if not any(files for _, _, files in os.walk(partial)):
            return
        sync_files(partial)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
        sync_folder(folder.parent)
        is_ours = False
    except OSError as exc:
        raise output_error(exc) from exc
    finally:
        if is_ours:
            shutil.rmtree(partial, ignore_errors=True)


def check_new_folder(folder: Path, *, hint: str = "choose another folder") -> None:
    """Refuse a folder that holds something; raises as `new_folder`."""
    with output_errors():
        if folder.is_symlink() or (folder.exists() and not is_empty(folder)):
            raise OutputExistsError(f"{folder.name} exists and is not empty", hint=hint)


def sync_files(folder: Path) -> None:
    """Make everything below a folder durable; many files at a time share the disk's waits."""
    batches = list(_batches(_files_below(str(folder))))
    for _ in Crew(batches, _sync, _SYNCS).results():
        pass


def _files_below(folder: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path)
        else:
            yield entry.path


def _batches(paths: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(paths, _BATCH)):
        yield batch


def _sync(paths: list[str]) -> None:
    for path in paths:
        file = os.open(path, os.O_RDWR)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def is_empty(folder: Path) -> bool:
    """Return whether a path is a folder with nothing in it."""
    return folder.is_dir() and next(folder.iterdir(), None) is None
