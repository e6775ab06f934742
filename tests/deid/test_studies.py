"""No study loses its run to the names and numbers of its people, and none of them comes out."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import unicodedata
from pathlib import Path

import pydicom
import pytest

from emixcli.anonymize import Option, Profile
from emixcli.deid import tables
from emixcli.services.anonymize import AnonymizeRequest, anonymize
from emixcli.services.deidentify import Deidentification
from tests.deid.conftest import KEY
from tests.deid.studies import draw, write
from tests.planted.study import elements

#: EMIX_STUDIES asks for more of them.
N_STUDIES = int(os.environ.get("EMIX_STUDIES", "40"))
OPTIONS = (
    (),
    (Option.CLEAN_DESCRIPTORS, Option.CLEAN_STRUCTURED_CONTENT, Option.RETAIN_MODIFIED_DATES),
    (Option.RETAIN_FULL_DATES, Option.RETAIN_DEVICE, Option.RETAIN_PATIENT_CHARACTERISTICS),
    (Option.RETAIN_UIDS, Option.RETAIN_SAFE_PRIVATE, Option.CLEAN_GRAPHICS),
)


@pytest.mark.parametrize("seed", range(N_STUDIES))
def test_a_study_comes_out_whole(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    person = draw(chance)
    n = write(tmp_path / "disc", person, chance)
    options = OPTIONS[seed % len(OPTIONS)]
    how = Deidentification(Profile(frozenset(options), accept_risk="synthetic data"))
    request = AnonymizeRequest(
        paths=[str(tmp_path / "disc")], output=tmp_path / "out", how=how, report=tmp_path / "r.json"
    )
    result = anonymize(request)
    checked = json.loads((tmp_path / "r.json").read_text())["verification"]
    assert (result.n_written, result.refused) == (n, ()), checked
    assert checked["verified"]
    left = set()
    for path in (tmp_path / "out").rglob("I*"):
        if path.is_file():
            left |= words_of(pydicom.dcmread(path)) & identifying(person.names())
    assert left == set()


@pytest.mark.parametrize("seed", range(2000, 2000 + N_STUDIES // 8))
def test_a_study_comes_out_the_same_in_any_order_and_again(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    person = draw(chance)
    write(tmp_path / "disc", person, chance)
    (tmp_path / "other").mkdir()
    names = sorted(path.name for path in (tmp_path / "disc").iterdir())
    for name, other in zip(names, chance.sample(names, len(names)), strict=True):
        shutil.copy(tmp_path / "disc" / name, tmp_path / "other" / f"X{other}")
    first = made_of(tmp_path / "disc", seed)
    assert made_of(tmp_path / "other", seed) == first
    assert made_of(tmp_path / "disc.out", seed) == first


def made_of(folder: Path, seed: int) -> dict[str, bytes]:
    """Return the new objects of a folder by their UIDs."""
    options = OPTIONS[seed % len(OPTIONS)]
    profile = Profile(frozenset(options), accept_risk="synthetic data")
    out = folder.with_name(f"{folder.name}.out")
    anonymize(
        AnonymizeRequest(
            paths=[str(folder)], output=out, how=Deidentification(profile, KEY), jobs=1 + seed % 2
        )
    )
    files = [path for path in out.rglob("I*") if path.is_file()]
    return {str(pydicom.dcmread(path).SOPInstanceUID): path.read_bytes() for path in files}


def words_of(ds: pydicom.Dataset) -> set[str]:
    return {
        word
        for element in elements(ds)
        if element.VR not in {"OW", "OB", "SQ", "UI"}
        for word in split(str(element.value))
    }


def identifying(names: list[str]) -> set[str]:
    """Return parts of names that are no words of radiology."""
    words = {word for name in names for word in split(name)}
    return {
        word
        for word in words - tables.vocabulary()
        if len(word) > 3 or (word >= "\u1100" and len(word) > 1)
    } - {"siemens", "philips", "test", "null", "standard"}


def split(text: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return set(re.findall(r"[^\W\d_]+", plain))
