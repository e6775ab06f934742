"""Rows as what they are: what the use cases hand to each other and to the API."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, TypeVar, cast

from sqlalchemy import Row

from emixcli.server.states import MailState, PackageState, ShareState

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
    """A share of a package: `package` is the row, `package_id` what the sender calls it."""

    id: str
    package: str
    package_id: str
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


#: Columns that are words of an enumeration.
_WORDS: dict[tuple[type[Any], str], type[StrEnum]] = {
    (PackageRecord, "state"): PackageState,
    (ShareRecord, "state"): ShareState,
    (ShareRecord, "mail"): MailState,
}


def record(kind: type[T], row: Row[Any]) -> T:
    """Return a row of the database, which may have more columns, as a record."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    names = [field.name for field in fields(cast("Any", kind))]
    words = {name: _WORDS[kind, name] for name in names if (kind, name) in _WORDS}
    return kind(
        **{name: words[name](found[name]) if name in words else found[name] for name in names}
    )
