"""Checks every byte of a package: page, glue, headers, entries, frames, signature, DICOMDIR."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emixcli.container import layout
from emixcli.container.frames import FrameHasher
from emixcli.container.glue import OPEN, PARSE_LIMIT, FixupStream, make_comment, make_glue
from emixcli.container.page import find_page
from emixcli.container.zipformat import ZipEntry, local_header
from emixcli.container.zipreader import damaged, read_at
from emixcli.progress import SILENT, ProgressListener
from emixcli.quiet import quiet_pydicom

if TYPE_CHECKING:
    from emixcli.container.reader import PackageReader

_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Verified:
    """What a whole check found; a package that fails it raises instead.

    `signing_key` is the raw Ed25519 key that signed the manifest. Whether it belongs to the sender
    whom the index names is for the caller to know.
    """

    signing_key: bytes
    n_entries: int
    n_frames: int


def verify(package: PackageReader, progress: ProgressListener = SILENT) -> Verified:
    """Check everything.

    Raises
    ------
    PackageDamagedError
        Anything is not as it was written; the message names our entry.
    """
    entries = package.directory.entries
    progress.stage("verifying", sum(entry.data_length for entry in entries))
    _check_head(package)
    signing_key = package.check_signature()
    position = package.manifest.page_length
    n_frames = 0
    for entry in entries:
        position = _check_script(package, entry, position)
        n_frames += _check_content(package, entry)
        progress.advance(entry.data_length)
    _check_end(package, position)
    _check_index(package)
    _check_dicomdir(package)
    return Verified(signing_key, len(entries), n_frames)


def _check_head(package: PackageReader) -> None:
    """Check the page, in which somebody might have put a program that steals the code."""
    head, manifest = package.head, package.manifest
    n_entries = len(package.directory.entries)
    if (head.size, head.n_entries, head.page_length) != (
        package.size,
        n_entries,
        manifest.page_length,
    ):
        raise damaged("the head of the package does not fit the rest")
    page = find_page(read_at(package.file, 0, head.page_length))
    if page.sha256 != manifest.page_sha256:
        raise damaged("the viewer page of the package was changed")


def _check_script(package: PackageReader, entry: ZipEntry, position: int) -> int:
    """Check the local header and the glue after the entry; returns where the next one starts."""
    header = local_header(entry)
    if entry.offset != position or read_at(package.file, position, len(header)) != header:
        raise damaged(f"the header of entry {entry.name} is damaged")
    length = len(header) + entry.data_length
    stream = FixupStream()
    for piece in _raw(package, position, length):
        if length <= PARSE_LIMIT:
            stream.add(piece)
    glue = make_glue(position, length, stream.finish()) + OPEN
    at = position + length
    if not stream.fit or read_at(package.file, at, len(glue)) != glue:
        raise damaged(f"what follows entry {entry.name} is damaged")
    return at + len(glue)


def _raw(package: PackageReader, offset: int, length: int) -> Iterator[bytes]:
    end = offset + length
    for at in range(offset, end, _PIECE):
        yield read_at(package.file, at, min(_PIECE, end - at))


def _check_content(package: PackageReader, entry: ZipEntry) -> int:
    """Check digests of an entry and of its frames; returns how many frames it has."""
    if entry.name in {layout.MANIFEST, layout.SIGNATURE}:
        return 0
    frames = package.entry(entry.name).frames
    hasher = FrameHasher([frame[:2] for frame in frames])
    for piece in package.iter_pieces(entry.name):
        hasher.add(piece)
    if hasher.digests != [digest for _, _, digest in frames]:
        raise damaged(f"the frames of entry {entry.name} are not where the manifest says")
    return len(frames)


def _check_end(package: PackageReader, position: int) -> None:
    directory = package.directory
    comment = make_comment(directory.offset, directory.content)
    if directory.offset != position or directory.comment != comment:
        raise damaged("the end of the package is damaged")


def iter_index_instances(index: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every instance of an index, with the fields that its series has in common.

    Raises
    ------
    PackageDamagedError
        The index is not built as the format says.
    """
    try:
        for patient in index["patients"]:
            for study in patient["studies"]:
                for series in study["series"]:
                    for instance in series["instances"]:
                        yield {**series["common"], **instance}
    except (KeyError, TypeError) as exc:
        raise damaged("the index is damaged") from exc


def _check_index(package: PackageReader) -> None:
    """Check that the index names exactly the objects and reports that are there or were lost."""
    try:
        named = {instance["entry"] for instance in iter_index_instances(package.index)}
        named |= {document["entry"] for document in package.index["documents"]}
    except (KeyError, TypeError) as exc:
        raise damaged("the index is damaged") from exc
    made = {layout.INDEX, layout.DICOMDIR, layout.README}
    present = set(package.manifest.entries) - made
    lost = lost_entries(package)
    if named != present | lost or present & lost:
        raise damaged("index and manifest list different objects")


def lost_entries(package: PackageReader) -> set[str]:
    """Return the names of entries that could not be read when the package was made."""
    losses = package.manifest.losses
    names = {instance["entry"] for series in losses for instance in series["instances"]}
    return names | {str(loss.get("entry")) for loss in package.manifest.documents_lost}


def _check_dicomdir(package: PackageReader) -> None:
    """Check that the DICOMDIR references exactly the objects of the index, by name and UID."""
    uids = {
        instance["entry"]: instance.get("uid", "")
        for instance in iter_index_instances(package.index)
    }
    references = dict(_references(package.read(layout.DICOMDIR)))
    if set(references) != set(uids):
        raise damaged("DICOMDIR and index list different objects")
    for name, uid in references.items():
        if uids[name] and uid not in {uids[name], "2.25.0"}:
            raise damaged(f"DICOMDIR names another object for entry {name}")


def _references(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and SOP Instance UID of every referenced file."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        with quiet_pydicom():
            records = pydicom.dcmread(io.BytesIO(content)).DirectoryRecordSequence
            for record in records:
                if "ReferencedFileID" in record:
                    file_id = record.ReferencedFileID
                    parts = [file_id] if isinstance(file_id, str) else list(file_id)
                    yield "/".join(parts), str(record.ReferencedSOPInstanceUIDInFile)
    except (InvalidDicomError, AttributeError, ValueError, KeyError, TypeError, OSError) as exc:
        raise damaged("the DICOMDIR is damaged") from exc
