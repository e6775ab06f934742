"""What became of the mails with links, and that none goes to an address that was blocked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emixcli.server.settings import Limits, Settings
from tests.running import Result, run_here
from tests.unit.server.api import Api, Person, wait_for
from tests.unit.server.asking import publish
from tests.unit.server.conftest import PASSWORD, FrozenClock
from tests.unit.server.mailbox import Mailbox

LATER = "451 later"


@pytest.fixture
def settings(make_settings: Callable[..., Settings], mailbox: Mailbox) -> Settings:
    return make_settings(mail=mailbox.settings, limits=Limits(min_part_size=1024))


@pytest.fixture
def admin(api: Api) -> Person:
    return api.login("admin@a.example", PASSWORD)


@pytest.fixture
def run_emix(sender: Person, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`emix` with the login of the sender."""
    monkeypatch.setenv("EMIX_EXCHANGE_URL", sender.url)
    monkeypatch.setenv("EMIX_TOKEN", str(sender.session.headers["Authorization"])[7:])
    return run_here


def rows(admin: Person, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.ok("GET", f"/v1/audit?action={action}")["rows"]
    return found


def test_a_link_that_waits_does_not_go_to_an_address_that_was_blocked(
    mailbox: Mailbox,
    admin: Person,
    sender: Person,
    package_id: str,
    clock: FrozenClock,
    run_emix: Callable[..., Result],
) -> None:
    mailbox.answers = [LATER]
    share = sender.share(package_id)
    path = f"/v1/shares/{share['share_id']}"
    wait_for(lambda: mailbox.n_asked == 1)
    admin.ok("POST", "/v1/contacts:block", {"email": "dr@c.example"})
    assert sender.ok("GET", path)["mail"] == "queued"
    clock.forward(minutes=2)
    wait_for(lambda: sender.ok("GET", path)["mail"] == "blocked")
    assert mailbox.taken == []
    assert "mail     not sent: blocked\n" in run_emix("status", package_id).stdout
    assert [row["subject"] for row in rows(admin, "share.withheld")] == [share["share_id"]]
    assert sender.post(f"{path}:resend").status_code == 409
    admin.ok("POST", "/v1/contacts:unblock", {"email": "dr@c.example"})
    assert sender.ok("POST", f"{path}:resend")["mail"] == "queued"
    wait_for(lambda: sender.ok("GET", path)["mail"] == "sent")
    assert [envelope.rcpt_tos for envelope in mailbox.taken] == [["dr@c.example"]]


def test_an_invitation_that_waits_does_not_go_to_an_address_that_was_blocked(
    mailbox: Mailbox, admin: Person, sender: Person, clock: FrozenClock
) -> None:
    publish(sender)
    mailbox.answers = [LATER]
    address = "jo@home.example"
    made = sender.ok("POST", "/v1/invitations", {"email": address, "confirm_email": address})
    wait_for(lambda: mailbox.n_asked == 1)
    admin.ok("POST", "/v1/contacts:block", {"email": address})
    clock.forward(minutes=2)
    wait_for(lambda: rows(admin, "request.withheld"))
    (seen,) = sender.ok("GET", "/v1/invitations")["invitations"]
    assert seen["mail"] == "blocked"
    assert rows(admin, "request.withheld")[0]["subject"] == made["invitation_id"]
    assert mailbox.taken == []


def test_whoever_invited_is_told_of_a_mail_that_was_refused(
    api: Api, mailbox: Mailbox, admin: Person, sender: Person, run_emix: Callable[..., Result]
) -> None:
    publish(sender)
    mailbox.answers = ["550 no such user"]
    address = "jo@home.example"
    made = sender.ok("POST", "/v1/invitations", {"email": address, "confirm_email": address})
    assert made["mail"] == "queued"
    wait_for(lambda: mailbox.taken)
    (told,) = mailbox.taken
    assert told.rcpt_tos == ["ct@a.example"]
    assert isinstance(told.content, bytes)
    assert made["invitation_id"].encode() in told.content
    assert b"home.example" not in told.content
    failed = {**made, "mail": "failed"}
    for person in (sender, admin):
        assert person.ok("GET", "/v1/invitations")["invitations"] == [failed]
    for email in ("mr@a.example", "admin@b.example", "audit@a.example"):
        assert api.login(email, PASSWORD).ok("GET", "/v1/invitations")["invitations"] == []
    assert [row["subject"] for row in rows(admin, "request.undelivered")] == [made["invitation_id"]]
    shown = run_emix("requests").stdout
    assert "jo@home.example" in shown
    assert "not sent: its mail server refused it" in shown
    (listed,) = run_emix("requests", "--json").document["invitations"]
    assert listed["mail"] == "failed"
    shown = run_emix("request", "show", made["invitation_id"]).stdout
    assert "mail        not sent: its mail server refused it\n" in shown
    told_json = run_emix("request", "show", made["invitation_id"], "--json").document
    assert (told_json["recipient"], told_json["mail"]) == (address, "failed")
    assert rows(admin, "object.refused") == []
    assert run_emix("requests", "--state", "open", "--json").document["invitations"] == []


def test_invitations_page_by_page(sender: Person, clock: FrozenClock) -> None:
    publish(sender)
    made = []
    for name in ("a", "b", "c", "d", "e"):
        address = f"{name}{name}@home.example"
        body = {"email": address, "confirm_email": address}
        made.append(sender.ok("POST", "/v1/invitations", body)["invitation_id"])
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = sender.ok("GET", f"/v1/invitations?limit=2&cursor={cursor}")
        found += [one["invitation_id"] for one in page["invitations"]]
        cursor = page["next_cursor"]
    assert sorted(found) == sorted(made)
    assert len(found) == 5
    sender.call("DELETE", f"/v1/invitations/{made[0]}")
    assert len(sender.ok("GET", "/v1/invitations")["invitations"]) == 4
    clock.forward(days=15)
    assert sender.ok("GET", "/v1/invitations")["invitations"] == []
