"""The files of a UDF volume (ECMA-167 part 4, OSTA UDF 1.02 to 2.60).

Discs written packet by packet keep every older state; what counts is the newest virtual allocation
table, the last thing that was written.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from emixcli.media.disc import udf_tags as tags
from emixcli.media.disc.sectors import iter_pieces
from emixcli.media.disc.tree import (
    MAX_DEPTH,
    MAX_DIRECTORIES,
    MAX_DIRECTORY,
    MAX_FILES,
    UNWRITTEN,
    DiscFile,
    TreeContent,
    clean_name,
    pack_extents,
)
from emixcli.media.disc.udf_volume import UdfVolume, find_volumes
from emixcli.media.names import UniqueNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

_RANK: Final = 2
_MAX_EXTENTS: Final = 1_000_000
_MAX_CHAIN: Final = 64
_MAX_VAT: Final = 16 * 1024 * 1024
_DELETED, _PARENT, _METADATA = 0x04, 0x08, 0x10
_SUPPORTED_STRATEGY: Final = 4
_VAT_NAME: Final = b"*UDF Virtual Alloc Tbl"
_VAT_TAIL: Final = 36


def read_trees(content: Bytes, starts: list[int]) -> list[TreeContent]:
    """Return the trees of all UDF volumes on a disc, the newest first.

    Parameters
    ----------
    starts
        First sectors of the sessions that are known.
    """
    return [_Tree(content, volume).read() for volume in find_volumes(content, starts)]


class _Tree:
    """The directory tree of a volume."""

    def __init__(self, content: Bytes, volume: UdfVolume) -> None:
        self._content = content
        self._volume = volume
        self._names = UniqueNames()
        self._found = TreeContent(_RANK, n_lost=volume.n_lost)
        self._n_extents = 0
        self._left = MAX_DIRECTORIES
        self._contents: set[int] = set()  # places of directories that were read

    def read(self) -> TreeContent:
        """Return all files."""
        for number, found in enumerate(self._volume.maps):
            if found.virtual is not None:
                self._load_virtual(number)
            if found.metadata >= 0:
                self._load_metadata(number)
        self._found.find_orphans = self._orphans
        root = self._root()
        if root is None:
            self._found.n_damaged += 1
            return self._found
        stack = [(root, "", 0)]
        while stack and len(self._found.files) < MAX_FILES:
            icb, path, depth = stack.pop()
            place = self._volume.place(icb.block, icb.partition)
            if place is None or place in self._found.directories or depth > MAX_DEPTH:
                continue
            self._found.directories[place] = self._volume.block
            stack += [(inner, name, depth + 1) for inner, name in self._directory(icb, path)]
        return self._found

    # -- partitions ---------------------------------------------------------------------------

    def _load_virtual(self, number: int) -> None:
        """Load the virtual allocation table: the last one on the disc (UDF section 2.2.11)."""
        found = self._volume.maps[number]
        physical = next(
            (
                index
                for index, other in enumerate(self._volume.maps)
                if other.virtual is None and other.number == found.number
            ),
            number,
        )
        found.virtual = None  # so that places are physical while the table is looked for
        for n_newer, place in enumerate(self._entries_backwards()):
            table = self._table(place, physical)
            if table is not None:
                found.virtual = table
                # Entries behind it belong to a newer state, whose table is lost.
                self._found.n_damaged += n_newer > 0
                return
        found.virtual = []
        self._found.n_damaged += 1

    def _entries_backwards(self) -> Iterator[int]:
        """Yield the places of file entries, the last one first."""
        block = self._volume.block
        chunk = 1024 * 1024
        for base in range(self._content.size // chunk * chunk, -1, -chunk):
            end = min(base + chunk, self._content.size)
            for start, data in reversed(list(iter_pieces(self._content, base, end))):
                first = -start % block
                for at in range(first + (len(data) - first - 1) // block * block, -1, -block):
                    if data[at : at + 2] in (b"\x05\x01", b"\x0a\x01"):
                        yield start + at

    def _table(self, place: int, partition: int) -> list[int] | None:
        """Return the table that the file entry at a place holds, None where it is another file."""
        entry = tags.read_entry(self._read(place, self._volume.block))
        if entry is None or entry.file_type not in (0, tags.VAT) or entry.size > _MAX_VAT:
            return None
        data = self._load(entry, place, partition)
        if len(data) != entry.size:
            return None
        if entry.file_type == tags.VAT:  # UDF 2.00 and later: a header in front
            start = struct.unpack_from("<H", data)[0] if len(data) >= 152 else 0
            data = data[start:] if 152 <= start <= len(data) else b""
        elif data[-_VAT_TAIL:][1:].startswith(_VAT_NAME):  # UDF 1.50: the name behind
            data = data[:-_VAT_TAIL]
        else:
            return None
        return [block for (block,) in struct.iter_unpack("<L", data[: len(data) // 4 * 4])]

    def _load_metadata(self, number: int) -> None:
        """Find the file that holds directories and entries (UDF section 2.2.10)."""
        found = self._volume.maps[number]
        place = (found.start + found.metadata) * self._volume.block
        physical = next((i for i, other in enumerate(self._volume.maps) if not other.kind), number)
        entry = tags.read_entry(self._read(place, self._volume.block))
        if entry is None:
            self._found.n_damaged += 1
            return
        first = 0
        for where, length in self._extents(entry, place, physical):
            found.extents.append((first, where, length))
            first += -(-length // self._volume.block)

    # -- directories --------------------------------------------------------------------------

    def _root(self) -> tags.LongAd | None:
        """Return where the root directory's entry lies, of the last file set descriptor."""
        wanted = self._volume.file_set
        root = None
        for _ in range(_MAX_CHAIN):
            data = self._block(wanted)
            tag = tags.read_tag(data)
            if tag is None or tag.number != tags.FILE_SET or len(data) < 464:
                break
            root = tags.LongAd.of(data, 400)
            following = tags.LongAd.of(data, 448)
            if not following.length or following == wanted:
                break
            wanted = following
        return root

    def _directory(self, icb: tags.LongAd, path: str) -> Iterator[tuple[tags.LongAd, str]]:
        """Yield the folders of a directory, and add its files."""
        entry, place = self._entry(icb)
        if entry is None or entry.file_type != tags.DIRECTORY:
            self._found.n_damaged += 1
            return
        content = next((where for where, _ in self._extents(entry, place, icb.partition)), -1)
        if content in self._contents:  # a folder in several places: damaged or hostile
            self._found.n_damaged += 1
            return
        self._contents.add(content)
        for name, inner, is_folder in self._identifiers(entry, place, icb.partition):
            full = f"{path}/{name}" if path else name
            if is_folder:
                yield inner, full
            else:
                self._add(inner, full)

    def _identifiers(
        self, entry: tags.FileEntry, place: int, partition: int
    ) -> Iterator[tuple[str, tags.LongAd, bool]]:
        """Yield name, entry and whether it is a folder (ECMA-167 section 4/14.4)."""
        data = self._load(entry, place, partition)
        if len(data) < entry.size:
            self._found.n_damaged += 1
        at = 0
        while at + 38 <= len(data):
            tag = tags.read_tag(data[at : at + 16])
            if tag is None or tag.number != tags.FILE_ID:
                self._found.n_damaged += 1
                at = _next_identifier(data, at + 4)
                continue
            flags, n_name = data[at + 18], data[at + 19]
            (n_use,) = struct.unpack_from("<H", data, at + 36)
            start = at + 38 + n_use
            if not flags & (_DELETED | _PARENT | _METADATA):
                name = clean_name(tags.text_of(data[start : start + n_name]))
                yield name, tags.LongAd.of(data, at + 20), bool(flags & 2)
            at += -(-(38 + n_use + n_name) // 4) * 4

    def _add(self, icb: tags.LongAd, path: str) -> None:
        entry, place = self._entry(icb)
        if entry is None:
            self._found.n_damaged += 1
            return
        if not entry.is_file:
            return
        extents = list(self._extents(entry, place, icb.partition))
        problem = ""
        if sum(length for _, length in extents) < entry.size:
            self._found.n_damaged += 1
            problem = "its place on the disc is not known whole"
        packed = pack_extents(_cut(extents, entry.size))
        self._found.files.append(DiscFile(self._names.take(path), entry.size, packed, problem))

    def _orphans(self) -> list[tuple[int, bytes]]:
        """Return size and extents of what all file entries on the disc describe, in any state."""
        physical = next((i for i, m in enumerate(self._volume.maps) if m.virtual is None), 0)
        found: dict[bytes, int] = {}
        for place in self._entries_backwards():
            entry = tags.read_entry(self._read(place, self._volume.block))
            if entry is None or not entry.is_sound or entry.file_type != tags.REGULAR:
                continue
            extents = list(self._extents(entry, place, physical))
            size = sum(length for _, length in extents)
            if entry.size and size >= entry.size and len(found) < MAX_FILES:
                found.setdefault(pack_extents(_cut(extents, entry.size)), entry.size)
        return [(size, packed) for packed, size in found.items()]

    # -- bytes --------------------------------------------------------------------------------

    def _entry(self, icb: tags.LongAd) -> tuple[tags.FileEntry | None, int]:
        place = self._volume.place(icb.block, icb.partition)
        if place is None:
            return None, 0
        entry = tags.read_entry(self._read(place, self._volume.block))
        if entry is not None and entry.strategy != _SUPPORTED_STRATEGY:
            return None, place
        self._found.n_damaged += entry is not None and not entry.is_sound
        return entry, place

    def _extents(
        self, entry: tags.FileEntry, place: int, partition: int
    ) -> Iterator[tuple[int, int]]:
        """Yield place and length of the parts of a file."""
        if entry.embedded >= 0:
            yield place + entry.embedded, min(entry.size, len(entry.descriptors))
            return
        data = entry.descriptors
        for _ in range(_MAX_CHAIN * _MAX_CHAIN):
            following = None
            for found in tags.iter_descriptors(entry.form, data, partition):
                if found.kind == tags.NEXT:
                    following = found
                    break
                yield from self._pieces(found)
            if following is None:
                return
            data = self._more_descriptors(following)

    def _more_descriptors(self, where: tags.LongAd) -> bytes:
        """Return the descriptors in an allocation extent (ECMA-167 section 4/14.5)."""
        data = self._block(where)
        tag = tags.read_tag(data)
        if tag is None or tag.number != tags.ALLOCATION or len(data) < 24:
            self._found.n_damaged += 1
            return b""
        (length,) = struct.unpack_from("<L", data, 20)
        return data[24 : 24 + length]

    def _pieces(self, found: tags.LongAd) -> Iterator[tuple[int, int]]:
        """Yield the parts of an extent that lie in one piece."""
        if found.kind != tags.RECORDED:
            yield UNWRITTEN, found.length
            return
        block, left = found.block, found.length
        while left > 0:
            place = self._volume.place(block, found.partition)
            self._n_extents += 1
            if place is None or self._n_extents > _MAX_EXTENTS + 4 * len(self._found.files):
                return
            n_blocks = self._volume.run(block, found.partition, -(-left // self._volume.block))
            length = min(left, n_blocks * self._volume.block)
            yield place, length
            block += n_blocks
            left -= length

    def _load(self, entry: tags.FileEntry, place: int, partition: int) -> bytes:
        """Return the content of a directory or table as far as it can be read."""
        parts: list[bytes] = []
        left = min(entry.size, MAX_DIRECTORY, self._left)
        self._left -= left
        for where, length in self._extents(entry, place, partition):
            wanted = min(length, left)
            if where != UNWRITTEN:
                self._found.directories.setdefault(where, wanted)
            parts.append(self._careful(where, wanted))
            left -= wanted
            if left <= 0:
                break
        return b"".join(parts)

    def _careful(self, place: int, length: int) -> bytes:
        """Return bytes with zeros for what cannot be read: identifiers behind it still count."""
        if place == UNWRITTEN or place + length > self._content.size:
            return bytes(
                0 if place == UNWRITTEN else max(0, min(length, self._content.size - place))
            )
        parts: list[bytes] = []
        at = place
        for start, data in iter_pieces(self._content, place, place + length):
            parts += [bytes(start - at), data]
            at = start + len(data)
        return b"".join([*parts, bytes(place + length - at)])

    def _block(self, where: tags.LongAd) -> bytes:
        place = self._volume.place(where.block, where.partition)
        return b"" if place is None else self._read(place, self._volume.block)

    def _read(self, place: int, length: int) -> bytes:
        try:
            return self._content.read_at(place, length)
        except OSError:
            return b""


def _cut(extents: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Yield extents up to a size: the last one may be longer."""
    for place, length in extents:
        yield place, min(length, size)
        size -= min(length, size)


def _next_identifier(data: bytes, at: int) -> int:
    """Return where the next file identifier begins behind a damaged one, else the end."""
    while 0 <= (at := data.find(b"\x01\x01", at)) <= len(data) - 38:
        if at % 4 == 0 and tags.read_tag(data[at : at + 16]) is not None:
            return at
        at += 1
    return len(data)
