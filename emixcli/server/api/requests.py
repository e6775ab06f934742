"""Routes of requests for images, for accounts: who can read them, asking, answering."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool

from emixcli.container.sealed_request import MAX_SEALED
from emixcli.exchange.request_terms import AuthorisationCheck, DeclineReason, IdentityCheck
from emixcli.server import asking, invitations, readers
from emixcli.server.accounts import Account
from emixcli.server.api.deps import AccountArg, SiteArg
from emixcli.server.api.wire import Body, Sha256, Short
from emixcli.server.clock import iso_time
from emixcli.server.problems import TooLargeError
from emixcli.server.records import KeyRecord, ShownInvitation, ShownRequest
from emixcli.server.states import RequestState

router = APIRouter(prefix="/v1", tags=["requests"])

_SEALED = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}


class KeyBody(Body):
    """The text of a public key file."""

    public_key: Annotated[str, StringConstraints(max_length=8192)]


class InviteBody(Body):
    """Who may ask, typed twice."""

    email: Short
    confirm_email: Short


class ApproveBody(Body):
    """What was looked at, and what was checked."""

    sha256: Sha256
    identity_checked: Annotated[IdentityCheck, Field(strict=False)]
    authorisation_checked: Annotated[AuthorisationCheck, Field(strict=False)]


class DeclineBody(Body):
    """Why not."""

    reason: Annotated[DeclineReason, Field(strict=False)]


@router.get("/request-keys")
def get_keys(
    account: AccountArg,
    site: SiteArg,
    organisation: Annotated[str, Query(max_length=200)] = "",
) -> dict[str, Any]:
    """Whom a request is sealed for: those of one's own organisation, or of one that is named."""
    name, keys = readers.find_readers(site.exchange, account, organisation)
    own = name == account.organisation
    return {"organisation": name, "keys": [key_json(key, with_email=own) for key in keys]}


@router.put("/request-keys")
def put_key(body: KeyBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Become a reader of requests to one's organisation."""
    keys = readers.publish_key(site.exchange, account, body.public_key)
    name = account.organisation
    return {"organisation": name, "keys": [key_json(key, with_email=True) for key in keys]}


@router.delete("/request-keys/{fingerprint}", status_code=204)
def delete_key(fingerprint: str, account: AccountArg, site: SiteArg) -> None:
    """Withdraw one's own key, or as administrator any of the organisation."""
    readers.withdraw_key(site.exchange, account, fingerprint)


@router.post("/invitations", status_code=201)
def post_invitation(body: InviteBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Mail somebody a link to ask for images, once."""
    row = invitations.invite(site.exchange, account, body.email, body.confirm_email)
    site.wake()
    return _invitation_json(row)


@router.get("/invitations")
def get_invitations(
    account: AccountArg,
    site: SiteArg,
    cursor: Annotated[str, Query(max_length=26)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Own invitations that have not ended (an administrator's: all of the organisation)."""
    rows = invitations.list_invitations(site.exchange, account, after=cursor, limit=limit + 1)
    more = len(rows) > limit
    found = [_invitation_json(row) for row in rows[:limit]]
    return {"invitations": found, "next_cursor": found[-1]["invitation_id"] if more else None}


@router.delete("/invitations/{invitation_id}", status_code=204)
def delete_invitation(invitation_id: str, account: AccountArg, site: SiteArg) -> None:
    """End an invitation that was not used yet."""
    invitations.withdraw(site.exchange, account, invitation_id)


@router.post("/requests", status_code=201)
async def post_request(request: Request, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Ask for images: a sealed request as the body; the same bytes again make no second one."""
    data = await read_body(request)
    row = await run_in_threadpool(asking.create_request, site.exchange, account, data)
    site.wake()
    return request_json(row, account)


@router.get("/requests")
def get_requests(
    account: AccountArg,
    site: SiteArg,
    state: Annotated[RequestState | None, Query()] = None,
    cursor: Annotated[str, Query(max_length=26)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Requests to the account's organisation and those that the account made, newest first."""
    rows = asking.list_requests(site.exchange, account, state=state, after=cursor, limit=limit + 1)
    more = len(rows) > limit
    found = [request_json(row, account) for row in rows[:limit]]
    return {"requests": found, "next_cursor": found[-1]["request_id"] if more else None}


@router.get("/requests/{request_id}")
def get_request(request_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """What became of a request."""
    return request_json(asking.get_request(site.exchange, account, request_id), account)


@router.get("/requests/{request_id}/sealed", response_class=Response)
def get_sealed(request_id: str, account: AccountArg, site: SiteArg) -> Response:
    """The sealed request, which only its readers can open."""
    return Response(asking.get_sealed(site.exchange, account, request_id), headers=_SEALED)


@router.post("/requests/{request_id}:approve")
def post_approve(
    request_id: str, body: ApproveBody, account: AccountArg, site: SiteArg
) -> dict[str, Any]:
    """Allow that the images be sent, having checked who asks and what allows them."""
    row = asking.approve(
        site.exchange,
        account,
        request_id,
        sha256=body.sha256,
        identity=body.identity_checked,
        authorisation=body.authorisation_checked,
    )
    return request_json(row, account)


@router.post("/requests/{request_id}:decline")
def post_decline(
    request_id: str, body: DeclineBody, account: AccountArg, site: SiteArg
) -> dict[str, Any]:
    """End a request without images; who asks withdraws it this way."""
    row = asking.decline(site.exchange, account, request_id, body.reason)
    site.wake()
    return request_json(row, account)


def _invitation_json(row: ShownInvitation) -> dict[str, Any]:
    return {
        "invitation_id": row.id,
        "email": row.address,
        "invited_by": row.inviter,
        "mail": row.mail,
        "created": iso_time(row.created_ms),
        "used": iso_time(row.used_ms),
        "expires": iso_time(row.expires_ms),
    }


async def read_body(request: Request) -> bytes:
    """The body of a request whose sender is known already.

    Raises
    ------
    TooLargeError
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_SEALED:
            message = "the sealed request is too large"
            raise TooLargeError(message)
    return bytes(data)


def key_json(key: KeyRecord, *, with_email: bool) -> dict[str, Any]:
    """A reader's key; who it is only for colleagues."""
    found = {"fingerprint": key.fingerprint, "public_key": key.public_key}
    return found | ({"email": key.email} if with_email else {})


def request_json(row: ShownRequest, account: Account) -> dict[str, Any]:
    """A request for an account that may see it; who decided is told to colleagues only.

    Its digest is told to who made it; whoever approves has it from the bytes that were fetched.
    """
    is_received = row.organisation_id == account.organisation_id
    found = {
        "request_id": row.id,
        "state": row.state,
        "purpose": row.purpose,
        "organisation": row.organisation,
        "requester": row.requester,
        "requester_organisation": row.requester_organisation,
        "is_received": is_received,
        "size": row.size,
        "sha256": row.sha256 if row.account_id == account.id else None,
        "declined_for": row.declined_for,
        "created": iso_time(row.created_ms),
        "decided": iso_time(row.decided_ms),
        "ended": iso_time(row.ended_ms),
        "expires": iso_time(row.expires_ms),
    }
    if is_received:
        found |= {
            "decided_by": row.decider,
            "identity_checked": row.identity_checked,
            "authorisation_checked": row.authorisation_checked,
            "share_id": row.share_id,
        }
    return found
