"""Routes of packages for their owners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from emixcli.server import packages as service
from emixcli.server.accounts import Account
from emixcli.server.api.deps import AccountArg, Site, SiteArg
from emixcli.server.api.wire import (
    PackageBody,
    SealBody,
    SignBody,
    package_json,
    share_json,
    signed_json,
)
from emixcli.server.packages import Announcement, Seal, SealedPart
from emixcli.server.records import PackageRecord
from emixcli.server.shares import shares_of
from emixcli.server.store import Part

router = APIRouter(prefix="/v1/packages", tags=["packages"])


@router.post("", status_code=201)
def post_package(
    body: PackageBody, account: AccountArg, site: SiteArg, response: Response
) -> dict[str, Any]:
    """Announce an upload; the same package_id again gives the existing package (200)."""
    new = Announcement(body.package_id, body.part_size, body.size_bound)
    row, created = service.create_package(site.exchange, account, new)
    response.status_code = 201 if created else 200
    return _package(site, account, row)


@router.get("")
def get_packages(
    account: AccountArg,
    site: SiteArg,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Packages of the account (of the organisation, for an administrator), newest first."""
    rows, after = service.list_packages(site.exchange, account, cursor=cursor, limit=limit)
    return {"packages": _packages(site, account, rows), "next_cursor": after}


@router.get("/{package_id}")
def get_package(package_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """One package with its shares."""
    with site.exchange.read() as work:
        row = service.find_package(work, package_id, service.visible_to(account))
    return _package(site, account, row)


@router.delete("/{package_id}")
def delete_package(package_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Revoke all shares and purge the bytes; again changes nothing."""
    row = service.delete_package(site.exchange, account, package_id)
    site.wake()
    return _package(site, account, row)


@router.get("/{package_id}/parts")
def get_parts(package_id: str, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """The parts that are safely stored: what an interrupted upload need not send again."""
    parts = service.list_parts(site.exchange, account, package_id)
    return {"parts": [{"number": p.number, "size": p.size, p.algorithm: p.digest} for p in parts]}


@router.post("/{package_id}/parts:sign")
def post_sign(
    package_id: str, body: SignBody, account: AccountArg, site: SiteArg
) -> dict[str, Any]:
    """Where and how to put up to 64 parts; the answer is used as it is, whatever the store."""
    wanted = [Part(part.number, part.size, part.md5 or part.sha256 or "") for part in body.parts]
    signed = service.sign_parts(site.exchange, account, package_id, wanted)
    return {"parts": [signed_json(part, site.base_url) for part in signed]}


@router.post("/{package_id}:seal")
def post_seal(
    package_id: str, body: SealBody, account: AccountArg, site: SiteArg
) -> dict[str, Any]:
    """Make the parts one package that never changes again; idempotent."""
    seal = Seal(
        size=body.size,
        sha256=body.sha256,
        parts=[SealedPart(p.number, p.size, p.md5 or "", p.sha256) for p in body.parts],
        slots_offset=body.slots.offset,
        slots_length=body.slots.length,
    )
    row = service.seal_package(site.exchange, account, package_id, seal)
    return _package(site, account, row)


def _package(site: Site, account: Account, row: PackageRecord) -> dict[str, Any]:
    return _packages(site, account, [row])[0]


def _packages(site: Site, account: Account, rows: Sequence[PackageRecord]) -> list[dict[str, Any]]:
    with site.exchange.read() as work:
        shares = shares_of(work, account, rows)
    vault, tries = site.exchange.vault, site.limits.code_tries
    digest = site.exchange.store.part_digest
    return [
        package_json(
            row,
            [share_json(share, site.base_url, vault, tries) for share in shares[row.id]],
            digest,
        )
        for row in rows
    ]
