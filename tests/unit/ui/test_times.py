"""Times for people: of this machine's zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from emixcli.ui.times import is_future, time_text

pytestmark = pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set")


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-17T13:05:59Z", "2026-01-17 14:05 CET"),
        ("2026-07-17T22:30:00.125Z", "2026-07-18 00:30 CEST"),
        ("2026-07-17T22:30:00+02:00", "2026-07-17 22:30 CEST"),
        ("never", "never"),
        ("", ""),
    ],
)
@pytest.mark.usefixtures("berlin")
def test_local_time_with_its_zone(text: str, shown: str) -> None:
    assert time_text(text) == shown


def test_what_is_over_is_not_held() -> None:
    now = datetime.now(UTC)
    assert is_future((now + timedelta(minutes=2)).isoformat())
    assert not is_future(now.isoformat())
    assert not is_future("")
