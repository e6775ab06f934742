"""What is refused to a signed-in account leaves a row as well.

Each act that a policy, the address guard, a role or a missing approval forbids is one row. Ids that
lead to nothing of the account's own are counted and not named, so that the trail does not say
either whether there is such a thing. No row holds an address that was refused. What an account goes
on to try is counted: nobody makes a trail grow without end.
"""

from __future__ import annotations

from sqlalchemy import or_, select

from emixcli.container.encoding import is_package_id
from emixcli.errors import EmixError, ForbiddenError, NotFoundError
from emixcli.server.accounts import Account
from emixcli.server.clock import HOUR_MS
from emixcli.server.invitations import visible_invitations
from emixcli.server.packages import visible_to
from emixcli.server.problems import (
    DecidedError,
    NotApprovedError,
    RefusedRecipientError,
)
from emixcli.server.shares import share_scope
from emixcli.server.tables import packages, request_invitations, shares
from emixcli.server.work import Exchange, Work

_REFUSALS = (ForbiddenError, RefusedRecipientError, NotApprovedError, DecidedError)
#: First parts of the actions, by the first step of a route below /v1.
_KINDS = {
    "packages": "package",
    "shares": "share",
    "contacts": "contact",
    "policy": "policy",
    "keys": "key",
    "inbox": "inbox",
    "audit": "audit",
    "disclosures": "disclosures",
    "requests": "request",
    "request-keys": "request",
    "invitations": "request",
}


#: Refusals of an account within an hour that are rows each; of more, those at 10, 100 and so on.
_NAMED = 50


def note_refusal(
    exchange: Exchange, account: Account, error: EmixError, *, act: str, named: list[str]
) -> None:
    """Append the row of what was refused to an account, where this error asks for one.

    Parameters
    ----------
    act
        Method and template of the route, without a value.
    named
        What stood in the places of the template; only an id of ours gets into the row.
    """
    if isinstance(error, _REFUSALS):
        with exchange.write() as work:
            _append(work, account, error, act, named)
    elif isinstance(error, NotFoundError) and named:
        with exchange.write() as work:
            if not any(_is_own(work, account, word) for word in named):
                _count(work, account)


def _append(work: Work, account: Account, error: EmixError, act: str, named: list[str]) -> None:
    n = work.count("refused", account.id, span_ms=HOUR_MS)
    if n > _NAMED and not _is_round(n):
        return
    subject = next((word for word in named if is_package_id(word)), account.id)
    reason = getattr(error, "reason", "")
    work.audit(
        account.organisation_id,
        account.id,
        f"{_kind_of(act)}.refused",
        subject,
        act=act,
        error=error.id,
        **({"reason": reason} if reason else {}),
        **({"n": n} if n > _NAMED else {}),
    )


def _kind_of(act: str) -> str:
    """`share` of `POST /v1/packages/{package_id}/shares`: the last thing that a route is about."""
    steps = [step.partition(":")[0] for step in act.rpartition(" ")[2].split("/")]
    known = [_KINDS[step] for step in steps if step in _KINDS]
    return known[-1] if known else "account"


def _is_own(work: Work, account: Account, word: str) -> bool:
    """Whether this names something of the account's own: clients try what an id stands for."""
    package = packages.c.package_id == word
    shared = (
        select(shares.c.id)
        .join(packages, packages.c.id == shares.c.package)
        .where(
            or_(shares.c.id == word, package),
            or_(share_scope(account), shares.c.to_account == account.id),
        )
    )
    uploaded = select(packages.c.id).where(package, visible_to(account))
    invited = select(request_invitations.c.id).where(
        request_invitations.c.id == word, visible_invitations(account)
    )
    return any(work.all(query.limit(1)) for query in (shared, uploaded, invited))


def _count(work: Work, account: Account) -> None:
    """Count an id that leads to nothing; a row at the 1st, 10th, 100th and so on of an hour."""
    n = work.count("not-found", account.id, span_ms=HOUR_MS)
    if _is_round(n):
        work.audit(account.organisation_id, account.id, "object.refused", account.id, n=n)


def _is_round(n: int) -> bool:
    """1, 10, 100 and so on."""
    return str(n).strip("0") == "1"
