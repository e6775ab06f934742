"""One entry of a package: read, compressed, encrypted and made fit to stand in a page."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from emixcli.container.cipher import MAC, OVERHEAD, SALT, VERIFIER, EntryCipher, make_salt
from emixcli.container.encoding import to_base64url
from emixcli.container.frames import FrameHasher
from emixcli.container.glue import PARSE_LIMIT, FixupStream, find_fixups, fixups_bound
from emixcli.container.zipformat import DEFLATED, STORED, ZipEntry, local_header
from emixcli.errors import MediaError, PackageDamagedError

if TYPE_CHECKING:
    from emixcli.fragments import Range

#: Larger sources are read several times instead of being held.
MEMORY_LIMIT = 16 * 1024 * 1024
PIECE = 1024 * 1024
_LEVEL = 3
_MAX_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes of an entry come from.

    Parameters
    ----------
    name
        The name of the entry.
    size
        Its plain bytes; a source that yields more or fewer has changed.
    compress
        Whether deflate is worth its time.
    open
        Returns a seekable binary file.
    frames
        Finds the byte ranges of frames in the file; empty for most.
    """

    name: str
    size: int
    compress: bool
    open: Callable[[], BinaryIO]
    frames: Callable[[BinaryIO], list[Range]] = field(default=lambda _: [])


@dataclass(frozen=True, slots=True)
class Encoded:
    """An entry ready to be written.

    `pieces` yields what follows `OPEN`: local header, salt, verifier, ciphertext, authentication
    code; `table` holds the fixups of all that.
    """

    entry: ZipEntry
    sha256: str
    frames: list[tuple[int, int, str]]
    pieces: Callable[[], Iterator[bytes | bytearray | memoryview]]
    table: bytes


class SourceChangedError(MediaError):
    """A source is not what it was when the medium was scanned, or between two passes."""


def encode(source: Source, key: bytes) -> Encoded:
    """Return the entry; small ones are encoded now, large ones while they are written.

    Raises
    ------
    MediaError
        The source cannot be read, or has changed.
    """
    if source.size > MEMORY_LIMIT:
        return _encode_large(source, key)
    with source.open() as file:
        content = file.read(source.size + 1)
        ranges = source.frames(file)
    if len(content) != source.size:
        raise _changed()
    return encode_bytes(source.name, content, key, compress=source.compress, ranges=ranges)


def _changed() -> SourceChangedError:
    return SourceChangedError(
        "a file changed while it was read", hint="scan the medium again, then pack"
    )


def encode_bytes(
    name: str, content: bytes, key: bytes, *, compress: bool, ranges: list[Range] | None = None
) -> Encoded:
    """Return an entry that holds `content`."""
    from isal import isal_zlib

    digest = hashlib.sha256(content).digest()
    hasher = FrameHasher(ranges or [])
    hasher.add(content)
    frames = [(*span, found) for span, found in zip(ranges or [], hasher.digests, strict=True)]
    method, data = _deflate(content) if compress else (STORED, content)
    entry = ZipEntry(name, method, len(data) + OVERHEAD, len(content))
    head = local_header(entry)
    identity = _identity(digest, len(data), isal_zlib.crc32(data))
    for attempt in range(_MAX_ATTEMPTS):
        script = _encrypt(head, data, key, make_salt(key, name, identity, attempt))
        table = find_fixups(script)
        if table is not None and len(table) <= fixups_bound(len(script)):
            return Encoded(entry, digest.hex(), frames, _held(script), table)
    raise PackageDamagedError("an entry cannot be made fit for a page")


def _identity(digest: bytes, length: int, crc32: int) -> bytes:
    """Return what `make_salt` asks for."""
    return digest + length.to_bytes(8, "little") + crc32.to_bytes(4, "little")


def _held(script: bytearray) -> Callable[[], Iterator[bytearray]]:
    return lambda: iter((script,))


def _deflate(content: bytes) -> tuple[int, bytes]:
    """Return method and bytes; what does not get smaller is stored."""
    from isal import igzip_lib

    data = igzip_lib.compress(
        content,
        _LEVEL,
        flag=igzip_lib.COMP_DEFLATE,
        mem_level=igzip_lib.MEM_LEVEL_MEDIUM,  # the best ratio of all, no slower
    )
    return (DEFLATED, data) if len(data) < len(content) else (STORED, content)


def _encrypt(head: bytes, data: bytes, key: bytes, salt: bytes) -> bytearray:
    """Return local header and encrypted data in one buffer."""
    cipher = EntryCipher(zip_password(key), salt)
    start = len(head) + SALT + VERIFIER
    script = bytearray(start + len(data) + MAC)
    script[:start] = head + salt + cipher.verifier
    with memoryview(script) as view, view[start : start + len(data)] as ciphertext:
        cipher.apply(data, ciphertext)
        script[start + len(data) :] = cipher.mac_of(ciphertext)
    return script


@functools.lru_cache(maxsize=4)
def zip_password(key: bytes) -> bytes:
    """Return the ZIP password of a package key: its base64url form, 43 characters."""
    return to_base64url(key).encode("ascii")


def _encode_large(source: Source, key: bytes) -> Encoded:
    """Return an entry whose bytes are read again for each pass.

    First pass: digests and the compressed size. Second, where a browser may parse such a file: a
    dry encryption that finds a fit salt. Third, in `pieces`: what is written.
    """
    sha256, crc32, frames = _digest(source)
    method, length = STORED, source.size
    if source.compress:
        deflated_length, deflated_crc32 = _measure(source)
        if deflated_length < source.size:
            method, length, crc32 = DEFLATED, deflated_length, deflated_crc32
    entry = ZipEntry(source.name, method, length + OVERHEAD, source.size)
    large = _LargeEntry(source, key, entry, sha256)
    script_length = len(local_header(entry)) + entry.data_length
    identity = _identity(bytes.fromhex(sha256), length, crc32)
    for attempt in range(_MAX_ATTEMPTS):
        large.salt = make_salt(key, source.name, identity, attempt)
        if script_length > PARSE_LIMIT:
            return Encoded(entry, sha256, frames, large.pieces, b"")
        stream = FixupStream()
        for piece in large.pieces():
            stream.add(piece)
        table = stream.finish()
        if stream.fit and len(table) <= fixups_bound(script_length):
            return Encoded(entry, sha256, frames, large.pieces, table)
    raise PackageDamagedError("an entry cannot be made fit for a page")


def _read(source: Source) -> Iterator[bytes]:
    """Yield the content in pieces; raises when it is not as long as expected."""
    left = source.size
    with source.open() as file:
        while left:
            piece = file.read(min(PIECE, left))
            if not piece:
                raise _changed()
            left -= len(piece)
            yield piece
        if file.read(1):
            raise _changed()


def _digest(source: Source) -> tuple[str, int, list[tuple[int, int, str]]]:
    """Return SHA-256 and CRC-32 of the content, and its frames."""
    from isal import isal_zlib

    with source.open() as file:
        ranges = source.frames(file)
    hasher, whole, crc32 = FrameHasher(ranges), hashlib.sha256(), 0
    for piece in _read(source):
        whole.update(piece)
        crc32 = isal_zlib.crc32(piece, crc32)
        hasher.add(piece)
    frames = [(*span, digest) for span, digest in zip(ranges, hasher.digests, strict=True)]
    return whole.hexdigest(), crc32, frames


def _deflated(source: Source, digest: hashlib._Hash | None = None) -> Iterator[bytes]:
    from isal import isal_zlib

    deflate = isal_zlib.compressobj(_LEVEL, wbits=-15)
    for piece in _read(source):
        if digest is not None:
            digest.update(piece)
        yield deflate.compress(piece)
    yield deflate.flush()


def _measure(source: Source) -> tuple[int, int]:
    """Return length and CRC-32 of what deflate makes of the content."""
    from isal import isal_zlib

    length = crc32 = 0
    for piece in _deflated(source):
        crc32 = isal_zlib.crc32(piece, crc32)
        length += len(piece)
    return length, crc32


class _LargeEntry:
    """Yields a large entry's bytes, as often as asked."""

    def __init__(self, source: Source, key: bytes, entry: ZipEntry, sha256: str) -> None:
        self.salt = b""
        self._source, self._key, self._entry, self._sha256 = source, key, entry, sha256

    def pieces(self) -> Iterator[bytes | memoryview]:
        cipher = EntryCipher(zip_password(self._key), self.salt)
        yield local_header(self._entry) + self.salt + cipher.verifier
        buffer = memoryview(bytearray(PIECE))
        length = OVERHEAD
        for piece in _regular(self._plain()):
            ciphertext = buffer[: len(piece)]
            cipher.apply(piece, ciphertext)
            cipher.authenticate(ciphertext)
            length += len(piece)
            yield ciphertext
        if length != self._entry.data_length:
            raise _changed()
        yield cipher.mac()

    def _plain(self) -> Iterator[bytes]:
        """Yield what is encrypted; raises at the end when the source has changed."""
        digest = hashlib.sha256()
        if self._entry.method == DEFLATED:
            yield from _deflated(self._source, digest)
        else:
            for piece in _read(self._source):
                digest.update(piece)
                yield piece
        if digest.hexdigest() != self._sha256:
            raise _changed()


def _regular(pieces: Iterator[bytes]) -> Iterator[bytes | bytearray]:
    """Yield the same bytes in pieces of `PIECE`, the last one shorter."""
    buffer = bytearray()
    for piece in pieces:
        if not buffer and len(piece) == PIECE:
            yield piece
            continue
        buffer += piece
        while len(buffer) >= PIECE:
            yield buffer[:PIECE]
            del buffer[:PIECE]
    if buffer:
        yield buffer
