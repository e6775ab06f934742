"""UDF discs as recorders write them: every file is found, and only our errors are raised."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import random
import shutil
import subprocess
from pathlib import Path

import pycdlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.errors import EmixError, MediaError
from emixcli.media.disc.volume import read_disc
from emixcli.media.scan import scan_media
from emixcli.media.sources import open_source
from emixcli.media.sources.base import StreamBytes
from emixcli.media.sources.contents import archive_in
from tests import builders
from tests.faulty import FaultyBytes
from tests.udfimage import BLOCK, START, UdfImage
from tests.unit.media.test_sources import contents

_SOME = random.Random(1)
FILES = {
    "DICOMDIR": _SOME.randbytes(700),
    "a/b/c": _SOME.randbytes(9000),
    "a/ümläut": _SOME.randbytes(100),
    "a/漢字.dcm": _SOME.randbytes(30000),
    "empty": b"",
    "gone": b"x" * 10,
    **{f"many/IM{n:05d}": _SOME.randbytes(3000) for n in range(60)},
}
WANTED = {path: data for path, data in FILES.items() if path != "gone"}
KINDS = ("plain", "virtual", "virtual2", "sparable", "metadata")
FORMS = ("short", "long", "embedded", "chained")


def image(tmp_path: Path, **options: object) -> Path:
    path = tmp_path / "x.img"
    path.write_bytes(UdfImage(FILES, deleted=("gone",), **options).build())  # type: ignore[arg-type]  # of a table
    return path


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (kind, form)
        for kind, form in itertools.product(KINDS, FORMS)
        if form != "chained" or kind in ("plain", "sparable")
    ],
)
def test_every_kind_of_disc(kind: str, form: str, tmp_path: Path, *, extended: bool) -> None:
    path = image(tmp_path, kind=kind, form=form, extended=extended)
    assert contents(path) == WANTED
    source = open_source(str(path))
    codes = {code for code, count in source.notes.codes.items() if count}
    source.close()
    assert codes == {"M06"}


@pytest.mark.skipif(not shutil.which("7zz"), reason="7-Zip is not installed")
@pytest.mark.parametrize("kind", ["plain", "metadata"])
def test_our_images_are_those_of_others(kind: str, tmp_path: Path) -> None:
    path = image(tmp_path, kind=kind, form="long")
    subprocess.run(["7zz", "x", f"-o{tmp_path / 'out'}", path], check=True, capture_output=True)
    for name, data in WANTED.items():
        assert (tmp_path / "out" / name).read_bytes() == data


@pytest.mark.skipif(not shutil.which("mkudffs"), reason="mkudffs is not installed")
@pytest.mark.parametrize("medium", ["cdr", "cdrw", "dvdram", "dvd", "bdr"])
def test_empty_discs_of_mkudffs_have_no_damage(medium: str, tmp_path: Path) -> None:
    path = tmp_path / "x.img"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    command = ["mkudffs", f"--media-type={medium}", "-b", "2048", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    source = open_source(str(path))
    assert list(source.iter_files()) == []
    assert {code for code, count in source.notes.codes.items() if count} == {"M06"}
    source.close()


@pytest.mark.parametrize("anchors", [("256",), ("N",), ()])
def test_one_anchor_is_enough_or_none(anchors: tuple[str, ...], tmp_path: Path) -> None:
    assert contents(image(tmp_path, anchors=anchors)) == WANTED


def test_the_reserve_sequence(tmp_path: Path) -> None:
    path = builders.zero_fill(image(tmp_path), start=32 * BLOCK, stop=48 * BLOCK)
    assert contents(path) == WANTED


def test_a_bridge_disc(tmp_path: Path) -> None:
    made = pycdlib.PyCdlib()
    made.new(interchange_level=1, udf="2.60")
    data = os.urandom(5000)
    made.add_directory("/DIR", udf_path="/folder")
    made.add_fp(io.BytesIO(data), 5000, "/DIR/IM00001.;1", udf_path="/folder/image one")
    made.write(str(tmp_path / "x.iso"))
    made.close()
    assert contents(tmp_path / "x.iso") == {"folder/image one": data}


def test_a_bridge_disc_without_its_first_descriptors(tmp_path: Path) -> None:
    made = pycdlib.PyCdlib()
    made.new(interchange_level=1, udf="2.60")
    made.add_fp(io.BytesIO(b"x" * 99), 99, "/A.;1", udf_path="/one")
    made.write(str(tmp_path / "x.iso"))
    made.close()
    builders.zero_fill(tmp_path / "x.iso", start=16 * BLOCK, stop=18 * BLOCK)
    assert contents(tmp_path / "x.iso") == {"one": b"x" * 99}


@pytest.mark.skipif(not shutil.which("genisoimage"), reason="genisoimage is not installed")
def test_a_bridge_disc_of_genisoimage(tmp_path: Path) -> None:
    images = builders.study(tmp_path / "images", series=2, instances=4)
    folder = builders.file_set(tmp_path / "disc", images)
    command: list[str | Path] = [
        "genisoimage",
        "-quiet",
        "-udf",
        "-J",
        "-R",
        "-o",
        tmp_path / "x.iso",
        folder,
    ]
    subprocess.run(command, check=True, capture_output=True)
    whole = contents(tmp_path / "x.iso")
    assert len(whole) == 9
    builders.zero_fill(tmp_path / "x.iso", start=16 * BLOCK, stop=19 * BLOCK)
    assert contents(tmp_path / "x.iso") == whole


def test_a_lost_folder_is_said_and_its_images_are_found(tmp_path: Path) -> None:
    paths = builders.study(tmp_path / "images", series=2, instances=3)
    made = UdfImage({f"DIR{n % 2}/IM{n}": path.read_bytes() for n, path in enumerate(paths)})
    data = bytearray(made.build())
    block = START + made.entries["DIR1"]
    data[block * BLOCK : (block + 1) * BLOCK] = bytes(BLOCK)
    (tmp_path / "x.img").write_bytes(data)
    found = scan_media([str(tmp_path / "x.img")])
    assert sum(1 for _ in found.iter_instances()) == 6
    codes = {finding.code: finding.count for finding in found.findings}
    assert codes["M04"] == 1
    assert codes["M15"] == 3


def test_files_of_a_lost_folder_keep_their_pieces(tmp_path: Path) -> None:
    made = UdfImage({"top": b"t" * 5000, "DIR/report.pdf": FILES["a/b/c"]}, form="chained")
    data = bytearray(made.build())
    block = START + made.entries["DIR"]
    data[block * BLOCK : (block + 1) * BLOCK] = bytes(BLOCK)
    (tmp_path / "x.img").write_bytes(data)
    found = contents(tmp_path / "x.img")
    assert sorted(found.values()) == sorted([b"t" * 5000, FILES["a/b/c"]])
    assert codes_of(tmp_path / "x.img") == {"M04": 1, "M06": 1, "M15": 1}


def codes_of(path: Path) -> dict[str, int]:
    source = open_source(str(path))
    codes = {code: count for code, count in source.notes.codes.items() if count}
    source.close()
    return codes


@pytest.mark.parametrize("kind", ["virtual", "virtual2"])
def test_a_lost_allocation_table_is_said(kind: str, tmp_path: Path) -> None:
    images = builders.study(tmp_path / "images", series=1, instances=3)
    made = UdfImage({path.name: path.read_bytes() for path in images}, kind=kind)
    data = made.build()
    path = tmp_path / "x.img"
    block = START + made.entries[images[0].name]
    path.write_bytes(data + data[block * BLOCK : (block + 1) * BLOCK])  # a newer state
    assert len(contents(path)) == 3
    assert codes_of(path) == {"M04": 1, "M06": 1}
    path.write_bytes(data[:-BLOCK] + bytes(BLOCK))
    assert sorted(contents(path).values()) == sorted(p.read_bytes() for p in images)
    assert codes_of(path)["M15"] == 3


def test_a_volume_descriptor_is_lost(tmp_path: Path) -> None:
    path = image(tmp_path)
    data = bytearray(path.read_bytes())
    data[32 * BLOCK] ^= 0xFF  # the primary one: another says the same
    path.write_bytes(data)
    assert contents(path) == WANTED
    assert codes_of(path) == {"M03": 1, "M06": 1}


def test_many_folders_with_one_content_are_read_once(tmp_path: Path) -> None:
    made = UdfImage({f"{number:03d}/file": b"x" for number in range(300)})
    data = bytearray(made.build())
    root = data[(START + made.entries[""]) * BLOCK :][:BLOCK]
    for block in made.entries.values():
        data[(START + block) * BLOCK : (START + block + 1) * BLOCK] = root
    content = FaultyBytes(bytes(data))
    with pytest.raises(MediaError, match="no DICOM object was found"):
        read_disc(content)
    assert len(content.log) < 2000


def test_a_loop_of_folders_ends(tmp_path: Path) -> None:
    made = UdfImage({"a/b/c": b"x"})
    data = bytearray(made.build())
    a, b = (START + made.entries[name] for name in ("a", "a/b"))
    inner = bytearray(data[a * BLOCK : (a + 1) * BLOCK])
    data[b * BLOCK : (b + 1) * BLOCK] = inner  # the folder b is a once more
    (tmp_path / "x.img").write_bytes(data)
    with contextlib.suppress(EmixError):
        open_source(str(tmp_path / "x.img")).close()


@given(
    patch=st.binary(max_size=120),
    at=st.integers(0, 64 * BLOCK),
    kind=st.sampled_from(KINDS),
    tree=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_damage_raises_only_our_errors(patch: bytes, at: int, kind: str, *, tree: bool) -> None:
    data = bytearray(_IMAGES[kind])
    at += START * BLOCK if tree else 0
    data[at : at + len(patch)] = patch
    content = StreamBytes(io.BytesIO(bytes(data)), len(data))
    with contextlib.suppress(EmixError):
        source = archive_in(content, bytes(data[:8192]))
        for file in source.iter_files() if source else ():
            with contextlib.suppress(OSError):
                assert source is not None
                source.open_bytes(file.path).read_at(0, file.size)


@given(st.binary(max_size=4096))
def test_random_bytes_are_no_disc(data: bytes) -> None:
    data = bytes(16 * BLOCK) + data
    with contextlib.suppress(EmixError):
        read_disc(StreamBytes(io.BytesIO(data), len(data)))


_SMALL = {path: FILES[path] for path in ("DICOMDIR", "a/b/c", "empty")}
_IMAGES = {kind: UdfImage(_SMALL, kind=kind, form="long").build() for kind in KINDS}
