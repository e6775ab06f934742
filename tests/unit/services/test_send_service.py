"""A send as the service does it, against a real exchange."""

from __future__ import annotations

from pathlib import Path

from emixcli.anonymize import Profile as DeidProfile
from emixcli.services import send as service
from emixcli.services.deidentify import Deidentification
from emixcli.services.planning import find_sender
from emixcli.services.selection import Selection
from emixcli.services.share import ShareOrder, check_order
from tests import builders
from tests.hearing import Heard
from tests.unit.services.exchange_process import ExchangeProcess


def test_the_bar_of_a_send_ends_where_the_package_does(
    logged_in: ExchangeProcess, small_disc: Path, token: str
) -> None:
    exchange = logged_in.client(token)
    account = exchange.account()
    address = "bar@clinic.example"
    order = check_order(ShareOrder((address,), "treatment", confirmed=frozenset({address})))
    selection = Selection(paths=[str(small_disc)])
    heard = Heard()
    with service.prepared(
        selection, order, exchange, account=account, sender=find_sender(account)
    ) as sending:
        sent = service.send(sending, exchange, order, hooks=service.Hooks(heard))
    begun = heard.told.index(("sending bytes", sending.plan.size_bound))
    done = sum(n or 0 for name, n in heard.told[begun:] if name == "more")
    assert done == sent.size < sending.plan.size_bound
    assert ("all", sent.size) in heard.told[begun:]


def test_a_send_that_was_stopped_goes_on_with_its_own_key(
    logged_in: ExchangeProcess, tmp_path: Path, token: str
) -> None:
    builders.write(builders.instance(number=1), tmp_path / "IM1")
    exchange = logged_in.client(token)
    account = exchange.account()
    address = "stopped@clinic.example"
    order = check_order(ShareOrder((address,), "treatment", confirmed=frozenset({address})))
    selection = Selection(
        paths=[str(tmp_path / "IM1")], deidentification=Deidentification(DeidProfile())
    )
    names, packages = [], []
    for is_last in (False, True, True):
        with service.prepared(
            selection, order, exchange, account=account, sender=find_sender(account)
        ) as sending:
            names.append(sending.choice.file_set.patients[0].text("PatientName"))
            packages.append(sending.plan.package_id)
            if sending.earlier is None:
                service.send(sending, exchange, order)
            if is_last:
                service.finish(sending)
    assert names[0] == names[1] != names[2]
    assert len(set(packages)) == 1
