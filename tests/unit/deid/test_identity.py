"""However many values are known, the same are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.deid import identity
from emixcli.deid.identity import Identity, Known

NAMES = [
    "Qxyzz^Anna",
    "Li^Bo",
    "Wu^An=李^波",
    "Zzyzx",
    "O'Brien^Pat",
    "van der Berg^Jan",
    "Müller^Ö",
]
IDS = ["4711-0815", "AB12345", "00998877"]
WORDS = [
    "qxyzz", "Li Bo", "bo li", "李波", "zzy zx", "47110815", "ab-12345", "998877", "Mueller", "the",
    "O BRIEN", "12", "vanderberg", "lung", "müllerö", "5180",
]  # fmt: skip
known = st.lists(
    st.builds(Known, st.just("name"), st.sampled_from(NAMES))
    | st.builds(Known, st.just("key"), st.sampled_from(IDS))
    | st.builds(Known, st.just("date"), st.just("19610203")),
    max_size=8,
)


@given(known, st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join))
def test_looking_up_by_the_begin_finds_what_looking_for_each_finds(
    values: list[Known], text: str
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(identity, "_FEW", 10_000)
        each = Identity(values)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(identity, "_FEW", 0)
        many = Identity(values)
    assert many.is_known(text) == each.is_known(text)
    assert many.spans(text) == each.spans(text)
    assert many.scrub(text) == each.scrub(text)
