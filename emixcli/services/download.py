"""Get a package from the exchange: parallel ranges, resume, full check, then its name.

The file grows as NAME.partial; a journal knows which ranges are in it, so that the same command
goes on after a crash. It gets its name only when every byte has been checked against the signed
manifest.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from emixcli.container.encoding import is_package_id
from emixcli.container.verify import verify
from emixcli.errors import OutputError, OutputExistsError, PackageDamagedError
from emixcli.package import open_package, replace_slots
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.journal import Journal, journal_key
from emixcli.wholefile import output_error, sync_folder

if TYPE_CHECKING:
    from emixcli.container.slots import Slot
    from emixcli.exchange.interface import Content, Receive
    from emixcli.package import PackageReader

CHUNK = 8 << 20
WORKERS = 3


class Source(Protocol):
    """Where ranges come from: an account's exchange, or a recipient's mailroom."""

    def read(self, content: Content, start: int, stop: int, receive: Receive) -> None:
        """Hand the bytes from `start` up to `stop` to `receive`."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A package that has arrived and was checked."""

    path: Path
    package_id: str
    size: int
    counts: dict[str, int]
    losses: list[dict[str, Any]]
    documents_lost: list[dict[str, Any]]
    n_resumed: int


def target_path(folder: Path, package_id: str) -> Path:
    """Return the file that a package becomes; its name says nothing but the package's id.

    Raises
    ------
    OutputError
        The folder is not there.
    OutputExistsError
        The file is there already.
    """
    if not is_package_id(package_id):
        raise PackageDamagedError("the exchange gave a malformed package id")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise output_error(exc) from exc
    path = folder / f"{package_id}.emix.html"
    if path.exists() or path.is_symlink():
        raise OutputExistsError(
            f"{path.name} exists already",
            hint=f"emix unpack {path.name} -o DIR takes it apart; or choose another folder",
        )
    return path


def download(
    source: Source,
    content: Content,
    path: Path,
    *,
    key: bytes,
    slots: list[Slot] | None = None,
    progress: ProgressListener = SILENT,
    on_checked: Callable[[PackageReader], object] = lambda _package: None,
) -> Downloaded:
    """Get a package, check every byte of it and give it its name.

    Parameters
    ----------
    source, content
        Where the bytes are.
    path
        From `target_path`.
    key
        The package key.
    slots
        Ways to the key that the copy shall carry; those of the stored one where None.
    on_checked
        Called with the open package once it is checked, before it gets its name.

    Raises
    ------
    PackageDamagedError
        What came is not what the sender signed; it is removed.
    ExchangeError
        The line was cut; what has come stays for the next try.
    """
    partial = path.with_name(path.name + ".partial")
    request = ["download", str(path.resolve()), content.package_id, content.size]
    with Journal("download", journal_key(request)) as journal:
        n_resumed = _fetch(source, content, partial, journal, progress)
        try:
            if slots is not None:
                replace_slots(partial, slots)
            with open_package(partial, key=key) as package:
                _require_same(package.manifest.package_id, content.package_id)
                verify(package, progress)
                on_checked(package)
                manifest = package.manifest
            _give_name(partial, path)
        except PackageDamagedError:
            partial.unlink(missing_ok=True)
            journal.remove()
            raise
        journal.remove()
    return Downloaded(
        path,
        content.package_id,
        content.size,
        manifest.counts,
        manifest.losses,
        manifest.documents_lost,
        n_resumed,
    )


def _fetch(
    source: Source, content: Content, partial: Path, journal: Journal, progress: ProgressListener
) -> int:
    """Fill the partial file and return how many ranges were there before."""
    progress.stage("downloading", content.size)
    starts = range(0, content.size, CHUNK)
    if partial.is_symlink():
        raise OutputExistsError(f"{partial.name} exists already", hint="remove it first")
    if not partial.exists():
        journal.restart()
    have = {r["start"] for r in journal.records if r["step"] == "range"} & set(starts)
    try:
        with partial.open("r+b" if have else "wb") as file:
            file.truncate(content.size)
            fetcher = _Fetcher(source, content, file, journal, progress)
            for start in starts:
                if start in have:
                    progress.advance(min(CHUNK, content.size - start))
                else:
                    fetcher.todo.put(start)
            fetcher.run(min(WORKERS, len(starts) - len(have)))
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        raise output_error(exc) from exc
    return len(have)


class _Fetcher:
    """Threads that fetch ranges into one file."""

    def __init__(
        self,
        source: Source,
        content: Content,
        file: BinaryIO,
        journal: Journal,
        progress: ProgressListener,
    ) -> None:
        self.todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._source, self._content, self._file = source, content, file
        self._journal, self._progress = journal, progress
        self._lock = threading.Lock()
        self._failure: BaseException | None = None

    def run(self, n_workers: int) -> None:
        """Fetch everything that is to do.

        Raises
        ------
        EmixError
            The first failure of any thread.
        """
        threads = [
            threading.Thread(target=self._work, name=f"range-{n}", daemon=True)
            for n in range(n_workers)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException as exc:  # Ctrl-C: let the threads end
            self._failure = exc
            raise
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while self._failure is None:
            try:
                start = self.todo.get_nowait()
            except queue.Empty:
                return
            try:
                self._fetch(start)
            except Exception as exc:  # noqa: BLE001 - raised again in the caller's thread
                self._failure = exc

    def _fetch(self, start: int) -> None:
        at, stop = start, min(start + CHUNK, self._content.size)

        def take(piece: bytes) -> None:
            nonlocal at
            if self._failure is not None:
                raise OutputError(
                    "the download was stopped", hint="the same command goes on where it stopped"
                )
            with self._lock:
                self._file.seek(at)
                self._file.write(piece)
                self._progress.advance(len(piece))
            at += len(piece)

        self._source.read(self._content, start, stop, take)
        with self._lock:
            self._file.flush()
            self._journal.append("range", start=start)


def _require_same(found: str, wanted: str) -> None:
    if found != wanted:
        raise PackageDamagedError("the exchange gave another package")


def _give_name(partial: Path, path: Path) -> None:
    """Rename without overwriting."""
    try:
        if path.exists() or path.is_symlink():
            raise OutputExistsError(f"{path.name} was made by somebody else meanwhile")
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as exc:
        raise output_error(exc) from exc
