"""The PDF writer and the report."""

import re

from emixcli.demo.pdf import Text, make_pdf
from emixcli.demo.report import make_report


def test_the_cross_reference_points_at_every_object() -> None:
    content = make_report()
    start = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n", 1)[0])
    table = content[start:]
    assert table.startswith(b"xref\n0 ")
    offsets = [int(match) for match in re.findall(rb"(\d{10}) 00000 n \n", table)]
    for number, offset in enumerate(offsets, 1):
        assert content[offset:].startswith(b"%d 0 obj\n" % number)
    assert b"/Size %d " % (len(offsets) + 1) in table


def test_stream_lengths_are_right() -> None:
    content = make_report()
    found = list(re.finditer(rb"/Length (\d+) >>\nstream\n", content))
    assert found
    for match in found:
        end = match.end() + int(match[1])
        assert content[end:].startswith(b"\nendstream")


def test_text_is_escaped_and_never_breaks_out() -> None:
    content = make_pdf([[Text(10, 10, r"a) Tj (b\c é €  漢")]], title="x(y")
    assert rb"(a\) Tj \(b\\c " in content
    assert "é €".encode("cp1252") in content
    assert b"?) Tj ET" in content
    assert rb"/Title (x\(y)" in content


def test_the_report_says_that_the_patient_is_made_up() -> None:
    content = make_report()
    assert b"made-up patient" in content
    assert b"DEMO, ANNA" in content
    assert make_report() == content
