"""Contacts and the address guard on the exchange, by every role and from outside."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from urllib.parse import unquote

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config

from emixcli.exchange.contacts import enter_contact, iter_contacts, remove_contact
from emixcli.exchange.http import HttpExchange
from emixcli.exchange.transport import Transport
from emixcli.server import audit
from emixcli.server.app import make_app
from emixcli.server.contacts import is_npi
from emixcli.server.database import Database
from emixcli.server.migrations import versions
from tests.serving import ServerThread
from tests.unit.server.api import Api, Person, Recipient, share_body
from tests.unit.server.conftest import PASSWORD

KNOWN = "j.harmon@radiology.example.org"
NEAR_NAME = "j.hamron@radiology.example.org"
NEAR_DOMAIN = "j.harmon@radiolgoy.example.org"


@pytest.fixture
def admin(api: Api) -> Person:
    return api.login("admin@a.example", PASSWORD)


@pytest.fixture
def colleague(api: Api) -> Person:
    return api.login("mr@a.example", PASSWORD)


@pytest.fixture
def foreign(api: Api) -> Person:
    return api.login("ct@b.example", PASSWORD)


def add(person: Api, email: str = KNOWN, **more: Any) -> dict[str, Any]:
    return person.ok("POST", "/v1/contacts", {"email": email, **more})


def get(person: Api, email: str) -> dict[str, Any] | None:
    found = person.ok("POST", "/v1/contacts:find", {"email": email})["contacts"]
    return found[0] if found else None


def judge(person: Api, email: str, confirm: str = "") -> tuple[str, str, str]:
    body = {"recipients": [{"email": email, "confirm_email": confirm}]}
    (one,) = person.ok("POST", "/v1/contacts:check", body)["recipients"]
    return one["action"], one["reason"], one["meant"]


def try_share(person: Person, package_id: str, email: str, **changes: Any) -> Any:
    body = share_body(email, hold_s=None, **changes)
    return person.post(f"/v1/packages/{package_id}/shares", body)


def actions(server: ServerThread, organisation: str = "Hospital A") -> list[tuple[str, str]]:
    with server.exchange.read() as work:
        query = "SELECT id FROM organisations WHERE name = :name"
        owner = work.connection.execute(sqlalchemy.text(query), {"name": organisation}).scalar_one()
        rows = [(row.action, row.detail) for row in audit.iter_rows(work.connection, owner)]
        assert audit.verify_chain(work.connection, work.vault, owner) is None
    return [row for row in rows if row[0].startswith(("contact.", "policy."))]


def test_a_contact_that_was_entered_needs_no_second_typing(
    sender: Person, colleague: Person, package_id: str
) -> None:
    made = add(sender, name="Jo Harmon", organisation="Radiology")
    assert (made["state"], made["known"], made["added_by"]) == ("new", True, "ct@a.example")
    assert judge(colleague, KNOWN.upper()) == ("ok", "", "")
    shared = try_share(sender, package_id, KNOWN, confirm_email=None)
    assert shared.status_code == 201
    # Known is not proven: its mail is held like that of a new address.
    assert shared.json()["hold_until"] > shared.json()["created"]
    found = get(colleague, KNOWN)
    assert found is not None
    assert (found["name"], found["organisation"]) == ("Jo Harmon", "Radiology")


@pytest.mark.parametrize(
    ("typed", "reason"), [(NEAR_NAME, "address.near"), (NEAR_DOMAIN, "domain.near")]
)
def test_a_near_miss_is_refused_until_it_is_entered_as_a_contact(
    sender: Person, package_id: str, typed: str, reason: str
) -> None:
    add(sender)
    for confirm in (None, typed):
        refused = try_share(sender, package_id, typed, confirm_email=confirm)
        assert refused.status_code == 409
        assert refused.json()["error"]["id"] == "recipient.unconfirmed"
        assert KNOWN in refused.json()["error"]["hint"]
        assert typed not in refused.text
    assert judge(sender, typed, typed) == ("refuse", reason, KNOWN)
    assert get(sender, typed) is None
    unseen = sender.post("/v1/contacts", {"email": typed})
    assert unseen.status_code == 409
    assert KNOWN in unseen.json()["error"]["hint"]
    assert get(sender, typed) is None
    assert (
        sender.post("/v1/contacts", {"email": typed, "accept": "address.role"}).status_code == 409
    )
    assert add(sender, typed, accept=reason)["known"]
    assert try_share(sender, package_id, typed, confirm_email=None).status_code == 201


def test_an_address_that_was_only_used_never_becomes_known(sender: Person, package_id: str) -> None:
    """A wrong address was confirmed once: it is new again each time, and so is its domain."""
    wrong = "j.harmon@radiolgoy.example.org"
    assert try_share(sender, package_id, wrong).status_code == 201
    assert judge(sender, wrong) == ("confirm", "address.new", "")
    assert judge(sender, "second@radiolgoy.example.org") == ("confirm", "address.new", "")
    assert judge(sender, KNOWN) == ("confirm", "address.new", "")
    add(sender)
    assert judge(sender, wrong, wrong) == ("refuse", "domain.near", KNOWN)
    assert try_share(sender, package_id, wrong).status_code == 409


@pytest.mark.parametrize(
    ("typed", "action", "reason"),
    [
        ("new.person@elsewhere.test", "confirm", "address.new"),
        ("radiology@elsewhere.test", "confirm", "address.role"),
        ("everyone@elsewhere.test", "confirm", "address.list"),
        ("jo@gmial.com", "refuse", "domain.typo"),
        ("jo@clinic.con", "refuse", "domain.ending"),
        ("j\u043e@clinic.test", "refuse", "address.letters"),
        ("jo@clinic.test, max@clinic.test", "refuse", "address.invalid"),
    ],
)
def test_recipients_are_judged_before_an_upload(
    sender: Person, typed: str, action: str, reason: str
) -> None:
    assert judge(sender, typed)[:2] == (action, reason)
    assert judge(sender, typed, "other@elsewhere.test")[:2] == (action, reason)
    confirmed = judge(sender, typed, typed)
    assert confirmed[0] == ("ok" if action == "confirm" else "refuse")


def test_blocking_is_for_administrators_and_holds_against_everything(
    server: ServerThread, sender: Person, admin: Person, package_id: str, recipient: Recipient
) -> None:
    """Also against a recipient who proves an access code afterwards."""
    address = "dr@c.example"
    held = try_share(sender, package_id, address).json()
    for verb in ("block", "unblock"):
        assert sender.post(f"/v1/contacts:{verb}", {"email": address}).status_code == 403
    session = recipient.verify()["session"]
    assert admin.ok("POST", "/v1/contacts:block", {"email": address})["state"] == "blocked"
    # What waited for it never leaves.
    assert sender.ok("GET", f"/v1/shares/{held['share_id']}")["state"] == "recalled"
    assert recipient.open(session).status_code == 200
    for person in (sender, admin):
        assert judge(person, address, address) == ("refuse", "contact.blocked", "")
        assert person.post("/v1/contacts", {"email": address}).status_code == 409
    assert try_share(sender, package_id, address).status_code == 409
    made = sender.ok("GET", f"/v1/packages/{package_id}")["shares"]
    (opened,) = [share["share_id"] for share in made if share["state"] == "opened"]
    assert sender.post(f"/v1/shares/{opened}:resend").status_code == 409
    assert sender.post("/v1/contacts:remove", {"email": address}).status_code == 403
    freed = admin.ok("POST", "/v1/contacts:unblock", {"email": address})
    assert (freed["state"], freed["known"]) == ("notified", False)
    done = [name for name, _detail in actions(server)]
    assert [name for name in done if not name.endswith(".refused")] == [
        "contact.blocked",
        "contact.unblocked",
    ]


def test_of_a_block_and_a_share_at_once_no_mail_leaves(
    sender: Person, admin: Person, package_id: str
) -> None:
    """Whichever comes first: the share is refused, or recalled with its mail."""
    for number in range(6):
        address = f"both.{'abcdef'[number] * 4}@c.example"
        with ThreadPoolExecutor(2) as pool:
            shared = pool.submit(try_share, sender, package_id, address)
            blocked = pool.submit(admin.post, "/v1/contacts:block", {"email": address})
            assert blocked.result().status_code == 200
        if shared.result().status_code == 201:
            path = f"/v1/shares/{shared.result().json()['share_id']}"
            assert sender.ok("GET", path)["state"] == "recalled"
        else:
            assert shared.result().status_code == 409
        assert judge(sender, address, address)[1] == "contact.blocked"


def test_a_blocked_address_needs_not_be_there_before(admin: Person, sender: Person) -> None:
    assert admin.ok("POST", "/v1/contacts:block", {"email": "x@bad.test"})["state"] == "blocked"
    assert judge(sender, "x@bad.test", "x@bad.test") == ("refuse", "contact.blocked", "")
    assert admin.ok("POST", "/v1/contacts:unblock", {"email": "x@bad.test"})["state"] == "new"
    assert admin.post("/v1/contacts:unblock", {"email": "y@bad.test"}).status_code == 404


def test_contacts_of_another_organisation_look_like_none(
    sender: Person, foreign: Person, api: Api
) -> None:
    add(sender, name="Jo")
    foreign_admin = api.login("admin@b.example", PASSWORD)
    for person in (foreign, foreign_admin):
        assert person.ok("GET", "/v1/contacts")["contacts"] == []
        assert judge(person, KNOWN) == judge(person, "jo@nobody.test")
        assert judge(person, NEAR_DOMAIN, NEAR_DOMAIN) == ("ok", "", "")
        theirs = person.post("/v1/contacts:remove", {"email": KNOWN})
        nobodys = person.post("/v1/contacts:remove", {"email": "jo@nobody.test"})
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.content == nobodys.content
    freed = foreign_admin.post("/v1/contacts:unblock", {"email": KNOWN})
    assert freed.status_code == 404
    foreign_admin.ok("POST", "/v1/contacts:block", {"email": KNOWN})
    assert judge(sender, KNOWN) == ("ok", "", "")
    found = get(sender, KNOWN)
    assert found is not None
    assert found["name"] == "Jo"


VERBS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/contacts", None),
    ("POST", "/v1/contacts", {"email": KNOWN}),
    ("POST", "/v1/contacts:find", {"email": KNOWN}),
    ("POST", "/v1/contacts:remove", {"email": KNOWN}),
    ("POST", "/v1/contacts:check", {"recipients": [{"email": KNOWN}]}),
    ("POST", "/v1/contacts:block", {"email": KNOWN}),
    ("POST", "/v1/contacts:unblock", {"email": KNOWN}),
    ("GET", "/v1/policy", None),
    ("PUT", "/v1/policy", {"allow_domains": [], "free_mail": "allow", "second_person": False}),
]


@pytest.mark.parametrize(("method", "path", "body"), VERBS)
def test_every_verb_by_every_role(
    api: Api, sender: Person, admin: Person, foreign: Person, method: str, path: str, body: Any
) -> None:
    add(sender)
    for_admins = path in {"/v1/contacts:block", "/v1/contacts:unblock"} or method == "PUT"
    reads = method == "GET" or path in {"/v1/contacts:check", "/v1/contacts:find"}
    auditor = api.login("audit@a.example", PASSWORD)
    assert auditor.call(method, path, body).status_code == (200 if reads else 403)
    assert api.call(method, path, body).status_code == 401
    foreign.call(method, path, body)
    assert get(sender, KNOWN) is not None
    assert sender.call(method, path, body).status_code == (403 if for_admins else 200)
    add(sender)
    assert admin.call(method, path, body).status_code == 200


def test_only_what_was_given_changes(server: ServerThread, sender: Person) -> None:
    print_ = "ab" * 20
    made = add(sender, identifier_kind="npi", identifier="1234567893", fingerprint=print_)
    again = add(sender, name="Jo")
    assert again == made | {"name": "Jo"}
    assert add(sender, name="Jo") == again
    assert add(sender, fingerprint="")["fingerprint"] == ""
    for wrong in (
        {"identifier_kind": "npi", "identifier": "1234567890"},
        {"identifier": "x"},
        {"identifier_kind": "ssn", "identifier": "1"},
        {"fingerprint": "AB"},
        {"name": "a\nb"},
        {"name": "x" * 201},
        {"state": "verified"},
    ):
        refused = sender.post("/v1/contacts", {"email": KNOWN, **wrong})
        assert refused.status_code in {400, 422}, wrong
    assert [name for name, _detail in actions(server)] == [
        "contact.added",
        "contact.changed",
        "contact.changed",
    ]
    assert all("Jo" not in detail for _name, detail in actions(server))


def test_a_removed_contact_is_new_again(server: ServerThread, sender: Person) -> None:
    add(sender)
    sender.ok("POST", "/v1/contacts:remove", {"email": KNOWN})
    assert judge(sender, KNOWN) == ("confirm", "address.new", "")
    assert sender.post("/v1/contacts:remove", {"email": KNOWN}).status_code == 404
    assert [name for name, _detail in actions(server)] == ["contact.added", "contact.removed"]


def test_proof_of_an_access_code_is_audited(server: ServerThread, recipient: Recipient) -> None:
    assert recipient.open(recipient.verify()["session"]).status_code == 200
    ((name, detail),) = actions(server)
    assert name == "contact.verified"
    assert '"by":"access-code"' in detail


@pytest.fixture
def policy(admin: Person) -> Callable[..., dict[str, Any]]:
    def put(**changes: Any) -> dict[str, Any]:
        body = {"allow_domains": [], "free_mail": "allow", "second_person": False, **changes}
        return admin.ok("PUT", "/v1/policy", body)

    return put


def test_the_domains_of_an_organisation(
    policy: Callable[..., dict[str, Any]], admin: Person, sender: Person, package_id: str
) -> None:
    add(sender, "old@elsewhere.test")
    assert policy(allow_domains=["Example.org", "@clinic.test"]) == {
        "allow_domains": ["clinic.test", "example.org"],
        "free_mail": "allow",
        "second_person": False,
    }
    assert judge(sender, "jo@ward.example.org", "jo@ward.example.org")[0] == "ok"
    for outside in ("old@elsewhere.test", "jo@notexample.org"):
        refused = try_share(sender, package_id, outside)
        assert refused.status_code == 409
        assert judge(sender, outside, outside)[:2] == ("refuse", "domain.not_allowed")
    assert admin.post("/v1/contacts", {"email": "jo@notexample.org"}).status_code == 409
    bad = {"allow_domains": ["no domain"], "free_mail": "allow", "second_person": False}
    assert admin.call("PUT", "/v1/policy", bad).status_code == 400
    assert admin.call("PUT", "/v1/policy", {**bad, "free_mail": "maybe"}).status_code == 422


def test_free_mail_by_policy(
    policy: Callable[..., dict[str, Any]], admin: Person, sender: Person, package_id: str
) -> None:
    patient = "a.patient@gmail.com"
    policy(free_mail="warn")
    assert judge(sender, patient) == ("confirm", "domain.free_mail", "")
    assert judge(sender, patient, patient) == ("ok", "domain.free_mail", "")
    policy(free_mail="refuse")
    assert judge(sender, patient, patient) == ("refuse", "domain.free_mail", "")
    assert try_share(sender, package_id, patient).status_code == 409
    assert sender.post("/v1/contacts", {"email": patient}).status_code == 403
    add(admin, patient)
    assert try_share(sender, package_id, patient, confirm_email=None).status_code == 201
    near = "a.patiemt@gmail.com"
    seen = {"email": near, "accept": judge(sender, near)[1]}
    assert seen["accept"] == "address.near"
    assert sender.post("/v1/contacts", seen).status_code == 403
    assert admin.post("/v1/contacts", seen).status_code == 201
    assert judge(sender, "news-l@gmail.com", "news-l@gmail.com")[0] == "refuse"


def test_a_second_person_for_new_recipients(
    policy: Callable[..., dict[str, Any]], sender: Person, colleague: Person, package_id: str
) -> None:
    policy(second_person=True)
    refused = ("refuse", "contact.second_person", "")
    assert judge(sender, KNOWN, KNOWN) == refused
    # Who enters an address is not the second person for it.
    assert not add(sender)["known"]
    assert judge(sender, KNOWN, KNOWN) == refused
    assert try_share(sender, package_id, KNOWN).status_code == 409
    assert judge(colleague, KNOWN)[0] == "ok"
    seconded = add(colleague)
    assert (seconded["added_by"], seconded["seconded_by"]) == ("ct@a.example", "mr@a.example")
    assert judge(sender, KNOWN)[0] == "ok"
    assert try_share(sender, package_id, KNOWN, confirm_email=None).status_code == 201
    assert judge(sender, NEAR_DOMAIN, NEAR_DOMAIN)[:2] == ("refuse", "domain.near")


def test_policy_changes_are_audited(
    server: ServerThread, policy: Callable[..., dict[str, Any]], sender: Person
) -> None:
    policy(second_person=True)
    assert sender.ok("GET", "/v1/policy")["second_person"] is True
    ((name, detail),) = actions(server)
    assert name == "policy.changed"
    assert '"second_person":1' in detail
    assert actions(server, "Hospital B") == []


def test_contacts_of_the_first_version_are_kept(database_url: str, tmp_path: Any) -> None:
    """Their states stay; what was only used is not made known."""
    database = Database(database_url or f"sqlite:///{tmp_path / 'old.sqlite3'}")
    config = Config()
    config.set_main_option("script_location", str(next(iter(versions.__path__)) + "/.."))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        rows = [
            "INSERT INTO organisations (id, name, created_ms) VALUES ('o', 'A', 1)",
            (
                "INSERT INTO contacts (organisation_id, address, state, created_ms)"
                " VALUES ('o', 'jo@clinic.test', 'verified', 1), ('o', 'x@y.test', 'notified', 1)"
            ),
        ]
        for row in rows:
            connection.execute(sqlalchemy.text(row))
    database.upgrade()
    with database.read() as connection:
        query = "SELECT address, domain, state, added_by FROM contacts ORDER BY address"
        found = [tuple(row) for row in connection.execute(sqlalchemy.text(query))]
    database.close()
    assert found == [
        ("jo@clinic.test", "clinic.test", "verified", None),
        ("x@y.test", "y.test", "notified", None),
    ]


def test_national_provider_identifiers() -> None:
    assert is_npi("1234567893")
    assert not any(is_npi(text) for text in ("1234567890", "123456789", "", "\u0661" * 10))


class Watched(Transport):
    """A transport that keeps the addresses that it asks."""

    asked: ClassVar[list[str]] = []

    def json(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        self.asked.append(unquote(url))
        return super().json(method, url, **options)


def test_no_mail_address_is_in_a_url(server: ServerThread, sender: Person) -> None:
    for document in make_app(server.site).openapi()["paths"].values():
        for route in document.values():
            places = {one["name"] for one in route.get("parameters", ())}
            assert not places & {"email", "address", "recipient", "confirm_email"}
    token = str(sender.session.headers["Authorization"])[7:]
    exchange = HttpExchange(Watched(sender.url), token=token)
    enter_contact(exchange, KNOWN, {})
    enter_contact(exchange, "jo@clinic.test", {})
    fetched = [*iter_contacts(exchange, page_size=1)]
    assert [contact.email for contact in fetched] == [
        "j.harmon@radiology.example.org",
        "jo@clinic.test",
    ]
    assert exchange.published_key(KNOWN) is None
    remove_contact(exchange, KNOWN)
    assert len(Watched.asked) >= 6
    assert not [path for path in Watched.asked if "@" in path or "harmon" in path]
