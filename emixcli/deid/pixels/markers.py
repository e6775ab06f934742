"""Comments and application data in code streams of the JPEG family, taken out.

Encoders write their own name there, scanners and photo cameras anything: people, places, dates.
Pixels do not depend on them but for the colour transform that Adobe's segment names.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from emixcli.deid.pixels.errors import damaged, unsupported

#: What may stay of comments: names and versions of encoders.
_HARMLESS: Final = re.compile(
    rb"(?:Kakadu-[v0-9.]{1,16}|Created by (?:GDCM/)?OpenJPEG version [0-9.]{1,12}|"
    rb"Creator: JasPer Version [0-9.]{1,12}|CREATOR: gd-jpeg v[0-9.]{1,6} "
    rb"\(using IJG JPEG v[0-9]{1,3}\), quality = [0-9]{1,3}|"
    rb"LEAD Technologies Inc\. V1\.0[01]|Lavc[0-9.]{1,12}|"
    rb"Kdu-Layer-Info: log_2\{Delta-D\([A-Za-z]{1,8}-error\)/Delta-L\(bytes\)\}, L\(bytes\)"
    rb"\n[-0-9., e+\n]{1,400})\0?\n?"
)
#: How the directory of a SPIFF header ends, in which the image's start marker is repeated.
_SPIFF_END: Final = b"\0\0\0\x01\xff\xd8"
#: A marker in entropy-coded data that is neither stuffing nor a restart.
_MARKER: Final = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_MARKER_LS: Final = re.compile(rb"\xff+[\x80-\xcf\xd8-\xfe]")
_SUSPECT: Final = re.compile(rb"\xff[\xe0-\xf6\xf9-\xfe]")
_KEPT: Final = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xE0), 0xF7, 0xF8})
SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
_DHT, _DQT, _DRI = 0xC4, 0xDB, 0xDD
_FRAME_HEADERS: Final = frozenset({*range(0xC0, 0xD0), 0xF7}) - {_DHT, 0xC8, 0xCC}


def strip_comments(frame: bytes) -> bytes | None:
    """Return a code stream without comments, application data and bytes behind its end.

    None where there is nothing to take out.

    Raises
    ------
    PixelError
        If the frame is no code stream of the JPEG family.
    """
    if frame.startswith(b"\xff\xd8"):
        return _strip_jpeg(frame)
    if frame.startswith(b"\xff\x4f\xff\x51"):
        return _strip_jpeg_2000(frame)
    if frame.startswith(b"\0\0\0\x0cjP  "):
        stream = _code_stream(frame)
        return _strip_jpeg_2000(stream) or stream
    if frame.startswith(b"\xff\x0a"):
        return None  # JPEG XL without boxes has no room for words
    raise unsupported("a code stream of this kind")


def _strip_jpeg(frame: bytes) -> bytes | None:
    _check_tables(frame)
    ends_well = frame.rstrip(b"\0\xff").endswith(b"\xff\xd9") or frame.endswith(
        (b"\xff\xd9", b"\xff\xd9\0")
    )
    if ends_well and not _SUSPECT.search(frame) and frame.find(b"\xff\xd9") >= len(frame) - 3:
        return None
    parts = [frame[:2]]
    for marker, start, end in segments(frame):
        if marker in _KEPT:
            parts.append(frame[start:end])
        else:
            parts.append(_kept(marker, frame[start + 4 : end]))
    parts.append(b"\xff\xd9")
    result = b"".join(parts)
    return None if result == frame.rstrip(b"\0") or result + b"\0" == frame else result


def _check_tables(frame: bytes) -> None:
    """Refuse tables and headers before the first scan that have room for words."""
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        end = at + 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
        if not _fits(marker, frame[at + 4 : end]):
            raise damaged()
        if marker == SOS:
            return
        at = end


def _fits(marker: int, body: bytes) -> bool:
    """Whether a segment is as long as what it holds (ISO 10918-1 Annex B.2)."""
    at = 0
    if marker == _DQT:
        while at < len(body):
            at += 1 + 64 * ((body[at] >> 4) + 1)
    elif marker == _DHT:
        while at < len(body):
            at += 17 + sum(body[at + 1 : at + 17])
    elif marker in _FRAME_HEADERS:
        at = 6 + 3 * body[5] if len(body) > 5 else 6
    elif marker == _DRI:
        return len(body) <= 4  # of JPEG-LS up to four bytes
    elif marker == SOS:
        at = 4 + 2 * body[0] if body else 4
    else:
        return True
    return at == len(body)


def segments(frame: bytes) -> list[tuple[int, int, int]]:
    """Return marker, start and end of every segment up to the end of a JPEG image.

    A scan's entropy-coded data belong to its segment. An image without its end marker ends with
    its bytes.
    """
    found = []
    at = 2
    after = _MARKER
    while at + 2 <= len(frame):
        if frame[at] != 0xFF:
            raise damaged()
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1  # a fill byte
            continue
        if marker == EOI:
            break
        if at + 4 > len(frame) or marker in {0, SOI} or 0xD0 <= marker < 0xD8:
            raise damaged()
        end = at + 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
        if end > len(frame) or end < at + 4:
            raise damaged()
        if marker == 0xF7:
            after = _MARKER_LS
        if marker == SOS:
            following = after.search(frame, end)
            end = following.start() if following else len(frame)
        found.append((marker, at, end))
        at = end
    if not any(marker == SOS for marker, _, _ in found):
        raise damaged()
    return found


def _kept(marker: int, body: bytes) -> bytes:
    """Return what may stay of an application segment or comment."""
    if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        body = body[:12] + b"\0\0"  # without its thumbnail
    elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
        body = body[:12]
    elif marker == 0xE8 and (
        (body.startswith(b"mrfx") and len(body) == 5)  # the colour transform of JPEG-LS
        or (body.startswith(b"SPIFF\0") and len(body) == 30)
        or body == _SPIFF_END
    ):
        pass
    elif marker != 0xFE or not _HARMLESS.fullmatch(body):
        return b""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _code_stream(frame: bytes) -> bytes:
    """Return the code stream inside the boxes of a JP2 file."""
    at = 0
    while at + 8 <= len(frame):
        size, kind = struct.unpack_from(">I4s", frame, at)
        if kind == b"jp2c" and size != 1:
            return frame[at + 8 : at + size if size else len(frame)]
        if size < 8:
            break
        at += size
    raise damaged()


def _strip_jpeg_2000(frame: bytes) -> bytes | None:
    """Take comments out of the main header and those of tile parts (ISO 15444-1 Annex A)."""
    at, parts, changed, has_lengths = 2, [frame[:2]], False, False
    while frame[at : at + 2] != b"\xff\x90":  # SOT
        end = _segment_end(frame, at)
        has_lengths |= frame[at + 1] == 0x55  # TLM lists the lengths of tile parts
        if frame[at + 1] == 0x64 and not _HARMLESS.fullmatch(frame[at + 6 : end]):
            changed = True
        else:
            parts.append(frame[at:end])
        at = end
    while frame[at : at + 2] == b"\xff\x90":
        part, at, stripped = _tile_part(frame, at)
        if stripped and has_lengths:
            raise unsupported("a comment in a tile of a JPEG 2000 image")
        changed |= stripped
        parts.append(part)
    if frame[at:] not in {b"\xff\xd9", b"\xff\xd9\0", b"\xff\xd9\xff", b"", b"\0"}:
        changed = True
    return b"".join([*parts, b"\xff\xd9"]) if changed else None


def _tile_part(frame: bytes, at: int) -> tuple[bytes, int, bool]:
    """Return a tile part without comments, where it ends, and whether it had any."""
    if at + 12 > len(frame):
        raise damaged()
    length = int.from_bytes(frame[at + 6 : at + 10], "big")
    end = at + length
    if length == 0:
        end = frame.rfind(b"\xff\xd9")  # up to the end of the code stream
    if not at + 14 <= end <= len(frame):
        raise damaged()
    kept, inner, removed = [], at + 12, 0
    while frame[inner : inner + 2] != b"\xff\x93":  # SOD
        after = _segment_end(frame, inner)
        if frame[inner + 1] == 0x64 and not _HARMLESS.fullmatch(frame[inner + 6 : after]):
            removed += after - inner
        else:
            kept.append(frame[inner:after])
        inner = after
    size = struct.pack(">I", length - removed if length else 0)
    head = frame[at : at + 6] + size + frame[at + 10 : at + 12]
    return b"".join([head, *kept, frame[inner:end]]), end, removed > 0


def _segment_end(frame: bytes, at: int) -> int:
    if at + 4 > len(frame) or frame[at] != 0xFF:
        raise damaged()
    end = at + 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    if end > len(frame) or end < at + 4:
        raise damaged()
    return end
