"""The address guard on addresses by chance: the figures of docs/reference/recipients.md."""

from __future__ import annotations

import pytest

from tests.bench.guard import SIZES, measure


@pytest.mark.parametrize("n_contacts", SIZES)
def test_every_single_slip_is_stopped_and_new_addresses_pass(n_contacts: int) -> None:
    row = measure(n_contacts, n_trials=500, seed=2)
    assert row.stopped == 1
    assert row.false <= 0.04


def test_the_exchange_stops_them_as_well() -> None:
    row = measure(2_000, n_trials=200, seed=3, over_exchange=True)
    assert row.stopped == 1
    assert row.false <= 0.04
