"""What becomes of the mails with links: to recipients of shares, and to those who are invited.

A mail waits for its hold, and for a mail server that does not take it. Where its address was
blocked meanwhile it does not leave.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Table, delete, select, update

from emixcli.server.contacts import is_blocked, note_mail
from emixcli.server.states import MailState
from emixcli.server.tables import outbox, request_invitations, shares
from emixcli.server.work import SYSTEM, Work

#: By kind of job: the table with the state of the mail, and the first part of its audit rows.
_NOTED: dict[str, tuple[Table, str]] = {
    "notify": (shares, "share"),
    "request-invite": (request_invitations, "request"),
}
_WORDS = {
    MailState.SENT: "mailed",
    MailState.FAILED: "undelivered",
    MailState.BLOCKED: "withheld",
}


def withhold_blocked(work: Work, job: Row[Any]) -> bool:
    """Whether the address of a mail was blocked since it was queued: then it is given up.

    Asked right before a mail is handed over; whoever blocks the address at this moment waits.
    """
    if job.kind not in _NOTED:
        return False
    table, _ = _NOTED[job.kind]
    row = work.one(select(table).where(table.c.id == job.subject))
    if row is None or not is_blocked(work, row.organisation_id, _address(row)):
        return False
    conclude_mail(work, job, MailState.BLOCKED)
    return True


def conclude_mail(work: Work, job: Row[Any], state: MailState) -> None:
    """End the job of a mail, and note what became of it."""
    work.hit(delete(outbox).where(outbox.c.id == job.id))
    if job.kind not in _NOTED:
        return
    table, kind = _NOTED[job.kind]
    row = work.one(select(table).where(table.c.id == job.subject))
    if row is None:
        return
    if kind == "share" and state is MailState.SENT:
        note_mail(work, row.organisation_id, row.recipient)
    work.hit(update(table).where(table.c.id == row.id).values(mail=state))
    work.audit(row.organisation_id, SYSTEM, f"{kind}.{_WORDS[state]}", row.id)
    if state is MailState.FAILED:
        work.enqueue("undelivered" if kind == "share" else "request-undelivered", row.id)


def _address(row: Row[Any]) -> str:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return str(found["recipient"] if "recipient" in found else found["address"])
