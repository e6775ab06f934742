"""The audit trail, read by those who may, and checked by them and not by the exchange."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from emixcli.errors import AuditBrokenError, ForbiddenError, UsageError
from emixcli.exchange import auditlog
from emixcli.exchange.auditing import AuditFilter, iter_audit
from emixcli.exchange.http import HttpExchange
from emixcli.exchange.transport import Transport
from emixcli.server.audit import find_head, verify_chain
from emixcli.server.tables import audit, audit_heads
from emixcli.services.audit import iter_entries, verify_audit, verify_file
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person
from tests.unit.server.conftest import PASSWORD

Harm = Callable[[Any, str], None]


def client_of(server: ServerThread, email: str) -> HttpExchange:
    client = HttpExchange(Transport(server.url))
    return HttpExchange(client.transport, token=client.login(email, PASSWORD).token)


@pytest.fixture
def auditor(server: ServerThread, share: dict[str, Any]) -> HttpExchange:
    """An auditor of hospital A, whose trail has some rows."""
    del share
    return client_of(server, "audit@a.example")


def mine(organisation_id: str, seq: int) -> Any:
    return (audit.c.organisation_id == organisation_id) & (audit.c.seq == seq)


def change(work: Any, own: str) -> None:
    work.hit(update(audit).where(mine(own, 3)).values(detail='{"role":"admin"}'))


def change_actor(work: Any, own: str) -> None:
    work.hit(update(audit).where(mine(own, 4)).values(actor="somebody"))


def remove(work: Any, own: str) -> None:
    work.hit(delete(audit).where(mine(own, 3)))


def remove_first(work: Any, own: str) -> None:
    work.hit(delete(audit).where(mine(own, 1)))


def swap(work: Any, own: str) -> None:
    for old, new in ((3, -1), (4, 3), (-1, 4)):
        work.hit(update(audit).where(mine(own, old)).values(seq=new))


def put_between(work: Any, own: str) -> None:
    last = work.one(
        select(audit.c.seq).where(audit.c.organisation_id == own).order_by(-audit.c.seq).limit(1)
    ).seq
    for seq in range(last, 2, -1):
        work.hit(update(audit).where(mine(own, seq)).values(seq=seq + 1))
    copy = dict(work.one(select(audit).where(mine(own, 2)))._mapping)
    work.connection.execute(insert(audit).values(copy | {"seq": 3}))


def put_behind(work: Any, own: str) -> None:
    head = find_head(work.connection, work.vault, own)
    copy = dict(work.one(select(audit).where(mine(own, 2)))._mapping)
    row = auditlog.AuditRow(
        head.seq + 1, copy["at_ms"], copy["actor"], copy["action"], copy["subject"],
        copy["detail"], "",
    )  # fmt: skip
    digest = auditlog.link(head.hash, own, row)
    work.connection.execute(insert(audit).values(copy | {"seq": row.seq, "hash": digest}))


def remove_last(work: Any, own: str) -> None:
    head = find_head(work.connection, work.vault, own)
    work.hit(delete(audit).where(mine(own, head.seq)))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (change, "row 3 was changed"),
        (change_actor, "row 4 was changed"),
        (remove, "row 3 is missing"),
        (remove_first, "row 1 is missing"),
        (swap, "row 3 was changed"),
        (put_between, "row 3 was changed"),
        (put_behind, "was added"),
        (remove_last, "on are missing"),
    ],
)
def test_the_first_broken_row_is_named(
    server: ServerThread, auditor: HttpExchange, harm: Harm, words: str
) -> None:
    whole = verify_audit(auditor, page_size=3)
    assert whole.seq > 8
    own = whole.organisation_id
    with server.exchange.write() as work:
        harm(work, own)
    with server.exchange.read() as work:
        assert words in str(verify_chain(work.connection, work.vault, own))
    with pytest.raises(AuditBrokenError, match=words):
        verify_audit(auditor, page_size=1000)


def _rewind(server: ServerThread, own: str, kept: Any) -> None:
    """Bring back rows and head of an earlier time, seal and all, as a restored copy does."""
    with server.exchange.write() as work:
        behind = (audit.c.organisation_id == own) & (audit.c.seq > kept.seq)
        work.hit(delete(audit).where(behind))
        head = update(audit_heads).where(audit_heads.c.organisation_id == own)
        work.hit(head.values(seq=kept.seq, hash=kept.hash, seal=kept.seal))


def test_a_trail_that_grows_meanwhile_is_whole(server: ServerThread, auditor: HttpExchange) -> None:
    own = verify_audit(auditor).organisation_id
    with ThreadPoolExecutor(1) as pool:
        # each reading is a row as well
        reading = pool.submit(lambda: [verify_audit(auditor) for _ in range(20)])
        while not reading.done():
            with server.exchange.read() as work:
                assert verify_chain(work.connection, work.vault, own) is None
        reading.result()


def test_an_older_state_of_the_database_is_found_by_who_saw_more(
    server: ServerThread, auditor: HttpExchange
) -> None:
    own = verify_audit(auditor).organisation_id
    with server.exchange.read() as work:
        kept = work.one(select(audit_heads).where(audit_heads.c.organisation_id == own))
    for _ in range(3):
        seen = verify_audit(auditor)
    _rewind(server, own, kept)
    with server.exchange.read() as work:
        # The exchange itself cannot tell: link and seal are right.
        assert verify_chain(work.connection, work.vault, own) is None
    with pytest.raises(AuditBrokenError, match=f"{seen.seq} were seen"):
        verify_audit(auditor)


def test_a_trail_that_grew_differently_is_found(
    server: ServerThread, auditor: HttpExchange
) -> None:
    own = verify_audit(auditor).organisation_id
    with server.exchange.read() as work:
        kept = work.one(select(audit_heads).where(audit_heads.c.organisation_id == own))
    seen = [verify_audit(auditor) for _ in range(2)][-1]
    _rewind(server, own, kept)
    for _ in range(4):
        Person(server.url, "").call("POST", "/v1/login", {"email": "ct@a.example", "password": "x"})
    with pytest.raises(AuditBrokenError, match=f"row {seen.seq} is not the one"):
        verify_audit(auditor)


def test_only_administrators_and_auditors_read_their_own(
    server: ServerThread, auditor: HttpExchange, api: Api
) -> None:
    assert api.get("/v1/audit").status_code == 401
    with pytest.raises(ForbiddenError):
        verify_audit(client_of(server, "ct@a.example"))
    ours = {entry.row.hash for entry in iter_entries(auditor, AuditFilter())}
    admin = client_of(server, "admin@a.example")
    assert ours <= {entry.row.hash for entry in iter_entries(admin, AuditFilter())}
    other = client_of(server, "admin@b.example")
    theirs = [*iter_entries(other, AuditFilter())]
    assert theirs
    assert not ours & {entry.row.hash for entry in theirs}
    text = json.dumps([entry.as_json() for entry in theirs])
    assert "@a.example" not in text


def test_an_auditor_sends_nothing(api: Api, package_id: str) -> None:
    auditor = api.login("audit@a.example", PASSWORD)
    body = {"package_id": package_id, "part_size": 1024, "size_bound": 10}
    assert auditor.post("/v1/packages", body).status_code == 403
    assert auditor.get(f"/v1/packages/{package_id}").status_code == 404
    assert auditor.get("/v1/packages").json()["packages"] == []


def test_filters_and_pages(
    server: ServerThread, auditor: HttpExchange, share: dict[str, Any], clock: Any
) -> None:
    everything = [*iter_entries(auditor, AuditFilter())]
    pages = [*iter_audit(auditor, AuditFilter(subject=share["share_id"]), page_size=1)]
    assert [len(page.rows) for page in pages] == [1] * len(pages)
    actions = [page.rows[0].action for page in pages]
    assert actions[:2] == ["share.created", "share.notified"]
    kinds = [e.row.action for e in iter_entries(auditor, AuditFilter(action="share"))]
    assert kinds == [e.row.action for e in everything if e.row.action.startswith("share.")]
    assert [*iter_entries(auditor, AuditFilter(action="shar"))] == []
    assert [*iter_entries(auditor, AuditFilter(actor="recipient"))] == []
    ours = [*iter_entries(auditor, AuditFilter(actor="audit@a.example"))]
    assert {e.name_of(e.row.actor) for e in ours} == {"audit@a.example"}
    assert [*iter_entries(auditor, AuditFilter(actor="Audit@A.example"))]
    assert [*iter_entries(auditor, AuditFilter(actor="nobody@a.example"))] == []
    clock.forward(days=1)
    later = everything[-1].at.replace("Z", "+00:00")
    after = [*iter_entries(auditor, AuditFilter(until=later))]
    assert after == []
    reads = [*iter_entries(auditor, AuditFilter(action="audit"))]
    assert len(reads) >= 3
    assert all(e.name_of(e.row.actor) == "audit@a.example" for e in reads)
    assert server.exchange is not None


def test_an_export_is_checked_without_the_exchange(auditor: HttpExchange, tmp_path: Path) -> None:
    entries = [*iter_entries(auditor, AuditFilter())]
    lines = [json.dumps(entry.as_json()) for entry in entries]
    path = tmp_path / "trail.jsonl"
    path.write_text("\n".join(lines) + "\n")
    assert verify_file(path).seq == len(lines)
    path.write_text("\n".join([*lines[:4], *lines[5:]]) + "\n")
    with pytest.raises(AuditBrokenError, match="row 5 is missing"):
        verify_file(path)
    path.write_text("\n".join(lines).replace("account.added", "account.gone", 1))
    with pytest.raises(AuditBrokenError, match="row 1 was changed"):
        verify_file(path)
    for bad in ("", "[]\n", "{}\n", '{"seq": "x"}\n', "\x00\n"):
        path.write_text(bad)
        with pytest.raises(UsageError):
            verify_file(path)
