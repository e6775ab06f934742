"""Shares: who gets a package, what for, and until when; recall, revoke, resend."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import ColumnElement

from emixcli.errors import GoneError, NotFoundError
from emixcli.exchange.interface import HOLD_MAX_S, Purpose
from emixcli.mailaddress import parse_address
from emixcli.server.accounts import Account
from emixcli.server.addresses import refuse_blocked, require_noted_key, require_recipient
from emixcli.server.asking import answer_request, lock_request
from emixcli.server.clock import HOUR_MS, SECOND_MS
from emixcli.server.contacts import note_use
from emixcli.server.disclosures import require_noted
from emixcli.server.packages import find_package, owned_by, visible_to
from emixcli.server.problems import ConflictError, RequestError, TooManyError
from emixcli.server.published import find_recipient
from emixcli.server.records import PackageRecord, ShownShare
from emixcli.server.slots import CodeSlot, KeySlot
from emixcli.server.states import (
    ALIVE,
    REACHABLE,
    READABLE,
    MailState,
    PackageState,
    Role,
    ShareState,
)
from emixcli.server.tables import one_time_codes, packages, shares
from emixcli.server.vault import new_id, token_hash
from emixcli.server.work import Exchange, Work


@dataclass(frozen=True)
class NewShare:
    """What a sender asks for.

    `auth` is the proof that the access code gives, None where the slot is sealed for a published
    key; `request_id` is the request for images that it answers. `max_opens` and `expires_s` are
    None for any number, and for as long as the package lives.
    """

    recipient: str
    confirm_email: str | None
    purpose: Purpose
    hold_s: int | None
    slot: CodeSlot | KeySlot
    auth: bytes | None
    request_id: str | None = None
    max_opens: int | None = None
    expires_s: int | None = None
    urgent: bool = False

    def digest(self) -> str:
        """Tells two requests under one idempotency key apart."""
        auth = None if self.auth is None else self.auth.hex()
        fields: list[Any] = [self.recipient, self.purpose, self.hold_s, self.slot.as_json(), auth]
        if self.request_id is not None:
            fields.append(self.request_id)
        terms = [self.max_opens, self.expires_s, self.urgent]
        if terms != [None, None, False]:
            fields.append(terms)
        return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def create_share(
    exchange: Exchange, account: Account, package_id: str, new: NewShare, *, request_key: str | None
) -> tuple[ShownShare, bool]:
    """The share and whether it is new; the same request key gives the same share.

    Raises
    ------
    RecipientUnconfirmedError
        The address is new and was not typed twice, looks mistyped, or is not allowed.
    NotFoundError, GoneError, RequestError, ConflictError, TooManyError
    """
    address = parse_address(new.recipient)
    if new.hold_s is not None and not 0 <= new.hold_s <= HOLD_MAX_S:
        message = f"hold_s must be 0 to {HOLD_MAX_S}"
        raise RequestError(message)
    try:
        return _create(exchange, account, package_id, new, address=address, request_key=request_key)
    except IntegrityError:
        # Another request made the same share at the same time.
        return _create(exchange, account, package_id, new, address=address, request_key=request_key)


def _create(
    exchange: Exchange,
    account: Account,
    package_id: str,
    new: NewShare,
    *,
    address: str,
    request_key: str | None,
) -> tuple[ShownShare, bool]:
    with exchange.write() as work:
        package = find_package(work, package_id, owned_by(account))
        if request_key is not None:
            known = _find_request(work, account, request_key, new)
            if known is not None:
                return known, False
        if package.state not in READABLE or package.expires_ms <= work.now_ms:
            message = f"the package is {package.state}"
            raise GoneError(message, hint="only a sealed package can be shared")
        require_noted(work, package)
        if new.request_id is not None:
            lock_request(work, new.request_id)
        # Noted first: whoever blocks the address at this moment then waits for the share.
        note_use(work, account, address)
        verified = require_recipient(work, account, address, new.confirm_email or "")
        if isinstance(new.slot, KeySlot):
            require_noted_key(work, account, address, new.slot.fingerprint)
        _check_rate(work, account)
        hold_s = new.hold_s
        if hold_s is None:
            limits = work.settings.limits
            hold_s = limits.hold_verified_s if verified else limits.hold_new_s
        hold_until_ms = work.now_ms + hold_s * SECOND_MS
        if package.state == PackageState.SEALED:
            work.move_package(package, PackageState.SHARED, actor=account.id)
        share_id = _insert(
            work, package, new, address=address, hold_until_ms=hold_until_ms, key=request_key
        )
        work.enqueue("notify", share_id, due_ms=hold_until_ms, urgent=new.urgent)
        made = find_share(work, share_id, shares.c.account_id == account.id)
        if new.request_id is not None:
            answer_request(work, account, new.request_id, made)
        return made, True


def _insert(
    work: Work,
    package: PackageRecord,
    new: NewShare,
    *,
    address: str,
    hold_until_ms: int,
    key: str | None,
) -> str:
    share_id = new_id()
    slot = json.dumps(new.slot.as_json(), sort_keys=True).encode()
    to_account = None
    if isinstance(new.slot, KeySlot):
        to_account = find_recipient(work, address, new.slot.fingerprint)
    ends = [package.expires_ms]
    if new.expires_s is not None:
        ends.append(max(hold_until_ms, work.now_ms) + new.expires_s * SECOND_MS)
    values: dict[str, Any] = {
        "id": share_id,
        "package": package.id,
        "organisation_id": package.organisation_id,
        "account_id": package.account_id,
        "recipient": address,
        "purpose": new.purpose,
        "state": ShareState.HELD,
        "mail": MailState.QUEUED,
        "token_hash": token_hash(work.vault.link_token(share_id)),
        "kdf": json.dumps(new.slot.kdf) if isinstance(new.slot, CodeSlot) else None,
        "slot": work.vault.encrypt("slot", slot, share_id),
        "proof": work.vault.mac("pepper", share_id, new.auth) if new.auth is not None else None,
        "tries": 0,
        "created_ms": work.now_ms,
        "hold_until_ms": hold_until_ms,
        "expires_ms": min(ends),
        "to_account": to_account,
        "max_opens": new.max_opens,
        "urgent": new.urgent,
    }
    if key is not None:
        values |= {"request_key": _key_hash(key), "request_digest": new.digest()}
    work.add(shares, values)
    work.audit(
        package.organisation_id,
        package.account_id,
        "share.created",
        share_id,
        package=package.package_id,
        recipient=address,
        purpose=new.purpose,
    )
    return share_id


def _key_hash(request_key: str) -> str:
    return hashlib.sha256(request_key.encode()).hexdigest()


def _find_request(
    work: Work, account: Account, request_key: str, new: NewShare
) -> ShownShare | None:
    mine = and_(shares.c.account_id == account.id, shares.c.request_key == _key_hash(request_key))
    share = work.find(ShownShare, _select_shares().where(mine))
    if share is not None and share.request_digest != new.digest():
        message = "this Idempotency-Key was used before for another share"
        raise ConflictError(message)
    return share


def _check_rate(work: Work, account: Account) -> None:
    work.queue("shares", account.organisation_id)
    recent = and_(
        shares.c.organisation_id == account.organisation_id,
        shares.c.created_ms > work.now_ms - HOUR_MS,
    )
    n = work.connection.execute(select(func.count()).select_from(shares).where(recent)).scalar_one()
    if n >= work.settings.limits.organisation_mails_per_hour:
        message = "this organisation has shared too much within an hour"
        raise TooManyError(message, retry_s=600)


def _select_shares() -> Any:
    return select(shares, packages.c.package_id).join(packages, packages.c.id == shares.c.package)


def find_share(work: Work, share_id: str, *scope: ColumnElement[bool]) -> ShownShare:
    """The share with its `package_id`, within the scope.

    Raises
    ------
    NotFoundError
    """
    share = work.find(ShownShare, _select_shares().where(shares.c.id == share_id, *scope))
    if share is None:
        message = "there is no such share"
        raise NotFoundError(message, hint="emix status PACKAGE_ID shows the shares of a package")
    return share


def share_scope(account: Account) -> ColumnElement[bool]:
    """The owner, and the administrators of the owner's organisation."""
    if account.role is Role.ADMIN:
        return shares.c.organisation_id == account.organisation_id
    return and_(
        shares.c.organisation_id == account.organisation_id, shares.c.account_id == account.id
    )


def shares_of(
    work: Work, account: Account, package_rows: Sequence[PackageRecord]
) -> dict[str, list[ShownShare]]:
    """The shares of these packages, oldest first, by the packages' row ids."""
    found: dict[str, list[ShownShare]] = {row.id: [] for row in package_rows}
    if found:
        query = _select_shares().where(shares.c.package.in_(found), visible_to(account))
        query = query.order_by(shares.c.created_ms, shares.c.id)
        for share in work.find_all(ShownShare, query):
            found[share.package].append(share)
    return found


def get_share(exchange: Exchange, account: Account, share_id: str) -> ShownShare:
    """One share.

    Raises
    ------
    NotFoundError
    """
    with exchange.read() as work:
        return find_share(work, share_id, share_scope(account))


def recall_share(exchange: Exchange, account: Account, share_id: str) -> ShownShare:
    """Take a share back while its mail has not left. Again is fine.

    Raises
    ------
    GoneError
        The mail has gone, or the share has ended otherwise.
    NotFoundError
    """
    with exchange.write() as work:
        row = find_share(work, share_id, share_scope(account))
        done = work.end_share(row, ShareState.RECALLED, actor=account.id)
        if not done and row.state != ShareState.RECALLED:
            message = f"too late to recall: the share is {row.state}"
            ended = "its link opens nothing any more: nothing is left to do"
            hint = f"emix revoke {share_id} ends access" if row.state in REACHABLE else ended
            raise GoneError(message, hint=hint)
        return find_share(work, share_id, share_scope(account))


def revoke_share(exchange: Exchange, account: Account, share_id: str) -> ShownShare:
    """End a share: its keys are gone when this returns. Again is fine.

    Raises
    ------
    NotFoundError
    """
    with exchange.write() as work:
        row = find_share(work, share_id, share_scope(account))
        work.end_share(row, ShareState.REVOKED, actor=account.id)
        ended = find_share(work, share_id, share_scope(account))
    exchange.database.checkpoint()
    return ended


def resend_share(exchange: Exchange, account: Account, share_id: str) -> ShownShare:
    """Mail the link once more, and allow mail codes again where their number was used up.

    Raises
    ------
    GoneError
        The share has ended.
    RecipientUnconfirmedError
        The recipient was blocked since.
    NotFoundError
    """
    with exchange.write() as work:
        row = find_share(work, share_id, share_scope(account))
        if row.state not in ALIVE:
            message = f"the share is {row.state}"
            raise GoneError(message, hint="share the package again")
        if row.state == ShareState.HELD:
            return row
        refuse_blocked(work, account, row.recipient)
        waited = or_(shares.c.mail != MailState.QUEUED, shares.c.mail.is_(None))
        again = update(shares).where(shares.c.id == share_id, waited)
        if work.hit(again.values(mail=MailState.QUEUED)):
            work.enqueue("notify", share_id, urgent=row.urgent)
            work.audit(row.organisation_id, account.id, "share.resent", share_id)
            mine = one_time_codes.c.share_id == share_id
            work.hit(update(one_time_codes).where(mine).values(n_sent=0))
        return find_share(work, share_id, share_scope(account))
