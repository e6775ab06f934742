"""Shares: confirmation, hold, recall, revoke, verified addresses, idempotency, bad input."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from emixcli.container.slots import MAX_LANES, MAX_MEMORY_KIB, MAX_PASSES
from emixcli.server.tables import shares
from tests.serving import ServerThread
from tests.unit.server.api import (
    Person,
    Recipient,
    b64,
    iter_mails,
    make_slot,
    share_body,
    wait_for,
)
from tests.unit.server.conftest import PASSWORD, FrozenClock


def post(sender: Person, package_id: str, body: Any, **options: Any) -> Any:
    return sender.post(f"/v1/packages/{package_id}/shares", body, **options)


def notifications(server: ServerThread) -> list[str]:
    mails = iter_mails(server.exchange.settings.data)
    return [mail["To"] for mail in mails if mail["X-Emix-Kind"] == "notify"]


@pytest.mark.parametrize("confirm", [None, "", "dr@c.exampel", "dr@c.example, x@c.example"])
def test_a_new_address_must_be_confirmed(
    server: ServerThread, sender: Person, package_id: str, confirm: str | None
) -> None:
    refused = post(sender, package_id, share_body(confirm_email=confirm))
    assert refused.status_code == 409
    assert refused.json()["error"]["id"] == "recipient.unconfirmed"
    assert sender.ok("GET", f"/v1/packages/{package_id}")["shares"] == []
    assert notifications(server) == []


def test_an_address_is_verified_by_the_access_code_alone(
    sender: Person, package_id: str, recipient: Recipient
) -> None:
    """Using an address, or proving its mailbox, verifies nothing."""
    session = recipient.verify()["session"]
    unconfirmed = share_body(confirm_email=None, hold_s=None)
    assert post(sender, package_id, unconfirmed).status_code == 409
    recipient.open(session, bytes(32))
    assert post(sender, package_id, unconfirmed).status_code == 409
    assert recipient.open(session).status_code == 200
    again = post(sender, package_id, unconfirmed)
    assert again.status_code == 201
    assert again.json()["hold_until"] == again.json()["created"]


def contacts(person: Person, email: str) -> list[str]:
    found = person.ok("POST", "/v1/contacts:find", {"email": email})["contacts"]
    return [contact["state"] for contact in found]


def test_an_address_can_be_asked_for_before_an_upload(
    api: Any, sender: Person, recipient: Recipient
) -> None:
    session = recipient.verify()["session"]
    assert contacts(sender, "Dr@C.example") == ["notified"]
    assert recipient.open(session).status_code == 200
    assert contacts(sender, "dr@c.example") == ["verified"]
    assert contacts(sender, "dr@c.exampel") == []
    colleague, foreign = api.login("mr@a.example", PASSWORD), api.login("ct@b.example", PASSWORD)
    assert contacts(colleague, "dr@c.example") == ["verified"]
    assert contacts(foreign, "dr@c.example") == []
    for client, address, status in ((api, "dr@c.example", 401), (sender, "a@b.test,c@d.test", 400)):
        assert client.post("/v1/contacts:find", {"email": address}).status_code == status


def test_contacts_are_listed_page_by_page(api: Any, sender: Person, package_id: str) -> None:
    addresses = [f"dr{number}@c.example" for number in range(5)]
    for address in reversed(addresses):
        sender.share(package_id, address, hold_s=100)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = sender.ok("GET", f"/v1/contacts?limit=2&cursor={cursor}")
        found += [contact["email"] for contact in page["contacts"]]
        given, cursor = cursor, page["next_cursor"]
    assert found == addresses
    foreign = api.login("ct@b.example", PASSWORD)
    for person, bad in ((foreign, given), (sender, "x"), (sender, "AAAA"), (sender, "A" * 80)):
        assert person.get(f"/v1/contacts?cursor={bad}").status_code == 400


def test_the_mail_code_tells_when_the_share_ends(
    recipient: Recipient, share: dict[str, Any]
) -> None:
    verified = recipient.verify()
    assert verified["expires"] == share["expires"]
    assert verified["session_expires"] < verified["expires"]


def test_a_verified_address_of_one_organisation_is_new_to_another(
    api: Any, recipient: Recipient
) -> None:
    recipient.open(recipient.verify()["session"])
    other = api.login("ct@b.example", "correct horse battery")
    package_id = other.upload(bytes(3000))
    assert post(other, package_id, share_body(confirm_email=None)).status_code == 409


def test_recall_within_the_hold_sends_nothing(
    server: ServerThread, sender: Person, package_id: str, clock: FrozenClock
) -> None:
    share = sender.share(package_id, hold_s=None)
    path = f"/v1/shares/{share['share_id']}"
    recipient = Recipient(server.url, share["link"], server.exchange.settings.data)
    assert recipient.post(f"{recipient.path}/otp", {}).status_code == 202
    clock.forward(seconds=119)
    assert sender.ok("GET", path)["state"] == "held"
    recalled = sender.ok("POST", f"{path}:recall")
    assert (recalled["state"], recalled["mail"], recalled["link"]) == ("recalled", "none", None)
    assert sender.ok("POST", f"{path}:recall")["state"] == "recalled"
    clock.forward(hours=1)
    sentinel = sender.share(package_id, "last@c.example")
    wait_for(lambda: sender.ok("GET", f"/v1/shares/{sentinel['share_id']}")["mail"] == "sent")
    assert notifications(server) == ["last@c.example"]
    assert recipient.codes() == []
    with server.exchange.read() as work:
        row = work.one(select(shares).where(shares.c.id == share["share_id"]))
    assert row is not None
    assert (row.slot, row.proof, row.kdf) == (None, None, None)


def test_recall_is_too_late_once_the_mail_has_gone(
    sender: Person, package_id: str, clock: FrozenClock
) -> None:
    share = sender.share(package_id, hold_s=None)
    path = f"/v1/shares/{share['share_id']}"
    clock.forward(seconds=120)
    wait_for(lambda: sender.ok("GET", path)["mail"] == "sent")
    late = sender.post(f"{path}:recall")
    assert late.status_code == 410
    assert "revoke" in late.json()["error"]["hint"]
    assert sender.ok("POST", f"{path}:revoke")["state"] == "revoked"
    assert sender.post(f"{path}:resend").status_code == 410


def test_after_revoking_nothing_opens(
    sender: Person, share: dict[str, Any], recipient: Recipient
) -> None:
    code = recipient.ask()
    session = recipient.verify()["session"]
    opened = recipient.open(session).json()
    sender.ok("POST", f"/v1/shares/{share['share_id']}:revoke")
    assert recipient.open(session).status_code == 410
    assert recipient.post(f"{recipient.path}/otp:verify", {"code": code}).status_code == 403
    headers = {"Authorization": f"Bearer {opened['content']['token']}"}
    assert recipient.get(opened["content"]["url"], headers=headers).status_code == 401


def test_an_idempotency_key_makes_one_share(
    server: ServerThread, sender: Person, package_id: str
) -> None:
    headers = {"Idempotency-Key": "send-1"}
    first = post(sender, package_id, share_body(), headers=headers)
    again = post(sender, package_id, share_body(), headers=headers)
    assert first.json()["share_id"] == again.json()["share_id"]
    other = post(sender, package_id, share_body("x@c.example"), headers=headers)
    assert other.status_code == 409
    assert len(sender.ok("GET", f"/v1/packages/{package_id}")["shares"]) == 1
    wait_for(lambda: notifications(server))
    assert notifications(server) == ["dr@c.example"]


def test_resending_mails_the_same_link_again(
    server: ServerThread, sender: Person, share: dict[str, Any]
) -> None:
    path = f"/v1/shares/{share['share_id']}"
    assert sender.ok("POST", f"{path}:resend")["link"] == share["link"]
    wait_for(lambda: len(notifications(server)) == 2)


def change(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *steps, last = path.split(".")
    inner = body
    for step in steps:
        inner = inner[step]
    inner[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("purpose", "curiosity"),
        ("purpose", None),
        ("hold_s", -1),
        ("hold_s", 10**9),
        ("hold_s", "0"),
        ("auth", b64(bytes(31))),
        ("auth", "=" * 43),
        ("slot.kind", "hpke"),
        ("slot.v", 2),
        ("slot.more", "</script><script>"),
        ("slot.nonce", "</script>"),
        ("slot.wrapped", b64(bytes(47))),
        ("slot.kdf.m", 1),
        ("slot.kdf.m", MAX_MEMORY_KIB + 1),
        ("slot.kdf.t", True),
        ("slot.kdf.t", MAX_PASSES + 1),
        ("slot.kdf.p", MAX_LANES + 1),
        ("slot.kdf.salt", b64(bytes(15))),
        ("slot.kdf.salt", b64(bytes(17))),
        ("slot.kdf.salt", "a"),
        ("slot.kdf.name", "scrypt"),
        ("slot", {}),
        ("message", "free text"),
        ("recipient.name", "Dr. X"),
    ],
)
def test_what_is_not_expected_is_refused(
    sender: Person, package_id: str, path: str, value: Any
) -> None:
    body = share_body()
    assert post(sender, package_id, change(body, path, value)).status_code in {400, 422}


@pytest.mark.parametrize(
    "address",
    [
        "dr@c.example, evil@c.example",
        "dr@c.example\r\nBcc: evil@c.example",
        "dr@c.example\nevil@c.example",
        "<dr@c.example>",
        "Dr <dr@c.example>",
        '"dr x"@c.example',
        "dr@c.example;evil@c.example",
        "dr@[127.0.0.1]",
        "dr@127.0.0.1",
        "dr@localhost",
        "dr@c..example",
        ".dr@c.example",
        "dr@-c.example",
        "d\u0440@c.example",
        "dr@\u0441.example",
        "dr@c.example\x00",
        "=?utf-8?q?dr=40c=2Eexample?=",
        "",
        "a" * 65 + "@c.example",
        "a@" + "b." * 130 + "example",
    ],
)
def test_exactly_one_plain_address(
    server: ServerThread, sender: Person, package_id: str, address: str
) -> None:
    refused = post(sender, package_id, share_body(address))
    assert refused.status_code in {400, 422}
    assert "c.example" not in refused.text
    assert notifications(server) == []


def test_a_package_that_is_not_sealed_cannot_be_shared(sender: Person) -> None:
    package_id = sender.announce(1000)
    assert post(sender, package_id, share_body()).status_code == 410


def test_two_shares_have_links_and_slots_of_their_own(sender: Person, package_id: str) -> None:
    one = sender.share(package_id, "one@c.example")
    two = sender.share(package_id, "two@c.example", slot=make_slot(2))
    assert one["link"] != two["link"]
    assert len(one["link"].rpartition("/")[2]) >= 22
