"""What is lost on one medium and whole on another: given together, nothing of it is lost.

An object is known by its UID, which a DICOMDIR says of a file that cannot be read. Any other file
is taken from another copy only where both are copies of one disc, with equal volume descriptors:
two discs of one make have files of the same names.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from emixcli.media.disc.sectors import SECTOR
from emixcli.media.names import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.media.directories import DirectoryCheck
    from emixcli.media.sources import Source
    from emixcli.model import Unreadable
    from emixcli.validate.places import Findings

_DESCRIPTOR: Final = 16 * SECTOR
_MARK: Final = b"\1CD001"
#: What one whole copy makes good, where the directories of another are lost.
_NAMES: Final = ("M04", "M16")


def heal(
    sources: Sequence[Source],
    directories: Sequence[DirectoryCheck],
    unreadable: Sequence[Unreadable],
    findings: Findings,
) -> list[Unreadable]:
    """Return what is lost on all media, and take back what was said of the rest."""
    if len(sources) < 2:
        return list(unreadable)
    twins = _Twins(sources, unreadable)
    lost: list[Unreadable] = []
    healed: set[tuple[int, str]] = set()
    for one in unreadable:
        if fold(one.path) in directories[one.source].elsewhere or twins.have(one.source, one.path):
            healed.add((one.source, one.path))
            findings.take_back_file((one.source, one.path))
            findings.add("M19")
        else:
            lost.append(one)
    for number, source in enumerate(sources):
        others = twins.of(number)
        if source.notes.codes["M02"]:
            cut = [file.path for file in source.iter_files() if file.missing]
            there = directories[number].elsewhere
            n_there = sum(
                (number, path) not in healed and (fold(path) in there or twins.have(number, path))
                for path in cut
            )
            n_there += not cut and any(not other.notes.codes["M02"] for other in others)
            findings.add("M02", count=-n_there)
        for code in _NAMES:
            if any(not other.notes.codes[code] for other in others):
                findings.add(code, count=-source.notes.codes[code])
    return lost


class _Twins:
    """Copies of one disc among media."""

    def __init__(self, sources: Sequence[Source], unreadable: Sequence[Unreadable]) -> None:
        self._sources = sources
        self._lost = {(one.source, one.path) for one in unreadable}
        self._whole: dict[int, set[str]] = {}
        keys = [_descriptor(source) for source in sources]
        groups: dict[bytes, list[int]] = defaultdict(list)
        for number, key in enumerate(keys):
            if key:
                groups[key].append(number)
        self._others = {
            number: [other for other in group if other != number]
            for group in groups.values()
            for number in group
        }

    def of(self, number: int) -> list[Source]:
        """Return the other copies of a medium."""
        return [self._sources[other] for other in self._others.get(number, ())]

    def have(self, number: int, path: str) -> bool:
        """Whether another copy has a file whole, as far as it was read."""
        return any(path in self._files(other) for other in self._others.get(number, ()))

    def _files(self, number: int) -> set[str]:
        if number not in self._whole:
            self._whole[number] = {
                file.path
                for file in self._sources[number].iter_files()
                if not file.missing and not file.lost and (number, file.path) not in self._lost
            }
        return self._whole[number]


def _descriptor(source: Source) -> bytes:
    """Return the primary volume descriptor, b"" where there is none or it cannot be read."""
    if source.medium is None:
        return b""
    try:
        data = source.medium.read_at(_DESCRIPTOR, SECTOR)
    except OSError:
        return b""
    return data if data.startswith(_MARK) else b""
