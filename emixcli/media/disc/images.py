"""Descriptions of disc images: CUE sheets, and the table at the end of Nero's NRG files.

Names in a CUE sheet are taken as names in its own folder, whatever path they carry.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.errors import MediaError
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.disc.tracks import BY_HEADER, RAW, Track

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

MAX_CUE: Final = 256 * 1024
_MAX_TABLE: Final = 1024 * 1024
_MAX_TRACKS: Final = 99
_FRAMES: Final = 75
#: Sector size and offset of the user data by the mode in a CUE sheet; audio has none.
_MODES: Final = {
    "MODE1/2048": (SECTOR, 0),
    "MODE1/2352": (RAW, BY_HEADER),
    "MODE2/2048": (SECTOR, 0),
    "MODE2/2336": (2336, 8),
    "MODE2/2352": (RAW, BY_HEADER),
    "AUDIO": (RAW, -2),
}
_AUDIO: Final = -2
_FILE: Final = re.compile(r'FILE\s+(?:"([^"]*)"|(\S+))\s+(\w+)', re.IGNORECASE)
_TRACK: Final = re.compile(r"TRACK\s+\d+\s+([\w/]+)", re.IGNORECASE)
_INDEX: Final = re.compile(r"INDEX\s+(\d+)\s+(\d+):(\d+):(\d+)", re.IGNORECASE)
_PREGAP: Final = re.compile(r"PREGAP\s+(\d+):(\d+):(\d+)", re.IGNORECASE)
#: Sector size and offset of the user data by the mode in an NRG file.
_NERO: Final = {
    0: (SECTOR, 0),
    2: (SECTOR, 0),
    3: (2336, 8),
    5: (RAW, BY_HEADER),
    6: (RAW, BY_HEADER),
    15: (2448, BY_HEADER),
    17: (2448, BY_HEADER),
}


@dataclass(frozen=True, slots=True)
class CueTrack:
    """A track of a CUE sheet.

    Attributes
    ----------
    file
        Name of its file, in the folder of the sheet.
    first
        Its first frame (INDEX 01) in the file.
    pregap
        Frames before it that the file does not hold.
    """

    file: str
    stride: int
    skip: int
    first: int
    pregap: int


def read_cue(text: str) -> list[CueTrack]:
    """Return the tracks of a CUE sheet, in order.

    Raises
    ------
    MediaError
        Where it is none, or names a compressed file.
    """
    found: list[CueTrack] = []
    name, mode, pregap = "", "", 0
    for line in text.splitlines():
        words = line.strip()
        if match := _FILE.match(words):
            path = (match[1] or match[2] or "").replace("\\", "/")
            name, mode = path.rpartition("/")[2], ""
            if match[3].upper() not in ("BINARY", "MOTOROLA"):
                name = ""
        elif match := _TRACK.match(words):
            mode, pregap = match[1].upper(), 0
        elif match := _PREGAP.match(words):
            pregap = _frames(match, 1)
        elif (match := _INDEX.match(words)) and int(match[1]) == 1 and name and mode in _MODES:
            found.append(CueTrack(name, *_MODES[mode], _frames(match, 2), pregap))
            mode = ""
    if not found or len(found) > _MAX_TRACKS:
        raise MediaError(
            "the cue sheet names no data track", hint="give the image file itself, BIN or ISO"
        )
    return found


def _frames(match: re.Match[str], group: int) -> int:
    minutes, seconds, frames = (int(match[group + index][:6]) for index in range(3))
    return (minutes * 60 + seconds) * _FRAMES + frames


def place_tracks(tracks: list[CueTrack], sizes: dict[str, int]) -> list[Track]:
    """Return the data tracks at their addresses, the files one behind the other.

    Parameters
    ----------
    sizes
        Bytes of each file, in the order in which they follow each other.
    """
    placed = []
    start = lba = 0  # of the present file, in bytes and sectors
    for name, size in sizes.items():
        own = [track for track in tracks if track.file == name]
        place, frame = start, 0
        for index, track in enumerate(own):
            lba += track.pregap
            place += (track.first - frame) * (own[index - 1].stride if index else track.stride)
            n_sectors = max(0, start + size - place) // track.stride
            if index + 1 < len(own):
                n_sectors = min(n_sectors, own[index + 1].first - track.first)
            if track.skip != _AUDIO:
                address = lba + track.first
                placed.append(Track(address, n_sectors, place, track.stride, track.skip))
            frame = track.first
        last = own[-1] if own else None
        lba += (last.first + max(0, start + size - place) // last.stride) if last else 0
        start += size
    return placed


def nero_tracks(content: Bytes) -> list[Track] | None:
    """Return the data tracks of an NRG image, None where it is none."""
    try:
        tail = content.read_at(max(0, content.size - 12), 12)
        if len(tail) < 12:
            return None
        if tail[:4] == b"NER5":
            (start,) = struct.unpack(">Q", tail[4:])
        elif tail[4:8] == b"NERO":
            (start,) = struct.unpack(">L", tail[8:])
        else:
            return None
        if not 0 < start < content.size:
            return None
        table = content.read_at(start, min(content.size - start, _MAX_TABLE))
    except OSError:
        return None
    return [track for kind, data in _chunks(table) for track in _nero(kind, data)][:_MAX_TRACKS]


def _chunks(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(table) and table[at : at + 4] != b"END!":
        (length,) = struct.unpack_from(">L", table, at + 4)
        yield table[at : at + 4], table[at + 8 : at + 8 + length]
        at += 8 + length


def _nero(kind: bytes, data: bytes) -> Iterator[Track]:
    """Yield the tracks of one table: written track at once, or disc at once."""
    if kind in (b"ETNF", b"ETN2"):
        layout = struct.Struct(">5L" if kind == b"ETNF" else ">2Q2L2L")
        for fields in layout.iter_unpack(data[: len(data) // layout.size * layout.size]):
            place, length, mode, lba = fields[:4]
            if mode in _NERO:
                stride, skip = _NERO[mode]
                yield Track(lba, length // stride, place, stride, skip)
    elif kind in (b"DAOI", b"DAOX"):
        layout = struct.Struct(">12s2HH3L" if kind == b"DAOI" else ">12s2HH3Q")
        body = data[22:]
        lba = 0
        for fields in layout.iter_unpack(body[: len(body) // layout.size * layout.size]):
            size, mode, first, end = fields[1], fields[2] >> 8, fields[5], fields[6]
            stride = size or SECTOR
            n_sectors = max(0, end - first) // stride
            if mode in _NERO:
                skip = {SECTOR: 0, 2336: 8}.get(stride, BY_HEADER)
                yield Track(lba, n_sectors, first, stride, skip)
            lba += n_sectors


class FilesBytes:
    """Several files, one behind the other."""

    __slots__ = ("_parts", "size")
    is_random = True

    def __init__(self, parts: list[Bytes]) -> None:
        self._parts = parts
        self.size = sum(part.size for part in parts)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        found: list[bytes] = []
        start = 0
        for part in self._parts:
            if start <= offset < start + part.size and length > 0:
                data = part.read_at(offset - start, min(length, start + part.size - offset))
                found.append(data)
                offset += len(data)
                length -= len(data)
            start += part.size
        return b"".join(found)

    def close(self) -> None:
        """Close all."""
        for part in self._parts:
            part.close()
