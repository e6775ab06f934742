"""Numbers with their nouns, and sizes."""

from __future__ import annotations

import pytest

from emixcli.words import noun, size_text, some


def test_numbers_and_nouns() -> None:
    assert [some(n, "study") for n in (0, 1, 2)] == ["0 studies", "1 study", "2 studies"]
    assert some(1, "file") == "1 file"
    assert [some(n, "series") for n in (1, 2)] == ["1 series", "2 series"]
    assert noun(3, "instance") == "instances"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e12, "2.5 TB"), (4e15, "4000.0 TB")],
)
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text
