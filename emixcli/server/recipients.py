"""The recipient without an account: mail code, access code, content.

Nothing is consumed by following a link. Whoever asks for a code learns nothing: the answer is the
same for every link, and the code goes to the mailbox that the sender named. Tries move in one
conditional UPDATE before anything is compared, so that parallel tries gain nothing.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, delete, or_, select, update
from sqlalchemy.sql import ColumnElement

from emixcli.errors import (
    AuthRequiredError,
    EmixError,
    GoneError,
    NotFoundError,
    ShareLockedError,
)
from emixcli.server import otp
from emixcli.server.accounts import Account
from emixcli.server.clock import SECOND_MS
from emixcli.server.contacts import lock_contact, verify_contact
from emixcli.server.disclosures import record_disclosure
from emixcli.server.packages import open_states, owned_by
from emixcli.server.problems import WrongCodeError
from emixcli.server.records import LiveShare, ShareRecord
from emixcli.server.states import OPEN, PROVEN, REACHABLE, READABLE, ShareState
from emixcli.server.tables import (
    accounts,
    one_time_codes,
    organisations,
    packages,
    sessions,
    shares,
)
from emixcli.server.vault import new_token, token_hash
from emixcli.server.work import Exchange, Work

RECIPIENT = "recipient"
_NO_SHARE = "this link is not valid, or no longer"


@dataclass(frozen=True, slots=True)
class _LinkedShare(LiveShare):
    """A share whose link is alive, with the parameters for the proof of its access code."""

    kdf: str


@dataclass(frozen=True)
class Verified:
    """What a recipient gets for the right mail code."""

    session: str
    session_expires_ms: int
    expires_ms: int
    organisation: str
    sender_name: str
    kdf: dict[str, Any]
    size: int


@dataclass(frozen=True)
class Opened:
    """What a recipient gets for the right access code."""

    package_id: str
    size: int
    slot: dict[str, Any]
    content_token: str
    ticket: str


@dataclass(frozen=True)
class Content:
    """A package that may be read now, and as what."""

    key: str
    package_id: str
    size: int
    slots_offset: int
    slots_length: int
    share_id: str | None
    slot: dict[str, Any] | None


def request_code(exchange: Exchange, token: str) -> None:
    """Have a mail code sent, if the link is alive and not too many were asked for.

    Never tells what it did.
    """
    with exchange.write() as work:
        row = work.find(ShareRecord, select(shares).where(_linked(token)))
        if row is None or row.state not in REACHABLE or row.expires_ms <= work.now_ms:
            return
        salt = otp.renew(work, _mailbox(row.id))
        if salt is not None:
            work.enqueue("otp", row.id, salt=salt.hex())
            work.audit(row.organisation_id, RECIPIENT, "share.code_sent", row.id)


def _mailbox(share_id: str) -> otp.Mailbox:
    return otp.Mailbox(one_time_codes, "share_id", share_id, subject=share_id)


def verify_code(exchange: Exchange, token: str, code: str) -> Verified:
    """A session for whoever reads the mailbox.

    Raises
    ------
    WrongCodeError, GoneError
    """
    error: EmixError
    with exchange.write() as work:
        row = _share_by_token(work, token, REACHABLE)
        if row is None:
            error = WrongCodeError(_NO_SHARE, tries_left=None, hint="")
        else:
            left = otp.try_code(work, _mailbox(row.id), code)
            if left is None:
                return _verified(work, row)
            message = "this is not the code of the newest mail, or it is older than ten minutes"
            hint = "" if left else "ask for a new code"
            error = WrongCodeError(message, tries_left=left, hint=hint)
            work.audit(row.organisation_id, RECIPIENT, "share.code_refused", row.id)
    raise error


def _verified(work: Work, row: _LinkedShare) -> Verified:
    values = {"verified_ms": work.now_ms}
    work.move_share(row, ShareState.VERIFIED, actor=RECIPIENT, values=values)
    session, session_ms = _add_session(
        work, row, "verified", seconds=work.settings.limits.session_s
    )
    query = (
        select(
            organisations.c.name.label("organisation"),
            accounts.c.name.label("sender"),
            packages.c.size,
        )
        .join(accounts, accounts.c.organisation_id == organisations.c.id)
        .join(packages, packages.c.account_id == accounts.c.id)
        .where(packages.c.id == row.package)
    )
    names = work.connection.execute(query).one()
    kdf = json.loads(row.kdf)
    return Verified(
        session=session,
        session_expires_ms=session_ms,
        expires_ms=row.expires_ms,
        organisation=names.organisation,
        sender_name=names.sender,
        kdf=kdf,
        size=names.size,
    )


def _add_session(work: Work, row: ShareRecord, kind: str, *, seconds: int) -> tuple[str, int]:
    token = new_token({"verified": "emv", "content": "emc", "ticket": "emt"}[kind])
    expires_ms = min(work.now_ms + seconds * SECOND_MS, row.expires_ms)
    values = {"hash": token_hash(token), "share_id": row.id, "kind": kind}
    work.add(sessions, {**values, "expires_ms": expires_ms})
    return token, expires_ms


def open_share(
    exchange: Exchange, token: str, session: str, proof: bytes, *, source: str
) -> Opened:
    """The wrapped key and a content token, for the right access code.

    Raises
    ------
    AuthRequiredError
        The session has ended: a new mail code is needed.
    WrongCodeError
        The access code is wrong.
    ShareLockedError
        That was the last try, or an earlier one was.
    GoneError
        The share has ended otherwise.
    """
    error: EmixError
    with exchange.write() as work:
        row = _share_by_token(work, token, PROVEN)
        if row is None or not _has_session(work, row.id, session):
            error = _why_not(work, token)
        else:
            opened = _try_proof(work, row, proof, source=source)
            if isinstance(opened, Opened):
                return opened
            error = opened
    raise error


def _why_not(work: Work, token: str) -> EmixError:
    row = work.one(select(shares.c.state).where(shares.c.token_hash == token_hash(token)))
    if row is not None and row.state == ShareState.LOCKED:
        return _locked()
    if row is not None and row.state in {ShareState.REVOKED, ShareState.EXPIRED}:
        return GoneError(f"the share is {row.state}", hint="ask the sender to share it again")
    return AuthRequiredError("the session has ended", hint="ask for a new mail code")


def _locked() -> ShareLockedError:
    message = "too many wrong access codes: the share is locked"
    return ShareLockedError(message, hint="ask the sender to share it again")


def _try_proof(work: Work, row: _LinkedShare, proof: bytes, *, source: str) -> Opened | EmixError:
    limit = work.settings.limits.code_tries
    mine = shares.c.id == row.id
    tried = work.connection.execute(
        update(shares)
        .where(mine, shares.c.state.in_(PROVEN), shares.c.tries < limit)
        .values(tries=shares.c.tries + 1)
        .returning(shares.c.tries, shares.c.proof, shares.c.slot)
    ).one_or_none()
    if tried is None or tried.proof is None:
        return _locked()
    good = hmac.compare_digest(work.vault.mac("pepper", row.id, proof), tried.proof)
    if good:
        work.hit(update(shares).where(mine).values(tries=shares.c.tries - 1))
        by = Proof(RECIPIENT, "access-code", source)
        return open_as(work, row, by)
    left = limit - int(tried.tries)
    work.audit(
        row.organisation_id, RECIPIENT, "share.access_refused", row.id, left=left, source=source
    )
    if left > 0:
        return WrongCodeError("the access code is wrong", tries_left=left, hint="")
    work.end_share(row, ShareState.LOCKED, actor=RECIPIENT)
    work.enqueue("locked", row.id)
    return _locked()


@dataclass(frozen=True)
class Proof:
    """Who has proven to be the recipient, by what, and from where."""

    actor: str
    by: str
    source: str


def open_as(work: Work, row: LiveShare, proof: Proof) -> Opened | EmixError:
    """Give the key to whoever has proven to be the recipient, as often as the sender allows."""
    lock_contact(work, row.organisation_id, row.recipient)
    allowed = or_(shares.c.max_opens.is_(None), shares.c.opens < shares.c.max_opens)
    once_more = update(shares).where(shares.c.id == row.id, allowed)
    if not work.hit(once_more.values(opens=shares.c.opens + 1)):
        work.audit(row.organisation_id, proof.actor, "share.used_up", row.id, source=proof.source)
        message = "the share was opened as often as its sender allows"
        return GoneError(message, hint="ask the sender to share it again")
    slot = json.loads(work.vault.decrypt("slot", row.slot, row.id))
    values = {"opened_ms": work.now_ms}
    first = work.move_share(row, ShareState.OPENED, actor=proof.actor, values=values)
    work.audit(
        row.organisation_id, proof.actor, "share.access_granted", row.id, source=proof.source
    )
    if first:
        record_disclosure(work, row)
        verify_contact(work, row.organisation_id, row.recipient, actor=proof.actor, by=proof.by)
    package = work.connection.execute(
        select(packages.c.package_id, packages.c.size).where(packages.c.id == row.package)
    ).one()
    limits = work.settings.limits
    content, _ = _add_session(work, row, "content", seconds=limits.content_s)
    ticket, _ = _add_session(work, row, "ticket", seconds=limits.ticket_s)
    return Opened(package.package_id, package.size, slot, content, ticket)


def _linked(token: str) -> ColumnElement[bool]:
    """The share of a link; one that is sealed for a published key has none."""
    return and_(shares.c.token_hash == token_hash(token), shares.c.to_account.is_(None))


def _share_by_token(work: Work, token: str, states: frozenset[ShareState]) -> _LinkedShare | None:
    mine = _linked(token)
    alive = and_(shares.c.state.in_(states), shares.c.expires_ms > work.now_ms)
    return work.find(_LinkedShare, select(shares).where(mine, alive))


def _has_session(work: Work, share_id: str, session: str) -> bool:
    mine = and_(
        sessions.c.hash == token_hash(session),
        sessions.c.share_id == share_id,
        sessions.c.kind == "verified",
        sessions.c.expires_ms > work.now_ms,
    )
    return work.one(select(sessions.c.hash).where(mine)) is not None


def find_content(
    exchange: Exchange, package_id: str, *, account: Account | None, token: str, kind: str
) -> Content:
    """The content for its owner, or for a content token or ticket of an opened share.

    Raises
    ------
    NotFoundError
        No such package for this caller.
    GoneError
        It ended, or was not sealed yet.
    """
    with exchange.read() as work:
        if account is not None:
            return _owner_content(work, package_id, account)
        row = work.one(
            select(shares.c.id.label("share_id"), shares.c.slot, packages)
            .join(sessions, sessions.c.share_id == shares.c.id)
            .join(packages, packages.c.id == shares.c.package)
            .where(
                sessions.c.hash == token_hash(token),
                sessions.c.kind == kind,
                sessions.c.expires_ms > work.now_ms,
                shares.c.state.in_(OPEN),
                shares.c.expires_ms > work.now_ms,
                packages.c.package_id == package_id,
                open_states(),
            )
        )
        if row is None:
            message = "the permission to read this has ended"
            raise AuthRequiredError(message, hint="open the link again")
        slot = json.loads(work.vault.decrypt("slot", row.slot, row.share_id))
        return _content(row, share_id=row.share_id, slot=slot)


def _owner_content(work: Work, package_id: str, account: Account) -> Content:
    query = select(packages).where(packages.c.package_id == package_id, owned_by(account))
    row = work.one(query)
    if row is None:
        message = "there is no such package"
        raise NotFoundError(message)
    if row.state not in READABLE or row.expires_ms <= work.now_ms:
        raise GoneError(f"the package is {row.state if row.state not in READABLE else 'expired'}")
    return _content(row, share_id=None, slot=None)


def _content(row: Row[Any], *, share_id: str | None, slot: dict[str, Any] | None) -> Content:
    return Content(
        key=row.id,
        package_id=row.package_id,
        size=row.size,
        slots_offset=row.slots_offset,
        slots_length=row.slots_length,
        share_id=share_id,
        slot=slot,
    )


def new_ticket(exchange: Exchange, package_id: str, token: str) -> str:
    """Another ticket for the copy, for a holder of a content token.

    Raises
    ------
    AuthRequiredError
    """
    content = find_content(exchange, package_id, account=None, token=token, kind="content")
    with exchange.write() as work:
        row = work.find(ShareRecord, select(shares).where(shares.c.id == content.share_id))
        if row is None:
            raise AuthRequiredError(
                "the permission to read this has ended", hint="open the link again"
            )
        seconds = work.settings.limits.ticket_s
        return _add_session(work, row, "ticket", seconds=seconds)[0]


def note_download(exchange: Exchange, share_id: str) -> None:
    """The whole package has reached the recipient."""
    with exchange.write() as work:
        row = work.find(ShareRecord, select(shares).where(shares.c.id == share_id))
        if row is not None:
            values = {"downloaded_ms": work.now_ms}
            # The account for whose key it is sealed, where there is one.
            actor = row.to_account or RECIPIENT
            work.move_share(row, ShareState.DOWNLOADED, actor=actor, values=values)


def still_readable(exchange: Exchange, content: Content) -> bool:
    """Whether a download that is under way may go on."""
    with exchange.read() as work:
        query = select(packages.c.id).where(packages.c.id == content.key, open_states())
        if work.one(query) is None:
            return False
        if content.share_id is None:
            return True
        alive: ColumnElement[bool] = shares.c.state.in_(OPEN)
        mine = and_(shares.c.id == content.share_id, alive, shares.c.expires_ms > work.now_ms)
        return work.one(select(shares.c.id).where(mine)) is not None


def drop_old_sessions(work: Work) -> None:
    """Delete sessions whose time is over."""
    work.hit(delete(sessions).where(sessions.c.expires_ms <= work.now_ms))
