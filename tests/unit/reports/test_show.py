"""`emix report show`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emixcli.errors import EmixError
from emixcli.reports.attached import load_report
from emixcli.services.reports import raw_fields, show_file
from tests.builders import CANARY, hl7, pdf, study
from tests.running import Result

Emix = Callable[..., Result]


def test_a_message_with_all_its_fields(emix_here: Emix, tmp_path: Path) -> None:
    (tmp_path / "r.hl7").write_bytes(hl7())
    lines = emix_here("report", "show", tmp_path / "r.hl7", "--raw").stdout.splitlines()
    assert ["PID-3", "Patient", "identifier", "list", CANARY.id] in [line.split() for line in lines]
    fields = raw_fields(show_file(tmp_path / "r.hl7"))
    assert ("MSH-12", "Version id", "2.5") in fields
    assert ("OBX-5", "Observation value", "No abnormality.") in fields


def test_a_newer_version_and_segments_of_a_site(tmp_path: Path) -> None:
    (tmp_path / "r.hl7").write_bytes(b"MSH|^~\\&|||||||ORU|1|P|2.9\rPID|||4711\rZZZ|x\r")
    fields = raw_fields(show_file(tmp_path / "r.hl7"))
    assert ("PID-3", "Patient identifier list", "4711") in fields
    assert ("ZZZ-1", "", "x") in fields


def test_a_report_of_a_package_is_read_from_its_original(emix_here: Emix, tmp_path: Path) -> None:
    study(tmp_path / "disc", series=1, number=1)
    (tmp_path / "disc" / "r.hl7").write_bytes(hl7())
    (tmp_path / "letter.pdf").write_bytes(pdf())
    package, code = tmp_path / "a.emix.html", tmp_path / "code"
    emix_here("pack", tmp_path / "disc", "--report", tmp_path / "letter.pdf", "-o", package,
              "--code-out", code)  # fmt: skip
    listed = emix_here("inspect", package, "--code-file", code).stdout
    assert "REPORTS/R0001.HL7" in listed
    shown = emix_here("report", "show", package, "r0001", "--code-file", code)
    assert shown.stdout.startswith("match: ")
    assert "No abnormality." in shown.stdout
    several = emix_here("report", "show", package, "--code-file", code)
    assert "the package has 2 reports" in several.stderr
    assert several.code == 2
    assert "REPORTS/R0002.PDF" in several.stderr


def test_a_terminal_is_not_driven_by_a_report(emix_here: Emix, tmp_path: Path) -> None:
    hostile = hl7().replace(b"No abnormality.", b"\x1b]0;owned\x07\xc2\x9b2J\xe2\x80\xaegnp.txt")
    (tmp_path / "r.hl7").write_bytes(hostile)
    for options in ((), ("--raw",), ("--json",)):
        done = emix_here("report", "show", tmp_path / "r.hl7", *options)
        assert done.code == 0
        assert not set(done.stdout) & set("\x1b\x07\x9b\u202e")


def test_a_report_that_cannot_be_read_is_an_error(emix_here: Emix, tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text("<!DOCTYPE x><ClinicalDocument xmlns='urn:hl7-org:v3'/>")
    assert emix_here("report", "show", tmp_path / "r.xml").code == 24
    assert emix_here("report", "show", tmp_path / "none").code == 24


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("Бефунд".encode("cp1251"), "text"), ("所見".encode("shift_jis"), "text"),
        ("plain".encode("utf-16"), "text"), ("Befund 5 µm\r\n".encode("utf-16-le"), "text"),
        ("Лёгкие чистые, 1\r\n".encode("utf-16-be"), "text"),
        (hl7().decode().encode("utf-16-le"), "hl7v2"), (b"\1\0\2\0\3\0\4\0" * 9, None),
        (hl7().decode().encode("utf-16"), "hl7v2"),
        (b"a\0b", None), (b"\x7fELF\x02\x01\x01", None), (b"", None),
    ],
)  # fmt: skip
def test_text_of_any_encoding_is_a_report(tmp_path: Path, content: bytes, kind: str | None) -> None:
    (tmp_path / "given").write_bytes(content)
    if kind is None:
        with pytest.raises(EmixError):
            load_report(tmp_path / "given")
    else:
        assert load_report(tmp_path / "given").kind == kind
