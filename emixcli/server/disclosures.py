"""The accounting of disclosures (45 CFR 164.528): what was disclosed of a patient, and to whom.

The exchange does not know the patients: each is a hash that the organisation makes with a key of
its own, and the description is sealed under that key as well. A row is written when a recipient
gets the key of a package, and lives for six years, longer than package and share.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, delete, select

from emixcli.errors import ForbiddenError
from emixcli.server.accounts import Account
from emixcli.server.clock import DAY_MS
from emixcli.server.packages import find_package, owned_by
from emixcli.server.problems import ConflictError
from emixcli.server.records import DisclosureRecord, PackageRecord, ShareRecord
from emixcli.server.roles import require_auditor
from emixcli.server.states import LIVE, Role
from emixcli.server.tables import accounting_keys, disclosures, package_patients, packages
from emixcli.server.work import Exchange, Work

#: Six years with two leap days (45 CFR 164.528(a)(1)).
KEPT_MS = (6 * 365 + 2) * DAY_MS
#: Stands in the place of a patient where a package holds none, such as one that is de-identified.
_NOBODY = ""


@dataclass(frozen=True)
class Patient:
    """A patient of a package: the keyed hash in hexadecimal, and the sealed description."""

    ref: str
    sealed: str


def find_key(work: Work, organisation_id: str) -> str | None:
    """The fingerprint of the key with which an organisation keeps its accounting, if it does."""
    mine = accounting_keys.c.organisation_id == organisation_id
    row = work.one(select(accounting_keys.c.fingerprint).where(mine))
    return None if row is None else str(row.fingerprint)


def accounting_of(exchange: Exchange, account: Account) -> str | None:
    """`find_key` for the organisation of an account."""
    with exchange.read() as work:
        return find_key(work, account.organisation_id)


def keep_accounting(exchange: Exchange, account: Account, fingerprint: str) -> None:
    """Begin the accounting of an organisation with a key. Again with the same key is fine.

    Raises
    ------
    ForbiddenError
        The account is not an administrator's.
    ConflictError
        It is kept with another key already.
    """
    if account.role is not Role.ADMIN:
        message = "only an administrator begins the accounting of disclosures"
        raise ForbiddenError(message, hint="ask one of your organisation")
    with exchange.write() as work:
        values = {"organisation_id": account.organisation_id, "fingerprint": fingerprint}
        if work.add_new(accounting_keys, {**values, "created_ms": work.now_ms}):
            subject = account.organisation_id
            work.audit(subject, account.id, "disclosures.begun", subject, fingerprint=fingerprint)
        elif find_key(work, account.organisation_id) != fingerprint:
            message = "this organisation keeps its accounting of disclosures with another key"
            hint = "bring that key here: emix disclosures --import-key FILE"
            raise ConflictError(message, hint=hint)


def note_patients(
    exchange: Exchange, account: Account, package_id: str, patients: list[Patient]
) -> None:
    """Note whose images a package holds, before it is shared; nothing is taken back.

    Raises
    ------
    NotFoundError
        No such package of the account, or it has ended.
    """
    with exchange.write() as work:
        package = find_package(work, package_id, owned_by(account), packages.c.state.in_(LIVE))
        for one in patients or [Patient(_NOBODY, "")]:
            row = {"package": package.id, "ref": one.ref, "sealed": one.sealed}
            work.add_new(package_patients, row)


def require_noted(work: Work, package: PackageRecord) -> None:
    """Refuse to share a package whose patients the accounting would miss.

    Raises
    ------
    ConflictError
    """
    if find_key(work, package.organisation_id) is None:
        return
    mine = package_patients.c.package == package.id
    if not work.all(select(package_patients.c.ref).where(mine).limit(1)):
        message = "this organisation keeps an accounting of disclosures, and the patients of this"
        raise ConflictError(f"{message} package are not noted", hint="send it with emix send")


def record_disclosure(work: Work, share: ShareRecord) -> None:
    """Note that the recipient of a share has got the key of its package."""
    mine = and_(package_patients.c.package == share.package, package_patients.c.ref != _NOBODY)
    for patient in work.all(select(package_patients).where(mine)):
        values = {"share_id": share.id, "ref": patient.ref, "sealed": patient.sealed}
        values |= {"organisation_id": share.organisation_id, "at_ms": work.now_ms}
        values |= {"recipient": share.recipient, "purpose": share.purpose}
        work.add_new(disclosures, values)


def find_disclosures(
    exchange: Exchange, account: Account, ref: str, *, after: str, limit: int
) -> list[DisclosureRecord]:
    """Disclosures of a patient within six years, by share; that they were read is audited.

    Raises
    ------
    ForbiddenError
    """
    require_auditor(account)
    with exchange.write() as work:
        query = select(disclosures).where(
            disclosures.c.organisation_id == account.organisation_id,
            disclosures.c.ref == ref,
            disclosures.c.at_ms > work.now_ms - KEPT_MS,
            disclosures.c.share_id > after,
        )
        query = query.order_by(disclosures.c.share_id).limit(limit)
        rows = work.find_all(DisclosureRecord, query)
        subject = account.organisation_id
        work.audit(subject, account.id, "disclosures.read", subject, n=len(rows))
    return rows


def drop_old_disclosures(work: Work) -> None:
    """Delete what is older than the rule asks for."""
    work.hit(delete(disclosures).where(disclosures.c.at_ms <= work.now_ms - KEPT_MS))


def forget_patients(work: Work, package: str) -> None:
    """Delete what was noted of a package that can be disclosed no more."""
    work.hit(delete(package_patients).where(package_patients.c.package == package))
