"""What a request for images says: whose, which, why, and who asks; its form is `docs/format`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from emixcli.errors import PackageDamagedError, PackageVersionError, UsageError
from emixcli.exchange.interface import Purpose
from emixcli.mailaddress import parse_address

_MAX_TEXT = 1000
#: Numbers of a patient in a request.
MAX_IDS = 10


@dataclass(frozen=True, slots=True)
class PatientNumber:
    """A patient's number and who gave it."""

    value: str
    authority: str = ""


@dataclass(frozen=True, slots=True)
class AskedPatient:
    """Whose images; the birth date as YYYY-MM-DD, the sex M, F or O."""

    name: str
    birth_date: str = ""
    sex: str = ""
    ids: tuple[PatientNumber, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedExam:
    """Which examination: in words, and what can be compared; days as YYYY-MM-DD."""

    description: str
    first_day: str = ""
    last_day: str = ""
    modality: str = ""
    accession: str = ""
    study_uid: str = ""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as they say; the exchange vouches for the mail address alone."""

    name: str
    organisation: str
    email: str
    telephone: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """The signed form that goes along."""

    type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Asked:
    """All that a request says.

    `organisation` is the one that is asked, `consent` where the consent can be found.
    """

    organisation: str
    purpose: str
    patient: AskedPatient
    exam: AskedExam
    requester: Asker
    reason: str = ""
    consent: str = ""
    form: Form | None = None
    made: str = ""

    def document(self) -> dict[str, Any]:
        """Return what is sealed."""
        return {"v": 1, **asdict(self)}


def check_asked(asked: Asked) -> Asked:
    """Return what is asked with a clean address.

    Raises
    ------
    UsageError
        Something is missing or malformed; the message repeats no value.
    """
    if asked.purpose not in set(Purpose):
        raise UsageError("this is not a purpose of use", hint=f"one of {', '.join(Purpose)}")
    needed = {
        "the patient's name": asked.patient.name,
        "the birth date or a patient number": asked.patient.birth_date or asked.patient.ids,
        "the examination": asked.exam.description,
        "the name of who asks": asked.requester.name,
    }
    for what, value in needed.items():
        if not value:
            raise UsageError(f"{what} is missing from the request", hint="add it")
    for what, day in (
        ("birth date", asked.patient.birth_date),
        ("first day of the examination", asked.exam.first_day),
        ("last day of the examination", asked.exam.last_day),
    ):
        _check_day(what, day)
    if asked.exam.last_day and asked.exam.first_day > asked.exam.last_day:
        raise UsageError(
            "the first day of the examination is after the last one", hint="turn them round"
        )
    if asked.patient.sex not in {"", "M", "F", "O"}:
        raise UsageError("the sex is not M, F or O", hint="leave it out where it is not known")
    parse_address(asked.requester.email)
    try:
        return asked_of(asked.document())
    except PackageDamagedError as exc:
        raise UsageError(
            "a value of the request is too long", hint="shorten it, or leave the rest to the form"
        ) from exc


def _check_day(what: str, day: str) -> None:
    try:
        good = not day or date.fromisoformat(day).isoformat() == day
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"the {what} is no day", hint="write it as 1970-12-31")


def asked_of(document: Mapping[str, Any]) -> Asked:
    """Return what a document says; it may have been written by anybody.

    Raises
    ------
    PackageDamagedError
        A member is missing, of another kind, or too long.
    PackageVersionError
        A later version of emix made it.
    """
    try:
        if document["v"] != 1:
            raise PackageVersionError("the request is of a newer version", hint="update emix")
        patient, exam = document["patient"], document["exam"]
        form = document.get("form")
        return Asked(
            organisation=_text(document, "organisation"),
            purpose=_text(document, "purpose"),
            patient=AskedPatient(
                **_texts(patient, "name", "birth_date", "sex"),
                ids=_numbers(patient.get("ids", [])),
            ),
            exam=AskedExam(
                **_texts(
                    exam,
                    "description",
                    "first_day",
                    "last_day",
                    "modality",
                    "accession",
                    "study_uid",
                )
            ),
            requester=Asker(
                **_texts(document["requester"], "name", "organisation", "email", "telephone")
            ),
            reason=_text(document, "reason"),
            consent=_text(document, "consent"),
            form=None if form is None else Form(**_texts(form, "type", "sha256")),
            made=_text(document, "made"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise PackageDamagedError("the request is not understood") from exc


def _numbers(items: Sequence[Mapping[str, Any]]) -> tuple[PatientNumber, ...]:
    if len(items) > MAX_IDS:
        raise ValueError
    return tuple(PatientNumber(**_texts(one, "value", "authority")) for one in items)


def _texts(document: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: _text(document, name) for name in names}


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise TypeError(name)
    return value.strip()
