"""Whom and which examination an HL7 v2 message is about, for `emixcli.reports.matching`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from emixcli.reports.dates import Link, compare_birth_dates
from emixcli.reports.hl7 import Message, Segment, unescape
from emixcli.reports.matching import Identifier, Identity
from emixcli.reports.names import Likeness, compare, parse_xpn

#: Types of CX.5 (table 0203) that number a visit or an account, not a person.
_NO_PERSON: Final = frozenset({"AN", "VN", "ANON", "ANC", "AND", "ANT", "BA", "CC", "XX"})
_MAX_SPELLINGS: Final = 100
_UID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*)){3,}")
_STUDY_UID_CODES: Final = re.compile(r"113014|110180|StudyInstanceUID|Study Instance UID")


def read_identity(messages: Iterable[Message]) -> Identity:
    """Return whom messages are about; patients that contradict each other are counted."""
    messages = list(messages)
    patients = [
        _patient(segment, in_doubt=message.in_doubt)
        for message in messages
        for segment in message.all("PID")
    ]
    n_persons = len({_person(patient) for patient in patients if patient.says_who})
    if n_persons == 1 and _contradict(patients):
        n_persons = 2
    first = max(patients, key=lambda p: len(p.ids) + len(p.names), default=Identity())
    return Identity(
        names=tuple(dict.fromkeys(chain.from_iterable(p.names for p in patients))),
        ids=tuple(dict.fromkeys(chain.from_iterable(p.ids for p in patients))),
        birth_date=first.birth_date,
        sex=first.sex,
        accessions=tuple(dict.fromkeys(chain.from_iterable(map(_accessions, messages)))),
        study_uids=tuple(dict.fromkeys(chain.from_iterable(map(_study_uids, messages)))),
        n_patients=max(1, n_persons),
    )


def _contradict(patients: list[Identity]) -> bool:
    """Whether one number stands for persons with other names or birth dates, or far too many."""
    distinct = list(dict.fromkeys((patient.names, patient.birth_date) for patient in patients))
    (names, birth), *others = distinct
    return len(others) > _MAX_SPELLINGS or any(
        compare(names, other_names) == Likeness.DIFFERENT
        or compare_birth_dates(birth, other_birth) == Link.CONFLICT
        for other_names, other_birth in others
    )


def _person(patient: Identity) -> tuple[object, ...]:
    """Return what tells one patient of a batch from another."""
    if patient.ids:
        return (frozenset(patient.ids),)
    return patient.names, patient.birth_date


def _patient(pid: Segment, *, in_doubt: bool) -> Identity:
    fields = (pid.field(5), pid.field(9))
    names = [
        name
        for value in fields
        for name in parse_xpn(
            unescape(value, pid.delimiters), pid.delimiters.component,
            pid.delimiters.subcomponent, pid.delimiters.repetition,
        )
    ]  # fmt: skip
    return Identity(
        names=tuple(name for name in names if not in_doubt or "".join(name.words).isascii()),
        ids=tuple(_identifiers(pid)),
        birth_date=pid.value(7),
        sex=pid.value(8),
    )


def _identifiers(pid: Segment) -> Iterator[Identifier]:
    """Yield the identifiers of PID-3; of PID-2 and PID-4, as of old, where that is empty."""
    marks = pid.delimiters
    values = pid.repetitions(3) or [*pid.repetitions(2), *pid.repetitions(4)]
    for value in values:
        parts = [*value.split(marks.component), "", "", "", ""]
        number, authority, kind = parts[0].strip(), parts[3], parts[4].strip().upper()
        if number.strip('"') and kind not in _NO_PERSON:
            names = (unescape(name, marks).strip() for name in authority.split(marks.subcomponent))
            known = tuple(name for name in list(names)[:2] if name)
            yield Identifier(unescape(number, marks), known)


def _accessions(message: Message) -> Iterator[str]:
    for segment in message.all("OBR", "ORC", "IPC", "TXA"):
        fields = {"OBR": (18, 3), "ORC": (3,), "IPC": (1,), "TXA": (15,)}[segment.name]
        yield from filter(None, (segment.value(number) for number in fields))


def _study_uids(message: Message) -> Iterator[str]:
    for segment in message.all("ZDS", "IPC", "OBX"):
        if segment.name == "OBX":
            found = segment.value(5) if _STUDY_UID_CODES.search(segment.field(3)) else ""
        else:
            found = segment.value(3 if segment.name == "IPC" else 1)
        if _UID.fullmatch(found):
            yield found
