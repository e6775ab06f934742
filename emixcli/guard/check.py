"""The verdict on one recipient's address."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from emixcli.errors import UsageError
from emixcli.guard.endings import right_ending, without_excess
from emixcli.guard.letters import latin, look, scripts
from emixcli.guard.slips import slip_words, within
from emixcli.guard.tables import mail_tables
from emixcli.mailaddress import address_key, parse_address

if TYPE_CHECKING:
    from emixcli.guard.book import AddressBook

#: Domains whose name is no longer than this are near only where one slip lies between them.
_SHORT_NAME = 6


class Level(StrEnum):
    """What may happen now.

    `warn`: the address, typed a second time, may be used. `block`: typing helps nothing, for what
    was copied is copied twice; it ends when somebody enters the address as a contact.
    """

    OK = "ok"
    WARN = "warn"
    BLOCK = "block"


class FreeMail(StrEnum):
    """What an organisation thinks of domains of which anybody gets an address."""

    ALLOW = "allow"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Policy:
    """What an organisation allows.

    Attributes
    ----------
    allow_domains
        The only domains that it sends to, with those below them; all where empty.
    free_mail
        For domains such as gmail.com.
    second_person
        Whoever sends to an address that nobody has proven must not be the only one who entered it.
    """

    allow_domains: tuple[str, ...] = ()
    free_mail: FreeMail = FreeMail.ALLOW
    second_person: bool = False


@dataclass(frozen=True)
class Verdict:
    """What is probably wrong with an address.

    Attributes
    ----------
    reason
        Stable id, "" where nothing is wrong.
    words
        For people; the address itself is not in them.
    meant
        The address or the domain that was probably meant, "" where none is known.
    is_final
        Entering the address as a contact does not help.
    """

    level: Level = Level.OK
    reason: str = ""
    words: str = ""
    meant: str = ""
    is_final: bool = False


_OK = Verdict()


def check_address(text: str, book: AddressBook, policy: Policy = Policy()) -> Verdict:
    """The verdict on what was typed as one recipient's address."""
    verdict = check_form(text)
    if verdict.level is not Level.OK:
        return verdict
    address = address_key(parse_address(text))
    known = book.find(address)
    if known is not None and known.is_blocked:
        words = "this address is blocked in the contacts of your organisation"
        return Verdict(Level.BLOCK, "contact.blocked", words, is_final=True)
    domain = address.rpartition("@")[2]
    if policy.allow_domains and not any(_is_below(domain, one) for one in policy.allow_domains):
        words = "your organisation does not send to this domain"
        return Verdict(Level.BLOCK, "domain.not_allowed", words, is_final=True)
    if known is not None and known.is_trusted:
        return _OK
    checks = (_check_domain, _check_contacts, _check_kind)
    found = (check(address, book, policy) for check in checks)
    return next((verdict for verdict in found if verdict.level is not Level.OK), _OK)


def check_form(text: str) -> Verdict:
    """Block what is not exactly one address in plain letters."""
    text = text.strip(" ")
    if not text.isascii():
        mixed = len(scripts(text)) > 1
        words = "letters of several scripts that look alike" if mixed else "not in plain letters"
        meant = latin(text)
        words = f"this address is written in {words}" if mixed else f"this address is {words}"
        meant = meant if _is_address(meant) else ""
        return Verdict(Level.BLOCK, "address.letters", words, meant, is_final=True)
    if not _is_address(text):
        words = "this is not exactly one valid mail address"
        return Verdict(Level.BLOCK, "address.invalid", words, is_final=True)
    return _OK


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except UsageError:
        return False
    return True


def _check_domain(address: str, book: AddressBook, policy: Policy) -> Verdict:
    local, _, domain = address.rpartition("@")
    tables = mail_tables()
    ours = book.domains | frozenset(policy.allow_domains)
    if domain in ours or domain in tables.free:
        return _OK
    # A slip in the name of a provider is one under any ending: gmai.co, gmial.co.uk.
    meant = tables.typos.get(domain) or tables.typos.get(f"{domain.partition('.')[0]}.com")
    if meant is not None:
        words = "the domain is a common slip for another one"
        return Verdict(Level.BLOCK, "domain.typo", words, f"{local}@{meant}")
    right = right_ending(domain) or without_excess(domain, ours | tables.free)
    if right:
        words = "there is no such ending of a domain"
        return Verdict(Level.BLOCK, "domain.ending", words, f"{local}@{right}")
    if "xn--" in domain:
        words = "the domain has letters that are not plain, written in code"
        return Verdict(Level.BLOCK, "domain.letters", words)
    near = _nearest(domain, ours) or _nearest(domain, tables.free)
    if near:
        what = slip_words(domain, near)
        words = f"the domain is almost one that is known ({what})"
        return Verdict(Level.BLOCK, "domain.near", words, _at(local, near, book))
    return _check_ending(local, domain, ours, book)


def _nearest(domain: str, known: Iterable[str]) -> str:
    limit = 1 if len(domain.rpartition(".")[0]) <= _SHORT_NAME else 2
    seen = look(domain)
    others = [one for one in known if not _is_below(domain, one) and not _is_below(one, domain)]
    tests: list[Callable[[str], bool]] = [lambda one: within(domain, one, 1)]
    if limit > 1:
        tests.append(lambda one: within(domain, one, limit))
    tests.append(lambda one: look(one) == seen)
    return next((one for test in tests for one in sorted(others) if test(one)), "")


def _check_ending(local: str, domain: str, ours: Iterable[str], book: AddressBook) -> Verdict:
    name = domain.rpartition(".")[0]
    for one in sorted(ours):
        if one.rpartition(".")[0] == name and len(name) > _SHORT_NAME:
            words = "you know this domain with another ending"
            return Verdict(Level.BLOCK, "domain.other_ending", words, _at(local, one, book))
    return _OK


def is_free_mail(address: str) -> bool:
    """Whether anybody gets an address at its domain."""
    return address.rpartition("@")[2] in mail_tables().free


def _is_below(domain: str, other: str) -> bool:
    return domain == other or domain.endswith("." + other)


def _at(local: str, domain: str, book: AddressBook) -> str:
    """The address at a domain that was meant: a contact's, else the same local part there."""
    near = sorted(one for one in book.locals_at(domain) if within(one, local, 1))
    return f"{near[0] if near and local not in near else local}@{domain}"


def _check_contacts(address: str, book: AddressBook, policy: Policy) -> Verdict:
    del policy
    local, _, domain = address.rpartition("@")
    others = sorted(book.locals_at(domain) - {local})
    near = next((one for one in others if within(local, one, 1)), "")
    alike = next((one for one in others if look(one) == look(local)), "")
    if near or alike:
        words = f"this is almost a contact of yours ({slip_words(local, near or alike)})"
        reason = "address.near" if near else "address.look_alike"
        return Verdict(Level.BLOCK, reason, words, f"{near or alike}@{domain}")
    for other in sorted(book.domains):
        if other != domain and within(domain, other, 1) and local in book.locals_at(other):
            words = f"you know this name at another domain ({slip_words(domain, other)})"
            return Verdict(Level.BLOCK, "address.near", words, f"{local}@{other}")
    return _OK


def _check_kind(address: str, book: AddressBook, policy: Policy) -> Verdict:
    del book
    local = address.rpartition("@")[0]
    tables = mail_tables()
    if is_free_mail(address) and policy.free_mail is FreeMail.REFUSE:
        words = "anybody gets an address at this domain, and your organisation does not send there"
        return Verdict(Level.BLOCK, "domain.free_mail", words)
    if local in tables.lists or local.startswith("list-") or local.endswith(("-list", "-l")):
        words = "behind this address are many people, or nobody"
        return Verdict(Level.WARN, "address.list", words)
    if is_free_mail(address) and policy.free_mail is FreeMail.WARN:
        return Verdict(Level.WARN, "domain.free_mail", "anybody gets an address at this domain")
    if local in tables.roles:
        words = "this is the mailbox of an office, which several people read"
        return Verdict(Level.WARN, "address.role", words)
    return _OK
