"""A disc, or an image of one, as a medium."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, BinaryIO, Final

from emixcli.media.disc.sectors import SECTOR, SectorBytes, UnreadableError
from emixcli.media.disc.sessions import on_disc
from emixcli.media.disc.tracks import raw_tracks
from emixcli.media.disc.tree import UNWRITTEN
from emixcli.media.disc.volume import has_file_system, read_disc
from emixcli.media.sources.base import MediaFile, SourceNotes, stream_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emixcli.media.disc.ranges import Ranges
    from emixcli.media.disc.tracks import TrackBytes
    from emixcli.media.disc.tree import DiscFile
    from emixcli.media.sources.base import Bytes

_DESCRIPTOR: Final = 16  # sector of the first volume descriptor
_PADDING: Final = 300 * SECTOR  # that a writer or a copy may leave out


class DiscSource:
    """The files of a disc or image, in the order in which they lie on it.

    Attributes
    ----------
    medium
        The sectors; `bad` of it are those that cannot be read, as far as is known.

    Parameters
    ----------
    content
        2,048-byte sectors, taken over.
    starts
        First sectors of sessions, where the drive says them.
    search
        Whether to search the whole image for objects where directories are lost.
    """

    def __init__(
        self,
        content: SectorBytes,
        *,
        kind: str = "iso",
        starts: Iterable[int] = (),
        search: bool = True,
    ) -> None:
        self.kind = kind
        self.medium = content
        self.notes = SourceNotes()
        try:
            disc = read_disc(content, starts=starts, search=search)
        except BaseException:
            content.close()
            raise
        self.notes.codes.update(disc.codes)
        self.notes.carved |= disc.carved
        self.notes.earlier |= disc.earlier
        self._files = {file.path: file for file in sorted(disc.files, key=_place)}
        self.notes.codes["M02"] += sum(self._missing(file) > 0 for file in disc.files)
        if not self.notes.codes["M02"] and _is_cut(content):
            self.notes.codes["M02"] = 1

    def iter_files(self) -> Iterator[MediaFile]:
        """Yield the files by their place on the medium: a drive reads forward fastest."""
        size = self.medium.size
        for path, file in self._files.items():
            lost = sum(
                self.medium.lost(place, min(place + length, size)).n_bytes()
                for place, length in file.extents
                if place != UNWRITTEN
            )
            yield MediaFile(path, file.size, self._missing(file), lost)

    def _missing(self, file: DiscFile) -> int:
        """Return how many bytes of a file lie behind the end of the medium."""
        size = self.medium.size
        return sum(
            max(0, min(length, place + length - size))
            for place, length in file.extents
            if place != UNWRITTEN
        )

    def extents(self, path: str) -> list[tuple[int, int]]:
        """Return offset and length on the medium of each part of a file, in order."""
        file = self._files.get(path)
        return file.extents if file is not None else []

    def open_bytes(self, path: str) -> Bytes:
        """Return the content of a file."""
        file = self._files.get(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, "not among the listed files")
        if file.problem:
            raise OSError(errno.ENOTSUP, file.problem)
        return _Extents(self.medium, file)

    def open(self, path: str) -> BinaryIO:
        """Return the content of a file as a stream."""
        return stream_of(self.open_bytes(path))

    def close(self) -> None:
        """Close the image."""
        self.medium.close()


def _is_cut(content: SectorBytes) -> bool:
    """Whether the medium is shorter than its volume says (ECMA-119 section 8.4.8)."""
    try:
        descriptor = content.read_at(_DESCRIPTOR * SECTOR, SECTOR)
    except OSError:
        return False
    if descriptor[:6] != b"\1CD001" or len(descriptor) < SECTOR:
        return False
    n_blocks = int.from_bytes(descriptor[80:84], "little")
    return n_blocks * int.from_bytes(descriptor[128:130], "little") > content.size + _PADDING


def _place(file: DiscFile) -> tuple[int, str]:
    return (file.place, file.path)


class _Extents:
    """Content of a file from its extents.

    A read that begins behind the end of the image is an error, so that what is missing is never
    taken for the end of the file.
    """

    __slots__ = ("_content", "_extents", "size")
    is_random = True

    def __init__(self, content: Bytes, file: DiscFile) -> None:
        self._content = content
        self._extents = file.extents
        self.size = file.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer at the end of the file or of the image.

        Raises
        ------
        UnreadableError
            With the range in the file.
        """
        parts: list[bytes] = []
        length = max(0, min(length, self.size - offset))
        start = 0
        for place, extent in self._extents:
            if length and start <= offset < start + extent:
                wanted = min(length, start + extent - offset)
                data = self._part(place, offset - start, wanted, start)
                if not data:
                    break
                parts.append(data)
                offset += len(data)
                length -= len(data)
                if len(data) < wanted:
                    break
            start += extent
        if length and not parts:
            raise OSError(errno.EIO, "the image ends before the file")
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def _part(self, place: int, offset: int, length: int, start: int) -> bytes:
        if place == UNWRITTEN:
            return bytes(length)
        try:
            return self._content.read_at(place + offset, length)
        except UnreadableError as exc:
            shift = start - place
            raise UnreadableError(max(exc.start + shift, start), exc.stop + shift) from exc

    def close(self) -> None:
        """Nothing is held open."""


def sectors_of(content: Bytes, tracks: TrackBytes | None, bad: Ranges | None) -> SectorBytes:
    """Return the sectors of an image.

    Parameters
    ----------
    tracks
        Where they lie in it, None where simply one behind the other.
    bad
        What of the image cannot be read.
    """
    if tracks is None:
        return SectorBytes(content, bad=bad)
    return SectorBytes(tracks, bad=tracks.on_disc(bad), holes=tracks.holes)


def disc_in(
    content: Bytes,
    head: bytes,
    *,
    kind: str = "iso",
    bad: Ranges | None = None,
    starts: Iterable[int] = (),
    search: bool = True,
) -> DiscSource | None:
    """Return the disc inside a file, None where there is no file system.

    Parameters
    ----------
    content
        The file; taken over where there is one.
    bad
        What of it cannot be read, from a mapfile.
    """
    tracks = raw_tracks(content, head)
    sectors = sectors_of(content, tracks, bad)
    if not has_file_system(sectors):
        return None
    moved = None if tracks else on_disc(sectors)
    if moved is not None:
        sectors = sectors_of(content, moved, sectors.bad)
    source = DiscSource(sectors, kind=kind, starts=starts, search=search)
    if tracks is not None:
        source.notes.codes["M07"] += 1
    return source
