"""Boxes of an MPEG-4 file that are not pictures (ISO/IEC 14496-12 and 14496-15).

Only boxes that are known to hold numbers stay; all others become free space, as does what lies
between the pictures. A file with sound, subtitles or data beside the pictures is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.deid.pixels.bitstreams import H264, HEVC, Kind, unit_patches
from emixcli.deid.pixels.errors import damaged, unclean_video
from emixcli.deid.pixels.video import Patch

if TYPE_CHECKING:
    from emixcli.deid.pixels.video import Stream

_CONTAINERS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"edts"})
_NUMBERS: Final = frozenset(
    b"ftyp elst vmhd stts ctts stsc stsz stz2 stco co64 stss stps sdtp cslg".split()
)
#: Boxes that have a date of creation and one of modification.
_DATED: Final = frozenset({b"mvhd", b"tkhd", b"mdhd"})
_ENTRIES: Final = {b"avc1": H264, b"avc3": H264, b"hvc1": HEVC, b"hev1": HEVC}
_ENTRY_NUMBERS: Final = frozenset({b"btrt", b"pasp", b"clap", b"fiel"})
#: Bytes of a sample entry of pictures before its boxes; those of its maker, and of a name.
_ENTRY: Final = 78
_MAKER, _NAME = (8, 16), (42, 32)
_MAX_TABLE: Final = 1 << 26
_MAX_DEPTH: Final = 10
_PICTURES: Final = b"vide"


@dataclass(frozen=True, slots=True)
class Box:
    """A box; `body` is where its content begins and `stop` where it ends."""

    kind: bytes
    start: int
    body: int
    stop: int


@dataclass(slots=True)
class _Track:
    """The tables of the only track: where samples lie, and how they are coded."""

    offsets: Box | None = None
    chunks: Box | None = None
    sizes: Box | None = None
    coding: Kind | None = None
    n_length: int = 0


def find_patches(stream: Stream) -> Iterator[Patch]:
    """Yield what is overwritten in a file.

    Raises
    ------
    PixelError
        If it is damaged, fragmented, or has more than one track of pictures.
    """
    walk = _Walk(stream)
    media = []
    for box in _boxes(stream, 0, stream.size):
        if box.kind == b"mdat":
            media.append(box)
        elif box.kind in {b"moof", b"moov"}:
            if box.kind == b"moof":
                raise unclean_video("a video in fragments")
            yield from walk.container(box, 1)
        else:
            yield from walk.other(box)
    if walk.track is None:
        raise damaged()
    yield from _media(stream, walk.track, media)


def _boxes(stream: Stream, start: int, stop: int) -> Iterator[Box]:
    while start < stop:
        if stop - start < 8:
            if stream.read(start, stop - start).strip(b"\0"):
                raise damaged()
            return
        size, kind = struct.unpack(">I4s", stream.read(start, 8))
        body = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", stream.read(body, 8))
            body += 8
        elif not size:
            if not kind.strip(b"\0"):  # what makes the length even, or a list end
                if stream.read(start, min(stop - start, 1 << 16)).strip(b"\0"):
                    raise damaged()
                return
            size = stop - start
        if size < body - start or start + size > stop:
            raise damaged()
        yield Box(kind, start, body, start + size)
        start += size


def _free(box: Box) -> Iterator[Patch]:
    yield Patch(box.start + 4, 4, b"free")
    yield Patch(box.body, box.stop - box.body)


class _Walk:
    """Goes through boxes and keeps in mind where pictures lie."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.track: _Track | None = None

    def container(self, box: Box, depth: int) -> Iterator[Patch]:
        """Yield what is overwritten in the boxes of a box."""
        if depth > _MAX_DEPTH:
            raise damaged()
        if box.kind == b"trak":
            if self.track is not None:
                raise unclean_video("a video with a second track, such as sound")
            self.track = _Track()
        for inner in _boxes(self._stream, box.body, box.stop):
            if inner.kind in _CONTAINERS:
                yield from self.container(inner, depth + 1)
            elif inner.kind == b"hdlr" and box.kind == b"mdia":
                yield from self._handler(inner)
            elif inner.kind == b"dref" and box.kind == b"dinf":
                for entry in _boxes(self._stream, inner.body + 8, inner.stop):
                    yield Patch(entry.body + 4, max(0, entry.stop - entry.body - 4))
            elif inner.kind == b"stsd" and box.kind == b"stbl":
                yield from self._descriptions(inner)
            else:
                yield from self.other(inner)

    def other(self, box: Box) -> Iterator[Patch]:
        """Yield what is overwritten in a box of numbers, or of what nobody knows."""
        if box.kind in _DATED:
            is_long = self._stream.read(box.body, 1) == b"\1"
            yield Patch(box.body + 4, 16 if is_long else 8)
        elif box.kind not in _NUMBERS:
            yield from _free(box)
        elif self.track is not None:
            if box.kind in {b"stco", b"co64"}:
                self.track.offsets = box
            elif box.kind == b"stsc":
                self.track.chunks = box
            elif box.kind in {b"stsz", b"stz2"}:
                self.track.sizes = box

    def _handler(self, box: Box) -> Iterator[Patch]:
        if self._stream.read(box.body + 8, 4) != _PICTURES:
            raise unclean_video("a video with a track of sound, text or data")
        yield Patch(box.body + 12, box.stop - box.body - 12)

    def _descriptions(self, box: Box) -> Iterator[Patch]:
        """Yield what is overwritten in what says how samples are coded."""
        if self.track is None:
            raise damaged()
        for entry in _boxes(self._stream, box.body + 8, box.stop):
            kind = _ENTRIES.get(entry.kind)
            if kind is None or self.track.coding not in {None, kind}:
                raise unclean_video("a video of this coding")
            self.track.coding = kind
            for start, length in (_MAKER, _NAME):
                yield Patch(entry.body + start, length)
            for inner in _boxes(self._stream, entry.body + _ENTRY, entry.stop):
                if inner.kind in {b"avcC", b"hvcC"}:
                    yield from self._parameters(inner, kind, self.track)
                elif inner.kind not in _ENTRY_NUMBERS and not self._is_colour(inner):
                    yield from _free(inner)

    def _is_colour(self, box: Box) -> bool:
        """Whether a box names a colour space by numbers, rather than by a profile."""
        return box.kind == b"colr" and self._stream.read(box.body, 4) in {b"nclx", b"nclc"}

    def _parameters(self, box: Box, kind: Kind, track: _Track) -> Iterator[Patch]:
        """Yield what is overwritten in parameter sets, and in what follows them."""
        at = 21 if kind is HEVC else 4
        track.n_length = (self._stream.read(box.body + at, 1)[0] & 3) + 1
        at += box.body + 1
        (n_arrays,) = self._stream.read(at, 1) if kind is HEVC else (2,)
        at += kind is HEVC
        for _ in range(n_arrays):
            if kind is HEVC:
                (n_units,) = struct.unpack(">H", self._stream.read(at + 1, 2))
                at += 3
            else:
                n_units = self._stream.read(at, 1)[0] & 0x1F
                at += 1
            for _ in range(n_units):
                (length,) = struct.unpack(">H", self._stream.read(at, 2))
                yield from unit_patches(self._stream, at + 2, at + 2 + length, kind)
                at += 2 + length
        if at > box.stop:
            raise damaged()
        at += 0 if kind is HEVC else min(4, box.stop - at)  # chroma and bit depths
        yield Patch(at, box.stop - at)


def _media(stream: Stream, track: _Track, media: list[Box]) -> Iterator[Patch]:
    """Yield what is overwritten beside the samples, and in them."""
    chunks = sorted(_chunks(stream, track))
    number = 0
    for box in media:
        at = box.body
        while number < len(chunks) and chunks[number][0] < box.stop:
            start, length = chunks[number]
            if start < at or start + length > box.stop:
                raise damaged()
            yield Patch(at, start - at)
            yield from _samples(stream, track, start, start + length)
            at, number = start + length, number + 1
        yield Patch(at, box.stop - at)
    if number < len(chunks):
        raise damaged()


def _samples(stream: Stream, track: _Track, at: int, stop: int) -> Iterator[Patch]:
    """Yield what is overwritten in samples that follow each other."""
    if track.coding is None or not track.n_length:
        raise damaged()
    while at < stop:
        length = int.from_bytes(stream.read(at, track.n_length), "big")
        at += track.n_length
        if at + length > stop:
            raise damaged()
        yield from unit_patches(stream, at, at + length, track.coding)
        at += length


def _chunks(stream: Stream, track: _Track) -> Iterator[tuple[int, int]]:
    """Yield offset and length of each run of samples."""
    if track.offsets is None or track.chunks is None or track.sizes is None:
        raise damaged()
    letter = "Q" if track.offsets.kind == b"co64" else "I"
    offsets = _table(stream, track.offsets, letter, 1)
    runs = _table(stream, track.chunks, "I", 3)
    sizes = _sizes(stream, track.sizes)
    sample, run = 0, 0
    for number, offset in enumerate(offsets, 1):
        while 3 * run + 3 < len(runs) and runs[3 * run + 3] <= number:
            run += 1
        n_samples = runs[3 * run + 1]
        of_chunk = sizes[sample : sample + n_samples]
        if len(of_chunk) != n_samples:
            raise damaged()
        yield offset, sum(of_chunk)
        sample += n_samples


def _table(stream: Stream, box: Box, letter: str, columns: int) -> Sequence[int]:
    """Return the numbers of a table that begins with a version and its number of rows."""
    (count,) = struct.unpack(">I", stream.read(box.body + 4, 4))
    form = f">{min(count * columns, _MAX_TABLE)}{letter}"
    size = struct.calcsize(form)
    if not count or size > min(box.stop - box.body - 8, _MAX_TABLE):
        raise damaged()
    numbers: list[int] = [*struct.unpack(form, stream.read(box.body + 8, size))]
    return numbers


def _sizes(stream: Stream, box: Box) -> Sequence[int]:
    if box.kind != b"stsz":
        raise unclean_video("a video with a compact table of sizes")
    size: int
    size, count = struct.unpack(">II", stream.read(box.body + 4, 8))
    if size:
        if count * 4 > _MAX_TABLE:
            raise damaged()
        return [size] * int(count)
    inner = Box(box.kind, box.start, box.body + 4, box.stop)
    return _table(stream, inner, "I", 1)
