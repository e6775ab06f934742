"""`emix request create`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, OptionalPurpose, TimeOut, TokenFile
from emixcli.commands._options import DryRun, Json, NoInput, Profile, Yes

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange
    from emixcli.exchange.request_terms import Readers as ReaderKeys
    from emixcli.exchange.request_terms import RequestRecord
    from emixcli.services.asked import Asked, AskedExam, AskedPatient
    from emixcli.services.request import Sealed


Of = Annotated[
    str,
    typer.Option(
        "--of", metavar="NAME", help="The organisation that is asked; one's own where left out."
    ),
]
PatientName = Annotated[
    str, typer.Option("--patient-name", metavar="NAME", help="As Family^Given, or as it is spoken.")
]
BirthDate = Annotated[str, typer.Option("--birth-date", metavar="DAY", help="As 1970-12-31.")]
PatientIds = Annotated[
    list[str] | None,
    typer.Option(
        "--patient-id",
        metavar="ID[@AUTHORITY]",
        help="A number of the patient, and who gave it; several.",
    ),
]
Sex = Annotated[str, typer.Option("--sex", metavar="M|F|O", help="The sex, where it helps.")]
Exam = Annotated[str, typer.Option("--exam", metavar="TEXT", help="Which examination, in words.")]
ExamDate = Annotated[
    str,
    typer.Option(
        "--exam-date", metavar="DAY[/DAY]", help="When it was made: a day, or the first and last."
    ),
]
Modality = Annotated[str, typer.Option("--modality", metavar="CODES", help="CT, MR, US …")]
Accession = Annotated[str, typer.Option("--accession", metavar="NUMBER", help="Accession number.")]
StudyUid = Annotated[str, typer.Option("--study-uid", metavar="UID", help="Study Instance UID.")]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="What the images are needed for.")
]
Requester = Annotated[
    str,
    typer.Option(
        "--requester", metavar="NAME", help="Who asks; the account's name where left out."
    ),
]
Organisation = Annotated[
    str,
    typer.Option(
        "--organisation", metavar="NAME", help="Whose behalf; the account's where left out."
    ),
]
Telephone = Annotated[str, typer.Option("--telephone", metavar="NUMBER", help="To call back.")]
Consent = Annotated[
    str, typer.Option("--consent", metavar="TEXT", help="Where the patient's consent can be found.")
]
FormFile = Annotated[
    Path | None,
    typer.Option("--form", metavar="FILE", help="The signed form: PDF, JPEG or PNG, 4 MiB."),
]
Readers = Annotated[
    list[str] | None,
    typer.Option(
        "--reader", metavar="FINGERPRINT", help="Seal it for this reader only; several times."
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Ask anew although the same was asked before.")
]


def create(
    *,
    purpose: OptionalPurpose = None,
    of: Of = "",
    patient_name: PatientName = "",
    birth_date: BirthDate = "",
    patient_id: PatientIds = None,
    sex: Sex = "",
    exam: Exam = "",
    exam_date: ExamDate = "",
    modality: Modality = "",
    accession: Accession = "",
    study_uid: StudyUid = "",
    reason: Reason = "",
    requester: Requester = "",
    organisation: Organisation = "",
    telephone: Telephone = "",
    consent: Consent = "",
    form: FormFile = None,
    reader: Readers = None,
    again: Again = False,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    yes: Yes = False, no_input: NoInput = False, json: Json = False,
) -> None:  # fmt: skip
    """Ask an organisation for images; what is missing is asked for.

    Everything that says whose images is encrypted here, for those of that organisation who read
    requests: the exchange learns who asks, whom, and for what purpose. Whoever answers will call
    back, so give a telephone number. What was asked already and is not over is not asked again
    without --again.
    """
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.services.asked import Asked, Asker
    from emixcli.services.request import read_form

    signed = b"" if form is None else read_form(form)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    account, readers = exchange.account(), exchange.requests.readers(of)
    purpose, patient_name, birth_date, exam = _complete(
        purpose or "", patient_name, birth_date, exam, has_ids=bool(patient_id), no_input=no_input
    )
    asked = Asked(
        organisation=of, purpose=purpose, reason=reason, consent=consent,
        patient=_patient(patient_name, birth_date, patient_id or [], sex),
        exam=_exam(exam, exam_date, (modality, accession, study_uid)),
        requester=Asker(
            requester or account.name, organisation or account.organisation, account.email,
            telephone,
        ),
    )  # fmt: skip
    sealed = _seal(asked, signed, readers, reader or [])
    earlier = None if again else _find(exchange, sealed)
    is_new = earlier is None and not dry_run
    record = _submit(exchange, sealed, yes=yes, no_input=no_input) if is_new else earlier
    _show(sealed, record, is_earlier=earlier is not None, json=json)


def _find(exchange: HttpExchange, sealed: Sealed) -> RequestRecord | None:
    from emixcli.container.identity import load_identity
    from emixcli.services.request import find_asked

    return find_asked(exchange.requests, sealed, load_identity())


def _submit(exchange: HttpExchange, sealed: Sealed, *, yes: bool, no_input: bool) -> RequestRecord:
    from emixcli.ui import prompts

    question = f"ask {sealed.organisation} for these images?"
    prompts.confirm(question, yes=yes, no_input=no_input)
    return exchange.requests.create(sealed.data)


def _seal(asked: Asked, form: bytes, readers: ReaderKeys, only: list[str]) -> Sealed:
    from emixcli.container.identity import load_identity
    from emixcli.services.asked import check_asked
    from emixcli.services.request import seal_asked

    return seal_asked(check_asked(asked), form, readers, identity=load_identity(), only=only)


def _complete(
    purpose: str, name: str, birth_date: str, exam: str, *, has_ids: bool, no_input: bool
) -> tuple[str, str, str, str]:
    """Return what a request must say, with what is missing asked for."""
    from emixcli.exchange.interface import Purpose
    from emixcli.ui import prompts

    if not purpose and not no_input and prompts.is_interactive():
        purpose = prompts.choose("purpose of use, one of:", [*Purpose], option="--purpose P")
    given = {
        ("purpose of use", "--purpose P"): purpose,
        ("the patient's name, as Family^Given", "--patient-name NAME"): name,
        ("birth date, as 1970-12-31", "--birth-date DAY"): birth_date or " " * has_ids,
        ("which examination", "--exam TEXT"): exam,
    }
    missing = [question for question, text in given.items() if not text]
    answers = dict(zip(missing, prompts.ask_each(missing, no_input=no_input), strict=True))
    first, second, third, fourth = ({**given, **answers}[question].strip() for question in given)
    return first, second, third, fourth


def _exam(text: str, days: str, known: tuple[str, str, str]) -> AskedExam:
    from emixcli.services.asked import AskedExam

    first_day, _, last_day = days.partition("/")
    return AskedExam(text, first_day, last_day, *known)


def _patient(name: str, birth_date: str, ids: list[str], sex: str) -> AskedPatient:
    from emixcli.errors import UsageError
    from emixcli.services.asked import MAX_IDS, AskedPatient, PatientNumber

    if len(ids) > MAX_IDS:
        raise UsageError(
            f"a request names {MAX_IDS} numbers of a patient at most",
            hint="give those that the images will have",
        )
    numbers = [text.partition("@") for text in ids]
    known = tuple(PatientNumber(value, authority) for value, _, authority in numbers)
    return AskedPatient(name, birth_date, sex.upper(), known)


def _show(sealed: Sealed, record: RequestRecord | None, *, is_earlier: bool, json: bool) -> None:
    from emixcli.ui import console, output
    from emixcli.words import groups

    if json:
        document = {
            "schema": "emix.request/1",
            "request_id": record and record.request_id,
            "state": record and record.state,
            "organisation": sealed.organisation,
            "readers": list(sealed.fingerprints),
            "size": len(sealed.data),
            "already_asked": is_earlier,
        }
        output.write_json(document)
        return
    for fingerprint in sealed.fingerprints:
        console.note(f"sealed for {groups(fingerprint)}")
    output.write_line(record.request_id if record else "nothing was sent")
    if is_earlier:
        console.note("asked before: nothing was sent again (--again asks anew)")
    if record:
        console.note(f"{sealed.organisation} was asked; emix requests shows how far it is")
