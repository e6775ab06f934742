"""Everything in a report that says who somebody is: searched for in what is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.reports import xmltree
from emixcli.reports.hl7 import read_messages, unescape
from emixcli.reports.xmltree import text_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from emixcli.reports.hl7 import Segment


class Value(NamedTuple):
    """A value: as an attribute of DICOM would have it, whose rule says whether it may stay."""

    tag: int
    vr: str
    value: str


_PATIENT_NAME, _PATIENT_ID, _BIRTH = 0x00100010, 0x00100020, 0x00100030
_PERSON, _ADDRESS, _PHONE, _PLACE = 0x00080090, 0x00101040, 0x00102154, 0x00080080

#: Fields of HL7 v2 by what they hold; of persons XCN begins with an identifier, XPN does not.
_XPN: Final = {
    "PID": (5, 6, 9), "NK1": (2, 30), "GT1": (3, 4, 42), "IN1": (16,), "MRG": (7,), "STF": (3,),
}  # fmt: skip
_XCN: Final = {
    "EVN": (5,), "PD1": (4,), "PV1": (7, 8, 9, 17, 52), "ORC": (10, 11, 12, 19),
    "OBR": (10, 16, 28, 32, 33, 34, 35), "OBX": (16, 25), "TXA": (5, 9, 10, 11, 22, 23),
    "ROL": (4,), "PRT": (5,), "DG1": (16,), "CTD": (2,),
}  # fmt: skip
_IDS: Final = {
    "PID": (2, 3, 4, 18, 19, 20, 21), "PV1": (19, 50), "MRG": (1, 3, 4), "GT1": (2, 12),
    "IN1": (2, 36, 49), "NK1": (33,), "OBR": (2, 3, 18, 19, 20), "ORC": (2, 3, 4), "ACC": (),
    "TXA": (12, 13, 14, 15),
}  # fmt: skip
_ADDRESSES: Final = {"PID": (11,), "NK1": (4,), "GT1": (5,), "IN1": (5, 19), "ORC": (22, 24)}
_PHONES: Final = {
    "PID": (13, 14), "NK1": (5, 6), "GT1": (6, 7), "IN1": (7,), "ORC": (14, 23), "OBR": (17,),
}  # fmt: skip
_PLACES: Final = {
    "MSH": (4, 6), "PD1": (3,), "IN1": (4,), "ORC": (21,), "OBX": (23,), "PV1": (3, 39),
}  # fmt: skip
_BIRTHS: Final = {"PID": (7,), "NK1": (16,), "GT1": (8,), "IN1": (18,)}


def iter_identifying(data: bytes, kind: str) -> Iterator[Value]:
    """Yield what a report says of persons, places and numbers, in the fields that are for it.

    Raises
    ------
    ReportError
        It cannot be read.
    """
    if kind == "hl7v2":
        for message in read_messages(data):
            for segment in message.segments:
                yield from _of_segment(segment)
    elif kind == "cda":
        yield from _of_cda(xmltree.parse(data))
    elif kind == "ccr":
        yield from _of_ccr(xmltree.parse(data))


def _of_segment(segment: Segment) -> Iterator[Value]:
    for fields, tag, vr, first in (
        (_XPN, _PATIENT_NAME, "PN", 0), (_XCN, _PERSON, "PN", 1),
    ):  # fmt: skip
        for number in fields.get(segment.name, ()):
            for parts in _repetitions(segment, number):
                yield Value(tag, vr, "^".join(parts[first : first + 3]))
                if first and any(map(str.isalpha, parts[0])):  # some put the name there
                    yield Value(tag, vr, parts[0])
    for number in _IDS.get(segment.name, ()):
        yield from (Value(_PATIENT_ID, "LO", parts[0]) for parts in _repetitions(segment, number))
    for fields, tag in ((_ADDRESSES, _ADDRESS), (_PHONES, _PHONE), (_PLACES, _PLACE)):
        for number in fields.get(segment.name, ()):
            for parts in _repetitions(segment, number):
                yield from (Value(tag, "LO", part) for part in parts if part)
    for number in _BIRTHS.get(segment.name, ()):
        yield Value(_BIRTH, "DA", segment.value(number)[:8])


def _repetitions(segment: Segment, number: int) -> Iterator[list[str]]:
    marks = segment.delimiters
    for text in segment.repetitions(number):
        yield [
            unescape(part.split(marks.subcomponent)[0], marks).strip()
            for part in text.split(marks.component)
        ]


def _of_cda(root: Element) -> Iterator[Value]:
    for name in root.iter("name"):
        family = " ".join(text_of(part) for part in name.findall("family"))
        given = [text_of(part) for part in name.findall("given")]
        if family or given:
            yield Value(_PERSON, "PN", "^".join([family, *given[:2]]))
        elif text := text_of(name):
            yield Value(_PLACE, "LO", text)
    for found in root.iter("id"):
        yield Value(_PATIENT_ID, "LO", found.get("extension", ""))
    for found in root.iter("addr"):
        yield from (Value(_ADDRESS, "LO", text_of(part)) for part in found)
    for found in root.iter("telecom"):
        yield Value(_PHONE, "LO", found.get("value", "").partition(":")[2])
    for found in root.iter("birthTime"):
        yield Value(_BIRTH, "DA", found.get("value", "")[:8])


def _of_ccr(root: Element) -> Iterator[Value]:
    for name in root.iter("Name"):
        for part in name:
            texts = [text_of(part.find(tag)) for tag in ("Family", "Given", "Middle")]
            if any(texts):
                yield Value(_PERSON, "PN", "^".join(texts))
        if not len(name) and name.text:
            yield Value(_PLACE, "LO", name.text)
    for actor in root.iter("Actor"):
        for found in actor.iter("ID"):
            yield Value(_PATIENT_ID, "LO", text_of(found))
        for address in actor.iter("Address"):
            yield from (Value(_ADDRESS, "LO", text_of(part)) for part in address)
        for tag in ("Telephone", "EMail"):
            yield from (Value(_PHONE, "LO", text_of(one)) for one in actor.iter(tag))
    for found in root.iter("DateOfBirth"):
        yield Value(_BIRTH, "DA", text_of(found).replace("-", "")[:8])
