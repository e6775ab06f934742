"""Reports without a head are searched in words for the patient of the images."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.demo.pdf import Text, make_pdf
from emixcli.reports import reading
from emixcli.reports.dates import find_dates, find_order
from emixcli.reports.matching import Identifier, Identity, Level, Verdict, match
from emixcli.reports.names import parse_pn
from emixcli.reports.words import identity_in, read_words

HOSPITAL = ("HOSP",)
IMAGES = Identity(
    names=parse_pn("SMITH^JOHN^A"),
    ids=(Identifier("MR123456", HOSPITAL),),
    birth_date="19700102",
    sex="M",
    accessions=("ACC1001",),
    study_uids=("1.2.3.100",),
)


def judged(text: str, images: Identity = IMAGES, *, in_doubt: bool = False) -> Verdict:
    return match(images, identity_in(read_words(text, in_doubt=in_doubt), images))


@pytest.mark.parametrize(
    "text",
    [
        "Patient: Smith, John A\nMRN: MR123456\nDOB: 01/02/1970",
        "Patient Name: JOHN SMITH   DOB: 2 January 1970   Sex: M",
        "Patient Smith, John\nPatient ID MR123456\nBorn 2 January 1970",
        "Name: Smith\nFirst name: John\nDate of birth: 1970-01-02",
        "Nom : SMITH\nPrénom : John\nNé le 02/01/1970",
        "Patientin/Patient: Herr John Smith, geb. 02.01.1970",
        "Nachname, Vorname: Smith, John\nGeb.-Datum: 02.01.1970\nPat.-Nr.: MR-123456",
        "Apellidos: Smith\nNombre: John\nFecha de nacimiento: 2 de enero de 1970",
        "Paziente: SMITH JOHN   Data di nascita: 02-gen-1970",
        "Re: Mr John Smith, DOB 02/01/1970\n\nDear Dr. Jones,\nthank you. Seen 30/3/24",
        "Seen on 03/30/2024\nPatient: John Smith\nDOB: 01/02/1970",
        "John Smith\n02/01/1970\nThorax-CT vom 30/03/2024",
        "John Smith\n2 Jan 1970\nCT of the thorax",
        "SMITH JOHN A | MR123456 | CT thorax",
        "Patient:\nSmith, John\nMRN:\nMR123456",
        "Patient:\nMRN:\nDOB:\nSmith, John\nMR123456\n02.01.1970",
        "CT of SMITH^JOHN^A, record MR123456",
        "Name   Date of birth   MRN\nJohn Smith   02.01.1970   MR123456",
        "Patient Name\nSMITH, JOHN\nDate of Birth\n01/02/1970\nMRN\nMR123456",
        "Name: John Smith\nDOB: 2.1.1970\nLungs clear.\n\n\n\n\nName: Dr. Luis Garcia\n",
    ],
)
def test_the_patient_is_found(text: str) -> None:
    verdict = judged(text)
    assert (verdict.level, verdict.rule) == (Level.MATCH, "R11"), verdict.reason


@pytest.mark.parametrize(
    ("pn", "born", "text"),
    [
        ("MÜLLER^JÜRGEN", "19570412", "Patient: Jürgen Mueller, geb. 12. April 1957"),
        ("VAN DER BERG^PIET", "19570412", "Naam: P. van der Berg\nGeboortedatum: 12-04-1957"),
        ("VAN DER BERG^PIET", "19570412", "Brief over Piet van der Berg (12 april 1957)"),
        ("SMITH-JONES^ANNA", "19570412", "Anna Smith-Jones\n12.04.1957"),
        ("ИВАНОВ^ИВАН", "19570412", "Пациент: Иванов Иван\nДата рождения: 12.04.1957"),
        ("IVANOV^IVAN", "19570412", "ФИО: Иванов Иван, 12 апреля 1957"),
        ("Yamada^Tarou=山田^太郎", "19570412", "患者氏名：山田 太郎\n生年月日：1957年4月12日"),
        ("=張^偉", "19570412", "姓名：張偉\n出生日期：1957-04-12"),
        ("ΠΑΠΑΔΟΠΟΥΛΟΣ^ΝΙΚΟΣ", "19570412", "Ονοματεπώνυμο: Παπαδόπουλος Νίκος 12/04/1957"),
    ],
)  # fmt: skip
def test_in_many_languages_and_letters(pn: str, born: str, text: str) -> None:
    images = Identity(names=parse_pn(pn), ids=(Identifier("99887766"),), birth_date=born)
    assert judged(text, images).level == Level.MATCH


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Patient: Garcia, Luis\nMRN: MR123456", "a label in the text names another person"),
        ("Name: Luis Garcia\nDOB: 02/01/1970", "a label in the text names another person"),
        ("Patient: John Smith\nDOB: 30/11/1955", "a label in the text gives another birth date"),
        ("Patient John Smith\nBorn 30 November 1955\nSex male", "another birth date"),
        ("Letter about John Smith (geb. 30.11.1955), MR123456", "another birth date"),
        ("MRN: 777777\nLungs clear.", "another identifier, and the patient's name is not"),
        ("Patient: John Smith\nMRN: 777777\nLungs clear.", "different authorities"),
        ("Patient: John Smith\n...\nPatient: Luis Garcia\n", "name more than one patient"),
        (
            "Patient: John Smith DOB: 02/01/1970\nPatient: John Smith DOB: 05/06/1999",
            "name more than one patient",
        ),
        (
            "Name: John Smith\nMRN: MR123456\n\nName: Luis Garcia\nMRN: 998877",
            "name more than one patient",
        ),
        (
            "Surname: Smith\nForename: John\nDOB: 2.1.1970\nSurname: Garcia\nForename: Luis\n",
            "name more than one patient",
        ),
        (
            "Name\tDOB\tMRN\nLuis Garcia\t05.06.1960\t998877\nReferrer John Smith MR123456",
            "another birth date",
        ),
        ("Patient: James Smith\nDOB: 02/01/1970", "family or given names differ"),
        ("Patient: John Smith\nDOB: 1955\nLungs clear.", "another birth date"),
        ("Patient: Joan Smith\nDOB: 2.1.1970\nMRN: 777777\nOrder ACC1001", "as of twins"),
        ("Patient: John Smith\nDOB: 02/01/1970\nSex: female", "the sexes differ"),
        ("Patient: Garcia, Luis\nReferred by: John Smith\nRecord MR123456", "another person"),
        ("Name: Luis Garcia\nMother: John Smith, born 02.01.1970, MR123456", "another person"),
    ],
)
def test_another_patient_is_blocked(text: str, reason: str) -> None:
    verdict = judged(text)
    assert verdict.level == Level.BLOCK
    assert reason in verdict.reason
    assert verdict.overridable


@pytest.mark.parametrize(
    "text",
    [
        "", "CT of the thorax: lungs clear.", "Dear Mr Smith,\nthank you.",
        "Referring physician: Dr. John Smith\nStudy MR123456",
        "Mother: John Smith, 02.01.1970\nLungs clear.",
        "Signed by John Smith, MR123456",
        "Dr. Garcia Lopez reports: MR123456, 02.01.1970",
        "J. Smith, MR123456",
        "John Q. Public and Mary Smith, born 02.01.1970",
        "Patient tolerated the procedure well. MR123456",
        "Patient Consent Form\nDear Reader,\nMR123456",
    ],
)  # fmt: skip
def test_too_little_is_only_warned_of(text: str) -> None:
    verdict = judged(text)
    assert (verdict.level, verdict.rule) == (Level.WARN, "R10"), verdict.reason


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Patient: John Smith\nLungs clear.", "R11"),
        ("John Smith was seen today.", "R11"),
        ("Patient: Smith, Jon\nMRN: MR123456", "R7"),
        ("Patient: Smith, Jon\nDOB: 02/01/1970\nAccession: ACC1001", "R7"),
        ("Patient: John Smith\nMRN: MR123456\nAccession number: ACC77", "R8"),
        ("Patient: Unknown Unknown\nMRN: MR123456", "R10"),
        ("Patient: Trauma Seven\nMRN: MR123456", "R14"),
        ("Patient: John Smith\nDOB: 2 Jan 1970\nNHS number: 943 476 5919", "R4"),
        ("Patient: John Smith\nDOB: 02/01/1970\nLungs clear.", "R5"),
        ("Patient: John Smith\nDOB: 01/02/1970\nLungs clear.", "R5"),
        ("Patient: John Smith\nDOB: 02/01/1970\nOrder ACC1001", "R5"),
        ("John Smith, 02-01-1970\nLungs clear.", "R5"),
        ("Patient: Smith, John\nMRN: MR123456\nDOB: 02/01/1971", "R5"),
        ("Patient: Smith, John\nDOB: 02/01/1970\nMRN: MR123456\nSex: F", "R6"),
    ],
)
def test_what_agrees_in_part_is_warned_of(text: str, rule: str) -> None:
    verdict = judged(text)
    assert (verdict.level, verdict.rule) == (Level.WARN, rule), verdict.reason


@pytest.mark.parametrize(
    "text",
    [
        "Patient: John Smith\nMRN: 7777777\nFather: John Smith, MRN: MR123456",
        "Patient: John Smith, MRN: 7777777, Father: John Smith, MRN: MR123456",
        "Patient: John Smith\nMRN: 7777777\nFather: John Smith (MRN: MR123456)",
        "Patient: John Smith\nFather: John Smith, DOB: 02.01.1970",
        "Patient: John Smith\nMRN: 7777777\nDonor: John Smith, ID: MR123456",
        "Patient: John Smith\nMRN: 7777777\nTel: MR123456",
        "Son of John Smith, born 02.01.1970, MRN MR123456",
        "Patient: John Smith\nFather: John Smith\nDOB: 02.01.1970",
        "Patient: John Smith\nFather: John Smith\n\nDOB: 02.01.1970",
        "Patient: John Smith\nFather: John Smith\nborn 2 January 1970, engineer",
        "Patient: John Smith\nFather: John Smith, Main Street 7\nTel: 555-1234\nDOB: 02.01.1970",
        "Patient: John Smith\nFather: John Smith\nMRN: MR123456",
        "Patient: John Smith\nFather: John Smith\n02.01.1970",
        "Patient: John Smith\nFather:\nJohn Smith\n02.01.1970",
        "Patient: John Smith\nDonor: John Smith\nSex: M\nDOB: 02.01.1970\nMRN: MR123456",
        "Father:\nJohn Smith\n02.01.1970\nLungs clear.",
        "Father:\nJohn Smith\nMR123456\nLungs clear.",
        "Child of\nJohn Smith\nborn 02.01.1970",
        "Relation | Name | DOB\nFather | John Smith | 02.01.1970\nLungs clear.",
        "Name   DOB   Relation\nJohn Smith   02.01.1970   Father",
        "Donor data\nName: John Smith\nDOB: 02.01.1970\nMRN: MR123456",
        "Mother:\nName: John Smith\nDOB: 02.01.1970",
        "Next of kin\nName: John Smith\nBorn: 02.01.1970\nMRN: MR123456",
        "Referring physician\nName: John Smith\nRecord MR123456",
        "John Smith (father), born 02.01.1970, reports that the boy coughs.",
    ],
)
def test_numbers_of_a_relative_are_not_the_patients(text: str) -> None:
    assert judged(text).level != Level.MATCH


@pytest.mark.parametrize(
    "text",
    [
        "Patient: John Smith, son of Peter Smith, DOB: 02.01.1970, MRN: MR123456",
        "Father: Peter Smith, DOB: 02.01.1940, Patient: John Smith, DOB: 02.01.1970",
        "Father: Peter Smith | Patient: John Smith | DOB: 02.01.1970",
        "Patient: John Smith\nFather's name: Peter Smith\nDOB: 02.01.1970\nMRN: MR123456",
        "Patient: John Smith, son of Peter Smith\nDOB: 02.01.1970",
        "Father: John Smith\nPatient: John Smith\nDOB: 02.01.1970",
        "Patient: John Smith (son)\nDOB: 02.01.1970",
        "Name: John Smith\nDOB: 02.01.1970\nNext of kin\nName: Peter Smith\nDOB: 01.01.1940",
        "Next of kin\nName: Peter Smith\nPatient ID: MR123456\nPatient: John Smith",
        "Referring physician:\nName: John Smith\nMRN: MR123456",
        "Name | DOB | Mother | MRN\nJohn Smith | 02.01.1970 | Ann Smith | MR123456",
        "Patient: John Smith\nNHS No: 943 476 5919\nMRN: MR123456",
    ],
)
def test_the_patients_numbers_beside_a_relative_count(text: str) -> None:
    assert judged(text).level == Level.MATCH


def test_the_accession_number_of_the_images_helps() -> None:
    images = replace(IMAGES, ids=())
    text = "Patient: Smith, John\nNHS number: 943 476 5919\nDOB: 02.01.1970\nOrder ACC1001"
    verdict = match(IMAGES, identity_in(read_words(text), IMAGES))
    assert (verdict.level, verdict.rule) == (Level.MATCH, "R4")
    assert judged("Smith, John\nOrder ACC1001", images).level == Level.WARN


def test_deidentified_images_take_no_text_that_labels_somebody() -> None:
    images = replace(IMAGES, deidentified=True)
    assert judged("Patient: Luis Garcia\n", images).rule == "R12"
    assert judged("Lungs clear.", images).level == Level.WARN


def test_names_in_doubtful_letters_are_not_believed() -> None:
    text = "Patient: Иванов Иван".encode("cp1251").decode("cp1252", "replace")
    assert judged(text).level == Level.BLOCK
    assert judged(text, in_doubt=True).level == Level.WARN


@pytest.mark.parametrize("kind", ["pdf", "rtf", "text"])
def test_each_kind_is_searched(kind: str) -> None:
    lines = ["Patient: Smith, John", "MRN: MR123456", "Lungs clear."]
    data = {
        "pdf": make_pdf([[Text(60, 60 + 20 * n, line) for n, line in enumerate(lines)]], title="x"),
        "rtf": b"{\\rtf1{\\header Patient: Smith, John\\par MRN: MR123456}Lungs clear.}",
        "text": "\n".join(lines).encode(),
    }[kind]
    read = reading.read(data, kind)
    assert read.words is not None
    assert match(IMAGES, identity_in(read.words, IMAGES)).level == Level.MATCH


def test_a_page_header_of_rtf_is_shown() -> None:
    read = reading.read(b"{\\rtf1{\\header Ward 7}Lungs clear.}", "rtf")
    assert "Ward 7" in read.blocks[-1].text


def test_the_demo_matches() -> None:
    """The sample CD's own report is a PDF."""
    from emixcli.demo.report import make_report

    images = Identity(parse_pn("DEMO^ANNA"), (Identifier("DEMO-0001"),), "19570412", "F")
    words = reading.read(make_report(), "pdf").words
    assert words is not None
    assert match(images, identity_in(words, images)).level == Level.MATCH


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("12 April 1957", "19570412"), ("12. März 1957", "19570312"),
        ("1er février 1960", "19600201"), ("12 août 1957", "19570812"),
        ("12 de abril de 1957", "19570412"), ("April 12th, 1957", "19570412"),
        ("1957年4月12日", "19570412"), ("\uff11\uff19\uff15\uff17年4月12日", "19570412"),
        ("12 апреля 1957", "19570412"), ("02-JAN-1970", "19700102"),
        ("19570412", "19570412"), ("12.04.57", "19570412"), ("1957/04/12", "19570412"),
    ],
)  # fmt: skip
def test_dates_in_words(text: str, day: str) -> None:
    assert day in {found for _, days in find_dates(f"born {text}, seen") for found in days}


@given(
    st.text(
        alphabet=st.sampled_from("Patient:Nm MRNdob,.\n\t 0123456789-^|山é\u202e"), max_size=400
    )
)
def test_any_text_gives_a_verdict(text: str) -> None:
    judged(text)


@pytest.mark.parametrize(
    ("text", "day_first"),
    [
        ("30/3/2020", True), ("3/30/2020", False), ("3/4/2020", None), ("45/3/2020", None),
        ("0/13/2020", None), ("30/3/2020 45/3/2020", True), ("3/30/2020 45/3/2020", False),
    ],
)  # fmt: skip
def test_only_dates_tell_their_order(text: str, day_first: bool | None) -> None:
    assert find_order(text) is day_first
