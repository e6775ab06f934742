"""HL7 v2 messages as a radiologist reads a report: status, text, results, what is not shown."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from emixcli.reports import blocks
from emixcli.reports.cda import date_text
from emixcli.reports.hl7 import unescape
from emixcli.reports.hl7_documents import find_documents
from emixcli.reports.inner import Inner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emixcli.reports.blocks import Block
    from emixcli.reports.hl7 import Message, Segment
    from emixcli.reports.hl7_documents import Embedded

#: Table 0085 and 0123: what is not final must be said in words.
_STATUS: Final = {
    "P": "preliminary", "R": "preliminary, not verified", "C": "corrected", "F": "final",
    "X": "cancelled", "D": "deleted", "I": "pending", "S": "partial", "W": "wrong: withdrawn",
    "U": "final, status changed without new result", "N": "not asked", "O": "order only",
    "A": "partial: some results only", "B": "corrected", "K": "post original: corrected",
}  # fmt: skip
#: Table 0078.
_FLAGS: Final = {
    "L": "low", "H": "high", "LL": "critically low", "HH": "critically high", "N": "",
    "A": "abnormal", "AA": "critically abnormal", "<": "below the scale", ">": "above the scale",
    "U": "rising", "D": "falling", "B": "better", "W": "worse", "S": "susceptible",
    "R": "resistant", "I": "intermediate", "POS": "positive", "NEG": "negative",
}  # fmt: skip
_TEXT_TYPES: Final = frozenset({"TX", "FT", "ST", ""})
_MAX_TEXT: Final = 1_050_000  # characters; the reader of reports shows no more
_TABLE_HEAD: Final = ("Test", "Value", "Units", "Reference", "Flag", "Status")
_SHOWN: Final = frozenset({
    "MSH", "PID", "OBR", "OBX", "NTE", "TXA", "EVN", "SFT", "PV1", "ORC", "FTS", "BTS",
})  # fmt: skip


def render(messages: Iterable[Message]) -> Iterator[Block]:
    """Yield all messages of a file."""
    for message in messages:
        yield from render_one(message, find_documents(message))


def render_one(message: Message, documents: Iterable[Embedded]) -> Iterator[Block]:
    """Yield a message of which the documents have been found."""
    pid = message.first("PID")
    if message.in_doubt:
        yield blocks.note("The characters are in doubt: letters with accents may be wrong.")
    yield blocks.heading(_title(message))
    yield blocks.facts(
        [
            ("Patient", _name(pid, 5)),
            ("Identifier", pid.value(3)),
            ("Born", date_text(pid.value(7))),
            ("Sex", pid.value(8)),
        ]
    )
    yield from _body(message)
    for one in documents:
        title = ": ".join(filter(None, ("Attached document", blocks.one_line(one.title))))
        words = Inner(one.kind, one.data).words
        yield blocks.Block(blocks.Kind.DOCUMENT, title, rows=((words,),))
    unseen = sorted({s.name for s in message.segments} - _SHOWN)
    if unseen:
        yield blocks.note("Not shown: segments " + ", ".join(unseen) + ".")


def _title(message: Message) -> str:
    order = message.first("OBR")
    service = order.value(4, 2) or order.value(4)
    kind = message.first("TXA").value(2)
    return service or kind or f"HL7 message {message.kind}"


def _body(message: Message) -> Iterator[Block]:
    """Yield orders, and the observations under each: text joined, values as tables."""
    pending: list[Segment] = []
    for segment in message.segments:
        if segment.name in ("OBX", "NTE"):
            pending.append(segment)
        elif segment.name in ("OBR", "TXA"):
            yield from _observations(pending)
            pending = []
            yield from _order(segment)
    yield from _observations(pending)


def _order(segment: Segment) -> Iterator[Block]:
    if segment.name == "TXA":
        yield _status(segment.value(17), "Document")
        return
    if segment.value(25):
        yield _status(segment.value(25), "Report")
    yield blocks.facts(
        [
            ("Examination", segment.value(4, 2) or segment.value(4)),
            ("Accession", segment.value(18) or segment.value(3)),
            ("Observed", date_text(segment.value(7))),
            ("Reported", date_text(segment.value(22))),
            ("Ordered by", _name(segment, 16, offset=1)),
            ("Read by", segment.value(32).replace("&", " ")),
        ]
    )


def _status(code: str, what: str) -> Block:
    words = _STATUS.get(code, code) or "not said"
    return blocks.note(f"{what} status: {words}.", strong=code not in ("F", "U", "AU", "LA"))


def _observations(segments: list[Segment]) -> Iterator[Block]:
    for is_table, group in groupby(_with_notes(segments), key=lambda pair: pair[2]):
        found = list(group)
        if is_table:
            rows = [row for obx, notes, _ in found for row in _rows(obx, notes)]
            yield blocks.table([_TABLE_HEAD, *rows], head=1)
        else:
            yield from _texts(found)


def _with_notes(segments: list[Segment]) -> Iterator[tuple[Segment, list[Segment], bool]]:
    """Yield each observation with the notes behind it, and whether it is a line of a table.

    Notes that stand behind anything else come by themselves, the first with those behind it.
    """
    place = 0
    while place < len(segments):
        segment = segments[place]
        notes: list[Segment] = []
        place += 1
        while place < len(segments) and segments[place].name == "NTE":
            notes.append(segments[place])
            place += 1
        kind = segment.value(2).upper()
        if segment.name == "NTE":
            yield segment, notes, False
        elif kind not in ("ED", "RP"):
            short = kind not in ("TX", "FT") and bool(segment.field(6) or segment.field(7))
            yield segment, notes, short or kind not in _TEXT_TYPES
        elif notes:
            yield notes[0], notes[1:], False


def _rows(obx: Segment, notes: list[Segment]) -> Iterator[list[str]]:
    flags = [unescape(flag, obx.delimiters).strip() for flag in obx.repetitions(8)]
    status = obx.value(11)
    yield [
        obx.value(3, 2) or obx.value(3), _value(obx), obx.value(6), obx.value(7),
        ", ".join(filter(None, (_FLAGS.get(flag, flag) for flag in flags))),
        _STATUS.get(status, status),
    ]  # fmt: skip
    for one in notes:
        yield ["", _note(one)]


def _texts(found: list[tuple[Segment, list[Segment], bool]]) -> Iterator[Block]:
    """Yield the lines of one observation as one text; an empty value is an empty line."""
    for (title, status), group in groupby(
        found, key=lambda pair: (pair[0].field(3), pair[0].value(11))
    ):
        lines = list(group)
        first = lines[0][0]
        if first.name == "NTE":
            whole = (note for one, notes, _ in lines for note in (one, *notes))
            yield blocks.paragraph("\n".join(_up_to_bound(map(_note, whole))))
            continue
        name = first.value(3, 2) or first.value(3)
        if name and title:
            yield blocks.heading(name, 2)
        if status not in ("", "F"):
            yield _status(status, "Text")
        text = "\n".join(_up_to_bound(_value(obx) for obx, _, _ in lines))
        if not _is_document(first):
            yield blocks.paragraph(text)
        for _, notes, _ in lines:
            for one in notes:
                yield blocks.paragraph(_note(one))


def _up_to_bound(parts: Iterable[str]) -> Iterator[str]:
    """Yield texts as long as any of them would be shown; the reader of reports says so."""
    n_letters = 0
    for part in parts:
        yield part
        n_letters += len(part)
        if n_letters > _MAX_TEXT:
            return


def _is_document(obx: Segment) -> bool:
    """Whether the text is a document by itself, which is shown as such."""
    return obx.field(5).lstrip().startswith(("{\\rtf", "{\\E\\rtf"))


def _value(obx: Segment) -> str:
    """Return OBX-5 for people: repetitions as lines, the text of coded values."""
    marks, kind = obx.delimiters, obx.value(2).upper()
    if obx.field(5) == '""':
        return "[deleted]"
    if kind in ("TX", "FT", "ST", ""):
        separator = marks.repetition
        text = obx.field(5)[:_MAX_TEXT]
        return "\n".join(unescape(part, marks) for part in text.split(separator))
    values = []
    for part in obx.repetitions(5):
        cells = [unescape(cell, marks).strip() for cell in part.split(marks.component)]
        if kind in ("CE", "CWE", "CNE", "CF"):
            values.append(next((cells[i] for i in (1, 8, 4, 0) if i < len(cells) and cells[i]), ""))
        elif kind in ("DT", "TS", "DTM", "TM"):
            values.append(date_text(cells[0]))
        else:
            values.append(" ".join(filter(None, cells)))
    return "\n".join(values)


def _note(segment: Segment) -> str:
    marks = segment.delimiters
    return "\n".join(unescape(part, marks) for part in segment.field(3).split(marks.repetition))


def _name(segment: Segment, number: int, *, offset: int = 0) -> str:
    """Return a person of an XPN, or of an XCN by `offset` 1: family name, given names."""
    parts = [*(segment.components(number))[offset:], "", "", ""]
    marks = segment.delimiters
    family, given, middle = (
        unescape(part.split(marks.subcomponent)[0], marks).strip() for part in parts[:3]
    )
    return ", ".join(filter(None, (family, " ".join(filter(None, (given, middle))))))
