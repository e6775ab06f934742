"""Rows as what they are: what the use cases hand to each other and to the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

from sqlalchemy import Row

from emixcli.server.states import ContactState, MailState, PackageState, RequestState, ShareState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """A package: `id` names its bytes in the store; sealed, it has a size and a place for slots."""

    id: str
    package_id: str
    organisation_id: str
    account_id: str
    state: PackageState
    part_size: int
    size_bound: int
    size: int | None
    sha256: str | None
    slots_offset: int | None
    slots_length: int | None
    created_ms: int
    touched_ms: int
    expires_ms: int
    sealed_ms: int | None
    ended_ms: int | None
    purged_ms: int | None


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """A share of a package, which `package` names by its row."""

    id: str
    package: str
    organisation_id: str
    account_id: str
    recipient: str
    purpose: str
    state: ShareState
    mail: MailState
    tries: int
    to_account: str | None
    max_opens: int | None
    opens: int
    urgent: bool
    request_digest: str | None
    created_ms: int
    hold_until_ms: int
    expires_ms: int
    notified_ms: int | None
    verified_ms: int | None
    opened_ms: int | None
    downloaded_ms: int | None
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class ShownShare(ShareRecord):
    """A share with what its sender calls the package."""

    package_id: str


@dataclass(frozen=True, slots=True)
class LiveShare(ShareRecord):
    """A share that has not ended, with its slot, encrypted under the server's key."""

    slot: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class InboxLine(ShownShare):
    """A share in the inbox of an account, with what is shown of where it comes from."""

    size: int
    organisation: str
    sender: str


@dataclass(frozen=True, slots=True)
class MailedShare(ShownShare):
    """A share as its mails tell of it; `sender` is an address."""

    organisation: str
    sender: str


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact of an organisation; `added_by` and `seconded_by` name accounts."""

    address: str
    state: ContactState
    name: str
    organisation: str
    identifier_kind: str
    identifier: str
    fingerprint: str
    added_by: str | None
    seconded_by: str | None
    created_ms: int
    added_ms: int | None
    notified_ms: int | None
    verified_ms: int | None
    blocked_ms: int | None


@dataclass(frozen=True, slots=True)
class ShownContact(ContactRecord):
    """A contact with the addresses of the accounts that entered it."""

    adder: str | None
    seconder: str | None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A public key that an account has published: for packages, or for requests."""

    account_id: str
    email: str
    fingerprint: str
    public_key: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """A link by which somebody without an account may ask for images, once."""

    id: str
    organisation_id: str
    address: str
    mail: MailState
    session_hash: str | None
    session_expires_ms: int | None
    created_ms: int
    expires_ms: int
    used_ms: int | None


@dataclass(frozen=True, slots=True)
class ShownInvitation(InvitationRecord):
    """An invitation with the address of whoever invited."""

    inviter: str


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request for images to an organisation, without its sealed content."""

    id: str
    organisation_id: str
    account_id: str | None
    requester: str
    purpose: str
    state: RequestState
    size: int
    sha256: str
    identity_checked: str | None
    authorisation_checked: str | None
    declined_for: str | None
    share_id: str | None
    created_ms: int
    expires_ms: int
    decided_ms: int | None
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class ShownRequest(RequestRecord):
    """A request with the organisations that are asked and that asks, and who decided."""

    organisation: str
    requester_organisation: str | None
    decider: str | None


@dataclass(frozen=True, slots=True)
class DisclosureRecord:
    """What was disclosed of a patient by a share; `sealed` says of whom."""

    share_id: str
    at_ms: int
    recipient: str
    purpose: str
    sealed: str


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job of the outbox about `subject`, an id; `payload` is JSON."""

    id: int
    kind: str
    subject: str
    payload: str
    attempts: int
    created_ms: int
    urgent: bool


@cache
def _words(kind: type[Any]) -> dict[str, type[StrEnum] | None]:
    """The fields of a record, each with the enumeration whose word it holds, if it does."""
    return {
        name: hint if isinstance(hint, type) and issubclass(hint, StrEnum) else None
        for name, hint in get_type_hints(kind).items()
    }


def record(kind: type[T], row: Row[Any]) -> T:
    """A row of the database, which may have more columns, as a record."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return kind(
        **{
            name: found[name] if word is None else word(found[name])
            for name, word in _words(cast("Any", kind)).items()
        }
    )
