"""Texts inside ICC profiles made blank (ISO 15076-1 section 10); colours stay as they are."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

_HEADER: Final = 128
_MAX_TAGS: Final = 200
_TEXT_TYPES: Final = frozenset({b"text", b"desc", b"mluc"})
#: Of sRGB (IEC 61966-2-1), relative to D50: white, adaptation from D65, primaries, and the curve.
_WHITE: Final = (0.9642, 1.0, 0.8249)
_ADAPTATION: Final = (
    1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01707, -0.00925, 0.01508, 0.75168,
)  # fmt: skip
_PRIMARIES: Final = {
    b"rXYZ": (0.43607, 0.22249, 0.01392), b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}  # fmt: skip
_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


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


@lru_cache(maxsize=1)
def srgb() -> bytes:
    """Return a profile of sRGB, for what is no profile: an IOD may ask for one."""
    text = b"mluc" + bytes(4) + struct.pack(">2I4s2I", 1, 12, b"enUS", 2, 28) + b"\0 \0 "
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(_CURVE)
    parts = {b"desc": text, b"cprt": text, b"wtpt": _numbers(b"XYZ ", _WHITE)}
    parts[b"chad"] = _numbers(b"sf32", _ADAPTATION)
    parts |= {name: _numbers(b"XYZ ", numbers) for name, numbers in _PRIMARIES.items()}
    parts |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at = _HEADER + 4 + 12 * len(parts)
    table = b""
    for name, part in parts.items():
        table += struct.pack(">4sII", name, at, len(part))
        at += len(part)
    header = struct.pack(">I4xI4s4s4s", at, 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _fixed(_WHITE)
    return (
        header.ljust(_HEADER, b"\0")
        + struct.pack(">I", len(parts))
        + table
        + b"".join(parts.values())
    )


def _numbers(kind: bytes, numbers: tuple[float, ...]) -> bytes:
    return kind + bytes(4) + _fixed(numbers)


def _fixed(numbers: tuple[float, ...]) -> bytes:
    """Return numbers as s15Fixed16 (ISO 15076-1 section 4.6)."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))
