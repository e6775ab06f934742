"""One byte range of a request (RFC 9110 section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class UnsatisfiableError(Exception):
    """No byte of the representation is in the range (416)."""


@dataclass(frozen=True)
class ByteRange:
    """`length` bytes from `start`."""

    start: int
    length: int

    def header(self, size: int) -> str:
        """The value of Content-Range."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def parse_range(
    range_header: str | None, if_range: str | None, *, etag: str, size: int
) -> ByteRange | None:
    """The range to send, or None for the whole.

    A header that is malformed, of another unit, or asks for several ranges is ignored, as RFC 9110
    section 14.2 allows: many ranges cost a server more than their sender (CVE-2025-62727).

    Raises
    ------
    UnsatisfiableError
    """
    if range_header is None or (if_range is not None and if_range.strip() != etag):
        return None
    match = _ONE_RANGE.fullmatch(range_header)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        if length == 0:
            raise UnsatisfiableError
        return ByteRange(size - length, length)
    start = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if last < start and match[2]:
        return None
    if start >= size:
        raise UnsatisfiableError
    return ByteRange(start, min(last, size - 1) - start + 1)
