"""The page on pixels says what the data files say."""

from __future__ import annotations

import re
import tomllib

from emixcli.deid.pixels.rules import load_risks, load_rules, parse_site_rule, reasons
from tests.running import ROOT

PAGE = (ROOT / "docs" / "reference" / "pixels.md").read_text("utf-8")
_ROWS = re.findall(
    r"^\| `(pixels\.[a-z-]+)` \|\s*([^|]+?)\s*\|\s*([^|]*?)\s*\|\s*([^|]*?)\s*\|$",
    PAGE,
    re.MULTILINE,
)


def test_every_reason_is_explained_in_its_own_words() -> None:
    assert {row[0]: row[1] for row in _ROWS} == reasons()


def test_what_is_believed_and_what_settles_is_right() -> None:
    said = {row[0]: (row[2], row[3]) for row in _ROWS}
    for risk in load_risks():
        believed = "no" if not risk.believe else "yes"
        if risk.visible:
            believed = "with Recognizable Visual Features NO"
        assert said[risk.id] == (believed, "yes" if risk.clean else "by a rule of the site")


def test_the_number_of_rules_is_right() -> None:
    assert f"{len(load_rules())} rules" in PAGE


def test_the_example_of_a_site_is_a_rule() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (table,) = tomllib.loads(text)["pixels"]
    assert parse_site_rule(table["id"], table).regions
