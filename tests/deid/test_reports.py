"""Reports beside de-identified images: refused, structured copies, reviewed text."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emixcli.anonymize import Option
from emixcli.package import open_package
from emixcli.reports.hl7 import read_messages
from tests import builders
from tests.builders import CANARY, hl7, pdf, study, uid
from tests.running import Result

Emix = Callable[..., Result]

#: Whoever stands in the report, but not in the images.
OTHERS = ("NEXTOFKIN", "DRWEIRDNAME", "4 Rue de la Canarie", "0144556677", "SSN-99-8877")

ORU = "\r".join(
    [
        "MSH|^~\\&|RIS|CANARY HOSPITAL|EMIX|SITE|20240501110000||ORU^R01|CTRL4711|P|2.5",
        (
            "PID|1||CANARY-ID-471108^^^CANARYAUTH||CANARYSURNAME^CANARYGIVEN||19470308|O|||4 Rue de"
            " la Canarie^^Paris||0144556677||||||SSN-99-8877"
        ),
        "NK1|1|NEXTOFKIN^MARY|SPO",
        "PV1|1|O|WARD7|||DRWEIRDNAME^JANE",
        (
            "OBR|1|CANARY-ACC-3301|CANARY-ACC-3301|24627-2^CT thorax of NEXTOFKIN^LN|||"
            "20240501103000|||||||||DRWEIRDNAME^JANE|||||||||F"
        ),
        "OBX|1|TX|IMP^Impression||No abnormality in CANARYSURNAME.||||||F",
        "OBX|2|NM|2160-0^Creatinine^LN||1.9|mg/dL|0.6-1.1|H|||F|||20240501103000",
        "OBX|3|NM|CANARYLOCAL^Local DRWEIRDNAME^L||4711081||||||F",
        "OBX|4|CWE|18782-3^Finding^LN||LA6576-8^Positive CANARYSURNAME^LN||||||F",
        "OBX|5|ED|PDF||^application^pdf^Base64^" + base64.b64encode(pdf(CANARY.name)).decode(),
        "NTE|1||call NEXTOFKIN at 0144556677",
        f"ZDS|{builders.uid(1)}^^Application^DICOM",
        "ZZZ|CANARYSURNAME",
    ]
).encode()

CDA = f"""<ClinicalDocument xmlns="urn:hl7-org:v3"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <id root="1.2.3.4.5" extension="CANARYDOC1"/>
  <code code="18748-4" codeSystem="2.16.840.1.113883.6.1" displayName="CT report CANARYSURNAME"/>
  <title>CT of CANARYSURNAME</title><effectiveTime value="20240501103000+0100"/>
  <recordTarget><patientRole><id extension="{CANARY.id}" root="1.2.3"/>
    <addr><streetAddressLine>4 Rue de la Canarie</streetAddressLine></addr>
    <telecom value="tel:0144556677"/>
    <patient><name><family>CANARYSURNAME</family><given>CANARYGIVEN</given></name>
      <birthTime value="{CANARY.birth_date}"/></patient></patientRole></recordTarget>
  <author><assignedAuthor><assignedPerson><name><family>DRWEIRDNAME</family></name>
    </assignedPerson></assignedAuthor></author>
  <component><structuredBody><component><section>
    <code code="30954-2" codeSystem="2.16.840.1.113883.6.1"/><title>NEXTOFKIN</title>
    <text>Mass, see NEXTOFKIN</text>
    <entry><observation classCode="OBS" moodCode="EVN"><id root="1.2.3.9" extension="SSN-99-8877"/>
      <code code="2160-0" codeSystem="2.16.840.1.113883.6.1" displayName="Creatinine"/>
      <text>DRWEIRDNAME said so</text><statusCode code="completed"/>
      <effectiveTime value="20240501"/>
      <value xsi:type="PQ" value="1.9" unit="mg/dL"/>
      <performer><assignedEntity><id extension="DRWEIRDNAME"/></assignedEntity></performer>
    </observation></entry></section></component></structuredBody></component>
</ClinicalDocument>""".encode()

CCR = f"""<ContinuityOfCareRecord xmlns="urn:astm-org:CCR">
  <CCRDocumentObjectID>CANARYCCR</CCRDocumentObjectID><Version>V1.0</Version>
  <DateTime><ExactDateTime>2024-05-01T10:30:00Z</ExactDateTime></DateTime>
  <Patient><ActorID>A1</ActorID></Patient><From><ActorLink><ActorID>A2</ActorID></ActorLink></From>
  <Body><Results><Result><CCRDataObjectID>CANARYOBJ</CCRDataObjectID>
    <DateTime><ExactDateTime>2024-05-01</ExactDateTime></DateTime>
    <Description><Text>Creatinine for NEXTOFKIN</Text><Code><Value>2160-0</Value>
      <CodingSystem>LOINC</CodingSystem></Code></Description>
    <Test><TestResult><Value>1.9</Value><Units><Unit>mg/dL</Unit></Units></TestResult>
    <Source><Actor><ActorID>A2</ActorID></Actor></Source></Test></Result></Results></Body>
  <Actors><Actor><ActorObjectID>A1</ActorObjectID><Person><Name><CurrentName>
    <Given>CANARYGIVEN</Given><Family>CANARYSURNAME</Family></CurrentName></Name>
    <DateOfBirth><ExactDateTime>1947-03-08</ExactDateTime></DateOfBirth></Person>
    <IDs><ID>{CANARY.id}</ID></IDs></Actor>
  <Actor><ActorObjectID>A2</ActorObjectID><Person><Name><CurrentName><Family>DRWEIRDNAME</Family>
    </CurrentName></Name></Person></Actor></Actors>
  <Comments><Comment>NEXTOFKIN knows</Comment></Comments>
</ContinuityOfCareRecord>""".encode()


@pytest.fixture
def pack(emix_here: Emix, tmp_path: Path) -> Callable[..., Result]:
    """De-identify and pack a study with a report."""

    def run(name: str, content: bytes, *options: str | Path) -> Result:
        if not (tmp_path / "disc").exists():
            study(tmp_path / "disc", series=1, number=1)
        (tmp_path / name).write_bytes(content)
        return emix_here("pack", tmp_path / "disc", "--anonymize", "--report", tmp_path / name,
                         "-o", tmp_path / "a.emix.html", "--code-out", tmp_path / "code",
                         *options)  # fmt: skip

    return run


def contents(folder: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the reports of the package, and its index."""
    code = (folder / "code").read_text().strip()
    with open_package(folder / "a.emix.html", code=code) as package:
        entries = [one["entry"] for one in package.index["documents"]]
        return {entry: package.read(entry) for entry in entries}, package.index


def check_clean(data: bytes, index: dict[str, Any]) -> None:
    """Nothing of patient or others stands in a copy, in any encoding, or in the index."""
    everything = data + repr(index["documents"]).encode()
    folded = everything.lower()
    for text in (*CANARY.strings(), *OTHERS, "CANARYGIVEN", "CTRL4711", "CANARYDOC1", "1947-03-08"):
        for part in (text, *text.split("^")):
            if len(part) < 5:
                continue
            assert part.lower().encode() not in folded, part
            assert base64.b64encode(part.encode())[:-3] not in everything
            assert part.lower().encode("utf-16-le") not in folded


def test_reports_are_refused_unless_asked_for(pack: Callable[..., Result], tmp_path: Path) -> None:
    done = pack("a.hl7", ORU)
    assert done.code == 2
    assert "--reports structured" in done.stderr
    assert not (tmp_path / "a.emix.html").exists()


def test_reports_on_the_medium_stay_behind(emix_here: Emix, tmp_path: Path) -> None:
    study(tmp_path / "disc", series=1, number=1)
    (tmp_path / "disc" / "r.hl7").write_bytes(ORU)
    done = emix_here("pack", tmp_path / "disc", "--anonymize", "-o", tmp_path / "a.emix.html",
                     "--code-out", tmp_path / "code")  # fmt: skip
    assert done.code == 0
    assert "left out: 1 report on the medium; --report FILE" in done.stderr
    assert contents(tmp_path)[0] == {}


@pytest.mark.parametrize(("name", "content"), [("a.hl7", ORU), ("a.xml", CDA), ("a.ccr.xml", CCR)])
def test_a_structured_copy(
    pack: Callable[..., Result], tmp_path: Path, name: str, content: bytes
) -> None:
    done = pack(name, content, "--reports", "structured")
    assert done.code == 0, done.stderr
    copies, index = contents(tmp_path)
    (copy,) = copies.values()
    check_clean(copy, index)
    assert b"2160-0" in copy
    assert b"1.9" in copy
    assert b"20240501" not in copy.replace(b"-", b"")
    patient = index["patients"][0]
    assert patient["id"].encode() in copy
    assert index["deidentification"]["reports"] == {"how": "structured", "count": 1}


@pytest.mark.parametrize("named", [1, 2, None])
def test_a_copy_is_about_the_study_that_its_report_names(
    pack: Callable[..., Result], tmp_path: Path, named: int | None
) -> None:
    for number in (1, 2):
        study(tmp_path / "disc", series=1, number=number, instances=number)
    event = f'<serviceEvent><id root="{uid(named or 0)}"/></serviceEvent>'
    where = b"<component><structuredBody>"
    said = f"<documentationOf>{event}</documentationOf>".encode() if named else b""
    done = pack("a.xml", CDA.replace(where, said + where, 1), "--reports", "structured")
    assert done.code == 0, done.stderr
    copies, index = contents(tmp_path)
    (copy,) = copies.values()
    studies = index["patients"][0]["studies"]
    in_copy = [len(one["series"][0]["instances"]) for one in studies if one["uid"].encode() in copy]
    assert len(studies) == 2
    assert in_copy == ([named] if named else [])


def test_a_structured_message_has_the_values_of_the_images(
    pack: Callable[..., Result], tmp_path: Path
) -> None:
    pack("a.hl7", ORU, "--reports", "structured", "--deid-option", "retain-modified-dates")
    copies, index = contents(tmp_path)
    (message,) = read_messages(next(iter(copies.values())))
    patient = index["patients"][0]
    new = patient["studies"][0]
    assert message.first("PID").value(3) == patient["id"]
    assert message.first("ZDS").value(1) == new["uid"]
    assert message.first("OBR").value(4) == "24627-2"
    assert [one.value(3) for one in message.all("OBX")] == ["2160-0", "18782-3"]
    old = study_date(tmp_path)
    days = (day(new["date"]) - day(old)).days
    assert days < 0
    assert (day(message.first("OBR").value(7)) - day("20240501")).days == days
    assert not list(message.all("NK1", "NTE", "ZZZ"))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text[:8])


def study_date(folder: Path) -> str:
    from pydicom import dcmread

    path = next(path for path in sorted((folder / "disc").rglob("*")) if path.is_file())
    return str(dcmread(path, force=True).StudyDate)


@pytest.mark.parametrize("option", [option for option in Option if "clean" not in option])
@pytest.mark.parametrize("mode", ["structured", "reviewed"])
def test_with_every_option(
    pack: Callable[..., Result], emix_here: Emix, tmp_path: Path, option: str, mode: str
) -> None:
    """What an option keeps stays in the copy as in the images; the patient's name never does."""
    assert emix_here("anonymize", "--new-key", tmp_path / "key").code == 0
    how: list[str | Path] = ["--deid-option", option, "--reports", mode]
    if mode == "reviewed":
        how += ["--reviewer", "R", "--key-file", tmp_path / "key"]
        pack("a.hl7", ORU, *how, "--review-out", tmp_path / "read.txt")
        text = (tmp_path / "read.txt").read_bytes()
        how += ["--reviewed", hashlib.sha256(text).hexdigest()]
    done = pack("a.hl7", ORU, *how)
    assert done.code == 0, done.stderr
    (copy,) = contents(tmp_path)[0].values()
    for part in ("CANARYSURNAME", "CANARYGIVEN", CANARY.id, "19470308", "NEXTOFKIN", "DRWEIRDNAME"):
        assert part.encode() not in copy
    assert (b"20240501" in copy.replace(b"-", b"")) == (option == "retain-full-dates")


@pytest.mark.parametrize(("name", "content"), [("a.txt", b"Lungs clear."), ("a.pdf", pdf())])
def test_free_text_is_not_structured(
    pack: Callable[..., Result], name: str, content: bytes
) -> None:
    done = pack(name, content, "--reports", "structured")
    assert done.code == 24
    assert "free text" in done.stderr


def test_a_report_without_results_is_refused(pack: Callable[..., Result]) -> None:
    done = pack("a.hl7", hl7(), "--reports", "structured")
    assert done.code == 24


def test_a_report_of_another_patient_gets_no_pseudonym(pack: Callable[..., Result]) -> None:
    other = ORU.replace(CANARY.birth_date.encode(), b"19800101")
    for mode in (["structured"], ["reviewed", "--reviewer", "R. Viewer"]):
        done = pack("a.hl7", other, "--reports", *mode)
        assert done.code == 25
        assert "--report number 1" in done.stderr


def test_reviewed_text(pack: Callable[..., Result], tmp_path: Path) -> None:
    how = ("--reports", "reviewed", "--reviewer", "R. Viewer")
    nobody = pack("a.hl7", ORU, *how)
    assert nobody.code == 5
    assert not (tmp_path / "a.emix.html").exists()
    first = pack("a.hl7", ORU, *how, "--review-out", tmp_path / "read.txt")
    assert first.code == 5
    text = (tmp_path / "read.txt").read_bytes()
    assert b"No abnormality in ." in text
    assert b"1.9" in text
    digest = hashlib.sha256(text).hexdigest()
    assert digest in first.stderr
    wrong = pack("a.hl7", ORU, *how, "--reviewed", "0" * 64)
    assert wrong.code == 5
    done = pack("a.hl7", ORU, *how, "--reviewed", digest)
    assert done.code == 0, done.stderr
    copies, index = contents(tmp_path)
    (copy,) = copies.values()
    assert copy == text
    check_clean(copy, index)
    assert index["deidentification"]["reports"] == {
        "how": "reviewed", "count": 1, "reviewer": "R. Viewer",
    }  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
@pytest.mark.parametrize(("answer", "code"), [("n", 5), ("y", 0)])
def test_a_reviewer_at_the_terminal(tmp_path: Path, answer: str, code: int) -> None:
    from tests.terminal import play

    study(tmp_path / "disc", series=1, number=1)
    (tmp_path / "a.hl7").write_bytes(ORU)
    done = play("-m", "emixcli", "pack", "disc", "--anonymize", "--report", "a.hl7", "--reports",
                "reviewed", "--reviewer", "R. Viewer", "-o", "a.emix.html", "--code-out", "code",
                answers=[("who the patient is? [y/N] ", answer)], cwd=tmp_path)  # fmt: skip
    assert done.code == code, done.stderr
    assert "No abnormality in ." in done.stderr
    assert "CANARYSURNAME" not in done.stderr
    assert (tmp_path / "a.emix.html").exists() == (not code)


def test_a_pdf_is_never_scrubbed(pack: Callable[..., Result]) -> None:
    done = pack("a.pdf", pdf(), "--reports", "reviewed", "--reviewer", "R. Viewer",
                "--reviewed", "0" * 64)  # fmt: skip
    assert done.code == 24


@pytest.mark.parametrize(
    "options",
    [
        ("--reports", "all"), ("--reports", "reviewed"), ("--reviewer", "R"),
        ("--reports", "structured", "--reviewer", "R"), ("--reviewed", "0" * 64),
    ],
)  # fmt: skip
def test_options_that_do_not_belong_together(
    pack: Callable[..., Result], options: tuple[str, ...]
) -> None:
    assert pack("a.hl7", ORU, *options).code == 2


def test_reports_as_copies_need_anonymize(emix_here: Emix, tmp_path: Path) -> None:
    done = emix_here("pack", tmp_path / "none", "-o", tmp_path / "b", "--reports", "structured")
    assert done.code == 2


def test_images_that_were_de_identified_before_take_no_report_that_names_a_patient(
    emix_here: Emix, tmp_path: Path
) -> None:
    for number in (1, 2):
        ds = builders.instance(number=number)
        ds.PatientName = ds.PatientBirthDate = ""
        ds.PatientIdentityRemoved = "YES"
        builders.write(ds, tmp_path / "disc" / f"IM{number}")
    (tmp_path / "a.hl7").write_bytes(hl7())
    done = emix_here("pack", tmp_path / "disc", "--report", tmp_path / "a.hl7", "-o",
                     tmp_path / "a.emix.html", "--code-out", tmp_path / "code",
                     "--accept-report", "anyway")  # fmt: skip
    assert done.code == 25
    assert "the images are de-identified, the report names a patient" in done.stderr


def test_a_copy_belongs_to_the_images_that_it_was_made_for(
    pack: Callable[..., Result], emix_here: Emix, tmp_path: Path
) -> None:
    pack("a.hl7", ORU, "--reports", "structured")
    _, index = contents(tmp_path)
    assert index["documents"][0]["match"]["verdict"] in ("match", "warn")
    done = emix_here("unpack", tmp_path / "a.emix.html", "-o", tmp_path / "out", "--code-file",
                     tmp_path / "code", "--reports-as", "hl7", "--reports-as", "dicom")  # fmt: skip
    assert done.code == 0, done.stderr
    assert len(list((tmp_path / "out" / "REPORTS").iterdir())) == 2
