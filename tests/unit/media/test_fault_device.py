"""A real block device with bad sectors: what the kernel does to a reader, without a scratched disc.

nbdkit plays a mapfile, nbdfuse makes a file of it, and a loop device a drive of 2,048-byte sectors.
Where one of these is missing the same damage runs in process (`test_damage.py`, `test_rescue.py`).
"""

from __future__ import annotations

import os
import random
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emixcli.media.disc.mapfile import Mapfile, Status
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.losses import read_through
from emixcli.media.rescue import Patience, rescue
from emixcli.media.sources import open_source
from emixcli.media.sources.opening import open_medium
from emixcli.progress import SILENT
from tests.unit.media.test_discs import iso, study_disc

_TOOLS = ("nbdkit", "nbdfuse", "losetup", "fusermount3")
_MISSING = [name for name in _TOOLS if not shutil.which(name)]
_MISSING += [] if os.path.exists("/dev/fuse") and os.path.exists("/dev/loop-control") else ["FUSE"]  # noqa: PTH110 - short
_MISSING += [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["root"]

pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"needs {', '.join(_MISSING)}")


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
    mapfile = Mapfile(image.stat().st_size)
    mapfile.mark(0, mapfile.size, Status.DONE)
    for start, stop in bad:
        mapfile.mark(start, stop, Status.BAD)
    (tmp_path / "bad.map").write_text(mapfile.text())
    (tmp_path / "mount").mkdir()
    os.mkfifo(tmp_path / "ready")
    ready = os.open(tmp_path / "ready", os.O_RDONLY | os.O_NONBLOCK)
    disc = tmp_path / "mount" / "disc"
    nbdkit = ["nbdkit", "--exit-with-parent", "--filter=ddrescue", "file", image]
    nbdkit += [f"ddrescue-mapfile={tmp_path / 'bad.map'}"]
    command = ["nbdfuse", "-r", "-P", tmp_path / "ready", disc, "[", *nbdkit, "]"]
    served = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    try:
        if not select.select([ready], [], [], 20)[0]:
            pytest.skip("nbdfuse cannot mount here")
        options = ["--find", "--show", "-r", "--direct-io=on", "--sector-size", str(SECTOR)]
        made = subprocess.run(["losetup", *options, disc], capture_output=True, text=True)  # noqa: PLW1510 - its code is looked at
        if made.returncode:
            pytest.skip("no loop device can be made here")
        try:
            yield made.stdout.strip()
        finally:
            subprocess.run(["losetup", "-d", made.stdout.strip()], check=True)
    finally:
        os.close(ready)
        subprocess.run(["fusermount3", "-u", disc.parent], check=False, capture_output=True)
        served.terminate()
        served.wait(20)


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
