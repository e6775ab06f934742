"""What random bytes spell is no find; what stands in zeros or in text is one."""

from __future__ import annotations

import random

import pytest

from emixcli.deid.chance import by_chance


@pytest.mark.parametrize(
    ("low", "high", "value", "is_chance"),
    [
        (0, 255, b"Zabel", True),
        (0, 255, b"Vandermolen", False),
        (0, 0, b"Zabel", False),
        (0, 0, b"4711", False),
        (48, 57, b"4711093355", True),
        (40, 70, b"47110933", True),
        (0, 255, b"4711093355", False),
        (97, 122, b"vandermolen", False),
        (97, 122, b"zabel", True),
    ],
)
def test_values_in_random_bytes(low: int, high: int, value: bytes, *, is_chance: bool) -> None:
    chance = random.Random(1)
    noise = bytes(chance.randint(low, high) for _ in range(8000))
    assert by_chance(noise[:4000] + value + noise[4000:], 4000, len(value)) is is_chance
