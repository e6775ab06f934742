"""A ZIP file as a medium (APPNOTE 6.3): members packed in any way that Python knows, Zip64."""

from __future__ import annotations

import errno
import struct
import threading
import zipfile
import zlib
from lzma import LZMAError
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from emixcli.errors import MediaError
from emixcli.media.names import UniqueNames, safe_path
from emixcli.media.sources.base import (
    DamagedContentError,
    MediaFile,
    SourceNotes,
    StreamBytes,
    stream_of,
)
from emixcli.media.sources.central import iter_members
from emixcli.media.sources.encrypted import (
    AES,
    ZIP_CRYPTO,
    WrongPasswordError,
    decrypted,
    has_crc,
    is_aes,
    plain_method,
)  # fmt: skip
from emixcli.media.sources.recovered import iter_local_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emixcli.media.disc.sectors import SectorBytes
    from emixcli.media.sources.base import Bytes
    from emixcli.media.sources.central import Member
    from emixcli.media.sources.encrypted import Password

MAX_MEMBERS: Final = 1_000_000
#: A member that unpacks to more than this, and to more than `MAX_RATIO` times its size, is a bomb.
MAX_SUSPECT_SIZE: Final = 256 * 1024 * 1024
MAX_RATIO: Final = 200
_LOCAL: Final = struct.Struct("<4s5H3I2H")
#: What is kept of a member: method, CRC, packed size, size, offset of its local header.
_KEPT: Final = struct.Struct("<HL3Q")
_ENCRYPTED: Final = 1
#: Bytes between a local header and the content at most: name and extra fields.
_MAX_NAME: Final = 2 * 65535
_REASONS: Final = {
    "D07": "its name leads out",
    "M09": "encrypted",
    "M10": "unpacks to far more than its size",
}
#: What the standard library raises on bytes that are no proper archive.
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    struct.error,
)


class ZipSource:
    """The members of a ZIP file, in the order in which they lie in it."""

    kind = "zip"

    def __init__(
        self, content: SectorBytes, *, recover: bool = True, password: Password | None = None
    ) -> None:
        self._content = self.medium = content
        self._ask = password
        self._password = b""
        self.notes = SourceNotes()
        try:
            self._members = self._listed(recover=recover)
            self._require_password()
        except (*_DAMAGE, OSError) as exc:
            content.close()
            raise MediaError(
                "the archive is damaged or incomplete", hint="download or copy it again"
            ) from exc
        except MediaError:
            content.close()
            raise

    def _listed(self, *, recover: bool) -> dict[str, bytes]:
        """Return the members of the central directory, or of the local headers without it."""
        try:
            return self._name_members(iter_members(self._content))
        except (*_DAMAGE, OSError):
            if not recover:
                raise
            self.notes = SourceNotes()
            members = self._name_members(iter_local_members(self._content))
            if not members and not self.notes.unreadable:
                raise
            self.notes.codes["M16"] += 1
            return members

    def _name_members(self, found: Iterable[Member]) -> dict[str, bytes]:
        """Return what is to be known of the usable members, by safe and unique names."""
        members: dict[str, bytes] = {}
        names = UniqueNames()
        n_members = n_encrypted = packed_size = 0
        for member in found:
            if member.name.endswith("/"):
                continue
            n_members += 1
            is_readable = self._ask is not None and member.method != AES
            n_encrypted += member.flags & _ENCRYPTED and not is_readable
            packed_size += max(0, min(member.packed_size, self._content.size - member.offset))
            if n_members > MAX_MEMBERS or packed_size > self._content.size:
                raise MediaError(
                    "the archive has impossible contents: it may be a bomb",
                    hint="do not unpack it; ask the sender for a new one",
                )
            path = safe_path(member.name)
            if path is None or (code := _refusal(member, is_readable=is_readable)):
                self._refuse(path, n_members, code if path else "D07")
            else:
                members[names.take(path)] = _KEPT.pack(_kept_method(member), *member[3:])
        if n_members and n_encrypted == n_members:
            raise MediaError(
                "the archive is encrypted",
                hint="emix scan and emix salvage take --password-file; emix unpack opens packages",
            )
        return dict(sorted(members.items(), key=lambda item: _KEPT.unpack(item[1])[-1]))

    def _refuse(self, path: str | None, number: int, code: str) -> None:
        self.notes.codes[code] += 1
        self.notes.unreadable.append((path or f"entry {number}", _REASONS[code]))

    def iter_files(self) -> Iterator[MediaFile]:
        """Yield the members."""
        medium = self._content
        for path, kept in self._members.items():
            _, _, packed_size, size, offset = _KEPT.unpack(kept)
            end = offset + _LOCAL.size + packed_size
            if end + _MAX_NAME > medium.size:  # exactly, where it may be cut
                end = sum(self.extents(path)[0])
            missing = max(0, end - medium.size)
            lost = medium.lost(offset, end).n_bytes() - missing if medium.bad else 0
            yield MediaFile(path, size, missing, lost)

    def open_bytes(self, path: str) -> Bytes:
        """Return the content of a member."""
        kept = self._members.get(path)
        if kept is None:
            raise FileNotFoundError(errno.ENOENT, "not among the listed files")
        method, crc, packed_size, size, offset = _KEPT.unpack(kept)
        packed: Bytes = _StoredMember(self._content, self._start(offset), packed_size)
        if method > AES:
            header = self._local_header(offset)
            packed = decrypted(packed, method, self._password, header[2:7])
        checked = crc if has_crc(method) else None
        method = plain_method(method)
        if method == zipfile.ZIP_STORED and packed.size != size:
            raise DamagedContentError("damaged member of an archive")
        if method == zipfile.ZIP_STORED:
            return _StoredMember(packed, 0, size, checked)
        info = zipfile.ZipInfo()
        info.compress_type = method
        info.compress_size, info.file_size = packed.size, size
        info.CRC = cast("int", checked)  # None: not checked
        try:
            unpacked = zipfile.ZipExtFile(stream_of(packed), "r", info, close_fileobj=True)
            return _Member(cast("BinaryIO", unpacked), size)
        except _DAMAGE as exc:
            raise DamagedContentError("damaged member of an archive") from exc

    def _start(self, offset: int) -> int:
        """Return where the content of the member with a local header at `offset` begins."""
        fields = self._local_header(offset)
        return int(offset + _LOCAL.size + fields[9] + fields[10])

    def _local_header(self, offset: int) -> tuple[Any, ...]:
        head = self._content.read_at(offset, _LOCAL.size)
        fields = _LOCAL.unpack(head) if len(head) == _LOCAL.size else (b"",)
        if fields[0] != b"PK\x03\x04":
            raise DamagedContentError("damaged member of an archive")
        return fields

    def _require_password(self) -> None:
        """Ask for the password where a member is encrypted, and try it."""
        encrypted = [path for path, kept in self._members.items() if _KEPT.unpack(kept)[0] > AES]
        if self._ask is None or not encrypted:
            return
        self._password = self._ask()
        for path in encrypted:
            try:
                self.open_bytes(path).close()
            except WrongPasswordError:
                raise MediaError(
                    "the password does not open the archive",
                    hint="check it, also capital letters, or ask the sender for it again",
                ) from None
            except OSError:
                continue  # this one is damaged
            return

    def extents(self, path: str) -> list[tuple[int, int]]:
        """Return where the packed content of a member lies."""
        _, _, packed_size, _, offset = _KEPT.unpack(self._members[path])
        try:
            return [(self._start(offset), packed_size)]
        except OSError:
            return [(offset, _LOCAL.size + packed_size)]

    def open(self, path: str) -> BinaryIO:
        """Return the content of a member as a stream."""
        return stream_of(self.open_bytes(path))

    def close(self) -> None:
        """Close the archive."""
        self._content.close()


def _kept_method(member: Member) -> int:
    """Return the method, and that a member is encrypted by ZipCrypto where it is."""
    is_old = member.flags & _ENCRYPTED and not is_aes(member.method)
    return member.method | ZIP_CRYPTO if is_old else member.method


def _refusal(member: Member, *, is_readable: bool) -> str:
    """Return the code of what is wrong with a member, "" where it may be read."""
    if member.flags & _ENCRYPTED and not is_readable:
        return "M09"
    ratio = member.size / max(member.packed_size, 1)
    return "M10" if member.size > MAX_SUSPECT_SIZE and ratio > MAX_RATIO else ""


class _Member(StreamBytes):
    """A compressed member; every damage is an OSError."""

    __slots__ = ()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        try:
            return super().read_at(offset, length)
        except _DAMAGE as exc:
            raise DamagedContentError("damaged member of an archive") from exc


class _StoredMember:
    """Bytes of the archive where they lie: of a member that is not compressed, or compressed ones.

    Parameters
    ----------
    crc
        Of the whole, None where it is of something else.
    """

    __slots__ = ("_checked", "_content", "_crc", "_lock", "_start", "is_random", "size")

    def __init__(self, content: Bytes, start: int, size: int, crc: int | None = None) -> None:
        self._content = content
        self._start = start
        self._crc = crc
        self._checked = (0, 0)  # how many bytes were read in order, and their CRC
        self._lock = threading.Lock()
        self.is_random = content.is_random
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end; reading all in order tells of damage."""
        length = max(0, min(length, self.size - offset))
        data = self._content.read_at(self._start + offset, length)
        is_short = length > 0 and (not data or (length == self.size and len(data) < length))
        if is_short or (self._crc is not None and self._is_damaged(offset, data)):
            raise DamagedContentError("damaged member of an archive")
        return data

    def _is_damaged(self, offset: int, data: bytes) -> bool:
        """Whether these are the last of all bytes, and their CRC is wrong."""
        with self._lock:
            n_read, crc = (0, 0) if offset == 0 else self._checked
            if offset != n_read or not data:
                return False
            crc = zlib.crc32(data, crc)
            self._checked = (offset + len(data), crc)
        return offset + len(data) == self.size and crc != self._crc

    def close(self) -> None:
        """Nothing is held open."""
