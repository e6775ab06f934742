"""What a de-identified object says of itself, and its file meta group (PS3.15 E.1.1)."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from emixcli.deid.explain import loosened
from emixcli.deid.options import BASIC_CODE, OPTION_CODES, Option, Profile
from emixcli.deid.parse import encode, encode_item, iter_elements, iter_items

if TYPE_CHECKING:
    from collections.abc import Iterable

IDENTITY_REMOVED: Final = 0x00120062
METHOD: Final = 0x00120063
METHOD_CODES: Final = 0x00120064
TEMPORAL: Final = 0x00280303
BURNED_IN: Final = 0x00280301
RECOGNIZABLE: Final = 0x00280302

_METHOD_TEXT: Final = b"DICOM PS3.15 2026c Annex E by emix"
_LOOSENED: Final = rb"\rules of the site keep more"
#: By UUID (PS3.5 section B.2), made once for this implementation.
_IMPLEMENTATION_CLASS_UID: Final = "2.25.313200389502675892903654971083032199842"
_VERSION_NAME: Final = "EMIX_1"
_MEANINGS: Final = dict([BASIC_CODE, *OPTION_CODES.values()])


def markers(
    profile: Profile, *, explicit: bool, earlier: bytes, without: frozenset[Option]
) -> dict[int, bytes]:
    """Return the elements that say what was done.

    Parameters
    ----------
    earlier
        Items of (0012,0064) that the object had already.
    without
        Options that were asked for and could not be kept.
    """
    asked = [option for option in OPTION_CODES if option in profile.options - without]
    codes = [BASIC_CODE[0], *(OPTION_CODES[option][0] for option in asked)]
    before = [code for code in _earlier_codes(earlier, explicit=explicit) if code not in codes]
    method = _METHOD_TEXT + (_LOOSENED if loosened(profile) else b"")
    items = b"".join(_code_item(code, explicit=explicit) for code in [*before, *codes])
    return {
        IDENTITY_REMOVED: encode(IDENTITY_REMOVED, "CS", b"YES", explicit=explicit),
        METHOD: encode(METHOD, "LO", method, explicit=explicit),
        METHOD_CODES: encode(METHOD_CODES, "SQ", items, explicit=explicit),
        TEMPORAL: encode(TEMPORAL, "CS", _temporal(profile), explicit=explicit),
    }


def _temporal(profile: Profile) -> bytes:
    if Option.RETAIN_FULL_DATES in profile.options:
        return b"UNMODIFIED"
    return b"MODIFIED" if Option.RETAIN_MODIFIED_DATES in profile.options else b"REMOVED"


def _code_item(code: str, *, explicit: bool) -> bytes:
    return encode_item(
        encode(0x00080100, "SH", code.encode(), explicit=explicit)
        + encode(0x00080102, "SH", b"DCM", explicit=explicit)
        + encode(0x00080104, "LO", _MEANINGS[code].encode(), explicit=explicit)
    )


def _earlier_codes(raw: bytes, *, explicit: bool) -> Iterable[str]:
    """Yield the codes of CID 7050 among items; whatever else stands there is left out."""
    for start, stop in iter_items(raw, 0, len(raw), explicit=explicit, depth=1):
        for element in iter_elements(raw, start, stop, explicit=explicit, depth=1):
            if element.tag == 0x00080100:
                code = raw[element.value : element.end].decode("latin-1").strip(" \0")
                if code in _MEANINGS:
                    yield code


@lru_cache(maxsize=64)
def _meta_parts(sop_class_uid: str, syntax: str) -> tuple[bytes, bytes]:
    before = encode(0x00020001, "OB", b"\0\1", explicit=True) + encode(
        0x00020002, "UI", sop_class_uid.encode(), explicit=True
    )
    after = (
        encode(0x00020010, "UI", syntax.encode(), explicit=True)
        + encode(0x00020012, "UI", _IMPLEMENTATION_CLASS_UID.encode(), explicit=True)
        + encode(0x00020013, "SH", _VERSION_NAME.encode(), explicit=True)
    )
    return before, after


def meta(sop_class_uid: str, sop_instance_uid: str, syntax: str) -> bytes:
    """Return preamble, prefix and file meta group (PS3.10 section 7.1)."""
    before, after = _meta_parts(sop_class_uid, syntax)
    instance = encode(0x00020003, "UI", sop_instance_uid.encode(), explicit=True)
    group = before + instance + after
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(group))
    return bytes(128) + b"DICM" + length + group
