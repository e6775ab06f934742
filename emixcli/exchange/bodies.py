"""Reading answers of an exchange, which may be anything at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emixcli.errors import ExchangeServerError
from emixcli.exchange.interface import (
    Account,
    Content,
    Login,
    Mailbox,
    Package,
    Part,
    Share,
    SignedPart,
)
from emixcli.guard.decision import Action, Decision

Document = Mapping[str, Any]


def not_understood() -> ExchangeServerError:
    """Return the error for an answer that breaks the contract of the API."""
    return ExchangeServerError(
        "the answer of the exchange cannot be understood",
        hint="check that the address is that of an exchange: emix config get exchange_url",
    )


def text(document: Document, name: str, default: str | None = None) -> str:
    """Return a member that is a text; the default where it is null or missing."""
    value = document.get(name, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise not_understood()
    return value


def _size(document: Document, name: str, default: int | None = None) -> int:
    value = document.get(name, default)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise not_understood()
    return value


def _mapping(document: Document, name: str) -> Document:
    value = document.get(name)
    if not isinstance(value, dict):
        raise not_understood()
    return value


def documents(document: Document, name: str) -> Sequence[Document]:
    """Return a member that is an array of objects; empty where it is missing."""
    value = document.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise not_understood()
    return value


def account(document: Document) -> Account:
    """Return the account in an answer."""
    return Account(
        account_id=text(document, "id"),
        email=text(document, "email"),
        name=text(document, "name", ""),
        organisation=text(document, "organisation", ""),
        role=text(document, "role", ""),
        accounting=text(document, "accounting", ""),
    )


def login(document: Document) -> Login:
    """Return the token in an answer."""
    token = text(document, "token")
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise not_understood()
    return Login(token, text(document, "expires", ""), account(_mapping(document, "account")))


def share(document: Document) -> Share:
    """Return the share in an answer."""
    recipient = document.get("recipient")
    if isinstance(recipient, dict):
        recipient = recipient.get("email")
    if not isinstance(recipient, str):
        raise not_understood()
    return Share(
        share_id=text(document, "share_id"),
        recipient=recipient,
        state=text(document, "state"),
        link=text(document, "link", ""),
        purpose=text(document, "purpose", ""),
        hold_until=text(document, "hold_until", ""),
        expires=text(document, "expires", ""),
        package_id=text(document, "package_id", ""),
        mail=text(document, "mail", ""),
        notified=text(document, "notified", ""),
        verified=text(document, "verified", ""),
        opened=text(document, "opened", ""),
        downloaded=text(document, "downloaded", ""),
        ended_at=text(document, "ended_at", ""),
        by_key=document.get("by_key") is True,
        opens=_size(document, "opens", 0),
        max_opens=None if document.get("max_opens") is None else _size(document, "max_opens"),
        urgent=document.get("urgent") is True,
    )


def decisions(document: Document) -> list[Decision]:
    """Return what an exchange says of recipients."""
    try:
        return [
            Decision(
                Action(text(item, "action")),
                *(text(item, name, "") for name in ("reason", "message", "hint", "meant")),
            )
            for item in documents(document, "recipients")
        ]
    except ValueError as exc:
        raise not_understood() from exc


def public_key(document: Document) -> str:
    """Return the public key file in an answer."""
    return text(document, "public_key")


def package(document: Document) -> Package:
    """Return the package in an answer."""
    return Package(
        package_id=text(document, "package_id"),
        state=text(document, "state"),
        size=_size(document, "size", 0),
        part_size=_size(document, "part_size", 0),
        created=text(document, "created", ""),
        expires=text(document, "expires", ""),
        shares=tuple(share(item) for item in documents(document, "shares")),
        part_digest="sha256" if document.get("part_digest") == "sha256" else "md5",
    )


def parts(document: Document) -> list[Part]:
    """Return the parts in an answer."""
    return [
        Part(
            number=_size(item, "number"),
            size=_size(item, "size"),
            md5=text(item, "md5", "").lower(),
            sha256=text(item, "sha256", "").lower(),
        )
        for item in documents(document, "parts")
    ]


def signed_parts(document: Document) -> list[SignedPart]:
    """Return the signed addresses in an answer."""
    found = []
    for item in documents(document, "parts"):
        headers = item.get("headers") or {}
        if not isinstance(headers, dict):
            raise not_understood()
        found.append(
            SignedPart(
                number=_size(item, "number"),
                method=text(item, "method", "PUT"),
                url=text(item, "url"),
                headers={str(name): str(value) for name, value in headers.items()},
            )
        )
    return found


def mailbox(document: Document) -> Mailbox:
    """Return what a proven mailbox is told."""
    return Mailbox(
        session=text(document, "session"),
        organisation=text(document, "organisation", ""),
        sender_name=text(document, "sender_name", ""),
        kdf=_mapping(document, "kdf"),
        expires=text(document, "expires", ""),
        size=_size(_mapping(document, "package"), "size"),
    )


def copy_url(document: Document) -> str:
    """Return where the copy for a recipient is."""
    return text(_mapping(document, "copy"), "url")


def opened(document: Document) -> Content:
    """Return where the bytes are, after a good proof of the access code."""
    content = _mapping(document, "content")
    return Content(
        package_id=text(document, "package_id"),
        size=_size(document, "size"),
        url=text(content, "url"),
        token=text(content, "token"),
        slot=dict(_mapping(document, "slot")),
    )
