"""Somebody without account asks: an invitation, a mail code, one request; and the page for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emixcli.server.housekeeping import expire
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, iter_mails
from tests.unit.server.asking import Invited, keys_of, sealed_for
from tests.unit.server.conftest import PASSWORD, FrozenClock


class TestInvited:
    @pytest.fixture
    def invited(self, server: ServerThread, reader: Person) -> Invited:
        address = "Patient@home.example"
        body = {"email": address, "confirm_email": address.lower()}
        reader.ok("POST", "/v1/invitations", body)
        return Invited(server.url, server.exchange.settings.data)

    def test_one_request_for_one_link(self, invited: Invited, reader: Person) -> None:
        admitted = invited.verify()
        assert admitted["organisation"] == "Hospital A"
        assert admitted["email"] == "Patient@home.example"
        data = sealed_for(admitted["keys"], purpose="patient-request")
        made = invited.send(admitted["session"], data)
        assert made.status_code == 201
        assert invited.send(admitted["session"], data).json() == made.json()
        other = sealed_for(admitted["keys"])
        assert invited.send(admitted["session"], other).status_code == 410
        found = reader.ok("GET", f"/v1/requests/{made.json()['request_id']}")
        assert found["requester"] == "patient@home.example"
        assert found["requester_organisation"] is None
        assert found["purpose"] == "patient-request"
        assert invited.post(f"{invited.path}/otp:verify", {"code": "000000"}).status_code == 403

    def test_following_the_link_changes_nothing(self, invited: Invited) -> None:
        pages = {invited.get(f"/q/{token}").content for token in (invited.path[3:], "x", "A" * 27)}
        assert len(pages) == 1
        for method in ("GET", "HEAD"):
            invited.call(method, invited.path)
        unknown = invited.post("/q/unknown/otp")
        assert (unknown.status_code, unknown.content) == (202, b"{}")
        assert invited.verify()["session"]

    def test_wrong_codes_and_sessions(self, invited: Invited, reader: Person) -> None:
        keys = keys_of(reader, "")
        data = sealed_for(keys)
        assert invited.send("", data).status_code == 401
        assert invited.send("emq_wrong", data).status_code == 401
        code = invited.code()
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        for left in (4, 3, 2, 1, 0):
            answer = invited.post(f"{invited.path}/otp:verify", {"code": wrong})
            assert (answer.status_code, answer.json()["tries_left"]) == (403, left)
        assert invited.post(f"{invited.path}/otp:verify", {"code": code}).status_code == 403
        unknown = invited.post("/q/unknown/otp:verify", {"code": code})
        assert unknown.status_code == 403
        session = invited.verify()["session"]
        elsewhere = sealed_for(keys, to="Hospital B")
        assert invited.send(session, elsewhere).status_code == 409
        assert invited.send(session, data).status_code == 201

    def test_the_link_ends(
        self, server: ServerThread, clock: FrozenClock, invited: Invited
    ) -> None:
        session = invited.verify()["session"]
        clock.forward(days=15)
        expire(server.exchange)
        assert invited.send(session, b"x").status_code == 401
        assert invited.post(f"{invited.path}/otp").status_code == 202
        kinds = [mail["X-Emix-Kind"] for mail in iter_mails(server.exchange.settings.data)]
        assert kinds.count("request-otp") == 1

    def test_the_address_is_typed_twice(self, reader: Person) -> None:
        body = {"email": "a@b.example", "confirm_email": "a@bb.example"}
        refused = reader.post("/v1/invitations", body)
        assert refused.status_code == 409
        assert refused.json()["error"]["id"] == "recipient.unconfirmed"
        two = "a@b.example,x@evil.example"
        assert (
            reader.post("/v1/invitations", {"email": two, "confirm_email": two}).status_code == 400
        )

    def test_an_address_that_looks_mistyped_is_not_invited(self, reader: Person) -> None:
        reader.ok("POST", "/v1/contacts", {"email": "dr@clinic.example"})
        body = {"email": "dr@clinci.example", "confirm_email": "dr@clinci.example"}
        refused = reader.post("/v1/invitations", body)
        assert refused.status_code == 409

    def test_an_invitation_is_taken_back(
        self, api: Api, server: ServerThread, reader: Person, sender: Person, asker: Person
    ) -> None:
        body = {"email": "a@b.example", "confirm_email": "a@b.example"}
        made = sender.ok("POST", "/v1/invitations", body)
        invited = Invited(server.url, server.exchange.settings.data)
        session = invited.verify()["session"]
        path = f"/v1/invitations/{made['invitation_id']}"
        colleague = api.login("mr@a.example", PASSWORD)
        for stranger in (asker, colleague, api.login("admin@b.example", PASSWORD)):
            assert stranger.call("DELETE", path).status_code == 404
        assert api.call("DELETE", path).status_code == 401
        assert sender.call("DELETE", path).status_code == 204
        assert sender.call("DELETE", path).status_code == 404
        assert invited.send(session, sealed_for(keys_of(reader, ""))).status_code == 401
        other = sender.ok("POST", "/v1/invitations", body)
        assert reader.call("DELETE", f"/v1/invitations/{other['invitation_id']}").status_code == 204

    def test_parallel_requests_by_one_link_are_one(self, invited: Invited, reader: Person) -> None:
        admitted = invited.verify()
        bodies = [sealed_for(admitted["keys"]) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda data: invited.send(admitted["session"], data).status_code, bodies)
            )
        assert sorted(answers) == [201, *[410] * 7]
        assert len(reader.ok("GET", "/v1/requests")["requests"]) == 1

    def test_nobody_is_invited_where_nobody_reads(self, sender: Person) -> None:
        body = {"email": "a@b.example", "confirm_email": "a@b.example"}
        assert sender.post("/v1/invitations", body).status_code == 409


class TestPage:
    @pytest.fixture
    def settings(self, make_settings: Any, tmp_path: Path) -> Any:
        page = tmp_path / "request.html"
        policy = "default-src 'none'; script-src 'sha256-x'"
        head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        page.write_text(f"<!DOCTYPE html>{head}<title>Ask</title>", encoding="ascii")
        return make_settings(request_page=str(page))

    def test_it_has_its_policy_as_header(self, api: Api) -> None:
        answer = api.get("/q/anything")
        assert answer.status_code == 200
        policy = "default-src 'none'; script-src 'sha256-x'; frame-ancestors 'none'"
        assert answer.headers["Content-Security-Policy"] == policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert api.call("HEAD", "/q/anything").status_code == 200
