"""Answering a request for images: is it the patient and the examination that were asked for.

The same rules that keep a report from going along with images of somebody else. Another patient is
never sent; another examination only when a person who was told says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emixcli.errors import GoneError, PatientMismatchError
from emixcli.reports.dates import Link
from emixcli.reports.matching import (
    Evidence,
    Identifier,
    Identity,
    Level,
    Verdict,
    gather,
    match,
)
from emixcli.reports.names import Likeness, parse_pn, parse_text
from emixcli.reports.reading import identity_of

if TYPE_CHECKING:
    from emixcli.model import FileSet, Study
    from emixcli.services.asked import Asked
    from emixcli.services.request import OpenedRequest

_IN_OTHER_WORDS = {
    "R1": "it asks for more than one patient",
    "R10": "it says too little of whom it is about",
    "R12": "the images are de-identified",
    "R14": "a placeholder stands for the name",
}
#: A request seldom knows more than name and birth date: those two are enough.
_ENOUGH = "R4"


@dataclass
class Answer:
    """A request that is being answered, and what the images differ in from it.

    `accepted` says that differences were accepted beforehand.
    """

    opened: OpenedRequest
    accepted: bool = False
    differences: list[str] = field(default_factory=list)

    def check(self, file_set: FileSet) -> None:
        """Compare what was chosen with what was asked.

        Raises
        ------
        PatientMismatchError
            Images of somebody else.
        """
        self.differences = [*compare_patient(file_set, self.opened.asked)]
        self.differences += compare_exams(file_set, self.opened.asked)


def start_answer(opened: OpenedRequest, *, accepted: bool = False) -> Answer:
    """Return the answer to a request that was approved.

    Raises
    ------
    GoneError
        It was not, or is over.
    """
    record = opened.record
    # One that is fulfilled may be answered again where the share was taken back: the exchange says.
    if not record.is_received:
        raise GoneError(
            "this request is your own: whoever was asked answers it",
            hint=f"emix request show {record.request_id}",
        )
    if record.state not in {"approved", "fulfilled"}:
        hint = f"emix request approve {record.request_id}" if record.state == "open" else ""
        raise GoneError(f"the request is {record.state}, not approved", hint=hint)
    return Answer(opened, accepted)


def compare_patient(file_set: FileSet, asked: Asked) -> Iterator[str]:
    """Yield what a person has to confirm about the patient.

    Raises
    ------
    PatientMismatchError
        Images of another patient, or of several.
    """
    wanted = _identity(asked)
    found = [identity_of(patient) for patient in file_set.patients]
    verdicts = [match(images, wanted) for images in found]
    blocking = [
        verdict
        for verdict, images in zip(verdicts, found, strict=True)
        if verdict.level == Level.BLOCK and not _is_slip(verdict, gather(images, wanted))
    ]
    if blocking or len(verdicts) != 1:
        reason = "; ".join(dict.fromkeys(map(_words, blocking))) or "there are several patients"
        raise PatientMismatchError(
            f"these are not images of the patient who was asked for: {reason}",
            hint="choose the right medium or --patient; emix request show ID shows who was asked"
            " for",
        )
    for verdict in verdicts:
        told = {_ENOUGH, "R8"} if verdict.level == Level.WARN else set()
        if verdict.level != Level.MATCH and verdict.rule not in told:
            yield f"the patient: {_words(verdict)} ({verdict.rule})"


def _is_slip(verdict: Verdict, evidence: Evidence) -> bool:
    """One of name and birth date agrees, and the other as a slip of the pen would."""
    near = evidence.name == Likeness.NEAR and evidence.birth_date == Link.EQUAL
    slip = evidence.name == Likeness.EQUAL and evidence.birth_date == Link.SLIP
    return verdict.overridable and (near or slip) and evidence.sex != Link.CONFLICT


def _words(verdict: Verdict) -> str:
    return _IN_OTHER_WORDS.get(verdict.rule, verdict.reason)


def _identity(asked: Asked) -> Identity:
    patient, exam = asked.patient, asked.exam
    parse = parse_pn if "^" in patient.name else parse_text
    ids = (
        Identifier(number.value, (number.authority,) if number.authority else ())
        for number in patient.ids
    )
    return Identity(
        names=parse(patient.name),
        ids=tuple(ids),
        birth_date=patient.birth_date,
        sex=patient.sex,
        accessions=(exam.accession,) if exam.accession else (),
        study_uids=(exam.study_uid,) if exam.study_uid else (),
    )


def compare_exams(file_set: FileSet, asked: Asked) -> Iterator[str]:
    """Yield what a person has to confirm about the examinations, without any value of them."""
    studies = [study for patient in file_set.patients for study in patient.studies]
    others = {study.uid: [*_differences(study, asked)] for study in studies}
    n_other = sum(map(bool, others.values()))
    if n_other:
        why = "; ".join(dict.fromkeys(text for texts in others.values() for text in texts))
        total = len(studies)
        which = "the examination" if total == 1 else f"{n_other} of {total} examinations"
        yield f"{which} {'was' if n_other == 1 else 'were'} not asked for: {why}"


def _differences(study: Study, asked: Asked) -> Iterator[str]:
    exam = asked.exam
    if exam.study_uid:
        if study.uid != exam.study_uid:
            yield "another Study Instance UID"
        return
    number = study.text("AccessionNumber").strip()
    if exam.accession and number and number != exam.accession:
        yield "another accession number"
    day = study.text("StudyDate").strip()
    first, last = (text.replace("-", "") for text in (exam.first_day, exam.last_day))
    if day and ((first and day < first) or ((last or first) and day > (last or first))):
        yield "another day"
    kinds = {series.text("Modality").strip().upper() for series in study.series}
    if exam.modality and not kinds & set(_modalities(exam.modality)):
        yield "another modality"


def _modalities(text: str) -> Sequence[str]:
    return text.upper().replace(",", " ").replace("/", " ").split()
