"""Private elements: removed, or kept where PS3.15 Table E.3.10-1 calls them safe.

They are known by their creator and the low byte of the element number, whatever block the creator
has reserved (PS3.5 section 7.8.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emixcli.deid.parse import Data, Element


def is_creator(tag: int) -> bool:
    """Whether an element of an odd group reserves a block."""
    return 0x10 <= tag & 0xFFFF <= 0xFF


def creators_of(data: Data, elements: Iterable[Element]) -> dict[int, str]:
    """Return the creators of the private blocks among elements, by `gggg00bb`.

    A block with two creators belongs to none.
    """
    found: dict[int, str] = {}
    for element in elements:
        tag = element.tag
        if tag >> 16 & 1 and is_creator(tag):
            text = data[element.value : element.end].decode("latin-1").strip(" \0")
            found[tag] = "" if found.get(tag, text) != text else text
    return found


def key_of(tag: int, creators: Mapping[int, str]) -> tuple[str, int] | None:
    """Return creator and `gggg00ee` of a private element; None where no creator is known."""
    number = tag & 0xFFFF
    creator = creators.get(tag & 0xFFFF0000 | number >> 8, "")
    if not creator or number < 0x1000:
        return None
    return creator, tag & 0xFFFF0000 | number & 0xFF


def used_creators(tags: Iterable[int]) -> set[int]:
    """Return the creator elements of blocks that something is kept of."""
    return {
        tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8
        for tag in tags
        if tag >> 16 & 1 and not is_creator(tag)
    }
