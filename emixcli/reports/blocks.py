"""A report made readable: a list of blocks that the terminal and the viewer draw.

Blocks hold plain text only. Nothing of a report's own mark-up, styles, scripts or addresses
reaches whoever draws them, so nothing has to be escaped or sandboxed.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final


class Kind(enum.StrEnum):
    """What a block is."""

    HEADING = "heading"  # text; level 1 to 6
    TEXT = "text"  # text, line ends kept
    ITEM = "item"  # text of one item of a list; level 1 to 6
    TABLE = "table"  # rows of cells; the first `head` rows are headings
    FACTS = "facts"  # rows of a label and a value
    NOTE = "note"  # what the reader must know: status, what is not shown
    DOCUMENT = "document"  # an attached document: text is its title, rows its kind and size


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a report.

    Parameters
    ----------
    level
        Depth of a heading or an item.
    rows
        Cells of a table, or labels and values.
    head
        How many of the first rows are headings.
    strong
        To be shown with emphasis: an abnormal result is not left to colour.
    """

    kind: Kind
    text: str = ""
    level: int = 1
    rows: tuple[tuple[str, ...], ...] = ()
    head: int = 0
    strong: bool = False

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON, without what is usual."""
        whole: dict[str, Any] = {
            "kind": str(self.kind), "text": self.text, "level": self.level,
            "rows": [list(row) for row in self.rows], "head": self.head, "strong": self.strong,
        }  # fmt: skip
        usual = {"text": "", "level": 1, "rows": [], "head": 0, "strong": False}
        return {name: value for name, value in whole.items() if usual.get(name) != value}


_MAX_LEVEL: Final = 6
#: Direction overrides and isolates make text read differently from what it is; C0 and C1 controls
#: drive terminals; soft hyphens and blanks of no width part words that are one.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u2060\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


_MARKS: Final = re.compile(r"[^\w\s!-~]{64}")


def clean(text: str) -> str:
    """Return text without what controls a terminal or the order of letters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Halves of a character beyond the first plane come from RTF, where they stand one by one.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not _MARKS.search(text):  # sorting a long run of marks takes quadratic time
        text = unicodedata.normalize("NFC", text)
    return _HIDDEN.sub("", text)


def one_line(text: str) -> str:
    """Return clean text with all white space as single blanks."""
    return " ".join(clean(text).split())


def heading(text: str, level: int = 1) -> Block:
    """Return a heading."""
    return Block(Kind.HEADING, one_line(text), level=min(max(level, 1), _MAX_LEVEL))


def paragraph(text: str, *, strong: bool = False) -> Block:
    """Return a paragraph; its line ends are kept."""
    return Block(Kind.TEXT, clean(text).strip("\n"), strong=strong)


def item(text: str, level: int = 1) -> Block:
    """Return an item of a list."""
    return Block(Kind.ITEM, clean(text).strip(), level=min(max(level, 1), _MAX_LEVEL))


def note(text: str, *, strong: bool = False) -> Block:
    """Return what the reader must know of the report."""
    return Block(Kind.NOTE, one_line(text), strong=strong)


def facts(pairs: Iterable[tuple[str, str]]) -> Block:
    """Return labels and values, those without value left out."""
    rows = tuple((label, clean(value).strip()) for label, value in pairs if value.strip())
    return Block(Kind.FACTS, rows=rows)


_MAX_COLUMNS: Final = 100


def _narrow(row: list[str]) -> list[str]:
    if len(row) <= _MAX_COLUMNS:
        return row
    return [*row[: _MAX_COLUMNS - 1], "  ".join(filter(None, row[_MAX_COLUMNS - 1 :]))]


def table(rows: Iterable[Iterable[str]], *, head: int = 0, caption: str = "") -> Block:
    """Return a table whose rows are of one length; what is beyond the last column stands in it."""
    cells = [_narrow([cell and clean(cell).strip() for cell in row]) for row in rows]
    width = max(map(len, cells), default=0)
    whole = tuple(tuple(row + [""] * (width - len(row))) for row in cells)
    return Block(Kind.TABLE, one_line(caption), rows=whole, head=head)
