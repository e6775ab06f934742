"""The audit trail: append-only rows, hash-chained per organisation.

Each row's hash covers the hash before it; the newest link is sealed by a key outside the
database. A row that was changed, removed, added or moved is found by `verify_chain`, also when
whoever did it recomputed every hash after it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, update

from emixcli.server.tables import audit, audit_heads
from emixcli.server.vault import Vault

GENESIS = "0" * 64


@dataclass(frozen=True)
class Event:
    """One thing that happened: who, what, to which package, share or account."""

    actor: str
    action: str
    subject: str
    detail: dict[str, str | int | None]


def start_chain(connection: Connection, vault: Vault, organisation_id: str) -> None:
    """Make the empty chain of a new organisation."""
    values = {"organisation_id": organisation_id, "seq": 0, "hash": GENESIS}
    values["seal"] = _seal(vault, organisation_id, 0, GENESIS)
    connection.execute(insert(audit_heads).values(values))


def append(
    connection: Connection, vault: Vault, organisation_id: str, *, at_ms: int, event: Event
) -> None:
    """Append one row within the transaction of what it tells about.

    The update of the head locks the chain, so that writers of one organisation queue here.
    """
    mine = audit_heads.c.organisation_id == organisation_id
    head = connection.execute(
        update(audit_heads)
        .where(mine)
        .values(seq=audit_heads.c.seq + 1)
        .returning(audit_heads.c.seq, audit_heads.c.hash)
    ).one()
    detail = json.dumps(event.detail, sort_keys=True, separators=(",", ":"))
    fields = (event.actor, event.action, event.subject, detail)
    digest = _link(head.hash, organisation_id, head.seq, at_ms, fields)
    connection.execute(
        insert(audit).values(
            organisation_id=organisation_id,
            seq=head.seq,
            at_ms=at_ms,
            actor=event.actor,
            action=event.action,
            subject=event.subject,
            detail=detail,
            hash=digest,
        )
    )
    seal = _seal(vault, organisation_id, head.seq, digest)
    connection.execute(update(audit_heads).where(mine).values(hash=digest, seal=seal))


def verify_chain(connection: Connection, vault: Vault, organisation_id: str) -> str | None:
    """None when the chain is whole, else what is wrong with it, in words."""
    mine = audit_heads.c.organisation_id == organisation_id
    head = connection.execute(select(audit_heads).where(mine)).one_or_none()
    if head is None:
        return "the head of the audit chain is missing"
    seal = _seal(vault, organisation_id, head.seq, head.hash)
    if not hmac.compare_digest(seal, head.seal):
        return "the head of the audit chain was changed"
    previous, expected = GENESIS, 1
    for row in iter_rows(connection, organisation_id):
        fields = (row.actor, row.action, row.subject, row.detail)
        digest = _link(previous, organisation_id, row.seq, row.at_ms, fields)
        if row.seq != expected:
            return f"audit row {expected} is missing"
        if digest != row.hash:
            return f"audit row {row.seq} was changed"
        previous, expected = digest, expected + 1
    if previous != head.hash or expected != head.seq + 1:
        return f"audit rows from {expected} on are missing"
    return None


def iter_rows(connection: Connection, organisation_id: str) -> Iterator[Row[tuple[object, ...]]]:
    """The rows of one organisation, oldest first."""
    query = select(audit).where(audit.c.organisation_id == organisation_id).order_by(audit.c.seq)
    # Set on the query: on the connection it would stay for all that follows.
    with connection.execute(query.execution_options(yield_per=1000)) as rows:
        yield from rows


def _link(
    previous: str, organisation_id: str, seq: int, at_ms: int, fields: tuple[str, ...]
) -> str:
    text = json.dumps([previous, organisation_id, seq, at_ms, *fields], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _seal(vault: Vault, organisation_id: str, seq: int, digest: str) -> str:
    return vault.mac("audit", organisation_id, str(seq), digest).hex()
