"""A ZIP file as a medium (APPNOTE 6.3): stored and deflated members, Zip64."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from emixcli.errors import MediaError
from emixcli.media.names import UniqueNames, safe_path
from emixcli.media.sources.base import MediaFile, SourceNotes, StreamBytes, stream_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

MAX_MEMBERS: Final = 1_000_000
#: A member that unpacks to more than this, and to more than `MAX_RATIO` times its size, is a bomb.
MAX_SUSPECT_SIZE: Final = 256 * 1024 * 1024
MAX_RATIO: Final = 200
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_ENCRYPTED: Final = 1
#: What the standard library raises on bytes that are no proper archive.
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    struct.error,
)


class ZipSource:
    """The members of a ZIP file, in the order in which they lie in it."""

    kind = "zip"

    def __init__(self, content: Bytes) -> None:
        self._content = content
        self.notes = SourceNotes()
        try:
            self._archive = zipfile.ZipFile(stream_of(content))
        except (*_DAMAGE, OSError) as exc:
            content.close()
            raise MediaError(
                "the archive is damaged or incomplete",
                hint="download or copy it again; emix needs the whole file",
            ) from exc
        self._members = self._name_members()

    def _name_members(self) -> dict[str, zipfile.ZipInfo]:
        """Return the usable members by safe and unique names."""
        infos = sorted(self._archive.infolist(), key=lambda info: info.header_offset)
        infos = [info for info in infos if not info.is_dir()]
        self._check_limits(infos)
        members: dict[str, zipfile.ZipInfo] = {}
        names = UniqueNames()
        for number, info in enumerate(infos, 1):
            path = safe_path(info.filename)
            if path is None:
                self.notes.codes["D07"] += 1
                self.notes.unreadable.append((f"entry {number}", "its name leads out"))
            elif info.flag_bits & _ENCRYPTED:
                self.notes.codes["M09"] += 1
                self.notes.unreadable.append((path, "encrypted"))
            elif info.file_size > MAX_SUSPECT_SIZE and _ratio(info) > MAX_RATIO:
                self.notes.codes["M10"] += 1
                self.notes.unreadable.append((path, "unpacks to far more than its size"))
            else:
                members[names.take(path)] = info
        return members

    def _check_limits(self, infos: list[zipfile.ZipInfo]) -> None:
        if infos and all(info.flag_bits & _ENCRYPTED for info in infos):
            raise MediaError(
                "the archive is encrypted",
                hint="unpack it with its password first; use emix unpack if it is a package",
            )
        packed = sum(info.compress_size for info in infos)
        if len(infos) > MAX_MEMBERS or packed > self._content.size:
            raise MediaError(
                "the archive has impossible contents: it may be a bomb",
                hint="do not unpack it; ask the sender for a new one",
            )

    def iter_files(self) -> Iterator[MediaFile]:
        """Yield the members."""
        for path, info in self._members.items():
            yield MediaFile(path, info.file_size)

    def open_bytes(self, path: str) -> Bytes:
        """Return the content of a member."""
        info = self._members.get(path)
        if info is None:
            raise FileNotFoundError(path)
        if info.compress_type == zipfile.ZIP_STORED:
            return self._open_stored(info)
        try:
            return _Member(cast("BinaryIO", self._archive.open(info)), info.file_size)
        except _DAMAGE as exc:
            raise OSError("damaged member of an archive") from exc

    def _open_stored(self, info: zipfile.ZipInfo) -> Bytes:
        head = self._content.read_at(info.header_offset, _LOCAL.size)
        if len(head) < _LOCAL.size:
            raise OSError("archive ends early")
        fields = _LOCAL.unpack(head)
        if fields[0] != b"PK\x03\x04" or info.compress_size != info.file_size:
            raise OSError("damaged member of an archive")
        start = info.header_offset + _LOCAL.size + fields[9] + fields[10]
        return _StoredMember(self._content, start, info)

    def open(self, path: str) -> BinaryIO:
        """Return the content of a member as a stream."""
        return stream_of(self.open_bytes(path))

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()
        self._content.close()


class _Member(StreamBytes):
    """A compressed member; every damage is an OSError."""

    __slots__ = ()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        try:
            return super().read_at(offset, length)
        except _DAMAGE as exc:
            raise OSError("damaged member of an archive") from exc


class _StoredMember:
    """A member that is not compressed, read where it lies."""

    __slots__ = ("_content", "_crc", "_start", "size")
    is_random = True

    def __init__(self, content: Bytes, start: int, info: zipfile.ZipInfo) -> None:
        self._content = content
        self._start = start
        self._crc = info.CRC
        self.size = info.file_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end; a whole read is checked by its CRC."""
        length = max(0, min(length, self.size - offset))
        data = self._content.read_at(self._start + offset, length)
        if len(data) < length or (length == self.size and zlib.crc32(data) != self._crc):
            raise OSError("damaged member of an archive")
        return data

    def close(self) -> None:
        """Nothing is held open."""


def _ratio(info: zipfile.ZipInfo) -> float:
    return info.file_size / max(info.compress_size, 1)
