"""A readable report as PDF: plain pages of fixed-width text, every font embedded.

What cannot be drawn is refused; nothing is drawn as a box. The same report gives the same bytes on
machines with the same fonts.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from emixcli.reports.blocks import Kind
from emixcli.reports.fonts import Letters, drawn
from emixcli.reports.lines import columns, fold, text_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emixcli.reports.blocks import Block
    from emixcli.reports.truetype import Font

#: A4, in points.
_WIDTH, _HEIGHT, _MARGIN = 595, 842, 50
_SIZE, _LEADING, _CELL = 9.0, 12.0, 0.6
_COLUMNS: Final = int((_WIDTH - 2 * _MARGIN) / (_SIZE * _CELL))
_HEADINGS: Final = {1: 1.4, 2: 1.15}
_FOOTER: Final = 28
_BOLD: Final = 0.3  # width of the line around the letters of headings
_WIDE: Final = 2


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
    return _document(
        [_content(page, end, letters) for page, end in zip(pages, footers, strict=True)], letters
    )


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


def _content(page: list[_Line], footer: _Line, letters: Letters) -> bytes:
    parts, y = ["BT"], float(_HEIGHT - _MARGIN)
    for line in page:
        y -= _LEADING * line.scale
        parts.extend(_drawn(line, y, letters))
    parts.extend(_drawn(footer, _FOOTER, letters))
    return "\n".join([*parts, "ET"]).encode("ascii")


def _drawn(line: _Line, y: float, letters: Letters) -> Iterator[str]:
    """Yield the operators that draw a line, each letter in its column (ISO 32000-1, 9.4.3)."""
    size = _SIZE * line.scale
    yield f"2 Tr {_BOLD} w" if line.bold else "0 Tr"
    column = 0
    for number, run in groupby(line.text, key=lambda letter: letters.glyph(letter)[0]):
        text = "".join(run)
        x = _MARGIN + column * _CELL * size
        yield f"/F{number} {size:.2f} Tf 1 0 0 1 {x:.2f} {y:.2f} Tm [{_shown(text, letters)}] TJ"
        column += columns(text)


def _shown(text: str, letters: Letters) -> str:
    """Return glyphs, and between them what brings each to its column."""
    parts = []
    for letter in text:
        number, glyph = letters.glyph(letter)
        cell = round(1000 * _CELL) * columns(letter)
        gap = letters.fonts[number].width(glyph) - cell
        parts.append(f"<{glyph:04X}>" + (f" {gap}" if gap else ""))
    return "".join(parts).replace("><", "")


def _document(contents: list[bytes], letters: Letters) -> bytes:
    """Put a file together (ISO 32000-1, 7.5)."""
    n_fonts = len(letters.fonts)
    font_at = 3  # four objects for each font
    page_at = font_at + 4 * n_fonts
    kids = " ".join(f"{page_at + 2 * number} 0 R" for number in range(len(contents)))
    fonts = " ".join(f"/F{number} {font_at + 4 * number} 0 R" for number in range(n_fonts))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        (
            f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)}"
            f" /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Resources << /Font << {fonts} >> >> >>"
        ).encode(),
    ]
    for number, font in enumerate(letters.fonts):
        objects += _font(font, letters.used[number], font_at + 4 * number, number)
    for number, content in enumerate(contents):
        at = page_at + 2 * number
        objects += [
            f"<< /Type /Page /Parent 2 0 R /Contents {at + 1} 0 R >>".encode(), _stream(content),
        ]  # fmt: skip
    return _file(objects)


def _font(font: Font, used: dict[int, str], at: int, number: int) -> list[bytes]:
    """Return a font as PDF has it: font, descendant, descriptor, file; and its letters."""
    name = f"EMIX{chr(65 + number // 26)}{chr(65 + number % 26)}+Report{number}"
    scaled = [round(value * 1000 / font.units) for value in (*font.box, *font.heights)]
    widths = " ".join(f"{glyph} [{font.width(glyph)}]" for glyph in sorted(used))
    file = font.subset(used)
    descendant = (
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /CIDToGIDMap /Identity"
        " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
        f" /W [{widths}] /FontDescriptor << /Type /FontDescriptor /FontName /{name} /Flags 4"
        f" /FontBBox [{' '.join(map(str, scaled[:4]))}] /ItalicAngle 0 /Ascent {scaled[4]}"
        f" /Descent {scaled[5]} /CapHeight {scaled[4]} /StemV 80 /FontFile2 {at + 2} 0 R >> >>"
    )
    return [
        (
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H"
            f" /DescendantFonts [{at + 1} 0 R] /ToUnicode {at + 3} 0 R >>"
        ).encode(),
        descendant.encode(),
        _stream(file, f" /Length1 {len(file)}"),
        _stream(_unicode_map(used)),
    ]


def _unicode_map(used: dict[int, str]) -> bytes:
    """Return the letters of glyphs, for search and copying (ISO 32000-1, 9.10.3)."""
    rows = [
        f"<{glyph:04X}> <{letter.encode('utf-16-be').hex().upper()}>"
        for glyph, letter in sorted(used.items())
    ]
    groups = [rows[at : at + 100] for at in range(0, len(rows), 100)]
    body = [line for group in groups for line in (f"{len(group)} beginbfchar", *group, "endbfchar")]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
            "1 begincodespacerange <0000> <FFFF> endcodespacerange",
            *body,
            "endcmap CMapName currentdict /CMap defineresource pop end end",
        ]
    ).encode("ascii")


def _stream(data: bytes, more: str = "") -> bytes:
    packed = zlib.compress(data, 9)
    head = f"<< /Length {len(packed)} /Filter /FlateDecode{more} >>\nstream\n".encode()
    return head + packed + b"\nendstream"


def _file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(out)
