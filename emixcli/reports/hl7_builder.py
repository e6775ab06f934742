"""HL7 v2 messages built anew around a report: ORU^R01 for results, MDM^T02 for documents.

hl7apy, with the structures of the standard, builds; it is used here and nowhere else for that. What
it built is read again with `emixcli.reports.hl7` and compared, value by value, before it goes out:
its own escaping leaves out what looks escaped, and a control character would begin a new segment.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from emixcli.errors import ReportError
from emixcli.reports.hl7 import Delimiters, read_messages, unescape
from emixcli.reports.hl7_documents import find_documents

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from emixcli.reports.subject import Subject

MAX_ORIGINAL: Final = 32 * 2**20
"""Bytes of a report that a message carries."""
MAX_LINES: Final = 5000
"""Lines of text in a message."""

_VERSION: Final = "2.5.1"
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ESCAPES: Final = str.maketrans(
    {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
)
#: ED.2 and ED.3 by kind of report (tables 0191 and 0291).
_TYPES: Final = {
    "pdf": ("application", "PDF"), "rtf": ("application", "RTF"), "text": ("text", "plain"),
    "cda": ("text", "XML"), "ccr": ("text", "XML"), "hl7v2": ("application", "x-hl7"),
}  # fmt: skip
#: LOINC: a text report; PS3.16: which study it belongs to; ours: the report as it was.
_TEXT: Final = ("18748-4", "Diagnostic imaging study", "LN")
_STUDY: Final = ("113014", "DICOM Study", "DCM")
_ORIGINAL: Final = ("ORIGINAL", "Original report", "L")
_UNVERIFIED: Final = "R"
_DOCUMENTED: Final = "DO"
#: Parts of PN groups by their type in XPN.8.
_WRITINGS: Final = ("A", "I", "P")

#: Values of a field: repetitions of components.
_Field = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a message says.

    Parameters
    ----------
    lines
        The readable form; none where only the report itself can be shown.
    original, kind
        The report, and its kind as `model.Document.kind`.
    status
        Of table 0085; empty where nobody said, which is sent as not verified.
    """

    lines: Sequence[str]
    original: bytes
    kind: str
    status: str = ""


def make_message(
    subject: Subject, content: Content, *, now: dt.datetime, is_document: bool = False
) -> bytes:
    """Return a message in UTF-8 with the report in it, as text and as it is.

    Parameters
    ----------
    now
        When it is built.
    is_document
        Whether to build MDM^T02 instead of ORU^R01.

    Raises
    ------
    ReportError
        A value holds control characters, or the report is too large for a message.
    """
    if len(content.original) > MAX_ORIGINAL or len(content.lines) > MAX_LINES:
        raise ReportError("a report is too large for an HL7 message", hint="unpack it as it is")
    segments = [*_head(subject, content, now=now, is_document=is_document)]
    segments += _observations(subject, content)
    for _, fields in segments:
        _check(fields)
    data = _built("MDM_T02" if is_document else "ORU_R01", segments)
    _compare(data, segments, content)
    return data


def _head(
    subject: Subject, content: Content, *, now: dt.datetime, is_document: bool
) -> list[tuple[str, dict[int, _Field]]]:
    stamp = now.strftime("%Y%m%d%H%M%S%z")
    number = hashlib.sha256(content.original + stamp.encode()).hexdigest()[:20].upper()
    kind = ("MDM", "T02", "MDM_T02") if is_document else ("ORU", "R01", "ORU_R01")
    status = content.status or _UNVERIFIED
    when = (subject.study_date + subject.study_time.partition(".")[0]) if subject.study_date else ""
    order = {
        1: _one("1"), 3: _one(subject.accession),
        4: _one("", subject.description or "Imaging study"), 7: _one(when),
        16: _person(subject.referring), 18: _one(subject.accession), 25: _one(status),
    }  # fmt: skip
    msh = {
        3: _one("EMIX"), 7: _one(stamp), 9: _one(*kind), 10: _one(number), 11: _one("P"),
        12: _one(_VERSION), 18: _one("UNICODE UTF-8"),
    }  # fmt: skip
    found = [("MSH", msh)]
    if is_document:
        found.append(("EVN", {1: _one("T02"), 2: _one(stamp)}))
    found.append(("PID", _patient(subject)))
    if is_document:
        txa = {1: _one("1"), 2: _one("DI"), 12: _one(number), 17: _one(_DOCUMENTED)}
        orc = {1: _one("RE"), 3: _one(subject.accession)}
        found += [("PV1", {2: _one("U")}), ("ORC", orc), ("OBR", order), ("TXA", txa)]
    else:
        found.append(("OBR", order))
    return found


def _patient(subject: Subject) -> dict[int, _Field]:
    names = tuple(
        (family, given, middle, suffix, prefix, "", "L", writing)
        for group, writing in zip(subject.name.split("="), _WRITINGS, strict=False)
        for family, given, middle, prefix, suffix in [[*group.split("^"), *[""] * 5][:5]]
        if group.strip("^ ")
    )
    return {
        1: _one("1"), 3: _one(subject.id, "", "", subject.issuer) if subject.id else (), 5: names,
        7: _one(subject.birth_date), 8: _one(subject.sex),
    }  # fmt: skip


def _person(name: str) -> _Field:
    """Return a PN as XCN, whose first component is an identifier."""
    return _one("", *name.partition("=")[0].split("^")[:3])


def _observations(subject: Subject, content: Content) -> list[tuple[str, dict[int, _Field]]]:
    status = content.status or _UNVERIFIED
    kind = _TYPES.get(content.kind, ("application", "octet-stream"))
    document = ("", *kind, "Base64", base64.b64encode(content.original).decode("ascii"))
    rows: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
        ("HD", _STUDY, (subject.study_uid,)),
        *(("TX", _TEXT, (line,)) for line in content.lines),
        ("ED", _ORIGINAL, document),
    ]
    return [
        (
            "OBX",
            {
                1: _one(str(number)),
                2: _one(kind),
                3: _one(*code),
                5: _one(*value),
                11: _one(status),
            },
        )
        for number, (kind, code, value) in enumerate(rows, 1)
    ]


def escape(value: str) -> str:
    """Return a value as it stands in a message with the usual separators (HL7 v2.9 2.7)."""
    return value.translate(_ESCAPES)


def _one(*components: str) -> _Field:
    """Return a field of one repetition, empty ones at the end left out."""
    kept = list(components)
    while kept and not kept[-1]:
        kept.pop()
    return (tuple(kept),) if kept else ()


def _check(fields: dict[int, _Field]) -> None:
    for field in fields.values():
        for part in field:
            if any(_CONTROL.search(value) for value in part):
                raise ReportError(
                    "a value for an HL7 message holds control characters",
                    hint="unpack the report as it is",
                )


def _built(structure: str, segments: list[tuple[str, dict[int, _Field]]]) -> bytes:
    """Build with hl7apy, in the groups of the structure."""
    from hl7apy.core import Message
    from hl7apy.exceptions import HL7apyException

    try:
        message = Message(structure, version=_VERSION)
        groups: dict[str, Any] = {}
        for name, fields in segments:
            if name == "MSH":
                segment = message.msh
            else:
                segment = _parent(message, structure, name, groups).add_segment(name)
            for number, field in fields.items():
                _set(segment, f"{name}_{number}", field)
        return str(message.to_er7()).encode() + b"\r"
    except HL7apyException as exc:
        raise ReportError(
            "a report cannot be put into an HL7 message", hint="unpack it as it is"
        ) from exc


def _set(segment: Any, name: str, field: _Field) -> None:
    """Write a field; hl7apy has set some of MSH before."""
    for existing in list(getattr(segment, name.lower())):
        segment.children.remove(existing)
    for part in field:
        text = "^".join(map(escape, part))
        segment.add_field(name).value = text


#: The groups in which each segment stands, by structure (HL7 v2.5.1 chapters 7 and 9).
_PLACES: Final = {
    ("ORU_R01", "PID"): ("PATIENT_RESULT", "PATIENT"),
    ("ORU_R01", "OBR"): ("PATIENT_RESULT", "ORDER_OBSERVATION"),
    ("ORU_R01", "OBX"): ("PATIENT_RESULT", "ORDER_OBSERVATION", "OBSERVATION"),
    ("MDM_T02", "ORC"): ("COMMON_ORDER",), ("MDM_T02", "OBR"): ("COMMON_ORDER",),
    ("MDM_T02", "OBX"): ("OBXNTE_SUPPGRP",),
}  # fmt: skip
_EACH: Final = frozenset({"OBSERVATION", "OBXNTE_SUPPGRP"})


def _parent(message: Any, structure: str, name: str, groups: dict[str, Any]) -> Any:
    """Return where a segment goes; every observation has a group of its own."""
    parent = message
    for group in _PLACES.get((structure, name), ()):
        if group not in groups or group in _EACH:
            groups[group] = parent.add_group(f"{structure}_{group}")
        parent = groups[group]
    return parent


def _compare(data: bytes, segments: list[tuple[str, dict[int, _Field]]], content: Content) -> None:
    """Refuse a message that does not say what it should, read by our own tokeniser."""
    messages = read_messages(data)
    found = messages[0].segments
    same = len(messages) == 1 and [one.name for one in found] == [name for name, _ in segments]
    for segment, (_, fields) in zip(found, segments, strict=False):
        same = same and all(
            _values(segment.repetitions(number)) == field for number, field in fields.items()
        )
    documents = find_documents(messages[0])
    if not same or all(one.data != content.original for one in documents):
        raise ReportError("a report cannot be put into an HL7 message", hint="unpack it as it is")


def _values(repetitions: list[str]) -> _Field:
    marks = Delimiters()
    return tuple(
        tuple(unescape(part, marks) for part in value.split(marks.component))
        for value in repetitions
    )
