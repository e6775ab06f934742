"""Guessing mail codes, access codes, passwords; also in parallel."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters

from emixcli.errors import EmixError, GoneError
from emixcli.server import recipients
from emixcli.server.accounts import Passwords, change_account
from emixcli.server.settings import Limits, Settings
from tests.serving import ServerThread
from tests.unit.server.api import AUTH, WRONG, Api, Person, Recipient, iter_mails, wait_for
from tests.unit.server.conftest import LIMITS, PASSWORD, FrozenClock, add_people


def wrong_code(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def verify(recipient: Recipient, code: str) -> Any:
    return recipient.post(f"{recipient.path}/otp:verify", {"code": code})


def test_five_wrong_mail_codes_use_a_code_up(recipient: Recipient) -> None:
    code = recipient.ask()
    left = [verify(recipient, wrong_code(code)).json()["tries_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    refused = verify(recipient, code)
    assert refused.status_code == 403
    assert refused.json()["error"]["id"] == "exchange.forbidden"
    assert verify(recipient, recipient.ask()).status_code == 200


def test_a_mail_code_works_once_and_for_ten_minutes(
    recipient: Recipient, clock: FrozenClock
) -> None:
    code = recipient.ask()
    assert verify(recipient, code).status_code == 200
    assert verify(recipient, code).status_code == 403
    code = recipient.ask()
    clock.forward(minutes=10)
    assert verify(recipient, code).status_code == 403


def test_a_new_mail_code_replaces_the_old_one(recipient: Recipient) -> None:
    old = recipient.ask()
    new = recipient.ask()
    if old != new:
        assert verify(recipient, old).status_code == 403
    assert verify(recipient, new).status_code == 200


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\ud83d\ude00"])
def test_what_is_no_mail_code_is_a_wrong_one(recipient: Recipient, code: str) -> None:
    recipient.ask()
    assert verify(recipient, code).status_code == 403


class TestMailLimits:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(limits=Limits(min_part_size=1024, otp_per_hour=3, otp_per_share=5))

    def test_codes_are_not_mailed_without_end(
        self, recipient: Recipient, clock: FrozenClock, sender: Person, share: dict[str, Any]
    ) -> None:
        def ask() -> None:
            assert recipient.post(f"{recipient.path}/otp", {}).status_code == 202

        recipient.ask()
        ask()
        for _ in range(5):
            clock.forward(seconds=LIMITS.otp_s)
            ask()
        wait_for(lambda: len(recipient.codes()) == 3)
        clock.forward(hours=1)
        for _ in range(4):
            clock.forward(seconds=30)
            ask()
        wait_for(lambda: len(recipient.codes()) == 5)
        sender.ok("POST", f"/v1/shares/{share['share_id']}:resend")
        clock.forward(hours=2)
        recipient.ask()


def test_five_wrong_access_codes_lock_the_share_and_tell_the_sender(
    server: ServerThread, recipient: Recipient, sender: Person, share: dict[str, Any]
) -> None:
    session = recipient.verify()["session"]
    answers = [recipient.open(session, WRONG) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 410]
    assert [answer.json().get("tries_left") for answer in answers] == [4, 3, 2, 1, None]
    assert answers[-1].json()["error"]["id"] == "share.locked"
    assert recipient.open(session).json()["error"]["id"] == "share.locked"
    state = sender.ok("GET", f"/v1/shares/{share['share_id']}")
    assert (state["state"], state["tries_left"], state["link"]) == ("locked", 0, None)
    data = server.exchange.settings.data
    told = wait_for(lambda: [m for m in iter_mails(data) if m["X-Emix-Kind"] == "locked"])
    assert told[0]["To"] == "ct@a.example"


def test_tries_count_over_the_life_of_a_share(recipient: Recipient, clock: FrozenClock) -> None:
    for _ in range(4):
        session = recipient.verify()["session"]
        assert recipient.open(session, WRONG).status_code == 403
        clock.forward(days=2)
    session = recipient.verify()["session"]
    assert recipient.open(session).status_code == 200
    assert recipient.open(session, WRONG).status_code == 410
    assert recipient.open(session).status_code == 410


def test_the_right_code_uses_no_try(recipient: Recipient) -> None:
    session = recipient.verify()["session"]
    assert {recipient.open(session).status_code for _ in range(8)} == {200}


def test_two_hundred_parallel_tries_are_five(
    server: ServerThread, recipient: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = recipient.verify()["session"]
    token = recipient.path.rpartition("/")[2]
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare(mine: bytes, known: bytes) -> bool:
        compared.append(mine)
        return bool(real(mine, known))

    monkeypatch.setattr(hmac, "compare_digest", compare)
    gate = threading.Barrier(200)

    def guess(number: int) -> str:
        gate.wait()
        proof = number.to_bytes(32)
        try:
            recipients.open_share(server.exchange, token, session, proof, source="test")
        except EmixError as exc:
            return type(exc).__name__
        return "open"

    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(guess, range(200)))
    assert len(compared) == 5
    assert answers.count("WrongCodeError") == 4
    assert answers.count("open") == 0
    with pytest.raises(GoneError):
        recipients.open_share(server.exchange, token, session, AUTH, source="test")


def test_a_session_of_another_share_opens_nothing(
    server: ServerThread, recipient: Recipient, sender: Person, package_id: str
) -> None:
    data = server.exchange.settings.data
    other = Recipient(server.url, sender.share(package_id, "dr@d.example")["link"], data)
    session = recipient.verify()["session"]
    wait_for(lambda: any(mail["To"] == "dr@d.example" for mail in iter_mails(data)))
    assert other.open(session).status_code == 401
    assert other.open("emv_made-up").status_code == 401
    assert recipient.open(session).status_code == 200


def test_content_tokens_and_tickets_do_not_stand_in_for_each_other(recipient: Recipient) -> None:
    session = recipient.verify()["session"]
    opened = recipient.open(session).json()
    ticket = opened["copy"]["url"].partition("ticket=")[2]
    token = opened["content"]["token"]
    url = opened["content"]["url"]
    for wrong in (ticket, session, "emc_x", ""):
        headers = {"Authorization": f"Bearer {wrong}"}
        assert recipient.get(url, headers=headers).status_code == 401
    for wrong in (token, session, "emt_x", ""):
        assert recipient.get(opened["copy"]["url"].replace(ticket, wrong)).status_code == 401


def test_a_session_ends(recipient: Recipient, clock: FrozenClock) -> None:
    session = recipient.verify()["session"]
    clock.forward(seconds=LIMITS.session_s)
    assert recipient.open(session).status_code == 401
    opened = recipient.open(recipient.verify()["session"]).json()
    headers = {"Authorization": f"Bearer {opened['content']['token']}"}
    more = f"/v1/packages/{opened['package_id']}/copy:ticket"
    clock.forward(seconds=LIMITS.ticket_s)
    assert recipient.get(opened["copy"]["url"]).status_code == 401
    renewed = recipient.ok("POST", more, headers=headers)["copy"]["url"]
    assert recipient.get(renewed).status_code == 200
    clock.forward(seconds=LIMITS.content_s)
    assert recipient.post(more, headers=headers).status_code == 401
    assert recipient.get(opened["content"]["url"], headers=headers).status_code == 401


def login(api: Api, address: str, password: str) -> Any:
    return api.post("/v1/login", {"email": address, "password": password})


def test_unknown_address_and_wrong_password_are_answered_alike(api: Api) -> None:
    wrong = login(api, "ct@a.example", "not the password")
    unknown = login(api, "nobody@a.example", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert set(wrong.headers) == set(unknown.headers)


class CountingHasher(PasswordHasher):
    """Notes the parameters of every hash that is computed to verify."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified: list[Parameters] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - as argon2 names it
        self.verified.append(extract_parameters(str(hash)))
        return super().verify(hash, password)


def test_a_login_costs_the_same_whoever_asks(settings: Settings) -> None:
    """One hash of the same cost, for known, unknown and disabled accounts, right or wrong."""
    add_people(settings)
    hasher = CountingHasher()
    with ServerThread(settings, passwords=Passwords(hasher)) as server, Api(server.url) as api:
        change_account(server.exchange, "mr@a.example", disabled=True)
        statuses = [
            login(api, address, password).status_code
            for address, password in (
                ("ct@a.example", PASSWORD),
                ("ct@a.example", "not the password"),
                ("nobody@a.example", "not the password"),
                ("mr@a.example", PASSWORD),
                ("no address", "x"),
            )
        ]
    assert statuses == [200, 401, 401, 401, 401]
    assert len(hasher.verified) == len(statuses)
    assert len(set(map(repr, hasher.verified))) == 1


def test_logins_are_limited_for_each_address(api: Api, clock: FrozenClock) -> None:
    for address in ("ct@a.example", "nobody@a.example"):
        for _ in range(LIMITS.login_failures):
            assert login(api, address, "wrong password").status_code == 401
        limited = login(api, address, PASSWORD)
        assert limited.status_code == 429
        assert int(limited.headers["Retry-After"]) == LIMITS.login_window_s
    assert login(api, "mr@a.example", PASSWORD).status_code == 200
    clock.forward(seconds=LIMITS.login_window_s)
    assert login(api, "CT@a.example", PASSWORD).status_code == 200


def test_parallel_logins_gain_nothing(api: Api) -> None:
    def guess(number: int) -> int:
        with Api(api.url) as own:
            return int(login(own, "ct@a.example", f"password {number}").status_code)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(guess, range(40)))
    assert answers.count(401) <= LIMITS.login_failures
    assert set(answers) <= {401, 429, 503}


def test_a_token_ends(api: Api, clock: FrozenClock) -> None:
    one = api.login("ct@a.example", PASSWORD)
    two = api.login("ct@a.example", PASSWORD)
    assert one.ok("GET", "/v1/account")["account"]["role"] == "sender"
    one.ok("POST", "/v1/logout")
    assert one.get("/v1/account").status_code == 401
    assert two.get("/v1/account").status_code == 200
    clock.forward(days=LIMITS.token_days)
    assert two.get("/v1/account").status_code == 401
    assert api.get("/v1/account").headers["WWW-Authenticate"] == "Bearer"
