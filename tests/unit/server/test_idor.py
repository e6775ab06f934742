"""Every verb by everybody who may not: refused as if the thing did not exist."""

from __future__ import annotations

from typing import Any

import pytest

from emixcli.server.vault import new_id
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, share_body, split
from tests.unit.server.conftest import PASSWORD

STRANGERS = ["mr@a.example", "ct@b.example", "admin@b.example", "nobody"]
PART = {"number": 1, "size": 3, "md5": "0" * 32}
SEAL = {"size": 1024, "parts": split(bytes(1024), 1024), "slots": {"offset": 0, "length": 1024}}
PACKAGE_VERBS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("DELETE", "", None),
    ("GET", "/parts", None),
    ("POST", "/parts:sign", {"parts": [PART]}),
    ("POST", ":seal", SEAL),
    ("GET", "/content", None),
    ("HEAD", "/content", None),
    ("POST", "/shares", share_body()),
]
SHARE_VERBS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("POST", ":recall", None),
    ("POST", ":revoke", None),
    ("POST", ":resend", None),
]


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, api: Api) -> Api:
    if request.param == "nobody":
        return api
    return api.login(request.param, PASSWORD)


@pytest.mark.parametrize(("method", "path", "body"), PACKAGE_VERBS)
def test_a_package_of_somebody_else_does_not_exist(
    sender: Person, package_id: str, stranger: Api, method: str, path: str, body: Any
) -> None:
    before = sender.ok("GET", f"/v1/packages/{package_id}")
    refused = stranger.call(method, f"/v1/packages/{package_id}{path}", body)
    unknown = stranger.call(method, f"/v1/packages/{new_id()}{path}", body)
    assert refused.status_code == unknown.status_code
    assert refused.status_code in {401, 404}
    assert refused.content == unknown.content
    assert sender.ok("GET", f"/v1/packages/{package_id}") == before


@pytest.mark.parametrize(("method", "path", "body"), SHARE_VERBS)
def test_a_share_of_somebody_else_does_not_exist(
    sender: Person, share: dict[str, Any], stranger: Api, method: str, path: str, body: Any
) -> None:
    before = sender.ok("GET", f"/v1/shares/{share['share_id']}")
    refused = stranger.call(method, f"/v1/shares/{share['share_id']}{path}", body)
    unknown = stranger.call(method, f"/v1/shares/{new_id()}{path}", body)
    assert refused.status_code == unknown.status_code
    assert refused.status_code in {401, 404}
    assert refused.content == unknown.content
    assert sender.ok("GET", f"/v1/shares/{share['share_id']}") == before


def test_an_administrator_sees_and_ends_but_does_not_read_or_share(
    api: Api, package_id: str, share: dict[str, Any]
) -> None:
    admin = api.login("admin@a.example", PASSWORD)
    assert admin.ok("GET", f"/v1/packages/{package_id}")["shares"][0] == share | {
        key: admin.ok("GET", f"/v1/shares/{share['share_id']}")[key] for key in share
    }
    assert admin.get(f"/v1/packages/{package_id}/content").status_code == 404
    assert admin.post(f"/v1/packages/{package_id}/shares", share_body()).status_code == 404
    assert admin.post(f"/v1/shares/{share['share_id']}:revoke").json()["state"] == "revoked"
    assert admin.call("DELETE", f"/v1/packages/{package_id}").json()["state"] == "revoked"


def test_lists_hold_own_packages_only_page_by_page(api: Api, sender: Person) -> None:
    mine = [sender.announce(10) for _ in range(5)]
    other = api.login("mr@a.example", PASSWORD)
    theirs = other.announce(10)
    found: list[str] = []
    cursor = ""
    while True:
        page = sender.ok("GET", f"/v1/packages?limit=2{cursor}")
        found += [package["package_id"] for package in page["packages"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(found) == sorted(mine)
    admin = api.login("admin@a.example", PASSWORD)
    listed = {package["package_id"] for package in admin.ok("GET", "/v1/packages")["packages"]}
    assert listed == {*mine, theirs}
    assert api.login("admin@b.example", PASSWORD).ok("GET", "/v1/packages")["packages"] == []
    for bad in ("x", "AAAA", "*", "%00"):
        assert sender.get(f"/v1/packages?cursor={bad}").status_code == 400


def test_the_same_package_id_elsewhere_is_another_package(api: Api, sender: Person) -> None:
    package_id = sender.announce(10)
    body = {"package_id": package_id, "part_size": 1024, "size_bound": 20}
    colleague = api.login("mr@a.example", PASSWORD)
    assert colleague.post("/v1/packages", body).status_code == 404
    foreign = api.login("ct@b.example", PASSWORD)
    assert foreign.post("/v1/packages", body).json()["size_bound"] == 20
    assert sender.ok("GET", f"/v1/packages/{package_id}")["size_bound"] == 10


def test_a_disabled_account_is_out_at_once(server: ServerThread, sender: Person) -> None:
    from emixcli.server.accounts import change_account

    assert sender.get("/v1/account").status_code == 200
    change_account(server.exchange, "ct@a.example", disabled=True)
    assert sender.get("/v1/account").status_code == 401
    body = {"email": "ct@a.example", "password": PASSWORD}
    assert sender.post("/v1/login", body).status_code == 401
