"""Somebody without an account asks for images: an invitation by mail, a mail code, one request.

Following the link shows and consumes nothing. Whoever reads the mailbox gets a session for the
right mail code; a session makes one request, and the invitation is used up by it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from sqlalchemy import and_, delete, func, literal, select, tuple_, update
from sqlalchemy.sql import ColumnElement

from emixcli.errors import (
    AuthRequiredError,
    EmixError,
    GoneError,
    NotFoundError,
)
from emixcli.mailaddress import address_key, parse_address
from emixcli.server import otp
from emixcli.server.accounts import Account
from emixcli.server.addresses import require_recipient
from emixcli.server.asking import add_request, read_sealed
from emixcli.server.clock import DAY_MS, HOUR_MS, SECOND_MS
from emixcli.server.problems import (
    ConflictError,
    RefusedRecipientError,
    TooManyError,
    WrongCodeError,
)
from emixcli.server.readers import readers_of
from emixcli.server.records import InvitationRecord, KeyRecord, ShownInvitation
from emixcli.server.request_mail import invitation_subject
from emixcli.server.roles import require_sender
from emixcli.server.states import MailState, Role
from emixcli.server.tables import (
    accounts,
    invitation_codes,
    organisations,
    request_invitations,
    requests,
)
from emixcli.server.vault import new_id, new_token, token_hash
from emixcli.server.work import Exchange, Work

INVITED = "invited"
_NO_INVITATION = "this link is not valid, or no longer"


@dataclass(frozen=True)
class Admitted:
    """What the reader of an invited mailbox gets for the right mail code."""

    session: str
    session_expires_ms: int
    email: str
    organisation: str
    keys: list[KeyRecord]


def invite(exchange: Exchange, account: Account, email: str, confirm_email: str) -> ShownInvitation:
    """Mail somebody a link by which they can ask the account's organisation for images.

    Raises
    ------
    RecipientUnconfirmedError
        The address typed a second time is another one, or it looks mistyped, or the organisation
        forbids it.
    ConflictError
        Nobody of the organisation could open the request.
    UsageError, TooManyError
    """
    require_sender(account)
    address = parse_address(email)
    if not hmac.compare_digest(
        address_key(address).encode(), confirm_email.strip().lower().encode("utf-8", "replace")
    ):
        message = "the address was not confirmed"
        hint = "type it a second time (--confirm-to ADDR)"
        raise RefusedRecipientError(message, hint=hint, reason="address.new")
    invitation_id = new_id()
    with exchange.write() as work:
        if not readers_of(work, account.organisation_id):
            message = "nobody of your organisation can open requests yet"
            raise ConflictError(message, hint="emix request key publish")
        require_recipient(work, account, address, confirm_email)
        _check_rate(work, account)
        subject = invitation_subject(invitation_id)
        values = {
            "id": invitation_id,
            "organisation_id": account.organisation_id,
            "account_id": account.id,
            "address": address,
            "mail": MailState.QUEUED,
            "token_hash": token_hash(work.vault.link_token(subject)),
            "created_ms": work.now_ms,
            "expires_ms": work.now_ms + work.settings.limits.invitation_days * DAY_MS,
        }
        work.add(request_invitations, values)
        work.enqueue("request-invite", invitation_id)
        organisation_id, action = account.organisation_id, "request.invited"
        work.audit(organisation_id, account.id, action, invitation_id, recipient=address)
        mine = request_invitations.c.id == invitation_id
        made = select(request_invitations, literal(account.email).label("inviter"))
        return work.load(ShownInvitation, made.where(mine))


def withdraw(exchange: Exchange, account: Account, invitation_id: str) -> None:
    """End an invitation that was not used yet: by whoever invited, or an administrator.

    Raises
    ------
    NotFoundError
        There is no such one of theirs, or it was used or has ended.
    """
    require_sender(account)
    table, mine = request_invitations, visible_invitations(account)
    with exchange.write() as work:
        alive = and_(table.c.used_ms.is_(None), table.c.expires_ms > work.now_ms)
        change = update(table).where(table.c.id == invitation_id, mine, alive)
        if not work.hit(change.values(expires_ms=work.now_ms, session_hash=None)):
            message = "there is no such invitation, or it was used"
            raise NotFoundError(message, hint="emix requests shows what was asked")
        organisation_id = account.organisation_id
        work.audit(organisation_id, account.id, "request.uninvited", invitation_id)


def visible_invitations(account: Account) -> ColumnElement[bool]:
    """Those of whoever invited; for an administrator all of the organisation."""
    table = request_invitations
    mine = table.c.organisation_id == account.organisation_id
    return mine if account.role is Role.ADMIN else and_(mine, table.c.account_id == account.id)


def list_invitations(
    exchange: Exchange, account: Account, *, after: str, limit: int
) -> list[ShownInvitation]:
    """Invitations that have not ended, newest first, with who invited.

    Parameters
    ----------
    after
        The id of the last one of the page before; empty for the first page.
    """
    table = request_invitations
    query = select(table, accounts.c.email.label("inviter")).join(
        accounts, accounts.c.id == table.c.account_id
    )
    with exchange.read() as work:
        query = query.where(visible_invitations(account), table.c.expires_ms > work.now_ms)
        if after:
            last = select(table.c.created_ms, table.c.id).where(
                visible_invitations(account), table.c.id == after
            )
            query = query.where(tuple_(table.c.created_ms, table.c.id) < last.scalar_subquery())
        query = query.order_by(table.c.created_ms.desc(), table.c.id.desc()).limit(limit)
        return work.find_all(ShownInvitation, query)


def _check_rate(work: Work, account: Account) -> None:
    work.queue("invitations", account.organisation_id)
    recent = and_(
        request_invitations.c.organisation_id == account.organisation_id,
        request_invitations.c.created_ms > work.now_ms - HOUR_MS,
    )
    query = select(func.count()).select_from(request_invitations).where(recent)
    limit = work.settings.limits.organisation_requests_per_hour
    if work.connection.execute(query).scalar_one() >= limit:
        message = "this organisation has invited too many within an hour"
        raise TooManyError(message, retry_s=600)


def _find(work: Work, token: str) -> InvitationRecord | None:
    table = request_invitations
    alive = and_(table.c.token_hash == token_hash(token), table.c.expires_ms > work.now_ms)
    return work.find(InvitationRecord, select(table).where(alive))


def _mailbox(invitation_id: str) -> otp.Mailbox:
    subject = invitation_subject(invitation_id)
    return otp.Mailbox(invitation_codes, "invitation_id", invitation_id, subject)


def request_code(exchange: Exchange, token: str) -> None:
    """Have a mail code sent, if the link is alive and not too many were asked for.

    Never tells what it did.
    """
    with exchange.write() as work:
        row = _find(work, token)
        if row is None or row.used_ms is not None:
            return
        salt = otp.renew(work, _mailbox(row.id))
        if salt is not None:
            work.enqueue("request-otp", row.id, salt=salt.hex())
            work.audit(row.organisation_id, INVITED, "request.code_sent", row.id)


def verify_code(exchange: Exchange, token: str, code: str) -> Admitted:
    """A session for whoever reads the mailbox, and whom the request is sealed for.

    Raises
    ------
    WrongCodeError
    """
    error: EmixError
    with exchange.write() as work:
        row = _find(work, token)
        if row is None or row.used_ms is not None:
            error = WrongCodeError(_NO_INVITATION, tries_left=None, hint="")
        else:
            left = otp.try_code(work, _mailbox(row.id), code)
            if left is None:
                return _admit(work, row)
            message = "this is not the code of the newest mail, or it is older than ten minutes"
            error = WrongCodeError(message, tries_left=left, hint="ask for a new code")
            work.audit(row.organisation_id, INVITED, "request.code_refused", row.id)
    raise error


def _admit(work: Work, row: InvitationRecord) -> Admitted:
    session = new_token("emq")
    expires_ms = work.now_ms + work.settings.limits.session_s * SECOND_MS
    expires_ms = min(expires_ms, row.expires_ms)
    values = {"session_hash": token_hash(session), "session_expires_ms": expires_ms}
    work.hit(update(request_invitations).where(request_invitations.c.id == row.id).values(**values))
    work.audit(row.organisation_id, INVITED, "request.mailbox_proven", row.id)
    query = select(organisations.c.name).where(organisations.c.id == row.organisation_id)
    name = work.connection.execute(query).scalar_one()
    return Admitted(session, expires_ms, row.address, name, readers_of(work, row.organisation_id))


def check_session(exchange: Exchange, token: str, session: str) -> None:
    """Refuse before a body is read.

    Raises
    ------
    AuthRequiredError
    """
    with exchange.read() as work:
        _with_session(work, token, session)


def _with_session(work: Work, token: str, session: str) -> InvitationRecord:
    row = _find(work, token)
    good = (
        row is not None
        and row.session_hash is not None
        and row.session_expires_ms is not None
        and hmac.compare_digest(row.session_hash, token_hash(session))
        and row.session_expires_ms > work.now_ms
    )
    if row is None or not good:
        message = "the session has ended"
        raise AuthRequiredError(message, hint="ask for a new mail code")
    return row


def ask(exchange: Exchange, token: str, session: str, data: bytes) -> str:
    """The id of the one request of an invitation; the same bytes again give the same id.

    Raises
    ------
    GoneError
        The invitation was used for another request.
    AuthRequiredError, UsageError, ConflictError, TooManyError
    """
    header = read_sealed(data)
    with exchange.write() as work:
        row = _with_session(work, token, session)
        query = select(organisations.c.name).where(organisations.c.id == row.organisation_id)
        if work.connection.execute(query).scalar_one() != header.to:
            message = "the request is for another organisation"
            raise ConflictError(message)
        mine = request_invitations.c.id == row.id
        unused = and_(mine, request_invitations.c.used_ms.is_(None))
        first = work.hit(update(request_invitations).where(unused).values(used_ms=work.now_ms))
        if not first and not _is_known(work, row, header.binding):
            message = "this link was used already"
            raise GoneError(message, hint="ask for another invitation")
        return add_request(work, row.organisation_id, header, data, requester=row.address)


def _is_known(work: Work, row: InvitationRecord, binding: str) -> bool:
    mine = and_(requests.c.requester == address_key(row.address), requests.c.binding == binding)
    return work.one(select(requests.c.id).where(mine)) is not None


def drop_old_invitations(work: Work) -> None:
    """Forget invitations whose time is over, with their codes."""
    old = request_invitations.c.expires_ms <= work.now_ms
    ids = select(request_invitations.c.id).where(old)
    work.hit(delete(invitation_codes).where(invitation_codes.c.invitation_id.in_(ids)))
    work.hit(delete(request_invitations).where(old))
