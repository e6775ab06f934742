"""The inbox of an account: packages that were sealed for its published key."""

from __future__ import annotations

from sqlalchemy import and_, select
from sqlalchemy.sql import ColumnElement

from emixcli.errors import EmixError, NotFoundError
from emixcli.server.accounts import Account
from emixcli.server.contacts import lock_contact
from emixcli.server.recipients import Opened, Proof, open_as
from emixcli.server.records import InboxLine, LiveShare
from emixcli.server.states import REACHABLE, ShareState
from emixcli.server.tables import accounts, organisations, packages, shares
from emixcli.server.work import Exchange


def _arrived(account: Account, now_ms: int) -> ColumnElement[bool]:
    return and_(
        shares.c.to_account == account.id,
        shares.c.state.in_(REACHABLE),
        shares.c.expires_ms > now_ms,
    )


def list_inbox(exchange: Exchange, account: Account, *, after: str, limit: int) -> list[InboxLine]:
    """What has arrived for an account, by share; nothing before its hold is over."""
    with exchange.read() as work:
        query = (
            select(
                shares,
                packages.c.package_id,
                packages.c.size,
                organisations.c.name.label("organisation"),
                accounts.c.name.label("sender"),
            )
            .join(packages, packages.c.id == shares.c.package)
            .join(organisations, organisations.c.id == shares.c.organisation_id)
            .join(accounts, accounts.c.id == shares.c.account_id)
            .where(_arrived(account, work.now_ms), shares.c.id > after)
        )
        return work.find_all(InboxLine, query.order_by(shares.c.id).limit(limit))


def open_inbox(exchange: Exchange, account: Account, share_id: str, *, source: str) -> Opened:
    """The sealed key and a content token.

    Raises
    ------
    NotFoundError
        Nothing with this id has arrived for the account.
    GoneError
        It was opened as often as its sender allows.
    """
    with exchange.write() as work:
        mine = and_(shares.c.id == share_id, _arrived(account, work.now_ms))
        row = work.find(LiveShare, select(shares).where(mine))
        if row is not None:
            lock_contact(work, row.organisation_id, row.recipient)
            # The login proves the mailbox, for the account was made for its owner.
            values = {"verified_ms": work.now_ms}
            work.move_share(row, ShareState.VERIFIED, actor=account.id, values=values)
            found = open_as(work, row, Proof(account.id, "key", source))
        else:
            message = "there is no such package in the inbox"
            found = NotFoundError(message, hint="emix inbox shows what has arrived")
    if isinstance(found, EmixError):
        raise found
    return found
