"""Accounts: passwords (Argon2id), tokens, and the limit on guessing."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Select, delete, select, update
from sqlalchemy.exc import IntegrityError

from emixcli.errors import AuthRequiredError, NotFoundError, OutputExistsError, UsageError
from emixcli.mailaddress import address_key, parse_address
from emixcli.server import audit
from emixcli.server.clock import DAY_MS, SECOND_MS
from emixcli.server.problems import BusyError, TooManyError
from emixcli.server.records import record
from emixcli.server.states import Role
from emixcli.server.tables import accounts, counters, organisations, tokens
from emixcli.server.vault import new_id, new_token, token_hash
from emixcli.server.work import SYSTEM, Exchange, Work

MIN_PASSWORD = 10
_MAX_PASSWORD = 1024
_WAITING = 32


@dataclass(frozen=True)
class Account:
    """Who is asking."""

    id: str
    organisation_id: str
    organisation: str
    email: str
    name: str
    role: Role


@dataclass(frozen=True)
class KeptAccount(Account):
    """An account, and whether it may log in."""

    disabled: bool


@dataclass(frozen=True)
class NewAccount:
    """What is needed to make an account."""

    email: str
    name: str
    organisation: str
    role: Role
    password: str


class Passwords:
    """Argon2id, 32 MiB, in a thread of its own: one at a time, and a short queue.

    More memory, or two at once, would take the exchange above 150 MB.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=32 << 10, parallelism=1)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")
        self._seats = threading.Semaphore(_WAITING)
        self._dummy = self._hasher.hash(new_token("dummy"))

    def hash(self, password: str) -> str:
        """The encoded hash of a new password.

        Raises
        ------
        UsageError
            Too short or too long.
        """
        if not MIN_PASSWORD <= len(password) <= _MAX_PASSWORD:
            message = f"a password needs {MIN_PASSWORD} characters or more"
            raise UsageError(message, hint="choose another one")
        return self._hasher.hash(password)

    def submit(self, stored: str | None, password: str) -> Future[bool]:
        """Verify in the pool; without a stored hash the same work is done and the answer is no.

        Raises
        ------
        BusyError
            Too many logins wait already.
        """
        if not self._seats.acquire(blocking=False):
            message = "too many logins at once"
            raise BusyError(message, retry_s=2)
        future = self._pool.submit(self._verify, stored, password)
        future.add_done_callback(lambda _future: self._seats.release())
        return future

    def _verify(self, stored: str | None, password: str) -> bool:
        try:
            self._hasher.verify(stored or self._dummy, password[:_MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


def add_organisation(work: Work, name: str) -> str:
    """The id of the organisation with this name, made when there is none yet."""
    if not name.strip() or not name.isprintable() or len(name) > 200:
        message = "an organisation needs a name of printable characters, 200 at most"
        raise UsageError(message, hint="choose another one")
    row = work.one(select(organisations.c.id).where(organisations.c.name == name.strip()))
    if row is not None:
        return str(row.id)
    organisation_id = new_id()
    values = {"id": organisation_id, "name": name.strip(), "quota_bytes": None}
    work.add(organisations, {**values, "created_ms": work.now_ms})
    audit.start_chain(work.connection, work.vault, organisation_id)
    return organisation_id


def add_account(exchange: Exchange, new: NewAccount, passwords: Passwords) -> Account:
    """Make an account, and its organisation when it is the first of it.

    Raises
    ------
    OutputExistsError
        The address has an account already.
    """
    email = address_key(parse_address(new.email))
    if not new.name.strip() or not new.name.isprintable() or len(new.name) > 200:
        message = "an account needs a name of printable characters, 200 at most"
        raise UsageError(message, hint="choose another one")
    password_hash = passwords.hash(new.password)
    account_id = new_id()
    try:
        with exchange.write() as work:
            organisation_id = add_organisation(work, new.organisation)
            values = {"id": account_id, "organisation_id": organisation_id, "email": email}
            values |= {"name": new.name.strip(), "role": new.role, "password_hash": password_hash}
            work.add(accounts, {**values, "disabled": False, "created_ms": work.now_ms})
            work.audit(organisation_id, SYSTEM, "account.added", account_id, role=new.role)
    except IntegrityError as exc:
        message = "this address has an account already"
        raise OutputExistsError(message) from exc
    return Account(account_id, organisation_id, new.organisation, email, new.name.strip(), new.role)


def change_account(exchange: Exchange, email: str, **values: Any) -> None:
    """Change columns of an account (`disabled`, `password_hash`); its tokens end.

    Raises
    ------
    NotFoundError
    """
    with exchange.write() as work:
        row = work.one(select(accounts).where(accounts.c.email == address_key(email.strip())))
        if row is None:
            message = "no account has this address"
            raise NotFoundError(message, hint="emix exchange user list")
        work.hit(update(accounts).where(accounts.c.id == row.id).values(**values))
        work.hit(delete(tokens).where(tokens.c.account_id == row.id))
        changed = ",".join(sorted(values))
        work.audit(row.organisation_id, SYSTEM, "account.changed", row.id, changed=changed)


def _select_accounts() -> Select[Any]:
    return select(accounts, organisations.c.name.label("organisation")).join(organisations)


def list_accounts(exchange: Exchange) -> list[KeptAccount]:
    """All accounts with the names of their organisations."""
    with exchange.read() as work:
        query = _select_accounts().order_by(organisations.c.name, accounts.c.email)
        return work.find_all(KeptAccount, query)


def start_login(
    exchange: Exchange, passwords: Passwords, email: str, password: str, *, source: str
) -> tuple[Account | None, Future[bool]]:
    """Check the limits, then verify in the pool; the same work for known and unknown addresses.

    Raises
    ------
    TooManyError
        Too many failures for this address or from this source.
    """
    key = address_key(email.strip())
    with exchange.write() as work:
        # Counted before the password is looked at: parallel tries gain nothing.
        for kind, subject, limit in _counted(work, key, source):
            window_s = work.settings.limits.login_window_s
            if work.count(kind, subject, span_ms=window_s * SECOND_MS) > limit:
                message = "too many failed logins"
                raise TooManyError(message, retry_s=window_s)
        row = work.one(_select_accounts().where(accounts.c.email == key))
    stored = row.password_hash if row is not None and not row.disabled else None
    return None if row is None else record(Account, row), passwords.submit(stored, password)


def finish_login(
    exchange: Exchange, known: Account | None, email: str, *, good: bool, source: str
) -> tuple[str, int, Account]:
    """A new token, its end, and the account; or the failure is counted.

    Raises
    ------
    AuthRequiredError
        Unknown address or wrong password: the same answer.
    """
    with exchange.write() as work:
        if good and known is not None:
            token = new_token("emx")
            expires_ms = work.now_ms + work.settings.limits.token_days * DAY_MS
            values = {"hash": token_hash(token), "account_id": known.id}
            work.add(tokens, {**values, "created_ms": work.now_ms, "expires_ms": expires_ms})
            for kind, subject, _limit in _counted(work, address_key(email.strip()), source):
                _count_down(work, kind, subject)
            work.audit(known.organisation_id, known.id, "account.login", known.id, source=source)
            return token, expires_ms, known
        # A write in every case: an unknown address must not be quicker.
        _touch(work, "login", address_key(email.strip()))
        if known is not None:
            actor = "unknown"
            work.audit(known.organisation_id, actor, "account.refused", known.id, source=source)
    message = "the address or the password is wrong"
    raise AuthRequiredError(message, hint="ask the administrator of the exchange for a new one")


def find_account(exchange: Exchange, token: str) -> Account | None:
    """The account of a token that is still good."""
    with exchange.read() as work:
        return work.find(
            Account,
            select(accounts, organisations.c.name.label("organisation"))
            .join(tokens, tokens.c.account_id == accounts.c.id)
            .join(organisations, organisations.c.id == accounts.c.organisation_id)
            .where(
                tokens.c.hash == token_hash(token),
                tokens.c.expires_ms > work.now_ms,
                accounts.c.disabled.is_(False),
            ),
        )


def logout(exchange: Exchange, token: str) -> None:
    """End a token; an unknown one is no error."""
    with exchange.write() as work:
        work.hit(delete(tokens).where(tokens.c.hash == token_hash(token)))


def _counted(work: Work, email: str, source: str) -> list[tuple[str, str, int]]:
    limits = work.settings.limits
    return [
        ("login", email, limits.login_failures),
        ("login-source", source, limits.login_failures_address),
    ]


def _touch(work: Work, kind: str, subject: str) -> None:
    key = work.vault.mac("counter", kind, subject).hex()
    work.hit(update(counters).where(counters.c.key == key).values(n=counters.c.n))


def _count_down(work: Work, kind: str, subject: str) -> None:
    key = work.vault.mac("counter", kind, subject).hex()
    mine = (counters.c.key == key) & (counters.c.n > 0)
    work.hit(update(counters).where(mine).values(n=counters.c.n - 1))
