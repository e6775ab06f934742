"""The bytes of a file in pieces, those of a deflated data set too."""

from __future__ import annotations

import contextlib
import tempfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO, Final, NamedTuple

from emixcli.syntaxes import DEFLATED_UID

_CHUNK: Final = 1 << 20
_OVERLAP: Final = 256
#: A deflated data set beyond this is inflated into a file that has no name.
_SPOOL: Final = 1 << 22
_MAX_INFLATED: Final = 1 << 32


class Piece(NamedTuple):
    """Bytes of a stream.

    Parameters
    ----------
    start
        Where they begin in it.
    pixels
        Where what is no header begins in it; None: nowhere.
    """

    start: int
    data: bytes
    pixels: int | None


def iter_bytes(file: BinaryIO, pixels: int | None) -> Iterator[Piece]:
    """Yield the file in pieces that overlap, a deflated data set inflated too.

    Parameters
    ----------
    pixels
        Where the value of pixel data begins; in the inflated data set if there is one.
    """
    deflated = _deflated_from(file)
    yield from _overlapping(_read(file), deflated or pixels)
    if deflated:
        yield from _overlapping(_inflate(file, deflated), pixels)


def inflated(file: BinaryIO, start: int) -> IO[bytes]:
    """Return a deflated data set as a temporary file, at its start.

    Raises
    ------
    zlib.error
        If it is none, has no end, or is larger than 4 GiB.
    """
    out = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115 - the caller closes it
    with contextlib.ExitStack() as closing:
        closing.push(out)
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        file.seek(start)
        for piece in _inflating(file, stream):
            if out.tell() > _MAX_INFLATED:
                raise zlib.error
            out.write(piece)
        if not stream.eof:
            raise zlib.error
        out.seek(0)
        closing.pop_all()
    return out


def _overlapping(pieces: Iterator[bytes], pixels: int | None) -> Iterator[Piece]:
    tail, start = b"", 0
    for piece in pieces:
        data = tail + piece
        yield Piece(start - len(tail), data, pixels)
        start += len(piece)
        tail = data[-_OVERLAP:]


def _read(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_CHUNK):
        yield piece


def _deflated_from(file: BinaryIO) -> int:
    """Return where a deflated data set starts, 0 where there is none."""
    file.seek(0)
    start = file.read(1024)
    if DEFLATED_UID.encode() not in start or start[128:132] != b"DICM":
        return 0
    return 144 + int.from_bytes(start[140:144], "little")


def _inflate(file: BinaryIO, start: int) -> Iterator[bytes]:
    file.seek(start)
    try:
        yield from _inflating(file, zlib.decompressobj(-zlib.MAX_WBITS))
    except zlib.error:
        return


def _inflating(file: BinaryIO, stream: zlib._Decompress) -> Iterator[bytes]:
    while not stream.eof and (piece := file.read(_CHUNK)):
        yield stream.decompress(piece, _CHUNK)
        while stream.unconsumed_tail and not stream.eof:
            yield stream.decompress(stream.unconsumed_tail, _CHUNK)
    yield stream.flush()
