"""Another study than the planted one, made by other rules: nothing of it survives either."""

from __future__ import annotations

import io

import numpy as np
import pytest

from emixcli.anonymize import Option
from emixcli.deid.verify import Verifier
from tests.deid.conftest import Outcome, accepting, run
from tests.sown.ledger import Rule
from tests.sown.search import survivors
from tests.sown.study import SownStudy, build, follow, read

#: pydicom's, of values that are wrong on purpose.
pytestmark = pytest.mark.filterwarnings("ignore")
SCRIPTS = ("latin", "han", "kana")
#: Words in places that no row of the table has, which an allow-list may take for its own.
_FREE_AT_MOST = 0


@pytest.fixture(scope="module")
def sown() -> SownStudy:
    return build(7, SCRIPTS)


@pytest.fixture(scope="module")
def outcome(sown: SownStudy) -> Outcome:
    return run(sown.files, accepting())


def places(study: SownStudy, outcome: Outcome, *, free: bool) -> list[str]:
    """Return where what survived was sown."""
    found = survivors(study.sown, outcome.outputs)
    return sorted(f"{one.place} in {name}" for one, name in found.items()
                  if (one.rule is Rule.FREE) is free)  # fmt: skip


def test_much_is_sown(sown: SownStudy) -> None:
    assert len(sown.sown) > 3000
    assert len(sown.files) > 90
    assert len(survivors(sown.sown, sown.files)) > 0.97 * len(sown.sown)


def test_nothing_survives(sown: SownStudy, outcome: Outcome) -> None:
    assert places(sown, outcome, free=False) == []
    assert len(places(sown, outcome, free=True)) <= _FREE_AT_MOST


def test_nothing_is_dropped(sown: SownStudy, outcome: Outcome) -> None:
    assert outcome.refused == {}
    assert set(outcome.outputs) == set(sown.files)


def test_every_reference_resolves(sown: SownStudy, outcome: Outcome) -> None:
    links = follow(sown, outcome.outputs)
    assert links.broken == ()
    assert links.kept > 500


def test_pixels_stay(sown: SownStudy, outcome: Outcome) -> None:
    for name, data in outcome.outputs.items():
        before, after = read(sown.files[name]), read(data)
        if "PixelData" in before:
            assert np.array_equal(before.pixel_array, after.pixel_array), name


def test_the_second_look_is_quiet(sown: SownStudy, outcome: Outcome) -> None:
    verifier = Verifier(accepting())
    for data in sown.files.values():
        verifier.learn(io.BytesIO(data))
    found = {name: verifier.check(io.BytesIO(data)) for name, data in outcome.outputs.items()}
    assert {name: leaks for name, leaks in found.items() if leaks} == {}


@pytest.mark.parametrize("script", ["cyrillic", "greek", "hangul"])
def test_other_scripts_and_options(script: str) -> None:
    study = build(11, (script,))
    cleaning = (Option.CLEAN_DESCRIPTORS, Option.CLEAN_STRUCTURED_CONTENT, Option.CLEAN_GRAPHICS,
                Option.RETAIN_SAFE_PRIVATE)  # fmt: skip
    made = run(study.files, accepting(*cleaning))
    assert made.refused == {}
    assert places(study, made, free=False) == []
    assert follow(study, made.outputs).broken == ()
