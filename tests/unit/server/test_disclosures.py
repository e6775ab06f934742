"""The accounting of disclosures, as the exchange keeps it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from emixcli.server.disclosures import KEPT_MS
from emixcli.server.housekeeping import expire, purge_now
from emixcli.server.tables import disclosures, package_patients, packages
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, Recipient, make_content, share_body, wait_for
from tests.unit.server.conftest import PASSWORD

KEY, PATIENT = "ab" * 20, "1f" * 32
NOTE = {"patients": [{"ref": PATIENT, "sealed": "c2VhbGVk"}]}


def begin(api: Api) -> Person:
    admin = api.login("admin@a.example", PASSWORD)
    admin.ok("PUT", "/v1/disclosures/key", {"fingerprint": KEY})
    return admin


def find(person: Api, ref: str = PATIENT, **more: Any) -> dict[str, Any]:
    return person.ok("POST", "/v1/disclosures:find", {"ref": ref, **more})


def disclose(server: ServerThread, sender: Person, address: str, **changes: Any) -> dict[str, Any]:
    """A share that its recipient has opened."""
    package_id = sender.upload(make_content())
    sender.ok("PUT", f"/v1/packages/{package_id}/patients", NOTE)
    share: dict[str, Any] = sender.share(package_id, address, **changes)
    wait_for(lambda: sender.ok("GET", f"/v1/shares/{share['share_id']}")["mail"] == "sent")
    data = server.exchange.settings.data
    with Recipient(server.url, share["link"], data) as recipient:
        assert recipient.open(recipient.verify()["session"]).status_code == 200
        # Once more is no second disclosure.
        assert recipient.open(recipient.verify()["session"]).status_code == 200
    return share


def test_what_was_opened_is_accounted_for_six_years_and_survives_the_package(
    server: ServerThread, api: Api, sender: Person, clock: Any
) -> None:
    admin = begin(api)
    share = disclose(server, sender, "dr@c.example", purpose="public-health")
    sender.ok("DELETE", f"/v1/packages/{share['package_id']}")
    wait_for(lambda: purge_now(server.exchange)["purged"] == 0)
    with server.exchange.read() as work:
        mine = select(packages.c.state).where(packages.c.package_id == share["package_id"])
        assert work.connection.execute(mine).scalar_one() == "purged"
        assert work.all(select(package_patients)) == []
    found = find(admin)["disclosures"]
    assert [(one["recipient"], one["purpose"], one["sealed"]) for one in found] == [
        ("dr@c.example", "public-health", "c2VhbGVk")
    ]
    clock.now_ms += KEPT_MS - 60_000
    expire(server.exchange)
    with server.exchange.read() as work:
        assert len(work.all(select(disclosures))) == 1
    clock.forward(minutes=2)
    expire(server.exchange)
    with server.exchange.read() as work:
        assert work.all(select(disclosures)) == []


def test_what_was_never_opened_is_no_disclosure(api: Api, sender: Person, package_id: str) -> None:
    admin = begin(api)
    sender.ok("PUT", f"/v1/packages/{package_id}/patients", NOTE)
    sender.share(package_id)
    assert find(admin)["disclosures"] == []


def test_nothing_is_shared_past_the_accounting(api: Api, sender: Person, package_id: str) -> None:
    begin(api)
    url = f"/v1/packages/{package_id}/shares"
    refused = sender.post(url, share_body())
    assert refused.status_code == 409
    assert "accounting" in refused.json()["error"]["message"]
    # A package of nobody in particular says so.
    sender.ok("PUT", f"/v1/packages/{package_id}/patients", {"patients": []})
    assert sender.post(url, share_body()).status_code == 201


def test_one_key_for_an_organisation_and_its_administrator_begins(api: Api) -> None:
    for email in ("ct@a.example", "audit@a.example"):
        person = api.login(email, PASSWORD)
        assert person.call("PUT", "/v1/disclosures/key", {"fingerprint": KEY}).status_code == 403
        assert person.ok("GET", "/v1/account")["account"]["accounting"] is None
    admin = begin(api)
    begin(api)
    other = {"fingerprint": "cd" * 20}
    assert admin.call("PUT", "/v1/disclosures/key", other).status_code == 409
    foreign = api.login("admin@b.example", PASSWORD)
    assert foreign.call("PUT", "/v1/disclosures/key", other).status_code == 200
    assert admin.ok("GET", "/v1/account")["account"]["accounting"] == KEY


def test_read_by_administrators_and_auditors_of_the_organisation_alone(
    server: ServerThread, api: Api, sender: Person
) -> None:
    begin(api)
    disclose(server, sender, "dr@c.example")
    disclose(server, sender, "eye@c.example")
    body = {"ref": PATIENT}
    assert api.post("/v1/disclosures:find", body).status_code == 401
    assert sender.post("/v1/disclosures:find", body).status_code == 403
    auditor = api.login("audit@a.example", PASSWORD)
    page = find(auditor, limit=1)
    rest = find(auditor, limit=1, cursor=page["next_cursor"])
    found = {one["recipient"] for one in (*page["disclosures"], *rest["disclosures"])}
    assert found == {"dr@c.example", "eye@c.example"}
    assert rest["next_cursor"] is None
    assert find(auditor, "2e" * 32)["disclosures"] == []
    assert find(api.login("admin@b.example", PASSWORD))["disclosures"] == []
    reads = auditor.ok("GET", "/v1/audit?action=disclosures")["rows"]
    assert [row["action"] for row in reads] == [
        "disclosures.begun",
        "disclosures.refused",
        *["disclosures.read"] * 3,
    ]


def test_patients_are_noted_by_the_owner_alone(api: Api, sender: Person, package_id: str) -> None:
    url = f"/v1/packages/{package_id}/patients"
    for email in ("mr@a.example", "admin@a.example", "ct@b.example", "audit@a.example"):
        assert api.login(email, PASSWORD).call("PUT", url, NOTE).status_code == 404
    for bad in ({"ref": "x", "sealed": ""}, {"ref": PATIENT, "sealed": "<"}, {"ref": PATIENT}):
        assert sender.call("PUT", url, {"patients": [bad]}).status_code == 422
