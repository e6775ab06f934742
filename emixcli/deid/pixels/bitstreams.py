"""User data in MPEG-2, H.264 and HEVC streams (ITU-T H.262, H.264 annex D, H.265 annex D)."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from emixcli.deid.pixels.video import Patch

if TYPE_CHECKING:
    from emixcli.deid.pixels.video import Stream


class Kind(enum.Enum):
    """How a stream is coded."""

    MPEG2 = "MPEG-2"
    H264 = "H.264"
    HEVC = "HEVC"


MPEG2, H264, HEVC = Kind.MPEG2, Kind.H264, Kind.HEVC

_START: Final = b"\0\0\1"
_WINDOW: Final = 1 << 20
#: Codes behind a start code of MPEG-2 that carry what anybody wrote, or nothing known: user data,
#: reserved codes, and those of systems, which are none of a stream of pictures.
_USER: Final = frozenset({0xB0, 0xB1, 0xB2, 0xB6, *range(0xB9, 0x100)})
#: A group of pictures has the time of day of its first one.
_GROUP: Final = 0xB8
_END: Final = 0xB7
#: Units of supplemental enhancement information, units that are filled up, and units whose kind is
#: unspecified or reserved.
_SEI: Final = {H264: {6}, HEVC: {39, 40}}
_OTHERS: Final = {
    H264: {0, 12, 16, 17, 18, 22, 23, *range(24, 32)},
    HEVC: {*range(10, 16), *range(22, 32), 38, *range(41, 64)},
}
#: Messages without text or time: buffering, recovery point, arrangement of frames, parameter sets,
#: hashes of pictures, mastering display, light levels, transfer characteristics.
_MESSAGES: Final = frozenset({0, 6, 45, 129, 132, 137, 144, 147})
_LONGEST_SEI: Final = 1 << 20


def find_patches(stream: Stream, kind: Kind) -> Iterator[Patch]:
    """Yield what is overwritten in a stream whose units begin with start codes."""
    for start, stop in _units(stream):
        if kind is MPEG2:
            yield from _mpeg2_unit(stream, start, stop)
        else:
            yield from unit_patches(stream, start, stop, kind)


def _units(stream: Stream) -> Iterator[tuple[int, int]]:
    """Yield where each unit begins, behind its start code, and where the next start code is."""
    before = None
    at = 0
    while at < stream.size:
        window = stream.read(at, min(_WINDOW, stream.size - at))
        found = window.find(_START)
        while found >= 0:
            if before is not None:
                yield before, at + found
            before = at + found + len(_START)
            found = window.find(_START, found + len(_START))
        if at + len(window) == stream.size:
            break
        at = max(at + len(window) - len(_START) + 1, before or 0)
    if before is not None:
        yield before, stream.size


def _mpeg2_unit(stream: Stream, start: int, stop: int) -> Iterator[Patch]:
    if start == stop:
        return
    code = stream.read(start, 1)[0]
    if code in _USER:
        yield Patch(start, 1, b"\xb2")
        yield Patch(start + 1, stop - start - 1)  # zeros before a start code are filling
    elif code == _END:
        yield Patch(start + 1, stop - start - 1)
    elif code == _GROUP and stop - start > 4:
        last = stream.read(start + 4, 1)[0]
        yield Patch(start + 1, 4, bytes((0, 8, 0, last & 0x60)))


def unit_patches(stream: Stream, start: int, stop: int, kind: Kind) -> Iterator[Patch]:
    """Yield what is overwritten of one unit of H.264 or HEVC: it becomes filler, or stays."""
    n_head = 2 if kind is HEVC else 1
    if stop - start < n_head:
        return
    head = stream.read(start, n_head)
    number = head[0] >> 1 & 0x3F if kind is HEVC else head[0] & 0x1F
    if number in _SEI[kind]:
        body = stream.read(start + n_head, min(stop - start - n_head, _LONGEST_SEI))
        if stop - start <= _LONGEST_SEI and _is_plain(body):
            return
    elif number not in _OTHERS[kind]:
        return
    new = bytes((38 << 1, head[1])) if kind is HEVC else b"\x0c"
    yield Patch(start, n_head, new)
    for at in range(start + n_head, stop, _LONGEST_SEI):
        n_filled = min(stop - at, _LONGEST_SEI)
        yield Patch(at, n_filled, b"\xff" * (n_filled - 1) + b"\x80")


def _is_plain(body: bytes) -> bool:
    """Whether a unit has messages only that say how to decode."""
    body = body.replace(b"\0\0\3", b"\0\0").rstrip(b"\0")
    at = 0
    while at < len(body) - 1:
        numbers = []
        for _ in range(2):
            number = 0
            while at < len(body) and body[at] == 0xFF:
                number, at = number + 0xFF, at + 1
            if at >= len(body):
                return False
            numbers.append(number + body[at])
            at += 1
        at += numbers[1]
        if numbers[0] not in _MESSAGES:
            return False
    return at == len(body) - 1 and body[at] == 0x80
