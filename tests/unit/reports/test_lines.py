"""Reports as lines of text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.reports import blocks
from emixcli.reports.lines import columns, text_lines

BLOCKS = [
    blocks.heading("CT of the thorax"),
    blocks.facts([("Patient", "Example, Anna"), ("Born", "1961-03-12"), ("Empty", " ")]),
    blocks.note("Report status: preliminary.", strong=True),
    blocks.paragraph("No nodule.\n\nNo effusion."),
    blocks.item("left lung"),
    blocks.item("upper lobe", 2),
    blocks.table([["Test", "Value"], ["Creatinine", "1.9\ncritical"]], head=1, caption="Results"),
]


def test_every_kind_of_block() -> None:
    assert list(text_lines(BLOCKS)) == [
        "CT of the thorax", "================", "",
        "Patient:  Example, Anna", "Born:     1961-03-12", "",
        "Important: Report status: preliminary.", "",
        "No nodule.", "", "No effusion.", "",
        "- left lung", "  - upper lobe", "",
        "Results", "Test        Value", "----------  --------", "Creatinine  1.9",
        "            critical",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [20, 40, 80])
def test_lines_fit_a_terminal_and_keep_every_word(width: int) -> None:
    lines = list(text_lines(BLOCKS, width=width))
    assert max(map(columns, lines)) <= width
    kept = "".join("".join(lines).split())
    for word in ("Creatinine", "preliminary.", "effusion.", "Example,"):
        assert word in kept


def test_wide_letters_take_two_columns() -> None:
    (line, under) = text_lines([blocks.heading("所見")])
    assert (line, under) == ("所見", "====")
    assert columns("e\u0301") == 1


@given(st.text(), st.integers(8, 100))
def test_no_letter_is_lost(text: str, width: int) -> None:
    block = blocks.paragraph(text)
    lines = list(text_lines([block], width=width))
    assert "".join("".join(lines).split()) == "".join(block.text.split())
