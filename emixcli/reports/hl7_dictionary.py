"""The standard's names of fields, from hl7apy; it never reads or writes a message here.

Its parser drops segments that it does not expect and writes text anew, so values are read by
`emixcli.reports.hl7` alone.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from emixcli.reports.hl7 import Message

_NEWEST: Final = "2.8.2"
_USUAL: Final = "2.5"


def known_version(text: str) -> str:
    """Return the version of HL7 v2 to look names up in: MSH-12, or the likeliest."""
    from hl7apy import SUPPORTED_LIBRARIES

    if text in SUPPORTED_LIBRARIES:
        return text
    return _NEWEST if text > _NEWEST and text[:2] == "2." else _USUAL


def field_name(message: Message, segment: str, number: int) -> str:
    """Return the standard's name of a field in words; empty where it has none."""
    return _names(known_version(message.first("MSH").value(12)), segment).get(number, "")


@functools.lru_cache(maxsize=512)
def _names(version: str, segment: str) -> dict[int, str]:
    from hl7apy import load_library

    found: Any = load_library(version).SEGMENTS.get(segment)
    if found is None:
        return {}
    return {
        int(child[0].rpartition("_")[2]): child[1][3].replace("_", " ").capitalize()
        for child in found[1]
        if child[1][3]
    }
