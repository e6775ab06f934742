"""The address guard over the contacts of an organisation, and the policy that it sets.

The guard asks few and narrow questions, each answered by an index, so that ten thousand contacts
cost no more than ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import and_, or_, select, update
from sqlalchemy.sql import ColumnElement

from emixcli.errors import UsageError
from emixcli.guard.book import KnownAddress
from emixcli.guard.check import FreeMail, Policy
from emixcli.guard.decision import Action, Decision, decide
from emixcli.mailaddress import address_key, parse_address
from emixcli.server.accounts import Account
from emixcli.server.problems import RefusedRecipientError
from emixcli.server.records import ContactRecord
from emixcli.server.roles import require_admin
from emixcli.server.states import ContactState
from emixcli.server.tables import contacts, organisations
from emixcli.server.work import Exchange, Work

_MAX_DOMAINS = 200


@dataclass(frozen=True)
class StoredBook:
    """The contacts of an account's organisation, as `emixcli.guard.book.AddressBook`."""

    work: Work
    account: Account
    policy: Policy

    def find(self, address: str) -> KnownAddress | None:
        """What is known of an address."""
        row = find_contact(self.work, self.account, address)
        if row is None:
            return None
        trusted = is_trusted(row, self.account, self.policy)
        return KnownAddress(address, trusted, row.state == ContactState.BLOCKED)

    @cached_property
    def domains(self) -> frozenset[str]:
        """Domains of trusted contacts."""
        query = select(contacts.c.domain).where(self._trusted).distinct()
        return frozenset(row.domain for row in self.work.all(query))

    def locals_at(self, domain: str) -> frozenset[str]:
        """The parts before the @ of trusted contacts at a domain."""
        query = select(contacts.c.address).where(self._trusted, contacts.c.domain == domain)
        return frozenset(row.address.rpartition("@")[0] for row in self.work.all(query))

    @property
    def _trusted(self) -> ColumnElement[bool]:
        """As `is_trusted`, in SQL."""
        added = and_(contacts.c.added_by.is_not(None), contacts.c.state != ContactState.BLOCKED)
        if self.policy.second_person:
            other = contacts.c.added_by != self.account.id
            added = and_(added, or_(other, contacts.c.seconded_by.is_not(None)))
        mine = contacts.c.organisation_id == self.account.organisation_id
        return and_(mine, or_(contacts.c.state == ContactState.VERIFIED, added))


def is_trusted(row: ContactRecord, account: Account, policy: Policy) -> bool:
    """Whether a contact counts as known: proven by its owner, or entered on purpose.

    Where the organisation wants a second person, entered by somebody besides who asks.
    """
    if row.state in {ContactState.VERIFIED, ContactState.BLOCKED}:
        return row.state is ContactState.VERIFIED
    if row.added_by is None:
        return False
    alone = row.added_by == account.id and row.seconded_by is None
    return not (policy.second_person and alone)


def find_contact(
    work: Work, account: Account, address: str, *, lock: bool = False
) -> ContactRecord | None:
    """The contact of the account's organisation with this address (`address_key`)."""
    query = select(contacts).where(is_contact(account.organisation_id, address))
    return work.find(ContactRecord, query.with_for_update() if lock else query)


def is_contact(organisation_id: str, address: str) -> ColumnElement[bool]:
    """The row of one address in one organisation; a foreign one is never found."""
    mine = contacts.c.organisation_id == organisation_id
    return and_(mine, contacts.c.address == address)


def judge(work: Work, account: Account, email: str, confirm: str, policy: Policy) -> Decision:
    """What may happen with what was typed as an address."""
    return decide(email, confirm, StoredBook(work, account, policy), policy)


def check_recipients(
    exchange: Exchange, account: Account, typed: list[tuple[str, str]]
) -> list[Decision]:
    """What would become of shares with these addresses, each with its second typing."""
    with exchange.read() as work:
        policy = load_policy(work, account.organisation_id)
        book = StoredBook(work, account, policy)
        return [decide(email, confirm, book, policy) for email, confirm in typed]


def require_recipient(work: Work, account: Account, address: str, confirm: str) -> bool:
    """Whether the address is verified for the organisation.

    Its row, where it was noted before, stays locked until the transaction ends.

    Raises
    ------
    RecipientUnconfirmedError
        It is new and was not typed twice, it looks mistyped, or the organisation forbids it.
    """
    contact = find_contact(work, account, address_key(address), lock=True)
    policy = load_policy(work, account.organisation_id)
    require(judge(work, account, address, confirm, policy))
    return contact is not None and contact.state == ContactState.VERIFIED


def refuse_blocked(work: Work, account: Account, address: str) -> None:
    """Refuse an address that an administrator has blocked.

    Raises
    ------
    RecipientUnconfirmedError
    """
    row = find_contact(work, account, address_key(address))
    if row is not None and row.state == ContactState.BLOCKED:
        message = "this address is blocked in the contacts of your organisation"
        hint = "an administrator can unblock it: emix contacts unblock ADDR"
        raise RefusedRecipientError(message, hint=hint, reason="contact.blocked")


def require_noted_key(work: Work, account: Account, address: str, fingerprint: str) -> None:
    """Refuse another key than the one that the organisation has noted for a contact.

    Raises
    ------
    RecipientUnconfirmedError
    """
    row = find_contact(work, account, address_key(address))
    if row is not None and row.fingerprint not in {"", fingerprint}:
        message = "the key is not the one that your contacts have for this recipient"
        hint = "compare by telephone, then emix contacts add ADDR --fingerprint HEX"
        raise RefusedRecipientError(message, hint=hint, reason="address.key")


def require(decision: Decision) -> None:
    """Let only what is fine go on.

    Raises
    ------
    RecipientUnconfirmedError
    """
    if decision.action is not Action.OK:
        raise RefusedRecipientError(decision.message, hint=decision.hint, reason=decision.reason)


def load_policy(work: Work, organisation_id: str) -> Policy:
    """What an organisation allows."""
    query = select(
        organisations.c.allow_domains, organisations.c.free_mail, organisations.c.second_person
    )
    row = work.connection.execute(query.where(organisations.c.id == organisation_id)).one()
    domains = tuple(row.allow_domains.split())
    return Policy(domains, FreeMail(row.free_mail), bool(row.second_person))


def get_policy(exchange: Exchange, account: Account) -> Policy:
    """What the account's organisation allows."""
    with exchange.read() as work:
        return load_policy(work, account.organisation_id)


def set_policy(exchange: Exchange, account: Account, policy: Policy) -> Policy:
    """Replace what the organisation allows.

    Raises
    ------
    ForbiddenError
        The account is no administrator.
    UsageError
        A domain is none.
    """
    require_admin(account)
    domains = tuple(sorted({check_domain(text) for text in policy.allow_domains}))
    if len(domains) > _MAX_DOMAINS:
        message = f"an organisation names {_MAX_DOMAINS} domains at most"
        raise UsageError(message, hint="name those with the most mail")
    values = {
        "allow_domains": "\n".join(domains),
        "free_mail": policy.free_mail,
        "second_person": policy.second_person,
    }
    with exchange.write() as work:
        mine = organisations.c.id == account.organisation_id
        work.hit(update(organisations).where(mine).values(**values))
        work.audit(
            account.organisation_id,
            account.id,
            "policy.changed",
            account.organisation_id,
            allow_domains=" ".join(domains),
            free_mail=policy.free_mail,
            second_person=int(policy.second_person),
        )
        return load_policy(work, account.organisation_id)


def check_domain(text: str) -> str:
    """A domain in lower case.

    Raises
    ------
    UsageError
    """
    try:
        return parse_address(f"a@{text.strip().removeprefix('@')}").rpartition("@")[2]
    except UsageError as error:
        message = "this is not a domain"
        raise UsageError(message, hint="as clinic.example.org, plain letters only") from error
