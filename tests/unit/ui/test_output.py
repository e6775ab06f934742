"""Standard output and error: hostile text stays text."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest

from emixcli.ui import console, output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [red]text[/red]", "plain [red]text[/red]"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\rb", "a\\x0db"),
        ("\x9bq", "\\x9bq"),
        ("abc\u202etxt", "abc\\u202etxt"),
        ("Źdźbło 山田", "Źdźbło 山田"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert output.visible(text) == shown


def test_lines_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_line("x" * 300)
    output.write_table([("a", "1"), ("long", "\x1b22")], head=("name", "n"))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["x" * 300, "NAME  N", "a     1", "long  \\x1b22"]


ROWS = [("a" * 26, "shared", "x@clinic.example:held yy@clinic.example:held"), ("b", "sealed", "")]


def test_a_table_fits_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 24)))
    output.write_table(ROWS, head=("package", "state", "shares"))
    output.write_hanging("next:  ", "copy the disc again, or ask the sender for a new one")
    output.write_hanging("link:  ", "x" * 60)
    assert capsys.readouterr().out.splitlines() == [
        "PACKAGE                     STATE",
        "    SHARES",
        f"{'a' * 26}  shared",
        "    x@clinic.example:held",
        "    yy@clinic.example:held",
        "b                           sealed",
        "next:  copy the disc again, or ask the",
        "       sender for a new one",
        f"link:  {'x' * 60}",
    ]


@pytest.mark.parametrize("size", ["the terminal's", "COLUMNS"])
def test_words_for_people_fit_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    if size == "COLUMNS":
        monkeypatch.setenv("COLUMNS", "30")
    else:
        monkeypatch.delenv("COLUMNS", raising=False)
        monkeypatch.setattr(sys.stderr, "fileno", lambda: 2, raising=False)
        monkeypatch.setattr(os, "get_terminal_size", lambda _fd: os.terminal_size((30, 24)))
    lines = (
        "emix: hint: try another drive, then ask for a copy",
        "  2024-01-02  CHEST ABDOMEN, CT, 3 images",
    )
    told = "\n".join(lines)
    console.tell(told)
    assert capsys.readouterr().err == f"{told}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    console.tell(told)
    console.tell("a" * 40)
    assert capsys.readouterr().err.splitlines() == [
        "emix: hint: try another drive,",
        "    then ask for a copy",
        "  2024-01-02  CHEST ABDOMEN,",
        "      CT, 3 images",
        "a" * 40,
    ]
    question = "send CHEST^ONE (1 study) to jo@clinic.example? [y/N] "
    assert console.fitted(question) == (
        "send CHEST^ONE (1 study) to\n    jo@clinic.example? [y/N] "
    )


def test_a_table_in_a_pipe_is_a_line_for_a_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    output.write_table(ROWS, head=("package", "state", "shares"))
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_an_empty_table_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_table([])
    assert capsys.readouterr().out == ""


def test_json_is_utf8_whatever_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    document = {"name": "Źdźbło", "undecodable": "\udcff"}
    output.write_json(document)
    assert json.loads(raw.getvalue().decode("utf-8")) == document


def test_json_without_a_byte_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    output.write_json([1])
    assert json.loads(text.getvalue()) == [1]


class Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_gone_reader_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(output.StdoutClosedError):
        output.write_line("x")
    with pytest.raises(output.StdoutClosedError):
        output.write_json({})


def test_notes_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    console.note("one")
    console.note("two", quiet=True)
    console.warn("three")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "one\nemix: warning: three\n"
