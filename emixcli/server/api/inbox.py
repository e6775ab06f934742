"""Routes of recipients with an account: their key, and their inbox."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints

from emixcli.server import inbox as service
from emixcli.server import published
from emixcli.server.api.deps import AccountArg, SiteArg, source_of
from emixcli.server.api.recipient import opened_json
from emixcli.server.api.wire import Body, EmailBody
from emixcli.server.clock import iso_time

router = APIRouter(prefix="/v1", tags=["inbox"])


class KeyBody(Body):
    """A public key file, as `emix keys export` writes it."""

    public_key: Annotated[str, StringConstraints(max_length=8192)]


@router.post("/keys:find")
def post_find(body: EmailBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """The key that the owner of an address has published; any account may ask."""
    del account
    key = published.find_published(site.exchange, body.email)
    return {
        "email": key.email,
        "fingerprint": key.fingerprint,
        "public_key": key.public_key,
        "published": iso_time(key.created_ms),
    }


@router.put("/keys/own")
def put_key(body: KeyBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Publish a key of one's own, in the place of an earlier one."""
    return {"fingerprint": published.publish_key(site.exchange, account, body.public_key)}


@router.delete("/keys/own")
def delete_key(account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Take it back; what was sealed for it stays in the inbox."""
    published.withdraw_key(site.exchange, account)
    return {}


@router.get("/inbox")
def get_inbox(
    account: AccountArg,
    site: SiteArg,
    cursor: Annotated[str, Query(max_length=26)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """What has arrived for the account, sealed for its key."""
    rows = service.list_inbox(site.exchange, account, after=cursor, limit=limit + 1)
    found = [
        {
            "share_id": row.id,
            "package_id": row.package_id,
            "size": row.size,
            "organisation": row.organisation,
            "sender_name": row.sender,
            "purpose": row.purpose,
            "urgent": row.urgent,
            "state": row.state,
            "notified": iso_time(row.notified_ms),
            "opened": iso_time(row.opened_ms),
            "expires": iso_time(row.expires_ms),
        }
        for row in rows[:limit]
    ]
    return {"inbox": found, "next_cursor": found[-1]["share_id"] if len(rows) > limit else None}


@router.post("/inbox/{share_id}:open")
def post_open(
    share_id: str, request: Request, account: AccountArg, site: SiteArg
) -> dict[str, Any]:
    """The sealed key, and where the bytes are."""
    source = source_of(request)
    opened = service.open_inbox(site.exchange, account, share_id, source=source)
    return opened_json(opened, site.base_url)
