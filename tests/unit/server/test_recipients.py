"""Several recipients, shares that open so often and no more, urgent ones; recipients with keys."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from emixcli.container.encoding import new_package_id
from emixcli.container.identity import Identity, new_identity
from emixcli.container.slots import make_hpke_slot, open_hpke_slot
from tests.serving import ServerThread
from tests.unit.server.api import (
    WRONG,
    Api,
    Person,
    Recipient,
    iter_mails,
    make_content,
    share_body,
    wait_for,
)
from tests.unit.server.conftest import PASSWORD, FrozenClock

KEY = bytes(range(32))


def notified(person: Person, share: dict[str, Any]) -> None:
    url = f"/v1/shares/{share['share_id']}"
    wait_for(lambda: person.ok("GET", url)["mail"] == "sent")


def opened_by(server: ServerThread, share: dict[str, Any]) -> Recipient:
    return Recipient(server.url, share["link"], server.exchange.settings.data)


def test_each_recipient_has_a_state_and_an_end_of_their_own(
    server: ServerThread, sender: Person, package_id: str
) -> None:
    one, other = sender.share(package_id, "dr@c.example"), sender.share(package_id, "eye@d.example")
    for share in (one, other):
        notified(sender, share)
    with opened_by(server, one) as first, opened_by(server, other) as second:
        session = first.verify()["session"]
        assert first.open(session).status_code == 200
        sender.ok("POST", f"/v1/shares/{one['share_id']}:revoke", {})
        assert first.open(session).status_code == 410
        assert second.open(second.verify()["session"]).status_code == 200
    shares = sender.ok("GET", f"/v1/packages/{package_id}")["shares"]
    assert {share["recipient"]: share["state"] for share in shares} == {
        "dr@c.example": "revoked",
        "eye@d.example": "opened",
    }


def test_two_hundred_parallel_opens_against_a_limit_of_five_are_five(
    server: ServerThread, sender: Person, package_id: str
) -> None:
    share = sender.share(package_id, max_opens=5)
    notified(sender, share)
    with opened_by(server, share) as recipient:
        session = recipient.verify()["session"]
        recipient.open(session, WRONG)
        barrier = threading.Barrier(20)

        def open_ten(_n: int) -> list[int]:
            barrier.wait()
            with opened_by(server, share) as one:
                return [one.open(session).status_code for _ in range(10)]

        with ThreadPoolExecutor(20) as pool:
            codes = [code for found in pool.map(open_ten, range(20)) for code in found]
    assert len(codes) == 200
    assert codes.count(200) == 5
    assert codes.count(410) == 195
    found = sender.ok("GET", f"/v1/shares/{share['share_id']}")
    assert (found["opens"], found["max_opens"], found["tries_left"]) == (5, 5, 4)
    assert found["state"] == "opened"


def test_a_share_ends_when_its_sender_says(
    server: ServerThread, sender: Person, package_id: str, clock: FrozenClock
) -> None:
    share = sender.share(package_id, expires_s=3600)
    long = sender.share(package_id, "eye@d.example", expires_s=30 * 86400, hold_s=600)
    package = sender.ok("GET", f"/v1/packages/{package_id}")
    assert share["expires"] < package["expires"]
    assert long["expires"] == package["expires"]
    notified(sender, share)
    with opened_by(server, share) as recipient:
        token = recipient.open(recipient.verify()["session"]).json()["content"]["token"]
        url = f"/v1/packages/{package_id}/content"
        bearer = {"Authorization": f"Bearer {token}"}
        assert recipient.get(url, headers=bearer).status_code == 200
        clock.forward(minutes=60)
        assert recipient.get(url, headers=bearer).status_code == 401
    for bad in ({"expires_s": 1}, {"max_opens": 0}, {"urgent": "yes"}):
        assert sender.post(f"/v1/packages/{package_id}/shares", share_body(**bad)).ok is False


def test_urgent_mails_go_first_and_are_marked(
    server: ServerThread, sender: Person, package_id: str, clock: FrozenClock
) -> None:
    for n in range(25):
        sender.share(package_id, f"{'abcdefghijklmnopqrstuvwxyz'[n] * 6}@c.example", hold_s=60)
    urgent = sender.share(package_id, "zebra@emergency.example", hold_s=60, urgent=True)
    clock.forward(seconds=60)
    server.site.wake()
    wait_for(lambda: len([*iter_mails(server.exchange.settings.data)]) == 26)
    mails = [*iter_mails(server.exchange.settings.data)]
    place = [str(mail["To"]) for mail in mails].index("zebra@emergency.example")
    # Leased first; the mails of one lease are sent at the same time.
    assert place < 20
    assert mails[place]["Subject"] == "Urgent: Images are ready for you"
    assert mails[place]["Importance"] == "high"
    assert {mail["Importance"] for mail in mails} == {"high", None}
    assert sender.ok("GET", f"/v1/shares/{urgent['share_id']}")["urgent"] is True


def test_revoking_stops_whoever_is_reading(
    server: ServerThread, sender: Person, package_id: str
) -> None:
    """A viewer reads by ranges, with a token that lives for hours: the next range is refused."""
    share = sender.share(package_id)
    notified(sender, share)
    with opened_by(server, share) as recipient:
        found = recipient.open(recipient.verify()["session"]).json()["content"]
        headers = {"Authorization": f"Bearer {found['token']}", "Range": "bytes=0-99"}
        assert recipient.get(found["url"], headers=headers).status_code == 206
        sender.ok("POST", f"/v1/shares/{share['share_id']}:revoke", {})
        assert recipient.get(found["url"], headers=headers).status_code == 401


# -- recipients with an account and a key ---------------------------------------------------------


def publish(person: Person) -> Identity:
    identity = new_identity()
    body = {"public_key": identity.public.to_json().decode()}
    assert person.ok("PUT", "/v1/keys/own", body)["fingerprint"] == identity.fingerprint()
    return identity


def sealed_body(package_id: str, identity: Identity, email: str, **more: Any) -> dict[str, Any]:
    slot = make_hpke_slot(identity.public, KEY, package_id=package_id)
    return {**share_body(email), "slot": slot, "auth": None, **more}


def share_sealed(sender: Person, package_id: str, identity: Identity, **more: Any) -> Any:
    body = sealed_body(package_id, identity, "ct@b.example", **more)
    return sender.ok("POST", f"/v1/packages/{package_id}/shares", body)


@pytest.fixture
def colleague(api: Api) -> Person:
    return api.login("ct@b.example", PASSWORD)


def test_a_sealed_package_arrives_in_the_inbox_alone(
    server: ServerThread, api: Api, sender: Person, package_id: str, colleague: Person
) -> None:
    identity = publish(colleague)
    found = sender.ok("POST", "/v1/keys:find", {"email": "CT@b.example"})
    assert found["fingerprint"] == identity.fingerprint()
    share = share_sealed(sender, package_id, identity)
    assert (share["link"], share["by_key"]) == (None, True)
    notified(sender, share)
    (item,) = colleague.ok("GET", "/v1/inbox")["inbox"]
    assert (item["share_id"], item["organisation"]) == (share["share_id"], "Hospital A")
    for other in ("ct@a.example", "admin@b.example", "mr@a.example"):
        person = api.login(other, PASSWORD)
        assert person.ok("GET", "/v1/inbox")["inbox"] == []
        refused = person.post(f"/v1/inbox/{share['share_id']}:open", {})
        unknown = person.post(f"/v1/inbox/{new_package_id()}:open", {})
        assert refused.status_code == unknown.status_code == 404
        assert refused.content == unknown.content
    opened = colleague.ok("POST", f"/v1/inbox/{share['share_id']}:open", {})
    assert open_hpke_slot(opened["slot"], identity, package_id=package_id) == KEY
    bearer = {"Authorization": f"Bearer {opened['content']['token']}"}
    assert requests.get(opened["content"]["url"], headers=bearer, timeout=30).status_code == 200
    assert sender.ok("GET", f"/v1/shares/{share['share_id']}")["state"] in {"opened", "downloaded"}
    contact = sender.ok("POST", "/v1/contacts:find", {"email": "ct@b.example"})["contacts"][0]
    assert contact["state"] == "verified"
    (mail,) = [m for m in iter_mails(server.exchange.settings.data) if m["X-Emix-Kind"] == "inbox"]
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert f"emix download {share['share_id']}".encode() in text
    assert b"/r/" not in text


def test_who_has_an_account_is_named_in_every_row(
    api: Api, sender: Person, colleague: Person
) -> None:
    content = make_content(20_000)
    package_id = sender.announce(len(content))
    parts = sender.send_parts(package_id, content)
    # A slot of this kind needs the room that a real page has.
    sealed = sender.seal(package_id, parts, slots={"offset": 100, "length": 16384})
    assert sealed.status_code == 200
    share = share_sealed(sender, package_id, publish(colleague))
    notified(sender, share)
    opened = colleague.ok("POST", f"/v1/inbox/{share['share_id']}:open", {})
    # The connection closes at once after the last byte.
    assert requests.get(opened["copy"]["url"], timeout=30).status_code == 200
    path = f"/v1/shares/{share['share_id']}"
    wait_for(lambda: sender.ok("GET", path)["state"] == "downloaded")
    admin = api.login("admin@a.example", PASSWORD)
    answer = admin.ok("GET", "/v1/audit", params={"subject": share["share_id"]})
    account = colleague.ok("GET", "/v1/account")["account"]["id"]
    theirs = [row["action"] for row in answer["rows"] if row["actor"] == account]
    assert theirs == [
        "share.verified",
        "share.opened",
        "share.access_granted",
        "share.downloaded",
    ]
    assert "recipient" not in {row["actor"] for row in answer["rows"]}


def test_a_sealed_share_has_no_link_that_works(
    server: ServerThread, sender: Person, package_id: str, colleague: Person
) -> None:
    share = share_sealed(sender, package_id, publish(colleague))
    notified(sender, share)
    token = server.exchange.vault.link_token(share["share_id"])
    n = len([*iter_mails(server.exchange.settings.data)])
    assert sender.post(f"/r/{token}/otp", {}).status_code == 202
    assert sender.post(f"/r/{token}/otp:verify", {"code": "000000"}).status_code == 403
    assert len([*iter_mails(server.exchange.settings.data)]) == n


def test_nothing_arrives_before_the_hold_is_over_or_after_the_end(
    sender: Person, package_id: str, colleague: Person
) -> None:
    identity = publish(colleague)
    held = share_sealed(sender, package_id, identity, hold_s=600)
    assert colleague.ok("GET", "/v1/inbox")["inbox"] == []
    assert colleague.post(f"/v1/inbox/{held['share_id']}:open", {}).status_code == 404
    sender.ok("POST", f"/v1/shares/{held['share_id']}:recall", {})
    sent = share_sealed(sender, package_id, identity, max_opens=1)
    notified(sender, sent)
    url = f"/v1/inbox/{sent['share_id']}:open"
    assert colleague.post(url, {}).status_code == 200
    assert colleague.post(url, {}).status_code == 410
    sender.ok("POST", f"/v1/shares/{sent['share_id']}:revoke", {})
    assert colleague.post(url, {}).status_code == 404
    assert colleague.ok("GET", "/v1/inbox")["inbox"] == []


def test_sealed_for_another_key_is_refused(
    sender: Person, package_id: str, colleague: Person
) -> None:
    url = f"/v1/packages/{package_id}/shares"
    stranger = new_identity()
    assert sender.post(url, sealed_body(package_id, stranger, "ct@b.example")).status_code == 409
    old = publish(colleague)
    publish(colleague)
    assert sender.post(url, sealed_body(package_id, old, "ct@b.example")).status_code == 409
    colleague.call("DELETE", "/v1/keys/own")
    for email in ("ct@b.example", "nobody@b.example"):
        assert sender.post("/v1/keys:find", {"email": email}).status_code == 404
    good = sealed_body(package_id, stranger, "ct@b.example")
    for bad in (
        {"auth": share_body()["auth"]},
        {"slot": {**good["slot"], "suite": "rot13"}},
        {"slot": {**good["slot"], "fingerprint": "<b>"}},
        {"slot": {**good["slot"], "enc+ct": "<b>"}},
        {"slot": {**good["slot"], "enc+ct": "AAAA"}},
    ):
        assert sender.post(url, {**good, **bad}).status_code in {400, 422}
    assert sender.post(url, {**share_body(), "auth": None}).status_code == 422
    text = {"public_key": '{"emix": "public-key"}'}
    assert colleague.call("PUT", "/v1/keys/own", text).status_code == 400


def test_another_key_than_the_contacts_have_is_refused(
    sender: Person, package_id: str, colleague: Person
) -> None:
    identity = publish(colleague)
    contact = {"email": "ct@b.example", "fingerprint": "ab" * 20}
    sender.ok("POST", "/v1/contacts", contact)
    body = sealed_body(package_id, identity, "ct@b.example")
    refused = sender.post(f"/v1/packages/{package_id}/shares", body)
    assert refused.status_code == 409
    assert refused.json()["error"]["id"] == "recipient.unconfirmed"
    sender.ok("POST", "/v1/contacts", {**contact, "fingerprint": identity.fingerprint()})
    assert share_sealed(sender, package_id, identity)["by_key"] is True
