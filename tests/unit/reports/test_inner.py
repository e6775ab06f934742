"""Documents inside reports: found bit for bit, read, compared, saved."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emixcli.demo.pdf import Text, make_pdf
from emixcli.errors import PatientMismatchError
from emixcli.media.scan import scan_media
from emixcli.package import Sender, plan_package
from emixcli.reports import reading
from emixcli.reports.inner import Inner
from emixcli.reports.matching import Identifier, Identity, Level
from emixcli.reports.names import parse_pn
from emixcli.reports.reading import Reading
from tests.builders import Canary, encapsulated_pdf, instance, write
from tests.running import Result

Emix = Callable[..., Result]
IMAGES = Identity(parse_pn("Example^Anna"), (Identifier("4711-08"),), "19610312", "F")
OWN = ["Patient: Example, Anna", "MRN: 4711-08"]
OTHERS = ["Patient: Sample, Berta", "MRN: 4712-09"]


def pdf_of(lines: list[str]) -> bytes:
    return make_pdf([[Text(60, 60 + 20 * n, line) for n, line in enumerate(lines)]], title="x")


def message(*observations: str, pid: str = "PID|1||4711-08||Example^Anna||19610312|F") -> bytes:
    head = "MSH|^~\\&|RIS|R|E|R|20260114||ORU^R01|1|P|2.5.1"
    return "\r".join([head, pid, "OBR|1||A-1|CT^CT", *observations, ""]).encode()


def obx(value: str, kind: str = "ED") -> str:
    return f"OBX|1|{kind}|KEY^Key page||{value}||||||F"


PDF = pdf_of(OWN)
PACKED = base64.b64encode(PDF).decode()
HALF = len(PACKED) // 8 * 4


@pytest.mark.parametrize(
    ("observations", "field"),
    [
        ([obx(f"RIS^AP^PDF^Base64^{PACKED}")], "parts"),
        ([obx(f"^application^pdf^base64^{PACKED}")], "parts"),
        ([obx(PACKED, "TX")], "parts"),
        ([obx(f"RIS^AP^PDF^Base64^{PACKED[:80]}\\.br\\{PACKED[80:]}")], "parts"),
        ([obx(f"RIS^AP^PDF^Base64^{PACKED[:80]}\r\n{PACKED[80:]}")], "parts"),
        ([obx(f"RIS^AP^PDF^Hex^{PDF.hex()}")], "content"),
        ([obx(f"RIS^AP^PDF^Base64^{part}") for part in (PACKED[:HALF], PACKED[HALF:])], "parts"),
    ],
)
def test_a_document_comes_out_of_a_message_bit_for_bit(observations: list[str], field: str) -> None:
    original = message(*observations)
    (inner,) = reading.read(original, "hl7v2").inner
    assert (inner.kind, inner.data, inner.title) == ("pdf", PDF, "Key page")
    told = inner.as_index(original)
    assert field in told
    assert told["sha256"] == hashlib.sha256(PDF).hexdigest()


def cda(body: str) -> bytes:
    return f"""<ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget><patientRole>
<id extension="4711-08" root="2.25.8"/><patient><name><given>Anna</given><family>Example</family>
</name><birthTime value="19610312"/></patient></patientRole></recordTarget><component><nonXMLBody>
{body}</nonXMLBody></component></ClinicalDocument>""".encode()


def test_a_document_comes_out_of_a_cda_bit_for_bit() -> None:
    lines = "\n".join(PACKED[i : i + 76] for i in range(0, len(PACKED), 76))
    original = cda(f'<text mediaType="application/pdf" representation="B64">\n{lines}\n</text>')
    (inner,) = reading.read(original, "cda").inner
    assert inner.data == PDF
    assert "parts" in inner.as_index(original)
    original = cda('<text mediaType="text/plain">Lungs clear.</text>')
    (inner,) = reading.read(original, "cda").inner
    assert inner.reading is not None
    assert inner.reading.blocks[-1].text == "Lungs clear."


def embedded(lines: list[str], kind: str) -> bytes:
    """Return a message that holds a document of a kind."""
    text = "\n".join(lines)
    data = {
        "pdf": pdf_of(lines),
        "rtf": ("{\\rtf1 " + text.replace("\n", "\\par ") + "}").encode(),
        "text": text.encode(),
        "cda": cda("").replace(b"Anna", lines[0].rpartition(" ")[2].encode()),
    }[kind]
    return message(obx(f"RIS^AP^^Base64^{base64.b64encode(data).decode()}"))


@pytest.mark.parametrize("kind", ["pdf", "rtf", "text"])
def test_a_document_of_another_patient_in_a_report_is_blocked(kind: str) -> None:
    good = reading.read(embedded(OWN, kind), "hl7v2")
    assert reading.judge_for(IMAGES, good).level == Level.MATCH
    bad = reading.judge_for(IMAGES, reading.read(embedded(OTHERS, kind), "hl7v2"))
    assert (bad.level, bad.rule) == (Level.BLOCK, "R11")


def test_a_cda_of_another_patient_in_a_report_is_blocked() -> None:
    assert reading.judge_for(IMAGES, reading.read(embedded(OWN, "cda"), "hl7v2")).level == "match"
    bad = reading.judge_for(IMAGES, reading.read(embedded(OTHERS, "cda"), "hl7v2"))
    assert (bad.level, bad.rule) == (Level.BLOCK, "R7")


def test_a_document_that_says_nothing_changes_nothing() -> None:
    read = reading.read(embedded(["Lungs clear."], "pdf"), "hl7v2")
    assert reading.judge_for(IMAGES, read).level == Level.MATCH


def test_a_message_without_a_patient_is_judged_by_its_document() -> None:
    original = message(obx(f"RIS^AP^PDF^Base64^{PACKED}"), pid="PV1|1|O")
    assert reading.judge_for(IMAGES, reading.read(original, "hl7v2")).level == Level.MATCH


def test_an_inner_document_of_too_many_parts_blocks() -> None:
    inner = Inner("cda", b"x", reading=Reading((), too_large=True))
    whole = Reading((IMAGES,), inner=(inner,))
    assert reading.judge_for(IMAGES, whole).level == Level.BLOCK


def test_the_documents_are_listed_shown_and_saved(emix_here: Emix, tmp_path: Path) -> None:
    rtf = b"{\\rtf1 Lungs clear.}"
    original = message(
        obx(f"RIS^AP^PDF^Base64^{PACKED}"), obx(f"RIS^AP^^Base64^{base64.b64encode(rtf).decode()}"),
        "OBX|3|RP|LINK||https://example.org/x^^Application^PDF||||||F",
    )  # fmt: skip
    (tmp_path / "r.hl7").write_bytes(original)
    done = emix_here("report", "show", tmp_path / "r.hl7", "--save-documents", tmp_path / "inner")
    assert "Attached document: Key page" in done.stdout
    assert "Document 2: Key page (RTF, 20 bytes)" in done.stdout
    assert "Lungs clear." in done.stdout
    assert "elsewhere, not fetched" in done.stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "inner").iterdir()} == {
        "document-1.pdf": PDF, "document-2.rtf": rtf,
    }  # fmt: skip
    told = json.loads(emix_here("report", "show", tmp_path / "r.hl7", "--json").stdout)
    assert [(one["kind"], one.get("size")) for one in told["documents"]] == [
        ("pdf", len(PDF)), ("rtf", len(rtf)), ("reference", 0),
    ]  # fmt: skip
    again = emix_here("report", "show", tmp_path / "r.hl7", "--save-documents", tmp_path / "inner")
    assert again.code == 41


def encapsulated(lines: list[str], folder: Path) -> Path:
    """Write an image, and an Encapsulated PDF of its patient; return the latter."""
    phi = Canary("Example^Anna", "4711-08", "19610312", "F")
    write(instance(phi=phi), folder / "I1")
    item = encapsulated_pdf(phi=phi)
    data = pdf_of(lines)
    item.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    item.EncapsulatedDocumentLength = len(data)
    item.DocumentTitle = "Letter"
    return write(item, folder / "D1")


def test_a_document_in_an_object_must_be_of_the_objects_patient(tmp_path: Path) -> None:
    sender = Sender("A. Sender", "Riverside Hospital")
    (tmp_path / "good").mkdir()
    encapsulated(OWN, tmp_path / "good")
    plan_package(scan_media([str(tmp_path / "good")]), sender=sender)
    (tmp_path / "bad").mkdir()
    encapsulated(OTHERS, tmp_path / "bad")
    media = scan_media([str(tmp_path / "bad")])
    with pytest.raises(PatientMismatchError, match="names another person"):
        plan_package(media, sender=sender)
    plan_package(media, sender=sender, accept_reports="read by two")


def test_an_object_is_shown_and_its_document_saved(emix_here: Emix, tmp_path: Path) -> None:
    path = encapsulated(OWN, tmp_path)
    done = emix_here("report", "show", path, "--save-documents", tmp_path / "inner")
    assert done.code == 0
    assert "Document 1: Letter (PDF" in done.stdout
    assert (tmp_path / "inner" / "document-1.pdf").read_bytes() == pdf_of(OWN)
