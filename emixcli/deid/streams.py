"""What compressed pixel data carries beside pixels: comments and application segments.

Read item by item (PS3.5 section A.4) and marker by marker, as far as the first coded bytes; the
cleaning of `emixcli.deid.pixels` takes no part.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

_ITEM = b"\xfe\xff\x00\xe0"
#: So much of a fragment is looked at for segments.
_HEAD = 1 << 16
_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f"
_START_OF_SCAN, _START_OF_TILE = 0xDA, 0x90
_COMMENT, _COMMENT_2000 = 0xFE, 0x64
#: How colours are coded and what size a point has (JFIF, Adobe, JPEG-LS, SPIFF).
_HARMLESS = re.compile(rb"(?:JFIF\0.{9}|mrfx.|Adobe.{7}|SPIFF\0.{24}|\0{3}\x01\xff\xd8)", re.DOTALL)
#: The names that encoders leave.
_ENCODER = re.compile(
    rb"[\x00\x01]{0,2}(?:Kakadu|Created by (?:GDCM/)?OpenJPEG|Creator: JasPer|CREATOR: gd-jpeg|"
    rb"LEAD Technologies|Lavc|Kdu-Layer-Info: log_2).{0,60}",
)


def iter_extras(file: BinaryIO, start: int) -> Iterator[str]:
    """Yield a stable word for each segment of encapsulated pixel data that may hold text.

    Parameters
    ----------
    start
        Where the value begins: the offset table's item.
    """
    file.seek(start)
    while (head := file.read(8))[:4] == _ITEM and len(head) == 8:
        length = struct.unpack("<I", head[4:])[0]
        here = file.tell()
        yield from _segments(file.read(min(length, _HEAD)))
        file.seek(here + length)


def _segments(data: bytes) -> Iterator[str]:
    """Yield what the header of a code stream holds beside what decoding needs."""
    if data[:2] not in {_JPEG, _JPEG_2000}:
        return
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        if marker in {_START_OF_SCAN, _START_OF_TILE}:
            return
        content = data[at + 4 : at + 2 + length]
        is_jpeg = data[:2] == _JPEG
        if marker == (_COMMENT if is_jpeg else _COMMENT_2000):
            if content.strip(b"\0\1 ") and _ENCODER.match(content) is None:
                yield "comment"
        elif is_jpeg and 0xE0 <= marker <= 0xEF and _HARMLESS.fullmatch(content) is None:
            yield "application segment"
        at += 2 + length
