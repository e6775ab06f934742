"""Functional groups of multi-frame images: where each frame lies (PS3.3 section C.7.6.16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from emixcli.deid.parse import Data, iter_elements, iter_items
from emixcli.deid.pixels.errors import PixelError
from emixcli.deid.pixels.facts import KEYWORDS, PLACES, Facts

SHARED: Final = 0x52009229
PER_FRAME: Final = 0x52009230
#: Sequences of groups that say where a frame lies, and what its values mean.
_GROUPS: Final = frozenset({0x00209113, 0x00209116, 0x00289110, 0x00289145})
_ANATOMY: Final = 0x00209071
_PLACES: Final = frozenset(PLACES.values())
_FRAMES: Final = KEYWORDS["NumberOfFrames"]
_REGION: Final = KEYWORDS["AnatomicRegionSequence"]
#: Cosines that differ by more belong to another orientation.
_SAME: Final = 1e-3


class Groups(NamedTuple):
    """Values of the sequences of functional groups, as bytes of the file."""

    shared: Data = b""
    per_frame: Data = b""
    explicit: bool = True

    def loaded(self) -> Groups:
        """Return the same in memory, for when the file is closed."""
        return self._replace(shared=self.shared[:], per_frame=self.per_frame[:])

    def anatomy(self) -> bytes:
        """Return what names the anatomy of all frames, or of the first; nothing where neither."""
        for data in (self.shared, self.per_frame):
            for start, stop in iter_items(data, 0, len(data), explicit=self.explicit, depth=1):
                for element in iter_elements(data, start, stop, explicit=self.explicit, depth=1):
                    if element.tag == _ANATOMY:
                        return data[element.value : element.end]
                break
        return b""

    def frames(self, facts: Facts) -> Iterator[Facts]:
        """Yield the facts of each frame, as of an image of its own.

        Raises
        ------
        PixelError
            If groups and frames do not agree, or frames lie across each other.
        """
        common = {tag: value for tag, value in facts.values.items() if tag != _FRAMES}
        for values in self._items(self.shared):
            common |= values
        first: tuple[float, ...] = ()
        n = 0
        for values in self._items(self.per_frame):
            n += 1
            frame = Facts(
                common | values, facts.transfer_syntax_uid, facts.explicit_vr, facts.big_endian
            )
            directions = frame.decimals("ImageOrientationPatient")
            first = first or directions
            if any(abs(a - b) > _SAME for a, b in zip(first, directions, strict=False)):
                raise _refuse("frames of an image lie across each other")
            yield frame
        if n != facts.frames:
            raise _refuse("an image says not where each of its frames lies")

    def _items(self, data: Data) -> Iterator[dict[int, bytes]]:
        """Yield what each item says of places."""
        for start, stop in iter_items(data, 0, len(data), explicit=self.explicit, depth=1):
            found: dict[int, bytes] = {}
            for group in iter_elements(data, start, stop, explicit=self.explicit, depth=1):
                if group.tag in _GROUPS:
                    self._group(data, group.value, group.end, found)
            yield found

    def _group(self, data: Data, at: int, end: int, found: dict[int, bytes]) -> None:
        for start, stop in iter_items(data, at, end, explicit=self.explicit, depth=2):
            for element in iter_elements(data, start, stop, explicit=self.explicit, depth=2):
                if element.tag in _PLACES:
                    found[element.tag] = data[element.value : element.end]


def with_anatomy(facts: Facts, groups: Groups) -> Facts:
    """Return the same facts with the anatomic region that functional groups name."""
    anatomy = groups.anatomy()
    if not anatomy:
        return facts
    values = dict(facts.values)
    values[_REGION] = values.get(_REGION, b"") + anatomy
    return Facts(values, facts.transfer_syntax_uid, facts.explicit_vr, facts.big_endian)


def _refuse(why: str) -> PixelError:
    return PixelError("pixels.face-removal", hint=f"{why}: use --accept-risk REASON")
