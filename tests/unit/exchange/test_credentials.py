"""Where tokens are kept and in which order they are looked for."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import keyring
import pytest

from emixcli import credentials
from emixcli.errors import AuthRequiredError, UsageError
from tests.memory_keyring import MemoryKeyring

URL = "https://exchange.example"


class Hanging(MemoryKeyring):
    """A locked Secret Service with a prompt that nobody sees."""

    def set_password(self, _service: str, _username: str, _password: str) -> None:
        time.sleep(30)


@pytest.fixture
def memory() -> object:
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def test_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert credentials.find_token(URL) is None
    credentials.remember(URL, "from-store", store="file", email="a@b.example", ca_file=None)
    assert credentials.find_token(URL) == credentials.Token("from-store", "file")
    assert credentials.find_token("https://other.example") is None
    monkeypatch.setenv("EMIX_TOKEN", "from-env")
    assert credentials.find_token(URL) == credentials.Token("from-env", "environment")
    (tmp_path / "env").write_text("from-env-file\n")
    monkeypatch.setenv("EMIX_TOKEN_FILE", str(tmp_path / "env"))
    assert credentials.find_token(URL) == credentials.Token("from-env-file", "environment")
    (tmp_path / "option").write_text("from-option\n")
    found = credentials.find_token(URL, token_file=tmp_path / "option")
    assert found == credentials.Token("from-option", "option")


def test_file_is_for_its_owner_only_and_forgotten() -> None:
    credentials.remember(URL, "secret", store="file", email="a@b.example", ca_file=Path("ca.pem"))
    assert stat.S_IMODE(credentials.path().stat().st_mode) == 0o600
    remembered = credentials.find_login(URL)
    assert remembered is not None
    assert Path(remembered.ca_file).is_absolute()
    credentials.forget(URL)
    assert "secret" not in credentials.path().read_text()
    assert credentials.find_token(URL) is None


def test_keyring(memory: MemoryKeyring) -> None:
    credentials.probe_store("keyring")
    credentials.remember(URL, "secret", store="keyring", email="a@b.example", ca_file=None)
    assert "secret" not in credentials.path().read_text()
    assert credentials.find_token(URL) == credentials.Token("secret", "keyring")
    credentials.forget(URL)
    assert not memory.kept


def test_no_keyring_names_the_command() -> None:
    with pytest.raises(AuthRequiredError) as found:
        credentials.probe_store("keyring")
    assert "emix login --store file" in found.value.hint
    assert not credentials.path().exists()


def test_keyring_that_hangs(memory: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.set_keyring(Hanging())
    monkeypatch.setattr(credentials, "KEYRING_LIMIT_S", 0.05)
    with pytest.raises(AuthRequiredError, match="answer"):
        credentials.probe_store("keyring")


@pytest.mark.parametrize("content", ["", "two words", "a\nb c", "\N{SNOWMAN}"])
def test_token_files_that_hold_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError):
        credentials.find_token(URL, token_file=tmp_path / "token")


def test_damaged_file_of_logins() -> None:
    credentials.path().parent.mkdir(parents=True, exist_ok=True)
    credentials.path().write_text("{")
    with pytest.raises(UsageError, match="logins"):
        credentials.find_token(URL)


def test_each_profile_has_its_own_login(monkeypatch: pytest.MonkeyPatch) -> None:
    keep: dict[str, Any] = {"store": "file", "ca_file": None}
    credentials.remember(URL, "plain", email="a@b.example", **keep)
    assert credentials.find_token(URL, profile="ward") == credentials.Token("plain", "file")
    credentials.remember(URL, "of-ward", email="w@b.example", profile="ward", **keep)
    assert credentials.find_token(URL, profile="ward") == credentials.Token("of-ward", "file")
    assert credentials.find_token(URL) == credentials.Token("plain", "file")
    monkeypatch.setenv("EMIX_PROFILE", "ward")
    assert credentials.find_token(URL) == credentials.Token("of-ward", "file")
    credentials.forget(URL)
    monkeypatch.delenv("EMIX_PROFILE")
    assert credentials.find_token(URL) == credentials.Token("plain", "file")


def test_a_profile_ends_its_own_login_only(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials.remember(URL, "plain", store="file", email="a@b.example", ca_file=None)
    assert credentials.find_token(URL, profile="ward") == credentials.Token("plain", "file")
    assert credentials.borrows_login(URL, profile="ward")
    assert not credentials.borrows_login(URL)
    credentials.forget(URL, profile="ward")
    assert credentials.find_token(URL) == credentials.Token("plain", "file")
    credentials.remember(
        URL, "own", store="file", email="a@b.example", ca_file=None, profile="ward"
    )
    assert not credentials.borrows_login(URL, profile="ward")
    credentials.forget(URL, profile="ward")
    assert credentials.find_token(URL, profile="ward") == credentials.Token("plain", "file")
    monkeypatch.setenv("EMIX_TOKEN", "given")
    assert not credentials.borrows_login(URL, profile="ward")
