"""Bad sectors never spoil their neighbours, and are remembered; mapfiles are ddrescue's."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.errors import EmixError, MediaError
from emixcli.media.disc.mapfile import Mapfile, Status, is_mapfile
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import (
    SECTOR,
    DriveBytes,
    SectorBytes,
    UnreadableError,
    iter_pieces,
)
from tests.faulty import FaultyBytes

PAIRS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=20)


@given(PAIRS)
def test_ranges_are_sets(pairs: list[tuple[int, int]]) -> None:
    ranges = Ranges((start, start + length) for start, length in pairs)
    want = {n for start, length in pairs for n in range(start, start + length)}
    assert {n for start, stop in ranges for n in range(start, stop)} == want
    assert all(a[1] < b[0] for a, b in itertools.pairwise(ranges))
    assert ranges.n_bytes() == len(want)
    gaps = {n for start, stop in ranges.gaps(5, 50) for n in range(start, stop)}
    assert gaps == set(range(5, 50)) - want
    found = ranges.first(20, 30)
    assert (found is not None) == bool(want & set(range(20, 30)))
    assert found is None or (found[0] < 30 and found[1] > 20)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from(Status))))
def test_a_mapfile_says_what_was_marked(marks: list[tuple[int, int, Status]]) -> None:
    made = Mapfile(20)
    want = [Status.UNTRIED] * 20
    for start, length, status in marks:
        made.mark(start, start + length, status)
        want += [Status.UNTRIED] * (start + length - len(want))
        want[start : start + length] = [status] * length
    assert [status for a, b, status in made for _ in range(a, b)] == want
    statuses = [status for _, _, status in made]
    assert all(a != b for a, b in itertools.pairwise(statuses))
    assert list(Mapfile.parse(made.text())) == list(made)


@given(st.text(alphabet="0x123?*/-+ \n#zf", max_size=200))
def test_a_broken_mapfile_is_our_error(text: str) -> None:
    with contextlib.suppress(EmixError):
        Mapfile.parse(text)


def test_mapfiles_of_ddrescue() -> None:
    text = """# Mapfile. Created by GNU ddrescue version 1.27
# Command line: ddrescue -b2048 /dev/sr0 out.img out.map
0x00010000     +               1
0x00000000  0x00008000  +
0x00008000  2048  -
0x00008800  0x00007800  *
"""
    found = Mapfile.parse(text)
    assert is_mapfile(text.encode())
    assert list(found.unread(0x12000)) == [(0x8000, 0x12000)]
    assert found.n_bytes(Status.BAD) == 2048
    with pytest.raises(MediaError, match="mapfile"):
        Mapfile.parse(text.replace("0x00008000  2048", "0x00004000  2048"))


@pytest.mark.skipif(not shutil.which("ddrescuelog"), reason="ddrescue is not installed")
def test_ddrescue_reads_our_mapfiles(tmp_path: Path) -> None:
    made = Mapfile(100 * SECTOR)
    made.mark(0, 100 * SECTOR, Status.DONE)
    made.mark(7 * SECTOR, 9 * SECTOR, Status.BAD)
    (tmp_path / "map").write_text(made.text())
    command = ["ddrescuelog", "-l-", "-b2048", str(tmp_path / "map")]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["7", "8"]


@pytest.mark.parametrize("seed", range(40))
def test_only_bad_sectors_are_lost(seed: int) -> None:
    some = random.Random(seed)
    data = some.randbytes(200 * SECTOR + some.randrange(SECTOR))
    sectors = sorted(some.sample(range(201), some.randrange(1, 30)))
    faults = [(n * SECTOR, min((n + 1) * SECTOR, len(data))) for n in sectors]
    faulty = FaultyBytes(data, faults)
    content = SectorBytes(faulty)
    for _ in range(5):
        start = some.randrange(len(data))
        stop = some.randrange(start, len(data) + 1)
        for offset, piece in iter_pieces(content, start, stop, chunk=some.choice([4096, 65536])):
            assert data[offset : offset + len(piece)] == piece
    for offset, piece in iter_pieces(content, 0, len(data)):
        assert data[offset : offset + len(piece)] == piece
    assert content.bad == Ranges(faults)
    n_reads = len(faulty.log)
    with pytest.raises(UnreadableError) as caught:
        content.read_at(0, len(data))
    assert caught.value.start == faults[0][0]
    assert len(faulty.log) == n_reads  # what is known to be bad is not tried again


def test_a_drive_is_read_in_whole_sectors(tmp_path: Path) -> None:
    data = os.urandom(700 * SECTOR)
    (tmp_path / "disc").write_bytes(data)
    fd = os.open(tmp_path / "disc", os.O_RDONLY | getattr(os, "O_BINARY", 0))
    drive = DriveBytes(fd, len(data))
    for offset, length in ((0, 1), (5, 4096), (2047, 2), (100, 1_200_000), (len(data) - 3, 9)):
        assert drive.read_at(offset, length) == data[offset : offset + length]
    drive.close()
    drive.close()
