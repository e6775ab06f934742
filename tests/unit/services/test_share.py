"""Shares of one order: what was made stays told, whatever happens to the rest."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from emixcli.container.identity import load_identity
from emixcli.errors import EmixError, ExchangeError
from emixcli.services.journal import Journal
from emixcli.services.share import NewShare, ShareOrder, fetch_key, share_package
from tests.running import EmixProcess
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
