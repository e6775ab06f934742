"""Who of an organisation can open requests for images: the public keys that those are sealed for.

An organisation takes requests as soon as one of its accounts has published a key. Whoever asks
about another organisation gets the same answer whether it does not exist or takes none.
"""

from __future__ import annotations

from sqlalchemy import and_, delete, select

from emixcli.container.identity import PublicIdentity
from emixcli.container.sealed_request import MAX_SLOTS
from emixcli.errors import ForbiddenError, NoMatchingKeyError, NotFoundError, UsageError
from emixcli.server.accounts import Account
from emixcli.server.problems import ConflictError
from emixcli.server.records import KeyRecord
from emixcli.server.roles import require_sender
from emixcli.server.states import Role
from emixcli.server.tables import accounts, organisations, request_readers
from emixcli.server.work import Exchange, Work


def publish_key(exchange: Exchange, account: Account, public_key: str) -> list[KeyRecord]:
    """Make the account a reader with this key, in place of an earlier one; the readers then.

    Raises
    ------
    UsageError
        It is no public key.
    ConflictError
        The organisation has as many readers as a request can have.
    """
    require_sender(account)
    try:
        public = PublicIdentity.from_json(public_key.encode("utf-8", "replace"))
    except NoMatchingKeyError as exc:
        raise UsageError(exc.message, hint="emix keys export writes one") from exc
    with exchange.write() as work:
        work.queue("readers", account.organisation_id)
        work.hit(delete(request_readers).where(request_readers.c.account_id == account.id))
        # One short of what a request can hold: whoever asks can read it as well.
        if len(readers_of(work, account.organisation_id)) >= MAX_SLOTS - 1:
            message = f"an organisation has at most {MAX_SLOTS - 1} readers of requests"
            raise ConflictError(message)
        values = {"account_id": account.id, "organisation_id": account.organisation_id}
        values |= {"fingerprint": public.fingerprint, "public_key": public.to_json().decode()}
        work.add(request_readers, {**values, "created_ms": work.now_ms})
        action = "request.key_published"
        work.audit(
            account.organisation_id,
            account.id,
            action,
            account.id,
            fingerprint=public.fingerprint,
        )
        return readers_of(work, account.organisation_id)


def withdraw_key(exchange: Exchange, account: Account, fingerprint: str) -> None:
    """Take a key back: one's own, or as administrator any of the organisation.

    Raises
    ------
    NotFoundError
        The organisation has no such key.
    ForbiddenError
        It is that of a colleague.
    """
    mine = and_(
        request_readers.c.organisation_id == account.organisation_id,
        request_readers.c.fingerprint == fingerprint,
    )
    own = request_readers.c.account_id == account.id
    with exchange.write() as work:
        known = work.all(select(request_readers.c.account_id).where(mine))
        if not known:
            message = "no reader of your organisation has this key"
            raise NotFoundError(message, hint="emix request key list")
        allowed = mine if account.role is Role.ADMIN else and_(mine, own)
        if not work.hit(delete(request_readers).where(allowed)):
            message = "this is the key of a colleague"
            raise ForbiddenError(message, hint="an administrator can withdraw it")
        action = "request.key_withdrawn"
        work.audit(account.organisation_id, account.id, action, account.id, fingerprint=fingerprint)


def readers_of(work: Work, organisation_id: str) -> list[KeyRecord]:
    """The readers of an organisation whose accounts are not disabled, oldest first."""
    query = (
        select(request_readers, accounts.c.email)
        .join(accounts, accounts.c.id == request_readers.c.account_id)
        .where(request_readers.c.organisation_id == organisation_id, accounts.c.disabled.is_(False))
    )
    query = query.order_by(request_readers.c.created_ms, request_readers.c.account_id)
    return work.find_all(KeyRecord, query)


def find_readers(
    exchange: Exchange, account: Account, organisation: str
) -> tuple[str, list[KeyRecord]]:
    """The name of an organisation and its readers; an empty name stands for one's own.

    Raises
    ------
    NotFoundError
        No such organisation, or it takes no requests.
    """
    with exchange.read() as work:
        if organisation in {"", account.organisation}:
            return account.organisation, readers_of(work, account.organisation_id)
        return organisation, readers_of(work, organisation_named(work, organisation))


def organisation_named(work: Work, name: str) -> str:
    """The id of an organisation that takes requests.

    Raises
    ------
    NotFoundError
    """
    row = work.one(select(organisations.c.id).where(organisations.c.name == name))
    if row is None or not readers_of(work, row.id):
        message = "no organisation of this name takes requests here"
        hint = "ask it for its exact name, or for an invitation by mail"
        raise NotFoundError(message, hint=hint)
    return str(row.id)
