"""Requests for images: taken, shown, decided and fulfilled; nothing here can be opened here.

Approving is an act of a person of the organisation that is asked, never of who asks. A request is
seen by that organisation and by who asks; for everybody else there is none.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Select, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import ColumnElement

from emixcli.container.sealed_request import Header, read_header
from emixcli.errors import (
    ForbiddenError,
    GoneError,
    NotFoundError,
    PackageDamagedError,
    QuotaError,
)
from emixcli.exchange.interface import Purpose
from emixcli.exchange.request_terms import AuthorisationCheck, DeclineReason, IdentityCheck
from emixcli.mailaddress import address_key
from emixcli.server.accounts import Account
from emixcli.server.clock import DAY_MS, HOUR_MS
from emixcli.server.problems import (
    ConflictError,
    DecidedError,
    NotApprovedError,
    RequestError,
    TooManyError,
)
from emixcli.server.readers import organisation_named, readers_of
from emixcli.server.records import RequestRecord, ShareRecord, ShownRequest
from emixcli.server.roles import require_sender
from emixcli.server.states import ENDED, REQUEST_MOVES, RequestState, ShareState
from emixcli.server.tables import accounts, organisations, requests, shares
from emixcli.server.vault import new_id
from emixcli.server.work import SYSTEM, Exchange, Work

_OUTSIDE = "requester"
_CLOSED = (RequestState.DECLINED, RequestState.FULFILLED, RequestState.EXPIRED)
_BATCH = 200


def read_sealed(data: bytes) -> Header:
    """The header of what somebody sends.

    Raises
    ------
    UsageError
        It is no sealed request, or names no purpose of use.
    """
    try:
        header = read_header(data)
    except PackageDamagedError as exc:
        message = "this is not a sealed request"
        raise RequestError(message) from exc
    if header.purpose not in set(Purpose):
        message = "the request names no purpose of use"
        raise RequestError(message)
    return header


def create_request(exchange: Exchange, account: Account, data: bytes) -> ShownRequest:
    """The request of an account; the same bytes again give the same one.

    Raises
    ------
    UsageError, NotFoundError, ConflictError, TooManyError
    """
    require_sender(account)
    header = read_sealed(data)
    try:
        return _create(exchange, account, header, data)
    except IntegrityError:
        # The same request arrived twice at once.
        return _create(exchange, account, header, data)


def _create(exchange: Exchange, account: Account, header: Header, data: bytes) -> ShownRequest:
    with exchange.write() as work:
        organisation_id = organisation_named(work, header.to)
        request_id = add_request(
            work, organisation_id, header, data, requester=account.email, account=account
        )
        return find_request(work, account, request_id)


def add_request(
    work: Work,
    organisation_id: str,
    header: Header,
    data: bytes,
    *,
    requester: str,
    account: Account | None = None,
) -> str:
    """The id of the request, made where it is new, and its readers told.

    Raises
    ------
    ConflictError
        The requester has used its binding for another one.
    TooManyError, QuotaError
    """
    digest = hashlib.sha256(data).hexdigest()
    requester = address_key(requester)
    same = and_(requests.c.requester == requester, requests.c.binding == header.binding)
    known = work.find(RequestRecord, select(requests).where(same))
    if known is not None:
        if known.sha256 != digest or known.organisation_id != organisation_id:
            message = "this request was made before with another content"
            raise ConflictError(message)
        return known.id
    _check_rate(work, organisation_id, requester)
    _check_room(work, organisation_id, len(data))
    request_id = new_id()
    values: dict[str, Any] = {
        "id": request_id,
        "organisation_id": organisation_id,
        "account_id": account.id if account else None,
        "requester": requester,
        "purpose": header.purpose,
        "state": RequestState.OPEN,
        "binding": header.binding,
        "sealed": data,
        "size": len(data),
        "sha256": digest,
        "created_ms": work.now_ms,
        "expires_ms": work.now_ms + work.settings.limits.request_days * DAY_MS,
    }
    work.add(requests, values)
    for reader in readers_of(work, organisation_id):
        work.enqueue("request-arrived", request_id, account=reader.account_id)
    _audit_both(
        work, request_id, organisation_id, account, purpose=header.purpose, requester=requester
    )
    return request_id


def _audit_both(
    work: Work, request_id: str, asked: str, account: Account | None, **detail: str
) -> None:
    """A row in the chain of each organisation, always in the same order: nobody waits in a ring."""
    actor = account.id if account else _OUTSIDE
    rows = {asked: "request.received"}
    if account is not None and account.organisation_id != asked:
        rows[account.organisation_id] = "request.made"
    for organisation_id, action in sorted(rows.items()):
        work.audit(organisation_id, actor, action, request_id, **detail)


def _check_rate(work: Work, organisation_id: str, requester: str) -> None:
    limits = work.settings.limits
    for column, value, limit in (
        (requests.c.organisation_id, organisation_id, limits.organisation_requests_per_hour),
        (requests.c.requester, requester, limits.requester_requests_per_hour),
    ):
        work.queue(f"requests/{column.name}", value)
        mine = column == value
        recent = and_(mine, requests.c.created_ms > work.now_ms - HOUR_MS)
        query = select(func.count()).select_from(requests).where(recent)
        if work.connection.execute(query).scalar_one() >= limit:
            message = "too many requests within an hour"
            raise TooManyError(message, retry_s=600)


def _check_room(work: Work, organisation_id: str, size: int) -> None:
    """Refuse what would fill the database: sealed requests lie in it until they end."""
    kept = and_(requests.c.organisation_id == organisation_id, requests.c.sealed.is_not(None))
    query = select(func.coalesce(func.sum(requests.c.size), 0)).where(kept)
    used = int(work.connection.execute(query).scalar_one())
    if used + size > work.settings.limits.organisation_request_bytes:
        message = "this organisation has as many requests as it can keep"
        raise QuotaError(message, hint="ask it by telephone")


def visible_requests(account: Account) -> ColumnElement[bool]:
    """Those of the account's organisation, and those that the account made."""
    return or_(
        requests.c.organisation_id == account.organisation_id,
        requests.c.account_id == account.id,
    )


def _select() -> Select[Any]:
    asker, decider = accounts.alias("asker"), accounts.alias("decider")
    theirs = organisations.alias("theirs")
    kept = [column for column in requests.c if column.name != "sealed"]
    return (
        select(
            *kept,
            organisations.c.name.label("organisation"),
            theirs.c.name.label("requester_organisation"),
            decider.c.email.label("decider"),
        )
        .join(organisations, organisations.c.id == requests.c.organisation_id)
        .outerjoin(asker, asker.c.id == requests.c.account_id)
        .outerjoin(theirs, theirs.c.id == asker.c.organisation_id)
        .outerjoin(decider, decider.c.id == requests.c.decided_by)
    )


def find_request(work: Work, account: Account, request_id: str) -> ShownRequest:
    """One request without its sealed content.

    Raises
    ------
    NotFoundError
    """
    query = _select().where(requests.c.id == request_id, visible_requests(account))
    row = work.find(ShownRequest, query)
    if row is None:
        message = "there is no such request"
        raise NotFoundError(message, hint="emix requests lists them")
    return row


def get_request(exchange: Exchange, account: Account, request_id: str) -> ShownRequest:
    """One request.

    Raises
    ------
    NotFoundError
    """
    with exchange.read() as work:
        return find_request(work, account, request_id)


def list_requests(
    exchange: Exchange, account: Account, *, state: RequestState | None, after: str, limit: int
) -> list[ShownRequest]:
    """The account's requests and those to its organisation, newest first.

    Parameters
    ----------
    after
        The id of the last one of the page before; empty for the first page.
    """
    query = _select().where(visible_requests(account))
    if state is not None:
        query = query.where(requests.c.state == state)
    with exchange.read() as work:
        if after:
            last = find_request(work, account, after)
            older = requests.c.created_ms < last.created_ms
            same = and_(requests.c.created_ms == last.created_ms, requests.c.id < last.id)
            query = query.where(or_(older, same))
        order = (requests.c.created_ms.desc(), requests.c.id.desc())
        return work.find_all(ShownRequest, query.order_by(*order).limit(limit))


def get_sealed(exchange: Exchange, account: Account, request_id: str) -> bytes:
    """The sealed content.

    Raises
    ------
    GoneError
        It was removed when the request ended.
    NotFoundError
    """
    require_sender(account)
    with exchange.write() as work:
        row = find_request(work, account, request_id)
        found = work.connection.execute(
            select(requests.c.sealed).where(requests.c.id == request_id)
        ).scalar_one()
        if found is None:
            message = f"the request is {row.state}, and its content is gone"
            raise GoneError(message, hint="whoever needs the images has to ask again")
        work.audit(account.organisation_id, account.id, "request.read", request_id)
        return bytes(found)


def approve(
    exchange: Exchange,
    account: Account,
    request_id: str,
    *,
    sha256: str,
    identity: IdentityCheck,
    authorisation: AuthorisationCheck,
) -> ShownRequest:
    """Allow that the images be sent; the same again is fine.

    Raises
    ------
    ForbiddenError
        By who asks, or by another organisation than the one that is asked.
    ConflictError
        It is about other bytes than those that were looked at.
    GoneError, NotFoundError
    """
    require_sender(account)
    checked = {"identity_checked": identity, "authorisation_checked": authorisation}
    with exchange.write() as work:
        row = _to_decide(work, account, request_id)
        own = row.account_id == account.id or row.requester == address_key(account.email)
        if own:
            message = "whoever asks cannot approve it"
            raise ForbiddenError(message, hint="a colleague has to")
        if row.sha256 != sha256:
            message = "this is not the request that was looked at"
            raise NotApprovedError(message, hint=f"emix request show {request_id}")
        values = {"decided_by": account.id, "decided_ms": work.now_ms, **checked}
        if not _move(work, row, RequestState.APPROVED, actor=account.id, values=values, **checked):
            _require_state(row, RequestState.APPROVED)
        return find_request(work, account, request_id)


def decline(
    exchange: Exchange, account: Account, request_id: str, reason: DeclineReason
) -> ShownRequest:
    """End a request without images: by the organisation asked, or `withdrawn` by who asks.

    Raises
    ------
    ForbiddenError, GoneError, NotFoundError
    RequestError
        `withdrawn` by the organisation asked: who asks would not be told.
    """
    require_sender(account)
    with exchange.write() as work:
        row = find_request(work, account, request_id)
        if row.account_id == account.id:
            reason = DeclineReason.WITHDRAWN
        else:
            row = _to_decide(work, account, request_id)
            if reason is DeclineReason.WITHDRAWN:
                message = "only who asks can withdraw a request"
                raise RequestError(message, hint="name another reason for declining it")
        values = {"decided_by": account.id, "decided_ms": work.now_ms, "declined_for": reason}
        if not _move(
            work, row, RequestState.DECLINED, actor=account.id, values=values, reason=reason
        ):
            _require_state(row, RequestState.DECLINED)
        elif reason is not DeclineReason.WITHDRAWN:
            work.enqueue("request-declined", request_id)
        ended = find_request(work, account, request_id)
    exchange.database.checkpoint()
    return ended


def _to_decide(work: Work, account: Account, request_id: str) -> ShownRequest:
    row = find_request(work, account, request_id)
    if row.organisation_id != account.organisation_id:
        message = "only the organisation that is asked can decide"
        raise ForbiddenError(message, hint="ask somebody there")
    return row


def _require_state(row: RequestRecord, state: RequestState) -> None:
    if row.state != state:
        # Where its time is over, housekeeping may not have come by yet.
        ended = RequestState.EXPIRED if row.state not in _CLOSED else row.state
        message = f"the request is {ended}"
        raise DecidedError(message)


def _move(
    work: Work,
    row: RequestRecord,
    to: RequestState,
    *,
    actor: str,
    values: dict[str, Any],
    **detail: str,
) -> bool:
    """Change the state where the present one allows it; what ended without images is wiped."""
    alive = and_(requests.c.state.in_(REQUEST_MOVES[to]), requests.c.expires_ms > work.now_ms)
    if to is RequestState.EXPIRED:
        alive = requests.c.state.in_(REQUEST_MOVES[to])
    if to in _CLOSED:
        values = {**values, "ended_ms": work.now_ms}
    if to in {RequestState.DECLINED, RequestState.EXPIRED}:
        values["sealed"] = None
    changed = work.hit(
        update(requests).where(requests.c.id == row.id, alive).values(state=to, **values)
    )
    if changed:
        work.audit(row.organisation_id, actor, f"request.{to}", row.id, **detail)
    return changed


def lock_request(work: Work, request_id: str) -> None:
    """Hold a request before the audit chain, as whoever decides does: nobody waits in a ring."""
    work.all(select(requests.c.id).where(requests.c.id == request_id).with_for_update())


def answer_request(work: Work, account: Account, request_id: str, share: ShareRecord) -> None:
    """Note that a new share answers a request, in the transaction that makes the share.

    Raises
    ------
    ConflictError
        It is not approved, or it is about another recipient or purpose, or answered already.
    NotFoundError
        Not one to the account's organisation.
    """
    row = find_request(work, account, request_id)
    if row.organisation_id != account.organisation_id:
        message = "there is no such request"
        raise NotFoundError(message)
    if row.requester != address_key(share.recipient) or row.purpose != share.purpose:
        message = "the request is for another recipient or purpose"
        raise NotApprovedError(message, hint="leave out --to and --purpose")
    values: dict[str, Any] = {"share_id": share.id}
    if _may_answer_again(work, row):
        work.hit(update(requests).where(requests.c.id == row.id).values(**values))
        action = "request.answered_again"
        work.audit(row.organisation_id, account.id, action, row.id, share=share.id)
        return
    if not _move(
        work, row, RequestState.FULFILLED, actor=account.id, values=values, share=share.id
    ):
        message = f"the request is {row.state}, not approved"
        hint = f"emix request approve {row.id}" if row.state == RequestState.OPEN else ""
        raise NotApprovedError(message, hint=hint)


def _may_answer_again(work: Work, row: RequestRecord) -> bool:
    """Whether the share that answered it has ended before it was opened."""
    if row.state != RequestState.FULFILLED or row.share_id is None:
        return False
    share = work.one(select(shares.c.state, shares.c.opened_ms).where(shares.c.id == row.share_id))
    return share is not None and ShareState(share.state) in ENDED and share.opened_ms is None


def expire_requests(work: Work) -> bool:
    """End what is too old, forget what ended long ago; whether there may be more."""
    limit_ms = work.settings.limits.request_days * DAY_MS
    late = and_(
        requests.c.state.in_(REQUEST_MOVES[RequestState.EXPIRED]),
        requests.c.expires_ms <= work.now_ms,
    )
    rows = work.find_all(RequestRecord, select(requests).where(late).limit(_BATCH))
    for row in rows:
        _move(work, row, RequestState.EXPIRED, actor=SYSTEM, values={})
    work.hit(delete(requests).where(requests.c.ended_ms <= work.now_ms - limit_ms))
    return len(rows) == _BATCH
