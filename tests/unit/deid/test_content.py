"""Structured content, graphics, documents, profiles of colour: replaced or cleaned."""

from __future__ import annotations

import io
import struct
from xml.etree import ElementTree

import pytest
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from emixcli.anonymize import DeidError, Option
from emixcli.deid import codes, documents, icc
from tests.unit.deid.making import UID_ROOT, make, read, run

SR = "1.2.840.10008.5.1.4.1.1.88.33"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"


def coded(scheme: str, value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def item(kind: str, scheme: str, concept: str, **values: object) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = "CONTAINS", kind
    made.ConceptNameCodeSequence = Sequence([coded(scheme, concept, "Finding")])
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def number(value: str) -> Sequence:
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = Sequence([coded("UCUM", "mm", "mm")])
    return Sequence([measured])


def reference(uid: str) -> Sequence:
    image = Dataset()
    image.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    image.ReferencedSOPInstanceUID = uid
    return Sequence([image])


def as_bytes(ds: Dataset, sop_class: str) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = ds.SOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = UID(f"{UID_ROOT}.1")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{UID_ROOT}.2", f"{UID_ROOT}.3"
    file = FileDataset("", ds, file_meta=meta, preamble=bytes(128))
    buffer = io.BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def report() -> bytes:
    ds = Dataset()
    ds.ContentSequence = Sequence(
        [
            item("TEXT", "DCM", "121071", TextValue="Zzyzx has a lesion of the liver"),
            item("NUM", "SCT", "410668003", MeasuredValueSequence=number("47.11")),
            item("NUM", "DCM", "121033", MeasuredValueSequence=number("93")),
            item(
                "CODE", "DCM", "121032", ConceptCodeSequence=Sequence([coded("DCM", "F", "Female")])
            ),
            item(
                "CODE",
                "DCM",
                "121071",
                ConceptCodeSequence=Sequence([coded("SCT", "10200004", "Liver")]),
            ),
            item(
                "CODE",
                "DCM",
                "121071",
                ConceptCodeSequence=Sequence([coded("99ZZYZX", "ZZYZX7", "Zzyzx")]),
            ),
            item("TEXT", "DCM", "121030", TextValue="Left"),
            item("IMAGE", "DCM", "121080", ReferencedSOPSequence=reference(f"{UID_ROOT}.9")),
            item("UIDREF", "DCM", "112040", UID=f"{UID_ROOT}.9"),
        ]
    )
    return as_bytes(ds, SR)


def test_content_becomes_dummies_but_keeps_structure_codes_and_references(report: bytes) -> None:
    output, made = run(report)
    items = read(output).ContentSequence
    assert len(items) == 9
    assert [item.ValueType for item in items[:3]] == ["TEXT", "NUM", "NUM"]
    assert items[0].TextValue == "REMOVED"
    assert items[1].MeasuredValueSequence[0].NumericValue == 0
    assert items[3].ConceptCodeSequence[0].CodeValue == "REMOVED"
    assert items[4].ConceptCodeSequence[0].CodeValue == "10200004"
    assert items[4].ConceptCodeSequence[0].CodeMeaning == "Liver"
    assert items[7].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == items[8].UID
    assert b"zzyzx" not in output.lower()
    assert made.actions[0x0040A730, "D"] == 1


def test_cleaned_content_keeps_what_is_measured(report: bytes) -> None:
    output, _ = run(report, Option.CLEAN_STRUCTURED_CONTENT)
    items = read(output).ContentSequence
    assert "lesion" in items[0].TextValue
    assert items[1].MeasuredValueSequence[0].NumericValue == 47.11
    assert items[2].MeasuredValueSequence[0].NumericValue == 0
    assert items[3].ConceptCodeSequence[0].CodeValue == "REMOVED"
    assert items[6].TextValue == "REMOVED"
    assert b"zzyzx" not in output.lower()


def test_characteristics_in_content_follow_their_option(report: bytes) -> None:
    options = (Option.CLEAN_STRUCTURED_CONTENT, Option.RETAIN_PATIENT_CHARACTERISTICS)
    items = read(run(report, *options)[0]).ContentSequence
    assert items[3].ConceptCodeSequence[0].CodeValue == "F"
    assert items[6].TextValue == "REMOVED"


def test_coded_persons_and_institutions_become_dummies() -> None:
    ds = Dataset()
    person = Dataset()
    person.PersonIdentificationCodeSequence = Sequence([coded("99Z", "ZZ-4711", "Dr. Zzyzx")])
    ds.VerifyingObserverSequence = Sequence([person])
    output, _ = run(as_bytes(ds, SR))
    assert b"zz-4711" not in output.lower()
    assert b"zzyzx" not in output.lower()


@pytest.mark.parametrize("is_cleaned", [True, False], ids=["cleaned", "basic"])
def test_graphics(is_cleaned: bool) -> None:
    text = Dataset()
    text.UnformattedTextValue = "Zzyzx liver"
    drawn = Dataset()
    drawn.GraphicAnnotationUnits, drawn.GraphicDimensions = "PIXEL", 2
    drawn.NumberOfGraphicPoints, drawn.GraphicData = 2, [1.0, 2.0, 3.0, 4.0]
    drawn.GraphicType, drawn.GraphicFilled = "POLYLINE", "N"
    annotation = Dataset()
    annotation.ReferencedImageSequence = reference(f"{UID_ROOT}.9")
    annotation.GraphicLayer = "LAYER1"
    annotation.TextObjectSequence = Sequence([text])
    annotation.GraphicObjectSequence = Sequence([drawn])
    ds = Dataset()
    ds.GraphicAnnotationSequence = Sequence([annotation])
    options = (Option.CLEAN_GRAPHICS, Option.CLEAN_DESCRIPTORS) if is_cleaned else ()
    output, _ = run(as_bytes(ds, GSPS), *options)
    new = read(output).GraphicAnnotationSequence[0]
    points = new.GraphicObjectSequence[0].GraphicData
    assert list(points) == ([1.0, 2.0, 3.0, 4.0] if is_cleaned else [0.0] * 4)
    assert new.ReferencedImageSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
    assert new.GraphicLayer == "LAYER1"
    words = new.TextObjectSequence[0].UnformattedTextValue
    assert words == ("liver" if is_cleaned else "REMOVED")


@pytest.mark.parametrize("option", [None, Option.CLEAN_GRAPHICS])
def test_overlays_and_curves_go_as_a_whole(option: Option | None) -> None:
    data = make({
        0x60000010: ("US", b"\1\0"), 0x60000022: ("LO", b"Zzyzx "), 0x60003000: ("OW", b"\1\1"),
        0x50000022: ("LO", b"Zzyzx "), 0x50003000: ("OW", b"\1\1"), 0x501E3000: ("OW", b"\1\1"),
    })  # fmt: skip
    ds = read(run(data, *([option] if option else []))[0])
    assert not [element for element in ds if element.tag.group >> 8 in (0x50, 0x60)]


# -- documents and profiles ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["application/pdf", "application/x-pdf", "text/XML", "model/stl", "application/sla",
    "model/obj"],
)  # fmt: skip
def test_documents_are_blank_and_their_length_is_told(kind: str) -> None:
    data = make(
        {
            0x00420010: ("ST", b"Zzyzx report"),
            0x00420011: ("OB", b"%PDF Zzyzx" * 10),
            0x00420012: ("LO", kind.encode()),
            0x00420015: ("UL", struct.pack("<I", 99)),
        },
        sop_class="1.2.840.10008.5.1.4.1.1.104.1",
    )
    output, _ = run(data)
    ds = read(output)
    assert b"Zzyzx" not in output
    assert ds.EncapsulatedDocumentLength == len(documents.blank(kind))
    assert ds.EncapsulatedDocument.startswith(documents.blank(kind))
    assert ds.DocumentTitle == "report"


@pytest.mark.parametrize("extra", [{}, {0x00420011: ("OB", b"%PDF Zzyzx" * 10)}])
def test_a_document_of_no_named_kind_is_blank(extra: dict[int, tuple[str, bytes]]) -> None:
    output = run(make({0x00420015: ("UL", struct.pack("<I", 99))} | extra))[0]
    assert b"Zzyzx" not in output
    assert read(output).EncapsulatedDocumentLength == len(documents.blank("text/plain"))


def test_the_blank_pdf_has_its_offsets_right() -> None:
    pdf = documents.blank("application/pdf; charset=x")
    assert pdf.startswith(b"%PDF-1.4")
    start = int(pdf.split(b"startxref\n")[1].split()[0])
    assert pdf[start:].startswith(b"xref")
    for line in pdf[start:].split(b"\n")[3:6]:
        assert b" obj" in pdf[int(line[:10]) :][:8]


def test_the_blank_cda_is_xml() -> None:
    blank = documents.blank("text/xml")
    root = ElementTree.fromstring(blank)  # noqa: S314 - our own text
    assert root.tag.endswith("ClinicalDocument")


def test_an_unknown_kind_of_document_is_refused() -> None:
    with pytest.raises(DeidError):
        documents.blank("application/x-zzyzx")


def profile_of(*texts: tuple[bytes, bytes]) -> bytes:
    table, body = b"", b""
    offset = 132 + 12 * len(texts)
    for name, content in texts:
        table += struct.pack(">4sII", name, offset + len(body), len(content))
        body += content
    head = bytearray(128)
    head[36:40] = b"acsp"
    return bytes(head) + struct.pack(">I", len(texts)) + table + body


def test_texts_in_colour_profiles_are_blank() -> None:
    wide = "Zzyzx".encode("utf-16-be")
    old = profile_of(
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", 6) + b"Zzyzx\0" + bytes(78)),
        (b"cprt", b"text\0\0\0\0Zzyzx\0"),
        (b"dmdd", b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", 10, 28) + wide),
        (b"wtpt", b"XYZ \0\0\0\0" + bytes(range(12))),
    )
    new = icc.blank_texts(old)
    assert new is not None
    assert len(new) == len(old)
    assert b"Zzyzx" not in new
    assert wide not in new
    assert bytes(range(12)) in new


@pytest.mark.parametrize("bad", [b"", b"x" * 300, profile_of((b"desc", b""))])
def test_what_is_no_profile_is_not_kept(bad: bytes) -> None:
    assert icc.blank_texts(bad) is None


@pytest.mark.parametrize("bad", [b"x" * 300, b"Zzyzx "])
def test_srgb_stands_for_what_is_no_profile(bad: bytes) -> None:
    output = read(run(make({0x00282000: ("OB", bad)}))[0])
    assert output.ICCProfile == icc.srgb()
    assert icc.blank_texts(icc.srgb()) == icc.srgb()
    assert struct.unpack_from(">I", icc.srgb())[0] == len(icc.srgb())
    n_tags = struct.unpack_from(">I", icc.srgb(), 128)[0]
    ends = [sum(struct.unpack_from(">II", icc.srgb(), 136 + 12 * n)) for n in range(n_tags)]
    assert max(ends) == len(icc.srgb())


def test_no_profile_stays_none() -> None:
    assert not read(run(make({0x00282000: ("OB", b"")}))[0]).get("ICCProfile")


@pytest.mark.parametrize(
    ("scheme", "code", "is_public"),
    [
        ("SCT", "10200004", True), ("SCT", "JONES", False), ("DCM", "121032", True),
        ("DCM", "Jones", False), ("UCUM", "mm", True), ("UCUM", "[hnsf'U]", True),
        ("LN", "8302-2", True), ("99LOCAL", "121032", False), ("", "121032", False),
        ("SRT", "T-62000", True), ("I10", "C22.0", True), ("NEU", "1", True),
    ],
)  # fmt: skip
def test_codes_of_public_schemes(scheme: str, code: str, is_public: bool) -> None:
    assert codes.is_public(scheme, code) is is_public


def test_what_an_option_keeps_is_kept_with_its_codes() -> None:
    institution = coded("99ZZYZX", "WARD 7", "Zzyzx Infirmary")
    ds = Dataset()
    ds.InstitutionCodeSequence = Sequence([institution])
    ds.InstitutionName = "Zzyzx Infirmary"
    data = as_bytes(ds, SR)
    assert b"Zzyzx" not in run(data)[0]
    kept = read(run(data, Option.RETAIN_INSTITUTION)[0])
    assert kept.InstitutionName == "Zzyzx Infirmary"
    assert kept.InstitutionCodeSequence[0].CodeValue == "WARD 7"
    assert kept.InstitutionCodeSequence[0].CodeMeaning == "Zzyzx Infirmary"
