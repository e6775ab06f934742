"""Which objects the unreadable places of a medium belong to.

A sector number helps nobody; "slices 41 to 44 of series 4" does. What is known of a file comes from
its own header, as far as that can be read, else from the record of the DICOMDIR.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.errors import EmixError, NoDicomError
from emixcli.media.damaged import readable_head
from emixcli.media.dicomdir import DIRECTORY_CLASS, Directory
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import iter_pieces
from emixcli.media.disc.tree import UNWRITTEN
from emixcli.media.header import read_header
from emixcli.media.names import fold
from emixcli.media.opened import by_sectors
from emixcli.media.sources import FolderSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emixcli.media.dicomdir import Reference
    from emixcli.media.sources import Bytes, MediaFile, Source
    from emixcli.model import FileSet, Instance
    from emixcli.progress import ProgressListener

_DIRECTORY: Final = "DICOMDIR"
#: Files that the system reads ahead: with one, a disk waits for us now and then.
_EXPECTED: Final = 4

#: Number of the source, path, size and lost ranges of a file.
Lost = tuple[int, str, int, tuple[tuple[int, int], ...]]


@dataclass(frozen=True, slots=True)
class Loss:
    """A file of which bytes are lost.

    Attributes
    ----------
    source, path, size
        The file, as in `model.Instance`.
    ranges
        What is lost of it: start and end, in bytes from its beginning.
    origin
        Where the identifiers come from: "header", "dicomdir", or "" where nothing is known.
    """

    source: int
    path: str
    size: int
    ranges: tuple[tuple[int, int], ...]
    origin: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    series_number: str = ""
    instance_number: str = ""
    study_date: str = ""
    study_description: str = ""
    accession_number: str = ""
    patient_name: str = ""

    @property
    def bytes_lost(self) -> int:
        """How many bytes of the file cannot be read."""
        return sum(stop - start for start, stop in self.ranges)


def read_through(source: Source, progress: ProgressListener) -> Iterator[tuple[MediaFile, Ranges]]:
    """Read every byte of every file in the order of the medium; yield what cannot be read of each.

    Parameters
    ----------
    progress
        Hears of the bytes; the caller begins the stage.
    """
    for file in _iter_expected(source) if isinstance(source, FolderSource) else source.iter_files():
        read = Ranges()
        try:
            content = source.open_bytes(file.path)
        except OSError:
            yield file, Ranges([(0, file.size)])
            continue
        with contextlib.closing(content):
            size = content.size
            careful = by_sectors(content, source)
            for offset, data in iter_pieces(careful, 0, size):
                read.add(offset, offset + len(data))
                progress.advance(len(data))
        yield file, Ranges(read.gaps(0, size))


def _iter_expected(source: FolderSource) -> Iterator[MediaFile]:
    """Yield the files of a folder while the system begins to read those behind each."""
    waiting: deque[MediaFile] = deque()
    for file in source.iter_files():
        source.expect(file.path)
        waiting.append(file)
        if len(waiting) > _EXPECTED:
            yield waiting.popleft()
    yield from waiting


def lost_ranges(source: Source, path: str) -> Ranges:
    """Return what is known to be unreadable of a file, without reading it."""
    lost = Ranges()
    medium = source.medium
    if medium is None:
        return lost
    start = 0
    for place, length in source.extents(path):
        if place != UNWRITTEN:
            for first, last in medium.lost(place, place + length):
                lost.add(start + first - place, start + last - place)
        start += length
    return lost


def find_losses(
    file_set: FileSet, sources: Sequence[Source], lost: Sequence[Lost] | None = None
) -> list[Loss]:
    """Return the files of media that hold nothing usable, or of which bytes cannot be read.

    Parameters
    ----------
    file_set
        From a scan of these sources.
    sources
        The media, with the bad places that were met so far in `medium.bad`.
    lost
        What cannot be read of each file, where every byte was read already.
    """
    if lost is None:
        lost = [
            (number, file.path, file.size, tuple(ranges))
            for number, source in enumerate(sources)
            if source.medium is not None
            for file in source.iter_files()
            if (ranges := lost_ranges(source, file.path))
        ]
    told = {entry[:2] for entry in lost}
    told |= (
        {(one.source, one.path) for one in file_set.iter_instances()}
        if file_set.unreadable
        else set()
    )
    rest = [
        (one.source, one.path, one.size, ())
        for one in file_set.unreadable
        if (one.source, one.path) not in told
    ]
    return name_losses([*lost, *rest], file_set, sources)


def name_losses(
    found: Sequence[Lost],
    file_set: FileSet,
    sources: Sequence[Source],
) -> list[Loss]:
    """Return losses with the identifiers of what was lost.

    Parameters
    ----------
    found
        Number of the source, path, size and lost ranges of each file.
    """
    wanted = {(number, path) for number, path, _, _ in found}
    instances = {
        (instance.source, instance.path): instance
        for instance in file_set.iter_instances()
        if (instance.source, instance.path) in wanted
    }
    records = {
        number: _records(sources[number])
        for number in {number for number, path in wanted if (number, path) not in instances}
    }
    return [
        _loss(lost, instances.get(lost[:2]), records.get(lost[0], {}).get(fold(lost[1])))
        for lost in found
    ]


def _loss(
    lost: Lost,
    instance: Instance | None,
    record: Reference | None,
) -> Loss:
    if instance is not None:
        return Loss(
            *lost,
            "header",
            instance.text("StudyInstanceUID"),
            instance.text("SeriesInstanceUID"),
            instance.text("SOPInstanceUID"),
            instance.text("SeriesNumber"),
            instance.text("InstanceNumber"),
        )
    if record is None:
        return Loss(*lost)
    return Loss(
        *lost,
        "dicomdir",
        record.study_uid,
        record.series_uid,
        record.sop_uid,
        record.series_number,
        record.instance_number,
        record.study_date,
        record.study_description,
        record.accession_number,
        record.patient_name,
    )


def _dataset_offset(content: Bytes, *, is_named: bool) -> int:
    """Return where the data set of a DICOMDIR begins, though its sectors may be bad.

    -1 where only its content could say that it is one (`is_named`), and does not.
    """
    head = readable_head(content)
    try:
        header = read_header(head)
    except NoDicomError:
        return 0 if is_named else -1
    return header.dataset_offset if is_named or header.media_class == DIRECTORY_CLASS else -1


def _is_directory(source: Source, path: str) -> bool:
    return fold(posixpath.basename(source.notes.name_there(path))) == _DIRECTORY


def _records(source: Source) -> dict[str, Reference]:
    """Return what the DICOMDIRs of a medium say of each file, by folded path."""
    records: dict[str, Reference] = {}
    paths = [file.path for file in source.iter_files() if _is_directory(source, file.path)]
    # One without a name may be of a session that is lost: its paths are not those of another.
    for path in paths or sorted(source.notes.carved):
        folder, name = posixpath.split(source.notes.name_there(path))
        beside = source.notes.names_beside(path)
        try:
            with contextlib.closing(source.open_bytes(path)) as content:
                careful = by_sectors(content, source)
                offset = _dataset_offset(careful, is_named=fold(name) == _DIRECTORY)
                for reference in Directory(careful, offset) if offset >= 0 else ():
                    if reference.path is not None:
                        wanted = fold(posixpath.join(folder, reference.path))
                        records.setdefault(fold(beside.get(wanted, wanted)), reference)
        except (OSError, EmixError):
            continue
    return records
