"""Keys that accounts have published, so that packages are sealed for them without access codes.

The exchange keeps and hands them out; whether one is right is for whoever seals to say, who pins
its fingerprint.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from emixcli.container.identity import PublicIdentity
from emixcli.errors import NoMatchingKeyError, NotFoundError, UsageError
from emixcli.mailaddress import address_key, parse_address
from emixcli.server.accounts import Account
from emixcli.server.problems import ConflictError
from emixcli.server.records import KeyRecord
from emixcli.server.tables import accounts, published_keys
from emixcli.server.work import Exchange, Work


def publish_key(exchange: Exchange, account: Account, text: str) -> str:
    """Make a key that of an account, in the place of an earlier one; its fingerprint.

    Raises
    ------
    UsageError
        It is no public key file.
    """
    try:
        public = PublicIdentity.from_json(text.encode())
    except NoMatchingKeyError as exc:
        raise UsageError(exc.message, hint="emix keys publish sends the right one") from exc
    values = {"fingerprint": public.fingerprint, "public_key": public.to_json().decode("ascii")}
    with exchange.write() as work:
        work.queue("published-key", account.id)
        mine = published_keys.c.account_id == account.id
        work.hit(delete(published_keys).where(mine))
        row = {"account_id": account.id, **values, "created_ms": work.now_ms}
        work.add(published_keys, row)
        work.audit(
            account.organisation_id,
            account.id,
            "key.published",
            account.id,
            fingerprint=public.fingerprint,
        )
    return public.fingerprint


def withdraw_key(exchange: Exchange, account: Account) -> None:
    """Take the key of an account back; what was sealed for it stays in the inbox."""
    with exchange.write() as work:
        if work.hit(delete(published_keys).where(published_keys.c.account_id == account.id)):
            work.audit(account.organisation_id, account.id, "key.withdrawn", account.id)


def find_published(exchange: Exchange, email: str) -> KeyRecord:
    """The key of whoever has an account with this address.

    Raises
    ------
    NotFoundError
        None is published: the answer is the same where there is no account.
    """
    with exchange.read() as work:
        key = _find(work, parse_address(email))
    if key is None:
        message = "nobody with this address has published a key"
        raise NotFoundError(message, hint="share with an access code, as with everybody")
    return key


def find_recipient(work: Work, address: str, fingerprint: str) -> str:
    """The account of an address, which must have published just this key.

    Raises
    ------
    ConflictError
    """
    key = _find(work, address)
    if key is None or key.fingerprint != fingerprint:
        message = "the package is sealed for a key that this recipient does not publish"
        raise ConflictError(message, hint="emix keys trust ADDR shows the one that is published")
    return key.account_id


def _find(work: Work, address: str) -> KeyRecord | None:
    query = select(published_keys, accounts.c.email).join(accounts)
    mine = (accounts.c.email == address_key(address)) & accounts.c.disabled.is_(False)
    return work.find(KeyRecord, query.where(mine))
