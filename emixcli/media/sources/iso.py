"""An ISO 9660 image or drive as a medium."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, BinaryIO, Final

from emixcli.media.iso9660 import IsoFile, read_volume
from emixcli.media.sources.base import MediaFile, SourceNotes, stream_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

_SYNC: Final = b"\x00" + b"\xff" * 10 + b"\x00"
_RAW_SECTOR: Final = 2352
_SECTOR: Final = 2048


class IsoSource:
    """The files of an image, in the order in which they lie on it."""

    def __init__(self, content: Bytes, *, kind: str = "iso") -> None:
        self.kind = kind
        self._content = content
        self.notes = SourceNotes()
        try:
            volume = read_volume(content)
        except BaseException:
            content.close()
            raise
        self.notes.codes.update(volume.codes)
        self._files = {file.path: file for file in sorted(volume.files, key=_place)}

    def iter_files(self) -> Iterator[MediaFile]:
        """Yield the files by their place on the medium: a drive reads forward fastest."""
        size = self._content.size
        for path, file in self._files.items():
            missing = sum(
                max(0, min(length, offset + length - size)) for offset, length in file.extents
            )
            self.notes.codes["M02"] += missing > 0
            yield MediaFile(path, file.size, missing)

    def open_bytes(self, path: str) -> Bytes:
        """Return the content of a file."""
        file = self._files.get(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, "not among the listed files")
        if file.problem:
            raise OSError(errno.ENOTSUP, file.problem)
        return _Extents(self._content, file)

    def open(self, path: str) -> BinaryIO:
        """Return the content of a file as a stream."""
        return stream_of(self.open_bytes(path))

    def close(self) -> None:
        """Close the image."""
        self._content.close()


def _place(file: IsoFile) -> tuple[int, str]:
    return (file.place, file.path)


class _Extents:
    """Content of a file from its extents.

    A read that begins behind the end of the image is an error, so that what is missing is never
    taken for the end of the file.
    """

    __slots__ = ("_content", "_extents", "size")
    is_random = True

    def __init__(self, content: Bytes, file: IsoFile) -> None:
        self._content = content
        self._extents = file.extents
        self.size = file.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer at the end of the file or of the image."""
        parts: list[bytes] = []
        length = max(0, min(length, self.size - offset))
        start = 0
        for place, extent in self._extents:
            if length and start <= offset < start + extent:
                wanted = min(length, start + extent - offset)
                data = self._content.read_at(place + offset - start, wanted)
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

    def close(self) -> None:
        """Nothing is held open."""


class RawSectors:
    """User data of an image of raw 2,352-byte sectors (ECMA-130 section 14)."""

    __slots__ = ("_content", "_skip", "size")
    is_random = True

    def __init__(self, content: Bytes, skip: int) -> None:
        self._content = content
        self._skip = skip
        self.size = content.size // _RAW_SECTOR * _SECTOR

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        length = max(0, min(length, self.size - offset))
        first = offset // _SECTOR
        n_sectors = (offset + length + _SECTOR - 1) // _SECTOR - first
        raw = self._content.read_at(first * _RAW_SECTOR, n_sectors * _RAW_SECTOR)
        starts = range(self._skip, len(raw), _RAW_SECTOR)
        data = b"".join(raw[start : start + _SECTOR] for start in starts)
        return data[offset - first * _SECTOR :][:length]

    def close(self) -> None:
        """Close the image."""
        self._content.close()


def raw_sectors(content: Bytes, head: bytes) -> RawSectors | None:
    """Return the user data where `head` is that of a raw image (mode 1, or mode 2 form 1)."""
    if head[:12] != _SYNC or len(head) < 24:
        return None
    return RawSectors(content, 24 if head[15] == 2 else 16)
