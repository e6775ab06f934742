"""Repairs of objects that invent nothing: the data set stays as it is, byte for byte.

- A preamble or meta group that is missing or wrong is written anew (PS3.10 section 7.1), where the
  data set says its SOP class and instance.
- Compressed pixel data whose last fragment ends with the file gets the end mark that its writer
  left out (PS3.5 section A.4).

What is not repaired: pixel data of a wrong length (nobody can tell which of rows, columns, frames
and pixels is wrong) and sequences that do not end before the file does (what came behind them is
gone). Both are findings.
"""

from __future__ import annotations

import contextlib
import os
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

from emixcli.container.dicomdir import IMPLEMENTATION_CLASS_UID
from emixcli.errors import EmixError
from emixcli.media.elements import SLOTS
from emixcli.media.header import read_header
from emixcli.media.parser import syntax_in
from emixcli.syntaxes import DEFLATED_UID, UNCOMPRESSED
from emixcli.validate.pixels import ENCAPSULATED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emixcli.media.header import Header

_HEADS: Final = {
    "F05": "preamble added",
    "F06": "meta group added",
    "F07": "transfer syntax in the meta group corrected",
    "F11": "length of the meta group corrected",
}
_CLOSED: Final = "end mark of compressed pixels added"
_BEYOND_REPAIR: Final = frozenset({"S04", "S10", "F09"})
_ITEM: Final = 0xFFFEE000
_END_MARK: Final = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_MAX_FRAGMENTS: Final = 1_000_000
_COPY_PIECE: Final = 1 << 20


def repair(path: Path, new_place: Callable[[], Path]) -> tuple[str, ...]:
    """Write a repaired copy of an object where it needs one; return what was done.

    Parameters
    ----------
    path
        The object, which is not changed.
    new_place
        Called for the name of the copy, once and only where there will be one.
    """
    with path.open("rb") as file:
        try:
            header = read_header(file)
        except EmixError:
            return ()
        if _BEYOND_REPAIR.intersection(header.codes):
            return ()
        done = [words for code, words in _HEADS.items() if code in header.codes]
        head = _new_head(file, header) if done else b""
        if done and not head:
            return ()
        is_open = _lacks_end_mark(file, header)
        if not done and not is_open:
            return ()
        with new_place().open("xb") as out:
            out.write(head)
            file.seek(header.dataset_offset if head else 0)
            while piece := file.read(_COPY_PIECE):
                out.write(piece)
            if is_open:
                out.write(_END_MARK)
                done.append(_CLOSED)
    return tuple(done)


def _lacks_end_mark(file: BinaryIO, header: Header) -> bool:
    """Whether the fragments of compressed pixel data end exactly with the file."""
    at, length = header.pixels
    if at < 0 or length != ENCAPSULATED or str(_value(header, "TransferSyntaxUID")) == DEFLATED_UID:
        return False
    size = file.seek(0, os.SEEK_END)
    for number in range(_MAX_FRAGMENTS):
        if at >= size:
            return at == size and number > 1  # behind an offset table and a fragment
        file.seek(at)
        with contextlib.suppress(struct.error):
            group, element, length = struct.unpack("<HHI", file.read(8))
            if group << 16 | element == _ITEM:
                at += 8 + length
                continue
        return False
    return False


def _value(header: Header, keyword: str) -> str:
    return str(header.value(SLOTS[keyword]) or "")


def _new_head(file: BinaryIO, header: Header) -> bytes:
    """Return a new preamble and meta group, b"" where the object does not say enough."""
    syntax = _value(header, "TransferSyntaxUID")
    if "F07" in header.codes:
        file.seek(header.dataset_offset)
        syntax = syntax_in(file.read(6), declared=syntax) if syntax in UNCOMPRESSED else ""
    uids = (_value(header, "SOPClassUID"), _value(header, "SOPInstanceUID"), syntax)
    return _head(*uids) if all(uids) else b""


def _head(sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """Return preamble and meta group (PS3.10 section 7.1, table 7.1-1)."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, False
    write_file_meta_info(out, meta, enforce_standard=True)
    return bytes(128) + b"DICM" + out.getvalue()
