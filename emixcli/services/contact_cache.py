"""The contacts as they were listed last, in a file for its owner only: for use without a network.

It advises; the exchange decides. Its name tells the exchange and the profile apart.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emixcli import config
from emixcli.errors import ExchangeServerError
from emixcli.exchange.contacts import Contact, policy_json, read_contact, read_policy
from emixcli.services.secret_file import replace_secret
from emixcli.wholefile import output_error

if TYPE_CHECKING:
    from emixcli.exchange.connect import Access
    from emixcli.guard.check import Policy

_FORMAT = "emix.contact-cache"


@dataclass(frozen=True, slots=True)
class ContactCache:
    """Contacts and policy, and when they were that."""

    contacts: list[Contact]
    policy: Policy
    as_of: str


def load_cache(how: Access) -> ContactCache | None:
    """Return what was listed last; None where nothing was, or the file is damaged."""
    try:
        document: Any = json.loads(_path(how).read_text(encoding="ascii"))
        if document["format"] != _FORMAT:
            return None
        contacts = [read_contact(item) for item in document["contacts"]]
        return ContactCache(contacts, read_policy(document["policy"]), str(document["as_of"]))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, ExchangeServerError):
        return None


def save_cache(how: Access, contacts: Sequence[Contact], policy: Policy) -> ContactCache:
    """Keep contacts for later.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = {
        "format": _FORMAT,
        "as_of": now,
        "policy": policy_json(policy),
        "contacts": [one.as_json() for one in contacts],
    }
    path = _path(how)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise output_error(exc) from exc
    replace_secret(path, json.dumps(document))
    return ContactCache([*contacts], policy, now)


def forget_cache(how: Access) -> None:
    """Remove the file."""
    with contextlib.suppress(OSError):
        _path(how).unlink()


def _path(how: Access) -> Path:
    url = how.url or config.load(how.profile).exchange_url
    name = hashlib.sha256(json.dumps([url, how.profile or ""]).encode()).hexdigest()[:16]
    return config.home() / "contacts" / f"{name}.json"
