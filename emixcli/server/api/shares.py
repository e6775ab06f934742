"""Routes of shares for their senders."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header

from emixcli.server import shares as service
from emixcli.server.api.deps import AccountArg, Site, SiteArg
from emixcli.server.api.wire import ShareBody, certificate_json, share_json
from emixcli.server.certificate import certify
from emixcli.server.records import ShownShare
from emixcli.server.shares import NewShare
from emixcli.server.slots import parse_proof, parse_slot

router = APIRouter(prefix="/v1", tags=["shares"])


@router.post("/packages/{package_id}/shares", status_code=201)
def post_share(
    package_id: str,
    body: ShareBody,
    account: AccountArg,
    site: SiteArg,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> dict[str, Any]:
    """Share with one mail address; an Idempotency-Key makes a repeated request harmless."""
    new = NewShare(
        recipient=body.recipient.email,
        confirm_email=body.confirm_email,
        purpose=body.purpose,
        hold_s=body.hold_s,
        slot=parse_slot(body.slot),
        auth=None if body.auth is None else parse_proof(body.auth, "auth"),
        request_id=body.request_id,
        max_opens=body.max_opens,
        expires_s=body.expires_s,
        urgent=body.urgent,
    )
    row, _created = service.create_share(
        site.exchange, account, package_id, new, request_key=idempotency_key
    )
    site.wake()
    return _share(site, row)


@router.get("/shares/{share_id}")
def get_share(share_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """How far a share has come."""
    return _share(site, service.get_share(site.exchange, account, share_id))


@router.get("/shares/{share_id}/certificate")
def get_certificate(share_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Certify that nobody had the content of a share that has ended, from the audit chain."""
    return certificate_json(certify(site.exchange, account, share_id))


@router.post("/shares/{share_id}:recall")
def post_recall(share_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Take it back before its mail leaves; afterwards this is refused (410): revoke instead."""
    return _share(site, service.recall_share(site.exchange, account, share_id))


@router.post("/shares/{share_id}:revoke")
def post_revoke(share_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """End it now, at any time; the keys are gone when this answers."""
    return _share(site, service.revoke_share(site.exchange, account, share_id))


@router.post("/shares/{share_id}:resend")
def post_resend(share_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Mail the link once more."""
    row = service.resend_share(site.exchange, account, share_id)
    site.wake()
    return _share(site, row)


def _share(site: Site, row: ShownShare) -> dict[str, Any]:
    return share_json(row, site.base_url, site.exchange.vault, site.limits.code_tries)
