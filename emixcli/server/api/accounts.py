"""Routes of accounts: login, logout, who am I."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from emixcli.server.accounts import finish_login, logout, start_login
from emixcli.server.api.deps import AccountArg, SiteArg, bearer_token, source_of
from emixcli.server.api.wire import LoginBody, account_json
from emixcli.server.clock import iso_time
from emixcli.server.disclosures import accounting_of

router = APIRouter(prefix="/v1", tags=["account"])


@router.post("/login")
async def post_login(body: LoginBody, request: Request, site: SiteArg) -> dict[str, Any]:
    """A token for an account; the same answer for an unknown address and a wrong password."""
    source = source_of(request)
    known, future = await asyncio.to_thread(
        start_login, site.exchange, site.passwords, body.email, body.password, source=source
    )
    good = await asyncio.wrap_future(future)
    token, expires_ms, account = await asyncio.to_thread(
        finish_login, site.exchange, known, body.email, good=good, source=source
    )
    return {"token": token, "expires": iso_time(expires_ms), "account": account_json(account)}


@router.post("/logout")
def post_logout(request: Request, site: SiteArg) -> dict[str, Any]:
    """End the token of this request."""
    logout(site.exchange, bearer_token(request))
    return {}


@router.get("/account")
def get_account(account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """The account of the token."""
    found = account_json(account)
    return {"account": {**found, "accounting": accounting_of(site.exchange, account)}}
