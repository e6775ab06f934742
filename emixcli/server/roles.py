"""What an account may do by its role."""

from __future__ import annotations

from emixcli.errors import ForbiddenError
from emixcli.server.accounts import Account
from emixcli.server.states import Role


def require_auditor(account: Account) -> None:
    """Let administrators and auditors pass.

    Raises
    ------
    ForbiddenError
    """
    if account.role not in {Role.ADMIN, Role.AUDITOR}:
        message = "only administrators and auditors of the organisation may read this"
        raise ForbiddenError(message, hint="ask for an account with --role auditor")


def require_admin(account: Account) -> None:
    """Let administrators pass.

    Raises
    ------
    ForbiddenError
    """
    if account.role is not Role.ADMIN:
        message = "only an administrator of your organisation may do this"
        raise ForbiddenError(message, hint="ask one")


def require_sender(account: Account) -> None:
    """Let everybody pass who may send.

    Raises
    ------
    ForbiddenError
    """
    if account.role is Role.AUDITOR:
        message = "an auditor reads, and sends nothing"
        raise ForbiddenError(message, hint="log in with the account of a sender")
