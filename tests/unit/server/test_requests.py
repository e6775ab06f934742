"""Requests for images: asked, approved by another person, answered by one share, forgotten."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emixcli.container.sealed_request import MAX_FORM, open_sealed
from emixcli.server.housekeeping import expire
from emixcli.server.settings import Limits
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, iter_mails, share_body, wait_for
from tests.unit.server.asking import (
    CHECKED,
    FORM,
    Invited,
    ask,
    keys_of,
    looked_at,
    post,
    publish,
    sealed_for,
)
from tests.unit.server.conftest import LIMITS, PASSWORD, FrozenClock


def test_asked_approved_answered(
    server: ServerThread, api: Api, sender: Person, asker: Person, package_id: str
) -> None:
    identity = publish(sender)
    made = ask(asker)
    assert made["state"] == "open"
    assert not made["is_received"]
    assert "decided_by" not in made
    data = sender.get(f"/v1/requests/{made['request_id']}/sealed").content
    document, form = open_sealed(data, identity)
    assert document["patient"]["name"] == "CANARY^REQUEST"
    assert form == FORM

    path = f"/v1/requests/{made['request_id']}"
    body = {"sha256": made["sha256"], **CHECKED}
    request_id = made["request_id"]
    shared = share_body("ct@b.example", request_id=request_id)
    refused = sender.post(f"/v1/packages/{package_id}/shares", shared)
    assert refused.status_code == 409
    assert "open" in refused.text
    approved = api.login("admin@a.example", PASSWORD).ok("POST", f"{path}:approve", body)
    assert approved["state"] == "approved"
    assert approved["decided_by"] == "admin@a.example"
    assert asker.ok("GET", path)["state"] == "approved"

    for changes in ({"purpose": "research"}, {"recipient": {"email": "dr@c.example"}}):
        wrong = sender.post(f"/v1/packages/{package_id}/shares", {**shared, **changes})
        assert wrong.status_code == 409, wrong.text
    share = sender.ok("POST", f"/v1/packages/{package_id}/shares", shared)
    done = sender.ok("GET", path)
    assert (done["state"], done["share_id"]) == ("fulfilled", share["share_id"])
    assert "share_id" not in asker.ok("GET", path)
    again = sender.post(f"/v1/packages/{package_id}/shares", shared)
    assert again.status_code == 409
    # A share that was taken back unopened may be made again.
    sender.ok("POST", f"/v1/shares/{share['share_id']}:revoke")
    second = sender.ok("POST", f"/v1/packages/{package_id}/shares", shared)
    assert sender.ok("GET", path)["share_id"] == second["share_id"]
    with server.exchange.read() as work:
        from emixcli.server.audit import iter_rows, verify_chain

        organisation_id = _organisation(server, "Hospital A")
        rows = list(iter_rows(work.connection, organisation_id))
        assert verify_chain(work.connection, work.vault, organisation_id) is None
    actions = [row.action for row in rows if row.subject == request_id]
    assert actions == [
        "request.received",
        "request.read",
        "request.approved",
        "request.fulfilled",
        "request.answered_again",
    ]


def _organisation(server: ServerThread, name: str) -> str:
    from sqlalchemy import select

    from emixcli.server.tables import organisations

    with server.exchange.read() as work:
        query = select(organisations.c.id).where(organisations.c.name == name)
        return str(work.connection.execute(query).scalar_one())


def test_nobody_approves_their_own(api: Api, reader: Person, sender: Person) -> None:
    made = ask(reader)
    path, body = f"/v1/requests/{made['request_id']}", {"sha256": made["sha256"], **CHECKED}
    assert reader.post(f"{path}:approve", body).status_code == 403
    assert sender.post(f"{path}:approve", body | {"sha256": "0" * 64}).status_code == 409
    for missing in CHECKED:
        less = {key: value for key, value in body.items() if key != missing}
        assert sender.post(f"{path}:approve", less).status_code == 422
        assert sender.post(f"{path}:approve", body | {missing: "yes"}).status_code == 422
    assert sender.ok("POST", f"{path}:approve", body)["state"] == "approved"
    assert sender.ok("POST", f"{path}:approve", body)["state"] == "approved"


def test_whoever_has_the_mailbox_of_a_request_does_not_approve_it(
    server: ServerThread, reader: Person, sender: Person
) -> None:
    reader.ok("POST", "/v1/invitations", {"email": "CT@a.example", "confirm_email": "ct@a.example"})
    invited = Invited(server.url, server.exchange.settings.data)
    admitted = invited.verify()
    made = invited.send(admitted["session"], sealed_for(admitted["keys"])).json()
    path = f"/v1/requests/{made['request_id']}"
    assert sender.ok("GET", path)["sha256"] is None
    body = looked_at(sender, made["request_id"])
    assert sender.post(f"{path}:approve", body).status_code == 403
    assert reader.ok("POST", f"{path}:approve", body)["state"] == "approved"


def test_declined_is_wiped_told_and_over(
    server: ServerThread, reader: Person, asker: Person
) -> None:
    made, data = ask(asker), server.exchange.settings.data
    wait_for(lambda: list(iter_mails(data)))
    path = f"/v1/requests/{made['request_id']}"
    refused = reader.post(f"{path}:decline", {"reason": "she is not our patient"})
    assert refused.status_code == 422
    done = reader.ok("POST", f"{path}:decline", {"reason": "no-authorisation"})
    assert (done["state"], done["declined_for"]) == ("declined", "no-authorisation")
    gone = reader.get(f"{path}/sealed")
    assert gone.status_code == 410
    assert gone.json()["error"]["hint"] == "whoever needs the images has to ask again"
    body = {"sha256": made["sha256"], **CHECKED}
    assert reader.post(f"{path}:approve", body).status_code == 410
    kinds = ["request-arrived", "request-declined"]
    wait_for(lambda: [mail["X-Emix-Kind"] for mail in iter_mails(data)] == kinds)
    arrived, declined = iter_mails(data)
    assert arrived["To"] == "admin@a.example"
    assert declined["To"] == "ct@b.example"
    if server.exchange.database.is_sqlite:
        assert FORM not in (data / "exchange.sqlite3").read_bytes()


def test_only_who_asks_withdraws(reader: Person, asker: Person) -> None:
    path = f"/v1/requests/{ask(asker)['request_id']}"
    refused = reader.post(f"{path}:decline", {"reason": "withdrawn"})
    assert refused.status_code == 400
    assert refused.json()["error"]["id"] == "usage"
    assert reader.ok("GET", path)["state"] == "open"


def test_who_asks_takes_it_back(reader: Person, asker: Person) -> None:
    made = ask(asker)
    path = f"/v1/requests/{made['request_id']}"
    done = asker.ok("POST", f"{path}:decline", {"reason": "incomplete"})
    assert (done["state"], done["declined_for"]) == ("declined", "withdrawn")
    assert reader.get(f"{path}/sealed").status_code == 410


def test_the_same_bytes_make_one_request(reader: Person, asker: Person) -> None:
    data = sealed_for(keys_of(asker, "Hospital A"))
    first, second = (post(asker, "/v1/requests", data) for _ in range(2))
    assert first.json()["request_id"] == second.json()["request_id"]
    header, _, rest = data.partition(b"\n")
    other = json.loads(header) | {"purpose": "payment"}
    changed = post(asker, "/v1/requests", json.dumps(other).encode() + b"\n" + rest)
    assert changed.status_code == 409
    assert len(reader.ok("GET", "/v1/requests")["requests"]) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:0],
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: b"{}\n" + data,
        lambda data: b"[" * len(data) * 40,
        lambda data: data.replace(b"treatment", b"curiosity", 1),
        lambda data: data.replace(b'"v":1', b'"v":2', 1),
        lambda data: data.replace(b'"size":1040', b'"size":-040', 1),
    ],
)
def test_what_is_no_sealed_request_is_refused(reader: Person, asker: Person, spoil: Any) -> None:
    data = spoil(sealed_for(keys_of(asker, "Hospital A")))
    assert post(asker, "/v1/requests", data).status_code == 400
    assert reader.ok("GET", "/v1/requests")["requests"] == []


def test_a_form_of_the_largest_size_and_more(reader: Person, asker: Person) -> None:
    keys = keys_of(asker, "Hospital A")
    largest = b"%PDF-" + bytes(MAX_FORM - 16 - 5)
    assert post(asker, "/v1/requests", sealed_for(keys, form=largest)).status_code == 201
    assert post(asker, "/v1/requests", bytes(MAX_FORM + (1 << 20))).status_code == 413
    assert post(Api(asker.url), "/v1/requests", bytes(2 << 20)).status_code == 401


def test_it_expires_and_is_forgotten(
    server: ServerThread, clock: FrozenClock, reader: Person, asker: Person
) -> None:
    made = ask(asker)
    path = f"/v1/requests/{made['request_id']}"
    clock.forward(days=29.9)
    expire(server.exchange)
    people = [Api(asker.url).login(who, PASSWORD) for who in ("admin@a.example", "ct@b.example")]
    assert people[0].ok("GET", path)["state"] == "open"
    clock.forward(days=0.2)
    body = {"sha256": made["sha256"], **CHECKED}
    people[0] = Api(asker.url).login("admin@a.example", PASSWORD)
    assert people[0].post(f"{path}:approve", body).status_code == 410
    expire(server.exchange)
    assert people[0].ok("GET", path)["state"] == "expired"
    assert people[0].get(f"{path}/sealed").status_code == 410
    clock.forward(days=30)
    expire(server.exchange)
    for person in ("admin@a.example", "ct@b.example"):
        assert Api(asker.url).login(person, PASSWORD).get(path).status_code == 404


def test_nothing_about_the_patient_is_readable_at_the_exchange(
    server: ServerThread, reader: Person, asker: Person
) -> None:
    ask(asker)
    data = server.exchange.settings.data
    wait_for(lambda: list(iter_mails(data)))
    for path in data.rglob("*"):
        if path.is_file():
            assert b"CANARY" not in path.read_bytes(), path.name


class TestReaders:
    def test_only_an_organisation_that_takes_requests_is_found(
        self, sender: Person, asker: Person
    ) -> None:
        for name in ("Hospital A", "Hospital Z"):
            refused = asker.get("/v1/request-keys", params={"organisation": name})
            assert refused.status_code == 404
        known = asker.get("/v1/request-keys", params={"organisation": "Hospital A"}).content
        assert known == asker.get("/v1/request-keys?organisation=Hospital%20Z").content
        publish(sender)
        (key,) = keys_of(asker, "Hospital A")
        assert "email" not in key
        assert keys_of(sender, "")[0]["email"] == "ct@a.example"

    def test_own_keys_and_those_of_colleagues(
        self, api: Api, sender: Person, asker: Person
    ) -> None:
        colleague, admin = (api.login(f"{who}@a.example", PASSWORD) for who in ("mr", "admin"))
        first = publish(sender).public.fingerprint
        second = publish(sender).public.fingerprint
        assert [key["fingerprint"] for key in keys_of(sender, "")] == [second]
        path = f"/v1/request-keys/{second}"
        assert sender.call("DELETE", f"/v1/request-keys/{first}").status_code == 404
        assert asker.call("DELETE", path).status_code == 404
        assert colleague.call("DELETE", path).status_code == 403
        assert admin.call("DELETE", path).status_code == 204
        assert keys_of(sender, "") == []

    def test_a_disabled_account_reads_no_more(
        self, server: ServerThread, sender: Person, asker: Person
    ) -> None:
        from emixcli.server.accounts import change_account

        publish(sender)
        change_account(server.exchange, "ct@a.example", disabled=True)
        assert asker.get("/v1/request-keys?organisation=Hospital%20A").status_code == 404

    @pytest.mark.parametrize("text", ["", "{}", "é", '{"emix":"public-key","v":1}'])
    def test_what_is_no_key_is_refused(self, sender: Person, text: str) -> None:
        refused = sender.call("PUT", "/v1/request-keys", {"public_key": text})
        assert refused.status_code == 400


def test_parallel_answers_are_one_share(
    reader: Person, sender: Person, asker: Person, package_id: str
) -> None:
    made = ask(asker)
    path = f"/v1/requests/{made['request_id']}"
    reader.ok("POST", f"{path}:approve", {"sha256": made["sha256"], **CHECKED})
    shared = share_body("ct@b.example", request_id=made["request_id"])

    def answer(_n: int) -> int:
        with Api(sender.url) as client:
            client.session.headers.update(sender.session.headers)
            return client.post(f"/v1/packages/{package_id}/shares", shared).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(answer, range(8)))
    assert codes == [201, *[409] * 7]
    assert len(sender.ok("GET", f"/v1/packages/{package_id}")["shares"]) == 1


def test_approved_or_declined_and_never_both(reader: Person, sender: Person, asker: Person) -> None:
    for _ in range(5):
        made = ask(asker)
        path = f"/v1/requests/{made['request_id']}"
        body = {"sha256": made["sha256"], **CHECKED}
        with ThreadPoolExecutor(2) as pool:
            said = pool.submit(reader.post, f"{path}:approve", body)
            other = pool.submit(sender.post, f"{path}:decline", {"reason": "incomplete"})
        found = sender.ok("GET", path)["state"]
        assert other.result().status_code == 200
        assert found == "declined"
        assert said.result().status_code in {200, 410}
        assert sender.get(f"{path}/sealed").status_code == 410


class TestLimits:
    @pytest.fixture
    def settings(self, make_settings: Any) -> Any:
        changes = {"organisation_requests_per_hour": 3, "requester_requests_per_hour": 2}
        changes["organisation_request_bytes"] = 20_000
        return make_settings(limits=Limits(**{**LIMITS.__dict__, **changes}))

    def test_requests_and_invitations_are_counted(
        self, reader: Person, asker: Person, sender: Person
    ) -> None:
        ask(asker)
        ask(asker)
        data = sealed_for(keys_of(asker, "Hospital A"))
        assert post(asker, "/v1/requests", data).status_code == 429
        ask(sender)
        assert post(sender, "/v1/requests", data).status_code == 429
        body = {"email": "a@b.example", "confirm_email": "a@b.example"}
        for _ in range(3):
            reader.ok("POST", "/v1/invitations", body)
        assert reader.post("/v1/invitations", body).status_code == 429

    def test_what_is_kept_is_bounded(self, reader: Person, asker: Person) -> None:
        data = sealed_for(keys_of(asker, "Hospital A"), form=FORM + bytes(16_000))
        made = post(asker, "/v1/requests", data)
        assert made.status_code == 201
        other = sealed_for(keys_of(asker, "Hospital A"), form=FORM + bytes(16_000))
        assert post(asker, "/v1/requests", other).status_code == 413
        path = f"/v1/requests/{made.json()['request_id']}"
        reader.ok("POST", f"{path}:decline", {"reason": "incomplete"})
        assert post(asker, "/v1/requests", other).status_code == 201


VERBS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("GET", "/sealed", None),
    ("POST", ":approve", {"sha256": hashlib.sha256(b"").hexdigest(), **CHECKED}),
    ("POST", ":decline", {"reason": "incomplete"}),
]


@pytest.mark.parametrize("who", ["admin@b.example", "nobody"])
@pytest.mark.parametrize(("method", "path", "body"), VERBS)
def test_a_request_of_others_does_not_exist(
    api: Api, reader: Person, sender: Person, who: str, method: str, path: str, body: Any
) -> None:
    from emixcli.server.vault import new_id

    made = ask(sender)
    stranger: Api = api if who == "nobody" else api.login(who, PASSWORD)
    refused = stranger.call(method, f"/v1/requests/{made['request_id']}{path}", body)
    unknown = stranger.call(method, f"/v1/requests/{new_id()}{path}", body)
    assert refused.status_code == unknown.status_code
    assert refused.status_code in {401, 404}
    assert refused.content == unknown.content
    assert sender.ok("GET", f"/v1/requests/{made['request_id']}") == made
    if who != "nobody":
        assert stranger.ok("GET", "/v1/requests")["requests"] == []
        after = stranger.get(f"/v1/requests?cursor={made['request_id']}")
        assert after.status_code == 404


def test_who_asks_may_look_and_no_more(
    api: Api, reader: Person, asker: Person, package_id: str
) -> None:
    made = ask(asker)
    path, body = f"/v1/requests/{made['request_id']}", {"sha256": made["sha256"], **CHECKED}
    assert asker.post(f"{path}:approve", body).status_code == 403
    # A colleague of who asks knows nothing of it.
    colleague = api.login("admin@b.example", PASSWORD)
    assert colleague.get(path).status_code == 404
    own = colleague.upload(b"x" * 5000)
    shared = share_body("ct@b.example", request_id=made["request_id"])
    assert colleague.post(f"/v1/packages/{own}/shares", shared).status_code == 404
    theirs = asker.upload(b"x" * 5000)
    assert asker.post(f"/v1/packages/{theirs}/shares", shared).status_code == 404
    assert asker.get(f"{path}/sealed").status_code == 200


def test_pages_of_requests(reader: Person, asker: Person) -> None:
    made = [ask(asker)["request_id"] for _ in range(5)]
    found: list[str] = []
    cursor = ""
    while True:
        page = reader.ok("GET", f"/v1/requests?limit=2{cursor}")
        found += [request["request_id"] for request in page["requests"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(found) == sorted(made)
    assert len(found) == 5
    assert reader.ok("GET", "/v1/requests?state=approved")["requests"] == []
    assert reader.get("/v1/requests?state=x").status_code == 422


def test_an_auditor_sees_that_there_are_requests_and_no_more(
    api: Api, reader: Person, asker: Person
) -> None:
    auditor = api.login("audit@a.example", PASSWORD)
    made = ask(asker)
    path, body = f"/v1/requests/{made['request_id']}", {"sha256": made["sha256"], **CHECKED}
    assert auditor.ok("GET", path)["state"] == "open"
    public_key = keys_of(reader, "")[0]["public_key"]
    address = {"email": "a@b.example", "confirm_email": "a@b.example"}
    assert post(auditor, "/v1/requests", sealed_for(keys_of(reader, ""))).status_code == 403
    for method, where, sent in (
        ("GET", f"{path}/sealed", None),
        ("POST", f"{path}:approve", body),
        ("POST", f"{path}:decline", {"reason": "incomplete"}),
        ("PUT", "/v1/request-keys", {"public_key": public_key}),
        ("POST", "/v1/invitations", address),
    ):
        assert auditor.call(method, where, sent).status_code == 403, where
    assert reader.ok("GET", path)["state"] == "open"
