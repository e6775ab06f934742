"""Asking for images and answering, as people type it, against a real exchange."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from emixcli.errors import PatientMismatchError
from emixcli.model import FileSet
from emixcli.server.settings import Limits, Settings
from emixcli.server.vault import SECRETS_NAME, create_vault
from emixcli.services.answer import compare_exams, compare_patient
from emixcli.services.asked import Asked, AskedExam, AskedPatient, Asker, PatientNumber
from emixcli.services.selection import Selection, choose
from tests import builders
from tests.running import Result, run_here
from tests.serving import ServerThread
from tests.terminal import play
from tests.unit.server.api import Api
from tests.unit.server.asking import Invited, sealed_for
from tests.unit.server.conftest import PASSWORD, add_people, quick_passwords

CANARY = builders.CANARY
DAY = "1947-03-08"
CHECKED = ("--identity-checked", "called-back", "--authorisation-checked", "signed-form")
WHO = ("--patient-name", CANARY.name, "--birth-date", DAY)
ASK = ("--purpose", "treatment", "--exam", "CANARY CT of the chest", "--yes", "--json")


@dataclass(frozen=True)
class Person:
    """Somebody at their own machine."""

    url: str
    home: Path
    email: str
    token: str

    def env(self) -> dict[str, str]:
        return {
            "EMIX_HOME": str(self.home),
            "EMIX_EXCHANGE_URL": self.url,
            "EMIX_TOKEN": self.token,
        }

    def __call__(self, *arguments: str | Path) -> Result:
        with mock.patch.dict("os.environ", self.env()):
            return run_here(*arguments)

    def ok(self, *arguments: str | Path) -> dict[str, Any]:
        done = self(*arguments)
        assert done.code == 0, done.stderr
        document: dict[str, Any] = done.document
        return document


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    data = tmp_path / "exchange"
    data.mkdir(mode=0o700)
    create_vault(data / SECRETS_NAME)
    settings = Settings(data=data, listen="127.0.0.1:0", limits=Limits(otp_interval_s=0))
    add_people(settings)
    with ServerThread(settings, passwords=quick_passwords()) as running:
        yield running


@pytest.fixture
def person(server: ServerThread, tmp_path: Path) -> Callable[[str], Person]:
    def make(email: str) -> Person:
        with Api(server.url) as api:
            body = {"email": email, "password": PASSWORD}
            token = api.ok("POST", "/v1/login", body)["token"]
        return Person(server.url, tmp_path / email, email, token)

    return make


@pytest.fixture
def archive(person: Callable[[str], Person]) -> Person:
    """Reads requests at hospital A and sends."""
    found = person("ct@a.example")
    found.ok("request", "key", "publish", "--json")
    return found


@pytest.fixture
def asker(person: Callable[[str], Person]) -> Person:
    return person("ct@b.example")


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    builders.study(tmp_path / "disc", series=1, instances=2)
    return tmp_path / "disc"


def ask(asker: Person, *more: str | Path, who: tuple[str, ...] = WHO) -> str:
    found = asker.ok("request", "create", "--of", "Hospital A", *who, *ASK, *more)
    assert found["schema"] == "emix.request/1"
    return str(found["request_id"])


def send(archive: Person, disc: Path, request_id: str, *more: str | Path) -> Result:
    code = disc.parent / f"code-{request_id}"
    return archive(
        "send", disc, "--for-request", request_id, "--code-out", code, "--yes", "--json", *more
    )


def test_asked_shown_approved_sent(
    archive: Person, asker: Person, disc: Path, tmp_path: Path, server: ServerThread
) -> None:
    form = tmp_path / "form.pdf"
    form.write_bytes(b"%PDF-1.7 CANARY form")
    request_id = ask(asker, "--form", form, "--telephone", "+41 1", "--consent", "file 7")
    listed = archive.ok("requests", "--json")["requests"]
    assert [(r["request_id"], r["state"], r["is_received"]) for r in listed] == [
        (request_id, "open", True)
    ]
    assert "CANARY" not in json.dumps(listed)
    out = tmp_path / "out.pdf"
    shown = archive("request", "show", request_id, "--form-out", out)
    assert out.read_bytes() == form.read_bytes()
    for text in (CANARY.name, DAY, "+41 1", "file 7", "Hospital B", "ct@b.example", "treatment"):
        assert text in shown.stdout
    asked = archive.ok("request", "show", request_id, "--json")["asked"]
    assert asked["patient"]["name"] == CANARY.name
    assert asker("request", "show", request_id).code == 0

    early = send(archive, disc, request_id)
    assert (early.code, early.error["hint"]) == (66, f"emix request approve {request_id}")
    done = archive.ok("request", "approve", request_id, *CHECKED, "--json")
    assert (done["state"], done["decided_by"]) == ("approved", "ct@a.example")
    plan = send(archive, disc, request_id, "--dry-run").document
    assert (plan["request_id"], plan["recipients"]) == (request_id, ["ct@b.example"])
    sent = send(archive, disc, request_id)
    assert sent.code == 0, sent.stderr
    (share,) = sent.document["shares"]
    assert (share["recipient"], share["purpose"]) == ("ct@b.example", "treatment")
    found = archive.ok("requests", "--state", "fulfilled", "--json")["requests"]
    assert found[0]["share_id"] == share["share_id"]
    again = send(archive, disc, request_id).document
    assert again["already_sent"] is True
    for path in server.exchange.settings.data.rglob("*"):
        if path.is_file():
            assert b"CANARY" not in path.read_bytes(), path.name


def test_images_of_another_patient_are_not_sent(archive: Person, asker: Person, disc: Path) -> None:
    other = ("--patient-name", "Other^Person", "--birth-date", "1962-07-17")
    request_id = ask(asker, who=other)
    archive.ok("request", "approve", request_id, *CHECKED, "--json")
    for more in ((), ("--accept-difference",), ("--dry-run",)):
        refused = send(archive, disc, request_id, *more)
        assert refused.code == 25, refused.stderr
        assert "CANARY" not in refused.stderr
        assert "Other" not in refused.stderr
    assert archive.ok("list", "--json")["packages"] == []


def test_another_examination_is_asked_about(archive: Person, asker: Person, disc: Path) -> None:
    request_id = ask(asker, "--exam-date", "2023-01-01/2023-12-31", "--modality", "MR")
    archive.ok("request", "approve", request_id, *CHECKED, "--json")
    refused = send(archive, disc, request_id)
    assert refused.code == 5
    assert "--accept-difference" in refused.error["hint"]
    plan = send(archive, disc, request_id, "--dry-run").document
    assert plan["differences"] == [
        "the examination was not asked for: another day; another modality"
    ]
    assert archive.ok("list", "--json")["packages"] == []
    assert send(archive, disc, request_id, "--accept-difference").code == 0


def test_it_goes_to_whoever_asked_and_to_nobody_else(
    archive: Person, asker: Person, disc: Path
) -> None:
    request_id = ask(asker)
    archive.ok("request", "approve", request_id, *CHECKED, "--json")
    for more in (("--to", "x@c.example"), ("--purpose", "research")):
        assert send(archive, disc, request_id, *more).code == 2
    same = send(archive, disc, request_id, "--to", "CT@b.example", "--purpose", "treatment")
    assert same.code == 0, same.stderr
    plain = archive("send", disc, "--purpose", "treatment", "--yes")
    assert (plain.code, "--to" in plain.stderr) == (2, True)


def test_nobody_approves_their_own_and_both_checks_are_needed(
    archive: Person, asker: Person, person: Callable[[str], Person]
) -> None:
    own = archive.ok("request", "create", *WHO, *ASK)["request_id"]
    refused = archive("request", "approve", str(own), *CHECKED, "--json")
    assert (refused.code, refused.error["id"]) == (65, "exchange.forbidden")
    request_id = ask(asker)
    for half in (CHECKED[:2], CHECKED[2:], ()):
        assert archive("request", "approve", request_id, *half, "--json").code == 5
    wrong = archive("request", "approve", request_id, "--identity-checked", "yes", *CHECKED[2:])
    assert wrong.code == 2
    closed = person("mr@a.example")("request", "approve", request_id, *CHECKED, "--json")
    assert closed.error["id"] == "key.no_match"
    assert "request key publish" in closed.error["hint"]
    assert archive.ok("requests", "--state", "approved", "--json")["requests"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_the_sentence_is_typed_at_a_terminal(
    archive: Person, asker: Person, tmp_path: Path
) -> None:
    request_id = ask(asker)
    how = (
        ("video-call: ", "phone"),
        ("video-call: ", "called"),
        ("court-order: ", "Treatment"),
    )
    sentence = "I have checked who asks and that they may have these images"
    blind = play(
        "-m", "emixcli", "request", "approve", request_id, "--json",
        cwd=tmp_path, env=archive.env(),
    )  # fmt: skip
    assert blind.code == 5
    assert "--identity-checked" in blind.stderr
    for answer, code in (("yes", 5), (sentence, 0)):
        done = play(
            "-m", "emixcli", "request", "approve", request_id,
            answers=(*how, ("to go on: ", answer)), cwd=tmp_path, env=archive.env(),
        )  # fmt: skip
        assert done.code == code, done.stderr
        assert CANARY.name in done.stdout
    found = archive.ok("requests", "--json")["requests"]
    assert found[0]["identity_checked"] == "called-back"
    assert found[0]["authorisation_checked"] == "treatment"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
@pytest.mark.usefixtures("archive")
def test_a_purpose_is_asked_for_until_it_is_one(asker: Person, tmp_path: Path) -> None:
    done = play(
        *("-m", "emixcli", "request", "create", "--of", "Hospital A", *WHO, "--exam", "CT"),
        "--dry-run",
        answers=(("test: ", "healing"), ("test: ", "treat")), cwd=tmp_path, env=asker.env(),
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert "patient-request, authorization" in done.stderr


def test_declined_and_withdrawn(archive: Person, asker: Person) -> None:
    first, second = ask(asker), ask(asker, "--again")
    decline = ("request", "decline", first, "--reason")
    assert archive(*decline, "no-such-images", "--json").code == 5
    assert archive(*decline, "she moved away", "--yes").code == 2
    done = archive.ok(*decline, "no-such-images", "--yes", "--json")
    assert (done["state"], done["declined_for"]) == ("declined", "no-such-images")
    assert archive("request", "show", first).code == 66
    mine = asker.ok("request", "decline", second, "--reason", "withdrawn", "--yes", "--json")
    assert mine["declined_for"] == "withdrawn"
    assert archive("request", "approve", second, *CHECKED).code == 66


def test_nothing_leaves_in_a_dry_run_and_readers_are_pinned(archive: Person, asker: Person) -> None:
    create = ("request", "create", "--of", "Hospital A", *WHO, *ASK)
    plan = asker.ok(*create, "--dry-run")
    assert (plan["request_id"], plan["organisation"]) == (None, "Hospital A")
    assert archive.ok("requests", "--json")["requests"] == []
    (reader,) = plan["readers"]
    (key,) = archive.ok("request", "key", "list", "--json")["keys"]
    assert key == {"fingerprint": reader, "email": "ct@a.example"}
    grouped = " ".join(str(reader)[at : at + 4] for at in range(0, 40, 4)).upper()
    assert asker.ok(*create, "--reader", grouped)["readers"] == [reader]
    refused = asker(*create, "--reader", "0" * 40)
    assert (refused.code, refused.error["id"]) == (81, "key.no_match")
    assert asker("request", "create", "--of", "Hospital Z", *WHO, *ASK).code == 64
    archive.ok("request", "key", "withdraw", str(reader), "--json")
    assert asker(*create).code == 64


def test_the_same_is_asked_once(archive: Person, asker: Person, tmp_path: Path) -> None:
    form = tmp_path / "form.pdf"
    form.write_bytes(b"%PDF-1.7 signed")
    create = ("request", "create", "--of", "Hospital A", *WHO, *ASK)
    first = asker.ok(*create)
    assert (first["already_asked"], first["state"]) == (False, "open")
    for plan in ((), ("--dry-run",), ("--exam", "CANARY CT of the chest ")):
        found = asker.ok(*create, *plan)
        assert (found["request_id"], found["already_asked"]) == (first["request_id"], True)
    others = [
        asker.ok(*create, *more)["request_id"]
        for more in (("--again",), ("--exam", "MR"), ("--purpose", "legal"), ("--form", form))
    ]
    archive.ok("request", "approve", first["request_id"], *CHECKED, "--json")
    again = asker.ok(*create)
    assert again["request_id"] in {first["request_id"], others[0]}
    assert len({first["request_id"], *others}) == 5
    for one in (first["request_id"], others[0]):
        archive.ok("request", "decline", one, "--reason", "incomplete", "--yes", "--json")
    assert not asker.ok(*create)["already_asked"]


def test_a_reader_who_came_later_is_asked_too(archive: Person, asker: Person) -> None:
    first = ask(asker)
    (own_keys,) = archive.home.rglob("identity.json")
    own_keys.unlink()
    archive.ok("request", "key", "publish", "--json")
    assert ask(asker) != first


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--birth-date", "8.3.1947"), 2),
        (("--birth-date", "19470308"), 2),
        (("--exam-date", "2024-05-02/2024-05-01"), 2),
        (("--sex", "x"), 2),
        (("--purpose", "curiosity"), 2),
        (("--reason", "x" * 2000), 2),
        (("--patient-name", ""), 5),
    ],
)
def test_what_is_missing_or_wrong_is_said_before_anything_leaves(
    archive: Person, asker: Person, more: tuple[str, ...], code: int
) -> None:
    done = asker("request", "create", "--of", "Hospital A", *WHO, *ASK, *more)
    assert done.code == code, done.stderr
    assert "CANARY" not in done.stderr
    assert archive.ok("requests", "--json")["requests"] == []


def test_all_that_is_missing_is_named_at_once(archive: Person, asker: Person) -> None:
    create = ("request", "create", "--of", "Hospital A", "--json")
    options = ("--purpose P", "--patient-name NAME", "--birth-date DAY", "--exam TEXT")
    bare = asker(*create)
    assert (bare.code, bare.error["hint"]) == (5, f"give {', '.join(options)}")
    some = asker(*create, "--purpose", "treatment", "--patient-id", "1")
    assert some.error["hint"] == f"give {options[1]}, {options[3]}"
    assert asker("request", "create", "--of", "Hospital Z").code == 64
    assert archive("requests", "--state", "lost", "--json").code == 2


@pytest.mark.parametrize(
    ("content", "good"),
    [
        (b"%PDF-1.4", True),
        (b"\xff\xd8\xff\xe0", True),
        (b"\x89PNG\r\n\x1a\n", True),
        (b"<html>", False),
        (b"MZ", False),
        (b"", False),
        (b"%PDF-" + bytes(4 << 20), False),
    ],
)
def test_a_form_is_what_it_says(
    archive: Person, asker: Person, tmp_path: Path, content: bytes, good: bool
) -> None:
    form = tmp_path / "form.pdf"
    form.write_bytes(content)
    done = asker("request", "create", "--of", "Hospital A", *WHO, *ASK, "--form", form)
    assert done.code == (0 if good else 2)
    assert len(archive.ok("requests", "--json")["requests"]) == int(good)


def test_an_exchange_that_swaps_who_asks_is_found_out(
    server: ServerThread, archive: Person, asker: Person
) -> None:
    from sqlalchemy import update

    from emixcli.server.tables import requests

    request_id = ask(asker)
    with server.exchange.write() as work:
        work.hit(update(requests).values(requester="thief@evil.example"))
    done = archive("request", "approve", request_id, *CHECKED, "--json")
    assert done.error["id"] == "package.damaged"


def test_somebody_is_invited(server: ServerThread, archive: Person) -> None:
    invite = ("request", "invite", "jo@home.example", "--json")
    assert archive(*invite).code == 5
    assert archive(*invite, "--confirm-to", "jo@hone.example").code == 69
    made = archive.ok(*invite, "--confirm-to", "jo@home.example")
    again = archive.ok("request", "invite", "Jo@home.example", "--json")
    assert again == {**made, "already_invited": True}
    assert archive.ok("requests", "--json")["invitations"][1:] == []
    assert made["recipient"] == "jo@home.example"
    invited = Invited(server.url, server.exchange.settings.data)
    admitted = invited.verify()
    assert invited.send(admitted["session"], sealed_for(admitted["keys"])).status_code == 201
    (found,) = archive.ok("requests", "--json")["requests"]
    shown = archive("request", "show", found["request_id"], "--json")
    assert shown.error["id"] == "package.damaged"
    used = archive("request", "uninvite", made["invitation_id"], "--json")
    assert used.error["id"] == "exchange.not_found"
    other = archive.ok(*invite, "--confirm-to", "jo@home.example")
    archive.ok("request", "uninvite", other["invitation_id"], "--json")


ASKED = Asked(
    organisation="A",
    purpose="treatment",
    patient=AskedPatient(CANARY.name, DAY),
    exam=AskedExam("CT"),
    requester=Asker("B", "C", "d@e.example"),
)


class TestComparison:
    @pytest.fixture
    def scanned(self, disc: Path) -> FileSet:
        builders.study(disc, series=1, instances=1, number=2)
        return choose(Selection(paths=[str(disc)])).file_set

    @pytest.mark.parametrize(
        ("changes", "n"),
        [
            ({}, 0),
            ({"name": "CANARYGIVEN CANARYSURNAME"}, 0),
            ({"name": "CANARYSURNAWE^CANARYGIVEN"}, 1),
            ({"birth_date": "1947-03-09"}, 1),
            ({"birth_date": "1947-03-09", "sex": "M"}, 1),
            ({"birth_date": "", "ids": (PatientNumber(CANARY.id),)}, 0),
            ({"ids": (PatientNumber("77", "other hospital"),)}, 0),
            ({"birth_date": "1962-07-17"}, None),
            ({"name": "CANARYSURNAWE^CANARYGIVEN", "birth_date": "1947-03-09"}, None),
            ({"name": "CANARYSURNAME^TWIN"}, None),
            ({"name": "MARRIED^CANARYGIVEN"}, None),
            ({"name": "OTHERCANARY^PERSON"}, None),
            ({"birth_date": "", "ids": (PatientNumber("77"),)}, None),
        ],
    )
    def test_of_the_patient(self, scanned: FileSet, changes: dict[str, Any], n: int | None) -> None:
        asked = replace(ASKED, patient=replace(ASKED.patient, **changes))
        if n is None:
            with pytest.raises(PatientMismatchError) as caught:
                list(compare_patient(scanned, asked))
            assert "report" not in caught.value.message
        else:
            assert len(list(compare_patient(scanned, asked))) == n

    @pytest.mark.parametrize(
        ("exam", "found"),
        [
            ({}, ""),
            ({"first_day": "2024-05-01"}, ""),
            ({"first_day": "2024-04-01", "last_day": "2024-06-01"}, ""),
            ({"last_day": "2024-06-01"}, ""),
            ({"first_day": "2024-05-02"}, "2 of 2 examinations were not asked for: another day"),
            ({"modality": "PT/CT"}, ""),
            ({"modality": "MR, US"}, "2 of 2 examinations were not asked for: another modality"),
            ({"accession": CANARY.accession}, ""),
            (
                {"accession": "7"},
                "2 of 2 examinations were not asked for: another accession number",
            ),
            (
                {"study_uid": builders.uid(2), "modality": "MR"},
                "1 of 2 examinations was not asked for: another Study Instance UID",
            ),
        ],
    )
    def test_of_the_examination(self, scanned: FileSet, exam: dict[str, str], found: str) -> None:
        asked = replace(ASKED, exam=replace(ASKED.exam, **exam))
        assert list(compare_exams(scanned, asked)) == [found][: bool(found)]

    def test_several_patients(self, disc: Path) -> None:
        builders.study(disc, number=3, phi=builders.OTHER_CANARY)
        found = choose(Selection(paths=[str(disc)], all_patients=True)).file_set
        with pytest.raises(PatientMismatchError):
            list(compare_patient(found, ASKED))
