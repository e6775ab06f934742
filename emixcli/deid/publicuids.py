"""UIDs that definitions have: those of PS3.6 Annex A, of coding schemes, and like them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from emixcli.deid import tables
from emixcli.deid.parse import vr_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emixcli.deid.parse import Data, Element

#: UIDs of editions to come look like those of today: short components, a few of them.
_LIKE_STANDARD: Final = re.compile(
    r"1\.2\.840\.10008\.(?:6\.1\.[1-9]\d{0,3}|[1-9]\d?(?:\.(?:0|[1-9]\d{0,2})){0,8})"
)
#: Code systems registered at HL7 (PS3.16 section 8).
_CODE_SYSTEM: Final = re.compile(r"2\.16\.840\.1\.113883\.6\.\d{1,3}(?:\.\d)?")
#: UIDs that text is not searched for by their shape: `text.py` asks for five components and more.
_SHORT: Final = re.compile(rb"(?=.{7,})(?!2\.25\.\d{6})(?:[\d.]{,13}|[0-2](?:\.\d+){1,3})")
_SHORT_BELOW: Final = re.compile(rb"UI[\x06-\x40]\0([\d.]{6,64})")
_MOST_BYTES: Final = 4096
#: Bytes of the head and value of a UID.
_LONGEST_BELOW: Final = 8 + 64


@lru_cache(maxsize=1024)
def is_public(uid: str) -> bool:
    """Whether a UID is known of a SOP class, transfer syntax, context group or coding scheme."""
    uid = uid.strip(" \0")
    return (
        any(uid in known for known in tables.uids())
        or _LIKE_STANDARD.fullmatch(uid) is not None
        or _CODE_SYSTEM.fullmatch(uid) is not None
    )


def short_ones(raw: Data, element: Element, *, explicit: bool) -> list[str]:
    """Return UIDs in an element and below that are too short to be told from versions in text.

    Where no VR is written, those below an element are not found.
    """
    found: Iterable[bytes] = ()
    if vr_of(element.tag, element.vr) == "UI":
        if element.end - element.value < _MOST_BYTES:
            found = raw[element.value : element.end].split(b"\\")
    elif explicit and element.vr == "SQ":
        found = _below(raw, element)
    uids = [uid.strip(b" \0") for uid in found]
    return [uid.decode() for uid in uids if _SHORT.fullmatch(uid) and not is_public(uid.decode())]


def _below(raw: Data, element: Element) -> Iterable[bytes]:
    if isinstance(raw, bytes):
        return [match[1] for match in _SHORT_BELOW.finditer(raw, element.value, element.end)]
    chunks = raw.chunks(element.value, element.end, overlap=_LONGEST_BELOW)
    return sorted({match[1] for chunk in chunks for match in _SHORT_BELOW.finditer(chunk)})
