"""May this be sent to these addresses: asked before a byte is uploaded.

The exchange decides, and decides again for each share. Where it cannot be reached, a plan is
judged by the contacts that were listed last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emixcli.errors import AuthRequiredError, ExchangeError, RecipientUnconfirmedError, UsageError
from emixcli.exchange.connect import connect
from emixcli.exchange.retry import Patience
from emixcli.guard.book import Book, KnownAddress
from emixcli.guard.check import Policy
from emixcli.guard.decision import Action, Decision, decide
from emixcli.mailaddress import address_key
from emixcli.services.contact_cache import load_cache
from emixcli.services.pins import find_pin, trusted_key
from emixcli.services.share import begun_share

if TYPE_CHECKING:
    from emixcli.exchange.connect import Access
    from emixcli.exchange.interface import Exchange
    from emixcli.services.journal import Journal
    from emixcli.services.share import ShareOrder

#: A plan waits for nobody: without an answer it is judged by what is known here.
_ONCE, _PLAN_S = Patience(tries=1), 5.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A recipient, and what may happen."""

    email: str
    decision: Decision

    @property
    def action(self) -> Action:
        """What may happen."""
        return self.decision.action

    def as_error(self, hint: str = "") -> RecipientUnconfirmedError:
        """Return why nothing goes there."""
        return RecipientUnconfirmedError(self.decision.message, hint=hint or self.decision.hint)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of an order.

    `judge` is "exchange", "cache" (contacts as of `as_of`) or "nothing" (general rules alone).
    """

    recipients: list[Judged]
    judge: str
    as_of: str = ""


def judge_recipients(
    exchange: Exchange, order: ShareOrder, journal: Journal | None = None
) -> list[Judged]:
    """Return what may happen with the recipients of an order.

    Those whose share was begun before, as the journal says, are left out: the exchange then gives
    the share that it has.
    """
    emails = [
        email
        for email in order.recipients
        if journal is None or begun_share(journal, email) is None
    ]
    # Whose key is trusted was confirmed with its owner.
    pinned = {address_key(one) for one in emails if find_pin(exchange.url, one)}
    typed = _typed(replace(order, confirmed=order.confirmed | pinned), emails)
    judged = [Judged(*pair) for pair in zip(emails, exchange.judge(typed), strict=True)]
    return [_with_key(exchange, one) for one in judged]


def _with_key(exchange: Exchange, judged: Judged) -> Judged:
    """Refuse a recipient whose trusted key is not the published one, before any byte has left."""
    if judged.action is Action.REFUSE:
        return judged
    try:
        trusted_key(exchange, judged.email)
    except RecipientUnconfirmedError as error:
        refused = Decision(Action.REFUSE, "key.changed", error.message, error.hint)
        return replace(judged, decision=refused)
    return judged


def _typed(order: ShareOrder, emails: Iterable[str]) -> list[tuple[str, str]]:
    return [(one, one if address_key(one) in order.confirmed else "") for one in emails]


def require_possible(
    order: ShareOrder, judged: Sequence[Judged], *, each: bool, confirmed: bool = False
) -> None:
    """Refuse an order that would give nobody a share, before any byte has left.

    Parameters
    ----------
    judged
        As `judge_recipients` returned them.
    each
        Stop for a single recipient who is refused: somebody sits there and can mend it.
    confirmed
        Nobody will be asked any more: stop as well for addresses that are not confirmed.

    Raises
    ------
    RecipientUnconfirmedError
    """
    stops = {Action.REFUSE, Action.CONFIRM} if confirmed else {Action.REFUSE}
    bad = [one for one in judged if one.action in stops]
    if bad and (each or len(bad) == len(order.recipients)):
        first = bad[0].decision
        nobody = " to anybody" if len(order.recipients) > 1 else ""
        raise RecipientUnconfirmedError(
            f"{bad[0].email}: {first.message}; nothing was sent{nobody}", hint=first.hint
        )


def require_confirmed(exchange: Exchange, order: ShareOrder, journal: Journal) -> None:
    """Refuse an order of which nobody could be given a share, before any byte has left.

    Raises
    ------
    RecipientUnconfirmedError
    """
    judged = judge_recipients(exchange, order, journal)
    require_possible(order, judged, each=False, confirmed=True)


def foresee(order: ShareOrder, how: Access) -> Foreseen:
    """Return what would become of an order, whether or not the exchange can be asked."""
    try:
        exchange = connect(replace(how, timeout_s=how.timeout_s or _PLAN_S), quick=_ONCE)
        return Foreseen(judge_recipients(exchange, order), "exchange")
    except (ExchangeError, AuthRequiredError, UsageError):
        cache = load_cache(how)
    if cache is None:
        book, policy, judge, as_of = Book(()), Policy(), "nothing", ""
    else:
        known = (
            KnownAddress(one.email, one.known, one.state == "blocked") for one in cache.contacts
        )
        book, policy, judge, as_of = Book(known), cache.policy, "cache", cache.as_of
    judged = [
        Judged(email, decide(email, again, book, policy))
        for email, again in _typed(order, order.recipients)
    ]
    return Foreseen(judged, judge, as_of)
