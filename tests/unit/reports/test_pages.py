"""Pages drawn from a report: the same each time, all its letters or none."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from emixcli.errors import ReportError
from emixcli.reports import blocks, fonts
from emixcli.reports.pdf_writer import make_pdf

FOUND = [
    blocks.heading("CT of the thorax"), blocks.note("Report status: preliminary", strong=True),
    blocks.facts([("Patient", "Example, Anna"), ("Born", "1961-03-12")]),
    blocks.paragraph("Lungs clear.\n" * 70),
    blocks.table([["Test", "Value"], ["Creatinine", "1.9"]], head=1), blocks.item("one"),
]  # fmt: skip


def pages_of(data: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(data), strict=True).pages]


@pytest.fixture
def drawn() -> bytes:
    if not fonts._paths():
        pytest.skip("no font on this machine")
    return make_pdf(FOUND, footer="readable form")


def test_every_line_and_number_of_pages(drawn: bytes) -> None:
    pages = pages_of(drawn)
    assert len(pages) == 2
    assert "".join(pages).count("Lungs clear.") == 70
    assert "readable form, page 2 of 2" in pages[1]
    assert "Important: Report status: preliminary" in pages[0]


def test_the_same_report_gives_the_same_bytes(drawn: bytes) -> None:
    make_pdf([blocks.paragraph("other letters first: XYZ")])
    assert make_pdf(FOUND, footer="readable form") == drawn


def test_every_font_is_embedded(drawn: bytes) -> None:
    for page in PdfReader(io.BytesIO(drawn)).pages:
        for font in page["/Resources"]["/Font"].get_object().values():  # type: ignore[index]  # pypdf
            inner = font.get_object()
            descriptor = inner.get("/FontDescriptor")
            if descriptor is not None:
                assert "/FontFile2" in descriptor.get_object()


def test_letters_without_width_are_left_out(drawn: bytes) -> None:
    del drawn
    data = make_pdf([blocks.paragraph("soft\u00adhyphen\u200b and\u00a0blank")])
    assert "softhyphen and blank" in pages_of(data)[0]


@pytest.mark.parametrize("text", ["שלום", "سلام", "e\u0331\u0332", "\U0010fffd"])
def test_what_cannot_be_drawn_right_is_refused(text: str) -> None:
    with pytest.raises(ReportError, match="cannot be drawn here") as failure:
        make_pdf([blocks.paragraph(text)])
    assert text not in str(failure.value)


def test_without_any_font_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_paths", tuple)
    with pytest.raises(ReportError, match="cannot be drawn here: digit, latin"):
        make_pdf([blocks.paragraph("a1")])
