"""Texts inside ICC profiles made blank (ISO 15076-1 section 10); colours stay as they are."""

from __future__ import annotations

import struct
from typing import Final

_HEADER: Final = 128
_MAX_TAGS: Final = 200
_TEXT_TYPES: Final = frozenset({b"text", b"desc", b"mluc"})


def blank_texts(profile: bytes) -> bytes | None:
    """Return a profile of the same length without any text; None if it is no profile."""
    if len(profile) < _HEADER + 4 or profile[36:40] != b"acsp":
        return None
    n_tags = struct.unpack_from(">I", profile, _HEADER)[0]
    if n_tags > _MAX_TAGS or _HEADER + 4 + 12 * n_tags > len(profile):
        return None
    made = bytearray(profile)
    made[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # when it was made
    made[48:56] = bytes(8)  # manufacturer and model of the device
    made[80:100] = bytes(20)  # creator and digest
    for number in range(n_tags):
        _, offset, size = struct.unpack_from(">4sII", profile, _HEADER + 4 + 12 * number)
        if offset + size > len(profile) or size < 8:
            return None
        if profile[offset : offset + 4] in _TEXT_TYPES:
            _blank(made, offset, size)
    return bytes(made)


def _blank(made: bytearray, offset: int, size: int) -> None:
    kind = bytes(made[offset : offset + 4])
    body = made[offset + 8 : offset + size]
    if kind == b"text":
        body = bytearray(b" " * (len(body) - 1) + b"\0") if body else body
    elif kind == b"desc" and len(body) >= 4:
        n_ascii = min(struct.unpack_from(">I", body, 0)[0], len(body) - 4)
        text = b" " * (n_ascii - 1) + b"\0" if n_ascii else b""
        body = body[:4] + text + bytes(len(body) - 4 - len(text))
    elif kind == b"mluc" and len(body) >= 8:
        n_records, record = struct.unpack_from(">II", body, 0)
        start = min(8 + n_records * record, len(body))
        body = body[:start] + (b"\0 " * ((len(body) - start) // 2 + 1))[: len(body) - start]
    made[offset + 8 : offset + size] = body
