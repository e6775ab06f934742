"""The guide shows the columns of a batch as the code has them."""

from __future__ import annotations

from emixcli.services.batch_file import COLUMNS
from tests.running import ROOT


def test_columns() -> None:
    page = (ROOT / "docs/guides/batch-sends.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {what} |" for name, what in COLUMNS.items()]
