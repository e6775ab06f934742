"""Asking an exchange for the accounting of disclosures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emixcli.exchange.bodies import not_understood
from emixcli.exchange.paging import iter_items

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A recipient got the key to images of the patient who was asked for."""

    share_id: str
    at: str
    recipient: str
    purpose: str
    sealed: str


def begin_accounting(exchange: HttpExchange, fingerprint: str) -> None:
    """Tell with which key the organisation keeps its accounting; administrators only."""
    exchange.ask("PUT", "/v1/disclosures/key", {"fingerprint": fingerprint})


def iter_disclosures(exchange: HttpExchange, ref: str) -> Iterator[Disclosure]:
    """Yield what was disclosed of a patient within six years.

    Raises
    ------
    ForbiddenError
        The account is neither an administrator's nor an auditor's.
    """

    def fetch(cursor: str) -> Mapping[str, Any]:
        return exchange.ask("POST", "/v1/disclosures:find", {"ref": ref, "cursor": cursor})

    yield from map(_disclosure, iter_items(fetch, "disclosures"))


def _disclosure(item: Mapping[str, Any]) -> Disclosure:
    try:
        names = ("share_id", "at", "recipient", "purpose", "sealed")
        return Disclosure(*(str(item[name]) for name in names))
    except (KeyError, TypeError) as exc:
        raise not_understood() from exc
