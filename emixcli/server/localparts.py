"""Parts as files: taken, hashed, and brought to the disk behind the answer.

    00001.DIGEST.N.partial   being written
    00001.DIGEST.fresh       whole and answered for; a failure of power may still take it
    00001.DIGEST             on the disk

Waiting for the disk at each part would stop the line. So a part is answered for when it is whole,
and synced by a thread behind that; a few at a time may wait, then the line waits for the disk. What
is found fresh and is in nobody's care (its process has died, or the power has failed) is read and
compared with its digest, then synced, or removed: so a part that was lost is never listed, and the
client sends it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from emixcli.server.store import Part

FRESH, PARTIAL = ".fresh", ".partial"
_WAITING = 8
_CHUNK = 1 << 20
_LOG = logging.getLogger("emix.exchange.parts")
_serial = itertools.count()


def part_name(part: Part) -> str:
    """The name of a stored part."""
    return f"{part.number:05d}.{part.digest}"


def parse_name(name: str) -> tuple[int, str] | None:
    """Number and digest in the name of a stored part, None for any other file."""
    number, _, digest = name.partition(".")
    is_digest = len(digest) in {32, 64} and all(c in "0123456789abcdef" for c in digest)
    return (int(number), digest) if len(number) == 5 and number.isdecimal() and is_digest else None


def hasher(algorithm: str) -> hashlib._Hash:
    """A running digest; MD5 finds damage here and is trusted for nothing."""
    return hashlib.new(algorithm, usedforsecurity=False)


class Syncer:
    """Brings fresh parts to the disk in threads, a few at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sync")
        self._room = threading.BoundedSemaphore(_WAITING)
        self._pending: dict[Path, Future[None]] = {}
        self._lock = threading.Lock()

    def take(self, descriptor: int, part: Path) -> None:
        """Take charge of an open file that lies as `part` + FRESH; waits while there are many."""
        self._room.acquire()
        with self._lock:
            self._pending[part] = self._threads.submit(self._sync, descriptor, part)

    def has(self, part: Path) -> bool:
        """Whether the part is whole and in the care of this process."""
        with self._lock:
            return part in self._pending

    def wait(self, folder: Path) -> None:
        """Return when nothing in the folder waits for the disk."""
        with self._lock:
            waiting = [one for part, one in self._pending.items() if part.parent == folder]
        for one in waiting:
            one.result()

    def _sync(self, descriptor: int, part: Path) -> None:
        try:
            settle(descriptor, part)
        finally:
            with self._lock:
                self._pending.pop(part, None)
            self._room.release()


def settle(descriptor: int, part: Path) -> None:
    """Sync a fresh part and give it its name; one that cannot be synced is removed. Closes it."""
    fresh = part.with_name(part.name + FRESH)
    # FileNotFoundError: the upload was sealed with other parts, or revoked.
    try:
        os.fsync(descriptor)
        with contextlib.suppress(FileNotFoundError):
            fresh.replace(part)
    except OSError as exc:
        _LOG.error("syncing a part failed: errno %s", exc.errno)
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def adopt(part: Path) -> None:
    """Check a fresh part that nobody cares for: sync it, or remove it."""
    parsed = parse_name(part.name)
    fresh = part.with_name(part.name + FRESH)
    if parsed is None:
        return
    try:
        descriptor = os.open(fresh, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return
    digest = hasher(Part(parsed[0], 0, parsed[1]).algorithm)
    while chunk := os.read(descriptor, _CHUNK):
        digest.update(chunk)
    if digest.hexdigest() == parsed[1]:
        settle(descriptor, part)
        return
    os.close(descriptor)
    fresh.unlink(missing_ok=True)


class PartSink:
    """Takes the bytes of one part in order; nothing is visible before `finish`.

    Raises
    ------
    FileNotFoundError
        No upload is open in this folder.
    """

    def __init__(self, folder: Path, part: Part, syncer: Syncer) -> None:
        self._target = folder / part_name(part)
        self._partial = folder / f"{self._target.name}.{os.getpid()}-{next(_serial)}{PARTIAL}"
        self._part = part
        self._syncer = syncer
        self._digest = hasher(part.algorithm)
        self._size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self._partial, flags, 0o600)

    def write(self, data: memoryview | bytes) -> None:
        """Write and hash some bytes; blocks."""
        view = memoryview(data)
        self._size += len(view)
        self._digest.update(view)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def write_all(self, chunks: Sequence[bytes]) -> None:
        """Write and hash several chunks."""
        for chunk in chunks:
            self.write(chunk)

    def finish(self) -> bool:
        """Make the part visible; False (and nothing kept) when size or digest differ.

        Raises
        ------
        FileNotFoundError
            The upload was sealed or revoked meanwhile.
        """
        if self._size != self._part.size or self._digest.hexdigest() != self._part.digest:
            self.abort()
            return False
        try:
            self._partial.replace(self._target.with_name(self._target.name + FRESH))
        except OSError:
            self.abort()
            raise
        descriptor, self._descriptor = self._descriptor, -1
        self._syncer.take(descriptor, self._target)
        return True

    def abort(self) -> None:
        """Drop what was written, unless it was finished."""
        if self._descriptor < 0:
            return
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = -1
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)
