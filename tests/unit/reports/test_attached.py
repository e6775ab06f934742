"""Reports go into a package only where they fit the patient, and can be read there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emixcli.errors import PatientMismatchError
from emixcli.media.scan import scan_media
from emixcli.package import Sender, plan_package
from tests.builders import CANARY, Canary, hl7, study
from tests.running import Result

OTHER = hl7().replace(CANARY.name.encode(), b"OTHER^PERSON").replace(
    CANARY.id.encode(), b"9-9"
)  # fmt: skip


#: The same identifier and birth date, another given name and examination.
OTHER_GIVEN = Canary(name=f"{CANARY.name.partition('^')[0]}^OTHERGIVEN", accession="77")


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    folder = tmp_path / "disc"
    study(folder, series=1, number=1)
    return folder


def documents_of(medium: Path, *reports: Path, accept: str = "") -> list[dict[str, object]]:
    planned = plan_package(
        scan_media([str(medium)]), reports=reports, accept_reports=accept, sender=Sender("", "")
    )
    with planned.index_body.open() as file:
        body = json.loads(b"{" + file.read())
    found: list[dict[str, object]] = body["documents"]
    return found


def test_a_report_of_the_patient_goes_along_and_can_be_read(medium: Path) -> None:
    (medium / "report.hl7").write_bytes(hl7())
    (document,) = documents_of(medium)
    assert document["match"] == {
        "verdict": "match", "rule": "R4", "reason": "identifier and name agree"
    }  # fmt: skip
    blocks = document["blocks"]
    assert isinstance(blocks, list)
    assert {"heading", "facts"} <= {block["kind"] for block in blocks}
    assert document["title"] == "CT"


@pytest.mark.parametrize("on_medium", [True, False])
def test_a_report_of_another_patient_stops_the_package(medium: Path, *, on_medium: bool) -> None:
    path = (medium if on_medium else medium.parent) / "report.hl7"
    path.write_bytes(OTHER)
    reports = [] if on_medium else [path]
    with pytest.raises(PatientMismatchError) as caught:
        documents_of(medium, *reports)
    assert "OTHER" not in str(caught.value) + caught.value.hint
    with pytest.raises(PatientMismatchError):  # this rule cannot be overridden
        documents_of(medium, *reports, accept="read and known")


def test_the_report_that_is_refused_is_told_by_its_number(medium: Path) -> None:
    good, bad = medium.parent / "good.txt", medium.parent / "bad.hl7"
    good.write_text("FINDINGS:\nNo embolism.\n")
    bad.write_bytes(OTHER)
    with pytest.raises(PatientMismatchError, match=r"\(--report number 2\)"):
        documents_of(medium, good, bad)
    (medium / "on.hl7").write_bytes(OTHER)
    with pytest.raises(PatientMismatchError, match="number 1, 3; on the medium: emix scan"):
        documents_of(medium, bad, good, bad)


def test_a_reason_lets_a_report_pass_where_the_rule_allows(medium: Path) -> None:
    report = medium.parent / "report.hl7"
    report.write_bytes(hl7(OTHER_GIVEN))
    with pytest.raises(PatientMismatchError, match="given names differ"):
        documents_of(medium, report)
    (document,) = documents_of(medium, report, accept="known by two names")
    match = document["match"]
    assert isinstance(match, dict)
    assert (match["verdict"], match["accepted"]) == ("warn", "known by two names")


def test_a_report_without_identity_goes_along_with_a_warning(medium: Path) -> None:
    (medium / "report.txt").write_text("FINDINGS:\nNo embolism.\n")
    (document,) = documents_of(medium)
    assert document["match"] == {
        "verdict": "warn", "rule": "R10", "reason": "the report says too little of whom it is about"
    }  # fmt: skip


def test_scan_tells_of_each_report(medium: Path, emix_here: Callable[..., Result]) -> None:
    (medium / "mine.hl7").write_bytes(hl7())
    (medium / "other.hl7").write_bytes(OTHER)
    found = emix_here("scan", medium, "--json").document
    assert {r["path"]: r["match"]["verdict"] for r in found["reports"]} == {
        "mine.hl7": "match", "other.hl7": "block"
    }  # fmt: skip
    assert "R01" in {finding["code"] for finding in found["findings"]}


def test_of_several_patients_only_the_reports_of_the_chosen_one_go_along(
    tmp_path: Path, emix_here: Callable[..., Result]
) -> None:
    medium = tmp_path / "disc"
    study(medium / "a", series=1, number=1)
    study(medium / "b", series=1, number=2, phi=Canary(name="SECOND^PATIENT", id="2"))
    (medium / "mine.hl7").write_bytes(hl7())
    (medium / "unknown.txt").write_text("FINDINGS:\nNo embolism.\n")
    done = emix_here(
        "pack", medium, "-o", tmp_path / "a.emix.html", "--patient", CANARY.id, "--code-out",
        tmp_path / "code", "--json",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert done.document["counts"]["documents"] == 1
    assert done.document["reports_left_out"] == 1


def test_a_report_of_too_many_parts_is_not_sent_unread(medium: Path) -> None:
    report = medium.parent / "batch.hl7"
    report.write_bytes(hl7() + b"OBX|1|TX|A||x||||||F\r" * 20_000)
    with pytest.raises(PatientMismatchError, match="too many parts"):
        documents_of(medium, report)
    (document,) = documents_of(medium, report, accept="one patient, seen")
    match = document["match"]
    assert isinstance(match, dict)
    assert match["accepted"] == "one patient, seen"
