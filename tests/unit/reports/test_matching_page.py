"""The page about matching shows the table of rules as the code has it."""

from __future__ import annotations

from pathlib import Path

from emixcli.reports.matching import RULES, Level

PAGE = Path(__file__).parents[3] / "docs/reference/matching.md"


def test_the_page_is_the_table() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| R")]
    assert lines == [
        f"| {rule.code} | {rule.level} | {rule.reason} | "
        + ({True: "yes", False: "no"}[rule.overridable] if rule.level == Level.BLOCK else "")
        + " |"
        for rule in RULES
    ]
