"""The planted study itself: every identifier is where it says, and rules oblige its protection."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from emixcli.deid import tables
from tests.planted.ledger import Clause
from tests.planted.study import RISKY, PlantedStudy, build, follow, read, survivors

#: Attributes that are newer than the dictionary of dciodvfy.
_NEWER = ("(0012,0041)", "(0018,1204)", "(0018,1205)", "(3006,002d)")


def test_size(planted: PlantedStudy) -> None:
    obliged = [plant for plant in planted.plants if plant.obliged]
    assert len(obliged) >= 500
    assert len({plant.name for plant in planted.plants}) == len(planted.plants)
    assert len(planted.references) >= 606
    assert len(planted.files) >= 100
    uids = [str(read(data).SOPInstanceUID) for data in planted.files.values()]
    assert len(set(uids)) == len(uids)
    assert len({reference.uid for reference in planted.references}) > 80


def test_only_the_seed_decides() -> None:
    one, same, other = build(7, slices=2), build(7, slices=2), build(8, slices=2)
    assert one == same
    assert one.uids.isdisjoint(other.uids)
    values = [{needle for plant in study.plants for needle in plant.needles} for study in
              (one, other)]  # fmt: skip
    # Names in other scripts do not come from the seed.
    assert len(values[0] & values[1]) < len(values[0]) / 10


def test_every_plant_is_found_in_the_study_itself(planted: PlantedStudy) -> None:
    found = {plant.name for plant in survivors(planted, planted.files)}
    assert [plant.name for plant in planted.plants if plant.name not in found] == []


def test_every_reference_resolves_in_the_study_itself(planted: PlantedStudy) -> None:
    links = follow(planted, planted.files)
    assert links.kept == len(planted.references)


def test_every_rule_is_a_row_of_the_table(planted: PlantedStudy) -> None:
    rows = tables.profile()
    missing = {
        plant.rule_text
        for plant in planted.plants
        if not isinstance(plant.rule, Clause) and f"{plant.rule:08X}" not in rows
    }
    assert missing == set()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_objects_that_are_meant_to_be_valid_are(tmp_path: Path) -> None:
    study = build(3, slices=2)
    study.write(tmp_path)
    for name in study.files:
        if not name.startswith("EDGE/"):
            errors = iod_errors(tmp_path / name)
            assert [line for line in errors if not any(tag in line for tag in _NEWER)] == [], name


def iod_errors(path: Path) -> list[str]:
    """Return the errors that dciodvfy reports."""
    done = subprocess.run(
        ["dciodvfy", "-new", str(path)], capture_output=True, check=False, timeout=60
    )
    text = (done.stderr + done.stdout).decode("latin-1")
    return [line for line in text.splitlines() if line.startswith("Error")]


def test_risky_objects_hold_burned_in_text(planted: PlantedStudy) -> None:
    assert {burned.file for burned in planted.burned} == RISKY
