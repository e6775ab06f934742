"""Values that are too long to be held: what stands for them, and their text in pieces."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

_CHUNK: Final = 1 << 16
_OVERLAP: Final = 256
_PADDING: Final = b" \0"
#: Behind one of these any decoder starts anew.
_BREAKS: Final = b"\r\n\t\f"
_ESCAPE: Final = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")


def stripped_end(file: BinaryIO, start: int, end: int) -> int:
    """Return where a value ends without its padding."""
    while end > start:
        at = max(start, end - _CHUNK)
        file.seek(at)
        data = file.read(end - at)
        if not data:
            return start
        if kept := len(data.rstrip(_PADDING)):
            return at + kept
        end = at
    return end


def stand_in(file: BinaryIO, start: int, end: int) -> bytes:
    """Return bytes that are the same for the same value, with text behind a NUL if it has some.

    Parameters
    ----------
    end
        From `stripped_end`.
    """
    digest, hidden = hashlib.sha256(), False
    for data in _chunks(file, start, end):
        digest.update(data)
        hidden = hidden or b"\0" in data
    return digest.hexdigest().encode() + (b"\0." if hidden else b"")


def iter_pieces(
    file: BinaryIO, start: int, end: int, decode: Callable[[bytes], str]
) -> Iterator[str]:
    """Yield a text in pieces, decoded."""
    rest = escape = b""
    for data in _chunks(file, start, end):
        piece, rest = _cut(rest + data)
        yield decode(escape + piece)
        escape = _state(piece, escape)
    yield decode(escape + rest)


def iter_values(pieces: Iterator[str], most: int) -> Iterator[str]:
    """Yield the values of which a text in pieces consists, but for those longer than `most`."""
    held = ""
    for piece in pieces:
        *whole, last = piece.split("\\")
        for value in whole:
            if len(held) + len(value) <= most:
                yield (held + value).strip(" \0")
            held = ""
        # What is too long already stays so.
        held = (held + last)[: most + 1]
    if len(held) <= most:
        yield held.strip(" \0")


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        file.seek(start)
        data = file.read(min(_CHUNK, end - start))
        if not data:
            return
        start += len(data)
        yield data


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Divide bytes where no character is cut: behind a control, or else a blank."""
    at = max(data.rfind(byte) for byte in _BREAKS) + 1 or data.rfind(b" ") + 1
    if at:
        return data[:at], data[at:]
    if len(data) < 2 * _CHUNK:
        return b"", data
    return data, data[-_OVERLAP:]  # may cut one, so what stands around it comes twice


def _state(piece: bytes, before: bytes) -> bytes:
    """Return the escape sequence that still holds behind a piece (ISO 2022)."""
    if piece[-1:] and piece[-1:] in _BREAKS:
        return b""
    found = _ESCAPE.findall(piece)
    return found[-1] if found else before
