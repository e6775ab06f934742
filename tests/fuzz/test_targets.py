"""Every reader of foreign bytes raises only our errors: a short run of what `dev.py fuzz` does."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.engine import mutated
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_random_bytes(name: str) -> None:
    target = TARGETS[name]
    for data in target.seeds():
        target(data)

    @given(st.binary(max_size=4096))
    @settings(max_examples=50)
    def check(data: bytes) -> None:
        target(data)

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_seeds(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()

    @given(st.integers(0, 2**64), st.sampled_from(seeds))
    @settings(max_examples=100)
    def check(seed: int, data: bytes) -> None:
        target(mutated(data, random.Random(seed)))

    check()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("tracks", b"NER5\x84"),  # the foot of a Nero image, cut
        ("sniff", b"\x0b" * 270),  # a match that took 2 ** 64 steps
        ("sniff", b"<?" * 8000),
        ("report-hl7v2", b"MSH|%\r\rMSH\x1c"),  # a frame that ends behind three letters
    ],
)
def test_what_was_found_before(name: str, data: bytes) -> None:
    TARGETS[name](data)
