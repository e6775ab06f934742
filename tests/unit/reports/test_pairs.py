"""Labelled pairs of images and a report, in messages and documents that are read like others.

`pairs.csv` has the columns of the table in `shared/corpora`; each label was given before the rules
were run. `expected` may name two levels where a person could decide so or so.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest

from emixcli.reports import reading
from emixcli.reports.matching import Identifier, Identity, Level, Verdict, match
from emixcli.reports.names import parse_pn
from emixcli.reports.words import identity_in, read_words

Row = dict[str, str]


@pytest.fixture(scope="module")
def pairs() -> list[Row]:
    with Path(__file__).with_name("pairs.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_verdicts_are_those_of_the_labels(pairs: list[Row]) -> None:
    wrong = [
        row["pair_id"] for row in pairs if _judged(row).level not in row["expected"].split("/")
    ]
    assert not wrong


def test_no_wrong_patient_goes_along_and_few_right_ones_are_blocked(pairs: list[Row]) -> None:
    levels = {label: Counter[Level]() for label in "YNU"}
    for row in pairs:
        levels[row["same_patient"]][_judged(row).level] += 1
    assert set(levels["N"]) == {Level.BLOCK}
    assert levels["N"].total() > 350
    assert levels["Y"][Level.BLOCK] <= 0.02 * levels["Y"].total()
    assert levels["Y"].total() > 400


def test_as_the_head_of_a_letter(pairs: list[Row]) -> None:
    """Who assigned a number is not said there, so some pairs say less than they did."""
    found: dict[str, set[Level]] = {}
    for row in pairs:
        one_name = not set("~=&") & set(row["rep_name"]) and "," not in row["rep_name"]
        other_number = "@ELSEWHERE" not in row["rep_ids"] and "transposed" not in row["why"]
        if (
            one_name
            and other_number
            and row["rep_patients"] == "1"
            and "JUN." not in row["pkg_name"]
        ):
            images = _images(row)
            level = match(images, identity_in(read_words(_letter(row)), images)).level
            found.setdefault(row["same_patient"], set()).add(level)
    assert found["N"] == {Level.BLOCK}
    assert found["Y"] == {Level.MATCH, Level.WARN}


def _judged(row: Row) -> Verdict:
    kind = row["report_format"]
    data = {"hl7": _hl7, "cda": _cda, "ccr": _ccr, "text": _letter}[kind](row).encode()
    return reading.judge_for(_images(row), reading.load(data, {"hl7": "hl7v2"}.get(kind, kind)))


def _images(row: Row) -> Identity:
    return Identity(
        parse_pn(row["pkg_name"]),
        tuple(
            Identifier(
                number, tuple(name for name in authority.split("&") if name not in ("", "ISO"))
            )
            for number, authority in _ids(row["pkg_ids"])
        ),
        row["pkg_birth"],
        row["pkg_sex"],
        (row["pkg_accession"],),
        (row["pkg_study_uid"],),
        deidentified=row["pkg_deidentified"] == "YES",
    )


def _ids(text: str) -> list[tuple[str, str]]:
    parts = (one.partition("@") for one in text.split(";") if one.strip())
    return [(number.strip(), authority.strip()) for number, _, authority in parts]


def _hl7(row: Row) -> str:
    head = "MSH|^~\\&|RIS|H|EMIX|E|20240101||ORU^R01|1|P|2.5||||||UNICODE UTF-8"
    numbers = "~".join(f"{number}^^^{authority}" for number, authority in _ids(row["rep_ids"]))
    pid = f"PID|1||{numbers}||{row['rep_name']}||{row['rep_birth']}|{row['rep_sex']}"
    others = ["PID|1||99^^^H||OTHER^ONE"] * (int(row["rep_patients"]) - 1)
    order = [f"OBR|1||{row['rep_accession']}|CT", f"ZDS|{row['rep_study_uid']}^EMIX^Application"]
    return "\r".join((head, pid, *others, *order, "OBX|1|TX|1||clear", ""))


def _cda(row: Row) -> str:
    family, given, *_ = [*row["rep_name"].split("|"), ""]
    ids = "".join(
        f"<id root={quoteattr(authority.split('&')[1])} extension={quoteattr(number)}/>"
        for number, authority in _ids(row["rep_ids"])
    )
    return (
        f"<ClinicalDocument xmlns='urn:hl7-org:v3'><recordTarget><patientRole>{ids}<patient><name>"
        f"<family>{escape(family)}</family><given>{escape(given)}</given></name>"
        f"<administrativeGenderCode code={quoteattr(row['rep_sex'])}/>"
        f"<birthTime value={quoteattr(row['rep_birth'])}/></patient></patientRole></recordTarget>"
        f"<inFulfillmentOf><order><id root='1.2' extension={quoteattr(row['rep_accession'])}/>"
        "</order></inFulfillmentOf></ClinicalDocument>"
    )


def _ccr(row: Row) -> str:
    family, given, *_ = [*row["rep_name"].split("|"), ""]
    ids = "".join(
        f"<IDs><ID>{escape(number)}</ID><IssuedBy><ActorID>H</ActorID></IssuedBy></IDs>"
        for number, _ in _ids(row["rep_ids"])
    )
    return (
        "<ContinuityOfCareRecord xmlns='urn:astm-org:CCR'><Patient><ActorID>P</ActorID></Patient>"
        "<Actors><Actor><ActorObjectID>P</ActorObjectID><Person><Name><CurrentName>"
        f"<Given>{escape(given)}</Given><Family>{escape(family)}</Family></CurrentName></Name>"
        f"<DateOfBirth><ExactDateTime>{row['rep_birth']}</ExactDateTime></DateOfBirth>"
        f"<Gender><Text>{row['rep_sex']}</Text></Gender></Person>{ids}</Actor><Actor><ActorObjectID>H"
        "</ActorObjectID><Organization><Name>KAROL</Name></Organization></Actor></Actors>"
        "</ContinuityOfCareRecord>"
    )


def _letter(row: Row) -> str:
    name = row["rep_name"]
    if row["report_format"] != "text":
        family, given, middle, suffix, *_ = [*name.replace("|", "^").split("^"), "", "", ""]
        name = " ".join(f"{family}, {given} {middle} {suffix}".split()).strip(" ,")
    number = next((number for number, _ in _ids(row["rep_ids"])), "")
    lines = (
        ("Patient", name), ("DOB", row["rep_birth"]), ("MRN", number), ("Sex", row["rep_sex"]),
        ("Accession", row["rep_accession"]),
    )  # fmt: skip
    return "\n".join(f"{label}: {value}" for label, value in lines if value)
