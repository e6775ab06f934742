"""De-identification of many objects by one process or several.

Where a process can be copied (`os.fork`), the others are copies of this one: nothing is imported or
sent again, and a second one is worth it for a hundred files. Elsewhere they start from nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import struct
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self, cast

from emixcli import __version__, cycles
from emixcli.deid.report import Report
from emixcli.errors import EmixError, OutputError
from emixcli.media.reader import MediaReader
from emixcli.services.deidentify import Deidentification, Refused, refusal
from emixcli.services.object_file import ObjectWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from emixcli.anonymize import Anonymized, Anonymizer
    from emixcli.model import FileSet, Instance
    from emixcli.services.reidentification import Link

Item = tuple["Instance", str]

#: Objects, and bytes, from which on a copy of this process is worth its start.
_WORTH_A_COPY = 100
_WORTH_BYTES = 48_000_000
#: Objects from which on a process that starts from nothing is.
_WORTH_A_START = 1500
_CHUNK = 200
#: Objects, and bytes, whose headers are treated before any of them is written: code and tables
#: then are in the processor's cache, which pixels would fill.
_TURN, _TURN_BYTES = 10, 16_000_000
#: Processes at most; two share small work, where the start of each further one would show.
_MOST_PROCESSES, _FEW_PROCESSES = 8, 2
#: The number of a job in the pipe of jobs: few enough bytes that a read gets all or none.
_NUMBER = struct.Struct("<I")
#: Jobs that a pipe of 64 KiB, the least that Linux gives, can hold.
_MOST_JOBS = 16_000
#: What a copy may have done before anybody listens: 3 KB a job.
_PIPE_SIZE = 1024 * 1024


class Work(NamedTuple):
    """Instances with the names of the new files.

    `sources` are the media without what is on them. `folder` None writes nothing. `hashes` asks for
    the SHA-256 of each new file, `links` what leads back to the old one. `looks_again` says
    that a second look follows.
    """

    sources: FileSet
    items: Sequence[Item]
    folder: Path | None
    how: Deidentification
    hashes: bool
    links: bool = False
    looks_again: bool = False


@dataclass(eq=False, repr=False)
class Part:
    """What became of `n` of them; lists have the place of each in `Work.items`."""

    n: int
    report: Report
    refused: list[tuple[int, Refused]] = field(default_factory=list)
    links: list[tuple[int, Link]] = field(default_factory=list)


def processes_for(items: Sequence[Item]) -> int:
    """Return by how many processes objects are best de-identified."""
    is_much = len(items) >= _WORTH_A_START
    most = min(_MOST_PROCESSES if is_much else _FEW_PROCESSES, os.cpu_count() or 1)
    if is_much or not _can_copy():
        return most if is_much else 1
    size = sum(instance.size for instance, _ in items)
    return most if len(items) >= _WORTH_A_COPY and size >= _WORTH_BYTES else 1


def run(work: Work, processes: int) -> Iterator[Part]:
    """De-identify everything, and yield what became of it, part after part in any order.

    Raises
    ------
    OutputError
        The disk is full or read-only.
    """
    if not work.items:
        return
    jobs = _cut(len(work.items), processes)
    processes = min(processes, len(jobs))
    if processes == 1:
        with _Worker(work) as worker:
            yield from map(worker.run, jobs)
    elif _can_copy():
        yield from _run_copies(work, jobs, processes)
    else:
        yield from _run_started(work, jobs, processes)


def _cut(n: int, processes: int) -> list[range]:
    """Return the turns of `n` objects; the first is short, since others wait for it."""
    size = max(1, min(_CHUNK, n // (16 * processes)), n // _MOST_JOBS)
    first = min(n, 2)
    return [range(first), *(range(at, min(at + size, n)) for at in range(first, n, size))]


def _can_copy() -> bool:
    """Whether this process can be copied: no other thread of it may hold a lock meanwhile."""
    try:
        return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - no path
    except OSError:
        return False


class _Worker:
    """One process's media and anonymizer, kept from job to job for what it knows of a series."""

    def __init__(self, work: Work, anonymizer: Anonymizer | None = None) -> None:
        self._work = work
        self._media = MediaReader(work.sources)
        self._writer = ObjectWriter()
        self._anonymizer = work.how.anonymizer() if anonymizer is None else anonymizer

    def copied(self) -> _Worker:
        """Return the worker of a copy of this process, with files of its own."""
        return _Worker(self._work, self._anonymizer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._media.close()

    def run(self, job: range) -> Part:
        """Do one job; an object that is refused stops no other."""
        part = Part(len(job), Report(self._work.how.profile, __version__))
        turn: list[int] = []
        size = 0
        with cycles.not_searched():  # de-identification makes none
            for number in job:
                turn.append(number)
                size += self._work.items[number][0].size
                if len(turn) == _TURN or size >= _TURN_BYTES or number == job[-1]:
                    self._make(turn, part)
                    turn, size = [], 0
        return part

    def _make(self, turn: Sequence[int], part: Part) -> None:
        """Treat the headers of some objects, then write these."""
        with contextlib.ExitStack() as opened:
            ready = []
            for number in turn:
                with self._refusing(number, part):
                    source = opened.enter_context(self._media.open(self._work.items[number][0]))
                    made = self._anonymizer.anonymize(source)
                    opened.callback(made.close)
                    ready.append((number, source, made))
            for number, source, made in ready:
                with self._refusing(number, part):
                    self._write(number, source, made, part)

    @contextlib.contextmanager
    def _refusing(self, number: int, part: Part) -> Iterator[None]:
        """Note an object that cannot be made."""
        try:
            yield
        except OutputError:
            raise
        except (OSError, EmixError) as exc:
            part.refused.append((number, refusal(self._work.items[number][0], exc)))

    def _write(self, number: int, source: BinaryIO, made: Anonymized, part: Part) -> None:
        name = self._work.items[number][1]
        sha256 = ""
        if self._work.folder is not None:
            path = f"{self._work.folder}/{name}"
            self._writer.write(made, source, path)
            if self._work.hashes:
                with open(path, "rb") as file:  # noqa: PTH123 - the name is a text
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        part.report.written(made, name=name, sha256=sha256)
        if self._work.links:
            from emixcli.services.reidentification import link_of

            part.links.append((number, link_of(made)))


# -- copies of this process -----------------------------------------------------------------------


def _run_copies(work: Work, jobs: Sequence[range], processes: int) -> Iterator[Part]:
    """Share jobs with copies of this process: each takes the next number out of one pipe."""
    taking, giving = os.pipe()
    os.write(giving, b"".join(map(_NUMBER.pack, range(1, len(jobs)))))
    os.close(giving)
    copies: list[_Copy] = []
    try:
        with _Worker(work) as worker:
            yield worker.run(jobs[0])  # the copies then know what it has learnt
            with contextlib.suppress(OSError):  # those that the system gives do all the work
                copies += (_Copy(worker, jobs, taking) for _ in range(processes - 1))
            if work.looks_again:
                import emixcli.deid.verify  # noqa: F401 - loads pydicom while the copies work
            for job in _taken(jobs, taking):
                yield worker.run(job)
                for copy in copies:
                    yield from copy.parts(wait=False)
        for copy in copies:
            yield from copy.parts(wait=True)
    finally:
        os.close(taking)
        for copy in copies:
            copy.end()


def _taken(jobs: Sequence[range], taking: int) -> Iterator[range]:
    while number := os.read(taking, _NUMBER.size):
        yield jobs[_NUMBER.unpack(number)[0]]


class _Copy:
    """A copy of this process at work, seen from the one that made it."""

    def __init__(self, worker: _Worker, jobs: Sequence[range], taking: int) -> None:
        reading, writing = os.pipe()
        if sys.platform == "linux":
            import fcntl

            with contextlib.suppress(OSError):  # more than is allowed here
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        try:
            self._pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            raise
        if not self._pid:
            code = 1
            try:
                os.close(reading)
                with open(writing, "wb") as pipe:  # noqa: PTH123 - a handle
                    _work_as_copy(worker, jobs, taking, pipe)
                code = 0
            finally:
                os._exit(code)  # nothing of the other process is flushed or removed here
        os.close(writing)
        self._pipe = cast("BinaryIO", open(reading, "rb"))  # noqa: SIM115, PTH123 - end() closes it
        self._is_done = False

    def parts(self, *, wait: bool) -> Iterator[Part]:
        """Yield what it has done since: what is there already, or all to its end."""
        import pickle

        while not self._is_done and (wait or select.select([self._pipe], [], [], 0)[0]):
            try:
                done = pickle.load(self._pipe)  # noqa: S301 - a copy of this very process wrote it
            except (EOFError, pickle.UnpicklingError) as exc:
                raise OutputError(
                    "a process of emix has ended before its work was done",
                    hint="it may have had too little memory: try --jobs 1",
                ) from exc
            if isinstance(done, BaseException):
                raise done
            if done is None:
                self._is_done = True
            else:
                yield done

    def end(self) -> None:
        """Stop it where it still works."""
        self._pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _work_as_copy(parent: _Worker, jobs: Sequence[range], taking: int, pipe: BinaryIO) -> None:
    """Do jobs until there are none, and send each part; at the end None, or what went wrong."""
    import pickle

    try:
        with parent.copied() as worker:
            for job in _taken(jobs, taking):
                pickle.dump(worker.run(job), pipe)
                pipe.flush()
        pickle.dump(None, pipe)
    except Exception as exc:  # noqa: BLE001 - raised again in the other process
        pickle.dump(exc, pipe)


# -- processes that start from nothing ------------------------------------------------------------

_STARTED: list[_Worker] = []


def _run_started(work: Work, jobs: Sequence[range], processes: int) -> Iterator[Part]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(work,)) as pool:
        yield from pool.map(_run_here, jobs)


def _start(work: Work) -> None:
    """Make the worker of a new process, which lives as long as the process."""
    _STARTED.append(_Worker(work))


def _run_here(job: range) -> Part:
    return _STARTED[0].run(job)
