"""One file of a medium after the other, opened no longer than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emixcli.media.disc.sectors import SectorBytes
from emixcli.media.sources import FolderSource

if TYPE_CHECKING:
    from emixcli.media.sources import Bytes, MediaFile, Source


def by_sectors(content: Bytes, source: Source) -> Bytes:
    """Return the content of a file of `source` so that its bad sectors are told from good ones.

    A medium that is read itself, not through the system, tells them for all its files.
    """
    return content if source.medium is not None else SectorBytes(content)


class Opened:
    """The file that is being looked at.

    Attributes
    ----------
    size
        Of the file, in bytes.
    """

    __slots__ = ("_content", "_path", "_read_head", "_source", "size")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._read_head = source.read_head if isinstance(source, FolderSource) else None
        self._content: Bytes | None = None
        self._path = ""
        self.size = 0

    def read_head(self, file: MediaFile, length: int) -> bytes:
        """Go to a file, and return its first bytes.

        Raises
        ------
        OSError
            Where it cannot be read.
        """
        self._path = file.path
        if self._read_head is not None:  # most files need no more than this
            head, self.size = self._read_head(file.path, length)
            return head
        self.size = file.size
        return self.content.read_at(0, min(length, file.size))

    def careful(self, file: MediaFile) -> Bytes:
        """Return a file so that its bad sectors are told from good ones."""
        self._path = file.path
        content = self.content
        self.size = content.size
        return by_sectors(content, self._source)

    @property
    def content(self) -> Bytes:
        """The whole file."""
        if self._content is None:
            self._content = self._source.open_bytes(self._path)
        return self._content

    @property
    def is_random(self) -> bool:
        """Whether bytes far into the file cost no more than the first ones."""
        return self.content.is_random

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        return self.content.read_at(offset, length)

    def close(self) -> None:
        """Give the file back."""
        content, self._content = self._content, None
        if content is not None:
            content.close()
