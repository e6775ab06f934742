"""What becomes of the mails with links: to recipients of shares, and to those who are invited.

A mail waits for its hold, and for a mail server that does not take it. Where its address was
blocked meanwhile it does not leave.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Table, delete, select, update

from emixcli.server.contacts import is_blocked, note_mail
from emixcli.server.records import JobRecord
from emixcli.server.states import MailState
from emixcli.server.tables import outbox, request_invitations, shares
from emixcli.server.work import SYSTEM, Work

#: By kind of job: the table with the state of the mail, its column of addresses, and the first part
#: of its audit rows.
_NOTED: dict[str, tuple[Table, Column[str], str]] = {
    "notify": (shares, shares.c.recipient, "share"),
    "request-invite": (request_invitations, request_invitations.c.address, "request"),
}
_WORDS = {
    MailState.SENT: "mailed",
    MailState.FAILED: "undelivered",
    MailState.BLOCKED: "withheld",
}


@dataclass(frozen=True, slots=True)
class _Mail:
    """A share or an invitation, as the mail with its link."""

    id: str
    organisation_id: str
    address: str


def withhold_blocked(work: Work, job: JobRecord) -> bool:
    """Whether the address of a mail was blocked since it was queued: then it is given up.

    Asked right before a mail is handed over; whoever blocks the address at this moment waits.
    """
    mail = _find_mail(work, job)
    if mail is None or not is_blocked(work, mail.organisation_id, mail.address):
        return False
    conclude_mail(work, job, MailState.BLOCKED)
    return True


def conclude_mail(work: Work, job: JobRecord, state: MailState) -> None:
    """End the job of a mail, and note what became of it."""
    work.hit(delete(outbox).where(outbox.c.id == job.id))
    mail = _find_mail(work, job)
    if mail is None:
        return
    table, _, kind = _NOTED[job.kind]
    if kind == "share" and state is MailState.SENT:
        note_mail(work, mail.organisation_id, mail.address)
    work.hit(update(table).where(table.c.id == mail.id).values(mail=state))
    work.audit(mail.organisation_id, SYSTEM, f"{kind}.{_WORDS[state]}", mail.id)
    if state is MailState.FAILED:
        work.enqueue("undelivered" if kind == "share" else "request-undelivered", mail.id)


def _find_mail(work: Work, job: JobRecord) -> _Mail | None:
    if job.kind not in _NOTED:
        return None
    table, address, _ = _NOTED[job.kind]
    columns = (table.c.id, table.c.organisation_id, address.label("address"))
    return work.find(_Mail, select(*columns).where(table.c.id == job.subject))
