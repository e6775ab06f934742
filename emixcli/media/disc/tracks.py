"""Images whose sectors are not simply one behind the other: raw, of several tracks, or begun late.

All become one row of 2,048-byte sectors by their addresses on the disc.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.media.sources.base import Bytes

#: The 12 bytes with which a raw sector begins (ECMA-130 section 14).
SYNC: Final = b"\x00" + b"\xff" * 10 + b"\x00"
RAW: Final = 2352
_STRIDES: Final = (RAW, 2448)  # the latter with subchannels
_FORM_1: Final = 2336
_MODE: Final = 15
_BATCH: Final = 512
#: Sector addresses count from two seconds before the first (ECMA-130 section 20).
_LEAD: Final = 150
_MAX_SECTORS: Final = 1 << 31
BY_HEADER: Final = -1


@dataclass(frozen=True, slots=True)
class Track:
    """Sectors that follow each other on the disc and in the image.

    Attributes
    ----------
    lba
        Address of the first sector.
    n_sectors
        How many there are.
    place
        Where they begin in the image, in bytes.
    stride
        From one sector to the next, in bytes.
    skip
        Bytes of a sector before its user data, `BY_HEADER` where its own header says it.
    """

    lba: int
    n_sectors: int
    place: int = 0
    stride: int = SECTOR
    skip: int = 0


class TrackBytes:
    """User data of tracks.

    Attributes
    ----------
    tracks
        In the order of their addresses.
    holes
        What lies in no track.
    """

    __slots__ = ("_content", "holes", "size", "tracks")
    is_random = True

    def __init__(self, content: Bytes, tracks: Sequence[Track]) -> None:
        self._content = content
        self.tracks = [track for track in tracks if 0 < track.n_sectors < _MAX_SECTORS]
        self.tracks.sort(key=lambda track: track.lba)
        self.size = max((track.lba + track.n_sectors for track in self.tracks), default=0) * SECTOR
        known = Ranges((t.lba * SECTOR, (t.lba + t.n_sectors) * SECTOR) for t in self.tracks)
        self.holes = Ranges(known.gaps(0, self.size))

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        end = min(offset + length, self.size)
        parts: list[bytes] = []
        while offset < end:
            track = self._track(offset // SECTOR)
            stop = min(end, (track.lba + track.n_sectors) * SECTOR)
            data = self._read(track, offset, stop)
            parts.append(data)
            offset += len(data)
            if offset < stop:
                break
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def _track(self, sector: int) -> Track:
        for track in self.tracks:
            if track.lba <= sector < track.lba + track.n_sectors:
                return track
        raise OSError(errno.EIO, "in no track of the image")

    def _read(self, track: Track, offset: int, stop: int) -> bytes:
        if track.stride == SECTOR:
            place = track.place + track.skip + offset - track.lba * SECTOR
            return self._content.read_at(place, stop - offset)
        first, last = offset // SECTOR, -(-stop // SECTOR)
        parts = [
            self._user_data(track, sector, min(sector + _BATCH, last))
            for sector in range(first, last, _BATCH)
        ]
        return b"".join(parts)[offset - first * SECTOR :][: stop - offset]

    def _user_data(self, track: Track, first: int, stop: int) -> bytes:
        stride, skip = track.stride, track.skip
        place = track.place + (first - track.lba) * stride
        raw = self._content.read_at(place, (stop - first) * stride)
        if skip == BY_HEADER:
            modes = raw[_MODE::stride]
            if modes.count(modes[:1]) != len(modes):
                skips = (24 if mode == 2 else 16 for mode in modes)
                starts = [
                    at + skip for at, skip in zip(range(0, len(raw), stride), skips, strict=False)
                ]
                return b"".join(raw[start : start + SECTOR] for start in starts)
            skip = 24 if modes[:1] == b"\x02" else 16
        return b"".join(raw[at : at + SECTOR] for at in range(skip, len(raw), stride))

    def on_disc(self, ranges: Ranges | None) -> Ranges:
        """Return ranges of the image as ranges of the disc, in whole sectors."""
        found = Ranges()
        for track in self.tracks if ranges else ():
            end = track.place + track.n_sectors * track.stride
            for start, stop in ranges.within(track.place, end) if ranges else ():
                first = track.lba + (start - track.place) // track.stride
                last = track.lba - (track.place - stop) // track.stride
                found.add(first * SECTOR, last * SECTOR)
        return found

    def close(self) -> None:
        """Close the image."""
        self._content.close()


def raw_tracks(content: Bytes, head: bytes) -> TrackBytes | None:
    """Return the user data of an image of raw sectors, None where it is no such image.

    Parameters
    ----------
    head
        Its first 8 KiB or more.
    """
    if head[:12] == SYNC:
        for stride in _STRIDES:
            n_sectors = content.size // stride
            if head[stride : stride + 12] == SYNC or n_sectors == 1:
                first, second = _address(head), _address(head[stride:])
                lba = first if second == first + 1 else 0
                return TrackBytes(content, [Track(lba, n_sectors, 0, stride, BY_HEADER)])
    if content.size > 17 * _FORM_1:
        try:
            if content.read_at(16 * _FORM_1 + 8, 6)[1:] == b"CD001":
                return TrackBytes(content, [Track(0, content.size // _FORM_1, 0, _FORM_1, 8)])
        except OSError:
            pass
    return None


def _address(sector: bytes) -> int:
    """Return the address in the header of a raw sector: minute, second, frame in BCD."""
    if len(sector) < 16:
        return 0
    digits = [(byte >> 4) * 10 + (byte & 15) for byte in sector[12:15]]
    lba = (digits[0] * 60 + digits[1]) * 75 + digits[2] - _LEAD
    is_valid = all(byte >> 4 < 10 and byte & 15 < 10 for byte in sector[12:15])
    return lba if is_valid and 0 < lba < 100 * 60 * 75 else 0
