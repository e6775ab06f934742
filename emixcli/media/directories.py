"""The DICOMDIR of a medium against the files that are there."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from emixcli.media.dicomdir import Reference, read_directory
from emixcli.media.names import fold
from emixcli.validate.places import ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.media.header import Header
    from emixcli.media.sources.base import Bytes
    from emixcli.model import Instance
    from emixcli.validate.places import Findings


class DirectoryCheck:
    """References of one medium, collected while it is read and compared at the end."""

    def __init__(self, source: int, kind: str) -> None:
        self._source = source
        self._kind = kind
        self._paths: list[str] = []
        self._references: list[tuple[str, Reference]] = []
        self._n_directories = 0
        self._n_damaged = 0

    def add_file(self, path: str) -> None:
        """Remember that a file is on the medium."""
        self._paths.append(path)

    def add_directory(self, path: str, content: Bytes, header: Header) -> None:
        """Read a DICOMDIR, or a directory inside one."""
        self._n_directories += 1
        directory = read_directory(content, header)
        self._n_damaged += not directory.is_whole
        base = posixpath.dirname(path)
        self._references += [(base, reference) for reference in directory.references]

    def check(self, instances: Sequence[Instance], findings: Findings) -> None:
        """Report references without file (D02) and files without reference (D03), and more."""
        own = [instance.path for instance in instances if instance.source == self._source]
        if not self._n_directories:
            if own and self._kind != "file":
                findings.add("D01")
            return
        if self._n_damaged:
            findings.add("D05", count=self._n_damaged)
        paths = {fold(path) for path in self._paths}
        tails = _by_name(paths)
        named: set[str] = set()
        missing: dict[str, list[str]] = defaultdict(list)
        codes: Counter[str] = Counter()
        asked: set[str] = set()
        for base, reference in self._references:
            if reference.path is None:
                codes["D07"] += 1
                continue
            wanted = fold(posixpath.join(base, reference.path))
            if wanted in asked:
                continue
            asked.add(wanted)
            found = wanted if wanted in paths else _find_moved(fold(reference.path), tails)
            if found is None:
                missing[reference.series_number].append(reference.instance_number)
            else:
                codes["D04"] += found != wanted
                named.add(found)
        codes["D03"] = sum(fold(path) not in named for path in own)
        for code, count in codes.items():
            findings.add(code, count=count)
        _report_missing(missing, findings)


def _by_name(paths: set[str]) -> dict[str, list[str]]:
    tails: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        tails[posixpath.basename(path)].append(path)
    return tails


def _find_moved(wanted: str, tails: dict[str, list[str]]) -> str | None:
    """Return the one path that ends as a reference does, or whose end the reference is."""
    matches = [
        path
        for path in tails.get(posixpath.basename(wanted), ())
        if f"/{path}".endswith(f"/{wanted}") or f"/{wanted}".endswith(f"/{path}")
    ]
    return matches[0] if len(matches) == 1 else None


def _report_missing(missing: dict[str, list[str]], findings: Findings) -> None:
    for series, numbers in missing.items():
        known = sorted({int(number) for number in numbers if number.isdecimal()})
        name = f"series {series}" if series.isdecimal() else "series without number"
        words = f"{name}: instances {ranges(known)}" if known else f"{name}: {len(numbers)} files"
        findings.add("D02", count=len(numbers), where=words)
