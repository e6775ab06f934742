"""The audit trail: append-only rows, hash-chained per organisation.

Each row's hash covers the hash before it; the newest link is sealed by a key outside the
database. A row that was changed, removed, added or moved is found by `verify_chain`, also when
whoever did it recomputed every hash after it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, and_, insert, select, update

from emixcli.errors import AuditBrokenError
from emixcli.exchange.auditlog import (
    GENESIS,
    AuditHead,
    AuditRow,
    Chain,
    broken,
    canonical_detail,
    link,
)
from emixcli.server.tables import audit, audit_heads
from emixcli.server.vault import Vault


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
    detail = canonical_detail(event.detail)
    row = AuditRow(head.seq, at_ms, event.actor, event.action, event.subject, detail, "")
    digest = link(head.hash, organisation_id, row)
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


def find_head(
    connection: Connection, vault: Vault, organisation_id: str, *, lock: bool = False
) -> AuditHead:
    """The newest link, and whether the key outside the database vouches for it.

    Parameters
    ----------
    lock
        Hold off further rows until the transaction ends.

    Raises
    ------
    AuditBrokenError
        It is missing.
    """
    mine = audit_heads.c.organisation_id == organisation_id
    query = select(audit_heads).where(mine)
    head = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if head is None:
        raise broken("the head of the audit chain is missing")
    seal = _seal(vault, organisation_id, head.seq, head.hash)
    return AuditHead(head.seq, head.hash, hmac.compare_digest(seal.encode(), head.seal.encode()))


def verify_chain(connection: Connection, vault: Vault, organisation_id: str) -> str | None:
    """None when the chain is whole, else what is wrong with it, in words."""
    chain = Chain(organisation_id)
    try:
        while True:
            before = chain.seq
            for row in iter_rows(connection, organisation_id, after=chain.seq):
                chain.add(row)
            # The head after the rows: what others append meanwhile is read as well.
            head = find_head(connection, vault, organisation_id)
            if chain.seq >= head.seq or chain.seq == before:
                break
        chain.end(head)
    except AuditBrokenError as error:
        return error.message
    return None


def iter_rows(
    connection: Connection, organisation_id: str, *, after: int = 0
) -> Iterator[AuditRow]:
    """The rows of one organisation behind the number `after`, oldest first."""
    mine = and_(audit.c.organisation_id == organisation_id, audit.c.seq > after)
    query = select(audit).where(mine).order_by(audit.c.seq)
    # Set on the query: on the connection it would stay for all that follows.
    with connection.execute(query.execution_options(yield_per=1000)) as rows:
        for row in rows:
            yield AuditRow(
                row.seq, row.at_ms, row.actor, row.action, row.subject, row.detail, row.hash
            )


def _seal(vault: Vault, organisation_id: str, seq: int, digest: str) -> str:
    return vault.mac("audit", organisation_id, str(seq), digest).hex()
