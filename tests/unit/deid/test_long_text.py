"""Text of any length and kind takes work in proportion to its length."""

from __future__ import annotations

import io
import sys
from types import FrameType

import pytest

from emixcli.anonymize import Profile
from emixcli.deid.verify import Verifier
from tests.unit.deid.making import NAME, make, run

#: Pieces of versions, UIDs, dates, months, numbers of people, names and short codes.
UNITS = ["1.2.3.", "12.03.1961 ", "Jan ", "12-", "a1", "1 de ", "7 ", "2.25.1", "Zzyzx ", "1961-"]
#: Calls may double with the length, and a little more: what does not grow counts once.
_MOST = 2.2


def calls(unit: str, n: int) -> int:
    """Return how many functions are called to clean a text and to look at it again."""
    count = 0

    def counted(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    data = make(NAME | {0x00080070: ("LO", unit.encode() * n)}, explicit=False)
    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        output, _ = run(data)
        verifier = Verifier(Profile())
        verifier.learn(io.BytesIO(data))
        verifier.look(io.BytesIO(output))
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_is_twice_the_work(unit: str) -> None:
    calls(unit, 10)  # what is loaded once
    assert calls(unit, 8000) <= _MOST * calls(unit, 4000) + 1000
