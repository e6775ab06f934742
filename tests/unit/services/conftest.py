"""A real exchange, an account on it, and media to send."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import builders
from tests.unit.exchange.faulty_proxy import FaultyProxy
from tests.unit.services.exchange_process import EMAIL, PASSWORD, ExchangeProcess


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExchangeProcess]:
    with FaultyProxy() as proxy:
        process = ExchangeProcess(tmp_path_factory.mktemp("exchange"), proxy)
        process.start()
        yield process
        process.stop()


@pytest.fixture(scope="session")
def token(exchange: ExchangeProcess) -> str:
    return exchange.client().login(EMAIL, PASSWORD).token


@pytest.fixture
def logged_in(
    exchange: ExchangeProcess, token: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExchangeProcess]:
    """The exchange, with its address and token in the environment."""
    monkeypatch.setenv("EMIX_EXCHANGE_URL", exchange.url)
    monkeypatch.setenv("EMIX_TOKEN", token)
    exchange.proxy.faults.clear()
    yield exchange
    exchange.proxy.faults.clear()


@pytest.fixture(scope="session")
def small_disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-disc")
    builders.study(folder, series=2, instances=3)
    return folder


@pytest.fixture(scope="session")
def large_disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 MB that no compression makes smaller: six parts and more."""
    folder = tmp_path_factory.mktemp("large-disc")
    noise = random.Random(7)
    for number in range(1, 25):
        ds = builders.instance(number=number, rows=32, columns=32)
        ds.Rows = ds.Columns = 1024
        ds.PixelData = noise.randbytes(2 << 20)
        builders.write(ds, folder / f"IM{number:05}")
    return folder


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what emix remembers within the test."""
    monkeypatch.setenv("EMIX_HOME", str(tmp_path / "home"))


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """Return a folder with three instances of one series."""
    folder = tmp_path / "disc"
    folder.mkdir()
    for number in (1, 2, 3):
        builders.write(builders.instance(number=number), folder / f"IM{number}")
    return folder
