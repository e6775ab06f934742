"""Asking an exchange for the accounting of disclosures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emixcli.exchange.bodies import not_understood

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
    cursor = ""
    while True:
        found = exchange.ask("POST", "/v1/disclosures:find", {"ref": ref, "cursor": cursor})
        for item in found.get("disclosures", ()):
            yield _disclosure(item)
        following = found.get("next_cursor")
        if following is None:
            return
        if not isinstance(following, str) or following <= cursor:
            raise not_understood()
        cursor = following


def _disclosure(item: Mapping[str, Any]) -> Disclosure:
    try:
        names = ("share_id", "at", "recipient", "purpose", "sealed")
        return Disclosure(*(str(item[name]) for name in names))
    except (KeyError, TypeError) as exc:
        raise not_understood() from exc
