"""One-time codes to a mailbox: made within limits, tried in one conditional UPDATE each.

The same rules for the link of a share and for that of an invitation; each kind has a table of its
own with the same columns. The code itself is never stored, only its random salt.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import Table, and_, update
from sqlalchemy.sql import ColumnElement

from emixcli.server.clock import HOUR_MS, SECOND_MS
from emixcli.server.work import Work


@dataclass(frozen=True)
class Mailbox:
    """Whose codes: a table, its column of ids, the id, and the name that the code is made from."""

    table: Table
    column: str
    id: str
    subject: str

    @property
    def mine(self) -> ColumnElement[bool]:
        """The row of this mailbox."""
        here: ColumnElement[bool] = self.table.c[self.column] == self.id
        return here


def renew(work: Work, mailbox: Mailbox) -> bytes | None:
    """The salt of a new code, which replaces the last one; None where the limits forbid a mail."""
    salt = secrets.token_bytes(16)
    limits, now_ms, table = work.settings.limits, work.now_ms, mailbox.table
    fresh = {"salt": salt, "tries": 0, "sent_ms": now_ms}
    fresh["expires_ms"] = now_ms + limits.otp_s * SECOND_MS
    first = {mailbox.column: mailbox.id, **fresh, "hour_ms": now_ms, "n_hour": 1, "n_sent": 1}
    if work.add_new(table, first):
        return salt
    work.hit(
        update(table)
        .where(mailbox.mine, table.c.hour_ms <= now_ms - HOUR_MS)
        .values(hour_ms=now_ms, n_hour=0)
    )
    allowed = and_(
        mailbox.mine,
        table.c.sent_ms <= now_ms - limits.otp_interval_s * SECOND_MS,
        table.c.n_hour < limits.otp_per_hour,
        table.c.n_sent < limits.otp_per_share,
    )
    more = {"n_hour": table.c.n_hour + 1, "n_sent": table.c.n_sent + 1}
    return salt if work.hit(update(table).where(allowed).values(**fresh, **more)) else None


def try_code(work: Work, mailbox: Mailbox, code: str) -> int | None:
    """None for the right code (which is used up by it), else the tries left."""
    table, limit = mailbox.table, work.settings.limits.otp_tries
    usable = and_(
        mailbox.mine,
        table.c.salt.is_not(None),
        table.c.expires_ms > work.now_ms,
        table.c.tries < limit,
    )
    tried = work.connection.execute(
        update(table)
        .where(usable)
        .values(tries=table.c.tries + 1)
        .returning(table.c.salt, table.c.tries)
    ).one_or_none()
    if tried is None:
        return 0
    good = work.vault.one_time_code(mailbox.subject, tried.salt)
    if hmac.compare_digest(good.encode(), code.encode("utf-8", "replace")):
        work.hit(update(table).where(mailbox.mine).values(salt=None))
        return None
    return limit - int(tried.tries)
