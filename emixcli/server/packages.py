"""Packages: announced, uploaded in parts, sealed, listed, read, deleted.

Whoever asks is part of every query: a package of somebody else is not found, exactly as one that
does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import ColumnElement

from emixcli.container.encoding import from_base64url, is_package_id, to_base64url
from emixcli.errors import GoneError, NotFoundError, QuotaError, UploadInterruptedError
from emixcli.server.accounts import Account
from emixcli.server.clock import DAY_MS, MINUTE_MS, SECOND_MS
from emixcli.server.problems import ConflictError, RequestError, TooLargeError
from emixcli.server.records import PackageRecord
from emixcli.server.roles import require_sender
from emixcli.server.states import LIVE, READABLE, UPLOADABLE, PackageState, Role
from emixcli.server.store import Part, PartsMismatchError, SignedPart
from emixcli.server.tables import organisations, packages, parts
from emixcli.server.vault import new_id
from emixcli.server.work import Exchange, Work

_MIB = 1 << 20
#: An upload under way is noted this often; abandoned ones end after days.
_TOUCH_MS = 10 * MINUTE_MS


@dataclass(frozen=True)
class Announcement:
    """What a client says before it uploads; sizes in bytes."""

    package_id: str
    part_size: int
    size_bound: int


@dataclass(frozen=True)
class SealedPart:
    """A part as the client says it must be; digests in hex, `md5` empty where it is not known."""

    number: int
    size: int
    md5: str
    sha256: str

    @property
    def stored(self) -> Part:
        """As it lies in the store."""
        return Part(self.number, self.size, self.md5 or self.sha256)


@dataclass(frozen=True)
class Seal:
    """The end of an upload."""

    size: int
    sha256: str | None
    parts: Sequence[SealedPart]
    slots_offset: int
    slots_length: int


def owned_by(account: Account) -> ColumnElement[bool]:
    """Only the account that uploaded it."""
    return and_(
        packages.c.organisation_id == account.organisation_id,
        packages.c.account_id == account.id,
    )


def visible_to(account: Account) -> ColumnElement[bool]:
    """The owner, and the administrators of the owner's organisation."""
    if account.role is Role.ADMIN:
        return packages.c.organisation_id == account.organisation_id
    return owned_by(account)


def find_package(work: Work, package_id: str, *scope: ColumnElement[bool]) -> PackageRecord:
    """The package within the scope.

    Raises
    ------
    NotFoundError
    """
    query = select(packages).where(packages.c.package_id == package_id, *scope)
    row = work.find(PackageRecord, query)
    if row is None:
        message = "there is no such package"
        raise NotFoundError(message, hint="emix list shows the packages of this account")
    return row


def create_package(
    exchange: Exchange, account: Account, new: Announcement
) -> tuple[PackageRecord, bool]:
    """The package and whether it is new; the same announcement again gives the same package.

    Raises
    ------
    RequestError, QuotaError, TooLargeError, NotFoundError
    """
    require_sender(account)
    if not is_package_id(new.package_id):
        message = "package_id must be 26 characters of lower-case Crockford base32"
        raise RequestError(message)
    part_size = _part_size(exchange, new)
    try:
        with exchange.write() as work:
            mine = and_(
                packages.c.package_id == new.package_id,
                packages.c.organisation_id == account.organisation_id,
            )
            if work.one(select(packages.c.id).where(mine)) is not None:
                return find_package(work, new.package_id, owned_by(account)), False
            _check_quota(work, account, new.size_bound)
            _insert(work, account, new, part_size)
            return find_package(work, new.package_id, owned_by(account)), True
    except IntegrityError:
        with exchange.read() as work:
            return find_package(work, new.package_id, owned_by(account)), False


def _insert(work: Work, account: Account, new: Announcement, part_size: int) -> None:
    life_ms = work.settings.limits.life_days * DAY_MS
    work.add(
        packages,
        {
            "id": new_id(),
            "package_id": new.package_id,
            "organisation_id": account.organisation_id,
            "account_id": account.id,
            "state": PackageState.DRAFT,
            "part_size": part_size,
            "size_bound": new.size_bound,
            "reserved": new.size_bound,
            "created_ms": work.now_ms,
            "touched_ms": work.now_ms,
            "expires_ms": work.now_ms + life_ms,
        },
    )
    work.audit(account.organisation_id, account.id, "package.draft", new.package_id)


def _part_size(exchange: Exchange, new: Announcement) -> int:
    limits = exchange.settings.limits
    if new.size_bound > limits.max_package_size:
        message = "the package is larger than this exchange takes"
        raise TooLargeError(message, hint="send fewer studies at a time")
    needed = -(-new.size_bound // limits.max_parts)
    rounded = -(-needed // _MIB) * _MIB if needed > limits.min_part_size else needed
    return min(max(new.part_size, limits.min_part_size, rounded), limits.max_part_size)


def _check_quota(work: Work, account: Account, size: int) -> None:
    limits = work.settings.limits
    mine = organisations.c.id == account.organisation_id
    # One after the other, so that two that announce at once cannot both take what is left. Not by
    # the row of the organisation: rows of the audit chain refer to it, and the chain comes next.
    work.queue("quota", account.organisation_id)
    quota = work.connection.execute(select(organisations.c.quota_bytes).where(mine)).scalar_one()
    uploading = packages.c.state.in_(UPLOADABLE)
    query = select(
        func.coalesce(func.sum(packages.c.reserved), 0).label("bytes"),
        func.count().filter(uploading).label("uploads"),
    ).where(packages.c.organisation_id == account.organisation_id, packages.c.reserved > 0)
    used = work.connection.execute(query).one()
    if used.bytes + size > (limits.organisation_bytes if quota is None else quota):
        message = "the storage of this organisation on the exchange is used up"
        raise QuotaError(message, hint="revoke packages that are no longer needed: emix list")
    if used.uploads >= limits.organisation_open_uploads:
        message = "this organisation has too many unfinished uploads"
        raise QuotaError(message, hint="finish or revoke some: emix list")


def list_packages(
    exchange: Exchange, account: Account, *, cursor: str | None, limit: int
) -> tuple[list[PackageRecord], str | None]:
    """Own packages (an administrator's: all of the organisation), newest first, and a cursor."""
    query: Select[Any] = select(packages).where(visible_to(account))
    position = tuple_(packages.c.created_ms, packages.c.id)
    if cursor:
        query = query.where(position < _parse_cursor(cursor))
    query = query.order_by(packages.c.created_ms.desc(), packages.c.id.desc()).limit(limit + 1)
    with exchange.read() as work:
        rows = work.find_all(PackageRecord, query)
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    text = f"{last.created_ms}:{last.id}".encode()
    return rows[:limit], to_base64url(text)


def _parse_cursor(cursor: str) -> tuple[int, str]:
    try:
        text = from_base64url(cursor).decode("ascii")
        created, _, row_id = text.partition(":")
        return int(created), row_id
    except ValueError as exc:
        message = "the cursor is not one that this exchange gave"
        raise RequestError(message) from exc


def uploading_package(work: Work, account: Account, package_id: str) -> PackageRecord:
    """A package of the account that still takes parts.

    Raises
    ------
    NotFoundError, GoneError, ConflictError
    """
    row = find_package(work, package_id, owned_by(account))
    if row.state in READABLE:
        message = "the package is sealed already"
        raise ConflictError(message)
    if row.state not in UPLOADABLE:
        message = f"the package is {row.state}"
        raise GoneError(message)
    return row


def list_parts(exchange: Exchange, account: Account, package_id: str) -> list[Part]:
    """The parts that are safely stored."""
    with exchange.read() as work:
        row = find_package(work, package_id, owned_by(account))
    if row.state not in LIVE:
        message = f"the package is {row.state}"
        raise GoneError(message)
    return exchange.store.list_parts(row.id)


def sign_parts(
    exchange: Exchange, account: Account, package_id: str, wanted: Sequence[Part]
) -> list[SignedPart]:
    """URLs for parts of the sizes and digests given.

    Raises
    ------
    NotFoundError, GoneError, ConflictError, RequestError
    """
    with exchange.read() as work:
        row = uploading_package(work, account, package_id)
        for part in wanted:
            _check_part(work, row, part)
        expires_ms = work.now_ms + work.settings.limits.part_url_s * SECOND_MS
        is_fresh = work.now_ms - row.touched_ms < _TOUCH_MS
    if row.state == PackageState.DRAFT or not is_fresh:
        # Only then: a durable write at each part would stop the line.
        _touch(exchange, account, package_id)
    exchange.store.begin(row.id)
    return [exchange.store.sign_part(row.id, part, expires_ms=expires_ms) for part in wanted]


def _touch(exchange: Exchange, account: Account, package_id: str) -> None:
    with exchange.write() as work:
        row = uploading_package(work, account, package_id)
        if row.state == PackageState.DRAFT:
            work.move_package(row, PackageState.UPLOADING, actor=account.id)
        else:
            touch = update(packages).where(packages.c.id == row.id)
            work.hit(touch.values(touched_ms=work.now_ms))


def _check_part(work: Work, row: PackageRecord, part: Part) -> None:
    limits = work.settings.limits
    if part.number > limits.max_parts or part.size > row.part_size:
        message = f"parts have numbers up to {limits.max_parts} and {row.part_size} bytes at most"
        raise RequestError(message)
    if (part.number - 1) * row.part_size + part.size > row.size_bound + row.part_size:
        message = "this part lies beyond the announced size"
        raise QuotaError(message)


def seal_package(
    exchange: Exchange, account: Account, package_id: str, seal: Seal
) -> PackageRecord:
    """Make the upload one object that never changes again; doing it again changes nothing.

    Raises
    ------
    UploadInterruptedError
        Parts are missing or differ: send them again.
    NotFoundError, GoneError, ConflictError, RequestError
    """
    with exchange.read() as work:
        row = find_package(work, package_id, owned_by(account))
        if row.state in READABLE:
            return _same_seal(work, row, seal)
        uploading_package(work, account, package_id)
    _check_seal(row, seal)
    try:
        exchange.store.complete(row.id, [part.stored for part in seal.parts])
    except PartsMismatchError as exc:
        message = "some parts are missing or differ"
        raise UploadInterruptedError(message, hint="send the missing parts, then seal") from exc
    with exchange.write() as work:
        values = {"size": seal.size, "sha256": seal.sha256, "reserved": seal.size}
        values |= {"slots_offset": seal.slots_offset, "slots_length": seal.slots_length}
        values |= {"sealed_ms": work.now_ms}
        if not work.move_package(row, PackageState.SEALED, actor=account.id, values=values):
            # Somebody else was faster: sealed by a second request, or ended.
            row = find_package(work, package_id, owned_by(account))
            if row.state in READABLE:
                return _same_seal(work, row, seal)
            work.enqueue("purge", row.id)
            ended: PackageState | None = row.state
        else:
            ended = None
            work.connection.execute(insert(parts), [_part_row(row.id, part) for part in seal.parts])
            row = find_package(work, package_id, owned_by(account))
    if ended:
        message = f"the package is {ended}"
        raise GoneError(message)
    return row


def _part_row(package: str, part: SealedPart) -> dict[str, Any]:
    values = {"package": package, "number": part.number, "size": part.size}
    return values | {"md5": part.md5, "sha256": part.sha256}


def _same_seal(work: Work, row: PackageRecord, seal: Seal) -> PackageRecord:
    if [part.stored for part in sealed_parts(work, row)] != [part.stored for part in seal.parts]:
        message = "the package was sealed before with other parts"
        raise ConflictError(message)
    return row


def sealed_parts(work: Work, package: PackageRecord) -> list[SealedPart]:
    """The parts of a sealed package, in order."""
    mine = parts.c.package == package.id
    return work.find_all(SealedPart, select(parts).where(mine).order_by(parts.c.number))


def _check_seal(row: PackageRecord, seal: Seal) -> None:
    numbers = [part.number for part in seal.parts]
    if numbers != list(range(1, len(numbers) + 1)):
        message = "parts must be numbered from 1 without gaps, in order"
        raise RequestError(message)
    if sum(part.size for part in seal.parts) != seal.size:
        message = "the sizes of the parts do not add up to the size"
        raise RequestError(message)
    if seal.size > row.size_bound:
        message = "the package is larger than was announced"
        raise QuotaError(message)
    if seal.slots_offset + seal.slots_length > seal.size:
        message = "the slots area lies outside the package"
        raise RequestError(message)


def delete_package(exchange: Exchange, account: Account, package_id: str) -> PackageRecord:
    """End a package with all its shares; keys now, bytes at once afterwards. Again is fine."""
    with exchange.write() as work:
        row = find_package(work, package_id, visible_to(account))
        work.end_package(row, PackageState.REVOKED, actor=account.id)
        return find_package(work, package_id, visible_to(account))


def open_states() -> ColumnElement[bool]:
    """Packages whose content may be read."""
    return or_(packages.c.state == PackageState.SEALED, packages.c.state == PackageState.SHARED)
