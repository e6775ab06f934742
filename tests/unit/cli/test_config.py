"""Settings: where they come from, what they may be, and that writing keeps the file whole."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emixcli import config
from emixcli.errors import OutputError, UsageError

ORIGINS = ["environment", "profile", "user", "default"]


@pytest.mark.parametrize("strongest", ORIGINS)
def test_the_first_source_wins(strongest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    present = ORIGINS[ORIGINS.index(strongest) :]
    config.save("organisation", "unused", profile="night")
    if "environment" in present:
        monkeypatch.setenv("EMIX_SENDER_NAME", "environment")
    if "profile" in present:
        config.save("sender_name", "profile", profile="night")
    if "user" in present:
        config.save("sender_name", "user")
    setting = {entry.key: entry for entry in config.origins("night")}["sender_name"]
    assert setting.origin == strongest
    assert setting.value == ("" if strongest == "default" else strongest)
    assert config.load("night").sender_name == setting.value


@pytest.mark.parametrize("value", [None, ""])
def test_the_machines_file_comes_last(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emix_home: Path
) -> None:
    if value is None:
        monkeypatch.delenv("EMIX_HOME")
    else:
        monkeypatch.setenv("EMIX_HOME", value)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "etc"))
    (tmp_path / "etc/emix").mkdir(parents=True)
    (tmp_path / "etc/emix/config.toml").write_text('organisation = "Hospital"\n')
    found = {entry.key: entry for entry in config.origins()}
    assert (found["organisation"].value, found["organisation"].origin) == ("Hospital", "machine")
    config.save("organisation", "Ward")
    assert config.load().organisation == "Ward"
    assert config.home() == tmp_path / "XDG_CONFIG_HOME/emix"
    assert config.state_dir() == tmp_path / "XDG_STATE_HOME/emix"
    assert config.keys_dir() == tmp_path / "XDG_DATA_HOME/emix/keys"
    assert not list(emix_home.iterdir())


def test_profile_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    config.save("sender_name", "night desk", profile="night")
    monkeypatch.setenv("EMIX_PROFILE", "night")
    assert config.load() == config.Config(sender_name="night desk", profile="night")


def test_emix_home_holds_everything(emix_home: Path) -> None:
    assert config.home() == emix_home
    assert config.state_dir() == emix_home / "state"
    assert config.keys_dir() == emix_home / "keys"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://exchange.example.org/", "https://exchange.example.org"),
        (" https://exchange.example.org:8443/emix/ ", "https://exchange.example.org:8443/emix"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://127.0.0.2:8000", "http://127.0.0.2:8000"),
    ],
)
def test_addresses(url: str, normal: str) -> None:
    assert config.check("exchange_url", url) == normal


@pytest.mark.parametrize(
    "url",
    [
        "exchange.example.org",
        "ftp://exchange.example.org",
        "http://exchange.example.org",
        "http://127.0.0.1.example.org",
        "https://",
        "https://user:secret@exchange.example.org",
        "https://exchange.example.org?x=1",
        "https://exchange.example.org#x",
        "https://:secret@exchange.example.org",
        "https://exchange.example.org:port",
        "https://[::1",
    ],
)
def test_refused_addresses(url: str) -> None:
    with pytest.raises(UsageError):
        config.check("exchange_url", url)


def test_unknown_keys_and_odd_values_are_refused() -> None:
    with pytest.raises(UsageError, match="no setting colour"):
        config.save("colour", "blue")
    with pytest.raises(UsageError):
        config.save("sender_name", "two\nlines")
    assert not config.config_path().exists()


@pytest.mark.parametrize("text", ["sender_name = [", "sender_name = 3\n", "\udcff"])
def test_a_broken_file_is_told(text: str, emix_home: Path) -> None:
    (emix_home / "config.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError):
        config.load()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files")
def test_a_file_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMIX_HOME", "/proc/emix")
    with pytest.raises(OutputError):
        config.save("sender_name", "desk")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    value=st.text().filter(str.isprintable),
    profile=st.text(min_size=1).filter(str.isprintable),
)
def test_any_line_of_text_survives(value: str, profile: str, emix_home: Path) -> None:
    config.config_path().unlink(missing_ok=True)
    config.save("sender_name", value)
    config.save("organisation", value, profile=profile)
    document = tomllib.loads(config.config_path().read_text("utf-8"))
    assert document["sender_name"] == value.strip()
    assert document["profiles"][profile]["organisation"] == value.strip()
    assert config.load(profile).organisation == value.strip()
