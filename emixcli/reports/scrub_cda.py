"""A copy of a CDA document without narrative and without what identifies.

Elements and attributes that are not named here are left out, with all that is in them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from emixcli.errors import ReportError
from emixcli.reports import xmltree
from emixcli.reports.scrubbing import short_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.reports.scrubbing import Scrub

#: What describes content; persons, places, texts, devices and files are not among them.
_CONTENT: Final = frozenset({
    "component", "structuredBody", "section", "templateId", "code", "entry", "organizer",
    "observation", "act", "procedure", "statusCode", "effectiveTime", "value", "interpretationCode",
    "methodCode", "targetSiteCode", "approachSiteCode", "entryRelationship", "referenceRange",
    "observationRange", "low", "high", "center", "width", "qualifier", "name", "translation",
    "confidentialityCode", "languageCode", "realmCode",
})  # fmt: skip
#: `name` of a qualifier is a code; of a person or a place it is none.
_CODES: Final = frozenset({
    "code", "value", "interpretationCode", "methodCode", "targetSiteCode", "approachSiteCode",
    "statusCode", "confidentialityCode", "qualifier", "name", "translation", "priorityCode",
})  # fmt: skip
_TIMED: Final = frozenset({"effectiveTime", "low", "high", "center"})
_TYPES: Final = frozenset({
    "CD", "CE", "CV", "CO", "CS", "BL", "INT", "REAL", "PQ", "MO", "TS", "IVL_PQ", "IVL_INT",
    "IVL_REAL", "IVL_TS", "RTO_PQ_PQ",
})  # fmt: skip
#: Values of attributes that say what an act is (ActClass, ActMood, relationships, NullFlavor).
_STRUCTURE: Final = {
    "classCode": frozenset({
        "ACT", "OBS", "BATTERY", "CLUSTER", "PROC", "ENC", "SBADM", "SPLY", "DOCSECT", "ORGANIZER",
        "CONC", "PCPR", "DGIMG",
    }),
    "moodCode": frozenset({"EVN", "INT", "RQO", "PRMS", "PRP", "GOL", "APT", "ARQ", "DEF"}),
    "typeCode": frozenset({
        "COMP", "DRIV", "REFR", "SUBJ", "CAUS", "RSON", "MFST", "SPRT", "XCRPT", "GEVL", "SAS",
        "REFV",
    }),
    "nullFlavor": frozenset({
        "NI", "UNK", "NA", "MSK", "OTH", "NASK", "ASKU", "NAV", "NP", "PINF", "NINF", "QS", "TRC",
    }),
    "contextConductionInd": frozenset({"true", "false"}),
}  # fmt: skip
#: Templates of HL7 and IHE; those of others may name who made them.
_TEMPLATE: Final = re.compile(
    r"(?:2\.16\.840\.1\.113883\.10|1\.3\.6\.1\.4\.1\.19376)(?:\.\d{1,3}){0,9}", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}(?:\d{2}){0,5}(?:\.\d+)?(?:[+-]\d{4})?", re.ASCII)
_LANGUAGE: Final = re.compile(r"[a-z]{2}(?:-[A-Z]{2})?")
_HL7: Final = re.compile(r"2\.16\.840\.1\.113883\.5\.\d{1,4}", re.ASCII)
#: States of an act, and other words among the codes of HL7.
_HL7_CODES: Final = frozenset({
    "new", "active", "held", "suspended", "completed", "aborted", "cancelled", "nullified",
    "obsolete", "normal", "ASSERTION",
})  # fmt: skip


def scrub(data: bytes, how: Scrub) -> bytes:
    """Return the document anew, in UTF-8.

    Raises
    ------
    ReportError
        It cannot be read, or nothing is left that says anything.
    """
    old = xmltree.parse(data)
    root = Element(
        "ClinicalDocument",
        {"xmlns": "urn:hl7-org:v3", "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"},
    )
    _add_head(root, old, how)
    bodies = [copy for part in old.findall("component") if (copy := _copy(part, how)) is not None]
    if not _says_something(bodies):
        raise ReportError(
            "a report has no coded or measured results, so nothing of it is left",
            hint="text goes along only with --reports reviewed",
        )
    root.extend(bodies)
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _says_something(bodies: list[Element]) -> bool:
    return any(
        value.get("code") or value.get("value") or len(value)
        for body in bodies
        for value in body.iter("value")
    )


def _add_head(root: Element, old: Element, how: Scrub) -> None:
    """Add the head: pseudonyms, the mapped study and order, no other person or place."""
    new = how.subject
    found = old.find("id")
    old_id = "" if found is None else f"{found.get('root', '')}^{found.get('extension', '')}"
    SubElement(root, "typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    SubElement(root, "id", root=how.new_uid(f"cda\0{old_id}"))
    for tag in ("code", "effectiveTime", "confidentialityCode", "languageCode"):
        copy = next((c for e in old.findall(tag) if (c := _copy(e, how)) is not None), None)
        root.append(Element(tag, nullFlavor="MSK") if copy is None else copy)
    role = SubElement(SubElement(root, "recordTarget"), "patientRole")
    SubElement(role, "id", root=how.new_uid("patients"), extension=new.id)
    patient = SubElement(role, "patient")
    SubElement(patient, "name").text = new.name.replace("^", " ").strip()
    if new.sex:
        SubElement(
            patient, "administrativeGenderCode", code=new.sex, codeSystem="2.16.840.1.113883.5.1"
        )
    if new.birth_date:
        SubElement(patient, "birthTime", value=new.birth_date)
    SubElement(root, "author", nullFlavor="MSK")
    SubElement(root, "custodian", nullFlavor="MSK")
    if new.accession:
        order = SubElement(SubElement(root, "inFulfillmentOf"), "order")
        SubElement(order, "id", root=how.new_uid("orders"), extension=new.accession)
    if new.study_uid:
        event = SubElement(SubElement(root, "documentationOf"), "serviceEvent", classCode="ACT")
        SubElement(event, "id", root=new.study_uid)


def _copy(old: Element, how: Scrub) -> Element | None:
    """Return what is left of an element; None where that is nothing."""
    if old.tag not in _CONTENT or (old.tag == "name" and not old.get("code")):
        return None
    new = Element(old.tag, dict(_attributes(old, how)))
    new.extend(copy for child in old if (copy := _copy(child, how)) is not None)
    return new if new.attrib or len(new) or old.tag == "qualifier" else None


def _attributes(old: Element, how: Scrub) -> Iterator[tuple[str, str]]:
    for name, allowed in _STRUCTURE.items():
        if (value := old.get(name, "")) in allowed:
            yield name, value
    if old.tag == "value" and old.get("type", "").rpartition(":")[2] in _TYPES:
        yield "xsi:type", old.get("type", "").rpartition(":")[2]
    if old.tag == "templateId" and _TEMPLATE.fullmatch(old.get("root", "")):
        yield "root", old.get("root", "")
    if old.tag == "languageCode" and _LANGUAGE.fullmatch(old.get("code", "")):
        yield "code", old.get("code", "")
    if old.tag in _CODES:
        yield from _code(old, how)
    if value := old.get("value", ""):
        # A number of eight digits is a date where one may stand.
        kept = how.date(value) if _is_time(old) else how.number(value)
        if kept:
            yield "value", kept
    if unit := how.unit(old.get("unit", "")):
        yield "unit", unit


def _is_time(old: Element) -> bool:
    if old.tag == "value":
        return old.get("type", "").rpartition(":")[2] == "TS"
    return old.tag in _TIMED and not old.get("unit") and bool(_DATE.fullmatch(old.get("value", "")))


def _code(old: Element, how: Scrub) -> Iterator[tuple[str, str]]:
    value, system = old.get("code", ""), old.get("codeSystem", "")
    if old.tag == "statusCode" or _HL7.fullmatch(system):
        code = value if value in _HL7_CODES else short_code(value)
        text = how.words(old.get("displayName", ""))
        scheme = system if _HL7.fullmatch(system) else ""
    else:
        code, text, scheme = how.code(value, old.get("displayName", ""), system)
    pairs = {"code": code, "codeSystem": scheme if code else "", "displayName": text}
    yield from ((name, text) for name, text in pairs.items() if text)
