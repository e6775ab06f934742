"""`emix unpack --reports-as`: reports as PDF, text, HL7 v2 and DICOM."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pypdf import PdfReader

from emixcli.reports.hl7 import read_messages
from emixcli.reports.hl7_documents import find_documents
from emixcli.reports.hl7_identity import read_identity
from tests import builders
from tests.builders import CANARY, hl7, pdf, study
from tests.running import Result
from tests.unit.container.test_structured_report import item
from tests.unit.container.test_structured_report import report as structured_report

Emix = Callable[..., Result]

CDA = f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <id root="1.2.3.4.5" extension="77"/><title>CT of the thorax</title>
  <recordTarget><patientRole><id extension="{CANARY.id}" root="1.2.3"/>
    <patient><name><family>CANARYSURNAME</family><given>CANARYGIVEN</given></name>
      <birthTime value="{CANARY.birth_date}"/></patient></patientRole></recordTarget>
  <component><structuredBody><component><section><title>Findings</title>
    <text><paragraph>Lungs clear. Żółć, Größe, ζ.</paragraph></text>
  </section></component></structuredBody></component>
</ClinicalDocument>""".encode()


@pytest.fixture
def packed(emix_here: Emix, tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Make a package of one study with these reports; return it and the file of its code."""

    def make(**reports: bytes) -> tuple[Path, Path]:
        study(tmp_path / "disc", series=1, number=1)
        options: list[str | Path] = []
        for name, content in reports.items():
            path = tmp_path / name.replace("_", ".")
            path.write_bytes(content)
            options += ["--report", path]
        package, code = tmp_path / "a.emix.html", tmp_path / "code"
        done = emix_here("pack", tmp_path / "disc", *options, "-o", package, "--code-out", code)
        assert done.code == 0, done.stderr
        return package, code

    return make


def unpacked(emix: Emix, package: tuple[Path, Path], *forms: str) -> tuple[Path, Result]:
    folder = package[0].with_name("out")
    options = [part for form in forms for part in ("--reports-as", form)]
    result = emix("unpack", package[0], "-o", folder, "--code-file", package[1], "--json", *options)
    return folder / "REPORTS", result


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_originals_unless_asked_otherwise(
    emix_here: Emix, packed: Callable[..., tuple[Path, Path]]
) -> None:
    reports, result = unpacked(emix_here, packed(a_hl7=hl7()))
    assert names(reports) == ["R0001.HL7"]
    assert (reports / "R0001.HL7").read_bytes() == hl7()
    assert result.document["reports"] == result.document["not_given"] == []


def test_text(emix_here: Emix, packed: Callable[..., tuple[Path, Path]]) -> None:
    reports, result = unpacked(emix_here, packed(a_hl7=hl7(), b_xml=CDA), "text")
    assert result.code == 0
    assert names(reports) == ["R0001_1.TXT", "R0002_1.TXT"]
    assert "No abnormality." in (reports / "R0001_1.TXT").read_text("utf-8")
    assert "Lungs clear. Żółć, Größe, ζ." in (reports / "R0002_1.TXT").read_text("utf-8")


def test_pdf_with_every_letter(emix_here: Emix, packed: Callable[..., tuple[Path, Path]]) -> None:
    letter = pdf()
    package = packed(a_xml=CDA, b_pdf=letter)
    reports, result = unpacked(emix_here, package, "pdf")
    if result.code == 3:
        pytest.skip("no font with these letters on this machine")
    assert names(reports) == ["R0001_1.PDF", "R0002.PDF"]
    assert (reports / "R0002.PDF").read_bytes() == letter
    text = PdfReader(reports / "R0001_1.PDF").pages[0].extract_text()
    assert "Lungs clear. Żółć, Größe, ζ." in text
    assert "R0001.XML; the original counts" in text


def test_letters_that_cannot_be_drawn_are_refused(
    emix_here: Emix, packed: Callable[..., tuple[Path, Path]]
) -> None:
    package = packed(a_txt="Befund: שלום\n".encode(), b_txt=b"Lungs clear.\n")
    reports, result = unpacked(emix_here, package, "pdf", "text")
    assert result.code == 3
    (refused,) = result.document["not_given"]
    assert (refused["entry"], refused["form"]) == ("REPORTS/R0001.TXT", "pdf")
    assert "hebrew" in refused["reason"]
    assert "שלום" not in result.stdout + result.stderr
    assert {"R0001.TXT", "R0001_1.TXT", "R0002_1.TXT"} <= set(names(reports))
    assert "R0001_1.PDF" not in names(reports)


def test_hl7_with_the_identifiers_of_the_study(
    emix_here: Emix, packed: Callable[..., tuple[Path, Path]]
) -> None:
    letter = pdf()
    package = packed(a_txt=b"Lungs | clear.\n\n\\F\\ ^~&\n", b_pdf=letter)
    reports, result = unpacked(emix_here, package, "hl7")
    assert result.code == 0
    assert names(reports) == ["R0001_1.HL7", "R0002_1.HL7"]
    for name, kind, original in (
        ("R0001_1.HL7", "ORU", b"Lungs | clear.\n\n\\F\\ ^~&\n"), ("R0002_1.HL7", "MDM", letter),
    ):  # fmt: skip
        (message,) = read_messages((reports / name).read_bytes())
        assert message.kind == kind
        assert find_documents(message)[-1].data == original
        identity = read_identity([message])
        assert [one.value for one in identity.ids] == [CANARY.id]
        assert [name.words for name in identity.names]
        assert identity.accessions == (CANARY.accession,)
        assert identity.study_uids == (builders.uid(1),)
    shown = emix_here("report", "show", reports / "R0001_1.HL7").stdout
    assert "Lungs | clear.\n\n\\F\\ ^~&" in shown


def test_dicom_holds_the_document_bit_for_bit(
    emix_here: Emix, packed: Callable[..., tuple[Path, Path]]
) -> None:
    letter = pdf("odd length") + b"\n"
    letter = letter if len(letter) % 2 else letter + b"\n"
    reports, result = unpacked(emix_here, packed(a_pdf=letter, b_xml=CDA), "dicom")
    assert result.code == 0
    assert names(reports) == ["R0001_1.DCM", "R0002_1.DCM"]
    for name, original in (("R0001_1.DCM", letter), ("R0002_1.DCM", CDA)):
        ds = dcmread(reports / name)
        assert ds.PatientID == CANARY.id
        assert ds.PatientName == CANARY.name
        assert ds.StudyInstanceUID == builders.uid(1)
        assert ds.AccessionNumber == CANARY.accession
        assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength] == original
    assert dcmread(reports / "R0002_1.DCM").HL7InstanceIdentifier == "1.2.3.4.5^77"


@pytest.mark.parametrize("tool", ["dciodvfy", "dcmdump"])
def test_objects_are_valid(
    emix_here: Emix, packed: Callable[..., tuple[Path, Path]], tool: str
) -> None:
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"no {tool}")
    reports, _ = unpacked(emix_here, packed(a_pdf=pdf(), b_xml=CDA, c_hl7=hl7()), "dicom")
    for name in names(reports):
        done = subprocess.run([program, reports / name], capture_output=True, check=False)
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert not [line for line in output.splitlines() if line.startswith(("Error", "E:"))]


def test_a_pdf_in_a_message_comes_out(
    emix_here: Emix, packed: Callable[..., tuple[Path, Path]]
) -> None:
    import base64

    inner = pdf("inner")
    message = hl7() + b"OBX|2|ED|PDF||^application^pdf^Base64^" + base64.b64encode(inner) + b"\r"
    reports, result = unpacked(emix_here, packed(a_hl7=message), "pdf", "dicom", "original")
    assert result.code == 0
    assert names(reports) == [
        "R0001.HL7", "R0001_1.DCM", "R0001_1.PDF", "R0001_2.DCM", "R0001_2.PDF",
    ]  # fmt: skip
    assert (reports / "R0001_2.PDF").read_bytes() == inner
    assert "(PDF, " in PdfReader(reports / "R0001_1.PDF").pages[0].extract_text()


def test_what_cannot_be_given_is_named_and_the_rest_is_there(
    emix_here: Emix, packed: Callable[..., tuple[Path, Path]]
) -> None:
    reports, result = unpacked(emix_here, packed(a_pdf=pdf(), b_hl7=hl7()), "text")
    assert result.code == 3
    assert names(reports) == ["R0001.PDF", "R0002_1.TXT"]
    assert [(one["entry"], one["form"]) for one in result.document["not_given"]] == [
        ("REPORTS/R0001.PDF", "text")
    ]
    assert [one["file"] for one in result.document["reports"]] == ["REPORTS/R0002_1.TXT"]
    assert (reports.parent / "DICOMDIR").exists()


def test_a_report_accepted_against_the_rules_gets_no_new_identity(
    emix_here: Emix, tmp_path: Path
) -> None:
    study(tmp_path / "disc", series=1, number=1)
    other = hl7().replace(CANARY.birth_date.encode(), b"19470309").replace(CANARY.id.encode(), b"")
    (tmp_path / "a.hl7").write_bytes(other)
    package, code = tmp_path / "a.emix.html", tmp_path / "code"
    done = emix_here("pack", tmp_path / "disc", "--report", tmp_path / "a.hl7", "-o", package,
                     "--code-out", code, "--accept-report", "read it")  # fmt: skip
    assert done.code == 0
    reports, result = unpacked(emix_here, (package, code), "dicom", "hl7", "text")
    assert result.code == 3
    assert names(reports) == ["R0001.HL7", "R0001_1.TXT"]


def test_of_several_studies_the_report_says_which(emix_here: Emix, tmp_path: Path) -> None:
    study(tmp_path / "disc", series=1, number=1)
    second = builders.instance(study=2, series=1, number=1)
    second.AccessionNumber = "OTHER-2"
    builders.write(second, tmp_path / "disc" / "second")
    (tmp_path / "a.hl7").write_bytes(hl7())
    (tmp_path / "b.txt").write_bytes(b"Lungs clear.\n")
    package, code = tmp_path / "a.emix.html", tmp_path / "code"
    emix_here("pack", tmp_path / "disc", "--report", tmp_path / "a.hl7", "--report",
              tmp_path / "b.txt", "-o", package, "--code-out", code)  # fmt: skip
    reports, result = unpacked(emix_here, (package, code), "dicom")
    assert result.code == 3
    assert names(reports) == ["R0001_1.DCM", "R0002.TXT"]
    ds = dcmread(io.BytesIO((reports / "R0001_1.DCM").read_bytes()))
    assert ds.StudyInstanceUID == builders.uid(1)


def test_an_unknown_form_is_a_usage_error(emix_here: Emix, tmp_path: Path) -> None:
    done = emix_here("unpack", tmp_path / "a", "-o", tmp_path / "b", "--reports-as", "word")
    assert done.code == 2
    assert "original, pdf, text, hl7, dicom" in done.stderr


def test_reports_among_the_objects(emix_here: Emix, tmp_path: Path) -> None:
    study(tmp_path / "disc", series=1, number=1)
    builders.write(builders.encapsulated_pdf(), tmp_path / "disc" / "letter")
    report = structured_report(item("TEXT", "Finding", TextValue="Nodule of 9 mm."))
    report.SeriesInstanceUID, report.SOPInstanceUID = builders.uid(1, 91), builders.uid(1, 91, 1)
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    report.Modality = "SR"
    builders.write(report, tmp_path / "disc" / "sr")
    package, code = tmp_path / "a.emix.html", tmp_path / "code"
    emix_here("pack", tmp_path / "disc", "-o", package, "--code-out", code)
    reports, result = unpacked(emix_here, (package, code), "pdf", "hl7", "dicom")
    assert result.code == 0, result.document["not_given"]
    assert names(reports) == ["D0001_1.HL7", "D0001_1.PDF", "D0002_1.HL7", "D0002_1.PDF"]
    texts = [PdfReader(path).pages[0].extract_text() for path in reports.glob("*.PDF")]
    assert any("Nodule of 9 mm." in text for text in texts)
    contents = [(reports / name).read_bytes() for name in names(reports)]
    letter = pdf(CANARY.name)
    assert letter in contents
    assert any(
        find_documents(message)[-1].data == letter
        for content in contents
        if content.startswith(b"MSH")
        for message in read_messages(content)
    )
    assert len(list((reports.parent / "DICOM").rglob("I*"))) > 2
