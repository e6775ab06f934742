"""Sessions of a disc: each has volume descriptors of its own, and block numbers of the whole disc.

A dump of a disc shows the first session at sector 16; the others are searched in what the first one
does not claim. On media that can be overwritten (DVD+RW, BD-RE, sticks, files) xorriso writes the
first session at sector 32, and keeps a copy of the newest descriptors at sector 16. A dump of one
session only begins somewhere on the disc: its root directory says where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emixcli.media.disc.iso9660 import FIRST_DESCRIPTOR, is_root, iter_descriptors, root_place
from emixcli.media.disc.sectors import SECTOR, iter_pieces
from emixcli.media.disc.tracks import Track, TrackBytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emixcli.media.disc.iso9660 import Descriptor
    from emixcli.media.sources.base import Bytes

_MARK: Final = b"CD001"
_MAX_SESSIONS: Final = 99
#: Where the first session is that leaves room for a copy of the newest descriptors.
_OVERWRITEABLE: Final = 32
#: Descriptors of one session follow each other.
_N_ALIKE: Final = 4
#: How far behind its descriptors the root directory of a session is searched, in bytes.
_ROOT_WITHIN: Final = 64 * 1024 * 1024


def find_sessions(content: Bytes, known: Iterable[int] = ()) -> list[int]:
    """Return the first sectors of the sessions with ISO 9660 descriptors, the newest first.

    What stands at sector 0 is the oldest, or stands for the newest as well.

    Parameters
    ----------
    known
        First sectors of sessions, as the table of contents says.
    """
    found = {start for start in (0, *known) if any(iter_descriptors(content, start + 16))}
    is_copied = 0 in found and _is_session(content, _OVERWRITEABLE + FIRST_DESCRIPTOR)
    oldest = _OVERWRITEABLE if is_copied else 0
    found |= {oldest} if is_copied else set()
    first = list(iter_descriptors(content, oldest + FIRST_DESCRIPTOR)) if oldest in found else []
    behind = min((item.n_bytes for item in first), default=0)
    for sector in _marks(content, max(behind, FIRST_DESCRIPTOR * SECTOR)):
        start = sector - FIRST_DESCRIPTOR
        near = range(start - _N_ALIKE, start + 1)
        if found.isdisjoint(near) and _is_session(content, sector):
            found.add(start)
            if len(found) >= _MAX_SESSIONS:
                break
    newest_first = sorted(found, reverse=True)
    return [0, *newest_first[:-1]] if is_copied else newest_first


def _marks(content: Bytes, behind: int) -> Iterator[int]:
    """Yield the sectors that look like the first volume descriptor, or where that would be.

    The primary one may be unreadable: the Joliet one follows it.
    """
    start = -(-behind // SECTOR) * SECTOR
    for base, data in iter_pieces(content, start, content.size):
        at = data.find(_MARK)
        while at >= 0:
            if (base + at) % SECTOR == 1 and at and data[at - 1] in (1, 2):
                yield (base + at) // SECTOR - (data[at - 1] - 1)
            at = data.find(_MARK, at + 1)


def _is_session(content: Bytes, sector: int) -> bool:
    """Whether descriptors belong to the disc and not to an image that is a file on it."""
    return any(has_root(content, item) for item in iter_descriptors(content, sector))


def has_root(content: Bytes, descriptor: Descriptor) -> bool:
    """Whether the root directory lies where a descriptor says."""
    place = root_place(descriptor)
    try:
        return is_root(content.read_at(place, 34), place, descriptor.block)
    except OSError:
        return False


def on_disc(content: Bytes) -> TrackBytes | None:
    """Return the dump of a later session at its place on the disc, None for all other images."""
    found = list(iter_descriptors(content))
    if not found or any(has_root(content, item) for item in found):
        return None
    places = {root_place(item): item.block for item in found}
    end = min(content.size, _ROOT_WITHIN)
    for base, data in iter_pieces(content, FIRST_DESCRIPTOR * SECTOR, end):
        for at in range(0, len(data) - 34, SECTOR):
            own = int.from_bytes(data[at + 2 : at + 6], "little") * SECTOR
            shift = own - (base + at)
            if shift > 0 and own in places and is_root(data[at : at + 34], own, places[own]):
                return TrackBytes(content, [Track(shift // SECTOR, content.size // SECTOR)])
    return None
