"""Routes of the audit trail, for administrators and auditors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from emixcli.exchange.auditlog import AuditRow
from emixcli.server.api.deps import AccountArg, SiteArg
from emixcli.server.auditing import AuditQuery, read_audit
from emixcli.server.clock import iso_time

router = APIRouter(prefix="/v1", tags=["audit"])
Word = Annotated[str, Query(max_length=64)]


@router.get("/audit")
def get_audit(
    account: AccountArg,
    site: SiteArg,
    *,
    cursor: Annotated[int, Query(ge=0, lt=1 << 53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    action: Word = "",
    actor: Word = "",
    subject: Word = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> dict[str, Any]:
    """Rows of the own organisation's audit trail, oldest first, and the head of its chain."""
    query = AuditQuery(
        after=cursor,
        limit=limit,
        action=action,
        actor=actor,
        subject=subject,
        since_ms=_milliseconds(since),
        until_ms=_milliseconds(until),
    )
    page = read_audit(site.exchange, account, query)
    return {
        "organisation": {"id": account.organisation_id, "name": account.organisation},
        "rows": [_row_json(row) for row in page.rows],
        "accounts": page.addresses,
        "head": {"seq": page.head.seq, "hash": page.head.hash, "sealed": page.head.sealed},
        "next_cursor": page.rows[-1].seq if page.more else None,
    }


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _row_json(row: AuditRow) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": iso_time(row.at_ms),
        "at_ms": row.at_ms,
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
        "hash": row.hash,
    }
