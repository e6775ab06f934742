"""The store on local files.

Layout below DATA/store::

    uploads/KEY/00001.DIGEST   a part; see `localparts` for how it comes there
    objects/KEY/00001.DIGEST   the same after `complete`, which renames the directory
    objects/KEY/object.json    names and sizes of the parts

A part is one file, so a part sent twice, cut off or sent by two connections at once can never mix
with another; completing needs no copy, and any range is read by one or two `pread`.
"""

from __future__ import annotations

import base64
import contextlib
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
from emixcli.server.localparts import (
    FRESH,
    PARTIAL,
    PartSink,
    Syncer,
    adopt,
    parse_name,
    part_name,
)
from emixcli.server.store import Part, PartsMismatchError, SignedPart
from emixcli.server.vault import Vault

OBJECT_NAME = "object.json"
URL_PREFIX = "/store"


class LocalStore:
    """Keeps parts and objects in one directory; see `emixcli.server.store.Store`."""

    #: Twice as fast as MD5 on processors of these days, and the seal wants it anyway.
    part_digest = "sha256"

    def __init__(self, root: Path, vault: Vault, clock: Clock) -> None:
        self._uploads = root / "uploads"
        self._objects = root / "objects"
        self._vault = vault
        self._clock = clock
        self._syncer = Syncer()
        for folder in (self._uploads, self._objects):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self, key: str) -> None:
        """Make ready to take parts."""
        folder = self._uploads / key
        if folder.exists() or (self._objects / key).exists():
            return
        folder.mkdir(exist_ok=True, mode=0o700)
        _sync_folder(self._uploads)

    def sign_part(self, key: str, part: Part, *, expires_ms: int) -> SignedPart:
        """A URL under `/store` with number, length, digest and expiry under an HMAC."""
        query = {"size": part.size, part.algorithm: part.digest, "expires": expires_ms}
        query["signature"] = self._signature(key, part, expires_ms)
        return SignedPart(
            number=part.number,
            method="PUT",
            url=f"{URL_PREFIX}/{key}/{part.number}?{urlencode(query)}",
            headers={"Content-Length": str(part.size), **digest_header(part)},
        )

    def check_signature(self, key: str, part: Part, expires_ms: int, signature: str) -> bool:
        """Whether a URL was made by `sign_part` and is still good."""
        good = self._signature(key, part, expires_ms)
        return hmac.compare_digest(good.encode(), signature.encode()) and (
            self._clock() < expires_ms
        )

    def _signature(self, key: str, part: Part, expires_ms: int) -> str:
        fields = (key, str(part.number), str(part.size), part.digest, str(expires_ms))
        return self._vault.mac("part-url", "PUT", *fields).hex()

    def has_part(self, key: str, part: Part) -> bool:
        """Whether exactly this part is already stored in an open upload."""
        target = self._uploads / key / part_name(part)
        try:
            return self._syncer.has(target) or target.stat().st_size == part.size
        except OSError:
            return False

    def open_part(self, key: str, part: Part) -> PartSink:
        """A sink for the bytes of one part.

        Raises
        ------
        FileNotFoundError
            No upload is open under this key (sealed, revoked, or never begun).
        """
        return PartSink(self._uploads / key, part, self._syncer)

    def list_parts(self, key: str) -> list[Part]:
        """The parts that have arrived, by number; the newest where one was sent twice."""
        # a part that gets its name while the folder is read could be missed
        self._syncer.wait(self._uploads / key)
        self._adopt(key)
        found: dict[int, tuple[int, Part]] = {}
        for entry in _entries(self._uploads / key) or _entries(self._objects / key):
            parsed = parse_name(entry.name.removesuffix(FRESH))
            if parsed is None:
                continue
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat()
                number, when = parsed[0], status.st_mtime_ns
                if found.get(number, (-1,))[0] < when:
                    found[number] = (when, Part(number, status.st_size, parsed[1]))
        return [part for _number, (_when, part) in sorted(found.items())]

    def _adopt(self, key: str) -> None:
        """Look after fresh parts that a process left behind which is no more."""
        folder = self._uploads / key
        for entry in _entries(folder):
            part = folder / entry.name.removesuffix(FRESH)
            if entry.name.endswith(FRESH) and not self._syncer.has(part):
                adopt(part)

    def complete(self, key: str, parts: Sequence[Part]) -> None:
        """Have every part on the disk, check the list against the files, rename the directory."""
        source, target = self._uploads / key, self._objects / key
        if target.exists():
            if _load_sizes(target) != [part.size for part in parts]:
                raise PartsMismatchError
        else:
            self._syncer.wait(source)
            self._adopt(key)
            if not all(self.has_part(key, part) for part in parts):
                raise PartsMismatchError
            _write_object(source, parts)
            _sync_folder(source)
            try:
                source.rename(target)
            except FileNotFoundError as exc:
                raise PartsMismatchError from exc
            wanted = {part_name(part) for part in parts} | {OBJECT_NAME}
            for entry in _entries(target):
                if entry.name not in wanted:
                    Path(entry.path).unlink(missing_ok=True)
            _sync_folder(target)
        # Also where another request, or one that died here, has renamed it.
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

    def find_file(self, offset: int) -> tuple[int, int, int] | None:
        """Where the bytes at `offset` lie; KeyError when the object is gone."""
        index = bisect_right(self._starts, offset) - 1
        inside = offset - self._starts[index]
        return self._part_descriptor(index), inside, self._parts[index][1] - inside

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


def digest_header(part: Part) -> dict[str, str]:
    """The header that must come with a part: Content-MD5, or Content-Digest of RFC 9530."""
    value = base64.b64encode(bytes.fromhex(part.digest)).decode()
    if part.algorithm == "md5":
        return {"Content-MD5": value}
    return {"Content-Digest": f"sha-256=:{value}:"}


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
    document = {"v": 1, "parts": [[part_name(part), part.size] for part in parts]}
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
