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
    from emixcli.reports.inner import Inner

MAX_SIZE: Final = 64 * 2**20
"""Bytes of a report that is read; a larger one travels unread."""

_MAX_BLOCKS: Final = 5000
_MAX_TEXT: Final = 1_000_000
_MAX_TITLE: Final = 80
_MAX_WORDS: Final = 2000  # in all names of a patient: each is compared with those of the images
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
        The documents inside it: none must be of another patient.
    too_large
        It has more parts than are read: it may be of several patients.
    """

    identities: tuple[Identity, ...]
    blocks: tuple[Block, ...] = ()
    too_large: bool = False
    words: Words | None = None
    inner: tuple[Inner, ...] = ()

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


_LONG_KINDS: Final = frozenset({"pdf", "rtf", "text"})
_MAX_LONG: Final = 4
_TOO_LITTLE: Final = frozenset({"R10", "R11"})


class _TooManyPartsError(ReportError):
    """Reading it would take long."""


def read_file(open_file: Callable[[], BinaryIO], document: Document | Report) -> Reading:
    """Return what a report on a medium or a disk says; one that cannot be read says nothing."""
    return read_whole(whole_file(open_file, document), document.kind)


def read_whole(data: bytes | None, kind: str) -> Reading:
    """Return the same of its bytes; None is a report that cannot be read."""
    return Reading(()) if data is None else read(data, kind)


def whole_file(open_file: Callable[[], BinaryIO], document: Document | Report) -> bytes | None:
    """Return the bytes of a report, None where it cannot be read or is too large to be."""
    if document.size > MAX_SIZE:
        return None
    try:
        with open_file() as file:
            return file.read(document.size)
    except (OSError, MediaError):
        return None


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
        raise _too_many()
    found = reader(data)
    if any(sum(len(name.words) + 1 for name in one.names) > _MAX_WORDS for one in found.identities):
        raise _too_many()
    return replace(found, blocks=_bounded(found.blocks))


def _too_many() -> _TooManyPartsError:
    return _TooManyPartsError(
        "a report has too many parts", hint="it can be sent, but not be shown"
    )


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
    from emixcli.reports.inner import Inner
    from emixcli.reports.oru import render_one

    messages = read_messages(data)
    shown: list[Block] = []
    inner: list[Inner] = []
    for message in messages:
        documents = find_documents(message)
        shown += render_one(message, documents)
        inner += [Inner(one.kind, one.data, one.title, one.payloads) for one in documents]
    return Reading((read_identity(messages),), tuple(shown), inner=read_inner(inner))


def read_inner(found: Iterable[Inner]) -> tuple[Inner, ...]:
    """Read the documents inside a report: each CDA, and a few of the kinds that take long."""
    read_ones, n_long = [], 0
    for one in found:
        n_long += one.kind in _LONG_KINDS
        if one.kind == "cda" or (one.kind in _LONG_KINDS and n_long <= _MAX_LONG):
            read_ones.append(replace(one, reading=read(one.data, one.kind)))
        else:
            read_ones.append(one)
    return tuple(read_ones)


def _read_dicom(data: bytes) -> Reading:
    from emixcli.reports.dicom import read_object

    return read_object(data)


def _read_cda(data: bytes) -> Reading:
    from emixcli.reports import cda, xmltree
    from emixcli.reports.hl7_documents import kind_of
    from emixcli.reports.inner import Inner

    root = xmltree.parse(data)
    found = [
        Inner("reference" if not one.data else kind_of(one.data), one.data, "", (one.payload,))
        for one in cda.find_documents(root)
    ]
    return Reading((cda.read_identity(root),), tuple(cda.render(root)), inner=read_inner(found))


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
    "pdf": _read_pdf, "dicom": _read_dicom,
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
    verdicts = [judge_for(identity_of(patient), reading) for patient in patients]
    return min(verdicts, key=_severity, default=UNREAD)


def judge_for(images: Identity, reading: Reading) -> Verdict:
    """Return the most severe verdict of all that a report and the documents inside it say.

    An inner document that says too little changes nothing; where the report itself says nothing,
    one that fits is enough.
    """
    said = [match(images, identity) for identity in reading.identities]
    if reading.words is not None:
        said.append(match(images, identity_in(reading.words, images)))
    inner = [verdict for one in reading.inner if (verdict := judge_inner(images, one))]
    if all(verdict.rule == "R10" for verdict in said):
        said = [verdict for verdict in inner if verdict.level == Level.MATCH] or said
    return max((*said, *inner), key=_severity)


def judge_inner(images: Identity, inner: Inner) -> Verdict | None:
    """Return the verdict on a document inside a report, None where it says too little."""
    read = inner.reading
    if read is None or not (read.identities or read.words or read.too_large):
        return None
    verdict = TOO_LARGE if read.too_large else judge_for(images, read)
    says_little = verdict.level == Level.WARN and verdict.rule in _TOO_LITTLE
    return None if says_little else verdict


def is_refused(verdict: Verdict, accept: str) -> bool:
    """Whether a report must not go along, also where `accept` says why it should."""
    return verdict.level == Level.BLOCK and not (accept and verdict.overridable)


def match_json(verdict: Verdict, accept: str = "") -> dict[str, str]:
    """Return a verdict as the index of a package has it; an accepted one is a warning."""
    if verdict.level != Level.BLOCK:
        return {"verdict": str(verdict.level), "rule": verdict.rule, "reason": verdict.reason}
    return {
        "verdict": str(Level.WARN), "rule": verdict.rule, "reason": verdict.reason,
        "accepted": accept,
    }  # fmt: skip


def mismatch(
    verdicts: Sequence[Verdict], accept: str = "", *, which: str = ""
) -> PatientMismatchError:
    """Return the error for reports that must not go along, `accept` or not.

    Parameters
    ----------
    which
        Tells them from others, without their names, which may say who the patient is.
    """
    count = "a report" if len(verdicts) == 1 else f"{len(verdicts)} reports"
    reasons = "; ".join(dict.fromkeys(verdict.reason for verdict in verdicts))
    overridable = all(verdict.overridable for verdict in verdicts)
    hint = "leave it out, or send it with the images that it belongs to"
    if overridable:
        hint += "; if you have read it and know better, --accept-report REASON"
    elif accept:
        hint += "; --accept-report cannot lift this rule"
    where = f" ({which})" if which else ""
    return PatientMismatchError(f"{count} may be of another patient: {reasons}{where}", hint=hint)


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
        deidentified=patient.text("PatientIdentityRemoved").upper() == "YES",
    )
