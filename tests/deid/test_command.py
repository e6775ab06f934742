"""The planted study as a medium, through the command: what a user gets holds nothing of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.deid.test_planted import MAY_BE_REFUSED
from tests.planted.ledger import Clause
from tests.planted.study import PlantedStudy, read, survivors, write_medium
from tests.running import Result

Emix = Callable[..., Result]


@dataclass(frozen=True)
class Run:
    """What the command left and said."""

    result: Result
    folder: Path
    report: Path

    def outputs(self) -> dict[str, bytes]:
        """Return every file by its path below the folder."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def command(small: PlantedStudy, tmp_path: Path, emix_here: Emix) -> Callable[..., Run]:
    write_medium(small, tmp_path / "medium")

    def run(*options: str, report: str = "report.json") -> Run:
        # The medium has a second copy of the study on its disc: one is enough.
        medium = next(path for path in (tmp_path / "medium").iterdir() if path.name != "DISC")
        result = emix_here(
            "anonymize", medium, "-o", tmp_path / "clean", "--report", tmp_path / report, "--json",
            *options,
        )  # fmt: skip
        return Run(result, tmp_path / "clean", tmp_path / report)

    return run


def test_nothing_survives_anywhere(command: Callable[..., Run], small: PlantedStudy) -> None:
    run = command("--accept-risk", "synthetic data", "--dicomdir")
    document = run.result.document
    refused = document["counts"]["refused"]
    assert refused <= len(MAY_BE_REFUSED)
    assert run.result.code == (80 if refused else 0)
    outputs = run.outputs()
    assert "DICOMDIR" in outputs
    assert document["counts"]["written"] + refused == len(small.files)
    assert document["verified"]
    # Plants are looked for in all of it: files, their names, the report and the messages.
    outputs["names"] = "\n".join(outputs).encode()
    outputs["report"] = run.report.read_bytes()
    outputs["stderr"] = run.result.stderr.encode()
    searched = tuple(
        plant
        for plant in small.plants
        if plant.obliged and plant.rule is not Clause.REPEATED and plant.needles
    )
    found = survivors(replace(small, plants=searched), outputs)
    assert [plant.name for plant in found] == []
    assert [
        uid for uid in small.uids if any(uid.encode() in data for data in outputs.values())
    ] == []


def test_risky_objects_are_refused_and_listed(
    command: Callable[..., Run], small: PlantedStudy
) -> None:
    run = command()
    document = run.result.document
    assert run.result.code == 80
    assert document["counts"]["refused"] >= 2
    assert any(item["id"].startswith("pixels.") for item in document["refused"])
    report = json.loads(run.report.read_text())
    assert report["counts"]["refused"] == document["counts"]["refused"]
    assert report["verification"]["verified"]
    assert len(report["outputs"]) == document["counts"]["written"]
    family = str(read(small.files["CT/IM0001"]).PatientName).split("^")[0].lower()
    assert family not in run.report.read_text().lower()
    assert family not in run.result.stderr.lower()


def test_the_report_is_a_page_where_the_name_says_so(command: Callable[..., Run]) -> None:
    run = command("--accept-risk", "synthetic data", report="report.html")
    text = run.report.read_text()
    assert text.startswith("<!doctype html>")
    assert "verified" in text


def test_a_dry_run_writes_nothing(command: Callable[..., Run]) -> None:
    run = command("--dry-run", "--accept-risk", "synthetic data")
    assert not run.folder.exists() or run.outputs() == {}


def test_a_disc_with_a_directory(small: PlantedStudy, tmp_path: Path, emix_here: Emix) -> None:
    write_medium(small, tmp_path / "medium")
    result = emix_here(
        "anonymize", tmp_path / "medium/DISC", "-o", tmp_path / "clean", "--json",
        "--accept-risk", "synthetic data", "--clean-descriptors", "--dicomdir",
    )  # fmt: skip
    assert result.code == 0
    everything = b"".join(
        str(path).encode() + path.read_bytes()
        for path in (tmp_path / "clean").rglob("*")
        if path.is_file()
    ).lower()
    who = read(small.files["CT/IM0001"])
    for text in (*str(who.PatientName).split("^"), who.PatientID, who.StudyInstanceUID):
        assert str(text).lower().encode() not in everything
    assert (tmp_path / "clean/DICOMDIR").is_file()
