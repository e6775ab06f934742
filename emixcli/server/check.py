"""Verifies an exchange: database, audit chains, and files against rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sqlalchemy import select, text

from emixcli.server import audit
from emixcli.server.packages import SealedPart, sealed_parts
from emixcli.server.records import PackageRecord
from emixcli.server.states import LIVE, READABLE, PackageState
from emixcli.server.store import ObjectReader
from emixcli.server.tables import organisations, packages, shares
from emixcli.server.work import Exchange

_CHUNK = 1 << 20


def check_exchange(exchange: Exchange, *, full: bool = False) -> Iterator[str]:
    """What is wrong, in words; `full` reads and hashes every stored byte.

    The exchange may run meanwhile.
    """
    yield from _check_database(exchange)
    with exchange.read() as work:
        chains = work.all(select(organisations.c.id).order_by(organisations.c.id))
        for organisation in chains:
            problem = audit.verify_chain(work.connection, exchange.vault, organisation.id)
            if problem is not None:
                yield f"organisation {organisation.id}: {problem}"
    with exchange.read() as work:
        rows = work.find_all(PackageRecord, select(packages))
    for row in rows:
        yield from _check_package(exchange, row, full=full)
    yield from _check_keys(exchange)
    yield from _check_strays(exchange)


def _check_database(exchange: Exchange) -> Iterator[str]:
    if not exchange.database.is_sqlite:
        return
    with exchange.read() as work:
        for row in work.all(text("PRAGMA integrity_check")):
            if row[0] != "ok":
                yield "the database is damaged"
                return
        if work.all(text("PRAGMA foreign_key_check")):
            yield "the database refers to rows that do not exist"


def _check_package(exchange: Exchange, row: PackageRecord, *, full: bool) -> Iterator[str]:
    where = f"package {row.package_id}"
    if row.state not in READABLE:
        return
    with exchange.read() as work:
        parts = sealed_parts(work, row)
        again = work.one(select(packages.c.state).where(packages.c.id == row.id))
    if again is None or again.state not in READABLE:
        return
    if [part.stored for part in parts] != exchange.store.list_parts(row.id):
        yield f"{where}: the stored parts are not those that were sealed"
        return
    try:
        reader = exchange.store.open(row.id)
    except KeyError:
        yield f"{where}: its bytes are missing"
        return
    try:
        if reader.size != row.size:
            yield f"{where}: it has {reader.size} bytes and not {row.size}"
            return
        if full:
            yield from _check_bytes(where, row, parts, reader)
    except KeyError:
        yield f"{where}: some of its bytes are missing"
    finally:
        reader.close()


def _check_bytes(
    where: str, row: PackageRecord, parts: list[SealedPart], reader: ObjectReader
) -> Iterator[str]:
    """Compare every stored byte with what its sender said at the seal."""
    offset, whole = 0, hashlib.sha256()
    for part in parts:
        digest = hashlib.sha256()
        for start in range(offset, offset + part.size, _CHUNK):
            data = reader.read(start, min(_CHUNK, offset + part.size - start))
            digest.update(data)
            if row.sha256:
                whole.update(data)
        offset += part.size
        if digest.hexdigest() != part.sha256:
            yield f"{where}: part {part.number} was changed"
    if row.sha256 and whole.hexdigest() != row.sha256:
        yield f"{where}: it is not what its sender sealed"


def _check_keys(exchange: Exchange) -> Iterator[str]:
    """No key may outlive its share."""
    with exchange.read() as work:
        ended = shares.c.state.in_(("recalled", "locked", "revoked", "expired"))
        left = select(shares.c.id).where(ended, shares.c.slot.is_not(None))
        for row in work.all(left):
            yield f"share {row.id}: it has ended and its key is still there"


def _check_strays(exchange: Exchange) -> Iterator[str]:
    for key in exchange.store.iter_keys():
        with exchange.read() as work:
            row = work.one(select(packages.c.state).where(packages.c.id == key))
        if row is None or row.state == PackageState.PURGED:
            yield "the store holds bytes of no package: emix exchange purge removes them"
        elif row.state not in LIVE:
            # The worker is about to purge it.
            continue
