"""Keys that are published at once: each answer is clean, and one key is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from emixcli.container.identity import new_identity
from emixcli.container.sealed_request import MAX_SLOTS
from emixcli.server.accounts import Account, NewAccount, add_account
from emixcli.server.problems import ConflictError
from emixcli.server.readers import find_readers, publish_key
from emixcli.server.states import Role
from tests.serving import ServerThread
from tests.unit.server.api import Person
from tests.unit.server.conftest import PASSWORD, quick_passwords

AT_ONCE = 12


def fresh(person: Person) -> Person:
    """The same person with a connection of its own."""
    return Person(person.url, str(person.session.headers["Authorization"])[7:])


def put(person: Person, path: str) -> int:
    text = new_identity().public.to_json().decode()
    with fresh(person) as own:
        return own.call("PUT", path, {"public_key": text}).status_code


@pytest.mark.parametrize("path", ["/v1/keys/own", "/v1/request-keys"])
def test_one_account_at_once(sender: Person, path: str) -> None:
    for _ in range(3):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = [*pool.map(lambda _n: put(sender, path), range(AT_ONCE))]
        assert statuses == [200] * AT_ONCE
    if path == "/v1/request-keys":
        assert len(sender.ok("GET", path)["keys"]) == 1
    else:
        assert sender.ok("POST", "/v1/keys:find", {"email": "ct@a.example"})["fingerprint"]


def test_no_more_readers_at_once_than_a_request_can_have(server: ServerThread) -> None:
    passwords = quick_passwords()
    people = [
        add_account(
            server.exchange,
            NewAccount(f"reader{number}@a.example", "Reader", "Hospital A", Role.SENDER, PASSWORD),
            passwords,
        )
        for number in range(MAX_SLOTS + 5)
    ]
    text = new_identity().public.to_json().decode()

    def publish(account: Account) -> bool:
        try:
            publish_key(server.exchange, account, text)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [*pool.map(publish, people)]
    assert done.count(True) == MAX_SLOTS - 1
    assert len(find_readers(server.exchange, people[0], "")[1]) == MAX_SLOTS - 1
