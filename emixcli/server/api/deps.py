"""What the routes share: the running exchange, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from emixcli.errors import AuthRequiredError
from emixcli.server.accounts import Account, Passwords, find_account
from emixcli.server.metrics import Metrics
from emixcli.server.settings import Limits
from emixcli.server.work import Exchange
from emixcli.server.worker import Worker


@dataclass(frozen=True)
class Site:
    """One running exchange and its web side."""

    exchange: Exchange
    passwords: Passwords
    worker: Worker
    metrics: Metrics
    base_url: str
    hosts: frozenset[str]
    recipient_page: str
    request_page: str
    is_local: bool

    @property
    def limits(self) -> Limits:
        """The limits of the settings."""
        return self.exchange.settings.limits

    def wake(self) -> None:
        """Have the worker look at the outbox now; called from any thread."""
        self.worker.wake()


def get_site(request: Request) -> Site:
    """The exchange that serves this request."""
    return cast("Site", request.app.state.site)


SiteArg = Annotated[Site, Depends(get_site)]


def bearer_token(request: Request) -> str:
    """The bearer token of a request, or an empty string (RFC 6750 section 2.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def find_caller(request: Request, site: Site) -> Account | None:
    """The account whose token a request bears; noted there for what may be refused to it."""
    token = bearer_token(request)
    account = find_account(site.exchange, token) if token.startswith("emx_") else None
    request.state.account = account
    return account


def current_account(request: Request, site: SiteArg) -> Account:
    """The account that is asking.

    Raises
    ------
    AuthRequiredError
    """
    account = find_caller(request, site)
    if account is None:
        message = "this needs an account, or the login has ended"
        raise AuthRequiredError(message, hint="run emix login")
    return account


AccountArg = Annotated[Account, Depends(current_account)]


def source_of(request: Request) -> str:
    """The network address that a request comes from, for the audit and the login limit."""
    return request.client.host if request.client else "unknown"
