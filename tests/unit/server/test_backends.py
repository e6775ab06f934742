"""Databases and stores are chosen by settings alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from emixcli.errors import UsageError
from emixcli.server.app import open_exchange
from emixcli.server.settings import Settings
from emixcli.server.vault import SECRETS_NAME, create_vault
from tests.serving import ServerThread
from tests.unit.server.api import Person, make_content
from tests.unit.server.conftest import S3


def test_this_suite_runs_on_postgresql(server: ServerThread, database_url: str) -> None:
    assert server.exchange.database.is_sqlite == (database_url == "")


@pytest.mark.skipif(not S3, reason="no S3 store: set EMIX_TEST_S3 to its store_url")
def test_this_suite_runs_on_s3(sender: Person) -> None:
    content = make_content()
    assert sender.get(f"/v1/packages/{sender.upload(content)}/content").content == content


def test_files_can_lie_elsewhere(tmp_path: Path) -> None:
    create_vault(tmp_path / SECRETS_NAME)
    elsewhere = tmp_path / "big disk"
    exchange = open_exchange(Settings(data=tmp_path, store_url=f"file://{elsewhere}"))
    exchange.store.begin("k" * 26)
    assert [path.name for path in (elsewhere / "uploads").iterdir()] == ["k" * 26]
    exchange.database.close()


@pytest.mark.parametrize("changes", [{"store_url": "ftp://x"}, {"database_url": "dbase://x/y"}])
def test_what_there_is_not_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    create_vault(tmp_path / SECRETS_NAME)
    with pytest.raises(UsageError):
        open_exchange(Settings(data=tmp_path, **changes))  # type: ignore[arg-type]  # of a test
