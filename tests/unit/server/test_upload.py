"""Parts: what a signed URL takes and what it refuses; resume; sealing; quotas."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from emixcli.server.settings import Limits, Settings
from emixcli.server.vault import new_id
from tests.serving import ServerThread
from tests.unit.server.api import Person, make_content, split, wait_for
from tests.unit.server.conftest import LIMITS, FrozenClock

PART = bytes(range(256)) * 4


@pytest.fixture
def announced(sender: Person) -> str:
    return sender.announce(4096)


@pytest.fixture
def signed(sender: Person, announced: str) -> dict[str, Any]:
    return sender.sign(announced, split(PART, 1024))[0]


def md5_header(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def put(url: str, data: bytes, md5: str | None) -> int:
    headers = {} if md5 is None else {"Content-MD5": md5}
    return requests.put(url, data=data, headers=headers, timeout=30).status_code


def test_the_signed_part_is_taken_and_listed(
    sender: Person, announced: str, signed: dict[str, Any]
) -> None:
    assert sender.put(signed, PART).status_code == 200
    assert sender.put(signed, PART).status_code == 200
    listed = sender.ok("GET", f"/v1/packages/{announced}/parts")["parts"]
    assert listed == [{k: split(PART, 1024)[0][k] for k in ("number", "size", "md5")}]


@pytest.mark.parametrize(
    ("change", "data", "md5", "status"),
    [
        (("", ""), PART[:-1] + b"x", md5_header(PART), 400),
        (("", ""), PART[:-1] + b"x", md5_header(PART[:-1] + b"x"), 403),
        (("", ""), PART[:-1], md5_header(PART), 403),
        (("", ""), PART + b"x", md5_header(PART), 403),
        (("", ""), PART, None, 403),
        (("", ""), PART, "no base64!", 403),
        (("/1?", "/2?"), PART, md5_header(PART), 403),
        (("size=1024", "size=1025"), PART + b"x", md5_header(PART + b"x"), 403),
        (("expires=1", "expires=2"), PART, md5_header(PART), 403),
        (("signature=", "signature=0"), PART, md5_header(PART), 403),
        (("&signature=", "&sig="), PART, md5_header(PART), 403),
        (("/1?", "/one?"), PART, md5_header(PART), 403),
        (("/store/", "/store/x"), PART, md5_header(PART), 403),
    ],
)
def test_any_other_part_is_refused(
    sender: Person,
    announced: str,
    signed: dict[str, Any],
    change: tuple[str, str],
    data: bytes,
    md5: str | None,
    status: int,
) -> None:
    assert put(signed["url"].replace(*change), data, md5) == status
    assert sender.ok("GET", f"/v1/packages/{announced}/parts")["parts"] == []


def test_a_url_ends_with_its_time(
    sender: Person, signed: dict[str, Any], clock: FrozenClock
) -> None:
    clock.forward(seconds=LIMITS.part_url_s)
    response = sender.put(signed, PART)
    assert response.status_code == 403
    assert response.json()["error"]["id"] == "exchange.forbidden"


def test_a_url_ends_with_its_package(
    sender: Person, announced: str, signed: dict[str, Any], server: ServerThread
) -> None:
    sender.ok("DELETE", f"/v1/packages/{announced}")
    # The worker removes the upload at once afterwards; what comes in between is removed with it.
    wait_for(lambda: sender.put(signed, PART).status_code in {403, 410})
    store = server.exchange.settings.data / "store"
    assert [path for path in store.rglob("*") if path.is_file()] == []
    assert sender.get(f"/v1/packages/{announced}/parts").status_code == 410
    body = {"parts": [{"number": 1, "size": 3, "md5": "0" * 32}]}
    assert sender.post(f"/v1/packages/{announced}/parts:sign", body).status_code == 410


def test_nothing_can_be_put_into_a_sealed_package(sender: Person) -> None:
    content = make_content(2048)
    package_id = sender.announce(len(content))
    parts = sender.send_parts(package_id, content)
    signed = sender.sign(package_id, split(PART, 1024))[0]
    assert sender.seal(package_id, parts).status_code == 200
    assert sender.put(signed, PART).status_code == 410
    assert sender.get(f"/v1/packages/{package_id}/content").content == content


def test_a_part_sent_anew_with_other_bytes_replaces_the_first(sender: Person) -> None:
    content = make_content(1024)
    package_id = sender.announce(len(content))
    sender.send_parts(package_id, PART)
    parts = sender.send_parts(package_id, content)
    listed = sender.ok("GET", f"/v1/packages/{package_id}/parts")["parts"]
    assert [part["md5"] for part in listed] == [parts[0]["md5"]]
    assert sender.seal(package_id, parts, slots={"offset": 0, "length": 1024}).ok
    assert sender.get(f"/v1/packages/{package_id}/content").content == content


def test_parts_in_any_order_and_at_once(sender: Person) -> None:
    content = make_content(20_000)
    package_id = sender.announce(len(content))
    parts = split(content, 1024)
    signed = sender.sign(package_id, parts)
    states: list[int] = []

    def send(one: dict[str, Any]) -> None:
        at = (one["number"] - 1) * 1024
        states.append(sender.put(one, content[at : at + 1024]).status_code)

    threads = [threading.Thread(target=send, args=(one,)) for one in reversed(signed * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [200] * len(threads)
    assert sender.seal(package_id, parts).status_code == 200
    assert sender.get(f"/v1/packages/{package_id}/content").content == content


def test_sealing_again_changes_nothing(sender: Person) -> None:
    content = make_content()
    package_id = sender.announce(len(content))
    parts = sender.send_parts(package_id, content)
    first = sender.seal(package_id, parts)
    again = sender.seal(package_id, parts)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert first.json()["state"] == "sealed"
    other = [{**parts[0], "md5": "0" * 32}, *parts[1:]]
    assert sender.seal(package_id, other).status_code == 409


@pytest.mark.parametrize("lacking", ["last", "other bytes"])
def test_a_seal_over_missing_parts_says_so_and_the_upload_goes_on(
    sender: Person, lacking: str
) -> None:
    content = make_content(3000)
    package_id = sender.announce(len(content))
    parts = split(content, 1024)
    sender.send_parts(package_id, content[:2048] if lacking == "last" else content[:2048] + PART)
    response = sender.seal(package_id, parts)
    assert response.status_code == 409
    assert response.json()["error"]["id"] == "upload.interrupted"
    sender.send_parts(package_id, content)
    assert sender.seal(package_id, parts).status_code == 200
    assert sender.get(f"/v1/packages/{package_id}/content").content == content


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 1},
        {"slots": {"offset": 2000, "length": 1024}},
        {"slots": {"offset": 0, "length": 10}},
        {"slots": {"offset": -1, "length": 1024}},
        {"sha256": "zz"},
        {"parts": []},
        {"unknown": 1},
    ],
)
def test_a_seal_that_makes_no_sense_is_refused(sender: Person, changes: dict[str, Any]) -> None:
    content = make_content(2048)
    package_id = sender.announce(len(content))
    parts = sender.send_parts(package_id, content)
    body = {"size": 2048, "parts": parts, "slots": {"offset": 0, "length": 1024}, **changes}
    assert sender.post(f"/v1/packages/{package_id}:seal", body).status_code in {400, 422}
    assert sender.seal(package_id, [*parts, parts[0]]).status_code == 400
    assert sender.seal(package_id, parts[1:]).status_code == 400
    assert sender.seal(package_id, parts).status_code == 200


def test_announcing_again_gives_the_same_package(sender: Person) -> None:
    package_id = new_id()
    body = {"package_id": package_id, "part_size": 2048, "size_bound": 5000}
    first = sender.post("/v1/packages", body)
    again = sender.post("/v1/packages", {**body, "size_bound": 6000})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["part_size"] == 2048


@pytest.mark.parametrize("package_id", ["short", "I" * 26, "../" * 8 + "ab", "u" * 26])
def test_a_bad_package_id_is_refused(sender: Person, package_id: str) -> None:
    body = {"package_id": package_id, "part_size": 2048, "size_bound": 5000}
    assert sender.post("/v1/packages", body).status_code in {400, 422}


def test_the_part_size_is_raised_so_that_the_parts_suffice(sender: Person) -> None:
    body = {"package_id": new_id(), "part_size": 1024, "size_bound": 5 << 30}
    part_size = sender.ok("POST", "/v1/packages", body)["part_size"]
    assert part_size * LIMITS.max_parts >= 5 << 30
    assert part_size % (1 << 20) == 0


class TestQuota:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        limits = Limits(
            min_part_size=1024,
            max_package_size=6000,
            organisation_bytes=10_000,
            organisation_open_uploads=2,
        )
        return make_settings(limits=limits)

    def announce(self, person: Person, size: int) -> requests.Response:
        body = {"package_id": new_id(), "part_size": 1024, "size_bound": size}
        return person.post("/v1/packages", body)

    def test_bytes_of_an_organisation(self, sender: Person) -> None:
        first = sender.announce(6000)
        response = self.announce(sender, 5000)
        assert response.status_code == 413
        assert response.json()["error"]["id"] == "exchange.quota"
        parts = sender.send_parts(first, PART)
        sender.seal(first, parts, slots={"offset": 0, "length": 1024})
        assert self.announce(sender, 5000).status_code == 201

    def test_size_of_a_package(self, sender: Person) -> None:
        assert self.announce(sender, 6001).status_code == 413

    def test_open_uploads(self, sender: Person, api: Person) -> None:
        assert [self.announce(sender, 10).status_code for _ in range(3)] == [201, 201, 413]
        other = api.login("ct@b.example", "correct horse battery")
        assert self.announce(other, 10).status_code == 201

    def test_parts_beyond_the_announced_size(self, sender: Person) -> None:
        package_id = sender.announce(2000)
        for number, size in ((4, 1024), (1, 1025), (2000, 10)):
            body = {"parts": [{"number": number, "size": size, "md5": "0" * 32}]}
            response = sender.post(f"/v1/packages/{package_id}/parts:sign", body)
            assert response.status_code in {400, 413}
