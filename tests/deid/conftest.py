"""The planted study and its de-identified form, made once."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from emixcli.anonymize import Anonymizer, DeidError, Option, Profile
from tests.planted.study import PlantedStudy, build

KEY = bytes(range(32))


@dataclass
class Outcome:
    """What became of the files of a study."""

    outputs: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def run(files: Mapping[str, bytes], profile: Profile, *, key: bytes = KEY) -> Outcome:
    """De-identify files, one after the other."""
    engine = Anonymizer(profile, key)
    outcome = Outcome()
    for name, data in files.items():
        source = io.BytesIO(data)
        try:
            done = engine.anonymize(source)
        except DeidError as error:
            outcome.refused[name] = error.reason
            continue
        outcome.outputs[name] = b"".join(done.iter_bytes(source))
        assert len(outcome.outputs[name]) == done.size, name
        done.close()
    return outcome


def accepting(*options: Option) -> Profile:
    """Return a profile that lets the risks of pixel data pass."""
    return Profile(options=frozenset(options), accept_risk="synthetic data")


@pytest.fixture(scope="session")
def planted() -> PlantedStudy:
    return build(1, slices=80)


@pytest.fixture(scope="session")
def small() -> PlantedStudy:
    """The same, with few slices, for tests that run it often."""
    return build(2, slices=3)


@pytest.fixture(scope="session")
def basic(planted: PlantedStudy) -> Outcome:
    """The planted study under the Basic Profile."""
    return run(planted.files, accepting())
