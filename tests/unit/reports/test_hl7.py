"""HL7 v2 messages are read without losing a segment, a byte or a character."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.errors import EmixError, ReportError
from emixcli.reports.hl7 import Delimiters, Message, read_messages, unescape
from emixcli.reports.hl7_documents import find_documents
from emixcli.reports.hl7_identity import read_identity
from emixcli.reports.matching import Identifier

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n" + bytes(range(256)) + b"\n%%EOF\n"
HEAD = (
    "MSH|^~\\&|RIS|HOSP|EMIX|X|20240102||ORU^R01|1|P|2.5.1||||||{charset}\r"
    "PID|1||D-1001^^^HOSP&1.2.840.99&ISO^MR~V9^^^HOSP^VN||{name}||19700101|F\r"
    "OBR|1|PL1|ACC-1|71250^CT\r"
)


def message(*obx: str, name: str = "DOE^JANE", charset: str = "") -> Message:
    text = HEAD.format(charset=charset, name=name) + "".join(f"{line}\r" for line in obx)
    return read_messages(text.encode())[0]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\n\r\n"])
def test_any_line_end(end: bytes) -> None:
    raw = HEAD.format(charset="", name="A^B").encode().replace(b"\r", end)
    assert [s.name for s in read_messages(raw)[0].segments] == ["MSH", "PID", "OBR"]


def test_batches_and_frames_hold_several_messages() -> None:
    one = HEAD.format(charset="", name="A^B").encode()
    batch = b"FHS|^~\\&|A\rBHS|^~\\&|B\r" + one + one + b"BTS|2\rFTS|1\r"
    framed = (b"\x0b" + one + b"\x1c\r") * 2
    for data in (batch, framed, b"\xef\xbb\xbf" + one + one):
        messages = read_messages(data)
        assert [[s.name for s in m.segments] for m in messages] == [["MSH", "PID", "OBR"]] * 2
        assert all(m.raw in data for m in messages)


def test_own_delimiters_are_obeyed() -> None:
    raw = b"MSH$@~/*$RIS\rPID$1$$7@@@HOSP*1.2*ISO$$DOE@JANE\rOBX$1$TX$A@B$$a/T/b/S/c\r"
    found = read_messages(raw)[0]
    assert found.delimiters == Delimiters("$", "@", "~", "/", "*")
    assert read_identity([found]).ids == (Identifier("7", ("HOSP", "1.2")),)
    assert found.first("OBX").value(5) == "a*b@c"


def test_lines_that_begin_no_segment_continue_the_one_before() -> None:
    found = message("OBX|1|TX|A||first line", "second line, not a segment", "OBX|2|TX|A||x")
    assert found.first("OBX").field(5) == "first line\nsecond line, not a segment"


@pytest.mark.parametrize(
    ("declared", "actual", "charset", "in_doubt"),
    [
        ("8859/1", "latin-1", "latin-1", False),
        ("8859/1", "utf-8", "utf-8", False),
        ("UNICODE UTF-8", "utf-8", "utf-8", False),
        ("UNICODE UTF-8", "cp1252", "cp1252", True),
        ("", "utf-8", "utf-8", False),
        ("", "cp1252", "cp1252", True),
        ("GB 18030-2000", "gb18030", "gb18030", False),
        ("UNICODE UTF-16", "utf-16", "utf-8", False),
    ],
)
def test_character_sets_by_what_is_declared_and_what_is_true(
    declared: str, actual: str, charset: str, *, in_doubt: bool
) -> None:
    text = HEAD.format(charset=declared, name="MÜLLER^JOSÉ")
    found = read_messages(text.encode(actual))[0]
    assert (found.charset, found.in_doubt) == (charset, in_doubt)
    assert bool(read_identity([found]).names) == (not in_doubt)


def test_characters_whose_bytes_look_like_delimiters() -> None:
    """Escape sequences of ISO 2022 make bytes that are `|` and `^` elsewhere."""
    text = HEAD.format(charset="~ISO IR87", name="^山田^太郎")
    found = read_messages(text.encode("iso2022_jp"))[0]
    assert found.first("PID").field(5) == "^山田^太郎"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"one\.br\two\.sp2\three", "one\ntwo\n\nthree"),
        (r"\H\bold\N\ \X41C3A9\ \Zx\ ", "bold Aé \\Zx\\ "),
        (r"50\50 lone", r"50\50 lone"),
    ],
)
def test_escape_sequences(text: str, plain: str) -> None:
    assert unescape(text, Delimiters()) == plain


def test_accounts_and_visits_are_no_patients() -> None:
    identity = read_identity([message()])
    assert identity.ids == (Identifier("D-1001", ("HOSP", "1.2.840.99")),)
    assert (identity.birth_date, identity.sex, identity.accessions) == ("19700101", "F", ("ACC-1",))
    other = HEAD.replace("D-1001", "D-2002").format(charset="", name="ROE^ANN")
    both = [message(), *read_messages(other.encode())]
    assert read_identity(both).n_patients == 2
    assert read_identity([message(), message()]).n_patients == 1


B64 = base64.b64encode(PDF).decode()
HALF = base64.b64encode(PDF[:120]).decode()
REST = base64.b64encode(PDF[120:]).decode()


@pytest.mark.parametrize(
    "obx",
    [
        [f"OBX|1|ED|PDF||^application^pdf^Base64^{B64}||||||F"],
        [f"OBX|1|ED|PDF||RIS^multipart^octet-stream^Base64^{B64}||||||F"],
        [f"OBX|1|ED|PDF||^PDF^^Base64^{B64}||||||F"],
        [f"OBX|1|ED|PDF||{B64}^pdf||||||F"],
        [f"OBX|1|ED|PDF||^AP^PDF^Hex^{PDF.hex()}||||||F"],
        [f"OBX|1|ED|PDF||^AP^PDF^Base64^{B64[:60]}\\.br\\{B64[60:]}||||||F"],
        [f"OBX|1|ED|PDF||^AP^PDF^Base64^{B64[:76]}", "", B64[76:152], "", B64[152:] + "||||||F"],
        [f"OBX|1|FT|PDF||{B64}||||||F"],
        [
            f"OBX|1|ED|PDF||^AP^PDF^Base64^{HALF}||||||F",
            f"OBX|2|ED|PDF||^AP^PDF^Base64^{REST}||||||F",
        ],
    ],
)
def test_a_pdf_comes_out_bit_for_bit_however_it_is_packed(obx: list[str]) -> None:
    (found,) = find_documents(message(*obx))
    assert (found.kind, found.data) == ("pdf", PDF)


def test_two_whole_documents_of_one_observation_stay_two() -> None:
    line = f"OBX|1|ED|PDF||^AP^PDF^Base64^{B64}||||||F"
    assert [d.data for d in find_documents(message(line, line))] == [PDF, PDF]


def test_what_a_document_is_its_bytes_say() -> None:
    program = base64.b64encode(b"MZ" + bytes(64)).decode()
    (found,) = find_documents(message(f"OBX|1|ED|PDF||^AP^PDF^Base64^{program}||||||F"))
    assert (found.kind, found.declared) == ("executable", "AP/PDF")


def test_references_are_named_and_never_followed() -> None:
    (found,) = find_documents(message("OBX|1|RP|PDF||\\E\\\\E\\host\\E\\a.pdf^RIS^AP^PDF||||||F"))
    assert (found.kind, found.data) == ("reference", b"")


def test_text_is_no_document() -> None:
    assert not find_documents(message("OBX|1|TX|A||No pulmonary embolism. " + "word " * 40))


@given(st.binary(max_size=2000))
def test_any_bytes_raise_only_our_errors(data: bytes) -> None:
    for start in (b"", b"MSH|^~\\&|", HEAD.encode()):
        try:
            messages = read_messages(start + data)
        except EmixError:
            continue
        read_identity(messages)
        for one in messages:
            find_documents(one)


def test_no_message_is_said_so() -> None:
    with pytest.raises(ReportError):
        read_messages(b"")


def test_every_segment_of_the_corpus_is_read(shared_corpora: Path) -> None:
    for path in sorted((shared_corpora / "reports").rglob("*.hl7")):
        if path.name == "empty.hl7":
            continue
        for one in read_messages(path.read_bytes()):
            text = "".join(segment.text for segment in one.segments)
            whole = one.raw.decode(one.charset, "replace")
            assert re.sub(r"\s", "", text) == re.sub(r"[\s\x0b]", "", whole), path.name


@pytest.mark.parametrize(
    ("pids", "n_patients"),
    [
        (("1^^^H||DOE^JO||19700102", "1^^^H||DOE^JO||19700102"), 1),
        (("1^^^H||DOE^JO||19700102", "1^^^H||DOE^J^A||1970"), 1),
        (("1^^^H||DOE^JO||19700102", "2^^^H||DOE^JO||19700102"), 2),
        (("1^^^H||DOE^JO||19700102", "1^^^H||GARCIA^LUIS||19700102"), 2),
        (("1^^^H||DOE^JO||19700102", "1^^^H||DOE^JO||19350102"), 2),
        (tuple(f"1^^^H||DOE{n}^JO" for n in range(200)), 2),
    ],
)
def test_one_number_of_several_persons_is_several(pids: tuple[str, ...], n_patients: int) -> None:
    text = "".join(f"MSH|^~\\&|R|H|E|E|2024||ORU^R01|{n}|P|2.5\rPID|1||{pid}\r"
                   for n, pid in enumerate(pids))  # fmt: skip
    assert read_identity(read_messages(text.encode())).n_patients == n_patients
