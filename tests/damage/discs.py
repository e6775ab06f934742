"""Discs of every kind whose layout is known byte by byte, and random damage to them."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread

from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR
from tests import builders
from tests.udfimage import START, UdfImage
from tests.unit.media.test_discs import iso, study_disc

#: ISO 9660 with Joliet; with Rock Ridge as well; with UDF as well; UDF alone; two sessions.
KINDS = ("iso", "rock ridge", "bridge", "udf", "sessions")
_TEXT = b"Please give this disc to your doctor.\r\n" * 90
_SECOND = 3000  # where the second session begins
_ITEM = b"\xfe\xff\x00\xe0"

Places = list[tuple[int, int]]


@dataclass(frozen=True)
class Disc:
    """An image and the truth about it.

    Attributes
    ----------
    files
        Content by name.
    places
        Start and end of each part of a file, in bytes of the image.
    uids
        SOP Instance UIDs of the files that are DICOM objects.
    records
        By UID of an object, which DICOMDIR says what it is, and where in the image.
    """

    data: bytes
    files: dict[str, bytes]
    places: dict[str, Places]
    uids: dict[str, str]
    records: dict[str, tuple[str, tuple[int, int]]]

    def lost(self, name: str, bad: Ranges) -> Places:
        """Return what of a file lies in bad sectors, in bytes from its beginning."""
        found, at = Ranges(), 0
        for start, stop in self.places[name]:
            for first, last in bad.within(start, stop):
                found.add(at + first - start, at + last - start)
            at += stop - start
        return list(found)

    def damaged(self, bad: Ranges) -> set[str]:
        """Return the names of files with a byte in a bad sector."""
        return {name for name in self.files if self.lost(name, bad)}


def make(kind: str, folder: Path) -> Disc:
    """Return a disc of a kind; skips where a program that writes it is not installed."""
    folder.mkdir()
    files = study_disc(folder, instances=9) | {"README.TXT": _TEXT}
    (folder / "disc/README.TXT").write_bytes(_TEXT)
    if kind == "udf":
        made = UdfImage(files)
        return _disc(made.build(), files, folder, _udf_places(made, files))
    if kind == "iso":
        data = iso(folder / "x.iso", files).read_bytes()
    elif kind == "sessions":
        data, files = _two_sessions(folder, files)
    else:
        tools = {"rock ridge": ["xorriso", "-as", "mkisofs"], "bridge": ["genisoimage", "-udf"]}
        data = _written(tools[kind], folder / "x.iso", folder / "disc", "-J", "-R")
    places = {name: _place(data, content) for name, content in files.items()}
    return _disc(data, files, folder, places)


def _written(tool: list[str], target: Path, folder: Path, *options: str) -> bytes:
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not installed")
    command = [*tool, "-quiet", *options, "-o", str(target), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return target.read_bytes()


def _two_sessions(folder: Path, files: dict[str, bytes]) -> tuple[bytes, dict[str, bytes]]:
    """Return a disc whose second session does not name the files of the first one."""
    images = builders.study(folder / "second", series=1, instances=6, number=5)
    root = builders.file_set(folder / "disc2", images).rename(folder / "disc2b")
    tool = ["xorriso", "-as", "mkisofs"]
    first = _written(tool, folder / "1.iso", folder / "disc", "-J")
    second = _written(tool, folder / "2.iso", root, "-J", "-C", f"0,{_SECOND}")
    more = {
        f"2/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    return first.ljust(_SECOND * SECTOR, b"\0") + second, files | more


def _place(data: bytes, content: bytes) -> Places:
    at = data.index(content)
    assert data.find(content, at + 1) < 0
    return [(at, at + len(content))]


def _udf_places(made: UdfImage, files: dict[str, bytes]) -> dict[str, Places]:
    """Return places from the blocks of the writer; the last one may be used in part."""
    places = {}
    for name, content in files.items():
        blocks = made.places[name]
        assert blocks == list(range(blocks[0], blocks[0] + len(blocks)))
        start = (START + blocks[0]) * SECTOR
        places[name] = [(start, start + len(content))]
    return places


def _disc(data: bytes, files: dict[str, bytes], folder: Path, places: dict[str, Places]) -> Disc:
    uids = {}
    records: dict[str, tuple[str, tuple[int, int]]] = {}
    for name, content in files.items():
        if content[128:132] == b"DICM" and not name.endswith("DICOMDIR"):
            (folder / "x").write_bytes(content)
            uids[name] = str(dcmread(folder / "x").SOPInstanceUID)
    for name, content in files.items():
        if name.endswith("DICOMDIR"):
            start = places[name][0][0]
            for uid in uids.values():
                at = content.find(uid.encode() + b"\0" * (len(uid) % 2))
                if at >= 0:
                    first = content.rindex(_ITEM, 0, at)
                    last = content.find(_ITEM, at)
                    last = last if last >= 0 else len(content)
                    records[uid] = (name, (start + first, start + last))
    return Disc(data, files, places, uids, records)


def damage(disc: Disc, seed: int) -> Ranges:
    """Return bad sectors: some anywhere, some where it hurts."""
    some = random.Random(seed)
    n_sectors = len(disc.data) // SECTOR
    known = Ranges(place for places in disc.places.values() for place in places)
    between = [start // SECTOR for start, _ in known.gaps(16 * SECTOR, len(disc.data))]
    heads = [places[0][0] // SECTOR for places in disc.places.values()]
    directories = [s for name, s in zip(disc.places, heads, strict=True) if "DICOMDIR" in name]
    choices: list[list[int]] = [
        between,  # directories, path tables, file entries
        heads,
        [start + more for start in directories for more in range(3)],
        [16, 17, 18, 19, 32, 256, 257, n_sectors - 1],
        list(range(n_sectors)),
    ]
    bad = Ranges()
    for _ in range(some.randrange(1, 6)):
        start = some.choice(some.choice(choices))
        length = some.choice([1, 1, 2, 3, 8, 40] if seed % 5 else [1, 30, 150])
        bad.add(start * SECTOR, min(start + length, n_sectors) * SECTOR)
    return bad


def hit(places: Iterable[tuple[int, int]], bad: Ranges) -> bool:
    """Whether one of some places has a bad byte."""
    return any(bad.first(start, stop) for start, stop in places)
