"""Copies everything that can be read of a medium, and repairs what needs no invention.

The medium is never written. In the new folder:

- `files/`: files that could be read whole, bit for bit, under their names on the medium;
- `damaged/`: files of which bytes are lost, with zeros in their place;
- `repaired/`: copies of objects that could be repaired (see `repairs`);
- `LOSSES.json` and `LOSSES.html`: what is lost, and what was repaired.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emixcli import __version__
from emixcli.errors import UsageError
from emixcli.media.disc.mapfile import Status
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import iter_pieces
from emixcli.media.names import is_folder
from emixcli.media.opened import by_sectors
from emixcli.media.rescue import Patience, rescue
from emixcli.media.sources import open_source
from emixcli.media.sources.opening import find_mapfile, open_medium
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.diagnose import Diagnosis, diagnose_sources, loss_document
from emixcli.services.diagnosis_page import render
from emixcli.services.folder import new_folder
from emixcli.services.repairs import repair
from emixcli.services.saved_names import NewPlaces, safe_name
from emixcli.services.thumbnails import make_thumbnails
from emixcli.words import some

if TYPE_CHECKING:
    from emixcli.media.losses import Lost
    from emixcli.media.sources import MediaFile, Source
    from emixcli.media.sources.encrypted import Password
    from emixcli.model import Unreadable

_IDENTIFIERS: Final = {
    "study_instance_uid": "StudyInstanceUID", "series_instance_uid": "SeriesInstanceUID",
    "sop_instance_uid": "SOPInstanceUID", "series_number": "SeriesNumber",
    "instance_number": "InstanceNumber",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Repair:
    """An object that was repaired: its path on the medium, and what was done."""

    source: int
    path: str
    done: tuple[str, ...]


@dataclass
class Salvaged:
    """What was saved.

    `n_whole` and `n_damaged` count files, `bytes_lost` what zeros stand for, `not_copied` names
    files of which nothing could be read, `renamed` those whose name no system takes with the new
    one, `carved` those that no directory names.
    """

    folder: Path
    diagnosis: Diagnosis
    n_whole: int = 0
    n_damaged: int = 0
    bytes_lost: int = 0
    repairs: list[Repair] = field(default_factory=list)
    not_copied: list[tuple[int, str]] = field(default_factory=list)
    renamed: list[tuple[int, str, str]] = field(default_factory=list)
    carved: list[tuple[int, str]] = field(default_factory=list)

    @property
    def spoilt(self) -> list[Unreadable]:
        """Files that were copied whole, of which the content was lost before."""
        hurt = {(loss.source, loss.path) for loss in self.diagnosis.losses if loss.ranges}
        unreadable = self.diagnosis.file_set.unreadable
        return [one for one in unreadable if (one.source, one.path) not in hurt]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost, as far as anything on the media tells."""
        return not (self.n_damaged or self.not_copied) and self.diagnosis.is_whole


def lost_words(saved: Salvaged) -> str:
    """Return in words what was lost, each with its count."""
    file_set = saved.diagnosis.file_set
    n_missing = len(file_set.missing)
    counts = (
        (saved.n_damaged, "damaged"),
        (len(saved.not_copied), "of which nothing could be read"),
        (len(saved.spoilt), "that came damaged"),
    )
    words = [f"{some(n, 'file')} {what}" for n, what in counts if n]
    if n_missing:
        words.append(f"{some(n_missing, 'object')} that only a DICOMDIR names")
    if file_set.has_lost_names:
        words.append("directories, so that files may be missing that nothing names")
    return ", ".join(words) or f"{some(saved.diagnosis.n_lost, 'image')} with lost content"


def copy_medium(
    path: str, image: Path, *, retries: int = 1, progress: ProgressListener = SILENT
) -> bool:
    """Copy a disc into an image, or go on with a copy; return whether all of it could be read.

    Raises
    ------
    UsageError
        There is no disc to copy, or it is a copy itself.
    MediaError
        The medium cannot be opened.
    OutputExistsError
        The image is of another medium.
    OutputError
        The image cannot be written.
    """
    _check_copyable(path, image)
    content, _ = open_medium(path)
    try:
        state = rescue(content, image, patience=Patience(retries=retries), progress=progress)
    finally:
        content.close()
    return state.n_bytes(Status.DONE) == state.size


def _check_copyable(path: str, image: Path) -> None:
    if is_folder(path):
        raise UsageError(
            "a folder cannot be copied into an image", hint="leave --image out: files are copied"
        )
    if _is_one(image, path):
        raise UsageError(
            "the image is the medium itself", hint="leave --image out, or name a new file"
        )
    if find_mapfile(path) is not None:
        # What its mapfile calls bad would be copied as if it were good.
        raise UsageError(
            "the medium is a copy with a mapfile beside it",
            hint="leave --image out; to read more of the disc, give the drive and this image",
        )


def _is_one(image: Path, path: str) -> bool:
    with contextlib.suppress(OSError):  # one of them is not there, or may not be looked at
        return image.samefile(path)
    return False


def salvage(
    paths: Sequence[str],
    folder: Path,
    *,
    password: Password | None = None,
    progress: ProgressListener = SILENT,
) -> Salvaged:
    """Copy what can be read of media into a new folder.

    Parameters
    ----------
    password
        Gives that of encrypted archives, which are saved decrypted.

    Raises
    ------
    OutputExistsError
        The folder exists and is not empty.
    OutputError
        The disk is full or read-only; nothing is left behind.
    MediaError
        A medium cannot be read at all.
    """
    with contextlib.ExitStack() as stack:
        sources = [
            stack.enter_context(contextlib.closing(open_source(path, password=password)))
            for path in paths
        ]
        return salvage_sources(sources, paths, folder, progress=progress)


def salvage_sources(
    sources: Sequence[Source],
    paths: Sequence[str],
    folder: Path,
    *,
    progress: ProgressListener = SILENT,
) -> Salvaged:
    """Copy what can be read of media that are open, and stay so; `paths` are their names."""
    with new_folder(folder) as partial:
        copier = _Copier(partial, several=len(sources) > 1)
        total = sum(file.size for source in sources for file in source.iter_files())
        progress.stage("copying", total, "bytes")
        for number, source in enumerate(sources):
            for file in source.iter_files():
                copier.take(number, source, file, progress)
        diagnosis = diagnose_sources(
            sources, paths, full=False, lost=copier.lost, progress=progress
        )
        saved = copier.result(folder, diagnosis)
        saved.carved = [
            (number, path)
            for number, source in enumerate(sources)
            for path in sorted(source.notes.carved)
        ]
        _write_losses(partial, saved)
    return saved


class _Copier:
    """Copies files one by one, and counts.

    Attributes
    ----------
    lost
        What could not be read of each file.
    """

    def __init__(self, folder: Path, *, several: bool) -> None:
        self.lost: list[Lost] = []
        self._partial = folder / "copy.partial"
        self._places = NewPlaces(folder)
        self._several = several
        self._n_whole = self._n_damaged = self._bytes_lost = 0
        self._repairs: list[Repair] = []
        self._not_copied: list[tuple[int, str]] = []
        self._renamed: list[tuple[int, str, str]] = []

    def take(
        self, number: int, source: Source, file: MediaFile, progress: ProgressListener
    ) -> None:
        """Copy one file, into the folder that fits what could be read of it."""
        name = safe_name(file.path, number if self._several else None)
        lost, size = _copy(source, file, self._partial, progress)
        if lost:
            self.lost.append((number, file.path, size, lost))
        n_lost = sum(stop - start for start, stop in lost)
        if size and n_lost >= size:
            self._partial.unlink()
            self._not_copied.append((number, file.path))
            return
        self._bytes_lost += n_lost
        target = self._places.make(f"{'damaged' if lost else 'files'}/{name}")
        self._partial.rename(target)
        saved_as = target.relative_to(self._partial.parent).as_posix()
        if saved_as.partition("/")[2] != self._plain_name(number, file):
            self._renamed.append((number, file.path, saved_as))
        if lost:
            self._n_damaged += 1
            return
        self._n_whole += 1
        done = repair(target, lambda: self._places.make(f"repaired/{name}"))
        if done:
            self._repairs.append(Repair(number, file.path, done))

    def _plain_name(self, number: int, file: MediaFile) -> str:
        return f"medium-{number + 1}/{file.path}" if self._several else file.path

    def result(self, folder: Path, diagnosis: Diagnosis) -> Salvaged:
        """Return what was done."""
        return Salvaged(
            folder, diagnosis, self._n_whole, self._n_damaged, self._bytes_lost, self._repairs,
            self._not_copied, self._renamed,
        )  # fmt: skip


def _copy(
    source: Source, file: MediaFile, target: Path, progress: ProgressListener
) -> tuple[tuple[tuple[int, int], ...], int]:
    """Write what can be read of a file; return what is lost, and its size."""
    try:
        content = source.open_bytes(file.path)
    except OSError:
        target.touch()
        size = max(file.size, 1)
        return ((0, size),), size
    with contextlib.closing(content), target.open("wb") as out:
        size = max(content.size, file.size)
        careful = by_sectors(content, source)
        read = Ranges()
        for offset, data in iter_pieces(careful, 0, content.size):
            out.seek(offset)
            out.write(data)
            read.add(offset, offset + len(data))
            progress.advance(len(data))
        out.truncate(size)
    return tuple(read.gaps(0, size)), size


def _write_losses(folder: Path, saved: Salvaged) -> None:
    """Write what is lost, for scripts and for people."""
    diagnosis = saved.diagnosis
    text = json.dumps(document(saved), indent=1, ensure_ascii=False)
    (folder / "LOSSES.json").write_bytes(text.encode(errors="replace"))
    pictures = make_thumbnails(diagnosis.file_set, diagnosis.strips)
    page = render(
        diagnosis, thumbnails=pictures, version=__version__, checked=datetime.now().astimezone()
    )
    (folder / "LOSSES.html").write_bytes(page.encode(errors="replace"))


def document(saved: Salvaged) -> dict[str, Any]:
    """Return what was saved and lost, as JSON schema `emix.salvage/1`."""
    diagnosis = saved.diagnosis
    return {
        "schema": "emix.salvage/1",
        "folder": str(saved.folder),
        "counts": {
            "whole": saved.n_whole, "damaged": saved.n_damaged,
            "repaired": len(saved.repairs), "not_copied": len(saved.not_copied),
            "carved": len(saved.carved), "missing": len(diagnosis.file_set.missing),
        },
        "bytes_lost": saved.bytes_lost,
        "losses": [loss_document(loss) for loss in diagnosis.losses],
        "missing": [
            {
                "source": one.source, "study_instance_uid": one.study_uid,
                "series_instance_uid": one.series_uid, "sop_instance_uid": one.sop_uid,
                "series_number": one.series_number, "instance_number": one.instance_number,
            }
            for one in diagnosis.file_set.missing
        ],
        "carved": _carved(saved),
        "repairs": [
            {"source": one.source, "path": one.path, "done": list(one.done)}
            for one in saved.repairs
        ],
        "not_copied": [{"source": source, "path": path} for source, path in saved.not_copied],
        "renamed": [
            {"source": source, "path": path, "name": name} for source, path, name in saved.renamed
        ],
        "spoilt": [
            {"source": one.source, "path": one.path, "reason": one.reason} for one in saved.spoilt
        ],
        "findings": [
            {"code": finding.code, "count": finding.count}
            for finding in diagnosis.file_set.findings
        ],
        "ask_for": diagnosis.requests,
    }  # fmt: skip


def _carved(saved: Salvaged) -> list[dict[str, Any]]:
    """Return what no directory names, with what the objects themselves say."""
    wanted = set(saved.carved)
    known = {
        (one.source, one.path): one
        for one in saved.diagnosis.file_set.iter_instances()
        if (one.source, one.path) in wanted
    }
    return [
        {"source": source, "path": path, **{
            name: one.text(keyword) if (one := known.get((source, path))) else ""
            for name, keyword in _IDENTIFIERS.items()
        }}
        for source, path in saved.carved
    ]  # fmt: skip
