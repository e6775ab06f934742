"""Routes of somebody who was invited to ask for images and has no account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from emixcli.container.sealed_request import MAX_FORM
from emixcli.server import invitations as service
from emixcli.server.api.deps import SiteArg, bearer_token
from emixcli.server.api.page import request_page
from emixcli.server.api.requests import key_json, read_body
from emixcli.server.api.wire import CodeBody
from emixcli.server.clock import iso_time
from emixcli.server.states import RequestState

router = APIRouter(tags=["invitations"])


@router.head("/q/{token}", response_class=Response, include_in_schema=False)
@router.get("/q/{token}", response_class=Response)
def get_page(token: str, site: SiteArg) -> Response:
    """The page to ask for images: the same for every link, and consuming nothing."""
    del token
    return request_page(site.request_page)


@router.post("/q/{token}/otp", status_code=202)
def post_otp(token: str, site: SiteArg) -> dict[str, Any]:
    """Have a code mailed to the invited; the answer is the same for every link."""
    service.request_code(site.exchange, token)
    site.wake()
    return {}


@router.post("/q/{token}/otp:verify")
def post_verify(token: str, body: CodeBody, site: SiteArg) -> dict[str, Any]:
    """Exchange the mailed code for a session and the keys that the request is sealed for."""
    admitted = service.verify_code(site.exchange, token, body.code.strip())
    return {
        "session": admitted.session,
        "session_expires": iso_time(admitted.session_expires_ms),
        "organisation": admitted.organisation,
        "email": admitted.email,
        "keys": [key_json(key, with_email=False) for key in admitted.keys],
        "max_form": MAX_FORM,
    }


@router.post("/q/{token}/request", status_code=201)
async def post_request(token: str, request: Request, site: SiteArg) -> dict[str, Any]:
    """Ask for images: a sealed request as the body, the session as bearer token."""
    session = bearer_token(request)
    await run_in_threadpool(service.check_session, site.exchange, token, session)
    data = await read_body(request)
    request_id = await run_in_threadpool(service.ask, site.exchange, token, session, data)
    site.wake()
    return {"request_id": request_id, "state": RequestState.OPEN}
