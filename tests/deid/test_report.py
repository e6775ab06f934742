"""The report says what was done, and never what was there."""

from __future__ import annotations

import hashlib
import io
import json
import re
from html.parser import HTMLParser

import jsonschema
import pytest

from emixcli.anonymize import Anonymizer, DeidError, Option, Profile, SiteRules
from emixcli.deid.report import Report
from emixcli.deid.report_page import render
from emixcli.deid.siterules import parse_rules
from emixcli.deid.verify import Verifier
from tests.deid.conftest import KEY
from tests.planted.ledger import Clause
from tests.planted.study import RISKY, PlantedStudy

_STRING = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}


def _object(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: object) -> dict[str, object]:
    return {"type": "array", "items": items}


#: As docs/reference/json.md promises it.
SCHEMA = _object(
    schema={"const": "emix.deid-report/1"},
    date=_STRING,
    left_out=_object(reports=_COUNT, missing=_COUNT),
    tool=_object(name=_STRING, version=_STRING, standard=_STRING),
    profile=_object(
        name=_STRING,
        options=_array(_STRING),
        codes=_array(_object(value=_STRING, scheme=_STRING, meaning=_STRING)),
        site_rules=_array(
            _object(tag=_STRING, name=_STRING, action=_STRING, looser={"type": "boolean"})
        ),
        site_sop_classes=_array(_STRING),
        site_private=_array(_object(creator=_STRING, tag=_STRING, vr=_STRING)),
        site_pixel_rules=_array(_STRING),
        max_shift_days=_COUNT,
        accept_risk={"type": ["string", "null"]},
        key={"enum": ["kept", "forgotten"]},
    ),
    counts=_object(read=_COUNT, written=_COUNT, refused=_COUNT, actions={"type": "object"}),
    attributes=_array(_object(tag=_STRING, name=_STRING, action=_STRING, count=_COUNT)),
    refused=_array(_object(file=_STRING, id=_STRING, message=_STRING)),
    risks=_array(_object(id=_STRING, text=_STRING)),
    accepted_risks={"type": "object"},
    verification=_object(
        objects=_COUNT,
        verified={"type": "boolean"},
        repaired=_COUNT,
        repairs=_array(_object(kind=_STRING, where=_STRING, how=_STRING, count=_COUNT)),
        leaks=_array(_object(kind=_STRING, where=_STRING, how=_STRING, count=_COUNT)),
    ),
    outputs=_array(
        _object(
            name=_STRING, size=_COUNT, sha256=_STRING, sop_class_uid=_STRING,
            sop_instance_uid=_STRING,
        )
    ),
)  # fmt: skip


def make(study: PlantedStudy, profile: Profile) -> Report:
    engine, report = Anonymizer(profile, KEY), Report(profile, "1.2.3")
    verifier = Verifier(profile)
    for data in study.files.values():
        verifier.learn(io.BytesIO(data))
    for number, data in enumerate(study.files.values(), 1):
        source = io.BytesIO(data)
        try:
            done = engine.anonymize(source)
        except DeidError as error:
            report.refuse(str(number), error.reason, error.message)
            continue
        out = b"".join(done.iter_bytes(source))
        name = f"DICOM/I{number:05}"
        report.written(done, name=name, sha256=hashlib.sha256(out).hexdigest())
        assert verifier.check(io.BytesIO(out)) == []
        report.verified()
        done.close()
    return report


@pytest.fixture(scope="module")
def document(small: PlantedStudy) -> dict[str, object]:
    rules = SiteRules(actions={0x00080070: "X", 0x00081030: "K"})
    profile = Profile(frozenset({Option.RETAIN_MODIFIED_DATES}), rules)
    return make(small, profile).as_dict()


def test_it_is_as_documented(document: dict[str, object]) -> None:
    jsonschema.validate(json.loads(json.dumps(document)), SCHEMA)


def test_counts_agree(document: dict[str, object], small: PlantedStudy) -> None:
    report = json.loads(json.dumps(document))
    counts = report["counts"]
    assert counts["read"] == counts["written"] + counts["refused"] == len(small.files)
    assert counts["refused"] >= len(RISKY)
    assert sum(counts["actions"].values()) == sum(row["count"] for row in report["attributes"])
    assert counts["actions"]["U"] > 100
    assert len(report["outputs"]) == counts["written"]
    looser = {rule["tag"]: rule["looser"] for rule in report["profile"]["site_rules"]}
    assert looser == {"(0008,0070)": False, "(0008,1030)": True}


def test_it_holds_no_old_value(document: dict[str, object], small: PlantedStudy) -> None:
    texts = [json.dumps(document, ensure_ascii=False), render(document)]
    for text in texts:
        lower = text.lower().encode()
        found = [
            plant.name
            for plant in small.plants
            if plant.rule is not Clause.REPEATED
            for needle in plant.needles
            if needle in lower
        ]
        assert found == []
        assert [uid for uid in small.uids if uid in text] == []


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value or "" for key, value in attrs if key in {"src", "href"}]


def test_the_page_needs_nothing_else(document: dict[str, object]) -> None:
    text = render(document)
    page = _Page()
    page.feed(text)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    assert page.targets == []
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_the_page_escapes_what_it_shows(small: PlantedStudy) -> None:
    report = Report(Profile(accept_risk="<b>because</b>"), "1")
    report.accepted["pixels.x"] = 1
    report.refuse("<i>", "object.truncated", "<script>")
    text = render(report.as_dict())
    assert "<script>" not in text
    assert "&lt;b&gt;because" in text


def test_every_rule_of_the_site_is_shown() -> None:
    rules = parse_rules({
        "max_shift_days": 90,
        "accept_sop_classes": ["1.3.12.2.1107.5.9.1"],
        "actions": {"StationName": "K", "ProtocolName": "X"},
        "private": [{"creator": "ACME <1>", "group": "0019", "element": "0C", "vr": "DS"}],
        "pixels": [{"id": "room-4", "if": {"Modality": "US"}, "black": [[0, 0, 9, 9]]}],
    })  # fmt: skip
    page = render(Report(Profile(rules=rules), "1").as_dict())
    for text in ("(0008,1010)", "1.3.12.2.1107.5.9.1", "ACME &lt;1&gt;", "room-4", "90 days"):
        assert text in page
    assert len(re.findall("class=bad[^>]*>(?:private, )?looser than the profile", page)) == 2
    assert "Rules of the site" not in render(Report(Profile(), "1").as_dict())


def test_what_the_second_look_finds_is_shown() -> None:
    from emixcli.deid.structure import Leak

    report = Report(Profile(), "1")
    report.verified([Leak("name", "0008,1090", "name part")])
    report.given_up([Leak("kept", "0008,0018", "U")])
    found = report.as_dict()["verification"]
    assert found["objects"] == found["repaired"] == 1
    assert found["repairs"] == [
        {"kind": "name", "where": "0008,1090", "how": "name part", "count": 1}
    ]
    assert found["leaks"] == [{"kind": "kept", "where": "0008,0018", "how": "U", "count": 1}]
    page = render(report.as_dict())
    assert re.search(r"class=bad>Found by the second look and taken out, in 1 objects", page)
    assert re.search(r"class=bad>Found by the second look in what", page)


def test_what_was_refused_is_told_by_reason() -> None:
    report = Report(Profile(), "1")
    for number in range(30):
        report.refuse(f"IM{number:03}", "pixels.face", "faces stay")
    report.refuse("IM900", "object.truncated", "cut")
    page = render(report.as_dict())
    assert page.count("<summary>30 x pixels.face: faces stay</summary>") == 1
    assert page.count("pixels.face") == 1
    assert page.count("<li>IM") == 31
    assert "<details><summary>30 x" in page
    assert "<details open><summary>1 x object.truncated: cut</summary>" in page
