"""Bytes behind a data set that are none of its elements: line ends, padding, parts of a message.

A writer, a mail or a web server may leave them there. They are told from the rest of a damaged or
cut data set by what they lack: nowhere in them begins an element that PS3.6 knows.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

from emixcli.deid import tables
from emixcli.deid.parse import LONG_VRS, SHORT_VRS

#: Data Set Trailing Padding: as this such bytes are counted.
TRAILING_PADDING: Final = 0xFFFCFFFC
#: More than this is looked at by nobody.
MAX_REST: Final = 64 * 1024
_PADDING: Final = b"\0\t\n\r\x1a \xff"
_HEAD: Final = 8
_LONG: Final = frozenset(vr.encode() for vr in LONG_VRS)
_VRS: Final = _LONG | frozenset(vr.encode() for vr in SHORT_VRS)


def is_rest(data: bytes, groups: Collection[int], *, explicit: bool, order: str = "<") -> bool:
    """Whether bytes from where an element could not be read to the end of the file are none.

    Parameters
    ----------
    groups
        Those of private elements before: what goes on with one of them may be one more.
    order
        Of bytes, as `struct` writes it.
    """
    if not data.strip(_PADDING):
        return True
    if len(data) > MAX_REST or _may_be_cut(data[:4], order):
        return False
    if len(data) >= _HEAD:
        group, element = struct.unpack_from(f"{order}HH", data)
        is_reserving = group & 1 and 0x10 <= element <= 0xFF
        if group in groups or is_reserving or (explicit and data[4:6] in _VRS):
            return False
    return not any(
        _is_element(data, at, explicit=explicit, order=order) for at in range(len(data) - _HEAD + 1)
    )


def _may_be_cut(start: bytes, order: str) -> bool:
    """Whether the first bytes are those of an attribute of PS3.6."""
    return any(
        struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF).startswith(start)
        for tag in tables.dictionary()
    )


def _is_element(data: bytes, at: int, *, explicit: bool, order: str) -> bool:
    group, element = struct.unpack_from(f"{order}HH", data, at)
    if group << 16 | element not in tables.dictionary():
        return False
    if not explicit:
        return bool(struct.unpack_from(f"{order}I", data, at + 4)[0] <= len(data) - at)
    return data[at + 4 : at + 6] in _VRS
