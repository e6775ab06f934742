"""Plain text in any common encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.media.sniff import wide_encoding
from emixcli.reports import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.reports.blocks import Block

_MARKS: Final = (
    (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
_ESCAPES: Final = ((b"\x1b$", "iso2022_jp_2"),)
_DEFAULT: Final = "cp1252"
_LOOK: Final = 1024
_MAX_SHOWN: Final = 1_200_000  # characters; the reader of reports says that it cuts


class Decoded(NamedTuple):
    """Text, the encoding it was read by, and whether another may be the true one."""

    text: str
    encoding: str
    in_doubt: bool


def decode(data: bytes) -> Decoded:
    """Decode by mark, by escape sequences, by its width, as UTF-8, and last as Windows-1252."""
    for mark, encoding in (*_MARKS, *_ESCAPES):
        if data.startswith(mark) or (mark.startswith(b"\x1b") and mark in data):
            try:
                return Decoded(data.decode(encoding), encoding, in_doubt=False)
            except UnicodeDecodeError:
                continue
    wide = wide_encoding(data) if b"\0" in data[:_LOOK] else ""
    for encoding in filter(None, (wide, "utf-8")):
        try:
            return Decoded(data.decode(encoding), encoding, in_doubt=False)
        except UnicodeDecodeError:
            continue
    return Decoded(data.decode(_DEFAULT, "replace"), _DEFAULT, in_doubt=True)


def render(data: bytes) -> Iterator[Block]:
    """Yield the text as it stands, and a note where its encoding is a guess."""
    decoded = decode(data)
    if decoded.in_doubt:
        yield blocks.note("The encoding is not known: letters with accents may be wrong.")
    yield blocks.paragraph(decoded.text[:_MAX_SHOWN])
