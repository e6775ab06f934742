"""A writer for plain PDF pages: lines of text in Helvetica, rules, nothing else.

Reference: ISO 32000-1 sections 7.5 (file structure) and 9.4 (text objects).
"""

from __future__ import annotations

from dataclasses import dataclass

_FONTS = {"regular": "Helvetica", "bold": "Helvetica-Bold"}
PAGE_WIDTH, PAGE_HEIGHT = 595, 842  # A4 in points


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `x` and `y` in points from the upper left corner of the page."""

    x: float
    y: float
    text: str
    size: float = 10.5
    bold: bool = False
    grey: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A thin horizontal line."""

    x: float
    y: float
    width: float


def make_pdf(pages: list[list[Text | Rule]], *, title: str) -> bytes:
    """Return a PDF 1.4 file; characters outside Windows-1252 become question marks."""
    objects: list[bytes] = [b"", b""]  # catalog and page tree, filled in below
    fonts = []
    for name in _FONTS.values():
        font = f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
        objects.append(font.encode())
        fonts.append(len(objects))
    resources = f"<< /Font << /F1 {fonts[0]} 0 R /F2 {fonts[1]} 0 R >> >>"
    kids = []
    for page in pages:
        content = b"".join(_operators(item) for item in page)
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE_WIDTH} {PAGE_HEIGHT}] "
            f"/Resources {resources} /Contents {len(objects)} 0 R >>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    objects.append(b"<< /Title %b /Producer (emix) >>" % _string(title))
    return _file(objects)


def _file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\n" % (len(objects) + 1, len(objects))
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _operators(item: Text | Rule) -> bytes:
    y = PAGE_HEIGHT - item.y
    if isinstance(item, Rule):
        return b"0.6 G 0.6 w %.1f %.1f m %.1f %.1f l S\n" % (item.x, y, item.x + item.width, y)
    font = b"F2" if item.bold else b"F1"
    place = b"BT /%b %.1f Tf %.2f g %.1f %.1f Td " % (font, item.size, item.grey, item.x, y)
    return place + _string(item.text) + b" Tj ET\n"


def _string(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    for char in (b"\\", b"(", b")"):
        raw = raw.replace(char, b"\\" + char)
    return b"(" + raw + b")"
