"""Everything that is on a disc: the union of all its directory trees, and what none of them names.

Every tree that can be read is read: ISO 9660, Joliet, Rock Ridge, UDF, of every session. Where one
of them covers all others and is undamaged, nothing is lost; else what lies between the files is
searched for DICOM objects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from emixcli.errors import MediaError
from emixcli.media.disc.carving import carve
from emixcli.media.disc.iso9660 import iter_descriptors, read_tree
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR, UnreadableError
from emixcli.media.disc.sessions import find_sessions
from emixcli.media.disc.tree import UNWRITTEN, DiscFile, TreeContent, pack_extents
from emixcli.media.disc.udf import read_trees
from emixcli.media.disc.udf_volume import has_anchor
from emixcli.media.names import UniqueNames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emixcli.media.sources.base import Bytes

_FIRST_SECTOR: Final = 16
#: Names of volume structure descriptors (ECMA-167 section 2/9.1): UDF, what stands around it or
#: takes its place where it is damaged; and how many are looked at.
_UDF_NAMES: Final = frozenset({b"NSR02", b"NSR03"})
_AROUND_UDF: Final = frozenset({b"BEA01", b"TEA01", b""})
_N_RECOGNITION: Final = 16
#: Bytes of all files together: at most so many times the disc, and so many more.
_MAX_SIZES: Final = 5
MAX_SHARED: Final = 256 * 1024 * 1024


@dataclass(slots=True)
class Disc:
    """What was found on a disc.

    Attributes
    ----------
    codes
        How often each finding was met.
    n_trees
        How many directory trees there are.
    carved
        Paths of what no directory names.
    earlier
        Of files of sessions before the last one: number of the session, counted backwards, and the
        name there.
    """

    files: list[DiscFile] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    n_trees: int = 0
    carved: set[str] = field(default_factory=set)
    earlier: dict[str, tuple[int, str]] = field(default_factory=dict)


def read_disc(content: Bytes, *, starts: Iterable[int] = (), search: bool = True) -> Disc:
    """Return the files of a disc or its image.

    Parameters
    ----------
    starts
        First sectors of sessions, where the drive says them.
    search
        Whether to search for objects where directories are lost.

    Raises
    ------
    MediaError
        If nothing is found.
    """
    disc = Disc()
    sessions = find_sessions(content, starts)
    groups = [_session_trees(content, start, disc) for start in sessions]
    disc.codes["M04"] += _n_lost_sessions(content, sessions, starts)
    if _may_have_udf(content, sessions):
        _add_udf(groups, read_trees(content, sessions), disc)
    disc.n_trees = sum(map(len, groups))
    names = UniqueNames()
    places: set[int | str] = set()
    for number, trees in enumerate(group for group in groups if group):
        n_before = len(disc.files)
        origins = _unite(trees, disc, places, names)
        if number:
            disc.codes["M05"] += len(disc.files) - n_before
            disc.earlier |= {taken: (number, path) for taken, path in origins}
    if search and (disc.codes["M04"] or not disc.n_trees):
        _search(content, disc, groups, names)
        if not disc.n_trees and disc.files:
            disc.codes["M04"] += 1
    _require_files(disc)
    _refuse_shared(disc, content.size)
    return disc


def has_file_system(content: Bytes) -> bool:
    """Whether a volume descriptor of ISO 9660 or of UDF is where it should be."""
    return (
        any(True for _ in iter_descriptors(content)) or _names_udf(content) or has_anchor(content)
    )


def _names_udf(content: Bytes, start: int = 0) -> bool | None:
    """Whether the volume recognition of a session names UDF; None where it is damaged."""
    names = set()
    for number in range(start + _FIRST_SECTOR, start + _FIRST_SECTOR + _N_RECOGNITION):
        try:
            names.add(content.read_at(number * SECTOR, 6)[1:])
        except OSError:
            names.add(b"")
    if names & _UDF_NAMES:
        return True
    return False if b"CD001" in names and not names & _AROUND_UDF else None


def _may_have_udf(content: Bytes, sessions: list[int]) -> bool:
    """Whether to look for UDF: its anchors lie at the far end of the disc."""
    return not sessions or any(_names_udf(content, start) is not False for start in sessions)


def _n_lost_sessions(content: Bytes, sessions: list[int], starts: Iterable[int]) -> int:
    """Return how many sessions there must be of which no descriptor can be read."""
    if not sessions:
        return 0
    lost = {start for start in starts if start not in sessions and _is_bad(content, start)}
    if min(sessions):
        try:
            content.read_at(0, 1)
            lost.add(0)
        except OSError as exc:
            is_hole = isinstance(exc, UnreadableError) and exc.stop >= min(sessions) * SECTOR
            lost |= set() if is_hole else {0}  # a dump of a later session has no first one
    return len(lost)


def _is_bad(content: Bytes, start: int) -> bool:
    """Whether the first descriptors of a session cannot be read; a track may have none."""
    try:
        content.read_at((start + _FIRST_SECTOR) * SECTOR, 2 * SECTOR)
    except OSError:
        return True
    return False


def _session_trees(content: Bytes, start: int, disc: Disc) -> list[TreeContent]:
    """Return the trees of ISO 9660 and Joliet of one session."""
    trees = []
    for descriptor in iter_descriptors(content, start + _FIRST_SECTOR):
        disc.codes["M03"] = max(disc.codes["M03"], descriptor.n_lost)
        trees.append(read_tree(content, descriptor))
    return trees


def _add_udf(groups: list[list[TreeContent]], udf: list[TreeContent], disc: Disc) -> None:
    """Join UDF trees with those of their session, counting from the newest."""
    if udf and not any(groups):
        disc.codes["M06"] += 1
    for number, tree in enumerate(udf):
        disc.codes["M03"] = max(disc.codes["M03"], tree.n_lost)
        if number < len(groups):
            groups[number].append(tree)
        else:
            groups.append([tree])


def _unite(
    trees: list[TreeContent], disc: Disc, places: set[int | str], names: UniqueNames
) -> list[tuple[str, str]]:
    """Add the files of a session: of the tree with the best names, and what only others name.

    Returns what each is called now, and what it is called in its session.
    """
    origins: list[tuple[str, str]] = []
    trees.sort(key=lambda tree: tree.rank)
    own = [{_key(file) for file in tree.files} for tree in trees]
    known: set[int | str] = set()
    for number, tree in enumerate(trees):
        for file in tree.files:
            key = _key(file)
            if key in places or (number and key in known):
                continue
            known.add(key)
            taken = names.take(file.path)
            origins.append((taken, file.path))
            disc.files.append(
                file
                if taken == file.path
                else DiscFile(taken, file.size, file.packed, file.problem)
            )
    everything = set[int | str]().union(*own)
    places |= everything
    n_damaged = sum(tree.n_damaged for tree in trees)
    is_whole = any(
        not tree.n_damaged and own[number] >= everything for number, tree in enumerate(trees)
    )
    if n_damaged:
        disc.codes["M14" if is_whole else "M04"] += n_damaged
    return origins


def _key(file: DiscFile) -> int | str:
    """Return what tells a file from others: its place, or the name where it is empty."""
    return file.place if file.packed else file.path


def _search(
    content: Bytes, disc: Disc, groups: list[list[TreeContent]], names: UniqueNames
) -> None:
    """Add what no directory names: by file entries, which know all extents, else by content."""
    trees = [tree for group in groups for tree in group]
    places = {file.place for file in disc.files}
    for tree in trees:
        for size, packed in tree.find_orphans() if tree.find_orphans is not None else ():
            file = DiscFile("", size, packed)
            if file.place not in places and _is_there(content, file):
                places.add(file.place)
                _add_found(content, disc, file, names)
    taken = Ranges()
    known = [extent for file in disc.files for extent in file.extents]
    known += [item for tree in trees for item in tree.directories.items()]
    for place, length in sorted(known):
        if place != UNWRITTEN:
            taken.add(place, -(-(place + length) // SECTOR) * SECTOR)
    for found in carve(content, taken.gaps(0, content.size)):
        packed = pack_extents([(found.offset, found.length)])
        _add_found(content, disc, DiscFile("", found.length, packed), names)


def _is_there(content: Bytes, file: DiscFile) -> bool:
    """Whether a file lies on the disc and not behind its end."""
    return all(place == UNWRITTEN or place + size <= content.size for place, size in file.extents)


def _add_found(content: Bytes, disc: Disc, file: DiscFile, names: UniqueNames) -> None:
    """Add a file without a name."""
    try:
        is_dicom = content.read_at(file.place, 132)[128:] == b"DICM"
    except OSError:
        is_dicom = False
    path = names.take(f"carved/{file.place // SECTOR:08d}{'.dcm' if is_dicom else ''}")
    disc.files.append(DiscFile(path, file.size, file.packed))
    disc.carved.add(path)
    disc.codes["M15"] += 1


def _refuse_shared(disc: Disc, size: int) -> None:
    """Refuse files once all together have far more bytes than the disc: they share their places.

    Equal files that a writer stored once stay: they are few.
    """
    left = MAX_SHARED + _MAX_SIZES * size
    for number, file in enumerate(disc.files):
        n_bytes = sum(
            length if place == UNWRITTEN else max(0, min(length, size - place))
            for place, length in file.extents
        )
        if n_bytes > left and not file.problem:
            disc.codes["M10"] += 1
            disc.files[number] = replace(file, problem="shares its place with too many others")
        else:
            left -= n_bytes


def _require_files(disc: Disc) -> None:
    if disc.files:
        return
    if disc.codes["M04"]:
        raise MediaError(
            "the directories of the disc cannot be read, and no DICOM object was found on it",
            hint="copy the disc again, or ask the sender for a new one",
        )
    if not disc.n_trees:
        raise MediaError(
            "no file system that can be read was found on the disc or image",
            hint="mount it and give the folder, or copy the disc again",
        )
