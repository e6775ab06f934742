"""A copy of HL7 v2 messages without free text and without what identifies.

Segments and fields that are not named here are left out (PS3.15 knows no table for HL7 v2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from emixcli.errors import ReportError
from emixcli.reports.hl7 import read_messages
from emixcli.reports.hl7_builder import escape
from emixcli.reports.scrubbing import short_code

if TYPE_CHECKING:
    from emixcli.reports.hl7 import Message, Segment
    from emixcli.reports.scrubbing import Scrub

_KIND: Final = re.compile(r"[A-Z]{3}(?:\^[A-Z]\d\d(?:\^[A-Z]{3}_[A-Z]\d\d)?)?", re.ASCII)
_VERSION: Final = re.compile(r"2(?:\.\d){1,2}", re.ASCII)
_SET_ID: Final = re.compile(r"\d{1,4}", re.ASCII)
_CODED: Final = frozenset({"CE", "CWE", "CNE", "CF"})
_DATED: Final = frozenset({"DT", "TS", "DTM"})
_SUB_ID: Final = re.compile(r"\d{1,3}(?:\.\d{1,2}){0,3}", re.ASCII)

#: Fields by number: the text as it stands in the message, escaped.
_Fields = dict[int, str]


def scrub(data: bytes, how: Scrub) -> bytes:
    """Return the messages of a file anew, in UTF-8.

    Raises
    ------
    ReportError
        There is no message, or nothing is left that says anything.
    """
    messages = read_messages(data)
    copies = [[*_copy(message, how, number)] for number, message in enumerate(messages, 1)]
    if not any(line.startswith("OBX") for lines in copies for line in lines):
        raise ReportError(
            "a report has no coded or measured results, so nothing of it is left",
            hint="text goes along only with --reports reviewed",
        )
    return b"".join("\r".join([*lines, ""]).encode() for lines in copies)


def _copy(message: Message, how: Scrub, number: int) -> Iterator[str]:
    """Yield the segments of a message."""
    for segment in message.segments:
        treat = _SEGMENTS.get(segment.name)
        fields = treat(segment, how) if treat else None
        if fields is None:
            continue
        if segment.name == "MSH":
            control = how.new_uid(f"{number}\0{segment.field(10)}").rpartition(".")[2][:20]
            yield _line("MSH", {**fields, 10: control})
        else:
            yield _line(segment.name, fields)


def _line(name: str, fields: Mapping[int, str]) -> str:
    kept = {number: text for number, text in fields.items() if text}
    last = max(kept, default=0)
    texts = [kept.get(number, "") for number in range(1, last + 1)]
    if name == "MSH":
        return "|".join(["MSH|^~\\&", *texts[2:]])
    return "|".join([name, *texts])


def _msh(segment: Segment, how: Scrub) -> _Fields:
    kind, version = segment.field(9).strip(), segment.value(12)
    return {
        1: "|", 2: "^~\\&", 3: "DEIDENTIFIED", 7: how.date(segment.value(7)),
        9: kind if _KIND.fullmatch(kind) else "ORU^R01",
        11: short_code(segment.value(11)), 12: version if _VERSION.fullmatch(version) else "2.5",
        18: "UNICODE UTF-8",
    }  # fmt: skip


def _pid(segment: Segment, how: Scrub) -> _Fields:
    new = how.subject
    return {
        1: _set_id(segment), 3: escape(new.id), 5: escape(new.name.replace("^", " ").strip()),
        7: escape(new.birth_date), 8: escape(new.sex),
    }  # fmt: skip


def _pv1(segment: Segment, how: Scrub) -> _Fields:
    return {
        1: _set_id(segment), 2: short_code(segment.value(2)), 44: how.date(segment.value(44)),
        45: how.date(segment.value(45)),
    }  # fmt: skip


def _orc(segment: Segment, how: Scrub) -> _Fields:
    return {1: short_code(segment.value(1)), **_orders(segment, how, 2, 3)}


def _obr(segment: Segment, how: Scrub) -> _Fields:
    return {
        1: _set_id(segment), 4: _coded(segment, how, 4), 24: short_code(segment.value(24)),
        25: short_code(segment.value(25)), 44: _coded(segment, how, 44),
        **_orders(segment, how, 2, 3, 18, 19, 20),
        **{number: how.date(segment.value(number)) for number in (7, 8, 14, 22)},
    }  # fmt: skip


def _obx(segment: Segment, how: Scrub) -> _Fields | None:
    """Return an observation with a coded or measured value; None for text and documents.

    One of which nobody can say what it is, once its name is gone, is left out too.
    """
    kind, name = segment.value(2).upper(), _coded(segment, how, 3)
    value = _value(segment, how, kind)
    if not value or not name:
        return None
    return {
        1: _set_id(segment), 2: kind, 3: name,
        4: segment.value(4) if _SUB_ID.fullmatch(segment.value(4)) else "", 5: value,
        6: escape(how.unit(segment.value(6))), 7: escape(how.range(segment.value(7))),
        8: short_code(segment.value(8)), 11: short_code(segment.value(11)),
        14: how.date(segment.value(14)), 19: how.date(segment.value(19)),
    }  # fmt: skip


def _value(segment: Segment, how: Scrub, kind: str) -> str:
    if kind == "NM":
        return escape(how.number(segment.value(5)))
    if kind == "SN":
        parts = [segment.value(5, number) for number in range(1, 5)]
        if all(part in ("", "-", "+", "/", ".", ":", "<", ">", "<=", ">=", "=", "<>")
               or how.number(part) for part in parts):  # fmt: skip
            return "^".join(map(escape, parts)).rstrip("^")
        return ""
    if kind in _CODED:
        return _coded(segment, how, 5)
    if kind in _DATED:
        return how.date(segment.value(5))
    if kind == "HD":
        return how.study_uids.get(segment.value(5), "")
    return ""


def _txa(segment: Segment, how: Scrub) -> _Fields:
    return {
        1: _set_id(segment), 2: short_code(segment.value(2)),
        12: how.new_uid(f"document\0{segment.field(12)}"), 17: short_code(segment.value(17)),
    }  # fmt: skip


def _dg1(segment: Segment, how: Scrub) -> _Fields | None:
    code = _coded(segment, how, 3)
    return {1: _set_id(segment), 3: code} if code else None


def _zds(segment: Segment, how: Scrub) -> _Fields | None:
    uid = how.study_uids.get(segment.value(1))
    return {1: f"{uid}^^Application^DICOM"} if uid else None


_SEGMENTS: Final[Mapping[str, Callable[[Segment, Scrub], _Fields | None]]] = {
    "MSH": _msh, "PID": _pid, "PV1": _pv1, "ORC": _orc, "OBR": _obr, "OBX": _obx, "TXA": _txa,
    "DG1": _dg1, "ZDS": _zds,
}  # fmt: skip


def _set_id(segment: Segment) -> str:
    value = segment.value(1)
    return value if _SET_ID.fullmatch(value) else ""


def _orders(segment: Segment, how: Scrub, *numbers: int) -> _Fields:
    return {number: escape(how.accession(segment.value(number))) for number in numbers}


def _coded(segment: Segment, how: Scrub, number: int) -> str:
    parts = (segment.value(number, part) for part in (1, 2, 3))
    return "^".join(map(escape, how.code(*parts))).rstrip("^")
