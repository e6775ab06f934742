"""Documents inside reports: what they are, and where their bytes stand in the original.

A long document is not copied into the index of a package: the viewer takes it out of the report
itself, which travels bit for bit, by the places and the hash that are told here. What is short and
stands in no plain Base64 is told whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emixcli.reports import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.reports.blocks import Block
    from emixcli.reports.reading import Reading

_MAX_CONTENT: Final = 65536
_MAX_TITLE: Final = 80
#: What feeds break lines of Base64 with; the viewer leaves out the same.
_BREAKS: Final = re.compile(rb"\\\.br\\|\\X0[AD](?:0[AD])?\\|\s+", re.IGNORECASE)
_BETWEEN_LINES: Final = re.compile(rb"[\s\x0b]*")

WORDS: Final = {
    "pdf": "PDF", "rtf": "RTF", "cda": "CDA", "text": "text", "xml": "XML", "html": "web page",
    "png": "picture (PNG)", "jpeg": "picture (JPEG)", "tiff": "picture (TIFF)",
    "gif": "picture (GIF)", "bmp": "picture (BMP)", "zip": "archive (ZIP)",
    "executable": "a program", "office": "office document", "reference": "elsewhere, not fetched",
}  # fmt: skip
EXTENSIONS: Final = {
    "pdf": ".pdf", "rtf": ".rtf", "cda": ".xml", "text": ".txt", "xml": ".xml", "png": ".png",
    "jpeg": ".jpg", "tiff": ".tif", "gif": ".gif", "bmp": ".bmp",
}  # fmt: skip
"""Of kinds that can be named as what they are; others are saved as `.bin`, and open nowhere."""


@dataclass(frozen=True, slots=True)
class Inner:
    """A document inside a report.

    Parameters
    ----------
    kind
        By its first bytes: `pdf`, `rtf`, `cda`, `text`, a picture, …, `reference`, `unknown`.
    data
        Its bytes, none for a reference, which is never followed.
    title
        What the report calls it.
    payloads
        How its parts stand in the report.
    reading
        What it says; None where it is of a kind that is not read, or one of too many.
    """

    kind: str
    data: bytes
    title: str = ""
    payloads: tuple[str, ...] = ()
    reading: Reading | None = None

    @property
    def words(self) -> str:
        """Its kind and size for people."""
        kind = WORDS.get(self.kind, "unknown kind")
        return f"{kind}, {len(self.data):,} bytes" if self.data else kind

    def as_json(self) -> dict[str, Any]:
        """Return what is told of it, but its bytes."""
        read = self.reading
        fields: dict[str, Any] = {
            "kind": self.kind, "title": self.title[:_MAX_TITLE], "size": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest() if self.data else "",
            "blocks": [block.as_document() for block in read.blocks] if read else [],
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value not in ("", [])}

    def as_index(self, original: bytes) -> dict[str, Any]:
        """Return the same, and where the viewer finds its bytes.

        Parameters
        ----------
        original
            The report as it travels.
        """
        fields = self.as_json()
        parts = _places(original, self.payloads)
        if parts and b"".join(_decoded(original[a : a + n]) for a, n in parts) == self.data:
            fields["parts"] = parts
        elif self.data and len(self.data) <= _MAX_CONTENT:
            fields["content"] = base64.b64encode(self.data).decode()
        return fields


def iter_inner(read: Reading) -> Iterator[Inner]:
    """Yield the documents inside a report, and those inside them."""
    for one in read.inner:
        yield one
        if one.reading:
            yield from iter_inner(one.reading)


def with_inner(read: Reading) -> Iterator[Block]:
    """Yield a report, and behind it the documents inside it."""
    yield from read.blocks
    for number, one in enumerate(read.inner, 1):
        title = f": {one.title}" if one.title else ""
        yield blocks.heading(f"Document {number}{title} ({one.words})")
        if one.reading:
            yield from with_inner(one.reading)


def _places(original: bytes, payloads: tuple[str, ...]) -> list[list[int]]:
    """Return offset and length of each part in the original, none where one is not found."""
    places: list[list[int]] = []
    at = 0
    for payload in payloads:
        if not payload.isascii():
            return []
        first, *lines = payload.encode().split(b"\n")
        start = original.find(first, at)
        if not first or start < 0:
            return []
        at = start + len(first)
        for line in lines:
            gap = _BETWEEN_LINES.match(original, at)
            at = gap.end() if gap else at
            if not original.startswith(line.strip(), at):
                return []
            at += len(line.strip())
        places.append([start, at - start])
    return places


def _decoded(encoded: bytes) -> bytes:
    packed = _BREAKS.sub(b"", encoded).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
