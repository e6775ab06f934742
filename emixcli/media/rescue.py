"""A medium copied once, in the order of its sectors, as much of it as can be read.

The strategy and the mapfile are GNU ddrescue's, so that either goes on where the other stopped: at
first what reads well, skipping ahead behind an error; then what was skipped; then the edges of bad
areas, then their sectors one by one, then retries. The copy is scanned afterwards, from the cache
of the system: a drive reads its disc forward once much faster than it seeks from header to header.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emixcli.errors import MediaError, NoSpaceError, OutputError, OutputExistsError
from emixcli.media.disc.mapfile import Mapfile, Status
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.resuming import check_same
from emixcli.media.sources.base import FileBytes
from emixcli.progress import SILENT
from emixcli.wholefile import output_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes
    from emixcli.progress import ProgressListener

CLUSTER: Final = 128 * 1024
_MAX_SKIP: Final = 16 * 1024 * 1024
#: Errors after which a skip grows no more: it has reached its limit long before.
_MAX_ERRORS: Final = 16
_SAVE_EVERY_S: Final = 10.0
_ALWAYS: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_FLAGS: Final = os.O_RDWR | os.O_CREAT | _ALWAYS

OnData = Callable[[int, bytes], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    Attributes
    ----------
    retries
        How often each bad sector is tried again.
    area_s
        Seconds for one bad area in each of the later passes, None for no limit.
    total_s
        Seconds for everything, None for no limit; what is left can be gone on with.
    """

    retries: int = 1
    area_s: float | None = 120.0
    total_s: float | None = None


def rescue(
    content: Bytes,
    image: Path,
    *,
    mapfile: Path | None = None,
    patience: Patience | None = None,
    progress: ProgressListener = SILENT,
    on_data: OnData | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Mapfile:
    """Copy a medium into an image, or go on with a copy that was begun.

    Parameters
    ----------
    content
        The medium, without a layer that remembers bad sectors: each read is tried.
    image
        The copy.
    mapfile
        State of the copy, `IMAGE.map` by default; saved again and again, also when stopped.
    progress
        Hears one stage `copying`, in bytes that are new.
    on_data
        Called with offset and bytes of everything that is new, in the order of reading.

    Returns
    -------
    Mapfile
        What could be read. `current` is `+` where nothing is left to try.

    Raises
    ------
    OutputExistsError
        If the image is of another medium, or has no mapfile: what of it is good is not known.
    MediaError
        If there is a mapfile without image, or nothing tells whether they are of this medium.
    OutputError
        If the copy cannot be written, or its mapfile not be read.
    """
    where = mapfile or image.with_name(f"{image.name}.map")
    state = _load(content, image, where)
    try:
        fd = os.open(image, _FLAGS, 0o600)
    except OSError as exc:
        raise OutputError("the image cannot be written", hint="choose another folder") from exc
    copy = _Copy(content, fd, state, where)
    copy.patience = patience or Patience()
    copy.progress, copy.on_data, copy.clock = progress, on_data, clock
    try:
        copy.save()  # while there is room: without a mapfile nobody could go on
        copy.run()
    finally:
        try:
            copy.save()
        finally:
            os.close(fd)
    return state


def _load(content: Bytes, image: Path, where: Path) -> Mapfile:
    with output_errors():
        is_new = not where.exists()
        is_taken = image.exists() and image.stat().st_size > 0
    if is_new:
        if is_taken:
            raise OutputExistsError(
                "the image exists, and nothing says what of it is good",
                hint="give its mapfile, or choose another name",
            )
        return Mapfile(content.size)
    try:
        text = where.read_text("latin-1")
    except OSError as exc:
        raise OutputError(
            "the mapfile of the image cannot be read", hint="check its permissions"
        ) from exc
    state = Mapfile.parse(text)
    try:
        fd = os.open(image, os.O_RDONLY | _ALWAYS)
    except OSError as exc:
        raise MediaError(
            "there is a mapfile, but no image that it belongs to",
            hint="give back the image, or remove the mapfile to begin anew",
        ) from exc
    copy = FileBytes(fd)
    try:
        check_same(content, copy, state)
    finally:
        copy.close()
    return state


class _OutOfTimeError(Exception):
    """The time for everything is over."""


class _Copy:
    """State of one run.

    Attributes
    ----------
    patience, progress, on_data, clock
        As in `rescue`.
    """

    def __init__(self, content: Bytes, fd: int, state: Mapfile, where: Path) -> None:
        self.patience = Patience()
        self.progress: ProgressListener = SILENT
        self.on_data: OnData | None = None
        self.clock: Callable[[], float] = time.monotonic
        self._content = content
        self._fd = fd
        self._state = state
        self._where = where
        self._saved = self._begun = 0.0
        self._errors = 0  # one behind the other

    def run(self) -> None:
        """Do all passes, or as many as there is time for."""
        self._begun = self._saved = self.clock()
        left = self._content.size - self._state.n_bytes(Status.DONE)
        self.progress.stage("copying", left, "bytes")
        os.ftruncate(self._fd, self._content.size)
        try:
            self._state.current = "?"
            self._copy(may_skip=True)
            self._copy(may_skip=True, backwards=True)
            self._copy(may_skip=False)
            self._state.current = "*"
            self._each(Status.UNTRIMMED, self._trim)
            self._state.current = "/"
            self._each(Status.UNSCRAPED, self._scrape)
            self._state.current = "-"
            for _ in range(self.patience.retries):
                self._each(Status.BAD, self._scrape)
        except _OutOfTimeError:
            return
        tried = (Status.DONE, Status.BAD)
        if all(status in tried for _, _, status in self._state):
            self._state.current = "+"

    # -- passes -------------------------------------------------------------------------------

    def _copy(self, *, may_skip: bool, backwards: bool = False) -> None:
        """Read what was not tried, in clusters; skip ahead behind errors."""
        for start, stop in _ordered(self._state.blocks(Status.UNTRIED), backwards=backwards):
            skip = 0
            for first, last in _ordered(list(_clusters(start, stop)), backwards=backwards):
                if skip >= last - first:
                    skip -= last - first
                    continue
                if self._read(first, last):
                    skip = self._errors = 0
                    continue
                self._state.mark(first, last, Status.UNTRIMMED)
                self._errors = min(self._errors + 1, _MAX_ERRORS)
                skip = min(CLUSTER << self._errors, _MAX_SKIP) if may_skip else 0

    def _each(self, status: Status, work: Callable[[int, int, float], None]) -> None:
        """Work on every block of a status, each within its time."""
        limit = self.patience.area_s
        for start, stop in self._state.blocks(status):
            work(start, stop, float("inf") if limit is None else self.clock() + limit)

    def _trim(self, start: int, stop: int, deadline: float) -> None:
        """Read from both edges of a bad area up to its first bad sectors."""
        sectors = list(_sectors(start, stop))
        while sectors and self.clock() < deadline:
            first, last = sectors.pop(0)
            if not self._read(first, last):
                self._state.mark(first, last, Status.BAD)
                break
        else:
            return
        while sectors and self.clock() < deadline:
            first, last = sectors.pop()
            if not self._read(first, last):
                self._state.mark(first, last, Status.BAD)
                break
        if sectors:
            self._state.mark(sectors[0][0], sectors[-1][1], Status.UNSCRAPED)

    def _scrape(self, start: int, stop: int, deadline: float) -> None:
        """Read sector by sector."""
        for first, last in _sectors(start, stop):
            if self.clock() >= deadline:
                return
            if not self._read(first, last):
                self._state.mark(first, last, Status.BAD)

    # -- bytes --------------------------------------------------------------------------------

    def _read(self, start: int, stop: int) -> bool:
        """Copy one piece; whether it could be read."""
        now = self.clock()
        if self.patience.total_s is not None and now - self._begun >= self.patience.total_s:
            raise _OutOfTimeError
        self._state.position = start
        try:
            data = self._content.read_at(start, stop - start)
        except OSError:
            data = b""
        is_read = len(data) == stop - start
        if is_read:
            self._write(start, data)
            self._state.mark(start, stop, Status.DONE)
            self.progress.advance(len(data))
            if self.on_data is not None:
                self.on_data(start, data)
        if now - self._saved >= _SAVE_EVERY_S:
            self.save()
            self._saved = now
        return is_read

    def _write(self, start: int, data: bytes) -> None:
        try:
            os.lseek(self._fd, start, os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as exc:
            raise _full(exc) from exc

    def save(self) -> None:
        """Bring the image, then its mapfile, to the disk."""
        partial = self._where.with_name(f"{self._where.name}.partial")
        try:
            os.fsync(self._fd)
            with partial.open("w", encoding="ascii") as file:
                file.write(self._state.text())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._where)
        except OSError as exc:
            partial.unlink(missing_ok=True)
            raise _full(exc) from exc


def _full(exc: OSError) -> OutputError:
    if exc.errno == errno.ENOSPC:
        return NoSpaceError("the disk is full", hint="make room; the same command goes on then")
    return OutputError("the image cannot be written", hint="choose another folder")


def _ordered(blocks: list[tuple[int, int]], *, backwards: bool) -> list[tuple[int, int]]:
    return blocks[::-1] if backwards else blocks


def _clusters(start: int, stop: int, size: int = CLUSTER) -> Iterator[tuple[int, int]]:
    """Yield the parts of a block between multiples of `size`."""
    while start < stop:
        end = min(stop, (start // size + 1) * size)
        yield start, end
        start = end


def _sectors(start: int, stop: int) -> Iterator[tuple[int, int]]:
    return _clusters(start, stop, SECTOR)
