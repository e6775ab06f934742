"""Text in videos taken out without touching a picture (PS3.5 sections 8.2.5 to 8.2.11).

The risk that a user accepts is what pictures show. A file around them says more: who made it, when
and where, titles, sound. Bytes are overwritten in place, so that no offset in the file changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.deid.pixels.errors import damaged, unclean_video
from emixcli.syntaxes import HEVC_UIDS, MPEG2_UIDS

if TYPE_CHECKING:
    from emixcli.deid.body import Piece
    from emixcli.fragments import Range

_ZEROS: Final = bytes(1 << 16)
_HEAD: Final = 16
#: How an MPEG-4 file begins, behind the length of its first box.
_MP4: Final = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide"})
_TRANSPORT: Final = 188
_PROGRAM: Final = b"\0\0\1\xba"


@dataclass(frozen=True, slots=True)
class Patch:
    """Bytes of a stream that are overwritten: by others, or by zeros where `new` is None."""

    start: int
    length: int
    new: bytes | None = None


class Stream:
    """The fragments of a video as one run of bytes.

    Parameters
    ----------
    read_at
        Reads the file.
    fragments
        Offset and length of each.
    """

    def __init__(self, read_at: Callable[[int, int], bytes], fragments: Sequence[Range]) -> None:
        self._read_at = read_at
        self._fragments = fragments
        self._starts: list[int] = []
        self.size = 0
        for _, length in fragments:
            self._starts.append(self.size)
            self.size += length

    def ranges(self, start: int, length: int) -> Iterator[Range]:
        """Yield where a part of the stream lies in the file.

        Raises
        ------
        PixelError
            If it goes beyond the end.
        """
        if start < 0 or length < 0 or start + length > self.size:
            raise damaged()
        number = bisect_right(self._starts, start) - 1
        while length:
            within = start - self._starts[number]
            place, size = self._fragments[number]
            part = min(length, size - within)
            if part:
                yield place + within, part
            start, length, number = start + part, length - part, number + 1

    def read(self, start: int, length: int) -> bytes:
        """Return a part of the stream; raises as `ranges`."""
        data = b"".join(self._read_at(at, n) for at, n in self.ranges(start, length))
        if len(data) != length:
            raise damaged()
        return data


def find_patches(stream: Stream, transfer_syntax_uid: str) -> list[Patch]:
    """Return what is overwritten in a video, in no order.

    Raises
    ------
    PixelError
        If it is damaged, or in a container that is not known through and through.
    """
    from emixcli.deid.pixels import bitstreams, mp4

    head = stream.read(0, min(_HEAD, stream.size))
    if transfer_syntax_uid in HEVC_UIDS:
        kind = bitstreams.HEVC
    else:
        kind = bitstreams.MPEG2 if transfer_syntax_uid in MPEG2_UIDS else bitstreams.H264
    if head[4:8] in _MP4:
        return list(mp4.find_patches(stream))
    if head.startswith(_PROGRAM) or _is_transport(stream):
        raise unclean_video("a video in a transport or program stream")
    if not head.startswith((b"\0\0\1", b"\0\0\0\1")):
        raise unclean_video("a video in an unknown container")
    return list(bitstreams.find_patches(stream, kind))


def _is_transport(stream: Stream) -> bool:
    starts = (0, _TRANSPORT) if stream.size > _TRANSPORT else (0,)
    return all(stream.read(start, 1) == b"G" for start in starts)


def overwritten(
    pieces: Iterator[Piece], stream: Stream, patches: Sequence[Patch]
) -> Iterator[Piece]:
    """Yield pieces with the patches in place of what stands there in the file."""
    places = sorted(_places(stream, patches))
    number = 0
    for piece in pieces:
        if not isinstance(piece, tuple):
            yield piece
            continue
        at, end = piece[0], piece[0] + piece[1]
        while number < len(places) and places[number][0] < end:
            start, length, new = places[number]
            if start > at:
                yield (at, start - at)
            yield from [new] if new is not None else _zeros(length)
            at, number = start + length, number + 1
        if at < end:
            yield (at, end - at)


def _places(stream: Stream, patches: Sequence[Patch]) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield where in the file what is written; of two for the same bytes the first begins."""
    done = 0
    for patch in sorted(patches, key=lambda patch: (patch.start, -patch.length)):
        start = max(patch.start, done)
        length = patch.start + patch.length - start
        if length <= 0:
            continue
        done, used = start + length, start - patch.start
        for at, n in stream.ranges(start, length):
            new = None if patch.new is None else patch.new[used : used + n]
            yield at, n, new
            used += n


def _zeros(length: int) -> Iterator[bytes]:
    while length > 0:
        yield _ZEROS[: min(length, len(_ZEROS))]
        length -= len(_ZEROS)
