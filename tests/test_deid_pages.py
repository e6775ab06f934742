"""The pages about de-identification say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from emixcli.anonymize import Option, Profile, Reason, explain, find_tag, load_rules
from emixcli.deid import siterules, tables
from emixcli.deid.identity import TAGS as NAMING
from emixcli.deid.pixels.rules import reasons
from emixcli.services.deidentify import DUPLICATE, UNREADABLE
from tests.running import ROOT

GUIDE = (ROOT / "docs/guides/deidentify.md").read_text("utf-8")
REVIEW = (ROOT / "docs/guides/review-deidentification.md").read_text("utf-8")
TABLE = (ROOT / "docs/reference/deidentification.md").read_text("utf-8")


def rules_of_the_guide() -> str:
    found = re.search(r"(?ms)^```toml\n(.*?)^```", GUIDE)
    assert found is not None
    return found[1]


def test_the_example_of_site_rules_is_read_and_shows_every_key(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(rules_of_the_guide(), "utf-8")
    rules = load_rules(path)
    assert set(tomllib.loads(rules_of_the_guide())) == siterules._KEYS
    assert rules.actions == {0x00081030: "C", 0x00181030: "X", 0x00081010: "K"}
    assert rules.safe_private == {("ACME SAFE", 0x0019000C): "IS"}
    assert [rule.id for rule in rules.pixel_rules] == ["site-room-4"]
    assert all(f"{letter} " in rules_of_the_guide() for letter in siterules._LETTERS)


def test_the_guide_says_by_how_much_dates_move() -> None:
    days = Profile().rules.max_shift_days
    assert f"between 1 and {days}," in GUIDE
    assert f"default is {days}." in GUIDE


@pytest.mark.parametrize("option", list(Option))
def test_every_option_has_a_need_and_a_risk(option: Option) -> None:
    rows = [line for line in GUIDE.splitlines() if line.startswith("| ") and f"--{option}`" in line]
    assert rows, "no row of the guide names it"
    assert all(cell.strip() for row in rows for cell in row.strip("|").split("|"))


@pytest.mark.parametrize("reason", [*Reason, UNREADABLE, DUPLICATE])
def test_the_guide_says_what_to_do_about_every_refusal(reason: str) -> None:
    rows = [line for line in GUIDE.splitlines() if line.startswith("|") and f"`{reason}`" in line]
    assert len(rows) == 1


def test_every_reason_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:object|pixels|media|report)\.[a-z-]+)`", GUIDE))
    assert named <= {*map(str, Reason), *reasons(), UNREADABLE, DUPLICATE}


@pytest.mark.parametrize("page", [GUIDE, REVIEW], ids=["guide", "review"])
def test_explanations_are_shown_as_they_are(page: str) -> None:
    shown = re.findall(r"(?m)^\$ emix anonymize --explain (.+)\n(.+)\n  (.+)\n  (.+)$", page)
    assert shown
    for line, head, words, rule in shown:
        name, *arguments = line.replace("'", "").split()
        options = frozenset(Option(text[2:]) for text in arguments if text[2:] in set(Option))
        profile = Profile(options)
        if "--rules" in arguments:
            profile = Profile(options, siterules.parse_rules(tomllib.loads(rules_of_the_guide())))
        found = explain(find_tag(name), profile)
        tag = f"({found.tag >> 16:04X},{found.tag & 0xFFFF:04X})"
        assert (head, words, rule) == (f"{tag} {found.name}", found.words, found.rule)


def test_every_row_of_the_standard_is_in_the_table() -> None:
    rows = re.findall(r"(?m)^\| \(\w+,\w+\) \|", TABLE)
    assert len(rows) == len(set(rows)) == len(tables.profile())


def test_numbers_of_the_review_are_right() -> None:
    for number, what in (
        (len(tables.profile()), "rows"),
        (len(tables.safe_private()), "private elements"),
        (len(NAMING), "attributes"),
    ):
        assert re.search(rf"\b{number} {what}", REVIEW), f"{number} {what}"
