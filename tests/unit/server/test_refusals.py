"""What is refused to a signed-in account leaves a row that holds no address and says no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emixcli.server import refusals as service
from emixcli.server.vault import new_id
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, share_body
from tests.unit.server.asking import CHECKED, ask, looked_at
from tests.unit.server.conftest import PASSWORD


@pytest.fixture
def admin(api: Api) -> Person:
    return api.login("admin@a.example", PASSWORD)


def refusals(admin: Person) -> list[dict[str, Any]]:
    """The rows of what was refused besides logins: actor, action, subject and detail."""
    answer = admin.ok("GET", "/v1/audit", params={"limit": 1000})
    rows = [row for row in answer["rows"] if row["action"].endswith(".refused")]
    for row in rows:
        row["actor"] = answer["accounts"].get(row["actor"], row["actor"])
        row["detail"] = json.loads(row["detail"])
    return [row for row in rows if row["action"] != "account.refused"]


def test_a_recipient_whom_the_guard_refuses(admin: Person, sender: Person, package_id: str) -> None:
    sender.ok("POST", "/v1/contacts", {"email": "dr@clinic.example"})
    path = f"/v1/packages/{package_id}/shares"
    near = "dr@clinci.example"
    assert sender.post(path, share_body(near)).status_code == 409
    assert sender.post(path, share_body("new@c.example", confirm_email=None)).status_code == 409
    assert sender.post("/v1/contacts", {"email": near}).status_code == 409
    # Asking what would become of it is no act.
    sender.ok("POST", "/v1/contacts:check", {"recipients": [{"email": near}]})
    rows = refusals(admin)
    act = "POST /v1/packages/{package_id}/shares"
    expected = {"act": act, "error": "recipient.unconfirmed"}
    assert [(row["action"], row["detail"]) for row in rows] == [
        ("share.refused", {**expected, "reason": "domain.near"}),
        ("share.refused", {**expected, "reason": "address.new"}),
        ("contact.refused", {**expected, "act": "POST /v1/contacts", "reason": "domain.near"}),
    ]
    assert [row["actor"] for row in rows] == ["ct@a.example"] * 3
    assert [row["subject"] == package_id for row in rows] == [True, True, False]
    assert "clinic" not in str(rows)
    assert "clinci" not in str(rows)


def test_a_recipient_whom_a_policy_or_a_block_refuses(
    admin: Person, sender: Person, package_id: str, share: dict[str, Any]
) -> None:
    body = {"allow_domains": ["c.example"], "free_mail": "allow", "second_person": False}
    admin.ok("PUT", "/v1/policy", body)
    path = f"/v1/packages/{package_id}/shares"
    assert sender.post(path, share_body("dr@d.example")).status_code == 409
    admin.ok("POST", "/v1/contacts:block", {"email": "dr@c.example"})
    assert sender.post(path, share_body()).status_code == 409
    assert sender.post(f"/v1/shares/{share['share_id']}:resend").status_code == 409
    rows = refusals(admin)
    reasons = [row["detail"]["reason"] for row in rows]
    assert reasons == ["domain.not_allowed", "contact.blocked", "contact.blocked"]
    assert rows[2]["subject"] == share["share_id"]


@pytest.mark.parametrize(
    ("email", "method", "path", "action"),
    [
        ("ct@a.example", "GET", "/v1/audit", "audit.refused"),
        ("ct@a.example", "PUT", "/v1/disclosures/key", "disclosures.refused"),
        ("ct@a.example", "POST", "/v1/contacts:block", "contact.refused"),
        ("ct@a.example", "PUT", "/v1/policy", "policy.refused"),
        ("audit@a.example", "POST", "/v1/packages", "package.refused"),
        ("audit@a.example", "GET", "/v1/requests/CANARY/sealed", "request.refused"),
        ("audit@a.example", "DELETE", "/v1/invitations/CANARY", "request.refused"),
    ],
)
def test_what_a_role_may_not(
    api: Api, admin: Person, email: str, method: str, path: str, action: str
) -> None:
    person = api.login(email, PASSWORD)
    bodies = {
        "/v1/disclosures/key": {"fingerprint": "ab" * 20},
        "/v1/contacts:block": {"email": "dr@c.example"},
        "/v1/policy": {"allow_domains": [], "free_mail": "allow", "second_person": False},
        "/v1/packages": {"package_id": new_id(), "part_size": 1024, "size_bound": 10},
    }
    assert person.call(method, path, bodies.get(path)).status_code == 403
    (row,) = refusals(admin)
    assert (row["action"], row["actor"]) == (action, email)
    assert row["detail"]["error"] == "exchange.forbidden"
    assert row["detail"]["act"].startswith(f"{method} /v1/")
    assert "CANARY" not in str(row)
    assert "@" not in str(row["detail"])


def test_an_approval_that_is_refused(
    api: Api, admin: Person, reader: Person, sender: Person, package_id: str
) -> None:
    own = ask(reader)
    path = f"/v1/requests/{own['request_id']}"
    body = looked_at(reader, own["request_id"])
    assert reader.post(f"{path}:approve", body).status_code == 403
    other = {"sha256": "00" * 32, **CHECKED}
    assert sender.post(f"{path}:approve", other).status_code == 409
    early = share_body("admin@a.example", request_id=own["request_id"])
    assert sender.post(f"/v1/packages/{package_id}/shares", early).status_code == 409
    sender.ok("POST", f"{path}:decline", {"reason": "incomplete"})
    assert sender.post(f"{path}:approve", body).status_code == 410
    rows = refusals(admin)
    assert [(row["action"], row["actor"], row["detail"]["error"]) for row in rows] == [
        ("request.refused", "admin@a.example", "exchange.forbidden"),
        ("request.refused", "ct@a.example", "usage"),
        ("share.refused", "ct@a.example", "usage"),
        ("request.refused", "ct@a.example", "exchange.gone"),
    ]
    assert rows[0]["subject"] == own["request_id"]


def test_what_is_not_there_and_what_is_anothers_are_counted_alike(
    api: Api, admin: Person, package_id: str, share: dict[str, Any]
) -> None:
    foreign = api.login("ct@b.example", PASSWORD)
    theirs = api.login("admin@b.example", PASSWORD)
    for n in range(1, 13):
        known, unknown = (package_id, share["share_id"]), (new_id(), new_id())
        package, shared = known if n % 2 else unknown
        path = f"/v1/packages/{package}/content" if n % 3 else f"/v1/shares/{shared}"
        assert foreign.get(path).status_code == 404
        (*_, last) = refusals(theirs)
        assert last["action"] == "object.refused"
        assert last["actor"] == "ct@b.example"
        assert last["detail"] == {"n": 1 if n < 10 else 10}
    assert len(refusals(theirs)) == 2
    assert package_id not in str(refusals(theirs))
    assert refusals(admin) == []


def test_refusals_without_end_are_counted(
    admin: Person, sender: Person, package_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_NAMED", 3)
    for _ in range(12):
        body = share_body("new@c.example", confirm_email=None)
        assert sender.post(f"/v1/packages/{package_id}/shares", body).status_code == 409
    assert [row["detail"].get("n") for row in refusals(admin)] == [None, None, None, 10]


def test_a_refusal_stands_though_its_row_is_lost(
    admin: Person, sender: Person, package_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OSError

    monkeypatch.setattr(service, "_append", fail)
    body = share_body("new@c.example", confirm_email=None)
    assert sender.post(f"/v1/packages/{package_id}/shares", body).status_code == 409
    assert refusals(admin) == []


def test_who_is_not_signed_in_and_what_is_asked_for_by_address_leave_no_row(
    server: ServerThread, admin: Person, sender: Person, package_id: str, share: dict[str, Any]
) -> None:
    assert Api(server.url).get("/v1/audit").status_code == 401
    assert Api(server.url, "emx_wrong").get(f"/v1/packages/{package_id}").status_code == 401
    # A client that does not know what an id stands for asks twice.
    assert sender.get(f"/v1/packages/{share['share_id']}").status_code == 404
    assert sender.get("/v1/request-keys", params={"organisation": "Nobody"}).status_code == 404
    assert refusals(admin) == []
