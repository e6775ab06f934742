"""Shares of one order: what was made stays told, whatever happens to the rest."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from emixcli.container.identity import load_identity
from emixcli.errors import EmixError, ExchangeError
from emixcli.exchange.interface import Share
from emixcli.services.journal import Journal
from emixcli.services.share import (
    ENDED,
    NewShare,
    ShareOrder,
    earlier_shares,
    fetch_key,
    share_package,
    without,
)
from tests.running import EmixProcess, Result, run_here
from tests.unit.services.exchange_process import ExchangeProcess


def test_an_exchange_that_dies_after_the_first_share(
    run_emix: EmixProcess, logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path, token: str
) -> None:
    assert run_emix("pack", small_disc, "-o", "p.emix.html", "--code-out", "code").code == 0
    package_id = run_emix("upload", "p.emix.html", "--json").document["package_id"]
    client = logged_in.client(token)
    key = fetch_key(client, client.content(package_id), load_identity(create=False))
    addresses = tuple(f"{name}-{secrets.token_hex(4)}@clinic.example" for name in ("a", "b", "c"))
    order = ShareOrder(addresses, "treatment", confirmed=frozenset(addresses))

    def kill(_new: NewShare) -> None:
        logged_in.kill()

    with Journal("share", "test", directory=tmp_path) as journal:
        try:
            found = share_package(
                client, key, order, package_id=package_id, journal=journal, on_share=kill
            )
            assert [new.share.recipient for new in found.made] == [addresses[0]]
            assert [refusal.recipient for refusal in found.refused] == list(addresses[1:])
            assert all(isinstance(refusal.error, ExchangeError) for refusal in found.refused)
            with pytest.raises(ExchangeError):
                share_package(client, key, order, package_id=package_id, journal=journal)
        finally:
            logged_in.start()
        whole = share_package(client, key, order, package_id=package_id, journal=journal)
    assert not whole.refused
    assert whole.made[0].share.share_id == found.made[0].share.share_id
    assert whole.made[0].code == found.made[0].code
    assert [new.share.recipient for new in whole.made] == list(addresses)


def test_a_second_run_makes_no_second_share(
    logged_in: ExchangeProcess, small_disc: Path, tmp_path: Path
) -> None:
    file = tmp_path / "p.emix.html"
    assert run_here("pack", small_disc, "-o", file, "--code-out", tmp_path / "code").code == 0
    package_id = run_here("upload", file, "--json").document["package_id"]
    first, second = (f"{name}-{secrets.token_hex(4)}@clinic.example" for name in ("a", "b"))

    def share(*more: str) -> Result:
        confirmed = [word for to in (first, second) if to in more for word in ("--confirm-to", to)]
        given = ("--purpose", "treatment", "--yes", "--hold", "86400", *more, *confirmed)
        return run_here("share", package_id, *given)

    made = share("--to", first)
    assert "access code for" in made.stderr
    again = share("--to", first.upper())
    assert (again.code, again.stdout) == (0, made.stdout)
    assert "nothing was sent again (--again does)" in again.stderr
    assert "access code for" not in again.stderr
    both = share("--to", first, "--to", second)
    assert both.stdout.splitlines()[0] == made.stdout.strip()
    assert f"access code for {second}" in both.stderr
    assert share("--to", first, "--again").stdout != made.stdout
    shares = run_here("status", package_id, "--json").document["shares"]
    assert [one["recipient"] for one in shares] == [first, second, first]


@pytest.mark.parametrize(
    ("known", "left"),
    [
        ({"state": "notified"}, ()),
        ({"state": "opened", "opens": 1, "max_opens": 2}, ()),
        ({"state": "opened", "opens": 2, "max_opens": 2}, ("Jo@clinic.example",)),
        *(({"state": state}, ("Jo@clinic.example",)) for state in sorted(ENDED)),
    ],
)
def test_only_who_can_get_it_has_it_already(
    known: dict[str, Any], left: tuple[str, ...], tmp_path: Path
) -> None:
    order = ShareOrder(("Jo@clinic.example",), "treatment")
    share = Share(share_id="s", recipient="jo@clinic.example", link="", **known)
    with Journal("share", "none", directory=tmp_path) as journal:
        earlier = earlier_shares(order, [share], journal)
        assert without(order, earlier).recipients == left
        journal.append("code", recipient=order.recipients[0])
        assert not earlier_shares(order, [share], journal)


def test_errors_name_no_recipient(
    run_emix: EmixProcess, logged_in: ExchangeProcess, token: str, tmp_path: Path
) -> None:
    client = logged_in.client(token)
    order = ShareOrder(("nobody@clinic.example",), "treatment")
    with (
        Journal("share", "none", directory=tmp_path) as journal,
        pytest.raises(EmixError) as caught,
    ):
        share_package(client, bytes(32), order, package_id="0" * 26, journal=journal)
    assert "nobody" not in caught.value.message + caught.value.hint
