"""The volume structure of UDF: anchors, volume descriptors, partitions (ECMA-167 part 3, UDF 2.2).

Discs written packet by packet have a virtual partition (UDF section 2.2.8): a table says where each
block lies now. Rewritable ones have a sparable partition (section 2.2.9): a table says where worn
out packets went.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from emixcli.media.disc import udf_tags as tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

_BLOCK_SIZES: Final = (2048, 512, 4096)
_MAX_DESCRIPTORS: Final = 256
_MAX_MAPS: Final = 16
_MAX_SPARES: Final = 65536
_SEARCHED: Final = 1024
#: Blocks behind the last written one in dumps of discs: run-out and link blocks.
_ENDS: Final = (1, 257, 3, 151, 152, 153, 302)
_VIRTUAL, _SPARABLE, _METADATA = (
    b"*UDF Virtual Partition", b"*UDF Sparable Partition", b"*UDF Metadata Partition",
)  # fmt: skip


@dataclass(slots=True)
class PartitionMap:
    """One partition of a logical volume.

    Attributes
    ----------
    start, n_blocks
        Where the physical partition lies.
    spares
        By the first block of a packet: where it lies now.
    packet
        Blocks in a packet.
    virtual
        Where each block lies now, None where the partition is none of that kind.
    metadata
        Block of the file that holds the partition, -1 where there is none.
    extents
        Of that file: first block, place in bytes, length in bytes.
    """

    kind: bytes
    start: int
    n_blocks: int
    number: int = 0
    packet: int = 32
    spares: dict[int, int] = field(default_factory=dict)
    virtual: list[int] | None = None
    metadata: int = -1
    extents: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class UdfVolume:
    """A logical volume.

    Attributes
    ----------
    file_set
        Where its file set descriptor lies.
    n_lost
        Descriptors that cannot be read.
    """

    block: int
    file_set: tags.LongAd
    maps: list[PartitionMap]
    n_lost: int = 0

    def place(self, block: int, partition: int) -> int | None:
        """Return the place of a block in bytes, None where there is none."""
        if not 0 <= partition < len(self.maps):
            return None
        found = self.maps[partition]
        if found.virtual is not None:
            if block >= len(found.virtual) or found.virtual[block] == 0xFFFFFFFF:
                return None
            block = found.virtual[block]
        if found.extents:
            return _within(found.extents, block, self.block)
        if found.spares and (moved := found.spares.get(block - block % found.packet)) is not None:
            return (moved + block % found.packet) * self.block
        return (found.start + block) * self.block

    def run(self, block: int, partition: int, n_blocks: int) -> int:
        """Return how many blocks lie one behind the other from a block on, at least 1."""
        found = self.maps[partition]
        if found.virtual is not None or found.extents:
            return 1
        return found.packet - block % found.packet if found.spares else n_blocks


def _within(extents: list[tuple[int, int, int]], block: int, size: int) -> int | None:
    for first, place, length in extents:
        if first <= block < first + -(-length // size):
            return place + (block - first) * size
    return None


def find_volumes(content: Bytes, starts: list[int]) -> list[UdfVolume]:
    """Return the UDF volumes on a disc, the newest first.

    Parameters
    ----------
    starts
        First sectors of the sessions that are known.
    """
    for block in _BLOCK_SIZES:
        found: dict[int, UdfVolume] = {}
        for anchor in _anchors(content, block, starts):
            for start, length in _sequences(anchor):
                if start in found:
                    break
                volume = _read_sequence(content, block, start, length)
                if volume is not None:
                    found[start] = volume
                    break
        if found:
            return _distinct([found[start] for start in sorted(found, reverse=True)])
    volume = _search(content)
    return [volume] if volume else []


def _distinct(volumes: list[UdfVolume]) -> list[UdfVolume]:
    """Return volumes without those that another sequence, main or reserve, describes as well."""
    seen = set()
    result = []
    for volume in volumes:
        key = (volume.file_set, tuple((m.kind, m.start) for m in volume.maps))
        if key not in seen:
            seen.add(key)
            result.append(volume)
    return result


def _anchors(content: Bytes, block: int, starts: list[int]) -> Iterator[bytes]:
    """Yield anchor volume descriptor pointers (ECMA-167 section 3/8.4.2.1)."""
    n_blocks = content.size // block
    places = [start + 256 for start in starts or [0]]
    places += [256, 512, *(n_blocks - end for end in _ENDS)]
    for place in dict.fromkeys(places):
        data = _block(content, place * block, block) if place > 0 else b""
        tag = tags.read_tag(data)
        if tag is not None and tag.number == tags.ANCHOR and len(data) >= 32:
            yield data


def has_anchor(content: Bytes) -> bool:
    """Whether a disc has an anchor of UDF."""
    return any(True for _ in _anchors(content, _BLOCK_SIZES[0], []))


def _sequences(anchor: bytes) -> list[tuple[int, int]]:
    """Return place and length of the main and the reserve sequence."""
    fields = struct.unpack_from("<4L", anchor, 16)
    return [(fields[1], fields[0]), (fields[3], fields[2])]


def _block(content: Bytes, place: int, length: int) -> bytes:
    try:
        return content.read_at(place, length)
    except OSError:
        return b""


def _read_sequence(content: Bytes, block: int, start: int, length: int) -> UdfVolume | None:
    """Return the volume that a sequence of descriptors describes (ECMA-167 section 3/8.4.2)."""
    partitions: dict[int, tuple[int, int, int]] = {}
    logical: tuple[int, bytes] | None = None
    n_lost = 0
    for tag, data in _iter_sequence(content, block, start, length):
        if tag is None:
            n_lost += 1
            continue
        (order,) = struct.unpack_from("<L", data, 16)
        if tag.number == tags.PARTITION:
            (number,) = struct.unpack_from("<H", data, 22)
            if number not in partitions or order >= partitions[number][0]:
                partitions[number] = (order, *struct.unpack_from("<2L", data, 188))
        elif tag.number == tags.LOGICAL and (logical is None or order >= logical[0]):
            logical = (order, data)
    if logical is None or not partitions:
        return None
    return _volume(content, logical[1], partitions, n_lost)


def _iter_sequence(
    content: Bytes, block: int, start: int, length: int
) -> Iterator[tuple[tags.Tag | None, bytes]]:
    """Yield tag and bytes of the descriptors of a sequence; no tag for a damaged one."""
    at, end = start, start + length // block
    for _ in range(_MAX_DESCRIPTORS):
        if at >= end:
            return
        data = _block(content, at * block, block)
        at += 1
        tag = tags.read_tag(data)
        if tag is not None and tag.number == tags.POINTER:
            length, at = struct.unpack_from("<2L", data, 20)
            end = at + length // block
        elif tag is not None and tag.number == tags.TERMINATING:
            return
        elif tag is None and data and not data.strip(b"\0"):
            return  # never written: the end of a sequence without a mark
        else:
            yield tag, data


def _search(content: Bytes) -> UdfVolume | None:
    """Return a volume whose anchors are lost: its descriptors lie near either end of the disc."""
    block = _BLOCK_SIZES[0]
    n_blocks = content.size // block
    for first in (0, max(0, n_blocks - _SEARCHED)):
        for number in range(first, min(first + _SEARCHED, n_blocks)):
            head = _block(content, number * block, 16)
            tag = tags.read_tag(head) if head[:2] in (b"\x05\0", b"\x06\0") else None
            if tag is not None and tag.location == number:
                return _read_sequence(content, block, number, 64 * block)
    return None


def _volume(
    content: Bytes, data: bytes, partitions: dict[int, tuple[int, int, int]], n_lost: int
) -> UdfVolume | None:
    """Return the volume of a logical volume descriptor (ECMA-167 section 3/10.6)."""
    (block,) = struct.unpack_from("<L", data, 212)
    table_length, n_maps = struct.unpack_from("<2L", data, 264)
    if block not in _BLOCK_SIZES or len(data) < 440:
        return None
    volume = UdfVolume(block, tags.LongAd.of(data, 248), [], n_lost)
    at, end = 440, min(440 + table_length, len(data))
    while at + 6 <= end and len(volume.maps) < min(n_maps, _MAX_MAPS):
        kind, length = data[at], data[at + 1]
        if length < 6 or at + length > end:
            break
        made = _map(content, data[at : at + length], kind, (partitions, block))
        if made is None:
            return None
        volume.maps.append(made)
        at += length
    return volume if volume.maps else None


def _map(
    content: Bytes,
    data: bytes,
    kind: int,
    where: tuple[dict[int, tuple[int, int, int]], int],
) -> PartitionMap | None:
    """Return a partition map of type 1 or 2 (ECMA-167 section 3/10.7, UDF section 2.2.8-10)."""
    partitions, block = where
    at = 4 if kind == 1 else 38
    if len(data) < at + 2:
        return None
    (number,) = struct.unpack_from("<H", data, at)
    _, start, n_blocks = partitions.get(number, next(iter(partitions.values())))
    name = data[5:28].rstrip(b"\0 ") if kind == 2 else b""
    made = PartitionMap(name, start, n_blocks, number)
    if kind == 2 and len(data) >= 64:
        if name == _SPARABLE:
            made.packet = struct.unpack_from("<H", data, 40)[0] or 32
            places = struct.unpack_from("<4L", data, 48)[: min(data[42], 4)]
            made.spares = _spares(content, places, struct.unpack_from("<L", data, 44)[0], block)
        elif name == _METADATA:
            (made.metadata,) = struct.unpack_from("<L", data, 40)
        elif name == _VIRTUAL:
            made.virtual = []
        else:
            return None
    return made


def _spares(content: Bytes, places: tuple[int, ...], size: int, block: int) -> dict[int, int]:
    """Return where packets went, from the first sparing table that can be read."""
    for place in places:
        data = _block(content, place * block, min(size, 56 + 8 * _MAX_SPARES))
        if len(data) < 56 or not data[17:].startswith(b"*UDF Sparing Table"):
            continue
        (n_entries,) = struct.unpack_from("<H", data, 48)
        entries = struct.iter_unpack(
            "<2L", data[56 : 56 + 8 * n_entries][: (len(data) - 56) // 8 * 8]
        )
        return {old: new for old, new in entries if old < 0xFFFFFFF0}
    return {}
