"""Where files come from: a folder, a file, an archive, an image or a drive, told by content."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from emixcli.errors import MediaError
from emixcli.media.iso9660 import is_iso
from emixcli.media.names import native_path
from emixcli.media.sources.archive import ZipSource
from emixcli.media.sources.base import Bytes, FileBytes, MediaFile, Source, SourceNotes
from emixcli.media.sources.folder import FileSource, FolderSource
from emixcli.media.sources.iso import IsoSource, raw_sectors

__all__ = [
    "Bytes",
    "FileBytes",
    "FolderSource",
    "MediaFile",
    "Source",
    "SourceNotes",
    "open_source",
]

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
#: First bytes of archives that are not read, and what they are called.
_FOREIGN = (
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


def open_source(path: str) -> Source:
    """Return the medium at `path`.

    Raises
    ------
    MediaError
        Where there is none, or where it cannot be read at all.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as exc:
        raise MediaError(
            "no such file, folder or drive", hint="check the path, and that the disc is inserted"
        ) from exc
    if stat.S_ISDIR(mode):
        return FolderSource(path)
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        raise MediaError("neither a file nor a folder nor a drive")
    try:
        fd = os.open(native_path(os.path.realpath(path)), _FLAGS)
        content = FileBytes(fd, os.lseek(fd, 0, os.SEEK_END))
        return _open_content(path, content, is_drive=stat.S_ISBLK(mode))
    except OSError as exc:
        raise MediaError(
            "the file or drive cannot be read",
            hint="check that you may read it, or try another drive",
        ) from exc


def _open_content(path: str, content: FileBytes, *, is_drive: bool) -> Source:
    """Tell by content what a file or drive is; takes `content` over."""
    try:
        head = content.read_at(0, 4096)
    except OSError:
        if not is_drive:
            raise
        head = b""  # a bad first sector says nothing about the file system
    archive = archive_in(content, head, kind="device" if is_drive else "iso")
    if archive is not None:
        return archive
    content.close()
    if is_drive:
        raise MediaError(
            "no file system that can be read was found on the disc",
            hint="mount it and give the folder, or copy the disc again",
        )
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            raise MediaError(f"{name} archives are not read", hint="unpack it and give the folder")
    return FileSource(path)


def archive_in(content: Bytes, head: bytes, *, kind: str = "iso") -> Source | None:
    """Return the medium inside a file, None where it holds none; then `content` stays open."""
    if head[128:132] == b"DICM":
        return None
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06")):
        return ZipSource(content)
    raw = raw_sectors(content, head)
    if raw is not None and is_iso(raw):
        return IsoSource(raw, kind=kind)
    if is_iso(content):
        return IsoSource(content, kind=kind)
    return None
