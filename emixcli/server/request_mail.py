"""Mails about requests for images: never whose, only that there is one."""

from __future__ import annotations

import json

from sqlalchemy import select

from emixcli.server.mail import Letter
from emixcli.server.records import JobRecord
from emixcli.server.states import RequestState
from emixcli.server.tables import accounts, organisations, request_invitations, requests
from emixcli.server.work import Work

#: Kinds of jobs that this module writes letters for.
KINDS = frozenset(
    {
        "request-invite",
        "request-otp",
        "request-undelivered",
        "request-arrived",
        "request-declined",
    }
)


def invitation_subject(invitation_id: str) -> str:
    """What the link and the codes of an invitation are made from; no share's id holds a slash."""
    return f"invitation/{invitation_id}"


def letter_for(work: Work, job: JobRecord, base_url: str) -> Letter | None:
    """The letter for a job, or None where there is nothing to say any more."""
    if job.kind in {"request-invite", "request-otp"}:
        return _to_invited(work, job, base_url)
    if job.kind == "request-undelivered":
        return _to_inviter(work, job)
    row = work.one(
        select(requests, organisations.c.name.label("organisation"))
        .join(organisations, organisations.c.id == requests.c.organisation_id)
        .where(requests.c.id == job.subject)
    )
    if row is None:
        return None
    fields = {"organisation": row.organisation, "request_id": row.id}
    to = row.requester
    if job.kind == "request-arrived":
        if row.state != RequestState.OPEN:
            return None
        account_id = json.loads(job.payload)["account"]
        reader = work.one(select(accounts.c.email).where(accounts.c.id == account_id))
        if reader is None:
            return None
        to = reader.email
    return Letter(job.kind, job.id, job.created_ms, to, fields)


def _to_inviter(work: Work, job: JobRecord) -> Letter | None:
    row = work.one(
        select(request_invitations.c.id, accounts.c.email)
        .join(accounts, accounts.c.id == request_invitations.c.account_id)
        .where(request_invitations.c.id == job.subject)
    )
    if row is None:
        return None
    return Letter(job.kind, job.id, job.created_ms, row.email, {"invitation_id": row.id})


def _to_invited(work: Work, job: JobRecord, base_url: str) -> Letter | None:
    row = work.one(
        select(request_invitations, organisations.c.name.label("organisation"))
        .join(organisations, organisations.c.id == request_invitations.c.organisation_id)
        .where(request_invitations.c.id == job.subject)
    )
    if row is None or row.used_ms is not None or row.expires_ms <= work.now_ms:
        return None
    subject = invitation_subject(row.id)
    fields = {
        "organisation": row.organisation,
        "link": f"{base_url}/q/{work.vault.link_token(subject)}",
    }
    if job.kind == "request-otp":
        salt = bytes.fromhex(json.loads(job.payload)["salt"])
        fields["code"] = work.vault.one_time_code(subject, salt)
        fields["minutes"] = str(work.settings.limits.otp_s // 60)
    return Letter(job.kind, job.id, job.created_ms, row.address, fields)
