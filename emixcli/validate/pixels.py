"""Whether the pixel data of an instance is as long as its header says."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, Protocol

from emixcli.model import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from emixcli.model import Instance, Value
    from emixcli.packed import SharedValues

ENCAPSULATED: Final = 0xFFFFFFFF
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_MAX_FRAGMENTS: Final = 200_000
_FIRST: Final = KEYWORDS.index("SamplesPerPixel")
_LAST: Final = KEYWORDS.index("BitsAllocated") + 1
_DECIDING: Final = frozenset(range(_FIRST, _LAST))


def native_length(instance: Instance) -> int | None:
    """Return the bytes that uncompressed pixel data must have, None where the header is silent.

    PS3.5 section 8.1.1 and PS3.3 section C.7.6.3; frames of 1 bit are packed without gaps.
    """
    return _native_length(tuple(instance.value(slot) for slot in range(_FIRST, _LAST)))


@lru_cache(maxsize=1024)
def _native_length(values: tuple[Value, ...]) -> int | None:
    """As `native_length`, from the attributes of `model.KEYWORDS` that decide, in their order."""
    some = dict(zip(KEYWORDS[_FIRST:_LAST], values, strict=True))

    def integer(keyword: str, default: int) -> int:
        try:
            return int(str(some[keyword]).partition("\\")[0])
        except ValueError:
            return default

    n_values = integer("Rows", 0) * integer("Columns", 0) * integer("SamplesPerPixel", 1)
    n_values *= max(1, integer("NumberOfFrames", 1))
    bits = integer("BitsAllocated", 0)
    if n_values <= 0 or bits <= 0:
        return None
    if some["PhotometricInterpretation"] == "YBR_FULL_422":  # two samples a pixel on average
        n_values = n_values * 2 // 3
    return (n_values * bits + 7) // 8


class Content(Protocol):
    """A file."""

    @property
    def is_random(self) -> bool:
        """Whether bytes far into the content cost no more than the first ones."""

    def read_at(self, offset: int, length: int, /) -> bytes:
        """Return `length` bytes, fewer only at the end."""


class PixelCheck:
    """Compares the length of pixel data with what the header says."""

    def __init__(self) -> None:
        self._expected: dict[SharedValues, int | None] = {}

    def code(self, instance: Instance, content: Content) -> str | None:
        """Return the code of what is wrong with the length, None where it is right.

        Parameters
        ----------
        instance
            With `pixel_offset` and `pixel_length` of its file.
        content
            The file, for walking the fragments of compressed pixel data.

        Raises
        ------
        OSError
            If the medium cannot be read.
        """
        offset, length = instance.pixels
        if offset < 0:
            return None
        if length != ENCAPSULATED:
            expected = self._length(instance)
            return "S05" if expected is not None and length < expected else None
        if not content.is_random:
            return None
        big = instance.value(0) == _BIG_ENDIAN
        return _walk_fragments(
            offset, instance.size, content.read_at, Struct(">II" if big else "<II")
        )

    def _length(self, instance: Instance) -> int | None:
        shared = instance.shared
        try:
            return self._expected[shared]
        except KeyError:
            expected = native_length(instance)
            if not _DECIDING.intersection(shared.slots):
                self._expected[shared] = expected
            return expected


def _walk_fragments(
    offset: int, size: int, read_at: Callable[[int, int], bytes], item: Struct
) -> str | None:
    """Step over the items of encapsulated pixel data (PS3.5 section A.4)."""
    big = item.format.startswith(">")
    item_tag, end_tag = (0xFFFEE000, 0xFFFEE0DD) if big else (0xE000FFFE, 0xE0DDFFFE)
    for _ in range(_MAX_FRAGMENTS):
        head = read_at(offset, 8) if offset + 8 <= size else b""
        if len(head) < 8:
            return "S04" if offset > size else "S06"
        tag, length = item.unpack(head)
        if tag == end_tag:
            return None
        if tag != item_tag:
            return "S06"
        offset += 8 + length
    return None
