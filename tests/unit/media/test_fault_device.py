"""A real block device with bad sectors: what the kernel does to a reader, without a scratched disc.

Where it cannot be made the same damage runs in process (`test_rescue.py`, `tests/damage`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from emixcli.media.disc.mapfile import Status
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.losses import read_through
from emixcli.media.rescue import Patience, rescue
from emixcli.media.sources import open_source
from emixcli.media.sources.opening import open_medium
from emixcli.progress import SILENT
from tests.faultdrive import bad_drive
from tests.unit.media.test_discs import iso, study_disc


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return iso(tmp_path / "x.iso", study_disc(tmp_path))


@pytest.fixture
def bad(image: Path) -> Ranges:
    """Sector 16 and some in files, a few of them neighbours."""
    n_sectors = image.stat().st_size // SECTOR
    starts = random.Random(7).sample(range(20, n_sectors // 2), 4)
    found = Ranges((s * SECTOR, (s + 1 + s % 3) * SECTOR) for s in starts)
    found.add(16 * SECTOR, 17 * SECTOR)
    return found


@pytest.fixture
def device(image: Path, bad: Ranges, tmp_path: Path) -> Iterator[str]:
    """A drive that gives errors for some sectors."""
    with bad_drive(image, bad, tmp_path) as name:
        yield name


def test_exactly_the_bad_sectors_are_lost(
    device: str, image: Path, bad: Ranges, tmp_path: Path
) -> None:
    data = image.read_bytes()
    content, drive = open_medium(device)
    assert content.size == len(data)
    assert drive.state() == ""
    state = rescue(content, tmp_path / "copy.img", patience=Patience(retries=0))
    content.close()
    assert Ranges(state.blocks(Status.BAD)) == bad
    copy = (tmp_path / "copy.img").read_bytes()
    assert all(copy[start:stop] == data[start:stop] for start, stop in bad.gaps(0, len(data)))


def test_a_drive_is_read_without_its_first_descriptor(
    device: str, image: Path, bad: Ranges
) -> None:
    source = open_source(device)
    whole = open_source(str(image))
    lost = {file.path: ranges.n_bytes() for file, ranges in read_through(source, SILENT)}
    want = {
        file.path: sum(b - a for p, n in whole.extents(file.path) for a, b in bad.within(p, p + n))
        for file in whole.iter_files()
    }
    assert lost == want
    assert source.medium is not None
    assert all(bad.first(*found) for found in source.medium.bad)
    source.close()
    whole.close()
