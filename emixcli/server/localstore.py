"""The store on local files.

Layout below DATA/store::

    uploads/KEY/00001.MD5     a part: written as 00001.MD5.N.partial, synced, renamed
    objects/KEY/00001.MD5     the same after `complete`, which renames the directory
    objects/KEY/object.json   sizes of the parts

A part is one file, so a part sent twice, cut off or sent by two connections at once can never mix
with another; completing needs no copy, and any range is read by one or two `pread`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import shutil
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

from emixcli.server.clock import Clock
from emixcli.server.store import Part, PartsMismatchError, SignedPart
from emixcli.server.vault import Vault

OBJECT_NAME = "object.json"
PARTIAL = ".partial"
URL_PREFIX = "/store"


class LocalStore:
    """Keeps parts and objects in one directory; see `emixcli.server.store.Store`."""

    def __init__(self, root: Path, vault: Vault, clock: Clock) -> None:
        self._uploads = root / "uploads"
        self._objects = root / "objects"
        self._vault = vault
        self._clock = clock
        self._serial = itertools.count()
        for folder in (self._uploads, self._objects):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self, key: str) -> None:
        """Make ready to take parts."""
        if not (self._objects / key).exists():
            (self._uploads / key).mkdir(exist_ok=True, mode=0o700)
            _sync_folder(self._uploads)

    def sign_part(self, key: str, part: Part, *, expires_ms: int) -> SignedPart:
        """A URL under `/store` with number, length, MD5 and expiry under an HMAC."""
        query = {"size": part.size, "md5": part.md5, "expires": expires_ms}
        query["signature"] = self._signature(key, part, expires_ms)
        return SignedPart(
            number=part.number,
            method="PUT",
            url=f"{URL_PREFIX}/{key}/{part.number}?{urlencode(query)}",
            headers={
                "Content-Length": str(part.size),
                "Content-MD5": base64.b64encode(bytes.fromhex(part.md5)).decode(),
            },
        )

    def check_signature(self, key: str, part: Part, expires_ms: int, signature: str) -> bool:
        """Whether a URL was made by `sign_part` and is still good."""
        good = self._signature(key, part, expires_ms)
        return hmac.compare_digest(good.encode(), signature.encode()) and (
            self._clock() < expires_ms
        )

    def _signature(self, key: str, part: Part, expires_ms: int) -> str:
        fields = (key, str(part.number), str(part.size), part.md5, str(expires_ms))
        return self._vault.mac("part-url", "PUT", *fields).hex()

    def has_part(self, key: str, part: Part) -> bool:
        """Whether exactly this part is already stored in an open upload."""
        try:
            return (self._uploads / key / _part_name(part)).stat().st_size == part.size
        except OSError:
            return False

    def open_part(self, key: str, part: Part) -> PartSink:
        """A sink for the bytes of one part.

        Raises
        ------
        FileNotFoundError
            No upload is open under this key (sealed, revoked, or never begun).
        """
        target = self._uploads / key / _part_name(part)
        partial = target.with_name(f"{target.name}.{os.getpid()}-{next(self._serial)}{PARTIAL}")
        return PartSink(target, partial, part)

    def list_parts(self, key: str) -> list[Part]:
        """The parts that are stored, by number; the newest where one was sent twice."""
        found: dict[int, tuple[int, Part]] = {}
        for entry in _entries(self._uploads / key) or _entries(self._objects / key):
            part = _parse_name(entry.name)
            if part is None:
                continue
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat()
                when = status.st_mtime_ns
                if found.get(part[0], (-1,))[0] < when:
                    found[part[0]] = (when, Part(part[0], status.st_size, part[1]))
        return [part for _number, (_when, part) in sorted(found.items())]

    def complete(self, key: str, parts: Sequence[Part]) -> None:
        """Check the parts against the files, then rename the directory."""
        target = self._objects / key
        if target.exists():
            if _load_sizes(target) != [part.size for part in parts]:
                raise PartsMismatchError
            return
        source = self._uploads / key
        for part in parts:
            if not self.has_part(key, part):
                raise PartsMismatchError
        _write_object(source, parts)
        try:
            source.rename(target)
        except FileNotFoundError as exc:
            raise PartsMismatchError from exc
        wanted = {_part_name(part) for part in parts} | {OBJECT_NAME}
        for entry in _entries(target):
            if entry.name not in wanted:
                Path(entry.path).unlink(missing_ok=True)
        _sync_folder(target)
        _sync_folder(self._objects)
        _sync_folder(self._uploads)

    def open(self, key: str) -> LocalReader:
        """Open a completed object."""
        folder = self._objects / key
        try:
            names = json.loads((folder / OBJECT_NAME).read_text(encoding="ascii"))["parts"]
        except FileNotFoundError as exc:
            raise KeyError(key) from exc
        return LocalReader(folder, [(str(name), int(size)) for name, size in names])

    def delete(self, key: str) -> None:
        """Remove whatever is kept under the key."""
        for folder in (self._uploads, self._objects):
            with contextlib.suppress(FileNotFoundError):
                # Renamed first, so that a half-deleted object can never be read or sealed.
                doomed = folder / f"{key}{PARTIAL}"
                if (folder / key).exists():
                    (folder / key).rename(doomed)
                shutil.rmtree(doomed)
                _sync_folder(folder)

    def iter_keys(self) -> Iterator[str]:
        """Keys of all uploads and objects, also half-deleted ones."""
        names = set()
        for folder in (self._uploads, self._objects):
            names |= {entry.name.removesuffix(PARTIAL) for entry in _entries(folder)}
        yield from sorted(names)


class PartSink:
    """Takes the bytes of one part in order; nothing is visible before `finish`."""

    def __init__(self, target: Path, partial: Path, part: Part) -> None:
        self._target = target
        self._partial = partial
        self._part = part
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(partial, flags, 0o600)

    def write(self, chunks: Sequence[bytes]) -> None:
        """Write and hash some bytes; blocks."""
        for chunk in chunks:
            self._size += len(chunk)
            self._md5.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def finish(self) -> bool:
        """Sync and rename into place; False (and nothing kept) when size or MD5 differ.

        Raises
        ------
        FileNotFoundError
            The upload was sealed or revoked meanwhile.
        """
        good = self._size == self._part.size and self._md5.hexdigest() == self._part.md5
        if not good:
            self.abort()
            return False
        try:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._partial.replace(self._target)
            _sync_folder(self._target.parent)
        except OSError:
            self.abort()
            raise
        return True

    def abort(self) -> None:
        """Drop what was written."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)


class LocalReader:
    """Reads ranges across the part files of one object."""

    def __init__(self, folder: Path, parts: Sequence[tuple[str, int]]) -> None:
        self._folder = folder
        self._parts = parts
        self._starts = [0, *itertools.accumulate(size for _name, size in parts)]
        self.size = self._starts[-1]
        self._open: tuple[int, int] | None = None

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`; KeyError when the object is gone."""
        pieces = []
        length = min(length, self.size - offset)
        while length > 0:
            index = bisect_right(self._starts, offset) - 1
            inside = offset - self._starts[index]
            wanted = min(length, self._parts[index][1] - inside)
            piece = _read_at(self._part_descriptor(index), wanted, inside)
            if not piece:
                raise KeyError(self._folder.name)
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _part_descriptor(self, index: int) -> int:
        if self._open is not None and self._open[0] == index:
            return self._open[1]
        self.close()
        path = self._folder / self._parts[index][0]
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except FileNotFoundError as exc:
            raise KeyError(self._folder.name) from exc
        self._open = (index, descriptor)
        return descriptor

    def close(self) -> None:
        """Close the part file that is open."""
        if self._open is not None:
            os.close(self._open[1])
            self._open = None


def _read_at(descriptor: int, length: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


def _part_name(part: Part) -> str:
    return f"{part.number:05d}.{part.md5}"


def _parse_name(name: str) -> tuple[int, str] | None:
    number, _, md5 = name.partition(".")
    if len(number) == 5 and number.isdecimal() and len(md5) == 32:
        return int(number), md5
    return None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _load_sizes(folder: Path) -> list[int]:
    document = json.loads((folder / OBJECT_NAME).read_text(encoding="ascii"))
    return [int(size) for _name, size in document["parts"]]


def _write_object(folder: Path, parts: Sequence[Part]) -> None:
    partial = folder / f"{OBJECT_NAME}{PARTIAL}"
    document = {"v": 1, "parts": [[_part_name(part), part.size] for part in parts]}
    with partial.open("w", encoding="ascii") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / OBJECT_NAME)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
