"""A copy of a CCR without free text and without what identifies (ASTM E2369).

One pseudonymous patient is all that is left of the actors. What is not named here is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from emixcli.errors import ReportError
from emixcli.reports import xmltree
from emixcli.reports.xmltree import text_of

if TYPE_CHECKING:
    from emixcli.reports.scrubbing import Scrub

_SECTIONS: Final = frozenset({
    "Problems", "Procedures", "Results", "VitalSigns", "Medications", "Immunizations", "Alerts",
    "FunctionalStatus", "Encounters",
})  # fmt: skip
#: What entries are made of; sources, identifiers, locations, practitioners and comments are not
#: among them.
_PARTS: Final = frozenset({
    "Problem", "Procedure", "Result", "Medication", "Immunization", "Alert", "Function",
    "Encounter", "Test", "TestResult", "Type", "Description", "Status", "Code", "DateTime", "Value",
    "Units", "Unit", "CodingSystem", "NormalResult", "Normal", "Flag", "Product", "ProductName",
    "Strength", "Form", "Agent", "Reaction", "Severity", "Substance", "ExactDateTime", "Text",
})  # fmt: skip
_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_VERSION: Final = "V1.0"


def scrub(data: bytes, how: Scrub) -> bytes:
    """Return the record anew, in UTF-8.

    Raises
    ------
    ReportError
        It cannot be read, or nothing is left that says anything.
    """
    old = xmltree.parse(data)
    root = Element("ContinuityOfCareRecord", {"xmlns": "urn:astm-org:CCR"})
    old_id = text_of(old.find("CCRDocumentObjectID"))
    SubElement(root, "CCRDocumentObjectID").text = how.new_uid(f"ccr\0{old_id}")
    SubElement(root, "Version").text = _VERSION
    if when := _moved(text_of(old.find("DateTime/ExactDateTime")), how):
        SubElement(SubElement(root, "DateTime"), "ExactDateTime").text = when
    SubElement(SubElement(root, "Patient"), "ActorID").text = "PATIENT"
    body = SubElement(root, "Body")
    for section in old.findall("Body/*"):
        if section.tag in _SECTIONS:
            copies = [copy for part in section if (copy := _copy(part, how)) is not None]
            if copies:
                SubElement(body, section.tag).extend(copies)
    if not len(body):
        raise ReportError(
            "a report has no coded or measured results, so nothing of it is left",
            hint="text goes along only with --reports reviewed",
        )
    _add_patient(SubElement(root, "Actors"), how)
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _add_patient(actors: Element, how: Scrub) -> None:
    actor = SubElement(actors, "Actor")
    SubElement(actor, "ActorObjectID").text = "PATIENT"
    person = SubElement(actor, "Person")
    name = SubElement(SubElement(person, "Name"), "CurrentName")
    SubElement(name, "Family").text = how.subject.name.replace("^", " ").strip()
    SubElement(SubElement(actor, "IDs"), "ID").text = how.subject.id


def _copy(old: Element, how: Scrub) -> Element | None:
    """Return what is left of an element; None where that is nothing."""
    if old.tag not in _PARTS:
        return None
    if old.tag == "Code":
        return _code(old, how)
    new = Element(old.tag)
    text = (old.text or "").strip()
    if old.tag == "ExactDateTime":
        text = _moved(text, how)
    elif old.tag in ("Value", "Unit"):
        text = how.number(text) or (how.unit(text) if old.tag == "Unit" else "")
    elif old.tag == "Text":
        text = how.words(text)
    else:
        text = ""
    new.text = text or None
    new.extend(copy for child in old if (copy := _copy(child, how)) is not None)
    return new if new.text or len(new) else None


def _code(old: Element, how: Scrub) -> Element | None:
    scheme = text_of(old.find("CodingSystem"))
    code, _, _ = how.code(text_of(old.find("Value")), "", scheme)
    if not code:
        return None
    new = Element("Code")
    SubElement(new, "Value").text = code
    SubElement(new, "CodingSystem").text = scheme
    return new


def _moved(text: str, how: Scrub) -> str:
    """Return a time of ISO 8601 moved as those of the images."""
    found = _DATE.fullmatch(text)
    if found is None:
        return ""
    year, month, day = found[1], found[2] or "", found[3] or ""
    moved = how.date(year + month + day)
    if not moved:
        return ""
    date = "-".join(filter(None, (moved[:4], moved[4:6], moved[6:8])))
    time = text.partition("T")[2]
    return f"{date}T{time}" if time else date
