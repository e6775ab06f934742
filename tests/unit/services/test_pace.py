"""How fast a batch goes, and what it does where the exchange asks to wait."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emixcli.errors import (
    EmixError,
    ExchangeError,
    ExchangeTlsError,
    NotFoundError,
    QuotaError,
)
from emixcli.exchange.http import HttpExchange
from emixcli.exchange.retry import TryAgainError
from emixcli.exchange.transport import Transport
from emixcli.server.settings import Settings
from emixcli.server.vault import SECRETS_NAME, create_vault
from emixcli.services.batch import Batch
from emixcli.services.batch_file import read_batch
from emixcli.services.pace import Pace
from emixcli.services.planning import find_sender
from tests import builders
from tests.serving import ServerThread
from tests.unit.server.conftest import LIMITS, PASSWORD, FrozenClock, add_people, quick_passwords


class Time:
    """Time that passes by sleeping."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_so_many_a_minute() -> None:
    time = Time()
    pace = Pace(30, clock=time, sleep=time.sleep)
    for _ in range(4):
        pace.begin()
    assert time.slept == [2, 2, 2]
    pace.hold(100)
    pace.begin()
    assert time.now == 1000 + 6 + 100


def test_what_passes_is_tried_again_longer_each_time() -> None:
    pace = Pace(wait_s=300)
    waited, waits = 0.0, []
    while (wait_s := pace.wait_for(ExchangeError("away"), waited)) is not None:
        waits.append(wait_s)
        waited += wait_s
    assert waits[:6] == [2, 2, 4, 8, 16, 32]
    assert max(waits) == 60
    assert 300 <= waited < 360


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [
        (NotFoundError("no"), None),
        (ExchangeTlsError("no"), None),
        (QuotaError("full"), None),
        (TryAgainError("busy", after_s=20), 20),
    ],
)
def test_what_is_final_is_not_tried_again(error: EmixError, wait_s: float | None) -> None:
    assert Pace(wait_s=300).wait_for(error, 0) == wait_s
    assert Pace().wait_for(ExchangeError("away"), 0) is None


def test_a_quota_by_the_hour_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exchange allows two shares an hour; four are sent, with the waits that it asks for."""
    create_vault(tmp_path / SECRETS_NAME)
    limits = replace(LIMITS, organisation_mails_per_hour=2)
    settings = Settings(data=tmp_path, listen="127.0.0.1:0", limits=limits)
    clock = FrozenClock()
    add_people(settings, clock)
    lines = ["source,to,purpose,confirm_to"]
    for number, name in enumerate(("anna", "boris", "chloe", "dimitri")):
        builders.study(tmp_path / name, series=1, instances=1, number=number + 1)
        lines.append(f"{name},{name}@clinic.example,treatment,{name}@clinic.example")
    (tmp_path / "sends.csv").write_text("\n".join(lines))
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.forward(seconds=seconds)

    with ServerThread(settings, clock=clock, passwords=quick_passwords()) as server:
        transport = Transport(server.url)
        token = HttpExchange(transport).login("ct@a.example", PASSWORD).token
        exchange = HttpExchange(transport, token=token)
        account = exchange.account()
        pace = Pace(clock=lambda: clock.now_ms / 1000, sleep=sleep)
        batch = Batch(exchange, account, find_sender(account), lambda _row: None, pace=pace)
        outcomes = batch.run(read_batch(tmp_path / "sends.csv"))
        transport.close()
    assert [one.state for one in outcomes] == ["sent"] * 4
    assert sum(waits) >= 3600
    assert min(waits) >= 590
