"""The directory of a package, read strictly: only what a writer of packages makes is taken.

Every header is compared with the one that its values make, so that no two readers can see two
different packages in the same bytes.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from emixcli.container.cipher import OVERHEAD
from emixcli.container.glue import CLOSE
from emixcli.container.zipformat import (
    AES_EXTRA,
    AES_ID,
    CENTRAL,
    CENTRAL_MAGIC,
    DEFLATED,
    END,
    END64,
    END64_MAGIC,
    END_MAGIC,
    LIMIT_16,
    LIMIT_32,
    LOCATOR64,
    LOCATOR64_MAGIC,
    STORED,
    ZIP64_ID,
    ZipEntry,
    central_header,
    end_records,
)
from emixcli.errors import PackageDamagedError

MAX_ENTRIES = 4_000_000
MAX_DIRECTORY = 512 * 1024 * 1024
_MAX_COMMENT = 65_535
_NAME = re.compile(r"[A-Z0-9_]{1,8}(\.[A-Z0-9]{1,3})?(/[A-Z0-9_]{1,8}(\.[A-Z0-9]{1,3})?){0,4}")
#: Deflate cannot make more than this of one byte.
_MAX_RATIO = 1032


@dataclass(frozen=True)
class Directory:
    """The entries, where the directory lies, its bytes with the end records, and the comment."""

    entries: list[ZipEntry]
    offset: int
    content: bytes
    comment: bytes


def damaged(what: str) -> PackageDamagedError:
    """Return the error for a package that is not as it was written."""
    return PackageDamagedError(what, hint="get the file again from where it came")


def file_size(file: BinaryIO) -> int:
    """Return the size of a seekable file."""
    return file.seek(0, os.SEEK_END)


def read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Return exactly `length` bytes.

    Raises
    ------
    PackageDamagedError
        The file ends before.
    """
    file.seek(offset)
    pieces = []
    left = length
    while left:
        piece = file.read(left)
        if not piece:
            raise damaged("the package is cut short")
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def read_directory(file: BinaryIO) -> Directory:
    """Return the directory of a package.

    Raises
    ------
    PackageDamagedError
        Cut short, lengthened, or not as a writer of packages makes it.
    """
    size = file_size(file)
    end_at, comment = _find_end(file, size)
    fields = END.unpack(read_at(file, end_at, END.size))
    n_entries, length, offset = fields[4], fields[5], fields[6]
    records_at = end_at
    if LIMIT_16 in fields[3:5] or LIMIT_32 in fields[5:7]:
        records_at, n_entries, length, offset = _read_end64(file, end_at)
    if n_entries > MAX_ENTRIES or length > MAX_DIRECTORY or offset + length != records_at:
        raise damaged("the directory of the package is damaged")
    content = read_at(file, offset, end_at + END.size - 2 - offset)
    entries = _parse(content[:length], n_entries)
    records = end_records(n_entries=n_entries, offset=offset, length=length)
    if content[length:] != records:
        raise damaged("the directory of the package is damaged")
    return Directory(entries, offset, content, comment)


def _find_end(file: BinaryIO, size: int) -> tuple[int, bytes]:
    """Return the offset of the end record, and the comment, which ends the file."""
    length = min(size, END.size + _MAX_COMMENT)
    tail = read_at(file, size - length, length)
    at = tail.rfind(END_MAGIC)
    while at >= 0:
        record = tail[at : at + END.size]
        if len(record) == END.size:
            comment = tail[at + END.size :]
            if END.unpack(record)[-1] == len(comment) and comment.startswith(CLOSE):
                return size - length + at, comment
        at = tail.rfind(END_MAGIC, 0, at)
    raise damaged("the package is cut short or has something behind its end")


def _read_end64(file: BinaryIO, end_at: int) -> tuple[int, int, int, int]:
    """Return offset of the Zip64 end record, number of entries, length and offset of directory."""
    locator_at = end_at - LOCATOR64.size
    record_at = locator_at - END64.size
    if record_at < 0:
        raise damaged("the directory of the package is damaged")
    magic, _, found_at, _ = LOCATOR64.unpack(read_at(file, locator_at, LOCATOR64.size))
    record = END64.unpack(read_at(file, record_at, END64.size))
    if magic != LOCATOR64_MAGIC or record[0] != END64_MAGIC or found_at != record_at:
        raise damaged("the directory of the package is damaged")
    return record_at, record[7], record[8], record[9]


def _parse(content: bytes, n_entries: int) -> list[ZipEntry]:
    entries = []
    at = 0
    try:
        for _ in range(n_entries):
            entry, length = _parse_header(content, at)
            entries.append(entry)
            at += length
    except (struct.error, UnicodeDecodeError, IndexError) as exc:
        raise damaged("the directory of the package is damaged") from exc
    if at != len(content) or len({entry.name for entry in entries}) != n_entries:
        raise damaged("the directory of the package is damaged")
    return entries


def _parse_header(content: bytes, at: int) -> tuple[ZipEntry, int]:
    """Return the entry of a header in the central directory, and the header's length."""
    fields = CENTRAL.unpack_from(content, at)
    data_length, size, name_length, extra_length, offset = (*fields[8:12], fields[16])
    length = CENTRAL.size + name_length + extra_length
    raw = content[at : at + length]
    name = raw[CENTRAL.size : CENTRAL.size + name_length].decode("ascii")
    extra = raw[CENTRAL.size + name_length :]
    aes = AES_EXTRA.unpack_from(extra)
    if len(extra) > AES_EXTRA.size:
        large = _large_values(extra[AES_EXTRA.size :])
        if size == LIMIT_32:
            size = large.pop(0)
        if data_length == LIMIT_32:
            data_length = large.pop(0)
        if offset == LIMIT_32:
            offset = large.pop(0)
    entry = ZipEntry(name, aes[5], data_length, size, offset)
    known = fields[0] == CENTRAL_MAGIC and aes[0] == AES_ID and aes[5] in {STORED, DEFLATED}
    if not known or not _NAME.fullmatch(name) or central_header(entry) != raw:
        raise damaged("the directory of the package is damaged")
    _check_sizes(entry)
    return entry, length


def _large_values(extra: bytes) -> list[int]:
    kind, length = struct.unpack_from("<HH", extra)
    if kind != ZIP64_ID or length != len(extra) - 4:
        raise damaged("the directory of the package is damaged")
    return list(struct.unpack(f"<{length // 8}Q", extra[4:]))


def _check_sizes(entry: ZipEntry) -> None:
    length = entry.data_length - OVERHEAD
    stored_fits = entry.method != STORED or length == entry.size
    if length < 0 or not stored_fits or entry.size > _MAX_RATIO * length + _MAX_RATIO:
        raise damaged(f"the sizes of entry {entry.name} cannot be")
