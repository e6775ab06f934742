"""docs/security.md: every guarantee names tests, and every test that is named exists."""

from __future__ import annotations

import re
from functools import cache

from tests.running import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")


@cache
def all_tests() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"(?m)^\s*(?:async )?def (test_\w+)", path.read_text("utf-8")))
    return found


def guarantees() -> list[str]:
    """Return the text of each numbered guarantee."""
    return re.findall(r"(?ms)^\d+\. (\*\*G\d+\..*?)(?=^\d+\. \*\*G|^#)", PAGE)


def test_guarantees_are_numbered_without_gaps() -> None:
    numbers = [int(number) for number in re.findall(r"(?m)^\d+\. \*\*G(\d+)\.", PAGE)]
    items = [int(number) for number in re.findall(r"(?m)^(\d+)\. \*\*G", PAGE)]
    assert numbers == items == list(range(1, len(numbers) + 1))
    assert len(guarantees()) == len(numbers)


def test_every_guarantee_names_a_test() -> None:
    lacking = [text[:60] for text in guarantees() if not re.search(r"`(tests/|test_)\w+", text)]
    assert lacking == []


def test_every_named_test_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named - all_tests() == set()
    for path in re.findall(r"`(tests/[\w/.]+)`", PAGE):
        assert (ROOT / path).is_file(), path
