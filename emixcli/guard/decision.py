"""What may be sent to an address: the verdict, what is known of it, and whether it was repeated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from emixcli.errors import UsageError
from emixcli.guard.check import Level, Policy, Verdict, check_address
from emixcli.mailaddress import address_key, parse_address

if TYPE_CHECKING:
    from emixcli.guard.book import AddressBook

_TYPE_AGAIN = "type the address a second time (--confirm-to ADDR)"
_FINAL = {
    "address.invalid",
    "address.letters",
    "contact.blocked",
    "domain.not_allowed",
    "key.changed",
}


class Action(StrEnum):
    """What may happen with a recipient."""

    OK = "ok"
    CONFIRM = "confirm"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """What may happen with a recipient, and why.

    Attributes
    ----------
    reason
        Stable id; with `ok` it is "" or names what a second typing has settled.
    message, hint
        For people; the address itself is not in them.
    meant
        The address that was probably meant, "" where none is known.
    """

    action: Action
    reason: str = ""
    message: str = ""
    hint: str = ""
    meant: str = ""

    @property
    def can_be_accepted(self) -> bool:
        """Whether the address can be entered as a contact all the same."""
        return self.reason not in _FINAL


def decide(text: str, confirm: str, book: AddressBook, policy: Policy) -> Decision:
    """Whether what was typed as one recipient's address may be sent to.

    Parameters
    ----------
    confirm
        The address as it was typed a second time, "" where it was not.
    """
    verdict = check_address(text, book, policy)
    if verdict.level is Level.BLOCK:
        return refusal(verdict)
    known = book.find(address_key(parse_address(text)))
    if known is not None and known.is_trusted:
        return Decision(Action.OK)
    if policy.second_person:
        message = "your organisation wants a second person for a new recipient"
        hint = "somebody else enters the address: emix contacts add ADDR"
        return Decision(Action.REFUSE, "contact.second_person", message, hint)
    if _is_same(text, confirm):
        return Decision(Action.OK, verdict.reason, verdict.words)
    words = verdict.words or "this recipient is new here"
    message = f"{words}, and the address was not confirmed"
    return Decision(Action.CONFIRM, verdict.reason or "address.new", message, _TYPE_AGAIN)


def _is_same(text: str, confirm: str) -> bool:
    try:
        return address_key(parse_address(text)) == address_key(parse_address(confirm))
    except UsageError:
        return False


def refusal(verdict: Verdict) -> Decision:
    """What is said of an address that the guard blocks."""
    meant = f"did you mean {verdict.meant}? " if verdict.meant else ""
    if verdict.reason == "contact.blocked":
        rest = "an administrator of your organisation can unblock it"
    elif verdict.reason == "domain.not_allowed":
        rest = "an administrator of your organisation sets the domains: emix contacts policy"
    elif verdict.is_final:
        rest = "give one address at a time, as name@example.org, plain letters only"
    elif verdict.reason == "domain.free_mail":
        rest = "an administrator of your organisation may enter it: emix contacts add ADDR"
    else:
        rest = "if it is right all the same, letter by letter: emix contacts add ADDR"
    return Decision(Action.REFUSE, verdict.reason, verdict.words, f"{meant}{rest}", verdict.meant)
