"""`docs/exchange/api.md` describes exactly the routes that the exchange has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from emixcli.exchange.interface import Purpose
from emixcli.server.api.deps import Site
from emixcli.server.app import make_app, make_site, open_exchange
from emixcli.server.settings import MailSettings, Settings
from emixcli.server.vault import SECRETS_NAME, create_vault
from tests.running import ROOT

API = (ROOT / "docs" / "exchange" / "api.md").read_text("utf-8")
GUIDE = (ROOT / "docs" / "guides" / "run-an-exchange.md").read_text("utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    create_vault(tmp_path / SECRETS_NAME)
    exchange = open_exchange(Settings(data=tmp_path))
    yield make_site(exchange, "http://127.0.0.1:1")
    exchange.database.close()


def test_every_route_is_documented_and_nothing_else(site: Site) -> None:
    document = make_app(site).openapi()
    routes = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert set(re.findall(r"^### (.*)$", API, re.MULTILINE)) == routes
    for methods in document["paths"].values():
        assert all(operation["description"] for operation in methods.values())


def test_all_purposes_are_documented() -> None:
    assert [purpose for purpose in Purpose if f"`{purpose}`" not in API] == []


def test_all_settings_are_documented() -> None:
    names = {item.name for kind in (Settings, MailSettings) for item in fields(kind)}
    names -= {"data", "mail", "limits", "timeout_s"}
    assert sorted(name for name in names if name not in GUIDE) == []
