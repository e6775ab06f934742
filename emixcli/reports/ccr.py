"""ASTM CCR (E2369) records: whom they are about, and all their words as blocks.

References and their addresses are shown, never followed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

from emixcli.reports import blocks
from emixcli.reports.matching import Identifier, Identity
from emixcli.reports.names import make_name
from emixcli.reports.xmltree import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.reports.blocks import Block
    from emixcli.reports.names import Name

#: Links between the parts of a record: words of the format, not of the record.
_LINKS: Final = frozenset({"CCRDataObjectID", "ActorID", "ActorObjectID", "InternalCCRLink"})
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MAX_LEVEL: Final = 6


def read_identity(root: Element) -> Identity:
    """Return whom a ContinuityOfCareRecord is about."""
    patients = {text_of(found) for found in root.findall("Patient/ActorID")} - {""}
    actors = [a for a in root.iter("Actor") if text_of(a.find("ActorObjectID")) in patients]
    issuers = {
        text_of(actor.find("ActorObjectID")): text_of(actor.find("Organization/Name"))
        for actor in root.iter("Actor")
    }
    persons = [person for actor in actors if (person := actor.find("Person")) is not None]
    person = persons[0] if persons else Element("Person")
    return Identity(
        names=tuple(name for found in persons for name in _names(found)),
        ids=tuple(i for actor in actors for i in _identifiers(actor, issuers)),
        birth_date=text_of(person.find("DateOfBirth/ExactDateTime"))
        or text_of(person.find("DateOfBirth/ApproximateDateTime/Text")),
        sex=text_of(person.find("Gender/Text")),
        n_patients=max(1, len(patients)),
    )


def _names(person: Element) -> Iterator[Name]:
    for tag in ("CurrentName", "BirthName", "AdditionalName"):
        for found in person.findall(f"Name/{tag}"):
            family = " ".join(text_of(part) for part in found.findall("Family"))
            given = " ".join(
                text_of(part) for kind in ("Given", "Middle") for part in found.findall(kind)
            )
            suffix = " ".join(text_of(part) for part in found.findall("Suffix"))
            name = make_name(family, given, suffix)
            if name.words:
                yield name


def _identifiers(actor: Element, issuers: dict[str, str]) -> Iterator[Identifier]:
    for found in actor.findall("IDs"):
        value = text_of(found.find("ID"))
        issuer = issuers.get(text_of(found.find("IssuedBy/ActorID")), "")
        if value:
            yield Identifier(value, (issuer,) if issuer else ())


def render(root: Element) -> Iterator[Block]:
    """Yield the record: its head, each section of its body, then the persons it names."""
    yield blocks.heading("Continuity of care record")
    for part in root:
        if part.tag == "Body":
            for section in part:
                yield blocks.heading(_label(section.tag), 2)
                yield from _entries(section)
        elif part.tag in ("Actors", "References", "Comments", "Signatures"):
            yield blocks.heading(_label(part.tag), 2)
            yield from _entries(part)
    head = [pair for part in root if part.tag not in _OWN_PARTS for pair in _leaves(part, "")]
    if head:
        yield blocks.heading("About this record", 2)
        yield blocks.facts(head)


_OWN_PARTS: Final = frozenset({"Body", "Actors", "References", "Comments", "Signatures", "Patient"})


def _entries(section: Element) -> Iterator[Block]:
    for entry in section:
        pairs = list(_leaves(entry, ""))
        if pairs:
            yield blocks.heading(_label(entry.tag), 3)
            yield blocks.facts(pairs)
    if section.text and section.text.strip():
        yield blocks.paragraph(section.text)


def _leaves(element: Element, label: str) -> Iterator[tuple[str, str]]:
    """Yield every text in an element with the names of what it stands in."""
    if element.tag in _LINKS:
        return
    if element.text and element.text.strip():
        yield label or _label(element.tag), element.text
    for child in element:
        path = child.tag if child.tag not in ("Text", "Value") else ""
        yield from _leaves(child, " · ".join(filter(None, (label, _label(path)))))
        if child.tail and child.tail.strip():
            yield label, child.tail


def _label(tag: str) -> str:
    return _CAMEL.sub(" ", tag).replace("CCR", "").strip().capitalize()
