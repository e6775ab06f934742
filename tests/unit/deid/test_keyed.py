"""UIDs, pseudonyms and shifts follow from the key alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from emixcli.deid.keyed import Keyed

KEYED = Keyed(b"k" * 32, 3652)
UIDS = st.from_regex(r"[0-2](\.(0|[1-9][0-9]{0,8})){2,6}", fullmatch=True)


@given(UIDS)
def test_a_new_uid_is_valid_and_stays_what_it_is(uid: str) -> None:
    new = KEYED.uid(uid)
    assert UID(new).is_valid
    assert len(new) <= 64
    assert new == KEYED.uid(uid) == Keyed(b"k" * 32, 10).uid(uid)
    assert KEYED.uid(new) == new


@given(st.sets(UIDS, min_size=2))
def test_different_uids_become_different_ones(uids: set[str]) -> None:
    assert len({KEYED.uid(uid) for uid in uids}) == len(uids)


def test_uids_of_the_standard_stay() -> None:
    assert KEYED.uid("1.2.840.10008.5.1.4.1.1.2") == "1.2.840.10008.5.1.4.1.1.2"


@given(UIDS)
def test_another_key_gives_another_uid(uid: str) -> None:
    other = Keyed(b"j" * 32, 3652)
    assert other.uid(uid) != KEYED.uid(uid)
    assert not other.is_own(KEYED.uid(uid))


def test_uids_of_others_below_the_same_root_are_not_taken_for_our_own() -> None:
    assert not KEYED.is_own_uid("2.25.329800735698586629295641978511506172918")
    assert not KEYED.is_own_uid(f"2.25.{2**128 - 1}")
    assert not KEYED.is_own_uid("2.25.1")
    own = KEYED.uid("1.2.3.4")
    assert not KEYED.is_own_uid(f"2.25.{int(own[5:]) ^ 1}")


@given(st.text(min_size=1, max_size=64))
def test_a_pseudonym_fits_and_stays_what_it_is(patient: str) -> None:
    new = KEYED.pseudonym(patient)
    assert new.isascii()
    assert len(new) <= 64
    assert KEYED.is_own(new)
    assert KEYED.pseudonym(new) == new
    assert not Keyed(b"j" * 32, 3652).is_own(new)


@given(st.text(min_size=1, max_size=64), st.integers(1, 36_525))
def test_dates_always_move_and_never_twice(patient: str, most: int) -> None:
    keyed = Keyed(b"k" * 32, most)
    assert -most <= keyed.shift_days(patient) <= -1
    assert keyed.shift_days(keyed.pseudonym(patient)) == 0
