"""What is decided in one place stays there, and what silences a checker says why."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT

_SOURCES = sorted((ROOT / "emixcli").rglob("*.py"))
_ALL = [*_SOURCES, *(p for folder in ("tests", "tools") for p in (ROOT / folder).rglob("*.py"))]
_SILENT = re.compile(r"# (?:noqa|type: ignore)\b(?P<rest>.*)")
_REASONED = re.compile(r"(?:: [A-Z0-9, ]+|\[[a-z, -]+\]) +(?:- |# |\()[a-z]", re.IGNORECASE)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _with(pattern: str) -> set[str]:
    return {_name(path) for path in _SOURCES if re.search(pattern, path.read_text("utf-8"))}


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        (r'1\.2\.840\.10008\.1\.2["\.]', "emixcli/syntaxes.py"),
        (r"catch_warnings|disable_value_validation|validation_mode", "emixcli/quiet.py"),
    ],
    ids=["transfer syntaxes", "silence of pydicom"],
)
def test_one_place(pattern: str, place: str) -> None:
    assert _with(pattern) == {place}


def _comments(path: Path) -> Iterator[str]:
    source = io.StringIO(path.read_text("utf-8"))
    for token in tokenize.generate_tokens(source.readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def test_what_silences_a_checker_says_why() -> None:
    bare = [
        f"{_name(path)}: {comment}"
        for path in _ALL
        for comment in _comments(path)
        if (found := _SILENT.search(comment)) and not _REASONED.match(found["rest"])
    ]
    assert bare == []
