"""Writes entries one after the other: encoded in parallel, written in order, memory bounded."""

from __future__ import annotations

import collections
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from emixcli.container.entry import MEMORY_LIMIT, Encoded, Source, encode
from emixcli.container.folded import Folder
from emixcli.container.glue import OPEN, make_comment, make_glue
from emixcli.container.zipformat import ZipEntry, central_header, end_records
from emixcli.errors import MediaError

#: Plain bytes of the entries that are being encoded or wait to be written.
_WINDOW = 16 * 1024 * 1024


class Sink(Protocol):
    """Where a package goes: a file or an upload."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes; `data` may be reused by the caller afterwards."""

    def patch(self, offset: int, data: bytes) -> None:
        """Replace bytes of the page; called once, after the last `write`."""


@dataclass(frozen=True, slots=True)
class Lost:
    """An entry that could not be read; nothing of it is in the package."""

    source: Source
    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """An entry that is in the package."""

    source: Source
    entry: ZipEntry
    sha256: str
    frames: list[tuple[int, int, str]]


class ZipWriter:
    """Writes the ZIP part of a package to a sink.

    Parameters
    ----------
    sink
        Has been given the page, which ends with the opening of the first script.
    key
        The package key.
    offset
        Bytes in the sink so far.
    """

    def __init__(self, sink: Sink, *, key: bytes, offset: int) -> None:
        self._sink, self._key = sink, key
        self.offset = offset
        self.n_entries = 0
        self._directory = Folder()

    def add(self, encoded: Encoded) -> ZipEntry:
        """Write one entry and the glue after it; returns it with its offset."""
        entry = replace(encoded.entry, offset=self.offset)
        length = 0
        for piece in encoded.pieces():
            self._sink.write(piece)
            length += len(piece)
        glue = make_glue(entry.offset, length, encoded.table) + OPEN
        self._sink.write(glue)
        self.offset += length + len(glue)
        self._directory.add(central_header(entry))
        self.n_entries += 1
        return entry

    def add_all(self, sources: Iterable[Source], *, workers: int) -> Iterator[Written | Lost]:
        """Write entries in order, encoding several at a time; yields what became of each.

        Raises
        ------
        MediaError
            A large source failed after the first of its bytes were written.
        """
        for source, encoded in encode_all(sources, self._key, workers=workers):
            if isinstance(encoded, Lost):
                yield encoded
            else:
                entry = self.add(encoded)
                yield Written(source, entry, encoded.sha256, encoded.frames)

    def finish(self) -> int:
        """Write directory, end records and the closing glue; returns the size of the package."""
        directory = self._directory.finish().read()
        offset, length = self.offset, len(directory)
        directory += end_records(n_entries=self.n_entries, offset=offset, length=length)
        comment = make_comment(offset, directory)
        directory += len(comment).to_bytes(2, "little") + comment
        self._sink.write(directory)
        self.offset += len(directory)
        return self.offset


def encode_all(
    sources: Iterable[Source], key: bytes, *, workers: int
) -> Iterator[tuple[Source, Encoded | Lost]]:
    """Yield every source's entry in order, encoded by `workers` threads.

    At most 16 MiB of sources, or one source and what is being written, are held at a time.
    """
    waiting: collections.deque[tuple[Source, Future[Encoded | Lost]]] = collections.deque()
    held = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="emix-pack") as pool:
        try:
            for source in sources:
                cost = _cost(source)
                while waiting and (held + cost > _WINDOW or len(waiting) >= 4 * workers):
                    done, future = waiting.popleft()
                    held -= _cost(done)
                    yield done, future.result()
                waiting.append((source, pool.submit(_encode_or_lose, source, key)))
                held += cost
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _cost(source: Source) -> int:
    return min(source.size, MEMORY_LIMIT)


def _encode_or_lose(source: Source, key: bytes) -> Encoded | Lost:
    try:
        return encode(source, key)
    except (OSError, MediaError) as exc:
        return Lost(source, _reason(exc))


def _reason(exc: Exception) -> str:
    """Return a fixed phrase: a library's text may hold a path."""
    if isinstance(exc, MediaError):
        return exc.message
    return "the file could not be read"


def default_workers() -> int:
    """Return how many threads encode: one for each core, at most eight."""
    return max(1, min(8, os.cpu_count() or 1))
