"""A readable report as PDF: plain pages of fixed-width text, every font embedded.

What cannot be drawn is refused; nothing is drawn as a box. The same report gives the same bytes on
machines with the same fonts.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from emixcli.reports.blocks import Kind
from emixcli.reports.fonts import Letters, drawn
from emixcli.reports.lines import columns, fold, text_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emixcli.reports.blocks import Block

#: A4, in points.
_WIDTH, _HEIGHT, _MARGIN = 595, 842, 50
_SIZE, _LEADING, _CELL = 9.0, 12.0, 0.6
_COLUMNS: Final = int((_WIDTH - 2 * _MARGIN) / (_SIZE * _CELL))
_HEADINGS: Final = {1: 1.4, 2: 1.15}
_FOOTER: Final = 28
_BOLD: Final = 0.3  # width of the line around the letters of headings
_FILL, _FILL_AND_STROKE = 0, 2  # ISO 32000-1, table 106


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    scale: float = 1.0
    bold: bool = False


def make_pdf(found: Iterable[Block], *, footer: str = "") -> bytes:
    """Return a PDF of a readable report.

    Parameters
    ----------
    found
        The report.
    footer
        Stands below each page, before its number.

    Raises
    ------
    ReportError
        It has letters that cannot be drawn.
    """
    pages = list(_pages([_Line(drawn(line.text), line.scale, line.bold) for line in _lines(found)]))
    footers = [
        _Line(f"{footer + ', ' if footer else ''}page {number} of {len(pages)}", 0.85)
        for number in range(1, len(pages) + 1)
    ]
    letters = Letters()
    letters.require("".join(line.text for page in (*pages, footers) for line in page))
    return _document(pages, footers, letters)


def _lines(found: Iterable[Block]) -> Iterator[_Line]:
    """Yield the lines of a report: headings larger and bold, the rest as in a terminal."""
    before: Kind | None = None
    for block in found:
        if before is not None and not (before == block.kind == Kind.ITEM):
            yield _Line("")
        if block.kind == Kind.HEADING:
            scale = _HEADINGS.get(block.level, 1.0)
            for text in fold(block.text, int(_COLUMNS / scale)):
                yield _Line(text, scale, bold=True)
        else:
            for text in text_lines([block], width=_COLUMNS):
                yield _Line(text, bold=block.strong)
        before = block.kind


def _pages(lines: list[_Line]) -> Iterator[list[_Line]]:
    page: list[_Line] = []
    room = float(_HEIGHT - 2 * _MARGIN)
    for line in lines:
        if room < _LEADING * line.scale:
            yield page
            page, room = [], float(_HEIGHT - 2 * _MARGIN)
        page.append(line)
        room -= _LEADING * line.scale
    yield page


def _document(pages: list[list[_Line]], footers: list[_Line], letters: Letters) -> bytes:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfgen.canvas import Canvas

    for font in letters.fonts():
        pdfmetrics.registerFont(font)
    file = io.BytesIO()
    # invariant: no time of making, so that the same report gives the same bytes
    canvas = Canvas(file, pagesize=(_WIDTH, _HEIGHT), invariant=1, pageCompression=1)
    canvas.setTitle("Report")
    canvas.setLineWidth(_BOLD)
    for page, footer in zip(pages, footers, strict=True):
        y = float(_HEIGHT - _MARGIN)
        for line in page:
            y -= _LEADING * line.scale
            _draw(canvas, line, y, letters)
        _draw(canvas, footer, _FOOTER, letters)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw(canvas: Any, line: _Line, y: float, letters: Letters) -> None:
    """Draw a line, each letter in its column: runs of one font and one gap behind each letter."""
    size = _SIZE * line.scale

    def kind(letter: str) -> tuple[str, float]:
        return letters.font(letter), _CELL * columns(letter) - letters.width(letter)

    column = 0
    for (font, gap), run in groupby(line.text, key=kind):
        text = "".join(run)
        canvas.setFont(font, size)
        x = _MARGIN + column * _CELL * size
        mode = _FILL_AND_STROKE if line.bold else _FILL
        canvas.drawString(x, y, text, mode=mode, charSpace=gap * size)
        column += columns(text)
