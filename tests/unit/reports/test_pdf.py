"""What is told of a PDF."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.reports import pdf
from tests.builders import pdf as one_page


def notes(data: bytes) -> list[str]:
    return [block.text for block in pdf.render(data)]


def with_catalog(extra: bytes) -> bytes:
    """Return a PDF whose catalog holds more; offsets are not kept, which readers repair."""
    return one_page().replace(b"/Type /Catalog", b"/Type /Catalog " + extra)


def test_pages_alone_are_nothing_to_tell() -> None:
    assert notes(one_page()) == []
    assert notes(with_catalog(b"/OpenAction [3 0 R /Fit]")) == []


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>", "JavaScript"),
        (b"/OpenAction << /S /J#61vaScript /J#53 (1) >>", "JavaScript"),
        (b"/Names << /JavaScript << /Names [] >> >>", "JavaScript"),
        (b"/AA << /WC << /S /Launch /F (cmd.exe) >> >>", "start other programs"),
        (b"/OpenAction << /S /SubmitForm /F (http://x.example/) >>", "send data elsewhere"),
        (b"/AcroForm << /XFA [] >>", "XFA"),
        (b"/Names << /EmbeddedFiles << /Names [] >> >>", "attached files"),
        (b"/OpenAction << /S /GoToR /F (\\\\\\\\host\\\\x) >>", "links to other files"),
    ],
)
def test_active_content_is_told(extra: bytes, said: str) -> None:
    (first, *_) = notes(with_catalog(extra))
    assert said in first
    assert first.endswith("it is not shown, so nothing runs.")


def test_where_links_lead_is_told_without_alarm() -> None:
    (block,) = pdf.render(with_catalog(b"/A << /S /URI /URI (https://x.example/) >>"))
    assert block.text == "Its links lead elsewhere: https://x.example/."
    assert not block.strong


def test_what_is_in_front_of_the_mark_is_told() -> None:
    assert "does not begin" in notes(b"<html>" + one_page())[0]


def test_a_bomb_is_not_unpacked() -> None:
    packed = zlib.compress(bytes(100_000_000), 9)
    bomb = b"<< /Type /ObjStm /N 9 /First 9 /Filter /FlateDecode /Length %d >>" % len(packed)
    data = b"%PDF-1.5\n1 0 obj\n" + bomb + b"stream\n" + packed + b"\nendstream endobj\n"
    assert notes(data + one_page()[9:]) is not None


@given(st.binary(max_size=500), st.integers(0, 600), st.integers(0, 100))
def test_damage_is_told_and_raises_nothing(noise: bytes, at: int, gone: int) -> None:
    whole = with_catalog(b"/OpenAction << /S /JavaScript /JS (1) >>")
    assert all(isinstance(note, str) for note in notes(whole[:at] + noise + whole[at + gone :]))


def test_the_corpus(shared_corpora: Path) -> None:
    """Real files are read without alarm but for passwords; no attack passes unsaid."""
    folder = shared_corpora / "reports"
    quiet = {"page_loop.pdf", "count_huge.pdf", "flate_bomb.pdf", "flate_bomb2.pdf"}
    for path in sorted(folder.rglob("*.pdf")):
        said = notes(path.read_bytes())
        if "attacks" in path.parts:
            assert bool(said) != (path.name in quiet), path.name
        else:
            assert all("password" in note or "links" in note for note in said), (path.name, said)
