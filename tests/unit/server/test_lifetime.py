"""Expiry, purge, abandoned uploads, stray bytes, the audit chain, `check`; with a frozen clock."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, select, text, update

from emixcli.exchange import auditlog
from emixcli.server import audit
from emixcli.server.check import check_exchange
from emixcli.server.housekeeping import expire, purge_now
from emixcli.server.tables import audit as audit_table
from emixcli.server.tables import audit_heads, metadata, organisations, shares
from tests.serving import ServerThread
from tests.unit.server.api import Person, Recipient, make_content, wait_for
from tests.unit.server.conftest import LIMITS, FrozenClock


def state(sender: Person, package_id: str) -> str:
    return str(sender.ok("GET", f"/v1/packages/{package_id}")["state"])


def keys(server: ServerThread) -> list[str]:
    return list(server.exchange.store.iter_keys())


def login_again(sender: Person) -> None:
    body = {"email": "ct@a.example", "password": "correct horse battery"}
    sender.session.headers["Authorization"] = (
        f"Bearer {sender.ok('POST', '/v1/login', body)['token']}"
    )


def test_a_package_ends_after_thirty_days_to_the_millisecond(
    server: ServerThread,
    sender: Person,
    recipient: Recipient,
    package_id: str,
    clock: FrozenClock,
) -> None:
    opened = recipient.open(recipient.verify()["session"]).json()
    clock.forward(days=LIMITS.life_days, seconds=-0.001)
    login_again(sender)
    assert expire(server.exchange) == 0
    assert sender.get(f"/v1/packages/{package_id}/content").status_code == 200
    clock.forward(seconds=0.001)
    # Refused at once, before anything was swept.
    assert sender.get(f"/v1/packages/{package_id}/content").status_code == 410
    headers = {"Authorization": f"Bearer {opened['content']['token']}"}
    assert recipient.get(opened["content"]["url"], headers=headers).status_code == 401
    purge_now(server.exchange)
    assert state(sender, package_id) == "purged"
    assert keys(server) == []
    with server.exchange.read() as work:
        row = work.one(select(shares))
        assert row is not None
        assert (row.state, row.slot, row.proof) == ("expired", None, None)
    assert list(check_exchange(server.exchange, full=True)) == []


def test_the_worker_sweeps_by_itself(
    server: ServerThread, sender: Person, package_id: str, clock: FrozenClock
) -> None:
    clock.forward(days=LIMITS.life_days)
    login_again(sender)
    wait_for(lambda: state(sender, package_id) == "purged")
    assert keys(server) == []


def test_an_abandoned_upload_is_removed(
    server: ServerThread, sender: Person, clock: FrozenClock
) -> None:
    package_id = sender.announce(2048)
    sender.send_parts(package_id, bytes(1024))
    clock.forward(days=LIMITS.abandon_days, seconds=-1)
    assert purge_now(server.exchange)["purged"] == 0
    clock.forward(seconds=1)
    purge_now(server.exchange)
    assert state(sender, package_id) == "purged"
    assert keys(server) == []


def test_bytes_without_a_package_are_removed(server: ServerThread, package_id: str) -> None:
    server.exchange.store.begin("0" * 26)
    assert any("no package" in problem for problem in check_exchange(server.exchange))
    assert purge_now(server.exchange)["strays"] == 1
    assert len(keys(server)) == 1
    assert list(check_exchange(server.exchange)) == []


def test_a_half_deleted_object_is_finished(
    server: ServerThread, sender: Person, package_id: str
) -> None:
    """As after a kill between the state and the bytes."""
    objects = server.exchange.settings.data / "store" / "objects"
    folder = next(objects.iterdir())
    folder.rename(folder.with_name(f"{folder.name}.partial"))
    sender.ok("DELETE", f"/v1/packages/{package_id}")
    wait_for(lambda: state(sender, package_id) == "purged")
    assert keys(server) == []


@pytest.mark.parametrize("harm", ["byte", "length", "missing"])
def test_check_finds_changed_files(server: ServerThread, package_id: str, harm: str) -> None:
    objects = server.exchange.settings.data / "store" / "objects"
    part = next(next(objects.iterdir()).glob("00002.*"))
    content = bytearray(part.read_bytes())
    content[7] ^= 1
    if harm == "byte":
        part.write_bytes(content)
    elif harm == "length":
        part.write_bytes(content[:-1])
    else:
        part.unlink()
    problems = list(check_exchange(server.exchange, full=True))
    assert len(problems) == 1
    assert package_id in problems[0]


@pytest.mark.parametrize("is_right", [True, False])
def test_check_compares_the_digest_of_the_whole(
    server: ServerThread, sender: Person, is_right: bool
) -> None:
    content = make_content(5000)
    package_id = sender.announce(len(content))
    parts = sender.send_parts(package_id, content)
    sealed = hashlib.sha256(content if is_right else content[1:]).hexdigest()
    assert sender.seal(package_id, parts, sha256=sealed).status_code == 200
    problems = list(check_exchange(server.exchange, full=True))
    assert [package_id in problem for problem in problems] == ([] if is_right else [True])


def test_the_chain_is_whole(server: ServerThread, recipient: Recipient) -> None:
    recipient.open(recipient.verify()["session"])
    with server.exchange.read() as work:
        rows = work.all(select(audit_table.c.action).order_by(audit_table.c.seq))
    actions = [row.action for row in rows]
    for action in ("package.sealed", "share.created", "share.notified", "share.opened"):
        assert action in actions
    assert list(check_exchange(server.exchange)) == []


def rebuild(work: Any, organisation_id: str) -> None:
    """What a thief of the database can do: make every hash right again."""
    previous = auditlog.GENESIS
    for row in list(audit.iter_rows(work.connection, organisation_id)):
        previous = auditlog.link(previous, organisation_id, row)
        mine = (audit_table.c.seq == row.seq) & (audit_table.c.organisation_id == organisation_id)
        work.hit(update(audit_table).where(mine).values(hash=previous))
    head = audit_heads.c.organisation_id == organisation_id
    work.hit(update(audit_heads).where(head).values(hash=previous))


@pytest.mark.parametrize("cover_up", [False, True])
@pytest.mark.parametrize("harm", ["change", "remove", "remove last", "swap", "head"])
def test_tampering_is_found(
    server: ServerThread, share: dict[str, Any], harm: str, cover_up: bool
) -> None:
    table = audit_table
    with server.exchange.write() as work:
        owner = work.one(select(organisations.c.id).where(organisations.c.name == "Hospital A"))
        assert owner is not None
        mine = table.c.organisation_id == owner.id
        last = max(row.seq for row in work.all(select(table.c.seq).where(mine)))
        third = mine & (table.c.seq == 3)
        if harm == "change":
            work.hit(update(table).where(third).values(actor="nobody"))
        elif harm == "remove":
            work.hit(delete(table).where(third))
        elif harm == "remove last":
            work.hit(delete(table).where(mine, table.c.seq == last))
        elif harm == "swap":
            work.hit(update(table).where(third).values(seq=10_000))
            work.hit(update(table).where(mine, table.c.seq == 4).values(seq=3))
            work.hit(update(table).where(mine, table.c.seq == 10_000).values(seq=4))
        else:
            head = audit_heads.c.organisation_id == owner.id
            work.hit(update(audit_heads).where(head).values(seq=last - 1))
        if cover_up:
            rebuild(work, owner.id)
    problems = list(check_exchange(server.exchange))
    assert len(problems) == 1
    assert "audit" in problems[0]


def test_the_migrations_make_the_tables_of_the_code(server: ServerThread) -> None:
    with server.exchange.read() as work:
        context = MigrationContext.configure(work.connection)
        assert compare_metadata(context, metadata) == []


def test_what_was_answered_survives_a_power_loss(server: ServerThread) -> None:
    if not server.exchange.database.is_sqlite:
        pytest.skip("settings of SQLite")
    with server.exchange.read() as work:
        values = {
            name: work.connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    expected = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    assert values == expected
