"""Records say what rows are: mypy checks their names, and this that they are true."""

from __future__ import annotations

import importlib
import pkgutil
import re
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
from sqlalchemy import Table, create_engine, literal, select

from emixcli import server
from emixcli.exchange.auditlog import AuditRow
from emixcli.server import records, tables
from emixcli.server.packages import SealedPart
from emixcli.server.records import record
from emixcli.server.states import MailState


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (records.PackageRecord, tables.packages),
        (SealedPart, tables.parts),
        (records.ShareRecord, tables.shares),
        (records.ContactRecord, tables.contacts),
        (records.RequestRecord, tables.requests),
        (records.InvitationRecord, tables.request_invitations),
        (records.DisclosureRecord, tables.disclosures),
        (records.JobRecord, tables.outbox),
        (AuditRow, tables.audit),
    ],
)
def test_a_record_has_the_types_of_its_table(kind: type[Any], table: Table) -> None:
    for name, hint in get_type_hints(kind).items():
        column, kinds = table.c[name], set(get_args(hint) or (hint,))
        assert (NoneType in kinds) == bool(column.nullable), name
        (given,) = kinds - {NoneType}
        assert issubclass(given, column.type.python_type), name


def test_words_are_those_of_their_enumeration_and_a_missing_column_is_told() -> None:
    columns = {name: literal(1) for name in get_type_hints(records.InvitationRecord)}
    with create_engine("sqlite://").connect() as connection:

        def made(**changed: Any) -> records.InvitationRecord:
            found = [value.label(name) for name, value in (columns | changed).items()]
            return record(records.InvitationRecord, connection.execute(select(*found)).one())

        assert made(mail=literal("sent"), more=literal(2)).mail is MailState.SENT
        with pytest.raises(ValueError, match="opened"):
            made(mail=literal("opened"))
        del columns["used_ms"]
        with pytest.raises(KeyError):
            made(mail=literal("sent"))


def test_nothing_hands_a_row_to_another_module() -> None:
    handed = []
    for found in pkgutil.walk_packages(server.__path__, "emixcli.server."):
        if ".migrations" in found.name:
            continue
        for name, thing in vars(importlib.import_module(found.name)).items():
            is_own = getattr(thing, "__module__", "") == found.name and not name.startswith("_")
            texts = map(str, getattr(thing, "__annotations__", {}).values()) if is_own else ()
            handed += [f"{found.name}.{name}" for text in texts if re.search(r"\bRow\b", text)]
    assert handed == ["emixcli.server.records.record"]
