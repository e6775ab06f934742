"""Records of the ZIP format (PKWARE APPNOTE 6.3.10) as packages use them.

Every entry is encrypted by AE-2 (APPNOTE method 99, WinZip's extra field 0x9901), its sizes stand
in the local header, its time is fixed, and Zip64 fields are there only where a value needs them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

STORED, DEFLATED = 0, 8
_AES_METHOD = 99
_VERSION = 51  # AES encryption
_ENCRYPTED = 1
#: 1 January 1980, 00:00: no clock enters the bytes.
_DOS_TIME, _DOS_DATE = 0, 0x21
LIMIT_32, LIMIT_16 = 0xFFFFFFFF, 0xFFFF

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
END64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR64 = struct.Struct("<4sIQI")
AES_EXTRA = struct.Struct("<HHH2sBH")
LOCAL_MAGIC, CENTRAL_MAGIC, END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END64_MAGIC, LOCATOR64_MAGIC = b"PK\x06\x06", b"PK\x06\x07"
AES_ID, ZIP64_ID = 0x9901, 1


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One entry as both of its headers describe it.

    `offset` is that of the local header, `data_length` that of salt, verifier, ciphertext and
    authentication code together, `size` that of the plain bytes.
    """

    name: str
    method: int
    data_length: int
    size: int
    offset: int = 0

    @property
    def data_offset(self) -> int:
        """File offset of the salt."""
        return self.offset + len(local_header(self))


def local_header(entry: ZipEntry) -> bytes:
    """Return the local file header (APPNOTE 4.3.7) with its name and extra fields."""
    extra = _aes_extra(entry.method)
    data_length, size = entry.data_length, entry.size
    if max(data_length, size) >= LIMIT_32:
        # APPNOTE 4.5.3: in a local header both sizes, always
        extra += struct.pack("<HHQQ", ZIP64_ID, 16, size, data_length)
        data_length = size = LIMIT_32
    name = entry.name.encode("ascii")
    fixed = LOCAL.pack(
        LOCAL_MAGIC, _VERSION, _ENCRYPTED, _AES_METHOD, _DOS_TIME, _DOS_DATE,
        0, data_length, size, len(name), len(extra),
    )  # fmt: skip
    return fixed + name + extra


def central_header(entry: ZipEntry) -> bytes:
    """Return the entry's header in the central directory (APPNOTE 4.3.12)."""
    large = b""
    values = []
    for value in (entry.size, entry.data_length, entry.offset):
        if value >= LIMIT_32:
            large += struct.pack("<Q", value)
        values.append(min(value, LIMIT_32))
    size, data_length, offset = values
    extra = _aes_extra(entry.method)
    if large:
        extra += struct.pack("<HH", ZIP64_ID, len(large)) + large
    name = entry.name.encode("ascii")
    fixed = CENTRAL.pack(
        CENTRAL_MAGIC, _VERSION, _VERSION, _ENCRYPTED, _AES_METHOD, _DOS_TIME, _DOS_DATE,
        0, data_length, size, len(name), len(extra), 0, 0, 0, 0, offset,
    )  # fmt: skip
    return fixed + name + extra


def end_records(*, n_entries: int, offset: int, length: int) -> bytes:
    """Return the end records but the last two bytes, the comment length.

    Parameters
    ----------
    n_entries
        Entries in the central directory.
    offset, length
        Where the central directory is.
    """
    records = b""
    if n_entries >= LIMIT_16 or offset >= LIMIT_32 or length >= LIMIT_32:
        records = END64.pack(
            END64_MAGIC, END64.size - 12, _VERSION, _VERSION, 0, 0,
            n_entries, n_entries, length, offset,
        ) + LOCATOR64.pack(LOCATOR64_MAGIC, 0, offset + length, 1)  # fmt: skip
    count = min(n_entries, LIMIT_16)
    end = END.pack(END_MAGIC, 0, 0, count, count, min(length, LIMIT_32), min(offset, LIMIT_32), 0)
    return records + end[:-2]


def _aes_extra(method: int) -> bytes:
    return AES_EXTRA.pack(AES_ID, 7, 2, b"AE", 3, method)
