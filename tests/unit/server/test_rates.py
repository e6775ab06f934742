"""What is allowed so often within an hour is not had more often by asking at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import select

from emixcli.server.housekeeping import expire
from emixcli.server.settings import Limits, Settings
from emixcli.server.tables import counters
from emixcli.server.vault import new_id
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, share_body
from tests.unit.server.asking import keys_of, post, sealed_for
from tests.unit.server.conftest import PASSWORD

ALLOWED = 5
AT_ONCE = 24


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    limits = Limits(
        min_part_size=1024,
        organisation_mails_per_hour=ALLOWED,
        organisation_requests_per_hour=ALLOWED,
        requester_requests_per_hour=ALLOWED,
    )
    return make_settings(limits=limits)


def at_once(act: Callable[[int], requests.Response], *, refused: int = 429) -> None:
    """Do it in parallel: so many as are allowed pass, and the others are told to wait."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = [response.status_code for response in pool.map(act, range(AT_ONCE))]
    assert sorted(statuses) == [201] * ALLOWED + [refused] * (AT_ONCE - ALLOWED)


def test_shares_at_once(sender: Person, package_id: str) -> None:
    def share(number: int) -> requests.Response:
        body = share_body(f"person.{number:02}@clinic{number:02}.example", hold_s=100)
        with fresh(sender) as person:
            return person.post(f"/v1/packages/{package_id}/shares", body)

    at_once(share)


def test_invitations_at_once(reader: Person) -> None:
    def invite(number: int) -> requests.Response:
        address = f"person.{number:02}@clinic{number:02}.example"
        with fresh(reader) as person:
            return person.post("/v1/invitations", {"email": address, "confirm_email": address})

    at_once(invite)


@pytest.mark.parametrize("askers", [["ct@b.example"], ["ct@b.example", "admin@b.example"]])
def test_requests_at_once(api: Api, reader: Person, askers: list[str]) -> None:
    keys = keys_of(reader, "")
    people = [api.login(email, PASSWORD) for email in askers]
    sealed = [sealed_for(keys) for _ in range(AT_ONCE)]

    def ask(number: int) -> requests.Response:
        with fresh(people[number % len(people)]) as person:
            return post(person, "/v1/requests", sealed[number])

    at_once(ask)


class TestQuota:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(limits=Limits(organisation_open_uploads=ALLOWED))

    def test_uploads_at_once(self, sender: Person) -> None:
        def announce(_number: int) -> requests.Response:
            body = {"package_id": new_id(), "part_size": 1024, "size_bound": 10}
            with fresh(sender) as person:
                return person.post("/v1/packages", body)

        at_once(announce, refused=413)


def test_uploads_and_other_acts_at_once(sender: Person) -> None:
    """Whoever reserves room waits for the audit chain, whose rows refer to the organisation."""

    def act(number: int) -> requests.Response:
        with fresh(sender) as person:
            if number % 2:
                return person.get("/v1/audit")
            body = {"package_id": new_id(), "part_size": 1024, "size_bound": 10}
            return person.post("/v1/packages", body)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = [response.status_code for response in pool.map(act, range(4 * AT_ONCE))]
    assert statuses == [201, 403] * (2 * AT_ONCE)


def fresh(person: Person) -> Person:
    """The same person with a connection of its own."""
    return Person(person.url, str(person.session.headers["Authorization"])[7:])


def test_housekeeping_waits_for_nobody_who_counts(server: ServerThread, clock: Any) -> None:
    """Whoever counts waits for the audit chain next, which housekeeping may hold."""
    if server.exchange.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    with server.exchange.write() as work:
        work.queue("shares", "x")
    with ThreadPoolExecutor(1) as pool, server.exchange.write() as work:
        work.queue("shares", "x")
        clock.forward(minutes=1)
        assert pool.submit(expire, server.exchange).result(timeout=10) == 0
    clock.forward(minutes=1)
    expire(server.exchange)
    with server.exchange.read() as work:
        assert work.all(select(counters).where(counters.c.until_ms <= work.now_ms)) == []


def test_a_limit_is_over_after_an_hour(sender: Person, package_id: str, clock: Any) -> None:
    for number in range(ALLOWED):
        sender.share(package_id, f"person.{number:02}@clinic{number:02}.example", hold_s=100)
    path, body = f"/v1/packages/{package_id}/shares", share_body(hold_s=100)
    assert sender.post(path, body).status_code == 429
    clock.forward(hours=1, seconds=1)
    assert sender.post(path, body).status_code == 201
