"""Discs of several sessions on media that can be overwritten, as xorriso writes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emixcli.media.scan import scan_media
from tests import builders


@pytest.mark.skipif(not builders.has_xorriso(), reason="xorriso is not installed")
def test_what_a_later_session_of_an_overwriteable_disc_removed(tmp_path: Path) -> None:
    builders.study(tmp_path / "1", series=1, instances=3)
    builders.study(tmp_path / "2", series=1, instances=2, number=2)
    image = tmp_path / "x.iso"

    def write(*commands: str) -> None:
        words = ["xorriso", "-dev", str(image), *commands, "-commit"]
        subprocess.run(words, check=True, capture_output=True)

    write("-padding", "0", "-map", str(tmp_path / "1"), "/A", "-map", str(tmp_path / "2"), "/B")
    once = scan_media([str(image)])
    assert sum(1 for _ in once.iter_instances()) == 5
    assert "M05" not in {finding.code for finding in once.findings}
    write("-rm_r", "/B", "--")
    found = scan_media([str(image)])
    assert sum(1 for _ in found.iter_instances()) == 5
    assert {finding.code: finding.count for finding in found.findings}["M05"] == 2
    (tmp_path / "more.txt").write_text("a third session")
    write("-map", str(tmp_path / "more.txt"), "/MORE.TXT", "-rm_r", "/A", "--")
    found = scan_media([str(image)])
    assert sum(1 for _ in found.iter_instances()) == 5
    assert {finding.code: finding.count for finding in found.findings}["M05"] == 5
