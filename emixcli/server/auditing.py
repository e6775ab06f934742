"""Reading the audit trail."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from emixcli.exchange.auditlog import AuditHead, AuditRow
from emixcli.server.accounts import Account
from emixcli.server.audit import find_head
from emixcli.server.roles import require_auditor
from emixcli.server.tables import accounts, audit
from emixcli.server.work import Exchange, Work


@dataclass(frozen=True)
class AuditQuery:
    """Which rows; times in milliseconds, `until_ms` not included, "" for any."""

    after: int = 0
    limit: int = 200
    action: str = ""
    actor: str = ""
    subject: str = ""
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True)
class AuditPage:
    """Rows in order, the head of the whole chain, and the addresses of accounts that acted."""

    rows: list[AuditRow]
    more: bool
    head: AuditHead
    addresses: dict[str, str]


def read_audit(exchange: Exchange, account: Account, query: AuditQuery) -> AuditPage:
    """One page of the own organisation's rows; that it was read is a row as well.

    Raises
    ------
    ForbiddenError
    """
    require_auditor(account)
    with exchange.write() as work:
        # Locked: no row may come between the head and the rows.
        head = find_head(work.connection, work.vault, account.organisation_id, lock=True)
        found = work.find_all(AuditRow, _selected(account.organisation_id, query))
        more, rows = len(found) > query.limit, found[: query.limit]
        page = AuditPage(rows, more, head, _addresses(work, account, rows))
        _note_reading(work, account, rows)
    return page


def _note_reading(work: Work, account: Account, rows: list[AuditRow]) -> None:
    # A trail to which somebody added rows takes no more; it is shown all the same.
    with contextlib.suppress(IntegrityError), work.connection.begin_nested():
        work.audit(
            account.organisation_id,
            account.id,
            "audit.read",
            account.id,
            n=len(rows),
            first=rows[0].seq if rows else None,
            last=rows[-1].seq if rows else None,
        )


def _selected(organisation_id: str, query: AuditQuery) -> Select[tuple[object, ...]]:
    found = select(audit).where(
        audit.c.organisation_id == organisation_id, audit.c.seq > query.after
    )
    for column, value in (
        (audit.c.actor, query.actor),
        (audit.c.subject, query.subject),
    ):
        if value:
            found = found.where(column == value)
    if query.action:
        # `share` stands for `share.created`, `share.opened` and so on.
        found = found.where(
            (audit.c.action == query.action)
            | audit.c.action.startswith(query.action + ".", autoescape=True)
        )
    if query.since_ms is not None:
        found = found.where(audit.c.at_ms >= query.since_ms)
    if query.until_ms is not None:
        found = found.where(audit.c.at_ms < query.until_ms)
    return found.order_by(audit.c.seq).limit(query.limit + 1)


def _addresses(work: Work, account: Account, rows: list[AuditRow]) -> dict[str, str]:
    """The addresses of the accounts that the rows name; only of the own organisation."""
    named = {name for row in rows for name in (row.actor, row.subject)}
    query = select(accounts.c.id, accounts.c.email).where(
        accounts.c.organisation_id == account.organisation_id, accounts.c.id.in_(named)
    )
    return {row.id: row.email for row in work.all(query)}
