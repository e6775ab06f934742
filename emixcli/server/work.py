"""One unit of work: a transaction with its time, its audit rows and its outbox rows.

Every change of state is one guarded UPDATE; only the caller whose UPDATE hit the row goes on, so
that two that race can never both win. The audit row and the work that follows from the change are
written in the same transaction: all of it happens, or none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, case, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement

from emixcli.server import audit
from emixcli.server.clock import SECOND_MS, Clock, system_clock
from emixcli.server.database import Database
from emixcli.server.records import PackageRecord, ShareRecord, T, record
from emixcli.server.settings import Settings
from emixcli.server.states import (
    ALIVE,
    LIVE,
    PACKAGE_MOVES,
    SHARE_MOVES,
    MailState,
    PackageState,
    ShareState,
)
from emixcli.server.store import Store
from emixcli.server.tables import counters, one_time_codes, outbox, packages, sessions, shares
from emixcli.server.vault import Vault

SYSTEM = "exchange"


@dataclass(frozen=True)
class Work:
    """What a use case needs inside a transaction."""

    connection: Connection
    vault: Vault
    settings: Settings
    now_ms: int

    def one(self, query: Any) -> Row[Any] | None:
        """The only row of a query, or None."""
        row: Row[Any] | None = self.connection.execute(query).one_or_none()
        return row

    def all(self, query: Any) -> list[Row[Any]]:
        """All rows of a query."""
        return list(self.connection.execute(query).all())

    def find(self, kind: type[T], query: Any) -> T | None:
        """The only row of a query as a record, or None."""
        row = self.one(query)
        return None if row is None else record(kind, row)

    def find_all(self, kind: type[T], query: Any) -> list[T]:
        """All rows of a query as records."""
        return [record(kind, row) for row in self.all(query)]

    def load(self, kind: type[T], query: Any) -> T:
        """The row of a query, which is there, as a record."""
        return record(kind, self.connection.execute(query).one())

    def hit(self, statement: Any) -> bool:
        """Run an UPDATE or DELETE; whether it changed a row."""
        return bool(self.connection.execute(statement).rowcount)

    def add(self, table: Table, values: Mapping[str, Any]) -> None:
        """Insert one row."""
        self.connection.execute(insert(table).values(**values))

    def add_new(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Insert one row unless there is one with its key; whether it was inserted.

        Where two do this at once on PostgreSQL, one waits for the other and then finds its row.
        """
        statement = self._insert(table).values(**values).on_conflict_do_nothing()
        return self.one(statement.returning(*table.primary_key.columns)) is not None

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An insertion that can say what happens where there is such a row."""
        is_postgresql = self.connection.dialect.name == "postgresql"
        return postgresql.insert(table) if is_postgresql else sqlite.insert(table)

    def audit(
        self,
        organisation_id: str,
        actor: str,
        action: str,
        subject: str,
        **detail: str | int | None,
    ) -> None:
        """Append to the organisation's audit chain."""
        event = audit.Event(actor=actor, action=action, subject=subject, detail=detail)
        audit.append(self.connection, self.vault, organisation_id, at_ms=self.now_ms, event=event)

    def count(self, kind: str, subject: str, *, span_ms: int) -> int:
        """Count one more within a time that begins with the first; how many it is.

        One statement, so that parallel ones gain nothing; the row is locked until the transaction
        ends, and its key tells nothing about the subject.
        """
        first = {
            "key": self.vault.mac("counter", kind, subject).hex(),
            "until_ms": self.now_ms + span_ms,
            "n": 1,
        }
        is_over = counters.c.until_ms <= self.now_ms
        statement = self._insert(counters).values(**first)
        more = statement.on_conflict_do_update(
            index_elements=[counters.c.key],
            set_={
                "n": case((is_over, 1), else_=counters.c.n + 1),
                "until_ms": case((is_over, first["until_ms"]), else_=counters.c.until_ms),
            },
        )
        return int(self.connection.execute(more.returning(counters.c.n)).scalar_one())

    def queue(self, kind: str, subject: str) -> None:
        """Let those who count the same rows come one after the other, each to the end.

        After a request and a contact, before shares and the audit chain: nobody waits in a ring.
        """
        self.count(f"queue/{kind}", subject, span_ms=SECOND_MS)

    def enqueue(
        self,
        kind: str,
        subject: str,
        *,
        due_ms: int = 0,
        urgent: bool = False,
        **payload: str | int,
    ) -> None:
        """Leave a job to the worker; it runs after this transaction, at `due_ms` or later.

        What is urgent comes before all else that is due.
        """
        self.add(
            outbox,
            {
                "kind": kind,
                "subject": subject,
                "payload": json.dumps(payload),
                "attempts": 0,
                "created_ms": self.now_ms,
                "due_ms": max(due_ms, self.now_ms),
                "leased_until_ms": 0,
                "urgent": urgent,
            },
        )

    def move_package(
        self,
        row: PackageRecord,
        to: PackageState,
        *,
        actor: str,
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Change a package's state where its present state allows it; False when it does not."""
        changed = self.hit(
            update(packages)
            .where(packages.c.id == row.id, packages.c.state.in_(PACKAGE_MOVES[to]))
            .values(state=to, touched_ms=self.now_ms, **(values or {}))
        )
        if changed:
            self.audit(row.organisation_id, actor, f"package.{to}", row.package_id)
        return changed

    def move_share(
        self,
        row: ShareRecord,
        to: ShareState,
        *,
        actor: str,
        values: Mapping[str, Any] | None = None,
        guard: ColumnElement[bool] | None = None,
    ) -> bool:
        """Change a share's state where its present state (and `guard`) allows it."""
        statement = update(shares).where(shares.c.id == row.id, shares.c.state.in_(SHARE_MOVES[to]))
        if guard is not None:
            statement = statement.where(guard)
        changed = self.hit(statement.values(state=to, **(values or {})))
        if changed:
            self.audit(row.organisation_id, actor, f"share.{to}", row.id)
        return changed

    def end_share(self, row: ShareRecord, to: ShareState, *, actor: str) -> bool:
        """End a share: its keys, sessions, codes and unsent mail are gone in this transaction."""
        values: dict[str, Any] = {"slot": None, "proof": None, "kdf": None}
        values["ended_ms"] = self.now_ms
        if to is ShareState.RECALLED:
            values["mail"] = MailState.NONE
        if not self.move_share(row, to, actor=actor, values=values):
            return False
        self.hit(delete(sessions).where(sessions.c.share_id == row.id))
        self.hit(delete(one_time_codes).where(one_time_codes.c.share_id == row.id))
        unsent = outbox.c.kind.in_(("notify", "otp"))
        self.hit(delete(outbox).where(outbox.c.subject == row.id, unsent))
        return True

    def end_package(self, row: PackageRecord, to: PackageState, *, actor: str) -> bool:
        """End a package: shares and keys now, bytes by the worker at once afterwards."""
        if not self.move_package(row, to, actor=actor, values={"ended_ms": self.now_ms}):
            return False
        share_state = ShareState.EXPIRED if to is PackageState.EXPIRED else ShareState.REVOKED
        mine = select(shares).where(shares.c.package == row.id, shares.c.state.in_(ALIVE))
        for share in self.find_all(ShareRecord, mine):
            self.end_share(share, share_state, actor=actor)
        self.enqueue("purge", row.id)
        return True


@dataclass(frozen=True)
class Exchange:
    """All that the use cases share."""

    settings: Settings
    database: Database
    store: Store
    vault: Vault
    clock: Clock = field(default=system_clock)

    @contextmanager
    def read(self) -> Iterator[Work]:
        """A unit of work that changes nothing."""
        with self.database.read() as connection:
            yield self._work(connection)

    @contextmanager
    def write(self) -> Iterator[Work]:
        """A unit of work that is durable when the block ends without an error."""
        with self.database.write() as connection:
            yield self._work(connection)

    def _work(self, connection: Connection) -> Work:
        return Work(connection, self.vault, self.settings, self.clock())


def live_package() -> ColumnElement[bool]:
    """Packages that have not ended."""
    return packages.c.state.in_(LIVE)
