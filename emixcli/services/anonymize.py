"""De-identify media into a folder: read, replace, write, look again, report."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from io import FileIO
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from emixcli import __version__
from emixcli.anonymize import new_key
from emixcli.container import layout
from emixcli.container.dicomdir import make_dicomdir
from emixcli.container.encoding import new_package_id
from emixcli.container.sink import FileSink, output_error
from emixcli.deid.report import Report
from emixcli.errors import EmixError, OutputError, OutputExistsError
from emixcli.media.reader import MediaReader
from emixcli.media.scan import require_dicom, scan_media
from emixcli.media.select import select
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.deidentify import (
    DUPLICATE,
    UNREADABLE,
    Deidentification,
    DeidentifyingReader,
    Refused,
    deidentify,
    look_again,
    refusal,
    with_faces,
)
from emixcli.services.folder import new_folder
from emixcli.services.selection import check_outside

if TYPE_CHECKING:
    from emixcli.anonymize import Anonymized
    from emixcli.model import FileSet, Instance

#: Instances below which starting a second process costs more than it saves.
_WORTH_A_PROCESS = 1500
_CHUNK = 200
_WRITERS = 2
_COPY = 16 * 1024 * 1024
Item = tuple["Instance", str]


@dataclass(frozen=True, kw_only=True)
class AnonymizeRequest:
    """What to de-identify.

    `output` None writes nothing: a dry run. Without a key in `how`, one is made and forgotten.
    `report` is a file, .json or .html, that tells what was done; a dry run writes none. `jobs` are
    processes; None lets the amount decide.
    """

    paths: Sequence[str]
    output: Path | None
    how: Deidentification
    patients: Sequence[str] = ()
    studies: Sequence[str] = ()
    verify: bool = True
    dicomdir: bool = False
    report: Path | None = None
    jobs: int | None = None


@dataclass(frozen=True)
class AnonymizeResult:
    """What became of the objects.

    `report` holds no old value; `refused` names files on the medium. `n_reports` counts reports on
    the medium, which are left out.
    """

    report: Report
    refused: tuple[Refused, ...]
    n_reports: int
    verified: bool

    @property
    def n_written(self) -> int:
        """New objects."""
        return len(self.report.outputs)


@dataclass(frozen=True)
class _Job:
    """Instances of one process's turn, with the names of the new files."""

    sources: FileSet
    items: list[Item]
    folder: Path | None
    how: Deidentification
    hashes: bool


@dataclass
class _Part:
    """What became of a job."""

    report: Report
    refused: list[Refused] = field(default_factory=list)


def anonymize(request: AnonymizeRequest, *, progress: ProgressListener = SILENT) -> AnonymizeResult:
    """De-identify what is on the media.

    One object that cannot be de-identified stops no other; the result lists it. What the second
    look finds deletes the whole output.

    Raises
    ------
    DeidUnsafeError
        The second look found something of the input in the output.
    EmixError
        Nothing to read, or the output cannot be written; nothing is left behind.
    """
    check_outside(request.output, request.paths)
    check_outside(request.report, request.paths)
    if request.report is not None:
        _check_absent(request.report)
    scanned = scan_media(request.paths, progress=progress)
    require_dicom(scanned)
    chosen = scanned
    if request.patients or request.studies:
        chosen = select(scanned, patients=request.patients, studies=request.studies)
    with MediaReader(chosen) as media, contextlib.ExitStack() as stack:
        folder = None
        if request.output is not None:
            folder = stack.enter_context(new_folder(request.output))
        run = _Run(request, chosen, media, folder, progress)
        run.refuse_at_once(scanned)
        run.write()
        verified = folder is not None and request.verify
        if verified:
            run.verify()
        run.tell_refused()
        if folder is not None and request.report is not None:
            _write_report(run.report, request.report)
    return AnonymizeResult(run.report, tuple(run.refused), len(chosen.documents), verified)


def _check_absent(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise OutputExistsError(f"{path.name} exists already", hint="choose another name")


def _write_report(report: Report, path: Path) -> None:
    """Write the report, as a page where the name ends with .html, else as JSON."""
    from emixcli.deid.report_page import render

    document = report.as_dict()
    text = render(document) if path.suffix == ".html" else json.dumps(document, indent=1) + "\n"
    with FileSink(path) as sink:
        sink.write(text.encode())


class _Run:
    """One run over the chosen objects."""

    def __init__(
        self,
        request: AnonymizeRequest,
        chosen: FileSet,
        media: MediaReader,
        folder: Path | None,
        progress: ProgressListener,
    ) -> None:
        self._request, self._chosen, self._media = request, chosen, media
        self._folder, self._progress = folder, progress
        self._how = with_faces(request.how.keyed(new_key()), chosen, media)
        self.report = Report(request.how.profile, __version__, request.how.key is not None)
        self.refused: list[Refused] = []
        self._items: list[Item] = []

    def refuse_at_once(self, scanned: FileSet) -> None:
        """Refuse files without a readable header, and objects with the UID of another object."""
        self.refused += [
            Refused(item.path, DUPLICATE, "another object has its SOP Instance UID", "")
            for item in scanned.left_out
        ]
        known = {(item.source, item.path) for item in scanned.iter_instances()}
        self.refused += [
            Refused(item.path, UNREADABLE, "the file cannot be read", "")
            for item in scanned.unreadable
            if (item.source, item.path) not in known
        ]

    def write(self) -> None:
        """De-identify every object, and write it where there is a folder."""
        self._items = self._named()
        sources = replace(self._chosen, patients=(), documents=(), unreadable=(), findings=())
        request = self._request
        jobs = [
            _Job(
                sources,
                self._items[start : start + _CHUNK],
                self._folder,
                self._how,
                request.report is not None,
            )
            for start in range(0, len(self._items), _CHUNK)
        ]
        self._progress.stage("de-identifying", len(self._items), "files")
        for job, part in zip(jobs, _parts(jobs, self._processes()), strict=True):
            self.refused += part.refused
            self.report.actions.update(part.report.actions)
            self.report.accepted.update(part.report.accepted)
            self.report.outputs += part.report.outputs
            self._progress.advance(len(job.items))

    def _named(self) -> list[Item]:
        """Return the instances with 8.3 names without meaning (PS3.10 section 8.2).

        Where a DICOMDIR is asked for, it is made from the de-identified objects and written.
        """
        if not self._request.dicomdir:
            return list(layout.iter_instances(self._chosen))
        reader = DeidentifyingReader(self._media, self._how)
        found = deidentify(self._chosen, reader)
        self.refused += found.refused
        if self._folder is not None:
            directory = make_dicomdir(found.file_set, package_id=new_package_id())
            with FileSink(self._folder / layout.DICOMDIR) as sink:
                sink.write(directory.content.read())
        return list(layout.iter_instances(found.file_set))

    def _processes(self) -> int:
        if self._request.jobs is not None:
            return self._request.jobs
        return 1 if len(self._items) < _WORTH_A_PROCESS else min(8, os.cpu_count() or 1)

    def verify(self) -> None:
        """Look at the new files again, by another path."""
        names = {(instance.source, instance.path): name for instance, name in self._items}
        written = {output.name for output in self.report.outputs}
        folder = self._folder

        def new(instance: Instance) -> BinaryIO | None:
            name = names.get((instance.source, instance.path), "")
            if folder is None or name not in written:
                return None
            return folder.joinpath(*name.split("/")).open("rb")

        look_again(
            self._chosen.patients,
            self._media.open,
            new,
            self.report,
            how=self._how,
            progress=self._progress,
        )

    def tell_refused(self) -> None:
        """Put what was refused into the report, by number: names on a medium may name people."""
        for number, item in enumerate(self.refused, 1):
            self.report.refuse(f"object {number}", item.id, item.message)


def _parts(jobs: list[_Job], processes: int) -> Iterator[_Part]:
    if processes == 1:
        yield from map(_Worker().run, jobs)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_run_job, jobs)


class _Worker:
    """One process's reader, kept from job to job for what it remembers of a series.

    One object is read and replaced while those before it are written by threads.
    """

    def __init__(self) -> None:
        self._open: tuple[MediaReader, DeidentifyingReader] | None = None

    def run(self, job: _Job) -> _Part:
        """Do one job."""
        if self._open is None:
            media = MediaReader(job.sources)
            self._open = media, DeidentifyingReader(media, job.how)
        part = _Part(Report(job.how.profile, __version__))
        waiting: deque[tuple[Instance, str, Future[tuple[Anonymized, str]]]] = deque()
        with ThreadPoolExecutor(_WRITERS, thread_name_prefix="emix-write") as pool:
            for instance, name in job.items:
                try:
                    made, source = self._make(instance)
                except (OSError, EmixError) as exc:
                    part.refused.append(refusal(instance, exc))
                    continue
                waiting.append((instance, name, pool.submit(_write, made, source, job, name)))
                if len(waiting) > 2 * _WRITERS:
                    _settle(part, *waiting.popleft())
            for item in waiting:
                _settle(part, *item)
        return part

    def _make(self, instance: Instance) -> tuple[Anonymized, BinaryIO]:
        assert self._open is not None  # noqa: S101 - for the type checker
        media, reader = self._open
        source = media.open(instance)
        try:
            return reader.anonymize(source), source
        except BaseException:
            source.close()
            raise


def _settle(
    part: _Part, instance: Instance, name: str, future: Future[tuple[Anonymized, str]]
) -> None:
    """Record what became of an object."""
    try:
        made, sha256 = future.result()
    except OutputError:
        raise
    except (OSError, EmixError) as exc:
        part.refused.append(refusal(instance, exc))
    else:
        part.report.written(made, name=name, sha256=sha256)


_WORKER = _Worker()


def _run_job(job: _Job) -> _Part:
    """Run in a process of its own."""
    return _WORKER.run(job)


def _write(made: Anonymized, source: BinaryIO, job: _Job, name: str) -> tuple[Anonymized, str]:
    """Write an object where there is a folder; returns it with the SHA-256 of the file."""
    sha256 = ""
    with source, contextlib.closing(made):
        if job.folder is not None:
            path = f"{job.folder}/{name}"
            write_object(made, source, path)
            if job.hashes:
                with open(path, "rb") as file:  # noqa: PTH123 - the name is a text
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return made, sha256


def write_object(made: Anonymized, source: BinaryIO, path: str) -> None:
    """Write a de-identified object; ranges of the source are copied by the system where it can.

    Raises
    ------
    OutputError
        The disk is full or read-only.
    OSError
        The source cannot be read; the file is removed again.
    """
    target = _create(path)
    try:
        with target:
            _put(target, made.head)
            for piece in made.body.pieces():
                if isinstance(piece, tuple):
                    _copy(source, *piece, target)
                else:
                    _put(target, piece)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def _create(path: str) -> FileIO:
    try:
        try:
            return FileIO(path, "xb")
        except FileNotFoundError:  # the first of its series
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            return FileIO(path, "xb")
    except OSError as exc:
        raise output_error(exc) from exc


def _put(file: FileIO, data: bytes | memoryview) -> None:
    view = memoryview(data).cast("B")
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as exc:
        raise output_error(exc) from exc


def _copy(source: BinaryIO, offset: int, length: int, target: FileIO) -> None:
    """Copy a range of the source to the end of the target."""
    copied = _copy_by_system(source, offset, length, target)
    source.seek(offset + copied)
    left = length - copied
    while left:
        data = source.read(min(left, _COPY))
        if not data:
            raise OSError("the source has become shorter")
        _put(target, data)
        left -= len(data)


def _copy_by_system(source: BinaryIO, offset: int, length: int, target: FileIO) -> int:
    """Return how many bytes the system copied without showing them to us; 0 where it cannot."""
    done = 0
    if not hasattr(os, "copy_file_range"):
        return done
    with contextlib.suppress(OSError):  # other file systems, archives: read and write instead
        handle = source.fileno()
        while done < length:
            n = os.copy_file_range(
                handle, target.fileno(), min(length - done, _COPY), offset + done
            )
            if not n:
                break
            done += n
    return done
