"""Keys of recipients that this machine trusts, by address: the first one that was confirmed.

An exchange hands out what recipients have published, and could hand out another key to read along.
So a key is used only once a person has confirmed its fingerprint, and never another one after that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emixcli import config
from emixcli.container.identity import PublicIdentity
from emixcli.errors import NotFoundError, RecipientUnconfirmedError, UsageError
from emixcli.mailaddress import address_key
from emixcli.services.secret_file import replace_secret

if TYPE_CHECKING:
    from emixcli.exchange.interface import Exchange

_BLANKS = re.compile(r"[\s:-]")


@dataclass(frozen=True, slots=True)
class Offered:
    """The key that an exchange says is that of an address, and the fingerprint that is pinned."""

    address: str
    public: PublicIdentity
    pinned: str

    @property
    def is_changed(self) -> bool:
        """Whether another key is trusted for this address."""
        return self.pinned not in {"", self.public.fingerprint}


def find_pin(url: str, address: str) -> str:
    """Return the fingerprint that is trusted for an address at an exchange, "" for none.

    Raises
    ------
    UsageError
        The list of trusted keys cannot be read: it is not taken for empty.
    """
    return _load().get(_name(url, address), "")


def list_pins(url: str) -> dict[str, str]:
    """Return all addresses at an exchange whose keys are trusted, with their fingerprints."""
    prefix = f"{url} "
    pins = sorted(_load().items())
    return {name.removeprefix(prefix): key for name, key in pins if name.startswith(prefix)}


def keep_pin(url: str, address: str, fingerprint: str) -> None:
    """Trust a key for an address from now on, in the place of another one."""
    _save({**_load(), _name(url, address): fingerprint})


def forget_pin(url: str, address: str) -> None:
    """Trust no key for an address any more.

    Raises
    ------
    NotFoundError
        None was trusted.
    """
    pins = _load()
    if pins.pop(_name(url, address), None) is None:
        raise NotFoundError("no key of this address is trusted", hint="emix keys list shows them")
    _save(pins)


def offered_key(exchange: Exchange, address: str) -> Offered:
    """Return the published key of an address, which is not trusted by that.

    Raises
    ------
    NotFoundError
        None is published.
    NoMatchingKeyError
        What the exchange gave is no key.
    """
    text = exchange.published_key(address)
    if text is None:
        raise NotFoundError(
            "nobody with this address has published a key at this exchange",
            hint="share with an access code, as with everybody; they publish one by"
            " emix keys publish",
        )
    public = PublicIdentity.from_json(text.encode())
    return Offered(address, public, find_pin(exchange.url, address))


def trusted_key(exchange: Exchange, address: str) -> PublicIdentity | None:
    """Return the key to seal for, None where an access code is needed.

    Raises
    ------
    RecipientUnconfirmedError
        Another key is published than the one that is trusted, or none any more.
    """
    pinned = find_pin(exchange.url, address)
    if not pinned:
        return None
    try:
        offered = offered_key(exchange, address)
    except NotFoundError as exc:
        raise RecipientUnconfirmedError(
            "this recipient has taken back the key that you trust",
            hint="ask by telephone; emix keys trust --remove ADDR shares with an access code again",
        ) from exc
    if offered.is_changed:
        raise RecipientUnconfirmedError(
            "the published key of this recipient is not the one that you trust",
            hint="compare by telephone, then emix keys trust ADDR --replace",
        )
    return offered.public


def check_fingerprint(offered: Offered, given: str) -> None:
    """Compare the fingerprint that was told by telephone; blanks and colons do not count.

    Raises
    ------
    RecipientUnconfirmedError
    """
    if _BLANKS.sub("", given).lower() != offered.public.fingerprint:
        raise RecipientUnconfirmedError(
            "the published key has another fingerprint; it is not trusted",
            hint="ask again by telephone; if it stays, tell the operator of the exchange",
        )


def _name(url: str, address: str) -> str:
    return f"{url} {address_key(address)}"


def _path() -> Path:
    return config.keys_dir() / "trusted.json"


def _load() -> dict[str, str]:
    try:
        document: Any = json.loads(_path().read_text("utf-8"))
        return {str(name): str(value) for name, value in document["keys"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise UsageError(
            "the list of trusted keys cannot be read", hint=f"restore {_path()} from a backup"
        ) from exc


def _save(pins: dict[str, str]) -> None:
    path = _path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_secret(path, json.dumps({"v": 1, "keys": dict(sorted(pins.items()))}, indent=1))
