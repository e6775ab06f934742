"""The header of a file that cannot be read whole: what stands before the first bad byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emixcli.media.disc.sectors import UnreadableError

if TYPE_CHECKING:
    from emixcli.media.header import Header, HeaderReader
    from emixcli.media.opened import Opened
    from emixcli.media.sources import Bytes, MediaFile

#: A header that is longer is not looked for behind a scratch.
_LONGEST: Final = 1024 * 1024
_STEP: Final = 16 * 1024


def damaged_header(file: MediaFile, opened: Opened, headers: HeaderReader) -> Header | None:
    """Return what can be read of a header, None where that is nothing."""
    try:
        content = opened.careful(file)
    except OSError:
        return None
    head = readable_head(content)

    def read_at(offset: int, length: int) -> bytes:
        return head[offset : offset + length]

    return headers.find(head[: headers.head_length], content.size, read_at) if head else None


def readable_head(content: Bytes) -> bytes:
    """Return the bytes of a file before the first that cannot be read, at most 1 MiB.

    Nothing behind it is tried: a drive takes seconds for each bad sector.
    """
    parts: list[bytes] = []
    at, end = 0, min(content.size, _LONGEST)
    while at < end:
        try:
            data = content.read_at(at, min(_STEP, end - at))
        except OSError as exc:
            if not isinstance(exc, UnreadableError) or exc.start <= at:
                break
            end = exc.start
            continue
        if not data:
            break
        parts.append(data)
        at += len(data)
    return b"".join(parts)
