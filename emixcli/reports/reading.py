"""Reads a report of any kind: whom it is about, and how it is shown.

Hostile input ends here: whatever is wrong with a report, the answer says so in words, the original
travels nevertheless, and nothing of it is opened, fetched or run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from emixcli.errors import MediaError, PatientMismatchError, ReportError
from emixcli.reports import blocks
from emixcli.reports.matching import Identifier, Identity, Level, Verdict, match
from emixcli.reports.names import parse_pn
from emixcli.reports.words import Words, identity_in, read_words

if TYPE_CHECKING:
    from emixcli.container.layout import Report
    from emixcli.model import Document, Patient
    from emixcli.reports.blocks import Block

MAX_SIZE: Final = 64 * 2**20
"""Bytes of a report that is read; a larger one travels unread."""

_MAX_BLOCKS: Final = 5000
_MAX_TEXT: Final = 1_000_000
_MAX_TITLE: Final = 80
_CUT: Final = "The rest is not shown here: save the original."


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report says.

    Parameters
    ----------
    identities
        Whom it and the documents inside it are about; each must be the patient of the images.
    blocks
        The readable form; empty where only the file itself can be shown, as for PDF.
    words
        Of a report without a head, to be searched for the patient.
    inner
        Of the documents inside it: they must not be of another patient.
    too_large
        It has more parts than are read: it may be of several patients.
    """

    identities: tuple[Identity, ...]
    blocks: tuple[Block, ...] = ()
    too_large: bool = False
    words: Words | None = None
    inner: tuple[Words, ...] = ()

    @property
    def title(self) -> str:
        """Its first heading, cut where it is long; empty where it has none."""
        found = (block.text for block in self.blocks if block.kind == "heading")
        return next(found, "")[:_MAX_TITLE]

    @property
    def is_cut(self) -> bool:
        """Whether it has more blocks than are shown."""
        return bool(self.blocks) and self.blocks[-1].text == _CUT


ALONE: Final = Verdict(Level.WARN, "R10", "there are no images to compare the report with")
UNREAD: Final = Verdict(Level.WARN, "R10", "the report cannot be read, so it was not compared")


TOO_LARGE: Final = Verdict(
    Level.BLOCK, "R10", "the report has too many parts to be read, so it was not compared"
)


_TOO_LITTLE: Final = frozenset({"R10", "R11"})


class _TooManyPartsError(ReportError):
    """Reading it would take long."""


def read_file(open_file: Callable[[], BinaryIO], document: Document | Report) -> Reading:
    """Return what a report on a medium or a disk says; one that cannot be read says nothing."""
    if document.size > MAX_SIZE:
        return Reading(())
    try:
        with open_file() as file:
            data = file.read(document.size)
    except (OSError, MediaError):
        return Reading(())
    return read(data, document.kind)


def read(data: bytes, kind: str) -> Reading:
    """Return what a report says.

    Parameters
    ----------
    data
        The whole file.
    kind
        As `model.Document.kind`.
    """
    if len(data) > MAX_SIZE:
        return Reading(())
    try:
        return load(data, kind)
    except _TooManyPartsError as error:
        return Reading((), (blocks.note(f"{error}.", strong=True),), too_large=True)
    except ReportError as error:
        return Reading((), (blocks.note(f"{error}.", strong=True),))


def load(data: bytes, kind: str) -> Reading:
    """Return the same, or fail.

    Raises
    ------
    ReportError
        It cannot be read.
    """
    reader = _READERS.get(kind)
    if reader is None:
        raise ReportError("a report is of no known kind", hint="it can be saved, but not be shown")
    limit, letters = _LIMITS.get(kind, (MAX_SIZE, b""))
    if len(data) > MAX_SIZE or sum(data.count(bytes([one])) for one in letters) > limit:
        raise _TooManyPartsError(
            "a report has too many parts", hint="it can be sent, but not be shown"
        )
    found = reader(data)
    return replace(found, blocks=_bounded(found.blocks))


def _bounded(found: Iterable[Block]) -> tuple[Block, ...]:
    """Return blocks up to a bound, and say so where more was left out."""
    kept: list[Block] = []
    n_characters = 0
    for block in found:
        n_characters += len(block.text) + sum(len(cell) + 1 for row in block.rows for cell in row)
        if len(kept) >= _MAX_BLOCKS or n_characters > _MAX_TEXT:
            kept.append(blocks.note(_CUT, strong=True))
            break
        kept.append(block)
    return tuple(kept)


def _read_hl7(data: bytes) -> Reading:
    from emixcli.reports.hl7 import read_messages
    from emixcli.reports.hl7_documents import find_documents
    from emixcli.reports.hl7_identity import read_identity
    from emixcli.reports.oru import render

    messages = read_messages(data)
    inner = [
        identity
        for message in messages
        for document in find_documents(message)
        if document.kind == "cda"
        for identity in read(document.data, "cda").identities
        if identity.says_who
    ]
    return Reading((read_identity(messages), *inner), tuple(render(messages)))


def _read_cda(data: bytes) -> Reading:
    from emixcli.reports import cda, xmltree

    root = xmltree.parse(data)
    return Reading((cda.read_identity(root),), tuple(cda.render(root)))


def _read_ccr(data: bytes) -> Reading:
    from emixcli.reports import ccr, xmltree

    root = xmltree.parse(data)
    return Reading((ccr.read_identity(root),), tuple(ccr.render(root)))


def _read_rtf(data: bytes) -> Reading:
    from emixcli.reports.rtf import render

    found = tuple(render(data))
    return Reading((), found, words=read_words("\n".join(block.text for block in found)))


def _read_text(data: bytes) -> Reading:
    from emixcli.reports.plain import render

    *notes, text = render(data)
    words = read_words(text.text, in_doubt=bool(notes))
    return Reading((), (*notes, text), words=words)


def _read_pdf(data: bytes) -> Reading:
    from emixcli.reports.pdf import look

    seen = look(data)
    return Reading((), seen.notes, words=read_words(blocks.clean(seen.text)))


#: How many of these bytes there may be: what a report is cut into by them takes time and memory.
_LIMITS: Final = {
    "hl7v2": (200_000, b"\r\n|^~&\\"), "cda": (100_000, b"<="), "ccr": (100_000, b"<="),
    "rtf": (400_000, b"\\{}"),
}  # fmt: skip

_READERS: Final[dict[str, Callable[[bytes], Reading]]] = {
    "hl7v2": _read_hl7, "cda": _read_cda, "ccr": _read_ccr, "rtf": _read_rtf, "text": _read_text,
    "pdf": _read_pdf,
}  # fmt: skip


def judge(patients: Iterable[Patient], reading: Reading) -> Verdict:
    """Return whether a report may go with images of these patients.

    The patient whom it fits best counts; all that the report holds must fit.
    """
    if reading.too_large:
        return TOO_LARGE
    if not reading.identities and reading.words is None:
        return UNREAD
    patients = tuple(patients)
    if not patients:
        return ALONE
    verdicts = [_judge_one(identity_of(patient), reading) for patient in patients]
    return min(verdicts, key=_severity, default=UNREAD)


def _judge_one(images: Identity, reading: Reading) -> Verdict:
    """Return the most severe verdict; an inner document that says too little changes nothing."""
    said = [match(images, identity) for identity in reading.identities]
    if reading.words is not None:
        said.append(match(images, identity_in(reading.words, images)))
    inner = [match(images, identity_in(words, images)) for words in reading.inner]
    if all(verdict.rule == "R10" for verdict in said):
        said = [verdict for verdict in inner if verdict.level == Level.MATCH] or said
    weighty = [one for one in inner if one.level == Level.BLOCK or one.rule not in _TOO_LITTLE]
    return max((*said, *weighty), key=_severity)


def match_json(verdict: Verdict, accept: str = "") -> dict[str, str]:
    """Return a verdict as the index of a package has it; an accepted one is a warning."""
    if verdict.level != Level.BLOCK:
        return {"verdict": str(verdict.level), "rule": verdict.rule, "reason": verdict.reason}
    return {
        "verdict": str(Level.WARN), "rule": verdict.rule, "reason": verdict.reason,
        "accepted": accept,
    }  # fmt: skip


def mismatch(verdicts: Sequence[Verdict], accept: str = "") -> PatientMismatchError:
    """Return the error for reports that must not go along, `accept` or not."""
    count = "a report" if len(verdicts) == 1 else f"{len(verdicts)} reports"
    reasons = "; ".join(dict.fromkeys(verdict.reason for verdict in verdicts))
    overridable = all(verdict.overridable for verdict in verdicts)
    hint = "leave it out, or send it with the images that it belongs to"
    if overridable:
        hint += "; if you have read it and know better, --accept-report REASON"
    elif accept:
        hint += "; --accept-report cannot lift this rule"
    return PatientMismatchError(f"{count} may be of another patient: {reasons}", hint=hint)


def _severity(verdict: Verdict) -> int:
    return (Level.MATCH, Level.WARN, Level.BLOCK).index(verdict.level)


def identity_of(patient: Patient) -> Identity:
    """Return what images say of a patient and the examinations."""
    issuer = patient.text("IssuerOfPatientID")
    number = patient.text("PatientID")
    studies = patient.studies
    return Identity(
        names=parse_pn(patient.text("PatientName")),
        ids=(Identifier(number, (issuer,) if issuer else ()),) if number else (),
        birth_date=patient.text("PatientBirthDate"),
        sex=patient.text("PatientSex"),
        accessions=tuple(filter(None, (study.text("AccessionNumber") for study in studies))),
        study_uids=tuple(study.uid for study in studies),
    )
