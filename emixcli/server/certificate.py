"""What is certified of a share that nobody has opened, from the audit chain.

Every row from the first one of the share up to the head of the chain is checked before anything is
said: a row about an access cannot have been taken out in between.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from emixcli.errors import ForbiddenError, GoneError
from emixcli.exchange.auditlog import GENESIS, AuditHead, AuditRow, Chain, broken
from emixcli.server.accounts import Account
from emixcli.server.audit import find_head, iter_rows
from emixcli.server.records import ShownShare
from emixcli.server.shares import find_share, share_scope
from emixcli.server.states import ENDED, OPEN
from emixcli.server.tables import audit
from emixcli.server.work import Exchange, Work

#: What the rows of a share say where somebody had its key.
ACCESSES = frozenset({f"share.{state}" for state in OPEN} | {"share.access_granted"})


@dataclass(frozen=True)
class Certificate:
    """A share, its rows with the hash before each, and the head of the chain that was checked."""

    share: ShownShare
    organisation_id: str
    organisation: str
    rows: list[tuple[str, AuditRow]]
    head: AuditHead
    issued_ms: int


def certify(exchange: Exchange, account: Account, share_id: str) -> Certificate:
    """The certificate of non-access of a share that has ended; that it was made is recorded.

    Raises
    ------
    GoneError
        The share is alive: it may be opened at any moment.
    ForbiddenError
        Somebody has proven its access code.
    AuditBrokenError
        The chain does not hold.
    NotFoundError
    """
    with exchange.read() as work:
        share = find_share(work, share_id, share_scope(account))
        if share.state not in ENDED:
            message = f"the share is {share.state} and may still be opened"
            raise GoneError(message, hint=f"emix revoke {share_id}")
        head = find_head(work.connection, work.vault, account.organisation_id)
        rows = _rows_of(work, account.organisation_id, share_id, head)
    accessed = any(row.action in ACCESSES for _, row in rows)
    if accessed or share.opened_ms is not None or share.downloaded_ms is not None:
        message = "the access code of this share was proven: its content was given out"
        raise ForbiddenError(message, hint="emix status tells when")
    with exchange.write() as work:
        work.audit(share.organisation_id, account.id, "share.certified", share_id, head=head.seq)
    return Certificate(
        share, account.organisation_id, account.organisation, rows, head, exchange.clock()
    )


def _rows_of(
    work: Work, organisation_id: str, share_id: str, head: AuditHead
) -> list[tuple[str, AuditRow]]:
    """The rows about a share, each with the hash before it; all rows from there on are checked.

    Raises
    ------
    AuditBrokenError
        The chain does not hold, or the row with which a share begins is not there: whoever renames
        it and what followed would have the check begin behind an access.
    """
    mine = audit.c.organisation_id == organisation_id
    query = select(func.min(audit.c.seq)).where(mine, audit.c.subject == share_id)
    first = int(work.connection.execute(query).scalar_one() or head.seq + 1)
    chain = Chain(organisation_id)
    if first > 1:
        before = select(audit.c.hash).where(mine, audit.c.seq == first - 1)
        chain.seq = first - 1
        chain.hash = work.connection.execute(before).scalar_one_or_none() or GENESIS
    found = []
    for row in iter_rows(work.connection, organisation_id, after=first - 1):
        if row.seq > head.seq:
            break
        previous = chain.hash
        chain.add(row)
        if row.subject == share_id:
            found.append((previous, row))
    chain.end(head)
    if not found or found[0][1].action != "share.created":
        raise broken("the first audit row of the share is missing")
    return found
