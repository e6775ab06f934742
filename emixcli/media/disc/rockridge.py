"""The System Use area of directory records: Rock Ridge names, links and moved directories.

SUSP 1.12 (IEEE P1281) and RRIP 1.12 (IEEE P1282).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

_MAX_CONTINUATIONS: Final = 64


@dataclass(frozen=True, slots=True)
class SystemUse:
    """What the entries of one record say.

    `child` is the block of a directory that was moved away from here (CL).
    """

    name: bytes = b""
    is_link: bool = False
    is_relocated: bool = False
    is_compressed: bool = False
    child: int | None = None


def read_system_use(area: bytes, content: Bytes, block: int) -> SystemUse:
    """Return the entries of a System Use area, with its continuation areas.

    Parameters
    ----------
    area
        Bytes of the record behind the name.
    content
        The image, for continuation areas.
    block
        Size of a logical block in bytes.
    """
    name = b""
    seen: set[bytes] = set()
    child = None
    for signature, data in _entries(area, content, block):
        seen.add(signature)
        if signature == b"NM" and data:
            name += data[1:]
        elif signature == b"CL" and len(data) >= 4:
            child = int.from_bytes(data[:4], "little")
    return SystemUse(
        name=name,
        is_link=b"SL" in seen,
        is_relocated=b"RE" in seen,
        is_compressed=b"ZF" in seen,
        child=child,
    )


def _entries(area: bytes, content: Bytes, block: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield signature and data of each entry, following CE (SUSP section 5.1)."""
    for _ in range(_MAX_CONTINUATIONS):
        following = b""
        at = 0
        while at + 4 <= len(area):
            signature, length = area[at : at + 2], area[at + 2]
            if length < 4 or at + length > len(area) or signature == b"ST":
                break
            data = area[at + 4 : at + length]
            if signature == b"CE" and len(data) >= 24:
                following = _continuation(data, content, block)
            else:
                yield signature, data
            at += length
        if not following:
            return
        area = following


def _continuation(data: bytes, content: Bytes, block: int) -> bytes:
    place = int.from_bytes(data[0:4], "little") * block + int.from_bytes(data[8:12], "little")
    length = min(int.from_bytes(data[16:20], "little"), 64 * 1024)
    try:
        return content.read_at(place, length)
    except OSError:
        return b""
