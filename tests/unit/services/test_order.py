"""Orders: what the exchange would refuse is refused before anything is uploaded."""

from __future__ import annotations

from typing import get_args

import pytest

from emixcli.commands import _exchange
from emixcli.errors import RecipientUnconfirmedError, UsageError
from emixcli.exchange.interface import HOLD_MAX_S, Purpose
from emixcli.services.share import ShareOrder, check_order


@pytest.mark.parametrize(
    "address",
    [
        "j\u00f6@clinic.example",
        "a..b@clinic.example",
        "jo@1.2.3.4",
        "a" * 70 + "@clinic.example",
        "jo@clinic..example",
        "jo@clinic_1.example",
        "jo@clinic.example, x@clinic.example",
        "jo@localhost",
        "",
    ],
)
def test_one_plain_address(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_order(ShareOrder((address,), "treatment"))
    assert "clinic" not in caught.value.message + caught.value.hint
    with pytest.raises(UsageError):
        check_order(ShareOrder(("jo@clinic.example",), "treatment", confirmed=frozenset({address})))


def test_the_domain_is_in_lower_case_and_no_recipient_is_there_twice() -> None:
    order = check_order(
        ShareOrder((" Jo@Clinic.example",), "treatment", confirmed=frozenset({"JO@clinic.example"}))
    )
    assert order.recipients == ("Jo@clinic.example",)
    assert order.confirmed == {"jo@clinic.example"}
    with pytest.raises(UsageError):
        check_order(ShareOrder(("jo@clinic.example", "Jo@Clinic.example"), "treatment"))


def test_a_confirmed_address_is_among_the_recipients() -> None:
    with pytest.raises(RecipientUnconfirmedError):
        check_order(
            ShareOrder(("jo@clinic.example",), "legal", confirmed=frozenset({"yo@clinic.example"}))
        )


@pytest.mark.parametrize("purpose", Purpose)
def test_every_purpose_is_taken_and_in_the_help(purpose: Purpose) -> None:
    assert check_order(ShareOrder(("jo@clinic.example",), purpose.value, 0)).purpose == purpose
    assert purpose in get_args(_exchange.Purpose)[1].help.partition(": ")[2].rstrip(".").split(", ")


@pytest.mark.parametrize(("purpose", "hold_s"), [("curiosity", 0), ("legal", HOLD_MAX_S + 1)])
def test_other_purposes_and_longer_holds_are_refused(purpose: str, hold_s: int) -> None:
    with pytest.raises(UsageError):
        check_order(ShareOrder(("jo@clinic.example",), purpose, hold_s))
