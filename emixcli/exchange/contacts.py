"""Asking an exchange for the contacts of the organisation, and for its policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from emixcli.exchange.bodies import not_understood
from emixcli.exchange.paging import iter_items, page_query
from emixcli.guard.check import FreeMail, Policy

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Contact:
    """An address of the organisation's book.

    Attributes
    ----------
    state
        `new`, `notified` (a mail has gone), `verified` (proven by its owner) or `blocked`.
    known
        Verified, or entered on purpose: it needs no second typing.
    identifier_kind, identifier
        `npi` or `other`, and what it says.
    fingerprint
        Of the contact's public key, "" where none is noted.
    """

    email: str
    state: str
    known: bool = False
    name: str = ""
    organisation: str = ""
    identifier_kind: str = ""
    identifier: str = ""
    fingerprint: str = ""
    added_by: str = ""
    seconded_by: str = ""
    created: str = ""
    added: str = ""
    notified: str = ""
    verified: str = ""
    blocked: str = ""

    @property
    def is_verified(self) -> bool:
        """Whether its owner has proven an access code."""
        return self.state == "verified"

    def as_json(self) -> dict[str, Any]:
        """Return it as all commands write it."""
        document = asdict(self)
        for name in ("added_by", "seconded_by", *_MOMENTS):
            document[name] = document[name] or None
        return document


_MOMENTS = ("created", "added", "notified", "verified", "blocked")


def read_contact(item: object) -> Contact:
    """Return the contact in an answer, or in a file that `Contact.as_json` was written to.

    Raises
    ------
    ExchangeServerError
        It is none.
    """
    if not isinstance(item, Mapping):
        raise not_understood()
    values: dict[str, Any] = {}
    for field in fields(Contact):
        value = item.get(field.name)
        if field.name == "known":
            values["known"] = value is True
        elif isinstance(value, str):
            values[field.name] = value
        elif value is not None:
            raise not_understood()
    if not values.get("email") or not values.get("state"):
        raise not_understood()
    return Contact(**values)


def iter_contacts(exchange: HttpExchange, *, page_size: int = _PAGE) -> Iterator[Contact]:
    """Yield the contacts of the organisation in order."""

    def fetch(cursor: str) -> Mapping[str, Any]:
        return exchange.ask("GET", "/v1/contacts" + page_query(limit=page_size, cursor=cursor))

    yield from map(read_contact, iter_items(fetch, "contacts"))


def enter_contact(
    exchange: HttpExchange, email: str, details: Mapping[str, str], *, accept: str = ""
) -> Contact:
    """Enter an address on purpose, or change what is noted of it.

    Parameters
    ----------
    details
        `name`, `organisation`, `identifier_kind`, `identifier`, `fingerprint`; what is left out
        stays as it is.
    accept
        The reason of the guard that somebody has looked at.

    Raises
    ------
    RecipientUnconfirmedError
        It looks mistyped, or is blocked or forbidden.
    """
    body = {"email": email, **details, "accept": accept}
    return read_contact(exchange.ask("POST", "/v1/contacts", body))


def remove_contact(exchange: HttpExchange, email: str) -> None:
    """Forget a contact.

    Raises
    ------
    NotFoundError
    """
    exchange.ask("POST", "/v1/contacts:remove", {"email": email})


def act_on_contact(exchange: HttpExchange, email: str, action: str) -> Contact:
    """Do `block` or `unblock`; administrators only."""
    return read_contact(exchange.ask("POST", f"/v1/contacts:{action}", {"email": email}))


def load_policy(exchange: HttpExchange) -> Policy:
    """Return what the organisation allows."""
    return read_policy(exchange.ask("GET", "/v1/policy"))


def save_policy(exchange: HttpExchange, policy: Policy) -> Policy:
    """Replace what the organisation allows; administrators only."""
    return read_policy(exchange.ask("PUT", "/v1/policy", policy_json(policy)))


def policy_json(policy: Policy) -> dict[str, Any]:
    """Return a policy as JSON."""
    return {
        "allow_domains": list(policy.allow_domains),
        "free_mail": policy.free_mail.value,
        "second_person": policy.second_person,
    }


def read_policy(document: object) -> Policy:
    """Return the policy in an answer.

    Raises
    ------
    ExchangeServerError
        It is none.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("allow_domains"), list):
        raise not_understood()
    try:
        free_mail = FreeMail(str(document.get("free_mail")))
    except ValueError as exc:
        raise not_understood() from exc
    domains = tuple(str(one) for one in document["allow_domains"])
    return Policy(domains, free_mail, document.get("second_person") is True)
