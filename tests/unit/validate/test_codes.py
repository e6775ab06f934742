"""The registry of findings is stable, and documented."""

from __future__ import annotations

from emixcli.validate.codes import TYPES
from emixcli.validate.places import ranges
from tests.running import ROOT

#: Released codes: a line here never changes. New codes are added.
SNAPSHOT = """
M01 LOSS, M02 LOSS, M03 NOTE, M04 LOSS, M05 RISK, M06 NOTE, M07 NOTE, M09 BLOCK, M10 RISK,
M13 RISK, M14 NOTE, M15 RISK, M16 LOSS, M17 LOSS, M18 LOSS, M19 NOTE, F05 NOTE, F06 NOTE, F07
BLOCK, F09 LOSS, D01 NOTE, D02 LOSS, D03 NOTE, D04 NOTE, D05 NOTE, D07 BLOCK, S01 BLOCK, S04
LOSS, S05 LOSS, S06 LOSS, S10 LOSS, C01 RISK, C02 BLOCK, C03 NOTE, C04 BLOCK, C05 RISK,
R01 BLOCK, R02 RISK, M08 BLOCK, M11 RISK, F01 BLOCK, F02 BLOCK, F03 BLOCK, F04 NOTE, F08 BLOCK,
F10 BLOCK, S02 BLOCK, S03 RISK, S07 LOSS, S08 BLOCK, S09 BLOCK, S11 NOTE,
S12 RISK, S13 RISK, S14 LOSS, S15 BLOCK, S16 RISK, S17 NOTE, S18 LOSS, S19 RISK, C06 RISK, C07 RISK,
F11 BLOCK, F12 BLOCK, S20 BLOCK, S21 BLOCK, D06 RISK, D08 RISK
"""


def test_codes_never_change() -> None:
    known = dict(entry.split() for entry in SNAPSHOT.replace("\n", " ").split(","))
    assert {code: str(entry.severity) for code, entry in TYPES.items()} == known


def test_documentation_is_the_registry() -> None:
    page = (ROOT / "docs" / "reference" / "findings.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{t.code}` | {t.severity} | {t.title} | {t.why} | {t.next} |" for t in TYPES.values()
    ]


def test_ranges() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == "1-3, 7, 9-10"
    assert ranges([]) == ""
