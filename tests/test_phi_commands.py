"""Every command runs once with a patient full of canaries, and none of them tells it unasked.

The steps are compared with the table of commands: a new command that has no step fails here.
Standard error, the home with log, journals and keys, what the exchange stores and mails, and
standard output unless the command is there to show the patient, are searched for each canary.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keyring
import pytest

from emixcli import cli
from emixcli.commands._lazy import make_group
from emixcli.server.settings import Limits, Settings
from emixcli.server.vault import SECRETS_NAME, create_vault
from tests import builders
from tests.memory_keyring import MemoryKeyring
from tests.running import run_here
from tests.serving import ServerThread
from tests.test_phi import FOLDER, check_files, leaks
from tests.unit.server.api import Api
from tests.unit.server.conftest import PASSWORD, add_people, quick_passwords

PHI = builders.CANARY
DAY = "1947-03-08"
JO = ("--to", "jo@clinic.example", "--confirm-to", "jo@clinic.example", "--purpose", "treatment")
CODE, PASS = ("--code-file", "code"), ("--passphrase-file", "pass")
CHECKED = ("--identity-checked", "called-back", "--authorisation-checked", "signed-form")
ADMIN, ASKER = "admin@a.example", "ct@b.example"

#: Commands without a step, and why.
EXEMPT = {
    "demo": "its patient is made up; it runs the commands that are tested here",
    "exchange serve": "test_phi_exchange searches the log of one that serves",
}


@dataclass(frozen=True)
class Step:
    """A command and how it is called; `{name}` in an argument is what an earlier step gave.

    `shown` says why standard output may name the patient, `keeps` which field of the result later
    steps need.
    """

    command: str
    arguments: tuple[str, ...] = ()
    who: str = "ct@a.example"
    shown: str = ""
    keeps: str = ""
    codes: frozenset[int] = field(default=frozenset({0}))


LOST = frozenset({3})
#: Refused for what is not there; what counts is what it says.
REFUSED = frozenset({64})
STEPS = (
    Step("version"),
    Step("doctor", codes=frozenset({0, 3})),  # a machine may lack a browser or a keyring
    Step("config set", ("sender_name", "CT desk")),
    Step("config get", ("sender_name",)),
    Step("config list"),
    Step("config unset", ("sender_name",)),
    Step("keys show"),
    Step("keys export", ("-o", "own.emixkey")),
    Step("keys export", ("--private", "-o", "moved.json", *PASS)),
    Step("keys import", ("moved.json", *PASS)),
    Step("keys publish"),
    Step("keys trust", ("mr@a.example", "--yes"), codes=REFUSED),
    Step("keys list"),
    Step("contacts add", ("eye@clinic.example", "--name", "Eye clinic", "--yes")),
    Step("contacts list"),
    Step("contacts show", ("eye@clinic.example",)),
    Step("contacts export", ("-o", "contacts.csv")),
    Step("contacts import", ("contacts.csv",)),
    Step("contacts block", ("ear@clinic.example",), who=ADMIN),
    Step("contacts unblock", ("ear@clinic.example",), who=ADMIN),
    Step("contacts policy"),
    Step("contacts remove", ("eye@clinic.example",)),
    Step("scan", ("{disc}",), shown="what is on a medium", codes=LOST),
    Step("diagnose", ("{disc}", "--html", "disc.html"), shown="whom to ask for", codes=LOST),
    Step("salvage", ("{disc}", "-o", "saved"), shown="what to ask for again", codes=LOST),
    Step("pack", ("{disc}", "-o", "p.emix.html", "--code-out", "code"), codes=LOST),
    Step("inspect", ("p.emix.html",)),
    Step("verify", ("p.emix.html", *CODE)),
    Step("view", ("p.emix.html",)),
    Step("unpack", ("p.emix.html", *CODE, "-o", "out")),
    Step("report show", ("{report}",), shown="the report itself"),
    Step(
        "anonymize",
        ("{disc}", "-o", "clean", "--table", "table", "--table-passphrase-file", "pass"),
        codes=frozenset({80}),
    ),
    Step("pseudonyms table", ("table", *PASS), shown="who the patients are"),
    Step("pseudonyms new", ("trial",)),
    Step("pseudonyms list"),
    Step("pseudonyms export", ("trial", "-o", "trial.key")),
    Step("anonymize", ("--new-key", "study.key")),
    Step("pseudonyms import", ("study", "study.key")),
    Step("pseudonyms remove", ("trial", "--yes")),
    Step("whoami"),
    Step(
        "login",
        ("{url}", "--email", "ct@a.example", "--password-file", "password", "--store", "file"),
    ),
    Step("disclosures", ("--new-key",), who=ADMIN),
    Step("disclosures", ("--export-key", "org.key", *PASS), who=ADMIN),
    Step("disclosures", ("--import-key", "org.key", *PASS)),
    Step(
        "send",
        ("{disc}", *JO, "--hold", "600", "--code-out", "c1", "--yes"),
        codes=LOST,
        keeps="package_id",
    ),
    Step("list"),
    Step("status", ("{package_id}",)),
    Step("recall", ("{package_id}",)),
    Step("upload", ("p.emix.html",)),
    Step("share", ("{package_id}", *JO, "--yes", "--code-out", "c2")),
    Step("download", ("{package_id}", "-o", "got")),
    Step("inbox"),
    Step("batch check", ("sends.csv",)),
    Step("batch run", ("sends.csv", "--codes-out", "codes.csv")),
    Step("request key publish"),
    Step("request key list"),
    Step(
        "request create",
        (
            "--of",
            "Hospital A",
            "--patient-name",
            PHI.name,
            "--birth-date",
            DAY,
            "--purpose",
            "treatment",
            "--exam",
            "CANARY CT",
            "--yes",
        ),
        who=ASKER,
        keeps="request_id",
    ),
    Step("requests"),
    Step("request show", ("{request_id}",), shown="whose images are asked for"),
    Step("request approve", ("{request_id}", *CHECKED)),
    Step(
        "request decline",
        ("{request_id}", "--reason", "no-such-images", "--yes"),
    ),
    Step("request invite", ("eye@clinic.example", "--confirm-to", "eye@clinic.example")),
    Step("request uninvite", ("{request_id}",), codes=REFUSED),
    Step("request key withdraw", ("{fingerprint}",), codes=REFUSED),
    Step("audit list", who=ADMIN),
    Step("audit verify", who=ADMIN),
    Step("audit export", ("-o", "trail.jsonl"), who=ADMIN),
    Step("disclosures", (PHI.id,), who=ADMIN),
    Step("revoke", ("{package_id}", "--yes")),
    Step("logout"),
    Step("exchange init", ("x", "--email", "it@hospital.example", "--password-file", "password")),
    Step(
        "exchange user add",
        (
            "x",
            "mr@hospital.example",
            "--name",
            "MR",
            "--organisation",
            "H",
            "--password-file",
            "password",
        ),
    ),
    Step("exchange user list", ("x",)),
    Step("exchange user disable", ("x", "mr@hospital.example")),
    Step("exchange user passwd", ("x", "mr@hospital.example", "--password-file", "password")),
    Step("exchange purge", ("x",)),
    Step("exchange check", ("x",)),
)


def leaves(command: Any, path: str) -> Iterator[str]:
    """Yield the names of a command's subcommands, its own where it has none."""
    children = getattr(command, "commands", None)
    if not children:
        yield path
    for name, child in (children or {}).items():
        yield from leaves(child, f"{path} {name}")


def test_every_command_has_a_step() -> None:
    group = make_group(cli.COMMANDS, cli.help_text)
    found = {leaf for name, one in group.load_all().items() for leaf in leaves(one, name)}
    assert found == {step.command for step in STEPS} | set(EXEMPT)


def options(command: Any) -> Iterator[set[str]]:
    """Yield the options of a command, or of each of its subcommands."""
    children = getattr(command, "commands", None)
    if not children:
        yield {name for option in command.params for name in option.opts}
    for child in (children or {}).values():
        yield from options(child)


def test_what_can_be_quiet_can_be_verbose() -> None:
    group = make_group(cli.COMMANDS, cli.help_text)
    found = [names for one in group.load_all().values() for names in options(one)]
    assert len(found) > 40
    assert [names for names in found if "--quiet" in names and "--verbose" not in names] == []


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
def memory() -> Iterator[MemoryKeyring]:
    before, backend = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def places(tmp_path: Path, server: ServerThread) -> dict[str, str]:
    """What the arguments of the steps name; every path names the patient as well."""
    disc = tmp_path / FOLDER
    builders.study(disc, series=2, instances=3)
    builders.truncate(disc / "ST001/SE001/IM00001", keep=0.4)
    report = disc / "CANARYSURNAME.hl7"
    report.write_bytes(builders.hl7())
    (tmp_path / "pass").write_text("correct horse battery staple")
    (tmp_path / "password").write_text(PASSWORD)
    line = f"{disc},eye@clinic.example,treatment,eye@clinic.example"
    (tmp_path / "sends.csv").write_text(f"source,to,purpose,confirm_to\n{line}\n")
    return {
        "disc": str(disc),
        "report": str(report),
        "url": server.url,
        "fingerprint": "0" * 32,
    }


@pytest.fixture
def tokens(server: ServerThread) -> dict[str, str]:
    with Api(server.url) as api:
        return {
            email: api.ok("POST", "/v1/login", {"email": email, "password": PASSWORD})["token"]
            for email in ("ct@a.example", ADMIN, ASKER)
        }


def test_no_command_tells_the_patient_unasked(
    server: ServerThread,
    places: dict[str, str],
    tokens: dict[str, str],
    memory: MemoryKeyring,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "emixcli")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMIX_EXCHANGE_URL", server.url)
    monkeypatch.setenv("BROWSER", "true")
    wrong = []
    for step in STEPS:
        monkeypatch.setenv("EMIX_HOME", str(tmp_path / "homes" / step.who))
        monkeypatch.setenv("EMIX_TOKEN", tokens[step.who])
        arguments = [argument.format(**places) for argument in step.arguments]
        done = run_here(*step.command.split(), *arguments, "--json")
        if done.code not in step.codes:
            wrong.append(f"{step.command}: {done.code} {done.stderr[-300:]}")
        told = leaks(done.stderr.encode()) + (leaks(done.stdout.encode()) if not step.shown else [])
        if told:
            wrong.append(f"{step.command}: tells {told}")
        if step.keeps:
            places[step.keeps] = str(done.document[step.keeps])
    assert not wrong, "\n".join(wrong)
    assert not leaks(repr(memory.kept).encode())
    assert not leaks("\n".join(r.getMessage() for r in caplog.records if _is_ours(r)).encode())
    for folder in ("homes", "exchange", "x"):
        check_files(tmp_path / folder)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a line of the log is written as it is; of the others the text is dropped."""
    return record.name.partition(".")[0] == "emixcli"
