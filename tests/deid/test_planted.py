"""The planted study through the engine: nothing survives, nothing breaks, nothing is dropped."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from emixcli.anonymize import Option, Profile
from emixcli.deid import tables
from emixcli.deid.spellings import parse_date
from emixcli.deid.verify import Verifier
from tests.deid.conftest import Outcome, accepting, run
from tests.deid.test_corpora import kind_of, says_something
from tests.deid.test_generator import iod_errors
from tests.planted.ledger import Clause, Plant
from tests.planted.streams import CHANGED, picture
from tests.planted.study import RISKY, PlantedStudy, build, follow, inflated, read, survivors

#: Options that keep or clean what the Basic Profile removes, one at a time.
OPTIONS = [option for option in Option if not option.startswith("clean-rec")]
#: An encrypted attribute set, what is not DICOM up to its end, and fragments that are no frames.
MAY_BE_REFUSED = {
    "EDGE/SEALED", "EDGE/GARBAGE", "EDGE/EXTRAFRG", "EDGE/OFFTABLE", "EDGE/RLETAIL",
}  # fmt: skip
#: Beyond the table: text that nothing says is about the patient, in elements that the table keeps.
#: Codes of private schemes, and words in binary data, which no allow-list can judge.
_BEYOND_AT_MOST = 4


def report(plants: list[Plant]) -> list[str]:
    return [f"{plant.name} | {plant.rule_text}" for plant in plants]


def test_nothing_survives(planted: PlantedStudy, basic: Outcome) -> None:
    found = survivors(planted, basic.outputs)
    assert report([plant for plant in found if plant.obliged]) == []
    assert len(found) <= _BEYOND_AT_MOST, report(found)


def test_nothing_is_dropped(planted: PlantedStudy, basic: Outcome) -> None:
    assert set(basic.outputs) | set(basic.refused) == set(planted.files)
    assert set(basic.refused) <= MAY_BE_REFUSED


def test_every_reference_resolves(planted: PlantedStudy, basic: Outcome) -> None:
    links = follow(planted, basic.outputs)
    assert [links.dangling[:5], links.gone[:5]] == [(), ()]
    assert links.kept == len(planted.references) >= 606


def test_no_original_uid_is_left(planted: PlantedStudy, basic: Outcome) -> None:
    everything = b"\0".join(inflated(data) for data in basic.outputs.values())
    assert [uid for uid in planted.uids if uid.encode() in everything] == []


def test_file_meta_agrees(basic: Outcome) -> None:
    for name, data in basic.outputs.items():
        ds = read(data)
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID, name
        assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID, name
        assert data[:132] == bytes(128) + b"DICM", name


def test_pixel_data_is_unchanged_where_nothing_is_burned_in(
    planted: PlantedStudy, basic: Outcome
) -> None:
    for name, data in basic.outputs.items():
        before, after = read(planted.files[name]), read(data)
        if "PixelData" not in before or name in {"EDGE/JPEGCOM", "EDGE/LONGPIX", "EDGE/BITOVL"}:
            continue
        if name in CHANGED:
            assert np.array_equal(after.pixel_array, picture()), name
        elif name == "EDGE/BIGEND":
            assert np.array_equal(after.pixel_array, before.pixel_array)
        else:
            assert after.PixelData == before.PixelData, name
    long_before = read(planted.files["EDGE/LONGPIX"])
    long_after = read(basic.outputs["EDGE/LONGPIX"])
    n = long_before.Rows * long_before.Columns * 2
    assert long_after.PixelData[:n] == long_before.PixelData[:n]


def test_a_jpeg_without_its_comments_shows_the_same(planted: PlantedStudy, basic: Outcome) -> None:
    before = read(planted.files["EDGE/JPEGCOM"]).pixel_array
    after = read(basic.outputs["EDGE/JPEGCOM"]).pixel_array
    assert np.array_equal(before, after)


def test_markers(basic: Outcome) -> None:
    for name, data in basic.outputs.items():
        ds = read(data)
        assert ds.PatientIdentityRemoved == "YES", name
        codes = [item.CodeValue for item in ds.DeidentificationMethodCodeSequence]
        assert codes == ["113100"], name
        assert ds.LongitudinalTemporalInformationModified == "REMOVED", name


def test_the_second_path_finds_nothing(planted: PlantedStudy, basic: Outcome) -> None:
    verifier = Verifier(accepting())
    for data in planted.files.values():
        verifier.learn(io.BytesIO(data))
    leaks = {name: verifier.check(io.BytesIO(data)) for name, data in basic.outputs.items()}
    assert {name: found for name, found in leaks.items() if found} == {}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_outputs_are_as_valid_as_inputs(
    planted: PlantedStudy, basic: Outcome, tmp_path: Path
) -> None:
    worse = {}
    for name, data in basic.outputs.items():
        if name.startswith("CT/") and name != "CT/IM0001":
            continue
        for file, content in (("before", planted.files[name]), ("after", data)):
            (tmp_path / file).write_bytes(content)
        before = {kind_of(line) for line in iod_errors(tmp_path / "before")}
        new = [line for line in iod_errors(tmp_path / "after") if kind_of(line) not in before]
        if new and says_something(before):
            worse[name] = new
    assert worse == {}


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_other_seeds(seed: int) -> None:
    study = build(seed, slices=2)
    outcome = run(study.files, accepting())
    assert report([p for p in survivors(study, outcome.outputs) if p.obliged]) == []
    links = follow(study, outcome.outputs)
    assert not links.dangling
    assert not links.gone


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_keeps_no_more_than_it_says(small: PlantedStudy, option: Option) -> None:
    outcome = run(small.files, accepting(option))
    assert set(outcome.refused) <= MAY_BE_REFUSED | RISKY
    found = [plant for plant in survivors(small, outcome.outputs) if plant.obliged]
    assert report([plant for plant in found if not may_stay(plant, option)]) == []


def may_stay(plant: Plant, option: Option) -> bool:
    """Whether an option keeps or cleans what a plant's rule protects."""
    if isinstance(plant.rule, Clause):
        if option is Option.RETAIN_UIDS:
            return plant.rule is Clause.UID_IN_TEXT
        return option in _BY_CLAUSE.get(plant.rule, ())
    if option is Option.RETAIN_FULL_DATES and any(n.isdigit() and len(n) == 8
                                                  for n in plant.needles):  # fmt: skip
        return plant.rule != 0x00100030
    row = tables.profile()[f"{plant.rule:08X}"]
    letters = dict(zip(tables.COLUMNS, row.options, strict=True))
    if option is Option.RETAIN_MODIFIED_DATES:
        # Days move, times of day stay.
        return dictionary_VR(plant.tag) in {"TM", "DT"} or plant.tag == 0x00080201
    return letters.get(option.value, "-") == "K"


_BY_CLAUSE = {Clause.REPEATED: (Option.RETAIN_FULL_DATES,)}


@pytest.mark.parametrize("option", OPTIONS)
def test_the_second_path_agrees_with_each_option(small: PlantedStudy, option: Option) -> None:
    profile = accepting(option)
    outcome = run(small.files, profile)
    verifier = Verifier(profile)
    for data in small.files.values():
        verifier.learn(io.BytesIO(data))
    leaks = {name: verifier.check(io.BytesIO(data)) for name, data in outcome.outputs.items()}
    assert {name: found[:3] for name, found in leaks.items() if found} == {}


def test_modified_dates_move_together(small: PlantedStudy) -> None:
    """All days of the patient move by one number; times of day stay."""
    outcome = run(small.files, accepting(Option.RETAIN_MODIFIED_DATES))
    shifts = set()
    n = 0
    for name, data in outcome.outputs.items():
        if name.startswith("EDGE/") or name == "CT/IM0003":
            continue
        for old, new in _pairs(read(small.files[name]), read(data)):
            day, moved = parse_date(old), parse_date(new)
            assert day is not None
            assert moved is not None, name
            shifts.add((moved - day).days)
            assert new[8:] == old[8:], name
            n += 1
    assert n > 60
    assert len(shifts) == 1
    assert shifts != {0}


def _pairs(before: Dataset, after: Dataset) -> Iterator[tuple[str, str]]:
    """Yield old and new days of both data sets, where both have one."""
    for element in before:
        if element.tag not in after or element.tag == 0x00100030:
            continue
        new = after[element.tag]
        if element.VR == "SQ":
            for one, other in zip(element.value, new.value, strict=False):
                yield from _pairs(one, other)
        elif element.VR in {"DA", "DT"} and element.value and new.value:
            yield str(element.value), str(new.value)


def test_burned_in_text_is_refused_unless_the_risk_is_accepted(small: PlantedStudy) -> None:
    risky = {name: small.files[name] for name in RISKY}
    outcome = run(risky, Profile())
    assert set(outcome.refused) == RISKY
    assert all(reason.startswith("pixels.") for reason in outcome.refused.values())


def test_burned_in_text_goes_with_its_option(small: PlantedStudy) -> None:
    outcome = run(small.files, Profile(frozenset({Option.CLEAN_PIXEL_DATA})))
    for burned in small.burned:
        if burned.file in outcome.refused:
            continue
        pixels = read(outcome.outputs[burned.file]).pixel_array
        region = pixels[slice(*burned.rows), slice(*burned.columns)]
        assert len(np.unique(region)) == 1, burned.file
