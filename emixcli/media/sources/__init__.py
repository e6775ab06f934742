"""Where files come from: a folder, a file, an archive, an image or a drive, told by content."""

from __future__ import annotations

import stat
from pathlib import Path

from emixcli.errors import MediaError
from emixcli.media.sources.base import Bytes, FileBytes, MediaFile, Source, SourceNotes
from emixcli.media.sources.folder import FileSource, FolderSource

__all__ = ["Bytes", "FileBytes", "MediaFile", "Source", "SourceNotes", "open_source"]


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
    return FileSource(path)
