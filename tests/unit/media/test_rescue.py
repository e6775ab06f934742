"""A scratched disc is copied once, but for its bad sectors, and ddrescue can go on with it."""

from __future__ import annotations

import hashlib
import itertools
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from emixcli.errors import MediaError, OutputError, OutputExistsError
from emixcli.media.disc.mapfile import Mapfile, Status
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR
from emixcli.media.rescue import CLUSTER, Patience, rescue
from emixcli.media.sources.opening import open_medium
from tests.faulty import FaultyBytes


def scratched(seed: int, *, sectors: int = 4000) -> tuple[bytes, FaultyBytes]:
    """Return a medium with scratches of different lengths."""
    some = random.Random(seed)
    data = some.randbytes(sectors * SECTOR - some.choice([0, 100]))
    faults = []
    for _ in range(some.randrange(1, 12)):
        start = some.randrange(sectors)
        stop = start + some.choice([1, 1, 2, 5, 40, 300])
        faults.append((start * SECTOR, min(stop * SECTOR, len(data))))
    return data, FaultyBytes(data, faults)


def check(data: bytes, faulty: FaultyBytes, image: Path, state: Mapfile) -> None:
    copy = image.read_bytes()
    assert len(copy) == len(data)
    bad = Ranges(state.blocks(Status.BAD))
    assert bad == faulty.faults
    assert state.current == "+"
    for start, stop in bad.gaps(0, len(data)):
        assert copy[start:stop] == data[start:stop]
    for start, stop in bad:
        assert copy[start:stop] == bytes(stop - start)


@pytest.mark.parametrize("seed", range(25))
def test_every_good_sector_is_copied(seed: int, tmp_path: Path) -> None:
    data, faulty = scratched(seed)
    state = rescue(faulty, tmp_path / "x.img", patience=Patience(retries=0))
    check(data, faulty, tmp_path / "x.img", state)
    saved = Mapfile.parse((tmp_path / "x.img.map").read_text())
    assert list(saved) == list(state)
    assert not list(tmp_path.glob("*.partial"))


def test_a_good_disc_is_read_once_and_forward(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(3 * 1024 * 1024)
    content = FaultyBytes(data)
    digest = hashlib.sha256()
    rescue(content, tmp_path / "x.img", on_data=lambda _, part: digest.update(part))
    assert [length for _, length in content.log] == [CLUSTER] * 24
    assert [offset for offset, _ in content.log] == sorted(offset for offset, _ in content.log)
    assert digest.digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("seed", range(8))
def test_stopped_and_gone_on_with(seed: int, tmp_path: Path) -> None:
    data, faulty = scratched(seed)
    image = tmp_path / "x.img"
    for _ in range(500):
        ticks = itertools.count()
        patience = Patience(retries=0, total_s=200)
        state = rescue(faulty, image, patience=patience, clock=lambda t=ticks: float(next(t)))  # type: ignore[misc]  # a default binds it
        if state.current == "+":
            break
    check(data, faulty, image, state)


def test_interrupted(tmp_path: Path) -> None:
    data, faulty = scratched(3)

    def stop(offset: int, _: bytes) -> None:
        if offset > len(data) // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rescue(faulty, tmp_path / "x.img", on_data=stop)
    n_reads = len(faulty.log)
    faulty.log.clear()
    state = rescue(faulty, tmp_path / "x.img", patience=Patience(retries=0))
    check(data, faulty, tmp_path / "x.img", state)
    assert n_reads > 20
    assert min(offset for offset, length in faulty.log if length == CLUSTER) > 0


def test_a_bad_area_has_its_time_and_no_more(tmp_path: Path) -> None:
    data = bytes(400 * SECTOR)
    faulty = FaultyBytes(data, [(64 * SECTOR, 300 * SECTOR)])
    ticks = itertools.count()
    state = rescue(
        faulty,
        tmp_path / "x.img",
        patience=Patience(retries=3, area_s=20),
        clock=lambda: float(next(ticks)),
    )
    assert len(faulty.log) < 200
    assert state.current == "-"
    assert state.n_bytes(Status.UNSCRAPED)
    assert state.n_bytes(Status.DONE) >= 148 * SECTOR


def test_retries(tmp_path: Path) -> None:
    data = random.Random(2).randbytes(100 * SECTOR)
    faulty = FaultyBytes(data, [(7 * SECTOR, 9 * SECTOR)])
    rescue(faulty, tmp_path / "x.img", patience=Patience(retries=0))
    faulty.faults = Ranges()  # cleaned
    state = rescue(faulty, tmp_path / "x.img")
    assert list(state) == [(0, len(data), Status.DONE)]
    assert (tmp_path / "x.img").read_bytes() == data


def test_what_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "x.img").write_bytes(b"precious")
    content = FaultyBytes(bytes(9 * SECTOR))
    with pytest.raises(OutputExistsError):
        rescue(content, tmp_path / "x.img")
    assert (tmp_path / "x.img").read_bytes() == b"precious"
    (tmp_path / "x.img.map").write_text(Mapfile(10 * SECTOR).text())
    with pytest.raises(OutputExistsError, match="another disc"):
        rescue(content, tmp_path / "x.img")
    assert (tmp_path / "x.img").read_bytes() == b"precious"
    with pytest.raises(OutputError):
        rescue(content, tmp_path / "none" / "x.img")


def test_a_copy_of_another_disc_is_not_gone_on_with(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    data = random.Random(3).randbytes(400 * SECTOR)
    rescue(FaultyBytes(data, [(0, 40 * SECTOR)]), image, patience=Patience(retries=0))
    before, state = image.read_bytes(), (tmp_path / "x.img.map").read_bytes()
    other = random.Random(4).randbytes(len(data))
    alike = data[: 300 * SECTOR] + other[300 * SECTOR :]
    for wrong in (other, alike, data + bytes(SECTOR), data[:-SECTOR]):
        with pytest.raises(OutputExistsError, match="another disc"):
            rescue(FaultyBytes(wrong), image)
        assert image.read_bytes() == before
        assert (tmp_path / "x.img.map").read_bytes() == state
    with pytest.raises(MediaError, match="cannot be told"):  # a drive that reads only what is new
        rescue(FaultyBytes(data, [(40 * SECTOR, len(data))]), image)
    assert image.read_bytes() == before
    rescue(FaultyBytes(data, [(200 * SECTOR, 260 * SECTOR)]), image)
    assert image.read_bytes() == data


@pytest.mark.skipif(not shutil.which("ddrescue"), reason="ddrescue is not installed")
def test_a_mapfile_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.img.map").mkdir()
    with pytest.raises(OutputError, match="mapfile"):
        rescue(FaultyBytes(bytes(SECTOR)), tmp_path / "x.img")


def test_ddrescue_goes_on_and_we_go_on_with_ddrescue(tmp_path: Path) -> None:
    data, faulty = scratched(5)
    (tmp_path / "disc").write_bytes(data)
    image, mapfile = tmp_path / "x.img", tmp_path / "x.img.map"
    rescue(faulty, image, patience=Patience(retries=0))
    command: list[str | Path] = [
        "ddrescue",
        "-q",
        "-b2048",
        "-r1",
        tmp_path / "disc",
        image,
        mapfile,
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert image.read_bytes() == data
    assert list(Mapfile.parse(mapfile.read_text())) == [(0, len(data), Status.DONE)]
    image.unlink()
    mapfile.unlink()
    half = f"-s{len(data) // 2 // SECTOR * SECTOR}"
    subprocess.run([*command[:2], half, *command[2:]], check=True, capture_output=True)
    content, _ = open_medium(str(tmp_path / "disc"))
    rescue(content, image)
    content.close()
    assert image.read_bytes() == data


def test_no_such_medium(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        open_medium(str(tmp_path / "none"))
