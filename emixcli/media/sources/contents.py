"""A file or a drive as a medium: an image, an archive, or one object, told by content."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli.errors import MediaError
from emixcli.media.disc.sectors import SectorBytes
from emixcli.media.names import native_path
from emixcli.media.sources.archive import ZipSource
from emixcli.media.sources.base import FileBytes
from emixcli.media.sources.disc import disc_in
from emixcli.media.sources.folder import FileSource, FolderSource
from emixcli.media.sources.opening import (
    find_mapfile,
    open_carved,
    open_cue,
    open_drive,
    open_nero,
)

if TYPE_CHECKING:
    from emixcli.media.disc.mapfile import Mapfile
    from emixcli.media.disc.ranges import Ranges
    from emixcli.media.sources.base import Bytes, Source
    from emixcli.media.sources.encrypted import Password

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
#: Archives that are not read: where their mark is, the mark, and what they are called.
_FOREIGN = (
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (257, b"ustar", "tar"),
)
#: How a package begins, the element that says what it is, and how far behind that may be.
_PAGE = b"<!DOCTYPE html>"
_PACKAGE = b'id="emix-package"'
_PAGE_HEAD = 1024 * 1024
_HEAD = 8192


def open_content(
    path: str, *, mapfile: Mapfile | None = None, password: Password | None = None
) -> Source:
    """Return the medium at `path`, as `open_source` says."""
    drive = open_drive(path, mapfile)
    if drive is not None:
        return drive
    try:
        mode = Path(path).stat().st_mode
    except PermissionError as exc:
        raise _not_permitted() from exc
    except (OSError, ValueError) as exc:
        raise MediaError(
            "no such file, folder or drive", hint="check the path, and that the disc is inserted"
        ) from exc
    if stat.S_ISDIR(mode):
        return FolderSource(path)
    if not stat.S_ISREG(mode):
        raise MediaError("neither a file nor a folder nor a drive", hint="check the path")
    try:
        fd = os.open(native_path(os.path.realpath(path)), _FLAGS)
    except PermissionError as exc:
        raise _not_permitted() from exc
    except OSError as exc:
        raise _unreadable() from exc
    try:
        return _open_content(path, FileBytes(fd, os.lseek(fd, 0, os.SEEK_END)), mapfile, password)
    except OSError as exc:
        raise _unreadable() from exc


def _not_permitted() -> MediaError:
    return MediaError(
        "permission denied: this user may not read the file, folder or drive",
        hint="get the right to read it, or let somebody copy it who has it",
    )


def _unreadable() -> MediaError:
    return MediaError("the file or drive cannot be read", hint="try another drive or copy")


def _open_content(
    path: str, content: FileBytes, mapfile: Mapfile | None, password: Password | None
) -> Source:
    """Tell by content what a file is; takes `content` over."""
    mapfile = mapfile or find_mapfile(path)
    bad = mapfile.unread(content.size) if mapfile else None
    head = content.read_at(0, _HEAD)
    archive = open_cue(path, content, head) or open_nero(content)
    archive = archive or archive_in(content, head, bad=bad, password=password)
    if archive is not None:
        return archive
    try:
        _refuse_foreign(content, head)
    except MediaError:
        content.close()
        raise
    carved = None if head[128:132] == b"DICM" else open_carved(content, head, bad)
    if carved is not None:
        return carved
    content.close()
    return FileSource(path)


def _refuse_foreign(content: Bytes, head: bytes) -> None:
    """Refuse what is known and not read here."""
    for at, magic, name in _FOREIGN:
        if head.startswith(magic, at):
            raise MediaError(f"{name} archives are not read", hint="unpack it and give the folder")
    if head.startswith(_PAGE) and _PACKAGE in content.read_at(0, _PAGE_HEAD):
        raise MediaError(
            "this is a package, no medium", hint="emix view shows it; emix unpack takes it apart"
        )


def archive_in(
    content: Bytes,
    head: bytes,
    *,
    bad: Ranges | None = None,
    search: bool = True,
    password: Password | None = None,
) -> Source | None:
    """Return the medium inside a file, None where it holds none; then `content` stays open.

    Parameters
    ----------
    bad
        What of the file cannot be read.
    search
        Whether to search all of an image for what its directories do not name.
    password
        As in `open_source`.
    """
    if head[128:132] == b"DICM":
        return None
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06")):
        return ZipSource(SectorBytes(content, bad=bad), recover=search, password=password)
    return disc_in(content, head, bad=bad, search=search)
