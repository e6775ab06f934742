"""Whether a copy that was begun is of the medium that is there now: never are two discs mixed.

What tells two discs apart is compared where the copy has it and the medium gives it: the volume
descriptors of ISO 9660, the anchors of UDF, and sectors from the first to the last that was copied.
Sectors of one repeated byte are the same on all discs and tell nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emixcli.errors import MediaError, OutputExistsError
from emixcli.media.disc.mapfile import Status
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.disc.mapfile import Mapfile
    from emixcli.media.sources.base import Bytes

#: Sectors with volume descriptors and the first anchor (ECMA-119 8.1, ECMA-167 3/8.4.2.1).
_TELLING: Final = (*range(16, 32), 256)
#: Other anchors lie so many sectors before the end.
_FROM_END: Final = (1, 257)
_SPREAD: Final = 32
#: So far is looked for a sector that tells something.
_NEAR: Final = 128 * 1024
_OTHER_NAME: Final = "give another name with --image; the copy that is there was not touched"


def check_same(content: Bytes, copy: Bytes, state: Mapfile) -> None:
    """Do nothing where a copy is of this medium, as far as that can be told.

    Parameters
    ----------
    content
        The medium.
    copy
        The image.
    state
        What of it was copied.

    Raises
    ------
    OutputExistsError
        The copy is of another medium.
    MediaError
        It has something, and nothing of that can be read of the medium.
    """
    if state.size != content.size:
        raise OutputExistsError(
            f"the image is of another disc: that has {state.size} bytes, this one {content.size}",
            hint=_OTHER_NAME,
        )
    n_places = n_compared = 0
    for start, stop in _places(copy, state):
        ours = copy.read_at(start, stop - start)
        n_places += 1
        try:
            theirs = content.read_at(start, stop - start)
        except OSError:
            continue
        n_compared += 1
        if ours != theirs:
            raise OutputExistsError("the image is of another disc", hint=_OTHER_NAME)
    if n_places and not n_compared:
        raise MediaError(
            "whether the image is of this disc cannot be told: of what was copied,"
            f" none of {n_places} places can be read now",
            hint="clean the disc or try another drive; or begin anew with another --image",
        )


def _places(copy: Bytes, state: Mapfile) -> Iterator[tuple[int, int]]:
    """Yield the places to compare: fixed ones, and others spread over what was copied."""
    done = Ranges(state.blocks(Status.DONE))
    end = -(-state.size // SECTOR)
    for sector in (*_TELLING, *(end - back for back in _FROM_END)):
        yield from _told(copy, done, sector * SECTOR, (sector + 1) * SECTOR)
    n_bytes = done.n_bytes()
    wanted = [n_bytes * number // _SPREAD for number in range(_SPREAD)]
    passed = 0
    for start, stop in done:
        while wanted and wanted[0] < passed + stop - start:
            at = start + wanted.pop(0) - passed
            yield from _told(copy, done, at, min(at + _NEAR, stop))
        passed += stop - start


def _told(copy: Bytes, done: Ranges, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the first sector of a range that was copied and is not one repeated byte."""
    for first, last in done.within(start, stop):
        for at in range(first, last, SECTOR):
            end = min(at + SECTOR, last)
            data = copy.read_at(at, end - at)
            if len(data) < end - at or data.count(data[0]) < len(data):
                yield at, end
                return
