"""The DICOMDIR of a medium against the files that are there."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from emixcli.media.dicomdir import Directory
from emixcli.media.names import fold
from emixcli.validate.places import ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.media.dicomdir import Reference
    from emixcli.media.header import Header
    from emixcli.media.sources import Source
    from emixcli.model import Instance
    from emixcli.validate.places import Findings


class DirectoryCheck:
    """The directories of one medium, compared with its files once all were seen."""

    def __init__(self, number: int, source: Source) -> None:
        self._number = number
        self._source = source
        self._others: list[str] = []
        self._directories: list[tuple[str, int]] = []
        self._files: dict[str, bool] = {}  # by folded path: whether a directory names it
        self._by_name: dict[str, list[str]] = {}
        self._asked: set[str] = set()
        self._missing: dict[str, list[str]] = defaultdict(list)
        self._codes: Counter[str] = Counter()

    def add_file(self, path: str) -> None:
        """Remember a file on the medium that is none of the instances found."""
        self._others.append(path)

    def add_directory(self, path: str, header: Header) -> None:
        """Remember a DICOMDIR, or a directory inside one."""
        self._directories.append((path, header.dataset_offset))

    def check(self, instances: Sequence[Instance], findings: Findings) -> list[str]:
        """Report references without file (D02) and files without reference (D03), and more.

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
        self._files |= {fold(instance.path): False for instance in own}
        unreadable = [path for path, offset in self._directories if not self._follow(path, offset)]
        self._codes["D03"] = sum(not self._files[fold(instance.path)] for instance in own)
        for code, count in self._codes.items():
            findings.add(code, count=count)
        _report_missing(self._missing, findings)
        return unreadable

    def _follow(self, path: str, offset: int) -> bool:
        """Look for all files that a directory names; False where it cannot be read."""
        base = posixpath.dirname(path)
        try:
            content = self._source.open_bytes(path)
            try:
                directory = Directory(content, offset)
                for reference in directory:
                    self._look_for(base, reference)
            finally:
                content.close()
        except OSError:
            return False
        self._codes["D05"] += not directory.is_whole
        return True

    def _look_for(self, base: str, reference: Reference) -> None:
        if reference.path is None:
            self._codes["D07"] += 1
            return
        wanted = fold(posixpath.join(base, reference.path))
        if wanted in self._files:
            self._files[wanted] = True
        elif wanted not in self._asked:
            self._asked.add(wanted)
            found = self._find_moved(fold(reference.path))
            if found is None:
                self._missing[reference.series_number].append(reference.instance_number)
            else:
                self._codes["D04"] += 1
                self._files[found] = True

    def _find_moved(self, wanted: str) -> str | None:
        """Return the one path that ends as a reference does, or whose end the reference is."""
        if not self._by_name:
            for path in self._files:
                self._by_name.setdefault(posixpath.basename(path), []).append(path)
        matches = [
            path
            for path in self._by_name.get(posixpath.basename(wanted), ())
            if f"/{path}".endswith(f"/{wanted}") or f"/{wanted}".endswith(f"/{path}")
        ]
        return matches[0] if len(matches) == 1 else None


def _report_missing(missing: dict[str, list[str]], findings: Findings) -> None:
    for series, numbers in missing.items():
        known = sorted({int(number) for number in numbers if number.isdecimal()})
        name = f"series {series}" if series.isdecimal() else "series without number"
        words = f"{name}: instances {ranges(known)}" if known else f"{name}: {len(numbers)} files"
        findings.add("D02", count=len(numbers), where=words)
