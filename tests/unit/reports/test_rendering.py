"""What is in a report is shown, each word at its place, however oddly it is written."""

from __future__ import annotations

import pytest

from emixcli.reports import reading
from emixcli.reports.blocks import Block

HEAD = "MSH|^~\\&|R|H|E|E|20240101||ORU^R01|1|P|2.5\rPID|1||1^^^H||A^B\r"


def shown(data: bytes | str, kind: str) -> tuple[Block, ...]:
    return reading.load(data.encode() if isinstance(data, str) else data, kind).blocks


def words(data: bytes | str, kind: str) -> list[str]:
    """Return all texts and cells in order."""
    parts = [
        part
        for one in shown(data, kind)
        for part in (one.text, *(c for row in one.rows for c in row))
    ]
    return [word for part in parts for word in part.split()]


def text(data: bytes, kind: str) -> str:
    return shown(data, kind)[-1].text


def narrative(inner: str) -> str:
    return (
        "<ClinicalDocument xmlns='urn:hl7-org:v3'><component><structuredBody><component><section>"
        f"<text>{inner}</text></section></component></structuredBody></component></ClinicalDocument>"
    )


def test_notes_are_shown_wherever_they_stand() -> None:
    behind = (
        "PID|1||1^^^H||A^B", "PV1|1|I", "ORC|RE", "OBR|1||A|CT", "OBX|1|TX|1||text", "SPM|1",
        "OBX|2|NM|2^Na||140|mmol|||||F", "OBX|3|ED|3||^a^pdf^Base64^JVBERi0xLjQK", "ZXX|1",
        "OBX|4|RP|4||//x^^application^dicom", "TXA|1|CN",
    )  # fmt: skip
    notes = [f"n{number}{part}" for number in range(len(behind)) for part in "abc"]
    message = HEAD + "".join(
        f"{segment}\rNTE|1||n{number}a\rNTE|2||n{number}b~n{number}c\r"
        for number, segment in enumerate(behind)
    )
    assert [word for word in words(message, "hl7v2") if word in notes] == notes


def test_a_report_in_notes_is_one_text() -> None:
    lines = [f"line{number}" for number in range(300)]
    message = HEAD + "OBR|1||A|CT\r" + "".join(f"NTE|1||{line}\r" for line in lines)
    assert shown(message, "hl7v2")[-1].text == "\n".join(lines)
    behind = HEAD + "OBR|1||A|CT\rOBX|1|TX|1||t\r" + "".join(f"NTE|1||{line}\r" for line in lines)
    assert set(lines) <= set(words(behind, "hl7v2"))


def test_bytes_of_one_character_may_be_escaped_one_by_one() -> None:
    message = HEAD + "OBR|1||A|CT\rOBX|1|FT|1||Gr\\XC3\\\\XB6\\\\XC39F\\e \\X41\\\r"
    assert text(message.encode(), "hl7v2") == "Größe A"


def test_a_date_of_hl7_may_be_written_as_people_do() -> None:
    message = (HEAD + "OBR|1||A|CT").replace("A^B", "A^B||1963-08-17")
    assert ("Born", "1963-08-17") in shown(message, "hl7v2")[1].rows


def test_all_flags_of_a_result_are_shown() -> None:
    message = HEAD + "OBR|1||A|CT\rOBX|1|NM|1^Na||190|mmol|135-145|HH~A|||F\r"
    assert shown(message, "hl7v2")[-1].rows[1][4] == "critically high, abnormal"


def test_a_cell_that_spans_rows_moves_no_value_to_another_heading() -> None:
    table = shown(narrative(
        "<table><tr><th>Test</th><th>Value</th><th>Unit</th></tr>"
        "<tr><td rowspan='2'>Na</td><td>140</td><td rowspan='3'>mmol</td></tr><tr><td>141</td></tr>"
        "<tr><td>K</td><td>4</td></tr><tr><td colspan='2'>none</td><td>x</td></tr>"
        "<tr><td rowspan='-1'>Cl</td><td rowspan='²'>99</td></tr></table>"
    ), "cda")[-1]  # fmt: skip
    assert table.head == 1
    assert table.rows[1:] == (
        ("Na", "140", "mmol"), ("", "141", ""), ("K", "4", ""), ("none", "", "x"), ("Cl", "99", ""),
    )  # fmt: skip


def test_every_word_in_and_around_tables_is_shown_once() -> None:
    found = words(narrative(
        "<table>w1<caption>c1<footnote>c2</footnote></caption>w2<colgroup><col/></colgroup>"
        "<thead>w3<tr>w4<th>w5</th>w6</tr>w7</thead><tbody><tr><td>w8<br/>w9<table><tr><td>w10</td>"
        "</tr></table>w11</td><content>w12</content></tr></tbody><tfoot><tr><td>w13</td></tr></tfoot>"
        "w14</table>w15"
    ), "cda")  # fmt: skip
    assert [word for word in found if word[0] == "w"] == [f"w{n}" for n in range(1, 16)]
    assert {"c1", "[c2]"} <= set(found)


def test_sections_without_what_should_hold_them_are_shown() -> None:
    document = (
        "<ClinicalDocument xmlns='urn:hl7-org:v3'><component><section><text>w1</text><section>"
        "<text>w2</text></section></section></component><component><structuredBody><section>"
        "<title>w3</title></section></structuredBody></component></ClinicalDocument>"
    )
    assert words(document, "cda")[-3:] == ["w1", "w2", "w3"]


@pytest.mark.parametrize(
    ("inner", "plain"),
    [
        ("10<sup>9</sup>/L", "10^9/L"), ("10<sup>-3</sup>", "10^-3"), ("1<sup>st</sup>", "1st"),
        ("H<sub>2</sub>O", "H2O"), ("mass<footnote>see 2</footnote>here", "mass [see 2] here"),
    ],
)  # fmt: skip
def test_raised_numbers_and_footnotes_do_not_run_into_the_text(inner: str, plain: str) -> None:
    assert text(narrative(inner).encode(), "cda") == plain


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        (" Größe 5 µm 漢 😀".encode(), "Größe 5 µm 漢 😀"),
        ("\\ansicpg1251 Привет".encode("cp1251"), "Привет"),
        (b"\\ansi\\ansicpg0 caf\\'e9\\uc x", "caféx"), (b"\\ansicpg10007 \\'8f\\'f0", "Пр"),
        (b"\\mac \\'8a\\'9f", "äü"), (b"\\pca \\'81\\'e1", "üß"),
        (rb" 10{\super 9}/L, 10\up6\fs16 -3\up0 , 1{\super st}", "10^9/L, 10^-3, 1st"),
        (b" a\\bin5 {}}\\xb", "ab"), (b" a\\bin2000000000 b", "ab"), (b" a\\bin-5 b", "ab"),
        (rb" a{\shp{\*\shpinst\shpleft1{\sp{\sn pib}{\sv {\pict}}}{\shptxt mass}}}b", "a\n massb"),
        (rb" pneu\-monia", "pneumonia"), (b" a\\bin" + b"9" * 5000 + b" b", "ab"),
        (rb" 10{\super\fs20 9}{\super\fs20 th}", "10^9th"),
    ],
)  # fmt: skip
def test_what_rtf_says_in_odd_ways(source: bytes, plain: str) -> None:
    assert text(b"{\\rtf1" + source + b"}", "rtf") == plain


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "whole", ["Пациент: Иванов\n5 mm", "患者：山田 太郎\n1957年 4月", "Größe 5 mm"]
)
def test_wide_text_needs_no_mark(encoding: str, whole: str) -> None:
    assert [block.text for block in shown(whole.encode(encoding), "text")] == [whole]


def test_a_patient_of_countless_names_is_blocked_not_compared() -> None:
    """Each name takes its time to compare; a real patient has a few."""
    names = "~".join(f"DOE{n}^JO" for n in range(2000))
    read = reading.read(HEAD.replace("A^B", names).encode(), "hl7v2")
    assert read.too_large
    assert reading.judge((), read) == reading.TOO_LARGE
    assert not reading.read(HEAD.replace("A^B", names[:900]).encode(), "hl7v2").too_large
