"""Where files come from: a folder, a file, an archive, an image or a drive, told by content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emixcli.errors import UsageError
from emixcli.media.names import drive_device, is_folder
from emixcli.media.sources.base import Bytes, FileBytes, MediaFile, Source, SourceNotes
from emixcli.media.sources.folder import FolderSource

if TYPE_CHECKING:
    from emixcli.media.disc.mapfile import Mapfile
    from emixcli.media.sources.encrypted import Password

__all__ = [
    "Bytes",
    "FileBytes",
    "FolderSource",
    "MediaFile",
    "Source",
    "SourceNotes",
    "open_source",
]


def open_source(
    path: str, *, mapfile: Mapfile | None = None, password: Password | None = None
) -> Source:
    """Return the medium at `path`.

    Parameters
    ----------
    mapfile
        What of an image or drive is known to be unreadable; without it, the mapfile that ddrescue
        left beside the image is used.
    password
        Gives that of an encrypted archive; called once, where it is one.

    Raises
    ------
    UsageError
        The path is empty, which would mean the current folder.
    MediaError
        Where there is none, or where it cannot be read at all.
    """
    if not path:
        raise UsageError("a path is empty", hint="check the variables in the command")
    if drive_device(path) is None and is_folder(path):
        return FolderSource(path)
    from emixcli.media.sources.contents import open_content  # 40 modules of discs and archives

    return open_content(path, mapfile=mapfile, password=password)
