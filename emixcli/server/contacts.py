"""Contacts of an organisation: new → notified → verified → blocked.

Use verifies nothing: a contact is verified by its owner alone, who proves an access code or signs
in. Nothing but an administrator takes `blocked` away. Every query names the organisation, so that
a contact of another one looks like none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Select, case, delete, func, select, update

from emixcli.container.encoding import from_base64url, to_base64url
from emixcli.errors import (
    ForbiddenError,
    NotFoundError,
    UsageError,
)
from emixcli.guard.check import FreeMail, Level, Policy, check_address, is_free_mail
from emixcli.guard.decision import refusal
from emixcli.mailaddress import address_key, parse_address
from emixcli.server.accounts import Account
from emixcli.server.addresses import (
    StoredBook,
    find_contact,
    is_contact,
    load_policy,
    refuse_blocked,
)
from emixcli.server.problems import RefusedRecipientError, RequestError
from emixcli.server.records import ContactRecord, ShareRecord, ShownContact
from emixcli.server.roles import require_admin, require_sender
from emixcli.server.states import ContactState, Role, ShareState
from emixcli.server.tables import accounts, contacts, shares
from emixcli.server.vault import Vault
from emixcli.server.work import Exchange, Work

#: What contacts are called in the audit; the detail has the address.
_SUBJECT = "contact"
_UNPROVEN = (ContactState.NEW, ContactState.NOTIFIED)


@dataclass(frozen=True)
class Details:
    """What is noted of a contact besides the address; None leaves what is there.

    `identifier_kind` is `npi`, `other` or ""; `fingerprint` is that of the contact's public key.
    """

    name: str | None = None
    organisation: str | None = None
    identifier_kind: str | None = None
    identifier: str | None = None
    fingerprint: str | None = None

    def given(self) -> dict[str, str]:
        """The columns that are to be set.

        Raises
        ------
        UsageError
            A value that cannot be right.
        """
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        found = {name: text.strip() for name, text in values.items() if text is not None}
        if not all(text.isprintable() for text in found.values()):
            message = "a contact is noted in printable characters"
            raise UsageError(message, hint="leave line breaks and the like out")
        if found.get("identifier_kind") == "npi" and not is_npi(found.get("identifier", "")):
            message = "this is not a National Provider Identifier"
            raise UsageError(message, hint="ten digits; the last one checks the others")
        if ("identifier" in found) != ("identifier_kind" in found):
            message = "identifier and identifier_kind go together"
            raise UsageError(message, hint="give both or neither")
        return found


def is_npi(text: str) -> bool:
    """Whether this is a National Provider Identifier (45 CFR 162.406): Luhn over 80840 and it."""
    if len(text) != 10 or not (text.isascii() and text.isdigit()):
        return False
    total = 0
    for place, digit in enumerate(reversed("80840" + text)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _select_contacts() -> Select[Any]:
    """Contacts with the addresses of the accounts that entered them."""
    adder, seconder = accounts.alias("adder"), accounts.alias("seconder")
    names = (adder.c.email.label("adder"), seconder.c.email.label("seconder"))
    joined = contacts.outerjoin(adder, adder.c.id == contacts.c.added_by).outerjoin(
        seconder, seconder.c.id == contacts.c.seconded_by
    )
    return select(contacts, *names).select_from(joined)


@dataclass(frozen=True)
class ContactPage:
    """Contacts in order, the policy of their organisation, and the cursor of what follows."""

    rows: list[ShownContact]
    policy: Policy
    next_cursor: str | None


def list_contacts(exchange: Exchange, account: Account, *, cursor: str, limit: int) -> ContactPage:
    """Contacts of the account's organisation, in order.

    Raises
    ------
    RequestError
        The cursor is none.
    """
    mine, owner = contacts.c.organisation_id == account.organisation_id, account.organisation_id
    vault = exchange.vault
    after = _parse_cursor(vault, cursor, owner) if cursor else ""
    query = _select_contacts().where(mine, contacts.c.address > after)
    with exchange.read() as work:
        query = query.order_by(contacts.c.address).limit(limit + 1)
        rows = work.find_all(ShownContact, query)
        policy = load_policy(work, owner)
    following = None
    if len(rows) > limit:
        # Sealed: a cursor stands in a URL, and those are kept in logs.
        last = rows[limit - 1].address.encode()
        following = to_base64url(vault.encrypt("cursor", last, owner))
    return ContactPage(rows[:limit], policy, following)


def _parse_cursor(vault: Vault, cursor: str, owner: str) -> str:
    try:
        return vault.decrypt("cursor", from_base64url(cursor), owner).decode()
    except (ValueError, UsageError) as exc:
        message = "the cursor is not one that this exchange gave"
        raise RequestError(message) from exc


def find_contacts(
    exchange: Exchange, account: Account, email: str
) -> tuple[list[ShownContact], Policy]:
    """The contact with an address, none or one; and the policy of its organisation.

    Raises
    ------
    UsageError
        This is not one address.
    """
    mine = is_contact(account.organisation_id, address_key(parse_address(email)))
    with exchange.read() as work:
        rows = work.find_all(ShownContact, _select_contacts().where(mine))
        return rows, load_policy(work, account.organisation_id)


def _get(work: Work, account: Account, address: str) -> ShownContact:
    mine = is_contact(account.organisation_id, address)
    return work.load(ShownContact, _select_contacts().where(mine))


def _require(work: Work, account: Account, address: str) -> ContactRecord:
    row = find_contact(work, account, address, lock=True)
    if row is None:
        message = "your organisation has no such contact"
        raise NotFoundError(message, hint="emix contacts list")
    return row


def enter_contact(
    exchange: Exchange, account: Account, email: str, details: Details, *, accept: str
) -> tuple[ShownContact, bool]:
    """Enter an address on purpose, or change what is noted of it; and whether it is new.

    A second account that enters the same address is the second person for it.

    Parameters
    ----------
    accept
        The reason of the guard that somebody has looked at: a near-miss is entered only with it.

    Raises
    ------
    RecipientUnconfirmedError
        The address looks mistyped, or is blocked or forbidden.
    ForbiddenError
        Only an administrator may enter it.
    UsageError
    """
    require_sender(account)
    address = address_key(parse_address(email))
    values: dict[str, Any] = {**details.given()}
    with exchange.write() as work:
        added = _note(work, account, address)
        row = _require(work, account, address)
        action = "changed"
        if row.added_by is None:
            if row.state != ContactState.VERIFIED:
                _check_entry(work, account, address, accept)
            action = "added"
            values |= {"added_by": account.id, "added_ms": work.now_ms}
        elif row.added_by != account.id and row.seconded_by is None:
            action = "seconded"
            values |= {"seconded_by": account.id}
        refuse_blocked(work, account, address)
        changed = sorted(name for name, value in values.items() if getattr(row, name) != value)
        if changed:
            mine = is_contact(account.organisation_id, address)
            work.hit(update(contacts).where(mine).values(**values))
            detail = {"contact": address, "changed": ",".join(changed), "accepted": accept}
            _audit(work, account, action, **detail)
        return _get(work, account, address), added


def _check_entry(work: Work, account: Account, address: str, accept: str) -> None:
    """Refuse what looks mistyped, unless that was seen and accepted."""
    policy = load_policy(work, account.organisation_id)
    if policy.free_mail is FreeMail.REFUSE and is_free_mail(address):
        require_admin(account)
    verdict = check_address(address, StoredBook(work, account, policy), policy)
    if verdict.level is not Level.BLOCK or verdict.reason == "domain.free_mail":
        return
    if verdict.is_final or accept != verdict.reason:
        refused = refusal(verdict)
        raise RefusedRecipientError(refused.message, hint=refused.hint, reason=refused.reason)


def _note(work: Work, account: Account, address: str) -> bool:
    """Have a row for an address; whether it was made. It makes nothing known."""
    values = {
        "organisation_id": account.organisation_id,
        "address": address,
        "domain": address.rpartition("@")[2],
        "state": ContactState.NEW,
        "created_ms": work.now_ms,
    }
    return work.add_new(contacts, values)


def note_use(work: Work, account: Account, address: str) -> None:
    """Note that something was shared with an address."""
    _note(work, account, address_key(address))


def note_mail(work: Work, organisation_id: str, address: str) -> None:
    """Note that a mail has gone to an address; that verifies nothing."""
    seen = is_contact(organisation_id, address_key(address))
    first = update(contacts).where(seen, contacts.c.state == ContactState.NEW)
    work.hit(first.values(state=ContactState.NOTIFIED, notified_ms=work.now_ms))


def lock_contact(work: Work, organisation_id: str, address: str) -> None:
    """Hold a contact before the audit chain, as everybody does: nobody waits in a ring."""
    mine = is_contact(organisation_id, address_key(address))
    work.all(select(contacts.c.address).where(mine).with_for_update())


def is_blocked(work: Work, organisation_id: str, address: str) -> bool:
    """Whether an address is blocked; nobody blocks it before the transaction ends."""
    mine = is_contact(organisation_id, address_key(address))
    row = work.one(select(contacts.c.state).where(mine).with_for_update())
    return row is not None and row.state == ContactState.BLOCKED


def verify_contact(work: Work, organisation_id: str, address: str, *, actor: str, by: str) -> None:
    """Note that the owner of an address has proven it; a blocked contact stays blocked.

    Parameters
    ----------
    by
        What proved it: `access-code`, or `key` for one published by a signed-in account.
    """
    key = address_key(address)
    mine = is_contact(organisation_id, key)
    unproven = update(contacts).where(mine, contacts.c.state.in_(_UNPROVEN))
    if work.hit(unproven.values(state=ContactState.VERIFIED, verified_ms=work.now_ms)):
        work.audit(organisation_id, actor, "contact.verified", _SUBJECT, contact=key, by=by)


def remove_contact(exchange: Exchange, account: Account, email: str) -> None:
    """Forget a contact: its address is new again.

    Raises
    ------
    NotFoundError
    ForbiddenError
        It is blocked, and the account is no administrator.
    """
    require_sender(account)
    address = address_key(parse_address(email))
    with exchange.write() as work:
        row = _require(work, account, address)
        if row.state == ContactState.BLOCKED and account.role is not Role.ADMIN:
            message = "only an administrator of your organisation removes a blocked contact"
            raise ForbiddenError(message, hint="ask one")
        work.hit(delete(contacts).where(is_contact(account.organisation_id, address)))
        _audit(work, account, "removed", contact=address)


def block_contact(exchange: Exchange, account: Account, email: str) -> ShownContact:
    """Have nothing more shared with an address; mails that are held for it never leave.

    Raises
    ------
    ForbiddenError
        The account is no administrator.
    """
    require_admin(account)
    address = address_key(parse_address(email))
    with exchange.write() as work:
        _note(work, account, address)
        mine = is_contact(account.organisation_id, address)
        open_row = update(contacts).where(mine, contacts.c.state != ContactState.BLOCKED)
        if work.hit(open_row.values(state=ContactState.BLOCKED, blocked_ms=work.now_ms)):
            # Held before the audit chain, as everybody does.
            held = work.find_all(ShareRecord, _held_for(account, address).with_for_update())
            _audit(work, account, "blocked", contact=address)
            for share in held:
                work.end_share(share, ShareState.RECALLED, actor=account.id)
        return _get(work, account, address)


def _held_for(account: Account, address: str) -> Select[Any]:
    return select(shares).where(
        shares.c.organisation_id == account.organisation_id,
        func.lower(shares.c.recipient) == address,
        shares.c.state == ShareState.HELD,
    )


def unblock_contact(exchange: Exchange, account: Account, email: str) -> ShownContact:
    """Take a block away: the contact is what it was before.

    Raises
    ------
    ForbiddenError
        The account is no administrator.
    NotFoundError
    """
    require_admin(account)
    address = address_key(parse_address(email))
    before = case(
        (contacts.c.verified_ms.is_not(None), ContactState.VERIFIED),
        (contacts.c.notified_ms.is_not(None), ContactState.NOTIFIED),
        else_=ContactState.NEW,
    )
    with exchange.write() as work:
        _require(work, account, address)
        mine = is_contact(account.organisation_id, address)
        blocked = update(contacts).where(mine, contacts.c.state == ContactState.BLOCKED)
        if work.hit(blocked.values(state=before, blocked_ms=None)):
            _audit(work, account, "unblocked", contact=address)
        return _get(work, account, address)


def _audit(work: Work, account: Account, action: str, **detail: str) -> None:
    work.audit(account.organisation_id, account.id, f"contact.{action}", _SUBJECT, **detail)
