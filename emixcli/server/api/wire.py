"""Bodies of requests, checked strictly, and the JSON forms of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from emixcli.exchange.interface import Purpose
from emixcli.server.accounts import Account
from emixcli.server.certificate import Certificate
from emixcli.server.clock import iso_time
from emixcli.server.records import PackageRecord, ShownShare
from emixcli.server.states import ALIVE, ENDED, PackageState
from emixcli.server.store import SignedPart
from emixcli.server.vault import Vault

Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=1, le=10_000)]
Size = Annotated[int, Field(ge=1, le=1 << 50)]
Short = Annotated[str, StringConstraints(max_length=320)]


class Body(BaseModel):
    """A request body: unknown fields and loose types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


class EmailBody(Body):
    """One address; such never stands in a URL, since logs keep those."""

    email: Short


class LoginBody(Body):
    """Mail address and password of an account."""

    email: Short
    password: Annotated[str, StringConstraints(max_length=1024)]


class PackageBody(Body):
    """Announces an upload."""

    package_id: Annotated[str, StringConstraints(min_length=26, max_length=26)]
    part_size: Size
    size_bound: Size


class PartBody(Body):
    """A part that is about to be sent, with the digest that its URL shall hold it to."""

    number: Number
    size: Size
    md5: Md5 | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _one_digest(self) -> Self:
        if (self.md5 is None) == (self.sha256 is None):
            message = "md5 or sha256"
            raise ValueError(message)
        return self


class SignBody(Body):
    """Parts that need a URL."""

    parts: Annotated[list[PartBody], Field(min_length=1, max_length=64)]


class SealedPartBody(Body):
    """A part as it was sent: `md5` where that was signed, and the digest that it must have."""

    number: Number
    size: Size
    md5: Md5 | None = None
    sha256: Sha256


class SlotsBody(Body):
    """Where the page's slots element has its content; both in bytes."""

    offset: Annotated[int, Field(ge=0, le=1 << 50)]
    length: Annotated[int, Field(ge=1024, le=1 << 20)]


class SealBody(Body):
    """Ends an upload."""

    size: Size
    sha256: Sha256 | None = None
    parts: Annotated[list[SealedPartBody], Field(min_length=1, max_length=10_000)]
    slots: SlotsBody


class RecipientBody(Body):
    """Who gets the package."""

    email: Short


class ShareBody(Body):
    """Shares a package with one recipient."""

    recipient: RecipientBody
    confirm_email: Short | None = None
    purpose: Annotated[Purpose, Field(strict=False)]
    hold_s: int | None = None
    slot: dict[str, Any]
    auth: Short | None = None
    request_id: Short | None = None
    max_opens: Annotated[int, Field(ge=1, le=1000)] | None = None
    expires_s: Annotated[int, Field(ge=60, le=30 * 86400)] | None = None
    urgent: bool = False

    @model_validator(mode="after")
    def _proof_of_codes(self) -> Self:
        if (self.auth is None) != (self.slot.get("kind") == "hpke"):
            message = "auth goes with a slot of kind code"
            raise ValueError(message)
        return self


class CodeBody(Body):
    """The code that was mailed."""

    code: Annotated[str, StringConstraints(max_length=32)]


class OpenBody(Body):
    """The proof that the access code gives."""

    session: Short
    proof: Short


def account_json(account: Account) -> dict[str, Any]:
    """An account for its owner."""
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "organisation": account.organisation,
        "role": account.role,
    }


def package_json(
    row: PackageRecord, shares: list[dict[str, Any]], part_digest: str
) -> dict[str, Any]:
    """A package with its shares; `sealed` again once all of them have ended."""
    is_over = row.state == PackageState.SHARED and all(share["ended"] for share in shares)
    return {
        "package_id": row.package_id,
        "state": PackageState.SEALED if is_over else row.state,
        "size": row.size,
        "size_bound": row.size_bound,
        "part_size": row.part_size,
        "part_digest": part_digest,
        "created": iso_time(row.created_ms),
        "sealed": iso_time(row.sealed_ms),
        "ended": iso_time(row.ended_ms),
        "purged": iso_time(row.purged_ms),
        "expires": iso_time(row.expires_ms),
        "shares": shares,
    }


def share_json(row: ShownShare, base_url: str, vault: Vault, code_tries: int) -> dict[str, Any]:
    """A share for its sender; the link only while it can still be used."""
    has_link = row.state in ALIVE and row.to_account is None
    link = f"{base_url}/r/{vault.link_token(row.id)}" if has_link else None
    return {
        "share_id": row.id,
        "package_id": row.package_id,
        "recipient": row.recipient,
        "purpose": row.purpose,
        "state": row.state,
        "ended": row.state in ENDED,
        "mail": row.mail,
        "link": link,
        "tries_left": max(code_tries - row.tries, 0),
        "by_key": row.to_account is not None,
        "max_opens": row.max_opens,
        "opens": row.opens,
        "urgent": row.urgent,
        "created": iso_time(row.created_ms),
        "hold_until": iso_time(row.hold_until_ms),
        "notified": iso_time(row.notified_ms),
        "verified": iso_time(row.verified_ms),
        "opened": iso_time(row.opened_ms),
        "downloaded": iso_time(row.downloaded_ms),
        "ended_at": iso_time(row.ended_ms),
        "expires": iso_time(row.expires_ms),
    }


def certificate_json(made: Certificate) -> dict[str, Any]:
    """A certificate of non-access; each row with the hash before it, which its own covers."""
    share = made.share
    proven = [row.at_ms for _, row in made.rows if row.action == "share.verified"]
    return {
        "share_id": share.id,
        "package_id": share.package_id,
        "organisation": made.organisation,
        "organisation_id": made.organisation_id,
        "recipient": share.recipient,
        "purpose": share.purpose,
        "state": share.state,
        "mail": share.mail,
        "created": iso_time(share.created_ms),
        "notified": iso_time(share.notified_ms),
        "ended_at": iso_time(share.ended_ms),
        "mailbox_proven": iso_time(proven[0]) if proven else None,
        "wrong_access_codes": sum(row.action == "share.access_refused" for _, row in made.rows),
        "rows": [{"previous": previous, **asdict(row)} for previous, row in made.rows],
        "head": {"seq": made.head.seq, "hash": made.head.hash},
        "issued": iso_time(made.issued_ms),
    }


def signed_json(part: SignedPart, base_url: str) -> dict[str, Any]:
    """Where a client puts a part; a URL of this exchange is made absolute."""
    url = base_url + part.url if part.url.startswith("/") else part.url
    headers: Mapping[str, str] = part.headers
    return {"number": part.number, "method": part.method, "url": url, "headers": dict(headers)}
