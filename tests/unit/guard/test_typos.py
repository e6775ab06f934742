"""The address guard on domains as people mistype those of the large mail providers."""

from __future__ import annotations

from pathlib import Path

from emixcli.guard.book import Book
from emixcli.guard.check import Level, Policy, check_address

TYPOS = Path(__file__).with_name("typos.txt")


def _pairs() -> list[tuple[str, str]]:
    lines = [line for line in TYPOS.read_text("ascii").splitlines() if not line.startswith("#")]
    return [
        (right, wrong)
        for line in lines
        for right, _, wrongs in [line.partition(":")]
        for wrong in wrongs.split()
    ]


def test_slips_in_the_domains_of_providers_are_stopped_with_no_contact_known() -> None:
    pairs = _pairs()
    verdicts = {
        wrong: check_address(f"jo.rivers@{wrong}", Book([]), Policy()) for _, wrong in pairs
    }
    passed = [wrong for wrong, verdict in verdicts.items() if verdict.level is not Level.BLOCK]
    assert passed == ["yahpp.com"]  # two wrong keys
    meant = sum(verdicts[wrong].meant == f"jo.rivers@{right}" for right, wrong in pairs)
    assert meant >= 0.95 * len(pairs)


def test_the_providers_themselves_pass() -> None:
    for right in {right for right, _ in _pairs()}:
        assert check_address(f"jo.rivers@{right}", Book([]), Policy()).level is not Level.BLOCK
