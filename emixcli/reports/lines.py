"""Blocks of a report as lines of plain text, for terminals and text files."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from emixcli.reports.blocks import Kind

if TYPE_CHECKING:
    from emixcli.reports.blocks import Block

_GAP: Final = 2
_NARROWEST: Final = 8
_UNDERLINES: Final = {1: "=", 2: "-"}


def text_lines(found: Iterable[Block], *, width: int | None = None) -> Iterator[str]:
    """Yield a report as lines without line ends.

    Parameters
    ----------
    width
        Columns to fold lines at; None folds nothing.
    """
    before: Block | None = None
    for block in found:
        if before is not None and not (before.kind == block.kind == Kind.ITEM):
            yield ""
        yield from _block(block, width)
        before = block


def columns(text: str) -> int:
    """Return how many columns a line takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter)
        else 1 + (unicodedata.east_asian_width(letter) in ("W", "F"))
        for letter in text
    )  # fmt: skip


def fold(text: str, width: int | None) -> list[str]:
    """Return a text as lines of at most `width` columns, broken at blanks where there are any."""
    lines = text.replace("\t", "    ").split("\n")
    return lines if width is None else [part for line in lines for part in _fold(line, width)]


def _fold(line: str, width: int) -> Iterator[str]:
    start = line[: len(line) - len(line.lstrip())][: width // 2]
    kept = start
    for word in line.split():
        if kept.strip() and columns(kept) + 1 + columns(word) > width:
            yield kept
            kept = start
        kept += f" {word}" if kept.strip() else word
        while columns(kept) > width:
            cut = _cut(kept, width)
            yield kept[:cut]
            kept = kept[cut:]
    yield kept.rstrip()


def _cut(text: str, width: int) -> int:
    """Return how many characters fit; at least one."""
    used = 0
    for number, letter in enumerate(text):
        used += columns(letter)
        if used > width:
            return max(1, number)
    return len(text)


def _block(block: Block, width: int | None) -> Iterator[str]:
    if block.kind == Kind.HEADING:
        lines = fold(block.text, width)
        yield from lines
        if block.level in _UNDERLINES:
            yield _UNDERLINES[block.level] * max(map(columns, lines))
    elif block.kind == Kind.ITEM:
        yield from _hanging("  " * (block.level - 1) + "- ", block.text, width)
    elif block.kind == Kind.NOTE:
        yield from _hanging("Important: " if block.strong else "Note: ", block.text, width)
    elif block.kind == Kind.FACTS:
        yield from _table([[f"{row[0]}:", *row[1:]] for row in block.rows], width)
    elif block.kind == Kind.TABLE:
        yield from _captioned(block, width)
    elif block.kind == Kind.DOCUMENT:
        facts = ", ".join(cell for row in block.rows for cell in row)
        yield from fold(f"{block.text}: {facts}", width)
    else:
        yield from fold(block.text, width)


def _hanging(mark: str, text: str, width: int | None) -> Iterator[str]:
    inner = None if width is None else max(width - len(mark), _NARROWEST)
    for number, line in enumerate(fold(text, inner)):
        yield (mark if not number else " " * len(mark)) + line


def _captioned(block: Block, width: int | None) -> Iterator[str]:
    if block.text:
        yield from fold(block.text, width)
    yield from _table(block.rows, width, block.head)


def _table(rows: Sequence[Sequence[str]], width: int | None, head: int = 0) -> Iterator[str]:
    """Yield columns of equal width, cells of several lines side by side."""
    widths = _widths(rows, width)
    for number, row in enumerate(rows):
        cells = [
            fold(cell, None if width is None else size)
            for cell, size in zip(row, widths, strict=True)
        ]
        for line in range(max(map(len, cells), default=0)):
            parts = [cell[line] if line < len(cell) else "" for cell in cells]
            padded = [
                part + " " * (size - columns(part))
                for part, size in zip(parts, widths, strict=True)
            ]
            yield (" " * _GAP).join(padded).rstrip()
        if number == head - 1:
            yield (" " * _GAP).join("-" * size for size in widths)


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return the width of each column; the widest give way where all do not fit."""
    count = max(map(len, rows), default=0)
    widths = [
        max(
            (columns(line) for row in rows for line in row[n].replace("\t", "    ").split("\n")),
            default=0,
        )
        for n in range(count)
    ]
    if width is None or not widths:
        return widths
    room = max(width - _GAP * (count - 1), _NARROWEST * count)
    limit = max(widths)
    while sum(min(size, limit) for size in widths) > room and limit > _NARROWEST:
        limit -= 1
    return [min(size, limit) for size in widths]
