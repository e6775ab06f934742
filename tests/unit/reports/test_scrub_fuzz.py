"""Copies of reports: whatever stands wherever, no word that no list has comes out."""

from __future__ import annotations

import functools
from typing import Any
from xml.etree.ElementTree import Element, tostring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.deid import codes
from emixcli.deid.identity import Identity
from emixcli.deid.text import TextCleaner
from emixcli.deid.textdates import TextDates
from emixcli.errors import ReportError
from emixcli.reports import scrub_ccr, scrub_cda, scrub_hl7
from emixcli.reports.scrubbing import Scrub
from emixcli.reports.subject import Subject

#: Words of no list, numbers of persons, addresses and dates.
SECRETS = (
    "Qxzverson", "MARYQXZ", "471108990", "19470308", "QX-4711-0899", "qxz@example.org",
    "4 Qxzroad", "Qxzverson^Mary", "1.2.3.4.5.6.7.8.471108990",
)  # fmt: skip
FRAGMENTS = ("qxz", "47110", "19470308")
#: What makes a value look as if it may stay.
DECOYS = (
    "LN", "SCT", "2160-0", "1.9", "mg/dL", "H", "F", "completed", "2.16.840.1.113883.6.1", "NM",
    "CWE", "SN", "PQ", "CD", "24627-2", "CT thorax", "20240501",
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(SECRETS), st.sampled_from(DECOYS),
    st.tuples(st.sampled_from(DECOYS), st.sampled_from(SECRETS)).map(" ".join),
    st.lists(st.sampled_from(SECRETS + DECOYS), min_size=2, max_size=4).map("^".join),
)  # fmt: skip


@functools.cache
def how() -> Scrub:
    cleaner = TextCleaner(Identity(()), None, TextDates(None, keeps=False, never=""))
    return Scrub(
        subject=Subject(name="ANON-1", id="ANON-1", study_uid="2.25.7", accession="ANONACC"),
        accessions={}, study_uids={}, date=lambda _: "", words=cleaner.allow,
        is_code=codes.is_public, new_uid=lambda _: "2.25.1",
    )  # fmt: skip


def check(copy: bytes) -> None:
    folded = copy.decode("utf-8").lower()
    assert not [part for part in FRAGMENTS if part in folded]


SEGMENTS = ("PID", "PV1", "ORC", "OBR", "OBX", "NTE", "TXA", "DG1", "NK1", "ZDS", "AL1", "GT1")


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    head = draw(st.lists(VALUES, max_size=16))
    lines = ["|".join(["MSH|^~\\&", *head]), "OBX|1|NM|2160-0^^LN||1.9|mg/dL"]
    for _ in range(draw(st.integers(1, 8))):
        name = draw(st.sampled_from(SEGMENTS))
        lines.append("|".join([name, *draw(st.lists(VALUES, max_size=20))]))
    return "\r".join(lines).encode()


@settings(max_examples=300, deadline=None)
@given(messages())
def test_hl7(data: bytes) -> None:
    check(scrub_hl7.scrub(data, how()))


def trees(tags: tuple[str, ...], attributes: tuple[str, ...]) -> st.SearchStrategy[Element]:
    def element(children: list[Element], tag: str, text: str, given: dict[str, str]) -> Element:
        made = Element(tag, given)
        made.text, made.tail = text, text
        made.extend(children)
        return made

    def node(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Element]:
        return st.builds(
            element, children, st.sampled_from(tags), VALUES,
            st.dictionaries(st.sampled_from(attributes), VALUES, max_size=4),
        )  # fmt: skip

    return st.recursive(node(st.just([])), lambda inner: node(st.lists(inner, max_size=4)),
                        max_leaves=12)  # fmt: skip


CDA_TAGS = (*sorted(scrub_cda._CONTENT), "id", "text", "title", "author", "addr", "telecom",
            "observationMedia", "participant")  # fmt: skip
CDA_ATTRIBUTES = (
    "code", "codeSystem", "displayName", "value", "unit", "root", "extension", "nullFlavor", "type",
    "classCode", "moodCode", "codeSystemName",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(trees(CDA_TAGS, CDA_ATTRIBUTES), max_size=4))
def test_cda(parts: list[Element]) -> None:
    root = Element("ClinicalDocument")
    value = Element("value", {"type": "PQ", "value": "1.9", "unit": "mg/dL"})
    component = Element("component")
    component.extend([value, *parts])
    root.extend([*parts, component])
    copy = scrub_cda.scrub(tostring(root), how())
    assert b'value="1.9"' in copy
    check(copy)


CCR_TAGS = (*sorted(scrub_ccr._PARTS), "Source", "Actor", "ID", "IDs", "CCRDataObjectID", "Comment",
            "Location", "Practitioner")  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(trees(CCR_TAGS, ("a",)), min_size=1, max_size=4),
       st.sampled_from([*sorted(scrub_ccr._SECTIONS), "Social", "Support"]))  # fmt: skip
def test_ccr(parts: list[Element], section: str) -> None:
    root, body = Element("ContinuityOfCareRecord"), Element("Body")
    results, part = Element("Results"), Element("Result")
    value = Element("Value")
    value.text = "1.9"
    part.append(value)
    results.append(part)
    named = Element(section)
    named.extend(parts)
    body.extend([results, named])
    root.extend([body, *parts])
    copy = scrub_ccr.scrub(tostring(root), how())
    assert b"<Value>1.9</Value>" in copy
    check(copy)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_of_any_bytes_only_report_errors(data: bytes) -> None:
    for scrub in (scrub_hl7.scrub, scrub_cda.scrub, scrub_ccr.scrub):
        with pytest.raises(ReportError):
            scrub(data, how())
