"""A real exchange on loopback for every test, and small clients for its API.

The suite runs on SQLite, and the modules of `BACKENDS` on a PostgreSQL that is started for them as
well. EMIX_TEST_DATABASE runs every test on the PostgreSQL of a URL too, whose user may make
databases; EMIX_TEST_S3 adds a store by its `store_url`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from emixcli.server.accounts import NewAccount, Passwords, add_account
from emixcli.server.app import open_exchange
from emixcli.server.clock import system_clock
from emixcli.server.settings import Limits, MailSettings, Settings
from emixcli.server.states import Role
from emixcli.server.vault import SECRETS_NAME, create_vault
from tests.serving import ServerThread
from tests.unit.server import postgres
from tests.unit.server.api import Api, Person, Recipient, make_content, wait_for
from tests.unit.server.mailbox import Mailbox, serving

# Read at import: every test runs without EMIX_* settings.
POSTGRESQL, S3 = os.environ.get("EMIX_TEST_DATABASE", ""), os.environ.get("EMIX_TEST_S3", "")
#: What meets each way to keep rows: the whole life of a package and its shares.
BACKENDS = (
    "test_audit",
    "test_backends",
    "test_certificate",
    "test_disclosures",
    "test_contacts",
    "test_flow",
    "test_key_races",
    "test_lifetime",
    "test_mail_states",
    "test_invitations",
    "test_rates",
    "test_refusals",
    "test_requests",
    "test_shares",
)
STORES = ["files", *(["s3"] if S3 else [])]

PASSWORD = "correct horse battery"
#: One pair of tables and files, so that parts of a few bytes show what parts of 8 MiB do.
LIMITS = Limits(min_part_size=1024, otp_interval_s=0, body_idle_s=5)


class FrozenClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now_ms = system_clock()

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, **parts: float) -> None:
        """Move on by `seconds`, `minutes`, `hours` or `days`."""
        units = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
        self.now_ms += int(1000 * sum(units[name] * value for name, value in parts.items()))


def quick_passwords() -> Passwords:
    """Argon2id with small parameters: tests log in often."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        everywhere = POSTGRESQL or metafunc.module.__name__.rpartition(".")[2] in BACKENDS
        databases = ["sqlite", *(["postgresql"] if everywhere else [])]
        metafunc.parametrize("database_url", databases, indirect=True)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A database that only this process of tests uses."""
    if POSTGRESQL:
        with postgres.own_database(POSTGRESQL) as url:
            yield url
        return
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.started() as server_url, postgres.own_database(server_url) as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database's URL; empty for the default."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("postgresql_url")
    postgres.empty(url)
    return url


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest) -> str:
    """A store's URL; empty for the default."""
    return S3 if request.param == "s3" else ""


@pytest.fixture
def make_settings(tmp_path: Path, database_url: str, store_url: str) -> Callable[..., Settings]:
    """Makes settings of a data directory with secrets."""

    def make(**changes: Any) -> Settings:
        data = tmp_path / "data"
        if not data.exists():
            data.mkdir(mode=0o700)
            create_vault(data / SECRETS_NAME)
        limits = changes.pop("limits", LIMITS)
        mail = changes.pop("mail", MailSettings())
        listen = changes.pop("listen", "127.0.0.1:0")
        return Settings(
            data=data,
            listen=listen,
            database_url=database_url,
            store_url=store_url,
            limits=limits,
            mail=mail,
            **changes,
        )

    return make


def add_people(settings: Settings, clock: Callable[[], int] = system_clock) -> None:
    """Two hospitals: at A an administrator, an auditor and two senders, at B two people."""
    exchange = open_exchange(settings, clock)
    passwords = quick_passwords()
    for email, organisation, role in (
        ("admin@a.example", "Hospital A", Role.ADMIN),
        ("audit@a.example", "Hospital A", Role.AUDITOR),
        ("ct@a.example", "Hospital A", Role.SENDER),
        ("mr@a.example", "Hospital A", Role.SENDER),
        ("admin@b.example", "Hospital B", Role.ADMIN),
        ("ct@b.example", "Hospital B", Role.SENDER),
    ):
        name = email.partition("@")[0].upper()
        add_account(exchange, NewAccount(email, name, organisation, role, PASSWORD), passwords)
    exchange.database.close()


@pytest.fixture
def clock() -> FrozenClock:
    """The exchange's clock."""
    return FrozenClock()


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings of the exchange under test; tests override this fixture."""
    return make_settings()


@pytest.fixture
def server(settings: Settings, clock: FrozenClock) -> Iterator[ServerThread]:
    """A running exchange with two hospitals."""
    add_people(settings, clock)
    with ServerThread(settings, clock=clock, passwords=quick_passwords()) as running:
        yield running


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server; tests whose exchange sends by it override `settings`."""
    with serving() as box:
        yield box


@pytest.fixture
def api(server: ServerThread) -> Iterator[Api]:
    """The API without a login."""
    with Api(server.url) as client:
        yield client


@pytest.fixture
def sender(api: Api) -> Person:
    """A sender of hospital A."""
    return api.login("ct@a.example", PASSWORD)


@pytest.fixture
def package_id(sender: Person) -> str:
    """A sealed package of hospital A."""
    return sender.upload(make_content())


@pytest.fixture
def share(sender: Person, package_id: str) -> dict[str, Any]:
    """A share of it whose mail has gone."""
    made: dict[str, Any] = sender.share(package_id)
    wait_for(lambda: sender.ok("GET", f"/v1/shares/{made['share_id']}")["mail"] == "sent")
    return made


@pytest.fixture
def recipient(server: ServerThread, share: dict[str, Any]) -> Iterator[Recipient]:
    """The recipient of the share."""
    with Recipient(server.url, share["link"], server.exchange.settings.data) as client:
        yield client


@pytest.fixture
def reader(api: Api) -> Person:
    """The administrator of hospital A, who reads requests."""
    from tests.unit.server.asking import publish

    person = api.login("admin@a.example", PASSWORD)
    publish(person)
    return person


@pytest.fixture
def asker(api: Api) -> Person:
    """A sender of hospital B, who asks hospital A."""
    return api.login("ct@b.example", PASSWORD)
