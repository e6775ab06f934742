"""A sink that sends a package to the exchange while it is being made.

The writer's bytes are cut into parts; threads hash and send them, at most a few at once. Parts that
the exchange has already are recognised by size and MD5 and not sent again, so an interrupted upload
goes on where it stopped as soon as the same bytes are made again. The parts that hold the page are
sent last, since the page is completed last.
"""

from __future__ import annotations

import contextlib
import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from emixcli.errors import (
    EmixError,
    ExchangeError,
    ExchangeServerError,
    OutputError,
    UploadInterruptedError,
)
from emixcli.exchange.interface import Exchange, Part, PartBody, SealedPart, SignedPart
from emixcli.exchange.retry import STEADY, Patience, is_transient, persist
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.spool import MEMORY_PART_MAX, FilePart, PartBuffer, Pool

MIB = 1 << 20
PART_MIN = 8 * MIB
PARTS_MAX = 1000
#: Parts in flight: two to four beat one stream, more gain nothing.
WORKERS, WORKERS_DISK = 3, 2

#: Parts of a finished file that are hashed and signed together.
_SIGN_MAX = 8

Bytes = bytes | bytearray | memoryview
_Item = tuple[int, PartBuffer | FilePart]


def part_size_for(size_bound: int) -> int:
    """Return the size of the parts of a package of at most `size_bound` bytes.

    8 MiB, or more in whole MiB so that there are at most 1000 of them.
    """
    needed = -(-size_bound // PARTS_MAX)
    return max(PART_MIN, -(-needed // MIB) * MIB)


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where the bytes go, and what is known of them.

    Attributes
    ----------
    held
        Bytes at the front that may still change: the parts that hold them go last.
    known
        Parts that the exchange has, by number.
    part_digest
        What the addresses of parts are signed with: `md5` or `sha256`.
    """

    exchange: Exchange
    package_id: str
    part_size: int
    held: int = 0
    known: Mapping[int, Part] = field(default_factory=dict)
    part_digest: str = "md5"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What has arrived."""

    size: int
    parts: tuple[SealedPart, ...]
    n_skipped: int


class Uploader:
    """Takes the bytes of a package in order and sends them in parts.

    Parameters
    ----------
    target
        Where the bytes go.
    on_part
        Called, from one thread at a time, for each part that has arrived in this run.
    patience
        How long a part is tried again.
    progress
        Hears of bytes as they go out.
    """

    def __init__(
        self,
        target: UploadTarget,
        *,
        on_part: Callable[[SealedPart], object] = lambda _part: None,
        patience: Patience = STEADY,
        progress: ProgressListener = SILENT,
    ) -> None:
        self._target = target
        self._on_part = on_part
        self._patience = patience
        self._progress = progress
        self._n_held = -(-target.held // target.part_size)
        workers = WORKERS if target.part_size <= MEMORY_PART_MAX else WORKERS_DISK
        # One is filled while the others are on their way: no more, for the sake of memory.
        self._pool = Pool(target.part_size, workers + self._n_held)
        self._todo: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._held: dict[int, PartBuffer] = {}
        self._current: PartBuffer | None = None
        self._number = 0
        self._size = 0
        self._done: dict[int, SealedPart] = {}
        self._n_skipped = 0
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"part-{n}", daemon=True)
            for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def write(self, data: Bytes) -> None:
        """Take the next bytes; waits while the line is slower than the writer."""
        rest = memoryview(data).cast("B")
        self._size += len(rest)
        while rest:
            self._raise_failure()
            if self._current is None:
                self._current = self._pool.take()
                self._number += 1
                self._raise_failure()
            room = self._target.part_size - len(self._current)
            self._current.append(rest[:room])
            rest = rest[room:]
            if len(self._current) == self._target.part_size:
                self._pass_on()

    def add(self, part: FilePart) -> None:
        """Take the next part of a finished file; in place of `write`, and without waiting."""
        self._number += 1
        self._size += len(part)
        self._todo.put((self._number, part))

    def patch(self, offset: int, data: Bytes) -> None:
        """Replace bytes of the page, which has not been sent yet."""
        rest = memoryview(data).cast("B")
        if offset + len(rest) > self._target.held:
            raise OutputError("bytes that have been sent cannot be changed", hint="")
        if self._current is not None and self._number <= self._n_held:
            self._pass_on()
        while rest:
            number, start = divmod(offset, self._target.part_size)
            room = self._target.part_size - start
            self._held[number + 1].patch(start, rest[:room])
            offset, rest = offset + room, rest[room:]

    def finish(self) -> Uploaded:
        """Send what is left and return when everything has arrived.

        Raises
        ------
        UploadInterruptedError
            The line was cut for too long; what has arrived stays on the exchange.
        """
        if self._current is not None:
            self._pass_on()
        for number, buffer in sorted(self._held.items()):
            self._todo.put((number, buffer))
        self._held.clear()
        self._end_threads()
        self._raise_failure()
        parts = tuple(self._done[number] for number in sorted(self._done))
        if [part.number for part in parts] != list(range(1, self._number + 1)):
            raise OutputError(
                "parts of the upload are missing", hint="start the same command again"
            )
        return Uploaded(self._size, parts, self._n_skipped)

    def close(self) -> None:
        """Stop; parts in flight are given up unless `finish` has returned."""
        self._stop.set()
        self._end_threads()
        self._pool.close()
        for buffer in [*self._held.values(), *filter(None, [self._current])]:
            buffer.close()
        self._held.clear()
        self._current = None

    def _end_threads(self) -> None:
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _pass_on(self) -> None:
        buffer, self._current = self._current, None
        if buffer is None:
            return
        if self._number <= self._n_held:
            self._held[self._number] = buffer
        else:
            self._todo.put((self._number, buffer))

    def _work(self) -> None:
        while batch := self._next():
            try:
                if self._failure is None and not self._stop.is_set():
                    self._send(batch)
            except Exception as exc:  # noqa: BLE001 - raised again in the writer's thread
                self._failure = self._failure or exc
            finally:
                for _number, buffer in batch:
                    if not isinstance(buffer, FilePart):
                        self._pool.give(buffer)

    def _next(self) -> list[_Item]:
        """Wait for a part; several where many wait, so that one request signs them."""
        item = self._todo.get()
        batch = [] if item is None else [item]
        with contextlib.suppress(queue.Empty):
            while 0 < len(batch) <= min(_SIGN_MAX, self._todo.qsize() // (2 * WORKERS)):
                item = self._todo.get_nowait()
                if item is None:
                    self._todo.put(None)
                    break
                batch.append(item)
        return batch

    def _send(self, batch: Sequence[_Item]) -> None:
        wanted = self._target.part_digest
        parts = [digest(number, buffer.pieces(), wanted) for number, buffer in batch]
        missing = [part.signed for part in parts if not self._is_known(part)]
        signed: dict[int, SignedPart] = {}
        if len(missing) > 1:
            signed = persist(partial(self._sign, missing), self._patience, sleep=self._wait)
        for part, (_number, buffer) in zip(parts, batch, strict=True):
            if self._stop.is_set() or self._failure is not None:
                return
            self._send_one(part, buffer, signed)

    def _sign(self, parts: Sequence[Part]) -> dict[int, SignedPart]:
        found = self._target.exchange.sign_parts(self._target.package_id, parts)
        return {one.number: one for one in found}

    def _is_known(self, part: SealedPart) -> bool:
        return self._target.known.get(part.number) == part.signed

    def _send_one(self, part: SealedPart, buffer: PartBody, signed: dict[int, SignedPart]) -> None:
        number, skipped = part.number, self._is_known(part)
        if skipped:
            self._advance(part.size)
        else:
            persist(partial(self._put, part, buffer, signed), self._patience, sleep=self._wait)
        with self._lock:
            self._done[number] = part
            self._n_skipped += skipped
            if not skipped:
                self._on_part(part)

    def _put(self, part: SealedPart, buffer: PartBody, signed: dict[int, SignedPart]) -> None:
        """Send one part; a failed try takes its progress back, the next gets a fresh address."""
        gone = 0

        def sent(n: int) -> None:
            nonlocal gone
            if self._stop.is_set():
                raise UploadInterruptedError("the upload was stopped")
            gone += n
            self._advance(n)

        try:
            number = part.number
            address = signed.pop(number, None) or self._sign([part.signed])[number]
            self._target.exchange.put_part(address, buffer, sent=sent)
        except UploadInterruptedError as error:
            # What the exchange says of one part ("it came too slowly") is mended by a new try.
            self._advance(-gone)
            if self._stop.is_set():
                raise
            raise ExchangeError(error.message, hint=error.hint) from error
        except EmixError:
            self._advance(-gone)
            raise

    def _advance(self, n: int) -> None:
        with self._lock:
            self._progress.advance(n)

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise UploadInterruptedError("the upload was stopped")

    def _raise_failure(self) -> None:
        if self._failure is None:
            return
        raise interrupted(self._failure) from self._failure


def interrupted(failure: BaseException) -> BaseException:
    """Return what a cut upload is to the user; errors that a new try cannot mend stay."""
    cut = isinstance(failure, EmixError) and is_transient(failure)
    if cut and isinstance(failure, (ExchangeError, ExchangeServerError)):
        return UploadInterruptedError(
            f"the upload was cut: {failure.message}",
            hint="run the same command again: it goes on where it stopped",
        )
    return failure


def digest(number: int, pieces: Iterable[memoryview], part_digest: str = "md5") -> SealedPart:
    """Return number, size and digests of a part; without MD5 where nobody asks for it."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with_md5, size = part_digest == "md5", 0
    for piece in pieces:
        if with_md5:
            md5.update(piece)
        sha256.update(piece)
        size += len(piece)
    return SealedPart(number, size, md5.hexdigest() if with_md5 else "", sha256.hexdigest())
