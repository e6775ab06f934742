"""Settings and the places where emix keeps its files.

A setting comes from an option, else the environment (`EMIX_SENDER_NAME`), else the profile, else
the user's `config.toml`, else the machine's, else the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from emixcli.errors import ExchangeTlsError, UsageError
from emixcli.urls import check_url
from emixcli.wholefile import output_error, replace_whole

#: Every setting: what it is for, for people.
KEYS: dict[str, str] = {
    "exchange_url": "address of the exchange, https://… (http:// only for this machine)",
    "sender_name": "who sends, as the recipient shall read it",
    "organisation": "organisation of the sender, the only thing a mail tells besides the link",
}


class Config(NamedTuple):
    """The settings of this run."""

    exchange_url: str = ""
    sender_name: str = ""
    organisation: str = ""
    profile: str = ""


class Setting(NamedTuple):
    """A value and where it came from: `environment`, `profile`, `user`, `machine`, `default`."""

    key: str
    value: str
    origin: str


def home() -> Path:
    """Return the folder of `config.toml`: `EMIX_HOME`, else the platform's for this user."""
    return _place("user_config_path", "")


def state_dir() -> Path:
    """Return the folder of journals, logs and resumable transfers."""
    return _place("user_state_path", "state")


def keys_dir() -> Path:
    """Return the folder of the private keys; whoever writes there sets mode 0600."""
    return _place("user_data_path", "keys") / ("keys" if _override() is None else "")


def config_path() -> Path:
    """Return the user's file of settings, whether or not it exists."""
    return home() / "config.toml"


def machine_config_path() -> Path | None:
    """Return the machine's file of settings; None while `EMIX_HOME` cuts it off."""
    if _override() is not None:
        return None
    import platformdirs

    return platformdirs.site_config_path("emix", appauthor=False) / "config.toml"


def load(profile: str | None = None) -> Config:
    """Return the settings of this run.

    Parameters
    ----------
    profile
        A table `[profiles.NAME]` of either file; `EMIX_PROFILE` if None.

    Raises
    ------
    UsageError
        A file is not TOML, a key or profile is unknown, or a value is invalid.
    """
    name = profile or os.environ.get("EMIX_PROFILE", "")
    values = {setting.key: setting.value for setting in origins(profile)}
    return Config(profile=name, **values)


def origins(profile: str | None = None) -> list[Setting]:
    """Return every setting with its origin, in the order of `KEYS`."""
    name = profile or os.environ.get("EMIX_PROFILE", "")
    user, machine = _read(config_path()), _read(machine_config_path())
    if name and name not in user.get("profiles", {}) and name not in machine.get("profiles", {}):
        msg = f"there is no profile {name}"
        raise UsageError(msg, hint="emix config list shows the settings")
    sources: list[tuple[str, Mapping[str, Any]]] = [
        (
            "environment",
            {k: os.environ[v] for k in KEYS if os.environ.get(v := f"EMIX_{k.upper()}")},
        ),
        ("profile", user.get("profiles", {}).get(name, {})),
        ("profile", machine.get("profiles", {}).get(name, {})),
        ("user", user),
        ("machine", machine),
        ("default", Config._field_defaults),
    ]
    return [_first(key, sources) for key in KEYS]


def check(key: str, value: object) -> str:
    """Return the value of a setting in its normal form.

    Raises
    ------
    UsageError
        The key is unknown or the value is not allowed for it.
    """
    if key not in KEYS:
        msg = f"there is no setting {key}"
        raise UsageError(msg, hint=f"settings: {', '.join(KEYS)}")
    if not isinstance(value, str) or not value.isprintable():
        msg = f"the value of {key} is not a line of text"
        raise UsageError(msg, hint="write it in one line, in quotes")
    if key == "exchange_url" and value:
        try:
            return check_url(value)
        except ExchangeTlsError as exc:
            raise UsageError(exc.message, hint=exc.hint) from exc
    return value.strip()


def save(key: str, value: str | None, *, profile: str | None = None) -> Path:
    """Set a setting in the user's file, or remove it (None), and return the file.

    Raises
    ------
    UsageError
        As `check`.
    OutputError
        The file cannot be written.
    """
    document = _read(config_path())
    table = document.setdefault("profiles", {}).setdefault(profile, {}) if profile else document
    if value is None:
        check(key, "")
        table.pop(key, None)
    else:
        table[key] = check(key, value)
    path = config_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, _to_toml(document).encode("utf-8"), mode=0o666)
    except OSError as exc:
        raise output_error(exc, "the settings cannot be written", hint=f"check {path}") from exc
    return path


def _override() -> Path | None:
    """Return the folder in `EMIX_HOME`; an empty value counts as none."""
    value = os.environ.get("EMIX_HOME")
    return Path(value).expanduser() if value else None


def _place(kind: str, below_home: str) -> Path:
    override = _override()
    if override is not None:
        return override / below_home
    import platformdirs

    path: Path = getattr(platformdirs, kind)("emix", appauthor=False)
    return path


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        msg = "the settings cannot be read"
        raise UsageError(msg, hint=f"check {path}") from exc


def _first(key: str, sources: list[tuple[str, Mapping[str, Any]]]) -> Setting:
    for origin, values in sources:
        if key in values:
            return Setting(key, check(key, values[key]), origin)
    raise KeyError(key)


def _to_toml(document: Mapping[str, Any]) -> str:
    """Write our own small part of TOML: strings, and tables of them one or two deep."""
    lines = [f"{key} = {_quote(value)}" for key, value in document.items() if key != "profiles"]
    for name, table in document.get("profiles", {}).items():
        lines += ["", f"[profiles.{_quote(name)}]"]
        lines += [f"{key} = {_quote(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
