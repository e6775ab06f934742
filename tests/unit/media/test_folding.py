"""Instances of very large file-sets come out of their folded form as they went in."""

from __future__ import annotations

from pathlib import Path

import pytest

from emixcli.container.encoding import new_package_id
from emixcli.media import scan
from emixcli.media.folding import FoldedInstances
from emixcli.media.scan import scan_media
from emixcli.model import FileSet, Instance
from emixcli.package import Sender, plan_package
from tests import builders


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    builders.study(tmp_path / "cd" / "one", series=2, instances=3, number=1)
    builders.study(tmp_path / "cd" / "two", series=1, instances=2, number=2)
    return tmp_path / "cd"


def scan_folded(medium: Path, monkeypatch: pytest.MonkeyPatch) -> FileSet:
    monkeypatch.setattr(scan, "FOLD_ABOVE", 1)
    return scan_media([str(medium)])


def test_a_folded_file_set_equals_the_plain_one(
    medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = scan_media([str(medium)])
    folded = scan_folded(medium, monkeypatch)
    assert all(isinstance(one.instances, FoldedInstances) for one in folded.iter_series())
    assert [*folded.iter_instances()] == [*plain.iter_instances()]
    assert [one.values for one in folded.iter_instances()] == [
        one.values for one in plain.iter_instances()
    ]
    assert [one.deep for one in folded.iter_instances()] == [
        one.deep for one in plain.iter_instances()
    ]
    for mine, other in zip(folded.iter_series(), plain.iter_series(), strict=True):
        assert mine.instances == other.instances
        assert mine.text("Modality") == other.text("Modality")


def test_a_package_of_it_holds_the_same(medium: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number, sender = new_package_id(), Sender("CT desk", "Hospital")
    plain = plan_package(scan_media([str(medium)]), sender=sender, package_id=number)
    folded = plan_package(scan_folded(medium, monkeypatch), sender=sender, package_id=number)
    assert folded.index_body == plain.index_body
    assert folded.dicomdir == plain.dicomdir
    assert folded.size_bound == plain.size_bound


def test_places_count_as_in_a_tuple() -> None:
    plain = tuple(
        Instance(0, f"folder/{n}", n, (f"name\x1f{n}", n, None), 100 + n, 2 * n)
        for n in range(2500)
    )
    folded = FoldedInstances(plain)
    assert len(folded) == 2500
    assert folded == plain
    assert hash(folded) == hash(plain)
    for at in (0, 1, 999, 1000, 1001, 2499, -1, -2500):
        assert folded[at] == plain[at]
        assert folded[at].values == plain[at].values
    assert folded[990:1010] == plain[990:1010]
    for at in (2500, -2501):
        with pytest.raises(IndexError):
            folded[at]
