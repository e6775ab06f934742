"""Every kind of row that the exchange writes is the right DICOM audit event."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from emixcli.exchange.auditlog import AuditRow
from emixcli.server import mailed, refusals
from emixcli.server.states import PACKAGE_MOVES, REQUEST_MOVES, SHARE_MOVES
from emixcli.services.audit import Entry
from emixcli.services.auditmessages import EVENTS, event_of, is_failure, message_of
from tests.running import ROOT
from tests.unit.services.audit_schema import check_message

_SERVER = ROOT / "emixcli" / "server"
_KIND = re.compile(
    r"(account|package|share|request|contact|policy|key|audit|disclosures)\.[a-z_]+|object\.refused"
)
#: EventID: its EventActionCodes, and whether there must be a type (tables of PS3.15 A.5.3).
RULES = {
    "110101": ("R", False),
    "110103": ("CRUD", False),
    "110105": ("D", False),
    "110106": ("R", False),
    "110107": ("C", False),
    "110109": ("CRUD", False),
    "110113": ("E", True),
    "110114": ("E", True),
}
#: CID 403, as far as it is about what an exchange does.
ALERTS = {"110129", "110132", "110135", "110136", "110137"}


def written() -> set[str]:
    """The kinds in the code of the exchange: words of its modules, and those made from states."""
    found = {f"package.{state}" for state in PACKAGE_MOVES}
    found |= {f"share.{state}" for state in SHARE_MOVES}
    found |= {f"request.{state}" for state in REQUEST_MOVES}
    for *_, kind in mailed._NOTED.values():
        found |= {f"{kind}.{word}" for word in mailed._WORDS.values()}
    found |= {f"{kind}.refused" for kind in refusals._KINDS.values()}
    for path in _SERVER.glob("*.py"):
        text = path.read_text("utf-8")
        found |= {word for word in words_of(text) if _KIND.fullmatch(word)}
        if path.name == "contacts.py":
            calls = r'_audit\(work, account, "(\w+)"|action = "(\w+)"'
            found |= {f"contact.{one or two}" for one, two in re.findall(calls, text)}
    return found


def words_of(text: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_each_kind_has_an_event_and_no_other_has() -> None:
    found = written()
    assert len(found) > 50
    assert found - set(EVENTS) == set()
    assert set(EVENTS) - found == set()


@pytest.mark.parametrize("action", EVENTS)
def test_each_event_keeps_to_its_table(action: str) -> None:
    event = event_of(action)
    codes, must_have_type = RULES[event.id[0]]
    assert event.action in codes
    assert event.type is not None or not must_have_type
    if event.id[0] == "110113":
        assert event.type is not None
        assert event.type[0] in ALERTS
    if "refused" in action or "undelivered" in action:
        assert event.outcome == "4"


@pytest.mark.parametrize(
    ("action", "code", "kind", "done"),
    [
        ("request.made", "110109", None, "C"),
        ("request.received", "110109", None, "C"),
        ("request.read", "110109", None, "R"),
        ("request.approved", "110109", None, "U"),
        ("request.declined", "110109", None, "U"),
        ("request.fulfilled", "110109", None, "U"),
        ("request.code_refused", "110113", "110132", "E"),
        ("request.mailbox_proven", "110114", "110122", "E"),
        ("request.key_published", "110113", "110137", "E"),
        ("disclosures.read", "110101", None, "R"),
        ("disclosures.begun", "110113", "110129", "E"),
        ("disclosures.refused", "110113", "110132", "E"),
        ("share.opened", "110103", None, "R"),
        ("share.downloaded", "110106", None, "R"),
        ("share.certified", "110101", None, "R"),
        ("object.refused", "110113", "110132", "E"),
    ],
)
def test_events_of_requests_and_disclosures(
    action: str, code: str, kind: str | None, done: str
) -> None:
    event = event_of(action)
    assert (event.id[0], event.type and event.type[0], event.action) == (code, kind, done)


def entry(action: str) -> Entry:
    row = AuditRow(7, 1_770_000_000_000, "a" * 26, action, "b" * 26, '{"n":1}', "c" * 64)
    return Entry(row, "d" * 26, "Hospital", {"a" * 26: "ct@a.example"})


@pytest.mark.parametrize("action", [*EVENTS, "share.of_a_newer_exchange", "newer.refused"])
def test_each_message_follows_the_schema(action: str) -> None:
    root = check_message(message_of(entry(action), "exchange.example"))
    identification = root[0]
    assert identification.get("EventActionCode") == event_of(action).action
    codes = [child.get("csd-code") for child in identification]
    assert codes[-1] == action
    logs = [
        item.get("ParticipantObjectID")
        for item in root.iter("ParticipantObjectIdentification")
        if item.get("ParticipantObjectTypeCodeRole") == "13"
    ]
    assert len(logs) == (event_of(action).id[0] == "110101")
    assert is_failure(entry(action)) == (identification.get("EventOutcomeIndicator") != "0")


def test_the_guide_names_every_event() -> None:
    guide = Path(ROOT / "docs" / "guides" / "audit.md").read_text("utf-8")
    names = {event.id[1] for event in EVENTS.values()}
    names |= {event.type[1] for event in EVENTS.values() if event.type}
    assert [name for name in names if name not in guide] == []
