"""`emix contacts`, and what the address guard says to whoever sends."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.running import Result
from tests.terminal import play
from tests.unit.services.exchange_process import EMAIL, PASSWORD, ExchangeProcess

Emix = Callable[..., Result]
HARMON = "j.harmon@radiology.book.test"
NEAR = "j.hamron@radiology.book.test"
FAR = "j.harmon@radiolgoy.book.test"
TYPE_AGAIN = "type the address again: "


@pytest.fixture
def emix(
    logged_in: ExchangeProcess, emix_here: Emix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Emix:
    monkeypatch.chdir(tmp_path)
    return emix_here


@pytest.fixture
def as_admin(
    logged_in: ExchangeProcess, emix: Emix, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    token = logged_in.client().login("it@hospital.example", PASSWORD).token

    def run(*arguments: str | Path) -> Result:
        with monkeypatch.context() as patch:
            patch.setenv("EMIX_TOKEN", token)
            return emix(*arguments)

    return run


@pytest.fixture
def harmon(emix: Emix) -> str:
    added = emix("contacts", "add", HARMON, "--name", "Jo Harmon", "--npi", "1234567893", "--json")
    assert added.code == 0, added.stderr
    return HARMON


def contacts(result: Result) -> dict[str, Any]:
    assert result.code == 0, result.stderr
    return {one["email"]: one for one in result.document["contacts"]}


def n_packages(emix: Emix) -> int:
    return len(emix("list", "--json").document["packages"])


def send(disc: Path, to: str, *more: str | Path) -> tuple[str | Path, ...]:
    return ("send", disc, "--to", to, "--purpose", "treatment", "--yes", "--no-input", *more)


def test_a_known_contact_needs_no_extra_step(emix: Emix, small_disc: Path, harmon: str) -> None:
    found = contacts(emix("contacts", "show", harmon, "--json"))[harmon]
    assert (found["state"], found["known"], found["name"]) == ("new", True, "Jo Harmon")
    assert (found["identifier_kind"], found["identifier"]) == ("npi", "1234567893")
    sent = emix(*send(small_disc, harmon, "--code-out", "code", "--json"))
    assert sent.code == 0, sent.stderr
    assert sent.document["shares"][0]["state"] == "held"


@pytest.mark.parametrize("typed", [NEAR, FAR])
def test_a_near_miss_stops_before_a_byte_is_uploaded(
    emix: Emix, small_disc: Path, harmon: str, typed: str
) -> None:
    before = n_packages(emix)
    for more in ((), ("--confirm-to", typed)):
        refused = emix(*send(small_disc, typed, *more, "--code-out", "code", "--json"))
        assert refused.code == 69
        assert refused.error["id"] == "recipient.unconfirmed"
        assert harmon in refused.error["hint"]
        assert "nothing was sent" in refused.error["message"]
    assert n_packages(emix) == before
    Path("sends.csv").write_text(
        f"source,to,purpose,confirm_to\n{small_disc},{typed},treatment,{typed}\n"
    )
    checked = emix("batch", "check", "sends.csv", "--json")
    assert checked.code == 3
    (row,) = checked.document["rows"]
    assert (row["state"], row["error"]) == ("failed", "recipient.unconfirmed")
    assert harmon in row["hint"]
    ran = emix("batch", "run", "sends.csv", "--codes-out", "codes.csv", "--json")
    assert ran.code == 3
    assert n_packages(emix) == before


def test_adding_alone_lets_a_near_miss_through(emix: Emix, small_disc: Path, harmon: str) -> None:
    twin = "j.harmin@radiology.book.test"
    refused = emix("contacts", "add", twin, "--json")
    assert refused.code == 69
    assert harmon in refused.error["hint"]
    assert "--yes" in refused.error["hint"]
    assert emix("contacts", "show", twin).code == 64
    assert emix("contacts", "add", twin, "--yes").code == 0
    sent = emix(*send(small_disc, twin, "--code-out", "code", "--json"))
    assert sent.code == 0, sent.stderr
    assert emix("contacts", "remove", twin).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_a_person_types_the_address_again(
    emix: Emix, small_disc: Path, harmon: str, tmp_path: Path
) -> None:
    twin = "k.harmon@radiology.book.test"
    add = ("-m", "emixcli", "contacts", "add", twin)
    other = play(*add, answers=((TYPE_AGAIN, harmon),), cwd=tmp_path)
    assert other.code == 69
    assert f"did you mean {harmon}?" in other.stderr
    assert play(*add, answers=((TYPE_AGAIN, twin),), cwd=tmp_path).code == 0
    assert emix("contacts", "remove", twin).code == 0
    typed = ("-m", "emixcli", "send", small_disc, "--to", twin, "--purpose", "treatment")
    stopped = play(*typed, answers=(), cwd=tmp_path)
    assert stopped.code == 69
    assert "[y/N]" not in stopped.stderr
    office = ("-m", "emixcli", "send", small_disc, "--to", "xray@other.test", "--purpose", "legal")
    asked = play(*office, answers=(("[y/N] ", "y"), (TYPE_AGAIN, "xray@other.tset")), cwd=tmp_path)
    assert asked.code == 69
    assert "which several people read" in asked.stderr


def test_a_plan_tells_what_would_become_of_its_recipients(
    emix: Emix, small_disc: Path, harmon: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = ("send", small_disc, "--purpose", "treatment", "--dry-run", "--json", "--to")
    good = emix(*plan, harmon).document
    assert (good["judged_by"], good["judged"][0]["action"]) == ("exchange", "ok")
    new = emix(*plan, "someone@new.test")
    assert (new.code, new.document["judged"][0]["action"]) == (0, "confirm")
    refused = emix(*plan, NEAR)
    assert refused.code == 69
    assert refused.document["judged"][0]["meant"] == harmon
    assert emix("contacts", "list").code == 0
    monkeypatch.setenv("EMIX_TOKEN", "")
    offline = emix(*plan, NEAR)
    assert offline.code == 69
    assert (offline.document["judged_by"], offline.document["judged"]) == (
        "cache",
        refused.document["judged"],
    )
    assert offline.document["contacts_of"]
    monkeypatch.setenv("EMIX_EXCHANGE_URL", "")
    alone = emix(*plan, NEAR).document
    assert (alone["judged_by"], alone["judged"][0]["action"]) == ("nothing", "confirm")
    assert emix(*plan, "jo@gmial.com").code == 69


def test_contacts_are_kept_for_use_without_a_network(
    emix: Emix, logged_in: ExchangeProcess, harmon: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emixcli import config

    assert emix("contacts", "list", "--offline").code == 64
    listed = emix("contacts", "list", "--json")
    assert harmon in contacts(listed)
    assert listed.document["offline"] is False
    (kept,) = (config.home() / "contacts").iterdir()
    if sys.platform != "win32":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    offline = emix("contacts", "list", "--offline", "--json")
    assert offline.document["offline"] is True
    assert offline.document["contacts"] == listed.document["contacts"]
    logged_in.kill()
    try:
        away = emix("contacts", "list", "--timeout", "1")
        assert away.code == 0, away.stderr
        assert "not asked" in away.stderr
        assert harmon in away.stdout
        assert emix("contacts", "add", "x@y.test", "--timeout", "1").code == 60
    finally:
        logged_in.start()
    assert emix("contacts", "list", "--state", "unknown").code == 2
    kept.write_text("{}")
    assert emix("contacts", "list", "--offline").code == 64
    monkeypatch.setenv("EMIX_TOKEN", logged_in.client().login(EMAIL, PASSWORD).token)
    assert emix("logout").code == 0
    assert not kept.exists()


def test_what_nobody_entered_is_not_exported(emix: Emix, small_disc: Path) -> None:
    sent = send(small_disc, "mistyped@typo.test", "--confirm-to", "mistyped@typo.test", "--json")
    assert emix(*sent, "--code-out", "code").code == 0
    assert "mistyped@typo.test" in contacts(emix("contacts", "list", "--json"))
    out = emix("contacts", "export")
    assert "mistyped@typo.test" not in out.stdout
    assert "never entered left out" in out.stderr
    assert not contacts(emix("contacts", "show", "mistyped@typo.test", "--json"))[
        "mistyped@typo.test"
    ]["known"]


def test_files_of_contacts_go_out_and_in(emix: Emix, harmon: str, tmp_path: Path) -> None:
    assert emix("contacts", "export", "-o", "out.csv").code == 0
    lines = Path("out.csv").read_text().splitlines()
    assert lines[0] == "email,name,organisation,npi,identifier,fingerprint,state"
    assert f"{harmon},Jo Harmon,,1234567893,,,new" in lines
    # only one's own: others who use this exchange may have entered near-misses on purpose
    mine = [line for line in lines[1:] if ".book.test," in line]
    Path("out.csv").write_text("\n".join([lines[0], *mine]))
    assert emix("contacts", "import", "out.csv").code == 0
    key = " ".join(["abcd"] * 10)
    Path("in.csv").write_text(
        "\ufeffEmail;Name;Fingerprint\n"
        f"max.berg@ward.book.test;Max;{key}\n"
        f"{NEAR};Jo;\n"
        "no address;;\n"
        "noor.vos@ward.book.test;\n"
    )
    taken = emix("contacts", "import", "in.csv", "--json")
    assert taken.code == 3
    assert taken.document["counts"] == {"read": 4, "entered": 2, "refused": 2}
    refused = taken.document["refused"]
    assert [(one["row"], one["id"]) for one in refused] == [
        (2, "recipient.unconfirmed"),
        (3, "usage"),
    ]
    assert harmon in refused[0]["hint"]
    found = contacts(emix("contacts", "list", "--json"))
    assert found["max.berg@ward.book.test"]["fingerprint"] == "abcd" * 10
    assert found["max.berg@ward.book.test"]["known"]
    Path("some.csv").write_text("email,fingerprint\nx@y.test,zz\nmax.berg@ward.book.test,\n")
    some = emix("contacts", "import", "some.csv", "--json")
    assert some.document["counts"] == {"read": 2, "entered": 1, "refused": 1}
    assert some.document["refused"][0]["message"] == "this is not a fingerprint"
    for text in ("name\nx\n", "email,phone\nx@y.test,1\n", "\x00\xff"):
        Path("bad.csv").write_bytes(text.encode("latin-1"))
        assert emix("contacts", "import", "bad.csv").code == 2


def test_blocking_is_for_administrators(
    emix: Emix, as_admin: Callable[..., Result], small_disc: Path
) -> None:
    gone = "left.us@ward.book.test"
    assert emix("contacts", "add", gone).code == 0
    assert emix("contacts", "block", gone, "--json").code == 65
    blocked = contacts(as_admin("contacts", "block", gone, "--json"))
    assert blocked[gone]["state"] == "blocked"
    before = n_packages(emix)
    refused = emix(*send(small_disc, gone, "--confirm-to", gone, "--code-out", "code", "--json"))
    assert refused.code == 69
    assert n_packages(emix) == before
    assert emix("contacts", "add", gone, "--yes").code == 69
    assert emix("contacts", "remove", gone).code == 65
    assert emix("contacts", "list", "--state", "blocked").stdout.count(gone) == 1
    assert contacts(as_admin("contacts", "unblock", gone, "--json"))[gone]["state"] == "new"
    assert emix("contacts", "remove", gone).code == 0


def test_the_organisation_sets_whom_it_sends_to(
    emix: Emix, as_admin: Callable[..., Result], small_disc: Path
) -> None:
    assert emix("contacts", "policy", "--free-mail", "refuse").code == 65
    assert as_admin("contacts", "policy", "--free-mail", "never").code == 2
    policy = ("contacts", "policy", "--json")
    try:
        done = as_admin(
            *policy, "--free-mail", "refuse", "--allow-domain", "gmail.com",
            "--allow-domain", "book.test", "--second-person", "no",
        )  # fmt: skip
        assert done.document == {
            "schema": "emix.contacts-policy/1",
            "allow_domains": ["book.test", "gmail.com"],
            "free_mail": "refuse",
            "second_person": False,
        }
        plan = ("send", small_disc, "--purpose", "treatment", "--dry-run", "--json", "--to")
        for to, code in (("a@elsewhere.test", 69), ("new@gmail.com", 69), ("b@book.test", 0)):
            assert emix(*plan, to).code == code
        assert emix("contacts", "add", "new@gmail.com").code == 69
        changed = as_admin(*policy, "--second-person", "yes").document
        assert changed["allow_domains"] == ["book.test", "gmail.com"]
        assert emix(*plan, "b@book.test").document["judged"][0]["reason"] == "contact.second_person"
        assert as_admin("contacts", "add", "second.opinion@book.test").code == 0
        assert emix(*plan, "second.opinion@book.test").code == 0
    finally:
        every = ("--any-domain", "--free-mail", "allow", "--second-person", "no")
        assert as_admin(*policy, *every).document["allow_domains"] == []
