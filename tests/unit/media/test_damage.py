"""Random damage to discs of every kind: what is lost is said, what is not lost is found.

The bad sectors come from the in-process faulty medium (`tests/faulty.py`); a block device that
gives errors is not needed.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread

from emixcli.errors import EmixError
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR, SectorBytes
from emixcli.media.losses import name_losses, read_through
from emixcli.media.scan import scan_sources
from emixcli.media.sources import DiscSource
from emixcli.progress import SILENT
from tests import builders
from tests.faulty import FaultyBytes
from tests.udfimage import START, UdfImage
from tests.unit.media.test_discs import iso, study_disc

KINDS = ("iso", "rock ridge", "bridge", "udf", "sessions")
N_SEEDS = 50


@dataclass
class Disc:
    """An image, its files with the bytes where they lie, and the identifiers of its objects."""

    data: bytes
    files: dict[str, bytes]
    places: dict[str, list[tuple[int, int]]]
    uids: dict[str, str]


def places_of(data: bytes, files: dict[str, bytes]) -> dict[str, list[tuple[int, int]]]:
    found = {}
    for name, content in files.items():
        at = data.index(content)
        found[name] = [(at, at + len(content))]
    return found


def uids_of(files: dict[str, bytes], folder: Path) -> dict[str, str]:
    uids = {}
    for name, content in files.items():
        if content[128:132] == b"DICM" and not name.endswith("DICOMDIR"):
            (folder / "x").write_bytes(content)
            uids[name] = str(dcmread(folder / "x").SOPInstanceUID)
    return uids


def make(kind: str, folder: Path) -> Disc:
    folder.mkdir()
    files = study_disc(folder, instances=9)
    if kind == "udf":
        made = UdfImage(files)
        data = made.build()
        places = {
            name: [((START + b) * SECTOR, (START + b + 1) * SECTOR) for b in made.places[name]]
            for name in files
        }
        return Disc(data, files, places, uids_of(files, folder))
    if kind in ("rock ridge", "bridge"):
        tool: list[str | Path] = (
            ["xorriso", "-as", "mkisofs"] if kind == "rock ridge" else ["genisoimage", "-udf"]
        )
        command = [*tool, "-quiet", "-J", "-R", "-o", folder / "x.iso", folder / "disc"]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip(f"{tool[0]} is not installed")
        data = (folder / "x.iso").read_bytes()
    elif kind == "sessions":
        data, files = two_sessions(folder, files)
    else:
        data = iso(folder / "x.iso", files).read_bytes()
    return Disc(data, files, places_of(data, files), uids_of(files, folder))


def two_sessions(folder: Path, files: dict[str, bytes]) -> tuple[bytes, dict[str, bytes]]:
    """Return a disc whose second session does not name the files of the first one."""
    if not builders.has_xorriso():
        pytest.skip("xorriso is not installed")
    images = builders.study(folder / "second", series=1, instances=6, number=5)
    root = builders.file_set(folder / "disc2", images).rename(folder / "disc2b")
    both = []
    for name, start in (("disc", 0), ("disc2b", 3000)):
        target = folder / f"{name}.iso"
        where = ["-C", f"0,{start}"] if start else []
        tool: list[str | Path] = ["xorriso", "-as", "mkisofs", "-quiet", "-J"]
        command = [*tool, *where, "-o", target, folder / name]
        subprocess.run(command, check=True, capture_output=True)
        both.append(target.read_bytes())
    second = {
        f"2/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    return both[0].ljust(3000 * SECTOR, b"\0") + both[1], files | second


@pytest.fixture(scope="module", params=KINDS)
def disc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Disc:
    return make(request.param, tmp_path_factory.mktemp("disc") / "made")


def damage(disc: Disc, seed: int) -> list[tuple[int, int]]:
    """Return bad sectors: some anywhere, some where it hurts."""
    some = random.Random(seed)
    n_sectors = len(disc.data) // SECTOR
    places = [place for ranges in disc.places.values() for place in ranges]
    known = Ranges(places)
    between = [start // SECTOR for start, _ in known.gaps(16 * SECTOR, len(disc.data))]
    heads = [ranges[0][0] // SECTOR for ranges in disc.places.values() if ranges]
    bad = set()
    for _ in range(some.randrange(1, 6)):
        kind = some.randrange(5)
        if kind == 0:
            start = some.choice(between)  # directories, tables, entries
        elif kind == 1:
            start = some.choice(heads)
        elif kind == 2:
            start = disc.places["DICOMDIR"][0][0] // SECTOR + some.randrange(3)
        elif kind == 3:
            start = some.choice([16, 17, 18, 32, 256, n_sectors - 1])
        else:
            start = some.randrange(n_sectors)
        bad |= set(range(start, min(start + some.choice([1, 1, 2, 3, 8]), n_sectors)))
    return [(sector * SECTOR, (sector + 1) * SECTOR) for sector in sorted(bad)]


@pytest.mark.parametrize("seed", range(N_SEEDS))
def test_what_is_lost_is_said_and_the_rest_is_found(disc: Disc, seed: int) -> None:
    bad = Ranges(damage(disc, seed))
    try:
        source = DiscSource(SectorBytes(FaultyBytes(disc.data, bad)))
    except EmixError:
        # Only where nothing is left: no directory, and no object with its first sector.
        heads = [disc.places[name][0][0] for name in disc.uids]
        assert all(bad.first(head, head + SECTOR) for head in heads)
        return
    found = {}
    lost = []
    for file, ranges in read_through(source, SILENT):
        if ranges:
            lost.append((0, file.path, file.size, tuple(ranges)))
        else:
            found[source.open_bytes(file.path).read_at(0, file.size)] = file.path
    file_set = scan_sources([source], ("disc",))
    losses = name_losses(lost, file_set, [source])
    codes = {finding.code for finding in file_set.findings}
    reported = {loss.sop_uid for loss in losses} | {item.sop_uid for item in file_set.missing}
    damaged = {name for name, places in disc.places.items() if hit(places, bad)}
    for name, content in disc.files.items():
        if name not in damaged and (name in disc.uids or not codes & {"M04"}):
            assert content in found, name
    true = {uid for name, uid in disc.uids.items() if name in damaged}
    assert reported - {""} <= true
    if not true <= reported:  # nobody can name them any more; that must be said
        assert codes & {"M01", "M04", "D05"}
        assert hit(disc.places["DICOMDIR"], bad) or "2/DICOMDIR" in disc.files or "M04" in codes
    read = {instance.text("SOPInstanceUID") for instance in file_set.iter_instances()}
    assert read | true == set(disc.uids.values())


def hit(places: Iterable[tuple[int, int]], bad: Ranges) -> bool:
    return any(bad.first(start, stop) for start, stop in places)
