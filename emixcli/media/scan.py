"""What is on a medium: every file looked at once, and each given one verdict."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeVar, cast

from emixcli import cycles
from emixcli.errors import EmixError, MediaError, NoDicomError
from emixcli.media.copies import heal
from emixcli.media.dicomdir import DIRECTORY_CLASS
from emixcli.media.directories import DirectoryCheck
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.doubles import Doubles
from emixcli.media.elements import SLOTS
from emixcli.media.folding import FOLD_ABOVE, fold_patients
from emixcli.media.grouping import group
from emixcli.media.header import Header, HeaderReader
from emixcli.media.names import fold
from emixcli.media.nested import holds_dicom, is_archive
from emixcli.media.opened import Opened
from emixcli.media.sources import MediaFile, Source, open_source
from emixcli.media.sources.base import DamagedContentError, NotPermittedError
from emixcli.model import Document, FileSet, Instance, Unreadable
from emixcli.packed import pack
from emixcli.progress import SILENT, ProgressListener
from emixcli.validate.attributes import AttributeCheck
from emixcli.validate.contents import (
    OtherFiles,
    check_counts,
    check_missing,
    check_study,
    is_image_name,
)
from emixcli.validate.filesets import check_patients, check_series
from emixcli.validate.pixels import PixelCheck
from emixcli.validate.places import Findings, study_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from emixcli.media.sources.encrypted import Password

_SOP_CLASS: Final = SLOTS["SOPClassUID"]
_SOP_UID: Final = SLOTS["SOPInstanceUID"]
_STUDY_UID: Final = SLOTS["StudyInstanceUID"]
_SERIES_UID: Final = SLOTS["SeriesInstanceUID"]
_ROWS: Final = SLOTS["Rows"]
#: Of an object with one of these, a copy without is better.
_DAMAGE: Final = frozenset({"M01", "M18", "S04", "S05", "S06", "S10"})
#: What is said of a file of which a part is lost, by the code: the first that fits.
_REASONS: Final = {
    "S04": "truncated",
    "M01": "part of it cannot be read",
    "M18": "part of it is damaged",
}
#: With one of these an object ends before it is whole.
_CUT: Final = frozenset({"S04", "S10"})
#: Names of a directory (PS3.10 section 8.6), and of those inside one on Philips discs.
_DIRECTORY_NAMES: Final = frozenset({"DICOMDIR", "DIRFILE"})
_DICOM_SUFFIXES: Final = (".dcm", ".dic", ".ima", ".dicom")
_OBJECT_SUFFIXES: Final = ("", *_DICOM_SUFFIXES)
_REPORT_EVERY: Final = 64
_MAX_SAME: Final = 1024
_T = TypeVar("_T")


def scan_media(
    paths: Sequence[str],
    *,
    progress: ProgressListener = SILENT,
    password: Password | None = None,
) -> FileSet:
    """Return what is on the media.

    Parameters
    ----------
    paths
        Folders, files, archives, images or drives.
    progress
        Hears one stage `reading`, counted in files.
    password
        Gives that of encrypted archives; called where there is one.

    Raises
    ------
    MediaError
        Where a medium cannot be read at all. Single bad files are listed in the result.
    """
    sources: list[Source] = []
    try:
        sources += [open_source(path, password=password) for path in paths]
        return scan_sources(sources, tuple(paths), progress=progress)
    finally:
        for source in sources:
            source.close()


def scan_sources(
    sources: Sequence[Source],
    names: tuple[str, ...],
    *,
    progress: ProgressListener = SILENT,
    list_files: Callable[[int, Source], Iterable[MediaFile]] | None = None,
) -> FileSet:
    """Return what is on media that are open, and stay so.

    Parameters
    ----------
    names
        How they were given.
    progress
        As in `scan_media`.
    list_files
        Gives the files of a medium, by its number: for who does something with each before.
    """
    scan = _Scan(progress)
    with cycles.not_searched():
        for number, source in enumerate(sources):
            scan.read(number, source, list_files(number, source) if list_files else None)
        return scan.result(names, sources)


def require_dicom(file_set: FileSet) -> None:
    """Do nothing where there are DICOM objects.

    Raises
    ------
    MediaError
        Where the medium, or the system, did not give all files, and none of the others is DICOM.
    NoDicomError
        Where it gave all, and none is DICOM that can be used.
    """
    if file_set.patients:
        return
    codes = {finding.code for finding in file_set.findings}
    n = file_set.n_files
    if "M01" in codes:
        raise MediaError(
            f"none of {n} files is a readable DICOM object",
            hint="clean the disc or try another drive, then ask the sender for a new copy",
        )
    if "M17" in codes:
        raise MediaError(
            "permission denied: none of the files that this user may read is a DICOM object",
            hint="get the right to read the others, or let somebody copy them who has it",
        )
    if file_set.unreadable:
        raise NoDicomError(
            f"none of {n} files is a DICOM object that can be used",
            hint="the findings say what is wrong with them; ask the sender to export them again",
        )
    if not n:
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
        self._pixels = PixelCheck()
        self._attributes = AttributeCheck()
        self._others = OtherFiles()
        self._findings = Findings()
        self._instances: list[Instance] = []
        self._doubles = Doubles(self._instances)
        self._documents: list[Document] = []
        self._unreadable: list[Unreadable] = []
        self._directories: list[DirectoryCheck] = []
        self._damaged: dict[int, set[str]] = {}  # codes by the index of the instance
        self._place = (0, "")
        self._same: dict[object, object] = {}
        self._n_files = 0
        self._n_other = 0
        self._is_single = False  # the medium is one file

    def read(self, number: int, source: Source, files: Iterable[MediaFile] | None = None) -> None:
        """Look at every file of a medium."""
        self._progress.stage("reading", None, "files")
        self._directories.append(DirectoryCheck(number, source))
        self._place = (number, "")
        self._is_single = source.kind == "file"
        opened = Opened(source)
        n_before = self._n_files
        for file in source.iter_files() if files is None else files:
            self._n_files += 1
            try:
                self._look(file, opened)
            except NotPermittedError:
                self._directories[-1].add_lost(file.path, "M17")
                self._lose(file, "no permission to read it", code="M17")
            except (OSError, EmixError) as exc:
                is_damaged = isinstance(exc, (DamagedContentError, EmixError))
                code = "M02" if file.missing else "M18" if is_damaged else "M01"
                self._look_again(file, opened, code=code)
            opened.close()
            if not self._n_files % _REPORT_EVERY:
                self._progress.advance(_REPORT_EVERY)
        self._progress.advance((self._n_files - n_before) % _REPORT_EVERY)
        for code, count in source.notes.codes.items():
            self._findings.add(code, count=count)
        notes = source.notes
        for code, named in (("M01", notes.unreadable), ("M17", notes.forbidden)):
            for path, reason in named:
                self._directories[-1].add_file(path)
                self._lose(MediaFile(path, 0), reason, code=code)

    def _look(self, file: MediaFile, opened: Opened) -> None:
        head = opened.read_head(file, self._headers.head_length)
        header = self._headers.find(head, opened.size, opened.read_at)
        if header is None:
            self._take_other(file, head, opened)
        elif DIRECTORY_CLASS in (header.media_class, header.value(_SOP_CLASS)):
            self._take_directory(file, header)
        elif not _has_identity(header) or _is_lost(header):
            self._lose_header(file, header)
        else:
            self._take_instance(file, opened, header)

    def _take_directory(self, file: MediaFile, header: Header) -> None:
        self._n_other += 1
        self._directories[-1].add_directory(file.path, header)
        name = fold(posixpath.basename(file.path))
        if self._is_single or name not in _DIRECTORY_NAMES:  # others take it for an image
            self._findings.add("F08", where=self._number(), file=(self._place[0], file.path))

    def _look_again(self, file: MediaFile, opened: Opened, *, code: str) -> None:
        """Take what can be read of a damaged file: its header may say what it was."""
        from emixcli.media.damaged import damaged_header

        header = damaged_header(file, opened, self._headers)
        if header is not None and _is_named(header):
            self._take_instance(file, opened, header, code="S04" if code == "M02" else code)
        elif self._directories[-1].is_directory(file.path, header):
            self._directories[-1].add_directory(file.path, header)  # it is lost, not its records
        else:
            self._directories[-1].add_lost(file.path, code)
            reason = {"M01": "cannot be read", "M02": "behind the end of the medium"}
            self._lose(file, reason.get(code, "damaged"), code=code)

    def _take_instance(
        self, file: MediaFile, opened: Opened, header: Header, *, code: str | None = None
    ) -> None:
        folder, slash, name = file.path.rpartition("/")
        if folder + slash != self._place[1]:
            self._place = (self._place[0], folder + slash)
        instance = Instance.of(
            self._place,
            pack(name, header.own),
            header.shared,
            self._one(opened.size),
            self._one(header.pixels),
        )
        uid = header.value(_SOP_UID)
        codes = self._attributes.codes(header, uid)
        damage = (code,) if code else self._damage(file, instance, opened, header)
        if damage or header.codes:
            codes = _all_codes(codes, damage, header.codes)
        first = self._doubles.first(str(uid)) if uid else None
        if first is not None:
            self._take_double(file, first, instance, codes)
            return
        self._instances.append(instance)
        if not (uid and header.value(_STUDY_UID) and header.value(_SERIES_UID)):
            codes |= {"S01"}
        if codes:
            self._note(file, instance, codes)

    def _take_double(
        self, file: MediaFile, first: int, instance: Instance, codes: AbstractSet[str]
    ) -> None:
        """Take an object for the second time: instead of the first, where only that was damaged."""
        earlier = self._instances[first]
        known = self._damaged.get(first)
        if known is None and not codes & _DAMAGE:
            self._directories[instance.source].add_double(file.path)
            self._doubles.add(first, instance)
            return
        self._findings.add_instance("C03", earlier)
        if known is None or codes & _DAMAGE:
            self._directories[instance.source].add_double(file.path)
            return
        self._instances[first] = instance
        self._directories[earlier.source].add_double(earlier.path)
        self._findings.take_back(("C03", *known), earlier)
        for code in ("C03", *codes):
            self._findings.add_instance(code, instance)
        self._unreadable = [
            lost
            for lost in self._unreadable
            if (lost.source, lost.path) != (earlier.source, earlier.path)
        ]
        del self._damaged[first]

    def _damage(
        self, file: MediaFile, instance: Instance, opened: Opened, header: Header
    ) -> tuple[str, ...]:
        """Return the codes of what is lost of an instance whose header was read."""
        if known := _known_loss(file):
            return (known,)
        if "S04" in header.codes:
            return ()
        try:
            return self._pixels.codes(instance, opened, header)
        except DamagedContentError:
            return ("M18",)
        except OSError:
            return ("M01",)

    def _note(self, file: MediaFile, instance: Instance, codes: AbstractSet[str]) -> None:
        if codes & _DAMAGE:
            self._damaged[len(self._instances) - 1] = set(codes)
        for code in codes:
            self._findings.add_instance(code, instance)
        for code, reason in _REASONS.items():
            if code in codes:
                lost = Unreadable(self._place[0], file.path, instance.size, reason)
                self._unreadable.append(lost)
                return

    def _one(self, value: _T) -> _T:
        """Return one object for equal values, as far as they follow each other."""
        if len(self._same) > _MAX_SAME:
            self._same.clear()
        return cast("_T", self._same.setdefault(value, value))

    def _take_other(self, file: MediaFile, head: bytes, opened: Opened) -> None:
        from emixcli.media.sniff import document_kind

        suffix = posixpath.splitext(file.path)[1].lower()
        if (blank := _blank_words(head, suffix, opened.size)) and not is_archive(opened, head):
            self._directories[-1].add_spoilt(file.path, "F09")
            self._lose(file, blank, code="F09", is_object=suffix in _OBJECT_SUFFIXES)
            return
        self._directories[-1].add_file(file.path)
        if self._is_single and is_image_name(file.path):
            self._lose(file, "holds no file system", code="M08")
        elif kind := document_kind(head, file.path):
            self._documents.append(Document(self._place[0], file.path, opened.size, kind))
            self._others.add_report()
        elif suffix in _DICOM_SUFFIXES:
            self._lose(file, "is no DICOM object", code="F10")
        else:
            self._n_other += 1
            self._others.add(file.path, head, opened.size)
            if holds_dicom(opened, head):
                where = f"file {self._n_files}"
                self._findings.add("M13", where=where, file=(self._place[0], file.path))

    def _lose(
        self, file: MediaFile, reason: str, *, code: str = "M01", is_object: bool = True
    ) -> None:
        place = (self._place[0], file.path)
        self._unreadable.append(Unreadable(*place, file.size, reason))
        count = 0 if code == "M02" else 1  # of these, the medium knows how many
        self._findings.add(code, count=count, where=self._number(), file=place, is_object=is_object)

    def _number(self) -> str:
        return f"file {self._n_files}" if self._n_files else ""

    def _lose_header(self, file: MediaFile, header: Header) -> None:
        code = "F09" if "F09" in header.codes else "M18" if header.codes else "S01"
        self._directories[-1].add_spoilt(file.path, code)
        if "F09" in header.codes:
            self._lose(file, "goes on as zero bytes", code="F09")
        elif header.codes:
            self._lose(file, "header is damaged", code="M18")
            self._findings.add("S15", where=self._number(), file=(self._place[0], file.path))
        else:
            self._lose(file, "has no identifiers", code="S01")

    # -- after all media ----------------------------------------------------------------------

    def _take_strays(self, number: int, paths: Sequence[str]) -> None:
        """Take files that a directory names as objects, and that were taken for something else."""
        if not paths:
            return
        known = {(one.source, one.path) for one in self._documents}
        known |= {(one.source, one.path) for one in self._unreadable}
        self._place = (number, "")
        for path in paths:
            if (number, path) not in known:
                self._n_other -= 1
                self._lose(MediaFile(path, 0), "is no DICOM object", code="F10")

    def result(self, paths: tuple[str, ...], sources: Sequence[Source]) -> FileSet:
        """Return what was found, with the findings that need all of it."""
        left_out = self._doubles.report(sources, self._findings)
        for number, directories in enumerate(self._directories):
            for path in directories.check(self._instances, self._findings):
                self._place = (number, "")
                self._lose(MediaFile(path, 0), "cannot be read")
            self._take_strays(number, directories.strays)
        self._unreadable = heal(sources, self._directories, self._unreadable, self._findings)
        patients = group(self._instances)
        check_patients(patients, self._findings)
        studies = [study for patient in patients for study in patient.studies]
        numbers: dict[str, int] = {}
        for number, study in enumerate(studies, 1):
            numbers.setdefault(study.uid, number)
        missing = tuple(item for check in self._directories for item in check.missing)
        spoilt = tuple(item for check in self._directories for item in check.spoilt)
        unread = (item for check in self._directories for item in check.unread)
        named = Counter(item.series_uid for item in (*missing, *spoilt, *unread))
        for study in studies:
            words = study_words(study.uid, numbers)
            check_study(study, self._findings, words=words)
            for series in study.series:
                check_series(series, self._findings, study=words, n_named=named[series.uid])
        check_missing(patients, missing, self._findings)
        counts = {uid: n for check in self._directories for uid, n in check.counts.items()}
        check_counts(patients, (*missing, *spoilt), counts, self._findings)
        has_dicom = bool(patients or self._unreadable) or self._findings.has("F08")
        self._others.check(self._findings, has_dicom=has_dicom)
        if len(self._instances) > FOLD_ABOVE:
            patients = fold_patients(patients)
        return FileSet(
            sources=paths,
            patients=patients,
            documents=tuple(self._documents),
            unreadable=tuple(self._unreadable),
            n_files=self._n_files,
            n_other=self._n_other,
            size=sum(instance.size for instance in self._instances),
            findings=self._findings.result(numbers),
            left_out=tuple(left_out),
            missing=(*missing, *spoilt),
            refused=self._findings.refused(),
            hurt=self._findings.hurt(),
        )


def _all_codes(
    codes: frozenset[str], damage: Sequence[str], structure: Sequence[str]
) -> frozenset[str]:
    """Return all codes of an object, from its attributes, its pixels and its structure."""
    codes = codes.union(damage, structure) - {"F09"}
    if codes & {"M01", "M18"}:  # what is cut is cut by the medium
        codes -= {"S04"}
    return codes | {"S15"} if codes & _CUT else codes


def _known_loss(file: MediaFile) -> str:
    """Return the code of what is known to be lost of a file before it is looked at, or ""."""
    if file.missing:
        return "S04"
    return "M01" if file.lost else "M18" if file.damaged else ""


def _blank_words(head: bytes, suffix: str, size: int) -> str:
    """Return what is said of a file that should be something and is empty or one repeated byte.

    "" for all others. Objects are named as such or, on discs, without a suffix (PS3.10 section
    8.2); of other files only zero bytes are a loss.
    """
    is_object = suffix in _OBJECT_SUFFIXES
    if not head:
        return "empty" if suffix in _DICOM_SUFFIXES else ""
    some = head[:SECTOR] if is_object else head
    if len(some) < 256 or some.count(some[0]) < len(some) or not (is_object or not some[0]):
        return ""
    byte = "one repeated byte" if some[0] else "zero bytes"
    is_all = len(head) == size and head.count(some[0]) == size
    return f"filled with {byte}" if is_all else f"begins with {byte}"


def _is_lost(header: Header) -> bool:
    """Whether a header goes on as zeros before it has said what the object is.

    Zeros behind a whole object are padding and no loss.
    """
    if "F09" not in header.codes:
        return False
    return not _is_named(header) or header.value(_ROWS) is not None


def _is_named(header: Header) -> bool:
    """Whether a header, though cut, says which object of which series this was."""
    return all(header.value(slot) for slot in (_SOP_UID, _STUDY_UID, _SERIES_UID))


def _has_identity(header: Header) -> bool:
    """Whether a header says enough to call the file an object: an identifier, or pixels."""
    if header.pixels[0] >= 0:
        return True
    return any(header.value(slot) for slot in (_SOP_CLASS, _SOP_UID, _STUDY_UID, _SERIES_UID))
