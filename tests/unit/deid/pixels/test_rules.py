from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from emixcli.deid.pixels.facts import KEYWORDS, Facts, Region
from emixcli.deid.pixels.risk import Policy, assess
from emixcli.deid.pixels.rules import (
    Rule,
    Test,
    all_hold,
    load_risks,
    load_rules,
    lower_texts,
    parse_site_rule,
    reasons,
)
from emixcli.errors import UsageError

Test.__test__ = False  # type: ignore[attr-defined]  # pytest looks at the name
_WORDS = {"SamplesPerPixel", "PlanarConfiguration", "Rows", "Columns"}
CT = "1.2.840.10008.5.1.4.1.1.2"


def facts(values: Mapping[str, Any], syntax: str = "1.2.840.10008.1.2.1") -> Facts:
    """Return facts with these values."""
    raw = {}
    given: dict[str, Any] = {"Rows": 600, "Columns": 800, "SOPClassUID": CT} | dict(values)
    for keyword, value in given.items():
        if keyword in _WORDS:
            raw[KEYWORDS[keyword]] = int(value).to_bytes(2, "little")
        else:
            raw[KEYWORDS[keyword]] = value if isinstance(value, bytes) else str(value).encode()
    return Facts(raw, syntax)


def fitting(rule: Rule) -> Facts:
    """Return facts of an image that a rule is about."""
    values: dict[str, str] = {}
    for clause in rule.clauses:
        test = clause[0]
        value = test.values[0].upper()
        values[test.keyword] = f"{values.get(test.keyword, '')}\\{value}".strip("\\")
        if test.verb == "is":
            values[test.keyword] = value
    for keyword, least in (("Columns", "X"), ("Rows", "Y")):
        if keyword not in values:
            corners = [r.x1 if least == "X" else r.y1 for r in rule.regions]
            values[keyword] = str(max(corners) + 100)
    return facts(values)


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_every_rule_of_the_catalogue_blackens_its_regions(rule: Rule) -> None:
    image = fitting(rule)
    assert all_hold(rule.clauses, lower_texts(image))
    found = assess(image, Policy(clean=True, accept_risk="test"))
    assert rule.id in found.rules
    columns = image.columns
    for region in rule.regions:
        clipped = region.clip(columns, image.rows)
        assert clipped is not None
        assert any(
            r.x0 <= clipped.x0 and r.y0 <= clipped.y0 and r.x1 >= clipped.x1 and r.y1 >= clipped.y1
            for r in found.regions
        )
    if rule.enough:
        assert found.accepted != "pixels.burned-in"


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_a_rule_asks_for_cleaning_where_it_was_not_asked_for(rule: Rule) -> None:
    found = assess(fitting(rule), Policy())
    assert found.refusal is not None
    assert not found.regions


def test_ids_are_unique_and_attributes_known() -> None:
    rules = load_rules()
    assert len({rule.id for rule in rules}) == len(rules) > 100
    risks = load_risks()
    assert len({risk.id for risk in risks}) == len(risks)
    for clauses in (item.clauses for items in (rules, risks) for item in items):
        for clause in clauses:
            for test in clause:
                assert test.keyword in KEYWORDS
                assert test.verb in {"has", "is", "starts"}
                assert all(value == value.lower() for value in test.values)
    assert all(reason.startswith("pixels.") for reason in reasons())


def test_a_rule_needs_all_its_clauses() -> None:
    rule = next(rule for rule in load_rules() if rule.id == "ctp-iu22-768")
    image = facts({"ManufacturerModelName": "iU22", "Rows": 768, "Columns": 1024})
    assert all_hold(rule.clauses, lower_texts(image))
    for change in ({"Rows": 769}, {"ManufacturerModelName": "iU"}):
        other = facts({"ManufacturerModelName": "iU22", "Rows": 768, "Columns": 1024} | change)
        assert not all_hold(rule.clauses, lower_texts(other))


def test_a_bar_along_the_top_goes_on_to_the_border() -> None:
    def bars(columns: int, rows: int = 600, *, sized: bool = False) -> tuple[Region, ...]:
        clauses = ((Test("Rows", "is", ("600",)),),) if sized else ()
        rule = Rule("x", clauses, (Region(0, 0, 640, 40), Region(10, 50, 30, 70)))
        return rule.regions_in(facts({"Columns": columns, "Rows": rows}))

    other = Region(10, 50, 30, 70)
    assert bars(640) == (Region(0, 0, 640, 40), other)
    assert bars(800) == (Region(0, 0, 800, 50), other)
    assert bars(1280) == (Region(0, 0, 1280, 80), other)
    assert bars(20, 30) == (Region(0, 0, 20, 30),)
    assert bars(800, sized=True) == (Region(0, 0, 800, 40), other)
    assert bars(1280, sized=True) == (Region(0, 0, 640, 40), other)


def test_a_rule_of_a_site_counts_as_knowing_its_device() -> None:
    rule = parse_site_rule(
        "room-4",
        {"if": {"Manufacturer": "acme", "Rows": [480, 600]}, "black": [[0, 0, 800, 30]]},
    )
    image = facts({"Manufacturer": "ACME Ltd", "Modality": "US"})
    assert assess(image, Policy(clean=True)).refusal == "pixels.ultrasound"
    found = assess(image, Policy(clean=True, site_rules=(rule,)))
    assert found.refusal is None
    assert found.cleaned
    assert found.regions == (Region(0, 0, 800, 30),)
    assert found.rules == ("site-room-4",)
    scan = facts({"Manufacturer": "ACME", "ConversionType": "SD"})
    assert assess(scan, Policy(clean=True)).refusal == "pixels.scanned-document"
    assert assess(scan, Policy(clean=True, site_rules=(rule,))).refusal is None


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"if": {}, "black": [[0, 0, 1, 1]]},
        {"if": {"Manufacturer": "a"}},
        {"if": {"Manufacturer": ""}, "black": [[0, 0, 1, 1]]},
        {"if": {"Manufacturer": [" "]}, "black": [[0, 0, 1, 1]]},
        {"if": {"PatientName": "a"}, "black": [[0, 0, 1, 1]]},
        {"if": {"Manufacturer": "a"}, "black": []},
        {"if": {"Manufacturer": "a"}, "black": [[0, 0, 1]]},
        {"if": {"Manufacturer": "a"}, "black": [[0, 0, 0, 1]]},
        {"if": {"Manufacturer": "a"}, "black": [[0, 0, 1, -1]]},
        {"if": {"Manufacturer": "a"}, "black": [["0", 0, 1, 1]]},
        {"if": {"Manufacturer": "a"}, "black": [[0, 0, 1, 1]] * 65},
        {"if": "Manufacturer", "black": [[0, 0, 1, 1]]},
    ],
)
def test_a_wrong_rule_of_a_site_is_a_usage_error(table: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="pixel rule x"):
        parse_site_rule("x", table)
