"""Routes of the recipient without an account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from emixcli.server import recipients as service
from emixcli.server.api.deps import SiteArg, source_of
from emixcli.server.api.page import recipient_page
from emixcli.server.api.wire import CodeBody, OpenBody
from emixcli.server.clock import iso_time
from emixcli.server.recipients import Opened
from emixcli.server.slots import parse_proof

router = APIRouter(tags=["recipient"])


@router.head("/r/{token}", response_class=Response, include_in_schema=False)
@router.get("/r/{token}", response_class=Response)
def get_page(token: str, site: SiteArg) -> Response:
    """The recipient's page: the same for every link, and consuming nothing."""
    del token
    return recipient_page(site.recipient_page)


@router.post("/r/{token}/otp", status_code=202)
def post_otp(token: str, site: SiteArg) -> dict[str, Any]:
    """Have a code mailed to the recipient; the answer is the same for every link."""
    service.request_code(site.exchange, token)
    site.wake()
    return {}


@router.post("/r/{token}/otp:verify")
def post_verify(token: str, body: CodeBody, site: SiteArg) -> dict[str, Any]:
    """Exchange the mailed code for a session and what the browser needs to make the proof."""
    verified = service.verify_code(site.exchange, token, body.code.strip())
    return {
        "session": verified.session,
        "session_expires": iso_time(verified.session_expires_ms),
        "organisation": verified.organisation,
        "sender_name": verified.sender_name,
        "kdf": verified.kdf,
        "expires": iso_time(verified.expires_ms),
        "package": {"size": verified.size},
    }


@router.post("/r/{token}/open")
def post_open(token: str, body: OpenBody, request: Request, site: SiteArg) -> dict[str, Any]:
    """Exchange the proof of the access code for the wrapped key and a content token."""
    proof = parse_proof(body.proof, "proof")
    opened = service.open_share(
        site.exchange, token, body.session, proof, source=source_of(request)
    )
    site.wake()
    return opened_json(opened, site.base_url)


def opened_json(opened: Opened, base_url: str) -> dict[str, Any]:
    """What a recipient gets who has proven to be one."""
    path = f"{base_url}/v1/packages/{opened.package_id}"
    return {
        "package_id": opened.package_id,
        "size": opened.size,
        "slot": opened.slot,
        "content": {"url": f"{path}/content", "token": opened.content_token},
        "copy": {"url": f"{path}/copy?ticket={opened.ticket}"},
    }
