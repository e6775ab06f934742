"""Rules of a site in `emix anonymize`: what they keep, and what they must not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import builders
from tests.running import run_here

pytestmark = pytest.mark.usefixtures("own_home")


def test_a_private_element_that_the_site_keeps_is_no_find(disc: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        ds = builders.instance(number=number)
        block = ds.private_block(0x0019, "ACME SAFE", create=True)
        block.add_new(0x0C, "DS", "12.5")
        builders.write(ds, disc / f"IM{number}")
    rules = tmp_path / "site.toml"
    rules.write_text(
        '[[private]]\ncreator = "ACME SAFE"\ngroup = "0019"\nelement = "0C"\nvr = "DS"\n'
    )
    report = tmp_path / "r.json"
    out = tmp_path / "clean"
    result = run_here("anonymize", disc, "-o", out, "--rules", rules, "--report", report)
    assert result.code == 0, result.stderr
    assert all(ds[0x0019100C].value == 12.5 for ds in builders.read_instances(out))
    (recorded,) = json.loads(report.read_text())["profile"]["site_private"]
    assert recorded["creator"] == "ACME SAFE"


def test_what_a_site_keeps_is_never_called_nothing(disc: Path, tmp_path: Path) -> None:
    rules, report = tmp_path / "site.toml", tmp_path / "report.html"
    rules.write_text('[actions]\nAccessionNumber = "K"\n')
    out = tmp_path / "out"
    result = run_here("anonymize", disc, "-o", out, "--rules", rules, "--report", report)
    assert result.code == 0, result.stderr
    said = "Accession Number: kept, here and in other text, but for other values of the patient"
    assert said in result.stderr
    assert all(
        ds.DeidentificationMethod[1] == "rules of the site keep more"
        for ds in builders.read_instances(out)
    )
    assert "but for what rules of this site keep" in result.stderr
    page = report.read_text("utf-8")
    assert "nothing found" not in page
    assert "Rules of the site keep what the profile takes away" in page


def test_a_rule_that_keeps_who_the_patient_is_is_refused(disc: Path, tmp_path: Path) -> None:
    rules, out = tmp_path / "site.toml", tmp_path / "out"
    rules.write_text('[actions]\nPatientID = "K"\n')
    for command in (("anonymize", disc, "--rules"), ("pack", disc, "--anonymize", "--deid-rules")):
        result = run_here(*command, rules, "-o", out)
        assert result.code == 2
        assert "PatientID cannot be K: it says who the patient is" in result.stderr
        assert not out.exists()


def test_rules_that_are_no_text_are_told_in_words(disc: Path, tmp_path: Path) -> None:
    result = run_here("anonymize", disc, "--dry-run", "--rules", disc / "IM1")
    assert result.code == 2
    assert "IM1 is no text in UTF-8" in result.stderr
    assert "codec" not in result.stderr
