"""The DICOMDIR of a medium against the files that are there.

A reference is missing only where neither its path, nor the same path below another folder, nor its
SOP Instance UID is found. What several directories name is counted once: Philips discs have a
DICOMDIR for everybody and a tree of their own, which names the same objects without their UIDs.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from emixcli.media.dicomdir import DIRECTORY_CLASS, Directory
from emixcli.media.elements import SLOTS
from emixcli.media.names import fold
from emixcli.media.opened import by_sectors
from emixcli.model import Missing
from emixcli.validate.places import number_of, ranges
from emixcli.words import noun, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from emixcli.media.dicomdir import Reference
    from emixcli.media.header import Header
    from emixcli.media.sources import Source
    from emixcli.model import Instance
    from emixcli.validate.places import Findings

_SOP_UID: Final = SLOTS["SOPInstanceUID"]
#: Records that stand for no object; where they name a file it is a directory.
_GROUPS: Final = frozenset({"PATIENT", "STUDY", "SERIES", "PRIVATE"})


class DirectoryCheck:
    """The directories of one medium, compared with its files once all were seen.

    Attributes
    ----------
    missing
        What they name and nobody has, after `check`.
    spoilt
        What they name and is there, with other content than an object, after `check`.
    unread
        What they name and is there, and cannot be read, after `check`.
    elsewhere
        Folded paths of files that hold nothing usable, and whose object is in another file.
    strays
        Paths of those of which the scan had nothing to say, after `check`.
    counts
        How many instances they say that there are of a study or series, by UID.
    """

    def __init__(self, number: int, source: Source) -> None:
        self.missing: list[Missing] = []
        self.spoilt: list[Missing] = []
        self.unread: list[Missing] = []
        self.elsewhere: set[str] = set()
        self.strays: list[str] = []
        self.counts: dict[str, int] = {}
        self._number = number
        self._source = source
        self._others: list[str] = []
        self._lost: dict[str, str] = {}  # by folded path, the code of why
        self._doubles: set[str] = set()
        self._spoilt_by: dict[str, str] = {}  # by folded path, the code of what is wrong
        self._spoilt: dict[str, Reference] = {}  # by folded path
        self._unread: dict[str, Reference] = {}  # by folded path
        self._other: list[Reference] = []
        self._directories: list[tuple[str, int]] = []
        self._files: dict[str, bool] = {}  # by folded path: whether a directory names it
        self._uids: dict[str, str] = {}  # of instances, by folded path
        self._instances: Sequence[Instance] = ()
        self._tree: _Tree | None = None
        self._missing: dict[str, Reference] = {}  # by UID, or by path where there is none
        self._moved: set[str] = set()
        self._codes: Counter[str] = Counter()
        # Of the directory that is followed: names of its session, and whether its paths count. One
        # without a name may be of a session that is lost, while those of another are there.
        self._beside: dict[str, str] = {}
        self._by_path = True

    def add_file(self, path: str) -> None:
        """Remember a file on the medium that is none of the instances found."""
        self._others.append(path)

    def add_lost(self, path: str, code: str) -> None:
        """Remember a file that cannot be read: a directory may say what it was."""
        self.add_file(path)
        self._lost[fold(path)] = code

    def add_double(self, path: str) -> None:
        """Remember a file with an object that is taken from another file."""
        self.add_file(path)
        self._doubles.add(fold(path))

    def add_spoilt(self, path: str, code: str) -> None:
        """Remember a file that should be an object and is none: a directory may say which."""
        self.add_file(path)
        self._spoilt_by[fold(path)] = code

    def is_directory(self, path: str, header: Header | None) -> bool:
        """Whether a file is a DICOMDIR by what can be read of it, or by its name."""
        if header is not None and header.media_class == DIRECTORY_CLASS:
            return True
        return fold(posixpath.basename(self._source.notes.name_there(path))) == "DICOMDIR"

    def add_directory(self, path: str, header: Header | None) -> None:
        """Remember a DICOMDIR, or a directory inside one; its header may be lost."""
        self._directories.append((path, header.dataset_offset if header is not None else 0))

    def check(self, instances: Sequence[Instance], findings: Findings) -> list[str]:
        """Report references without file (D02) and files without reference (D03), and more.

        Parameters
        ----------
        instances
            Of all media: what one disc names may be on the next.
        findings
            Get what is found.

        Returns
        -------
        list[str]
            Paths of directories that could not be read.
        """
        own = [instance for instance in instances if instance.source == self._number]
        if not self._directories:
            if own and self._source.kind != "file":
                findings.add("D01")
            return []
        self._files = {fold(path): False for path in self._others}
        self._files |= {fold(path): False for path, _ in self._directories}
        self._uids = {fold(one.path): str(one.value(_SOP_UID) or "") for one in own}
        self._files |= dict.fromkeys(self._uids, False)
        self._instances = instances
        unreadable = [path for path, offset in self._directories if not self._follow(path, offset)]
        self._codes["D03"] = sum(not self._files[fold(instance.path)] for instance in own)
        self._codes["D04"] = len(self._moved)
        for code, count in self._codes.items():
            findings.add(code, count=count)
        missing = _merged(self._missing)
        for where, count in _by_series(missing):
            findings.add("D02", count=count, where=where)
        for where, count in _by_series(self._other):
            findings.add("D06", count=count, where=where)
        self.missing += [_named(self._number, reference) for reference in missing]
        self.elsewhere = set(self._doubles)
        if self._spoilt or self._unread:
            there = {str(one.value(_SOP_UID) or "") for one in instances}
            self.unread = self._gone(self._unread, self._lost, there, findings)
            self.spoilt = self._gone(self._spoilt, self._spoilt_by, there, findings)
            self.strays = [
                path
                for path in self._others
                if fold(path) in self._spoilt and fold(path) not in self.elsewhere
            ]
        return unreadable

    def _gone(
        self,
        named: Mapping[str, Reference],
        codes: Mapping[str, str],
        there: AbstractSet[str],
        findings: Findings,
    ) -> list[Missing]:
        """Say of files that hold no object which one they should be, if no medium has it."""
        by_code: dict[str, list[Reference]] = defaultdict(list)
        for path, reference in named.items():
            if reference.sop_uid in there:
                self.elsewhere.add(path)
            else:
                by_code[codes.get(path, "F10")].append(reference)
        for code, references in by_code.items():
            for where, _ in _by_series(references):
                findings.add(code, count=0, where=where)
        return [_named(self._number, one) for members in by_code.values() for one in members]

    def _follow(self, path: str, offset: int) -> bool:
        """Look for all files that a directory names; False where it cannot be read."""
        base = posixpath.dirname(self._source.notes.name_there(path))
        self._beside = self._source.notes.names_beside(path)
        carved = self._source.notes.carved
        self._by_path = path not in carved or all(one in carved for one, _ in self._directories)
        try:
            with contextlib.closing(self._source.open_bytes(path)) as content:
                careful = by_sectors(content, self._source)
                directory = Directory(careful, offset)
                for reference in directory:
                    self._look_for(base, reference)
                self.counts |= directory.counts
        except OSError:
            return False
        self._codes["D05"] += not directory.is_whole
        return not directory.has_holes

    def _look_for(self, base: str, reference: Reference) -> None:
        if reference.path is None:
            self._codes["D07"] += 1
            return
        wanted = fold(posixpath.join(base, reference.path))
        wanted = fold(self._beside.get(wanted, wanted))
        if self._by_path and wanted in self._files:
            if reference.sop_uid:
                self._compare(wanted, reference)
            self._files[wanted] = True
            return
        if self._tree is None:
            self._tree = _Tree(self._number, self._files, self._instances)
        path = fold(reference.path) if self._by_path else ""
        found = self._tree.find(path, reference.sop_uid)
        if found is None:
            if reference.sop_uid or reference.record_type not in _GROUPS:
                key = reference.sop_uid or fold(reference.path)
                self._missing.setdefault(key, reference)
        elif found in self._files:
            self._moved.add(found)
            self._files[found] = True

    def _compare(self, path: str, reference: Reference) -> None:
        """Compare a file with the object that it should be."""
        is_first = not self._files[path]
        if path in self._uids:
            if self._uids[path] not in ("", reference.sop_uid):
                self._other.append(reference)
        elif path in self._lost:
            self._unread |= {path: reference} if is_first else {}
        elif is_first and path not in self._doubles:
            self._spoilt[path] = reference


class _Tree:
    """Finds files that are not where a directory says; made for the first that is not."""

    def __init__(self, number: int, paths: Iterable[str], instances: Iterable[Instance]) -> None:
        self._by_name: dict[str, list[str]] = {}
        for path in paths:
            self._by_name.setdefault(posixpath.basename(path), []).append(path)
        self._by_uid: dict[str, str] = {}
        self._uids: dict[str, str] = {}
        for instance in instances:
            uid = str(instance.value(_SOP_UID) or "")
            path = fold(instance.path) if instance.source == number else ""
            self._by_uid.setdefault(uid, path)
            if path:
                self._uids[path] = uid

    def find(self, wanted: str, uid: str) -> str | None:
        """Return the path of the file that is meant, "" where it is on another medium."""
        if uid and uid in self._by_uid:
            return self._by_uid[uid]
        paths = self._by_name.get(posixpath.basename(wanted), ())
        matches = [path for path in paths if _ends_alike(path, wanted)]
        if len(matches) == 1:
            return matches[0]
        below = wanted.partition("/")[2]
        if "/" not in below:
            return None
        matches = [
            path
            for path in paths
            if _ends_alike(path, below) and (not uid or not self._uids.get(path))
        ]
        return matches[0] if len(matches) == 1 else None


def _ends_alike(a: str, b: str) -> bool:
    """Whether one path is the end of the other."""
    return f"/{a}".endswith(f"/{b}") or f"/{b}".endswith(f"/{a}")


def _merged(missing: dict[str, Reference]) -> list[Reference]:
    """Return what is missing, without what another directory names with its UID."""
    by_name: dict[str, list[str]] = {}
    for reference in missing.values():
        if reference.sop_uid and reference.path is not None:
            path = fold(reference.path)
            by_name.setdefault(posixpath.basename(path), []).append(path)

    def is_named(path: str) -> bool:
        return any(_ends_alike(path, other) for other in by_name.get(posixpath.basename(path), ()))

    return [
        reference
        for reference in missing.values()
        if reference.sop_uid or not is_named(fold(reference.path or ""))
    ]


def _named(number: int, reference: Reference) -> Missing:
    return Missing(
        number,
        reference.sop_uid,
        reference.study_uid,
        reference.series_uid,
        reference.series_number,
        reference.instance_number,
        reference.study_date,
        reference.study_description,
        reference.accession_number,
        reference.patient_name,
    )


def _by_series(references: Iterable[Reference]) -> Iterator[tuple[str, int]]:
    """Yield words and a count for each series among references."""
    by_series: dict[str, list[str]] = defaultdict(list)
    for reference in references:
        by_series[reference.series_number].append(reference.instance_number)
    for series, numbers in by_series.items():
        known = sorted({n for number in numbers if (n := number_of(number)) is not None})
        name = "series without number" if number_of(series) is None else f"series {series}"
        if known:
            words = f"{name}: {noun(len(known), 'instance')} {ranges(known)}"
        else:
            words = f"{name}: {some(len(numbers), 'file')}"
        yield words, len(numbers)
