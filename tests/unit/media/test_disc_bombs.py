"""Discs whose files have far more bytes than the disc."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emixcli.demo import iso
from emixcli.media.disc import volume
from emixcli.media.sources import open_source
from emixcli.services.salvage import salvage

MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def _same_disc(path: Path, content: bytes, n: int) -> None:
    """Write an image on which n names are for one content."""
    with path.open("w+b") as file, iso.IsoWriter(file, "SAME", moment=MOMENT) as writer:
        writer.add("A0", content)
        root = writer._root
        (first,) = (root.children or {}).values()
        for number in range(1, n):
            node = iso._child(root, f"A{number}", folder=False)
            node.extent, node.size = first.extent, first.size


def test_names_that_share_their_place_are_no_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "same.iso"
    _same_disc(path, b"x" * 2_000_000, 40)
    with contextlib.closing(open_source(str(path))) as source:
        assert "M10" not in source.notes.codes  # a few names for one content
    monkeypatch.setattr(volume, "MAX_SHARED", 4_000_000)
    saved = salvage([str(path)], tmp_path / "saved")
    assert saved.n_whole == 7  # five times the disc, which is little larger, and four million
    assert len(saved.not_copied) == 33
    assert "M10" in {finding.code for finding in saved.diagnosis.file_set.findings}
