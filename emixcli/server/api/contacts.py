"""Routes of contacts: the address book, the check of recipients, the organisation's policy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from emixcli.guard.check import FreeMail, Policy
from emixcli.guard.decision import Decision
from emixcli.server import addresses
from emixcli.server import contacts as service
from emixcli.server.accounts import Account
from emixcli.server.addresses import is_trusted
from emixcli.server.api.deps import AccountArg, SiteArg
from emixcli.server.api.wire import Body, EmailBody, Short
from emixcli.server.clock import iso_time
from emixcli.server.contacts import Details
from emixcli.server.records import ShownContact

router = APIRouter(prefix="/v1", tags=["contacts"])

Name = Annotated[str, StringConstraints(max_length=200)]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40})?$")]


class ContactBody(Body):
    """An address that is entered on purpose; what is left out stays as it is."""

    email: Short
    name: Name | None = None
    organisation: Name | None = None
    identifier_kind: Literal["npi", "other", ""] | None = None
    identifier: Annotated[str, StringConstraints(max_length=64)] | None = None
    fingerprint: Fingerprint | None = None
    accept: Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z._]*$")] = ""


class TypedBody(Body):
    """An address as it was typed, and a second time."""

    email: Annotated[str, StringConstraints(max_length=1000)]
    confirm_email: Annotated[str, StringConstraints(max_length=1000)] | None = None


class CheckBody(Body):
    """Recipients that a client is about to share with."""

    recipients: Annotated[list[TypedBody], Field(min_length=1, max_length=100)]


class PolicyBody(Body):
    """What an organisation allows."""

    allow_domains: Annotated[list[Annotated[str, StringConstraints(max_length=255)]], Field()]
    free_mail: Annotated[FreeMail, Field(strict=False)]
    second_person: bool


@router.get("/contacts")
def get_contacts(
    account: AccountArg,
    site: SiteArg,
    cursor: Annotated[str, Query(max_length=500)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """The organisation's contacts in order."""
    page = service.list_contacts(site.exchange, account, cursor=cursor, limit=limit)
    found = [_contact(row, account, page.policy) for row in page.rows]
    return {"contacts": found, "next_cursor": page.next_cursor}


@router.post("/contacts:find")
def post_find(body: EmailBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """The contact with an address, if there is one; an address is in no URL."""
    rows, policy = service.find_contacts(site.exchange, account, body.email)
    return {"contacts": [_contact(row, account, policy) for row in rows]}


@router.post("/contacts")
def post_contact(
    body: ContactBody, account: AccountArg, site: SiteArg, response: Response
) -> dict[str, Any]:
    """Enter an address on purpose, or change what is noted of it."""
    details = Details(
        name=body.name,
        organisation=body.organisation,
        identifier_kind=body.identifier_kind,
        identifier=body.identifier,
        fingerprint=body.fingerprint,
    )
    row, is_new = service.enter_contact(
        site.exchange, account, body.email, details, accept=body.accept
    )
    response.status_code = 201 if is_new else 200
    return _contact(row, account, addresses.get_policy(site.exchange, account))


@router.post("/contacts:remove")
def post_remove(body: EmailBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Forget a contact; its address is new again."""
    service.remove_contact(site.exchange, account, body.email)
    return {}


@router.post("/contacts:check")
def post_check(body: CheckBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """What would become of shares with these addresses; changes nothing."""
    typed = [(one.email, one.confirm_email or "") for one in body.recipients]
    found = addresses.check_recipients(site.exchange, account, typed)
    return {"recipients": [_decision(one) for one in found]}


@router.post("/contacts:block")
def post_block(body: EmailBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Have nothing more shared with an address, and held mails to it never leave."""
    row = service.block_contact(site.exchange, account, body.email)
    return _contact(row, account, addresses.get_policy(site.exchange, account))


@router.post("/contacts:unblock")
def post_unblock(body: EmailBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Take a block away."""
    row = service.unblock_contact(site.exchange, account, body.email)
    return _contact(row, account, addresses.get_policy(site.exchange, account))


@router.get("/policy")
def get_policy(account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """What the organisation allows."""
    return _policy(addresses.get_policy(site.exchange, account))


@router.put("/policy")
def put_policy(body: PolicyBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Replace what the organisation allows; for its administrators."""
    policy = Policy(tuple(body.allow_domains), body.free_mail, body.second_person)
    return _policy(addresses.set_policy(site.exchange, account, policy))


def _contact(row: ShownContact, account: Account, policy: Policy) -> dict[str, Any]:
    return {
        "email": row.address,
        "state": row.state,
        "known": is_trusted(row, account, policy),
        "name": row.name,
        "organisation": row.organisation,
        "identifier_kind": row.identifier_kind,
        "identifier": row.identifier,
        "fingerprint": row.fingerprint,
        "added_by": row.adder,
        "seconded_by": row.seconder,
        "created": iso_time(row.created_ms),
        "added": iso_time(row.added_ms),
        "notified": iso_time(row.notified_ms),
        "verified": iso_time(row.verified_ms),
        "blocked": iso_time(row.blocked_ms),
    }


def _decision(one: Decision) -> dict[str, Any]:
    return {
        "action": one.action,
        "reason": one.reason,
        "message": one.message,
        "hint": one.hint,
        "meant": one.meant,
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "allow_domains": list(policy.allow_domains),
        "free_mail": policy.free_mail,
        "second_person": policy.second_person,
    }
