"""What an operator can choose: `exchange.toml` in the data directory."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from emixcli.errors import UsageError

MIB = 1 << 20
GIB = 1 << 30
CONFIG_NAME = "exchange.toml"
T = TypeVar("T")


@dataclass(frozen=True)
class MailSettings:
    """How mail leaves; without a host it is written as `.eml` files to DATA/mail."""

    sender: str = "exchange@localhost.localdomain"
    host: str = ""
    port: int = 587
    tls: str = "starttls"
    user: str = ""
    password_file: str = ""
    timeout_s: int = 30


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in the unit of the name."""

    life_days: int = 30
    abandon_days: int = 7
    min_part_size: int = 8 * MIB
    max_part_size: int = 1 * GIB
    max_parts: int = 1000
    max_package_size: int = 500 * GIB
    organisation_bytes: int = 2048 * GIB
    organisation_open_uploads: int = 200
    organisation_mails_per_hour: int = 1000
    token_days: int = 30
    part_url_s: int = 3600
    session_s: int = 3600
    content_s: int = 12 * 3600
    ticket_s: int = 3600
    download_check_s: int = 5
    hold_new_s: int = 120
    hold_verified_s: int = 0
    otp_s: int = 600
    otp_tries: int = 5
    otp_interval_s: int = 20
    otp_per_hour: int = 10
    otp_per_share: int = 40
    code_tries: int = 5
    request_days: int = 30
    invitation_days: int = 14
    organisation_requests_per_hour: int = 200
    requester_requests_per_hour: int = 20
    organisation_request_bytes: int = 1 * GIB
    login_failures: int = 10
    login_failures_address: int = 100
    login_window_s: int = 900
    body_idle_s: int = 60


@dataclass(frozen=True)
class Settings:
    """Configuration of one exchange.

    `base_url` is the only source of links in mails and answers; it is never taken from a
    request. `hosts` are further names under which requests are answered.
    """

    data: Path
    listen: str = "127.0.0.1:8470"
    base_url: str = ""
    hosts: tuple[str, ...] = ()
    database_url: str = ""
    #: Where the bytes lie: empty for DATA/store, or file:///FOLDER.
    store_url: str = ""
    certificate: str = ""
    private_key: str = ""
    behind_proxy: bool = False
    #: Addresses of proxies whose X-Forwarded-For is believed.
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    recipient_page: str = ""
    request_page: str = ""
    mail: MailSettings = field(default_factory=MailSettings)
    limits: Limits = field(default_factory=Limits)

    @property
    def database(self) -> str:
        """URL of the database; by default a file in the data directory."""
        return self.database_url or f"sqlite:///{self.data / 'exchange.sqlite3'}"

    def path(self, name: str) -> Path:
        """A path of the configuration, taken relative to the data directory."""
        return self.data / name


def load_settings(data: Path) -> Settings:
    """Settings of a data directory that `emix exchange init` made.

    Raises
    ------
    UsageError
        No such data directory, or a setting that is unknown or of the wrong type.
    """
    path = data / CONFIG_NAME
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        message = "this directory is not the data directory of an exchange"
        raise UsageError(message, hint="make one with: emix exchange init DIR") from exc
    except (OSError, ValueError) as exc:
        message = f"{CONFIG_NAME} cannot be read"
        raise UsageError(message, hint="it must be valid TOML") from exc
    mail = _section(MailSettings, document.pop("mail", {}))
    limits = _section(Limits, document.pop("limits", {}))
    for name in ("hosts", "proxies"):
        if isinstance(document.get(name), list):
            document[name] = tuple(str(host) for host in document[name])
    checked = _checked(Settings, document)
    settings = Settings(data=data, mail=mail, limits=limits, **checked)
    check_limits(settings.limits)
    return settings


def check_limits(limits: Limits) -> None:
    """Refuse limits that would break a promise, such as a life of more than 30 days.

    Raises
    ------
    UsageError
    """
    if not 1 <= limits.life_days <= 30:
        message = "limits.life_days must be 1 to 30"
        raise UsageError(message, hint=f"correct it in {CONFIG_NAME}")
    if not 1 <= limits.request_days <= 30 or not 1 <= limits.invitation_days <= 30:
        message = "limits.request_days and limits.invitation_days must be 1 to 30"
        raise UsageError(message, hint=f"correct it in {CONFIG_NAME}")
    if not 1 <= limits.code_tries <= 5 or not 1 <= limits.otp_tries <= 5:
        message = "limits.code_tries and limits.otp_tries must be 1 to 5"
        raise UsageError(message, hint=f"correct it in {CONFIG_NAME}")


def _section(kind: type[T], values: Any) -> T:
    if not isinstance(values, dict):
        message = f"{CONFIG_NAME} has a value where a section is expected"
        raise UsageError(message, hint=f"correct it in {CONFIG_NAME}")
    return kind(**_checked(kind, values))


def _checked(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    known = {item.name: item for item in fields(kind)}
    for name, value in values.items():
        if name not in known or name == "data":
            message = f"{CONFIG_NAME}: unknown setting {name}"
            raise UsageError(message, hint=f"correct it in {CONFIG_NAME}")
        default = known[name].default
        if isinstance(default, bool | int | str | tuple) and type(value) is not type(default):
            message = f"{CONFIG_NAME}: {name} must be of type {type(default).__name__}"
            raise UsageError(message, hint=f"correct it in {CONFIG_NAME}")
    return values


def format_settings(settings: Settings) -> str:
    """The text of `exchange.toml` with everything that differs from the defaults."""
    lines = ["# Settings of this exchange; all are explained in docs/guides/run-an-exchange.md"]
    lines += _lines(settings, Settings(data=settings.data))
    for name in ("mail", "limits"):
        section = getattr(settings, name)
        lines += ["", f"[{name}]", *_lines(section, type(section)())]
    return "\n".join(lines) + "\n"


def _lines(values: Any, defaults: Any) -> list[str]:
    lines = []
    for item in fields(values):
        value = getattr(values, item.name)
        if item.name in {"data", "mail", "limits"} or value == getattr(defaults, item.name):
            continue
        text = list(value) if isinstance(value, tuple) else value
        lines.append(f"{item.name} = {json.dumps(text)}")
    return lines
