"""Copies everything that can be read of a medium, and repairs what needs no invention.

The medium is never written. In the new folder:

- `files/`: whole files, bit for bit, under their names on the medium;
- `damaged/`: files of which bytes are lost, with zeros in their place;
- `repaired/`: copies of objects whose preamble or meta group was missing or wrong, with a new one
  (PS3.10 section 7.1); the data set is the same, byte for byte;
- `LOSSES.json` and `LOSSES.html`: what is lost, and what was repaired.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from emixcli import __version__
from emixcli.container.dicomdir import IMPLEMENTATION_CLASS_UID
from emixcli.errors import EmixError
from emixcli.media.disc.mapfile import Status
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SectorBytes, iter_pieces
from emixcli.media.elements import SLOTS
from emixcli.media.header import read_header
from emixcli.media.parser import (
    EXPLICIT_BIG_UID,
    EXPLICIT_LITTLE_UID,
    IMPLICIT_LITTLE_UID,
    syntax_in,
)
from emixcli.media.rescue import Patience, rescue
from emixcli.media.sources import open_source
from emixcli.media.sources.opening import open_medium
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.diagnose import Diagnosis, diagnose_sources
from emixcli.services.diagnosis_page import render
from emixcli.services.folder import new_folder
from emixcli.services.thumbnails import make_thumbnails

if TYPE_CHECKING:
    from emixcli.media.header import Header
    from emixcli.media.sources import MediaFile, Source

_FORBIDDEN: Final = re.compile(r'[<>:"|?*\x00-\x1f\ud800-\udfff]')
_REPAIRABLE: Final = {
    "F05": "preamble added",
    "F06": "meta group added",
    "F07": "transfer syntax in the meta group corrected",
}
_BEYOND_REPAIR: Final = frozenset({"S04", "S10", "F09"})
_UNCOMPRESSED: Final = (IMPLICIT_LITTLE_UID, EXPLICIT_LITTLE_UID, EXPLICIT_BIG_UID)
_COPY_PIECE: Final = 1 << 20


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
    files of which nothing could be read.
    """

    folder: Path
    diagnosis: Diagnosis
    n_whole: int = 0
    n_damaged: int = 0
    bytes_lost: int = 0
    repairs: list[Repair] = field(default_factory=list)
    not_copied: list[tuple[int, str]] = field(default_factory=list)


def copy_medium(
    path: str, image: Path, *, retries: int = 1, progress: ProgressListener = SILENT
) -> bool:
    """Copy a disc into an image, or go on with a copy; return whether all of it could be read.

    Raises
    ------
    MediaError
        The medium cannot be opened, or the image is of another one.
    OutputError
        The image cannot be written.
    """
    content, _ = open_medium(path)
    try:
        state = rescue(content, image, patience=Patience(retries=retries), progress=progress)
    finally:
        content.close()
    return state.n_bytes(Status.DONE) == state.size


def salvage(paths: Sequence[str], folder: Path, *, progress: ProgressListener = SILENT) -> Salvaged:
    """Copy what can be read of media into a new folder.

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
        sources = [stack.enter_context(contextlib.closing(open_source(path))) for path in paths]
        partial = stack.enter_context(new_folder(folder))
        copied = _Copier(partial, several=len(sources) > 1)
        total = sum(file.size for source in sources for file in source.iter_files())
        progress.stage("copying", total, "bytes")
        for number, source in enumerate(sources):
            for file in source.iter_files():
                copied.take(number, source, file, progress)
        diagnosis = diagnose_sources(sources, paths, full=False, progress=progress)
        saved = copied.result(folder, diagnosis)
        _write_losses(partial, saved)
    return saved


class _Copier:
    """Copies files one by one, and counts."""

    def __init__(self, folder: Path, *, several: bool) -> None:
        self._folder = folder
        self._several = several
        self._n_whole = self._n_damaged = self._bytes_lost = 0
        self._repairs: list[Repair] = []
        self._not_copied: list[tuple[int, str]] = []

    def take(
        self, number: int, source: Source, file: MediaFile, progress: ProgressListener
    ) -> None:
        """Copy one file, into the folder that fits what could be read of it."""
        name = _name(file.path, number if self._several else None)
        partial = self._folder / "copy.partial"
        lost, size = _copy(source, file, partial, progress)
        if size and lost >= size:
            partial.unlink()
            self._not_copied.append((number, file.path))
            return
        self._bytes_lost += lost
        place = "damaged" if lost else "files"
        target = _place(self._folder / place, name)
        partial.rename(target)
        if lost:
            self._n_damaged += 1
            return
        self._n_whole += 1
        done = _repair(target, self._folder / "repaired", name)
        if done:
            self._repairs.append(Repair(number, file.path, done))

    def result(self, folder: Path, diagnosis: Diagnosis) -> Salvaged:
        """Return what was done."""
        return Salvaged(
            folder, diagnosis, self._n_whole, self._n_damaged, self._bytes_lost, self._repairs,
            self._not_copied,
        )  # fmt: skip


def _copy(
    source: Source, file: MediaFile, target: Path, progress: ProgressListener
) -> tuple[int, int]:
    """Write what can be read of a file; return how many bytes are lost, and its size."""
    try:
        content = source.open_bytes(file.path)
    except OSError:
        target.touch()
        return max(file.size, 1), max(file.size, 1)
    with contextlib.closing(content), target.open("wb") as out:
        size = content.size + file.missing
        careful = content if source.medium is not None else SectorBytes(content)
        read = Ranges()
        for offset, data in iter_pieces(careful, 0, content.size):
            out.seek(offset)
            out.write(data)
            read.add(offset, offset + len(data))
            progress.advance(len(data))
        out.truncate(size)
    return size - read.n_bytes(), size


def _repair(path: Path, folder: Path, name: str) -> tuple[str, ...]:
    """Write a repaired copy of an object whose head is missing or wrong; return what was done."""
    with path.open("rb") as file:
        try:
            header = read_header(file)
        except EmixError:
            return ()
        codes = set(header.codes)
        sop_class, sop_instance, syntax = _uids(header)
        if "F07" in codes:
            file.seek(header.dataset_offset)
            syntax = syntax_in(file.read(6), declared=syntax) if syntax in _UNCOMPRESSED else ""
        uids = (sop_class, sop_instance, syntax)
        if not _REPAIRABLE.keys() & codes or _BEYOND_REPAIR & codes or not all(uids):
            return ()
        target = _place(folder, name)
        with target.open("xb") as out:
            out.write(_head(*uids))
            file.seek(header.dataset_offset)
            _pour(file, out)
    return tuple(_REPAIRABLE[code] for code in header.codes if code in _REPAIRABLE)


def _uids(header: Header) -> list[str]:
    names = ("SOPClassUID", "SOPInstanceUID", "TransferSyntaxUID")
    return [str(header.value(SLOTS[name]) or "") for name in names]


def _head(sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """Return preamble and meta group (PS3.10 section 7.1, table 7.1-1)."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, False
    write_file_meta_info(out, meta, enforce_standard=True)
    return bytes(128) + b"DICM" + out.getvalue()


def _pour(file: BinaryIO, out: BinaryIO) -> None:
    while piece := file.read(_COPY_PIECE):
        out.write(piece)


def _name(path: str, number: int | None) -> str:
    """Return a name that every system takes; of several media, each gets a folder."""
    parts = [_FORBIDDEN.sub("_", part).rstrip(". ") or "_" for part in path.split("/")]
    return "/".join(parts if number is None else [f"medium-{number + 1}", *parts])


def _place(folder: Path, name: str) -> Path:
    """Return a path that does not exist, its folder made."""
    target = folder.joinpath(*name.split("/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while target.exists():
        number += 1
        target = target.with_name(f"{name.rpartition('/')[2]}~{number}")
    return target


def _write_losses(folder: Path, saved: Salvaged) -> None:
    """Write what is lost, for scripts and for people."""
    diagnosis = saved.diagnosis
    text = json.dumps(document(saved), indent=1, ensure_ascii=False)
    (folder / "LOSSES.json").write_bytes(text.encode(errors="replace"))
    pictures = make_thumbnails(diagnosis.file_set, diagnosis.strips)
    page = render(diagnosis, thumbnails=pictures, version=__version__)
    (folder / "LOSSES.html").write_bytes(page.encode(errors="replace"))


def document(saved: Salvaged) -> dict[str, Any]:
    """Return what was saved and lost, as JSON schema `emix.salvage/1`."""
    return {
        "schema": "emix.salvage/1",
        "folder": str(saved.folder),
        "counts": {
            "whole": saved.n_whole, "damaged": saved.n_damaged,
            "repaired": len(saved.repairs), "not_copied": len(saved.not_copied),
        },
        "bytes_lost": saved.bytes_lost,
        "repairs": [
            {"source": one.source, "path": one.path, "done": list(one.done)}
            for one in saved.repairs
        ],
        "not_copied": [{"source": source, "path": path} for source, path in saved.not_copied],
        "ask_for": saved.diagnosis.requests,
    }  # fmt: skip
