"""Ends what has lived long enough, and removes bytes that nobody may read any more."""

from __future__ import annotations

from sqlalchemy import and_, delete, or_, select

from emixcli.server.asking import expire_requests
from emixcli.server.clock import DAY_MS
from emixcli.server.disclosures import drop_old_disclosures, forget_patients
from emixcli.server.invitations import drop_old_invitations
from emixcli.server.recipients import drop_old_sessions
from emixcli.server.records import PackageRecord, ShareRecord
from emixcli.server.states import ALIVE, LIVE, UPLOADABLE, PackageState, ShareState
from emixcli.server.tables import counters, outbox, packages, parts, shares, tokens
from emixcli.server.work import SYSTEM, Exchange, live_package

_BATCH = 200


def expire(exchange: Exchange) -> int:
    """End packages and shares whose time is over, and abandoned uploads; how many ended."""
    n = 0
    abandon_ms = exchange.settings.limits.abandon_days * DAY_MS
    while True:
        with exchange.write() as work:
            old = packages.c.expires_ms <= work.now_ms
            abandoned = and_(
                packages.c.state.in_(UPLOADABLE),
                packages.c.touched_ms <= work.now_ms - abandon_ms,
            )
            query = select(packages).where(live_package(), or_(old, abandoned)).limit(_BATCH)
            rows = work.find_all(PackageRecord, query)
            for row in rows:
                work.end_package(row, PackageState.EXPIRED, actor=SYSTEM)
            n += len(rows)
            late = and_(shares.c.state.in_(ALIVE), shares.c.expires_ms <= work.now_ms)
            ended = work.find_all(ShareRecord, select(shares).where(late).limit(_BATCH))
            for share in ended:
                work.end_share(share, ShareState.EXPIRED, actor=SYSTEM)
            n += len(ended)
            drop_old_sessions(work)
            drop_old_disclosures(work)
            more = expire_requests(work)
            drop_old_invitations(work)
            work.hit(delete(tokens).where(tokens.c.expires_ms <= work.now_ms))
            # Those that somebody holds come the next time: who holds one may wait for this chain.
            free = select(counters.c.key).where(counters.c.until_ms <= work.now_ms)
            free = free.with_for_update(skip_locked=True)
            work.hit(delete(counters).where(counters.c.key.in_(free)))
        if len(rows) < _BATCH and len(ended) < _BATCH and not more:
            return n


def purge_package(exchange: Exchange, row_id: str) -> bool:
    """Remove the bytes of a package that has ended; its keys are gone since then."""
    with exchange.read() as work:
        row = work.find(PackageRecord, select(packages).where(packages.c.id == row_id))
    if row is None or row.state in LIVE:
        _forget_job(exchange, row_id)
        return False
    exchange.store.delete(row_id)
    return _mark_purged(exchange, row)


def _mark_purged(exchange: Exchange, row: PackageRecord) -> bool:
    with exchange.write() as work:
        values = {"purged_ms": work.now_ms, "reserved": 0}
        done = work.move_package(row, PackageState.PURGED, actor=SYSTEM, values=values)
        if done:
            work.hit(delete(parts).where(parts.c.package == row.id))
            forget_patients(work, row.id)
        mine = and_(outbox.c.kind == "purge", outbox.c.subject == row.id)
        work.hit(delete(outbox).where(mine))
    exchange.database.checkpoint()
    return done


def _forget_job(exchange: Exchange, row_id: str) -> None:
    with exchange.write() as work:
        mine = and_(outbox.c.kind == "purge", outbox.c.subject == row_id)
        work.hit(delete(outbox).where(mine))


def purge_now(exchange: Exchange) -> dict[str, int]:
    """Expire, purge and remove strays at once; what was done."""
    expired = expire(exchange)
    with exchange.read() as work:
        ended = packages.c.state.in_((PackageState.REVOKED, PackageState.EXPIRED))
        rows = work.all(select(packages.c.id).where(ended))
    purged = sum(purge_package(exchange, row.id) for row in rows)
    return {"expired": expired, "purged": purged, "strays": remove_strays(exchange)}


def remove_strays(exchange: Exchange) -> int:
    """Delete bytes that belong to no living package, for instance after a crash."""
    n = 0
    for key in exchange.store.iter_keys():
        with exchange.read() as work:
            row = work.one(select(packages.c.state).where(packages.c.id == key))
        if row is None or row.state == PackageState.PURGED:
            exchange.store.delete(key)
            n += 1
    return n
