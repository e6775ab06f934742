"""What is on a medium: every file looked at once, and each given one verdict."""

from __future__ import annotations

import contextlib
import gc
import posixpath
from typing import TYPE_CHECKING, Final

from emixcli.errors import EmixError, MediaError, NoDicomError
from emixcli.media.dicomdir import DIRECTORY_CLASS
from emixcli.media.directories import DirectoryCheck
from emixcli.media.elements import SLOTS
from emixcli.media.grouping import group
from emixcli.media.header import Header, HeaderReader
from emixcli.media.sniff import document_kind
from emixcli.media.sources import Bytes, MediaFile, Source, open_source
from emixcli.model import Document, FileSet, Instance, Unreadable
from emixcli.progress import SILENT, ProgressListener
from emixcli.validate.filesets import check_patients, check_series
from emixcli.validate.pixels import pixel_code
from emixcli.validate.places import Findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SOP_CLASS: Final = SLOTS["SOPClassUID"]
_SOP_UID: Final = SLOTS["SOPInstanceUID"]
_STUDY_UID: Final = SLOTS["StudyInstanceUID"]
_SERIES_UID: Final = SLOTS["SeriesInstanceUID"]
_ROWS: Final = SLOTS["Rows"]
_DICOM_SUFFIXES: Final = (".dcm", ".dic", ".ima", ".dicom")
_COMPARED: Final = 64 * 1024
_REPORT_EVERY: Final = 64


def scan_media(
    paths: Sequence[str], *, progress: ProgressListener = SILENT, workers: int | None = None
) -> FileSet:
    """Return what is on the media.

    Parameters
    ----------
    paths
        Folders, files, archives, images or drives.
    progress
        Hears one stage `reading`, counted in files.
    workers
        Reserved: headers are read by one thread, which is faster than the medium.

    Raises
    ------
    MediaError
        Where a medium cannot be read at all. Single bad files are listed in the result.
    """
    del workers
    scan = _Scan(progress)
    sources: list[Source] = []
    try:
        with _without_gc():
            for number, path in enumerate(paths):
                sources.append(open_source(path))
                scan.read(number, sources[-1])
            return scan.result(tuple(paths), sources)
    finally:
        for source in sources:
            source.close()


@contextlib.contextmanager
def _without_gc() -> Iterator[None]:
    """Pause the search for cycles: a scan makes none, and looking for them took half its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def require_dicom(file_set: FileSet) -> None:
    """Do nothing where there are DICOM objects.

    Raises
    ------
    MediaError
        Where files could not be read and none of the others is DICOM.
    NoDicomError
        Where all files could be read and none is DICOM.
    """
    if file_set.patients:
        return
    if file_set.unreadable:
        raise MediaError(
            f"none of {file_set.n_files} files is a readable DICOM object",
            hint="clean the disc or try another drive, then ask the sender for a new copy",
        )
    if not file_set.n_files:
        raise NoDicomError("the medium is empty", hint="check the path, and that it is the disc")
    raise NoDicomError(
        f"none of {file_set.n_files} files is a DICOM object",
        hint="check that this is the image disc; a viewer or its own format is no DICOM",
    )


class _Scan:
    """State of one scan."""

    def __init__(self, progress: ProgressListener) -> None:
        self._progress = progress
        self._headers = HeaderReader()
        self._findings = Findings()
        self._instances: list[Instance] = []
        self._by_uid: dict[str, int] = {}
        self._twice: list[tuple[int, Instance]] = []
        self._documents: list[Document] = []
        self._unreadable: list[Unreadable] = []
        self._directories: list[DirectoryCheck] = []
        self._n_files = 0
        self._n_other = 0

    def read(self, number: int, source: Source) -> None:
        """Look at every file of a medium."""
        self._progress.stage("reading", None, "files")
        directories = DirectoryCheck(number, source.kind)
        self._directories.append(directories)
        for file in source.iter_files():
            self._n_files += 1
            directories.add_file(file.path)
            self._read_file(number, source, file)
            if not self._n_files % _REPORT_EVERY:
                self._progress.advance(_REPORT_EVERY)
        self._progress.advance(self._n_files % _REPORT_EVERY)
        for code, count in source.notes.codes.items():
            self._findings.add(code, count=count)
        for path, reason in source.notes.unreadable:
            self._lose(number, MediaFile(path, 0), reason)

    def _read_file(self, number: int, source: Source, file: MediaFile) -> None:
        try:
            content = source.open_bytes(file.path)
            try:
                self._look(number, file, content)
            finally:
                content.close()
        except (OSError, EmixError):
            self._lose(number, file, "cannot be read")

    def _look(self, number: int, file: MediaFile, content: Bytes) -> None:
        head = content.read_at(0, min(self._headers.head_length, file.size))
        header = self._headers.find(head, file.size, content.read_at)
        if header is None:
            self._take_other(number, file, head)
        elif DIRECTORY_CLASS in (header.media_class, header.values[_SOP_CLASS]):
            self._n_other += 1
            self._directories[-1].add_directory(file.path, content, header)
        elif not _has_identity(header) or _is_lost(header):
            self._lose_header(number, file, header)
        else:
            self._take_instance(number, file, content, header)

    def _take_instance(self, number: int, file: MediaFile, content: Bytes, header: Header) -> None:
        instance = Instance(
            number,
            file.path,
            file.size,
            header.values,
            header.pixel_offset,
            header.pixel_length,
            header.deep,
        )
        if self._is_double(instance):
            return
        self._instances.append(instance)
        values = header.values
        if not (values[_SOP_UID] and values[_STUDY_UID] and values[_SERIES_UID]):
            self._findings.add_instance("S01", instance)
        codes = set(header.codes) - {"F09"}
        if file.missing:
            codes.add("S04")
        elif "S04" not in codes:
            code = pixel_code(instance, content.read_at if content.is_random else None)
            codes |= {code} if code else set()
        for code in codes:
            self._findings.add_instance(code, instance)
        if "S04" in codes:
            self._unreadable.append(Unreadable(number, file.path, file.size, "truncated"))

    def _is_double(self, instance: Instance) -> bool:
        uid = instance.values[_SOP_UID]
        if not uid:
            return False
        first = self._by_uid.setdefault(str(uid), len(self._instances))
        if first == len(self._instances):
            return False
        self._twice.append((first, instance))
        return True

    def _take_other(self, number: int, file: MediaFile, head: bytes) -> None:
        suffix = posixpath.splitext(file.path)[1].lower()
        if (not head and suffix in _DICOM_SUFFIXES) or (
            len(head) >= 256 and head.count(head[0]) == len(head)
        ):
            self._lose(
                number, file, "filled with one repeated byte" if head else "empty", code="F09"
            )
        elif kind := document_kind(head, file.path):
            self._documents.append(Document(number, file.path, file.size, kind))
        elif suffix in _DICOM_SUFFIXES:
            self._lose(number, file, "is no DICOM object")
        else:
            self._n_other += 1

    def _lose(self, number: int, file: MediaFile, reason: str, *, code: str = "M01") -> None:
        self._unreadable.append(Unreadable(number, file.path, file.size, reason))
        self._findings.add(code, where=f"file {self._n_files}" if self._n_files else "")

    def _lose_header(self, number: int, file: MediaFile, header: Header) -> None:
        if "F09" in header.codes:
            self._lose(number, file, "filled with zero bytes", code="F09")
        elif header.codes:
            self._lose(number, file, "header is damaged")
        else:
            self._lose(number, file, "has no identifiers", code="S01")

    # -- after all media ----------------------------------------------------------------------

    def result(self, paths: tuple[str, ...], sources: Sequence[Source]) -> FileSet:
        """Return what was found, with the findings that need all of it."""
        for first, instance in self._twice:
            other = self._instances[first]
            same = _is_same(other, instance, sources)
            self._findings.add_instance("C03" if same else "C04", other)
        for directories in self._directories:
            directories.check(self._instances, self._findings)
        patients = group(self._instances)
        check_patients(patients, self._findings)
        for patient in patients:
            for study in patient.studies:
                for series in study.series:
                    check_series(series, self._findings)
        return FileSet(
            sources=paths,
            patients=patients,
            documents=tuple(self._documents),
            unreadable=tuple(self._unreadable),
            n_files=self._n_files,
            n_other=self._n_other,
            size=sum(instance.size for instance in self._instances),
            findings=self._findings.result(),
        )


def _is_lost(header: Header) -> bool:
    """Whether a header goes on as zeros before it has said what the object is.

    Zeros behind a whole object are padding and no loss.
    """
    if "F09" not in header.codes:
        return False
    values = header.values
    is_whole = all(values[slot] for slot in (_SOP_UID, _STUDY_UID, _SERIES_UID))
    return not is_whole or values[_ROWS] is not None


def _has_identity(header: Header) -> bool:
    """Whether a header says enough to call the file an object: an identifier, or pixels."""
    if header.pixel_offset >= 0:
        return True
    values = header.values
    return any(values[slot] for slot in (_SOP_CLASS, _SOP_UID, _STUDY_UID, _SERIES_UID))


def _is_same(a: Instance, b: Instance, sources: Sequence[Source]) -> bool:
    """Whether two files are equal in size, header and both ends of their content."""
    if a.size != b.size or a.values != b.values:
        return False
    offsets = {0, max(0, a.size - _COMPARED)}
    try:
        first = sources[a.source].open_bytes(a.path)
        try:
            second = sources[b.source].open_bytes(b.path)
            try:
                return all(
                    first.read_at(offset, _COMPARED) == second.read_at(offset, _COMPARED)
                    for offset in offsets
                )
            finally:
                second.close()
        finally:
            first.close()
    except OSError:
        return False
