"""De-identify media into a folder: read, replace, write, look again, report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from emixcli import __version__
from emixcli.anonymize import new_key
from emixcli.container import layout
from emixcli.deid.report import Report
from emixcli.errors import UsageError
from emixcli.media.reader import MediaReader
from emixcli.media.scan import require_dicom, scan_media
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.deid_told import write_report
from emixcli.services.deid_work import Item, Work, processes_for, run
from emixcli.services.deidentify import (
    UNREADABLE,
    Deidentification,
    DeidentifyingReader,
    Refused,
    deidentify,
    duplicates,
    look_again,
    with_faces,
)
from emixcli.services.folder import new_folder
from emixcli.services.targets import check_new, check_outside

if TYPE_CHECKING:
    from emixcli.model import FileSet
    from emixcli.services.reidentification import Link, Lock


class AnonymizeRequest(NamedTuple):
    """What to de-identify.

    `output` None writes nothing: a dry run. Without a key in `how`, one is made and forgotten.
    `report` is a file, .json or .html, that tells what was done; a dry run writes none. `table` is
    a file that leads back to the old values, and opens with `table_passphrase`, or the own keys
    where that is None; a dry run writes none. `jobs` are processes; None lets the amount decide.
    """

    paths: Sequence[str]
    output: Path | None
    how: Deidentification
    patients: Sequence[str] = ()
    studies: Sequence[str] = ()
    verify: bool = True
    dicomdir: bool = False
    report: Path | None = None
    table: Path | None = None
    table_passphrase: str | None = None
    jobs: int | None = None

    @property
    def writes_report(self) -> bool:
        """Whether there will be a report: a dry run writes none."""
        return self.report is not None and self.output is not None


class AnonymizeResult(NamedTuple):
    """What became of the objects.

    `report` holds no old value; `refused` names files on the medium, in the order in which the
    report numbers them. `n_reports` counts reports on the medium, which are left out. `n_missing`
    counts objects that a DICOMDIR names and that are not there. `has_lost_names`: as `FileSet` has
    it.
    """

    report: Report
    refused: tuple[Refused, ...]
    n_reports: int
    verified: bool
    n_patients: int = 1
    has_table: bool = False
    n_missing: int = 0
    has_lost_names: bool = False

    @property
    def n_written(self) -> int:
        """New objects."""
        return len(self.report.outputs)


def anonymize(request: AnonymizeRequest, *, progress: ProgressListener = SILENT) -> AnonymizeResult:
    """De-identify what is on the media.

    One object that cannot be de-identified stops no other; the result lists it. An object in which
    the second look finds something is made again; where that does not help, it is refused.

    Raises
    ------
    DeidUnsafeError
        Nothing is left after the second look.
    EmixError
        Nothing to read, or the output cannot be written; nothing is left behind.
    """
    check_outside(request.output, request.paths)
    lock = _lock(request)
    for path in (request.report, request.table):
        check_new(path, request.paths)
    scanned = scan_media(request.paths, progress=progress)
    require_dicom(scanned)
    chosen = scanned
    if request.patients or request.studies:
        from emixcli.media.select import select

        chosen = select(
            scanned, patients=request.patients, studies=request.studies, all_patients=True
        )
    with MediaReader(chosen) as media, contextlib.ExitStack() as stack:
        folder = None
        beside = stack.enter_context(_all_or_none())
        if request.output is not None:
            folder = stack.enter_context(new_folder(request.output))
        this = _Run(request, chosen, media, folder, progress)
        this.refuse_at_once(scanned)
        this.write()
        verified = folder is not None and request.verify
        if verified:
            this.verify()
        this.write_directory()
        this.tell_refused()
        if request.writes_report and request.report is not None:
            write_report(this.report, request.report)
            beside.append(request.report)
        lock = lock if this.report.outputs else None  # nothing to lead back from
        if lock is not None and request.table is not None:
            from emixcli.services.reidentification import write_table

            write_table(request.table, this.links(), lock)
            beside.append(request.table)
    return AnonymizeResult(
        this.report,
        tuple(this.refused),
        len(chosen.documents),
        verified,
        n_patients=len(chosen.patients),
        has_table=lock is not None,
        n_missing=len(chosen.missing),
        has_lost_names=scanned.has_lost_names,
    )


@contextlib.contextmanager
def _all_or_none() -> Iterator[list[Path]]:
    """Give a list for files that go again where the block fails."""
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _lock(request: AnonymizeRequest) -> Lock | None:
    """Return how the table will open, None where there is none; a table is not for who gets images.

    Raises
    ------
    UsageError
        It would lie in the output.
    PassphraseError
        Too weak.
    """
    if request.table is None or request.output is None:
        return None
    if request.table.resolve().is_relative_to(request.output.resolve()):
        raise UsageError(
            "the table would go out with the images", hint="choose a place outside of the output"
        )
    from emixcli.services.reidentification import make_lock

    return make_lock(request.table_passphrase)


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
        self.report = Report(
            request.how.profile,
            __version__,
            request.how.key is not None,
            n_reports=len(chosen.documents),
            n_missing=len(chosen.missing),
        )
        self.refused: list[Refused] = []
        self._links: list[Link] = []
        self._items: list[Item] = []
        self._reader = DeidentifyingReader(media, self._how)
        self._clean: FileSet | None = None

    def refuse_at_once(self, scanned: FileSet) -> None:
        """Refuse files without a readable header, and objects with the UID of another object."""
        self.refused += duplicates(scanned)
        known = {(item.source, item.path) for item in scanned.iter_instances()}
        self.refused += [
            Refused(item.path, UNREADABLE, "the file cannot be read", "")
            for item in scanned.unreadable
            if (item.source, item.path) not in known
        ]

    def write(self) -> None:
        """De-identify every object, and write it where there is a folder."""
        self._items = self._named()
        work = Work(
            self._chosen._replace(patients=(), documents=(), unreadable=(), findings=()),
            self._items,
            self._folder,
            self._how,
            self._request.report is not None,
            self._request.table is not None and self._folder is not None,
            self._request.verify and self._folder is not None,
        )
        self._progress.stage("de-identifying", len(self._items), "files")
        refused: list[tuple[int, Refused]] = []
        links: list[tuple[int, Link]] = []
        for part in run(work, self._request.jobs or processes_for(self._items)):
            refused += part.refused
            links += part.links
            self.report.add(part.report)
            self._progress.advance(part.n)
        self.report.outputs.sort()  # processes end in any order
        self.refused += [item for _, item in sorted(refused, key=itemgetter(0))]
        self._links = [link for _, link in sorted(links)]

    def _named(self) -> list[Item]:
        """Return the instances with 8.3 names without meaning (PS3.10 section 8.2).

        Where a DICOMDIR is asked for, they are named in the order of the de-identified objects.
        """
        if not self._request.dicomdir:
            return list(layout.iter_instances(self._chosen))
        found = deidentify(self._chosen, self._reader)
        self.refused += found.refused
        self._clean = found.file_set
        return list(layout.iter_instances(found.file_set))

    def verify(self) -> None:
        """Look at the new files again, by another path, and repair what is found."""
        if self._folder is None:
            return
        from emixcli.services.written import Written

        written = Written(self._folder, self._items, self._media, self._reader, self.report)
        how, progress = self._how, self._progress
        look_again(self._chosen.patients, written, self.report, how=how, progress=progress)
        written.close()
        self.refused += written.refused
        if self._reader.repairs and self._clean is not None:
            self._clean = deidentify(self._chosen, self._reader).file_set
            written.rename(layout.iter_instances(self._clean))

    def write_directory(self) -> None:
        """Write the DICOMDIR, where one is asked for, from what the objects have become."""
        if self._folder is None or self._clean is None or not self.report.outputs:
            return
        from emixcli.container.dicomdir import make_dicomdir
        from emixcli.container.encoding import new_package_id
        from emixcli.container.sink import FileSink

        directory = make_dicomdir(self._clean, package_id=new_package_id())
        with FileSink(self._folder / layout.DICOMDIR) as sink:
            sink.write(directory.content.read())

    def links(self) -> list[Link]:
        """Return what leads back from the objects that were written, and still are."""
        written = {output.sop_instance_uid for output in self.report.outputs}
        return [link for link in self._links if link.instance in written]

    def tell_refused(self) -> None:
        """Put what was refused into the report, by number: names on a medium may name people."""
        for number, item in enumerate(self.refused, 1):
            self.report.refuse(f"object {number}", item.id, item.message)
