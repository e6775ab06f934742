"""Dummy values: valid for their VR, of even length, and telling nothing (PS3.15 Table E.1-1a)."""

from __future__ import annotations

import re
from typing import Final

TEXT: Final = "REMOVED"
DATE: Final = "20000101"
TIME: Final = "120000"

_DUMMIES: Final[dict[str, bytes]] = {
    "AE": b"REMOVED ",
    "AS": b"030Y",
    "CS": b"OTHER ",
    "DA": DATE.encode(),
    "DS": b"0 ",
    "DT": (DATE + TIME).encode(),
    "IS": b"0 ",
    "LO": b"REMOVED ",
    "LT": b"REMOVED ",
    "PN": b"REMOVED ",
    "SH": b"REMOVED ",
    "ST": b"REMOVED ",
    "TM": TIME.encode(),
    "UC": b"REMOVED ",
    "UR": b"about:blank ",
    "UT": b"REMOVED ",
}
#: Bytes of one value of the VRs of numbers.
WIDTHS: Final = {
    "AT": 4, "FD": 8, "FL": 4, "OB": 1, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "SL": 4,
    "SS": 2, "SV": 8, "UL": 4, "UN": 1, "US": 2, "UV": 8,
}  # fmt: skip
#: Longer text is read by nobody, and by no second look: none of it stays.
MAX_TEXT: Final = 128 * 1024
#: VRs of one value, in which a backslash is a character (PS3.5 section 6.4).
_SINGLE: Final = frozenset({"LT", "ST", "UR", "UT"})
#: VRs of numbers in text.
DECIMAL_VRS: Final = frozenset({"DS", "IS"})
TEXT_VRS: Final = frozenset(
    "AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split()  # noqa: SIM905 - a list is longer
)
#: VRs whose text is written by Specific Character Set (PS3.5 section 6.1.2.2).
CHARSET_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})

#: What a value of each VR may consist of, where it is kept unread.
SHAPES: Final[dict[str, re.Pattern[bytes]]] = {
    "AS": re.compile(rb"(?:\d{3}[DWMY])?[ \0]*"),
    "CS": re.compile(rb"[A-Z0-9 _\\]*\0*"),
    "DA": re.compile(rb"[0-9.\- \\]*\0*"),
    "DS": re.compile(rb"[0-9+\-.eE \\]*\0*"),
    "DT": re.compile(rb"[0-9+\-. \\]*\0*"),
    "IS": re.compile(rb"[0-9+\- \\]*\0*"),
    "TM": re.compile(rb"[0-9.:\- \\]*\0*"),
    "UI": re.compile(rb"[0-9. \\]*\0*"),
}


def dummy(vr: str, old: bytes) -> bytes:
    """Return a dummy of as many values as there were."""
    if vr in WIDTHS:
        return bytes(max(len(old), WIDTHS[vr]))
    made = _DUMMIES.get(vr, b"")
    # a backslash of another character set is no delimiter
    if b"\\" not in old or vr in _SINGLE or not old.isascii() or b"\x1b" in old:
        return made
    return b"\\".join([made.rstrip()] * (old.count(b"\\") + 1))
