"""HL7 CDA documents: whom they are about, and every word of their narrative as blocks.

Style sheets, addresses and references of a document are never followed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

from emixcli.reports import blocks
from emixcli.reports.matching import Identifier, Identity
from emixcli.reports.names import Name, make_name
from emixcli.reports.xmltree import text_of

if TYPE_CHECKING:
    from emixcli.reports.blocks import Block

_WRITTEN_DATE: Final = re.compile(r"\d{4}-\d\d?(?!\d)")
_POWER: Final = re.compile(r"[+\-\u2212]?\d+$")
#: Characters of one text; the reader of reports shows no more and says so.
_MAX_TEXT: Final = 1_050_000
_NO_AUTHORITY: Final = frozenset({"NI", "UNK", "NASK", "MSK", "NA", "ASKU", "NAV"})


@dataclass(frozen=True, slots=True)
class Embedded:
    """A document inside a CDA: its bytes (none for a reference), declared type and code."""

    data: bytes
    media_type: str
    payload: str = ""


def read_identity(root: Element) -> Identity:
    """Return whom a ClinicalDocument is about."""
    roles = root.findall("recordTarget/patientRole")
    first = roles[0] if roles else Element("patientRole")
    patient = first.find("patient")
    patient = Element("patient") if patient is None else patient
    return Identity(
        names=tuple(name for role in roles for name in _names(role)),
        ids=tuple(i for role in roles for i in _identifiers(role)),
        birth_date=_attribute(patient, "birthTime", "value"),
        sex=_attribute(patient, "administrativeGenderCode", "code"),
        accessions=tuple(
            found.get("extension", "")
            for found in root.findall("inFulfillmentOf/order/id")
            if found.get("extension")
        ),
        study_uids=tuple(
            found.get("root", "")
            for found in root.findall("documentationOf/serviceEvent/id")
            if found.get("root") and not found.get("extension")
        ),
        n_patients=max(1, len(roles)),
    )


def _names(role: Element) -> Iterator[Name]:
    for name in role.findall("patient/name"):
        family = " ".join(text_of(part) for part in name.findall("family"))
        given = " ".join(text_of(part) for part in name.findall("given"))
        suffix = " ".join(text_of(part) for part in name.findall("suffix"))
        found = make_name(family, given if family or given else text_of(name), suffix)
        if found.words:
            yield found


def _identifiers(role: Element) -> Iterator[Identifier]:
    for found in role.findall("id"):
        root, value = found.get("root", ""), found.get("extension", "")
        if found.get("nullFlavor") in _NO_AUTHORITY or not (root or value):
            continue
        authorities = (root, found.get("assigningAuthorityName", ""))
        if value:
            yield Identifier(value, tuple(name for name in authorities if name))
        else:
            yield Identifier(root, ())


def _attribute(element: Element, path: str, name: str) -> str:
    found = element.find(path)
    return "" if found is None else found.get(name, "")


def render(root: Element) -> Iterator[Block]:
    """Yield the document: title, patient, who wrote it, then its sections."""
    yield blocks.heading(text_of(root.find("title")) or "Clinical document")
    yield blocks.facts(_head(root))
    for section in _sections(root):
        yield from _section(section, level=2)
    if root.find("component/nonXMLBody") is not None:
        for document in find_documents(root):
            what = document.media_type or "unknown type"
            if document.data:
                yield blocks.note(f"The report is an attached document ({what}).")
            else:
                yield blocks.note(f"The report is somewhere else ({what}); it is not fetched.")


def _head(root: Element) -> Iterator[tuple[str, str]]:
    role = root.find("recordTarget/patientRole")
    if role is not None:
        names = role.findall("patient/name")
        yield "Patient", "; ".join(_person(name) for name in names)
        yield "Identifier", "; ".join(found.value for found in _identifiers(role))
        yield "Born", date_text(_attribute(role, "patient/birthTime", "value"))
        yield (
            "Sex",
            _attribute(role, "patient/administrativeGenderCode", "displayName")
            or (_attribute(role, "patient/administrativeGenderCode", "code")),
        )
    yield "Kind", _attribute(root, "code", "displayName")
    yield "Date", date_text(_attribute(root, "effectiveTime", "value"))
    for label, path in (
        ("Author", "author/assignedAuthor/assignedPerson/name"),
        ("Signed by", "legalAuthenticator/assignedEntity/assignedPerson/name"),
        ("Kept by", "custodian/assignedCustodian/representedCustodianOrganization/name"),
        ("For", "informationRecipient/intendedRecipient/informationRecipient/name"),
    ):
        yield label, "; ".join(filter(None, (_person(name) for name in root.findall(path))))


def _person(name: Element) -> str:
    parts = [
        text_of(part)
        for tag in ("prefix", "given", "family", "suffix")
        for part in name.findall(tag)
    ]
    return " ".join(filter(None, parts)) or text_of(name)


def date_text(value: str) -> str:
    """Return a time of HL7 for people, its zone as written: 2024-01-02 10:15 +0100."""
    digits = value[:14].partition(".")[0].partition("+")[0].partition("-")[0]
    is_plain = len(digits) >= len("YYYY") and digits.isdecimal()
    if not is_plain or _WRITTEN_DATE.match(value):
        return value
    day = "-".join(filter(None, (digits[:4], digits[4:6], digits[6:8])))
    time = ":".join(filter(None, (digits[8:10], digits[10:12], digits[12:14])))
    zone = next((value[i:] for i, c in enumerate(value) if c in "+-" and i >= len(digits)), "")
    return " ".join(filter(None, (day, time, zone)))


def _section(section: Element, level: int) -> Iterator[Block]:
    title = text_of(section.find("title")) or _attribute(section, "code", "displayName")
    if title:
        yield blocks.heading(title, level)
    text = section.find("text")
    if text is not None:
        yield from Narrative(text).blocks()
    for inner in _sections(section):
        yield from _section(inner, level + 1)


def _sections(element: Element) -> Iterator[Element]:
    """Yield the sections in an element, also where they stand without what should hold them."""
    for child in element:
        if child.tag == "section":
            yield child
        elif child.tag in ("component", "structuredBody"):
            yield from _sections(child)


class Narrative:
    """The narrative of a section (StrucDoc.Text) as blocks: lists, tables, text."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._found: list[Block] = []
        self._line: list[str] = []

    def blocks(self) -> list[Block]:
        """Return every word of it, in order."""
        self._walk(self._root, depth=0)
        self._end_line()
        return self._found

    def _walk(self, element: Element, depth: int) -> None:
        self._say(element.text)
        for child in element:
            self._child(child, depth)
            self._say(child.tail)

    def _child(self, child: Element, depth: int) -> None:
        if child.tag == "table":
            self._end_line()
            self._found.append(_table(child))
        elif child.tag == "item":
            self._end_line()
            self._item(child, depth)
        elif child.tag == "list":
            self._end_line()
            self._walk(child, depth + 1)
        elif child.tag == "br":
            self._line.append("\n")
        elif child.tag in ("paragraph", "caption", "text", "title"):
            self._end_line()
            self._walk(child, depth)
            self._end_line()
        elif child.tag == "content" and child.get("revised") == "delete":
            self._say("[deleted: ")
            self._walk(child, depth)
            self._say("]")
        elif child.tag == "footnote":
            self._say(" [")
            self._walk(child, depth)
            self._say("] ")
        elif child.tag == "sup" and _POWER.match(text_of(child)):
            self._say("^")  # 10 to the 9 is not 109
            self._walk(child, depth)
        elif child.tag == "renderMultiMedia":
            self._say(" [a picture is not shown] ")
            self._walk(child, depth)
        else:
            self._walk(child, depth)

    def _item(self, child: Element, depth: int) -> None:
        """Take the text of an item up to what stands by itself in it, as blocks of its own."""
        inner = Narrative(child).blocks()
        for number, block in enumerate(inner):
            if block.kind == blocks.Kind.TEXT and not number:
                self._found.append(blocks.item(block.text, max(depth, 1)))
            elif block.kind == blocks.Kind.TEXT:
                self._found.append(blocks.item(block.text, max(depth, 1) + 1))
            elif block.kind == blocks.Kind.ITEM:
                self._found.append(blocks.item(block.text, max(depth, 1) + block.level))
            else:
                self._found.append(block)

    def _say(self, text: str | None) -> None:
        if text:
            text = text[:_MAX_TEXT]
            start = " " if text[:1].isspace() else ""
            end = " " if text[-1:].isspace() else ""
            self._line.append(f"{start}{' '.join(text.split())}{end}")

    def _end_line(self) -> None:
        lines = ["".join(self._line)] if self._line else []
        text = "\n".join(" ".join(line.split()) for line in "".join(lines).split("\n")).strip()
        if text:
            self._found.append(blocks.paragraph(text))
        self._line = []


def _table(element: Element) -> Block:
    caption = " ".join(_flat(part) for part in element.findall("caption"))
    rows = [row for group in _row_groups(element) for row in _Grid().fill(group)]
    head = sum(len(part.findall("tr")) for part in element.findall("thead"))
    first = element.find("tr") if head == 0 else None
    if first is None and not head:
        first = element.find("tbody/tr")
    if first is not None and len(first):
        head = int(all(cell.tag == "th" for cell in first))
    return blocks.table(rows, head=head, caption=caption)


_TABLE_PARTS: Final = frozenset({"thead", "tbody", "tfoot"})
_NO_WORDS: Final = frozenset({"caption", "col", "colgroup"})
_MAX_SPAN: Final = 100


def _row_groups(element: Element) -> Iterator[list[Element]]:
    """Yield the rows of each part of a table; words that stand between them are rows, too."""
    own: list[Element] = []
    for child in [_words(element.text), *element]:
        if child.tag in _TABLE_PARTS:
            yield own
            own = []
            yield from _row_groups(child)
        elif child.tag not in _NO_WORDS:
            own.append(child)
        own.append(_words(child.tail))
    yield own


def _words(text: str | None) -> Element:
    element = Element("text")
    element.text = text
    return element


class _Grid:
    """The rows of one part of a table, with empty cells where one spans columns or rows."""

    def __init__(self) -> None:
        self._below: dict[int, int] = {}  # column: rows that the cell above still spans

    def fill(self, group: list[Element]) -> Iterator[list[str]]:
        """Yield the cells of each row."""
        for element in group:
            if element.tag == "tr":
                yield self._row(element)
            elif text := _flat(element):
                yield [text]

    def _row(self, element: Element) -> list[str]:
        row: list[str] = []
        for cell in [_words(element.text), *element]:
            if cell.tag in ("td", "th"):
                self._skip(row)
                self._add(row, cell)
            elif text := _flat(cell):
                row.append(text)
            if tail := _flat(_words(cell.tail)):
                row.append(tail)
        self._skip(row)
        for column in [column for column in self._below if column >= len(row)]:
            self._below[column] -= 1
        return row

    def _skip(self, row: list[str]) -> None:
        while (left := self._below.pop(len(row), 0)) > 0:
            if left > 1:
                self._below[len(row)] = left - 1
            row.append("")

    def _add(self, row: list[str], cell: Element) -> None:
        start, n_rows = len(row), _span(cell, "rowspan")
        row += [_flat(cell), *[""] * (_span(cell, "colspan") - 1)]
        if n_rows > 1:
            self._below |= dict.fromkeys(range(start, min(len(row), _MAX_SPAN)), n_rows - 1)


def _span(cell: Element, name: str) -> int:
    text = cell.get(name, "1").strip()
    return max(1, min(int(text), _MAX_SPAN)) if text.isascii() and text.isdecimal() else 1


def _flat(element: Element | None) -> str:
    """Return all words in an element as lines."""
    if element is None:
        return ""
    lines = (
        line
        for block in Narrative(element).blocks()
        for line in (block.text, *("  ".join(filter(None, row)) for row in block.rows))
    )
    return "\n".join(filter(None, lines))


def find_documents(root: Element) -> list[Embedded]:
    """Return the documents of a nonXMLBody and of observationMedia; references are empty."""
    found = []
    places = root.findall("component/nonXMLBody/text")
    for text in [*places, *root.iter("value")]:
        if text.tag == "value" and text.get("mediaType") is None:
            continue
        kind = text.get("mediaType", "")
        if text.get("representation") == "B64":
            payload = "".join(text.itertext())
            found.append(Embedded(_unbase64(payload), kind, payload.strip()))
        elif text.find("reference") is not None:
            found.append(Embedded(b"", kind))
        elif text.tag == "text":
            found.append(Embedded("".join(text.itertext()).encode(), kind or "text/plain"))
    return found


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
