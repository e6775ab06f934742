"""The bytes of what a scan found."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO, Self

from emixcli.errors import MediaError
from emixcli.media.sources import Source, open_source

if TYPE_CHECKING:
    from types import TracebackType

    from emixcli.model import Document, FileSet, Instance

#: No object is read into memory at once above this size.
MAX_AT_ONCE = 4 * 1024**3


class MediaReader:
    """Opens the media of a file-set again and reads instances and documents.

    A context manager. `read` and `open` may be called from several threads.

    Parameters
    ----------
    file_set
        What `scan_media` returned; its media must still be there.
    """

    def __init__(self, file_set: FileSet) -> None:
        self._paths = file_set.sources
        self._sources: dict[int, Source] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the media back."""
        with self._lock:
            for source in self._sources.values():
                source.close()
            self._sources.clear()

    def read(self, item: Instance | Document) -> bytes:
        """Return all bytes of an instance or document.

        Raises
        ------
        MediaError
            Where they cannot be read, or are fewer than when the medium was scanned.
        """
        if item.size > MAX_AT_ONCE:
            raise MediaError(
                "an object is too large to be read at once", hint="unpack the archive first"
            )
        try:
            content = self._source(item.source).open_bytes(item.path)
            try:
                data = content.read_at(0, item.size)
            finally:
                content.close()
        except OSError as exc:
            raise MediaError(
                "a file on the medium cannot be read any more",
                hint="check that the medium is still inserted",
            ) from exc
        if len(data) != item.size:
            raise MediaError(
                "a file on the medium is shorter than it was when it was scanned",
                hint="clean the disc or try another drive, and start again",
            )
        return data

    def open(self, item: Instance | Document) -> BinaryIO:
        """Return an instance or document as a seekable stream.

        Its methods raise OSError where the medium cannot be read.

        Raises
        ------
        MediaError
            Where it cannot be opened.
        """
        try:
            return self._source(item.source).open(item.path)
        except OSError as exc:
            raise MediaError(
                "a file on the medium cannot be opened any more",
                hint="put the medium in again, and start again",
            ) from exc

    def _source(self, number: int) -> Source:
        with self._lock:
            source = self._sources.get(number)
            if source is None:
                source = self._sources[number] = open_source(self._paths[number])
            return source
