"""Routes of the accounting of disclosures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from emixcli.server import disclosures as service
from emixcli.server.api.deps import AccountArg, SiteArg
from emixcli.server.api.wire import Body, Sha256
from emixcli.server.clock import iso_time
from emixcli.server.disclosures import Patient

router = APIRouter(prefix="/v1", tags=["disclosures"])


class KeyBody(Body):
    """Begins an accounting."""

    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class PatientBody(Body):
    """A patient of a package."""

    ref: Sha256
    sealed: Annotated[str, StringConstraints(max_length=4000, pattern=r"^[A-Za-z0-9_-]*$")]


class PatientsBody(Body):
    """All patients of a package."""

    patients: Annotated[list[PatientBody], Field(max_length=1000)]


class FindBody(Body):
    """Asks for the disclosures of one patient; `cursor` from the answer before."""

    ref: Sha256
    cursor: Annotated[str, StringConstraints(max_length=26)] = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


@router.put("/disclosures/key")
def put_key(body: KeyBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """Begin the accounting of the organisation; from then on packages need their patients."""
    service.keep_accounting(site.exchange, account, body.fingerprint)
    return {"fingerprint": body.fingerprint}


@router.put("/packages/{package_id}/patients")
def put_patients(
    package_id: str, body: PatientsBody, account: AccountArg, site: SiteArg
) -> dict[str, Any]:
    """Note the patients of an own package, as hashes; none for a de-identified one."""
    patients = [Patient(one.ref, one.sealed) for one in body.patients]
    service.note_patients(site.exchange, account, package_id, patients)
    return {}


@router.post("/disclosures:find")
def post_find(body: FindBody, account: AccountArg, site: SiteArg) -> dict[str, Any]:
    """What was disclosed of a patient within six years; a body, since URLs get about."""
    rows = service.find_disclosures(
        site.exchange, account, body.ref, after=body.cursor, limit=body.limit + 1
    )
    found = [
        {
            "share_id": row.share_id,
            "at": iso_time(row.at_ms),
            "recipient": row.recipient,
            "purpose": row.purpose,
            "sealed": row.sealed,
        }
        for row in rows[: body.limit]
    ]
    more = len(rows) > body.limit
    return {"disclosures": found, "next_cursor": found[-1]["share_id"] if more else None}
