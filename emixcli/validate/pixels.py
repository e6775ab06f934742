"""Whether the pixel data of an instance is as long as its header says."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final

from emixcli.model import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from emixcli.model import Instance, Value

ENCAPSULATED: Final = 0xFFFFFFFF
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_MAX_FRAGMENTS: Final = 200_000
_FIRST: Final = KEYWORDS.index("SamplesPerPixel")
_LAST: Final = KEYWORDS.index("BitsAllocated") + 1


def native_length(instance: Instance) -> int | None:
    """Return the bytes that uncompressed pixel data must have, None where the header is silent.

    PS3.5 section 8.1.1 and PS3.3 section C.7.6.3; frames of 1 bit are packed without gaps.
    """
    return _native_length(instance.values[_FIRST:_LAST])


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


def pixel_code(instance: Instance, read_at: Callable[[int, int], bytes] | None) -> str | None:
    """Return the code of what is wrong with the length of the pixel data, None where it is right.

    Parameters
    ----------
    instance
        With `pixel_offset` and `pixel_length` of its file.
    read_at
        Reads the file, for walking the fragments of compressed pixel data; None leaves that out.

    Raises
    ------
    OSError
        If the medium cannot be read.
    """
    if instance.pixel_offset < 0:
        return None
    if instance.pixel_length != ENCAPSULATED:
        expected = native_length(instance)
        short = expected is not None and instance.pixel_length < expected
        return "S05" if short else None
    if read_at is None:
        return None
    big = instance.values[0] == _BIG_ENDIAN
    return _walk_fragments(
        instance.pixel_offset, instance.size, read_at, Struct(">II" if big else "<II")
    )


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
