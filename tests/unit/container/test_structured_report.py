"""A structured report of any template is a tree of all its words."""

from __future__ import annotations

from pydicom import Dataset, FileDataset
from pydicom.uid import ComprehensiveSRStorage

from emixcli.container.deep_text import render_text
from emixcli.reports import reading
from tests.builders import instance, to_bytes


def code(meaning: str) -> list[Dataset]:
    found = Dataset()
    found.CodeValue, found.CodingSchemeDesignator, found.CodeMeaning = "1", "99EMIX", meaning
    return [found]


def item(kind: str, name: str, *children: Dataset, **values: object) -> Dataset:
    made = Dataset()
    made.ValueType, made.RelationshipType = kind, "CONTAINS"
    made.ConceptNameCodeSequence = code(name)
    for keyword, value in values.items():
        setattr(made, keyword, value)
    if children:
        made.ContentSequence = list(children)
    return made


def measured(value: str) -> list[Dataset]:
    found = Dataset()
    found.NumericValue, found.MeasurementUnitsCodeSequence = value, code("millimetre")
    found.MeasurementUnitsCodeSequence[0].CodeValue = "mm"
    return [found]


def image() -> list[Dataset]:
    found = Dataset()
    found.ReferencedSOPClassUID, found.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.2",
        "2.25.9",
    )
    return [found]


def report(*children: Dataset) -> FileDataset:
    made = instance()
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(made, keyword)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    made.ValueType, made.ConceptNameCodeSequence = "CONTAINER", code("Imaging report")
    made.ContentSequence = list(children)
    return made


def tree(made: Dataset) -> list[tuple[int, str, str]]:
    return [(line["level"], line["label"], line["value"]) for line in render_text(made)]


def test_every_value_type_is_told() -> None:
    by_reference = Dataset()
    by_reference.RelationshipType, by_reference.ReferencedContentItemIdentifier = (
        "INFERRED FROM", [1, 2],
    )  # fmt: skip
    made = report(
        item("CONTAINER", "Findings", item("TEXT", "Finding", TextValue="Nodule.")),
        item("CODE", "Procedure", ConceptCodeSequence=code("CT")),
        item("NUM", "Diameter", by_reference, MeasuredValueSequence=measured("9")),
        item("DATE", "Date", Date="20260114"), item("TIME", "Time", Time="113000"),
        item("DATETIME", "When", DateTime="20260114113000"),
        item("PNAME", "Reader", PersonName="Example^Otto"),
        item("UIDREF", "Study", UID="2.25.5"), item("IMAGE", "Key", ReferencedSOPSequence=image()),
        item("SCOORD", "Outline", GraphicType="POLYLINE"),
        item("TABLE", "Grid"),
    )  # fmt: skip
    assert tree(made) == [
        (0, "Imaging report", ""), (1, "Findings", ""), (2, "Finding", "Nodule."),
        (1, "Procedure", "CT"), (1, "Diameter", "9 mm"), (2, "", "see item 1.2"),
        (1, "Date", "2026-01-14"), (1, "Time", "11:30:00"), (1, "When", "2026-01-14 11:30:00"),
        (1, "Reader", "Example Otto"), (1, "Study", "2.25.5"), (1, "Key", "2.25.9"),
        (1, "Outline", "POLYLINE"), (1, "Grid", "[table: not shown]"),
    ]  # fmt: skip


def test_deep_items_keep_their_words() -> None:
    deepest = item("TEXT", "Deepest", TextValue="here")
    for number in range(60):
        deepest = item("CONTAINER", f"Level {number}", deepest)
    assert tree(report(deepest))[-1] == (24, "Deepest", "here")


def test_what_is_cut_is_said() -> None:
    many = [item("TEXT", f"Item {number}", TextValue="x") for number in range(4100)]
    assert "the rest is not shown" in tree(report(*many))[-1][1]
    long = tree(report(item("TEXT", "Long", TextValue="word " * 30_000)))
    assert long[-1][2].endswith("[the rest is not shown here: unpack the object]")


def test_it_is_shown_in_the_terminal_as_a_tree() -> None:
    inner = item("TEXT", "Finding", TextValue="Nodule.")
    read = reading.read(to_bytes(report(item("CONTAINER", "Findings", inner))), "dicom")
    shown = [(block.kind, block.level, block.text) for block in read.blocks if block.text]
    assert shown == [
        ("heading", 1, "Imaging report"), ("item", 1, "Findings"), ("item", 2, "Finding: Nodule."),
    ]  # fmt: skip


def test_values_that_are_written_oddly_are_told_right() -> None:
    long = Dataset()
    long.LongCodeValue, long.CodingSchemeDesignator = "A" * 20, "99EMIX"
    untyped = item("TEXT", "x", TextValue="No type.")
    del untyped.ValueType
    made = report(
        item("DATETIME", "a", DateTime="202601141130+0100"),
        item("DATETIME", "b", DateTime="20260114113000.5-0500"),
        item("DATETIME", "c", DateTime="2026"),
        item("TIME", "d", Time="113000.25"), item("PNAME", "e", PersonName="=山田^太郎"),
        item("NUM", "f", MeasuredValueSequence=measured("9"),
             NumericValueQualifierCodeSequence=code("estimated")),
        item("CODE", "g", ConceptCodeSequence=[long]), untyped,
    )  # fmt: skip
    assert [value for _, _, value in tree(made)][1:] == [
        "2026-01-14 11:30 +0100", "2026-01-14 11:30:00 -0500", "2026", "11:30:00", "山田 太郎",
        "9 mm (estimated)", "A" * 20, "No type.",
    ]  # fmt: skip
