"""What is made of reports, of any text: it says what it should, or there is a `ReportError`."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pypdf import PdfReader

from emixcli.errors import ReportError
from emixcli.reports import blocks
from emixcli.reports.encapsulated import Wrapped, wrap
from emixcli.reports.hl7 import read_messages, unescape
from emixcli.reports.hl7_builder import Content, make_message
from emixcli.reports.hl7_documents import find_documents
from emixcli.reports.pdf_writer import make_pdf
from emixcli.reports.subject import Subject

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
#: Characters that mean something in HL7 v2.
MARKS = st.text('\\|^~&FSTREHN.brX0D{}" aé山', max_size=30)
SUBJECTS = st.builds(
    Subject,
    **dict.fromkeys(
        ("name", "id", "issuer", "birth_date", "accession", "description"), TEXT | MARKS
    ),
    study_uid=st.just("1.2.840.1"),
)
CONTROL = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"}


@settings(max_examples=150, deadline=None)
@given(
    SUBJECTS, st.lists(TEXT | MARKS, max_size=5), st.binary(min_size=1, max_size=60), st.booleans()
)
def test_hl7(subject: Subject, lines: list[str], original: bytes, is_document: bool) -> None:
    content = Content(lines=lines, original=original, kind="text")
    try:
        data = make_message(subject, content, now=NOW, is_document=is_document)
    except ReportError:
        return
    (message,) = read_messages(data)
    texts = [
        unescape(one.field(5), one.delimiters) for one in message.all("OBX") if one.value(2) == "TX"
    ]
    assert texts == lines
    assert not CONTROL & set("".join([*lines, subject.name, subject.id, subject.accession]))
    assert original in [one.data for one in find_documents(message)]


@settings(max_examples=150, deadline=None)
@given(SUBJECTS, st.lists(st.text("\\|^~&FSTREHN.brX0D aé", max_size=30), max_size=5))
def test_marks_of_hl7_are_never_a_reason_to_refuse(subject: Subject, lines: list[str]) -> None:
    plain = Subject(name="A&B^C|D", id="1~2", study_uid=subject.study_uid)
    make_message(plain, Content(lines=lines, original=b"x", kind="text"), now=NOW)


@pytest.mark.parametrize("is_document", [False, True])
def test_messages_are_as_the_standard_asks(is_document: bool) -> None:
    subject = Subject(
        name="Müller^Jo=山田^太郎", id="4711", issuer="HOSP", birth_date="19600102", sex="F",
        study_uid="1.2.840.1", accession="A-1", study_date="20260102", study_time="101500.00",
        referring="Doe^J", description="CT thorax",
    )  # fmt: skip
    content = Content(lines=["a", "", "b"], original=b"%PDF-1.4", kind="pdf", status="F")
    data = make_message(subject, content, now=NOW, is_document=is_document)
    assert parse_message(data.decode()).validate()  # raises where a field or segment is wrong


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, max_size=5), st.lists(st.lists(TEXT, max_size=3), max_size=3))
def test_pdf(texts: list[str], rows: list[list[str]]) -> None:
    found = [*map(blocks.paragraph, texts), *map(blocks.heading, texts), blocks.table(rows, head=1)]
    try:
        data = make_pdf(found)
    except ReportError:
        return
    assert len(PdfReader(io.BytesIO(data), strict=True).pages) == 1


@settings(max_examples=50, deadline=None)
@given(st.text("abc xyz 0-9 ÄÖÜäöüß", max_size=300))
def test_words_of_a_pdf(text: str) -> None:
    try:
        data = make_pdf([blocks.paragraph(text)])
    except ReportError:
        return  # no font with these letters on this machine
    shown = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    assert "".join(text.split()) in "".join(shown.split())


@settings(max_examples=100, deadline=None)
@given(SUBJECTS, TEXT, st.binary(min_size=1, max_size=60))
def test_dicom(subject: Subject, title: str, data: bytes) -> None:
    try:
        made = wrap(subject, Wrapped(data=data, title=title, number=1))
    except ReportError:
        return
    ds = dcmread(io.BytesIO(made))
    assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength] == data
    assert ds.StudyInstanceUID == subject.study_uid
    assert made == wrap(subject, Wrapped(data=data, title=title, number=1))
