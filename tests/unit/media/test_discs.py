"""Discs as they come: several sessions, raw sectors, sheets, lost or no directories."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.demo.iso import IsoWriter
from emixcli.errors import EmixError, MediaError
from emixcli.media.disc.carving import carve
from emixcli.media.disc.drive import Contents, LinuxDrive, NoDrive, drive_of
from emixcli.media.disc.images import nero_tracks, place_tracks, read_cue
from emixcli.media.disc.mapfile import Mapfile, Status
from emixcli.media.disc.sectors import SECTOR, SectorBytes
from emixcli.media.disc.tracks import SYNC
from emixcli.media.losses import find_losses, name_losses, read_through
from emixcli.media.scan import scan_media
from emixcli.media.sources import open_source
from emixcli.media.sources.base import StreamBytes
from emixcli.media.sources.disc import DiscSource
from emixcli.media.sources.opening import drive_source
from emixcli.progress import SILENT
from tests import builders
from tests.faulty import FaultyBytes
from tests.unit.media.test_sources import contents

needs_xorriso = pytest.mark.skipif(not builders.has_xorriso(), reason="xorriso is not installed")
_SESSION = 11702
MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def study_disc(folder: Path, *, instances: int = 4) -> dict[str, bytes]:
    """Return the files of a disc with DICOMDIR."""
    images = builders.study(folder / "images", series=2, instances=instances)
    root = builders.file_set(folder / "disc", images)
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def iso(path: Path, files: dict[str, bytes]) -> Path:
    with path.open("wb") as file, IsoWriter(file, "DISC", moment=MOMENT) as writer:
        for name, data in files.items():
            writer.add(name, data)
    return path


def codes_of(path: Path) -> dict[str, int]:
    source = open_source(str(path))
    codes = {code: count for code, count in source.notes.codes.items() if count}
    source.close()
    return codes


def mkisofs(target: Path, folder: Path, *options: str | Path) -> bytes:
    """Write one session by xorriso; return it."""
    command = ["xorriso", "-as", "mkisofs", "-quiet", "-J", "-R", *options, "-o", target, folder]
    subprocess.run(command, check=True, capture_output=True)
    return target.read_bytes()


@pytest.fixture
def sessions(tmp_path: Path) -> tuple[bytes, bytes, bytes]:
    """The first session, a second one that names its files, and one that does not."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(name.encode() * 3000)
        (tmp_path / name / "same").write_bytes(name.encode())
    first = mkisofs(tmp_path / "1.iso", tmp_path / "one")
    where = ("-C", f"0,{_SESSION}")
    linked = mkisofs(tmp_path / "2.iso", tmp_path / "two", *where, "-M", tmp_path / "1.iso")
    alone = mkisofs(tmp_path / "3.iso", tmp_path / "two", "-C", f"0,{_SESSION}")
    return first.ljust(_SESSION * SECTOR, b"\0"), linked, alone


@needs_xorriso
def test_the_last_session_counts(sessions: tuple[bytes, bytes, bytes], tmp_path: Path) -> None:
    first, linked, _ = sessions
    (tmp_path / "x.iso").write_bytes(first + linked)
    found = contents(tmp_path / "x.iso")
    assert found["one"] == b"one" * 3000
    assert found["two"] == b"two" * 3000
    assert found["same"] == b"two"
    assert found["same~2"] == b"one"  # replaced, or another object of the same name: kept
    assert codes_of(tmp_path / "x.iso") == {"M05": 1}


@needs_xorriso
def test_what_only_an_older_session_names(
    sessions: tuple[bytes, bytes, bytes], tmp_path: Path
) -> None:
    first, _, alone = sessions
    (tmp_path / "x.iso").write_bytes(first + alone)
    assert set(contents(tmp_path / "x.iso")) == {"one", "two", "same", "same~2"}
    assert codes_of(tmp_path / "x.iso") == {"M05": 2}


@needs_xorriso
def test_a_dump_of_the_second_session_only(
    sessions: tuple[bytes, bytes, bytes], tmp_path: Path
) -> None:
    _, linked, alone = sessions
    (tmp_path / "x.iso").write_bytes(alone)
    assert contents(tmp_path / "x.iso") == {"two": b"two" * 3000, "same": b"two"}
    (tmp_path / "x.iso").write_bytes(linked)
    source = open_source(str(tmp_path / "x.iso"))
    lost = {file.path: file.lost for file in source.iter_files()}
    with pytest.raises(OSError, match="cannot be read"):
        source.open_bytes("one").read_at(0, 9)
    source.close()
    assert lost == {"one": 9000, "two": 0, "same": 0}


@needs_xorriso
def test_an_image_that_is_a_file_is_no_session(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one/name").write_bytes(b"x" * 9000)
    inner = mkisofs(tmp_path / "inner.iso", tmp_path / "one")
    files = {"inner.iso": inner}
    path = iso(tmp_path / "outer.iso", files)
    with path.open("ab") as file:
        file.write(inner)  # what lies behind the volume, and is none of its sessions
    assert set(contents(path)) == {"inner.iso"}


def test_files_of_several_extents(tmp_path: Path) -> None:
    path = iso(tmp_path / "x.iso", {"A": b"a" * SECTOR * 2, "B": b"b" * 100, "C": b"c"})
    data = bytearray(path.read_bytes())
    for spelling in (b"A.;1", "A;1".encode("utf-16-be")):
        at = data.index(spelling, 20 * SECTOR)
        data[at - 8] |= 0x80  # B goes on where A ends, under A's name
        after = at + len(spelling) + (len(spelling) + 1) % 2
        length = data[after]
        name = data[after + 33 : after + 33 + len(spelling)]
        assert length
        assert len(name) == len(spelling)
        data[after + 33 : after + 33 + len(spelling)] = spelling
    path.write_bytes(data)
    assert contents(path) == {"A": b"a" * SECTOR * 2 + b"b" * 100, "C": b"c"}


# -- raw images -----------------------------------------------------------------------------------


def raw(data: bytes, *, mode: int = 1, lba: int = 0, more: int = 0) -> bytes:
    """Return data as raw sectors with their addresses (ECMA-130 section 14)."""

    def bcd(number: int) -> int:
        return number // 10 * 16 + number % 10

    out = []
    for index in range(0, len(data), SECTOR):
        frame = lba + index // SECTOR + 150
        address = bytes(map(bcd, (frame // 4500, frame // 75 % 60, frame % 75)))
        skip = bytes(8) if mode == 2 else b""
        sector = SYNC + address + bytes((mode,)) + skip + data[index : index + SECTOR]
        out.append(sector.ljust(2352 + more, b"\0"))
    return b"".join(out)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return study_disc(tmp_path)


@pytest.mark.parametrize(("mode", "more"), [(1, 0), (2, 0), (1, 96)])
def test_raw_sectors(files: dict[str, bytes], mode: int, more: int, tmp_path: Path) -> None:
    data = iso(tmp_path / "x.iso", files).read_bytes()
    (tmp_path / "x.bin").write_bytes(raw(data, mode=mode, more=more))
    assert contents(tmp_path / "x.bin") == files
    assert codes_of(tmp_path / "x.bin") == {"M07": 1}


def test_sectors_of_mode_2_without_sync(files: dict[str, bytes], tmp_path: Path) -> None:
    data = raw(iso(tmp_path / "x.iso", files).read_bytes(), mode=2)
    sectors = (data[at + 16 : at + 2352] for at in range(0, len(data), 2352))
    (tmp_path / "x.bin").write_bytes(b"".join(sectors))
    assert contents(tmp_path / "x.bin") == files


def test_a_cue_sheet_with_audio(files: dict[str, bytes], tmp_path: Path) -> None:
    data = iso(tmp_path / "x.iso", files).read_bytes()
    audio = bytes(2352 * 300)
    (tmp_path / "Disc.BIN").write_bytes(raw(data, mode=2) + audio)
    n_frames = len(data) // SECTOR
    stamp = f"{n_frames // 4500:02d}:{n_frames // 75 % 60:02d}:{n_frames % 75:02d}"
    (tmp_path / "disc.cue").write_text(
        f'FILE "C:\\burn\\disc.bin" BINARY\n TRACK 01 MODE2/2352\n  INDEX 01 00:00:00\n'
        f" TRACK 02 AUDIO\n  INDEX 01 {stamp}\n"
    )
    assert contents(tmp_path / "disc.cue") == files


@needs_xorriso
def test_a_cue_sheet_of_two_sessions(sessions: tuple[bytes, bytes, bytes], tmp_path: Path) -> None:
    first, linked, _ = sessions
    (tmp_path / "1.bin").write_bytes(first)
    (tmp_path / "2.bin").write_bytes(raw(linked))
    (tmp_path / "x.cue").write_text(
        'FILE "1.bin" BINARY\nTRACK 01 MODE1/2048\nINDEX 01 00:00:00\n'
        'FILE "2.bin" BINARY\nTRACK 02 MODE1/2352\nINDEX 01 00:00:00\n'
    )
    assert set(contents(tmp_path / "x.cue")) == {"one", "two", "same", "same~2"}


def test_a_cue_sheet_without_its_image(tmp_path: Path) -> None:
    (tmp_path / "x.cue").write_text('FILE "../x.bin" BINARY\nTRACK 1 MODE1/2352\nINDEX 1 0:0:0')
    with pytest.raises(MediaError, match="not beside it"):
        open_source(str(tmp_path / "x.cue"))
    (tmp_path / "x.cue").write_text("hello")
    with pytest.raises(MediaError, match="no data track"):
        open_source(str(tmp_path / "x.cue"))


@pytest.mark.parametrize("kind", ["ETN2", "ETNF", "DAOX", "DAOI"])
def test_nero_images(kind: str, files: dict[str, bytes], tmp_path: Path) -> None:
    data = iso(tmp_path / "x.iso", files).read_bytes()
    body, stride = (raw(data), 2352) if kind.startswith("DAO") else (data, SECTOR)
    body = bytes(5000) + body
    size = len(body) - 5000
    tables = {
        "ETN2": struct.pack(">QQLLQ", 5000, size, 0, 0, 0),
        "ETNF": struct.pack(">5L", 5000, size, 0, 0, 0),
        "DAOX": bytes(22) + struct.pack(">12sHHHQQQ", b"", stride, 0x500, 0, 0, 5000, len(body)),
        "DAOI": bytes(22) + struct.pack(">12sHHHLLL", b"", stride, 0x500, 0, 0, 5000, len(body)),
    }
    table = kind.encode() + struct.pack(">L", len(tables[kind])) + tables[kind] + b"END!\0\0\0\0"
    wide = b"NER5" + struct.pack(">Q", len(body))
    foot = wide if kind[-1] in "2X" else b"NERO" + struct.pack(">L", len(body))
    (tmp_path / "x.nrg").write_bytes(body + table + foot)
    assert contents(tmp_path / "x.nrg") == files


@given(st.text(alphabet='FILETRACKINDEX "01:/MODE2348BINARY\n', max_size=300))
def test_a_broken_cue_sheet_is_our_error(text: str) -> None:
    with contextlib.suppress(EmixError):
        tracks = read_cue(text)
        place_tracks(tracks, {track.file: 5_000_000 for track in tracks})


@given(table=st.binary(max_size=300), at=st.integers(0, 300), wide=st.booleans())
@settings(max_examples=200)
def test_a_broken_nero_table_is_no_crash(table: bytes, at: int, *, wide: bool) -> None:
    foot = b"NER5" + struct.pack(">Q", at) if wide else b"NERO" + struct.pack(">L", at)
    data = table + b"DAOX\0\0\0\x60" + table + foot
    nero_tracks(StreamBytes(io.BytesIO(data), len(data)))


# -- damage ---------------------------------------------------------------------------------------


def test_one_damaged_directory_of_two_loses_nothing(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    path = iso(tmp_path / "x.iso", files)
    at = path.read_bytes().rindex("DICOMDIR".encode("utf-16-be")) // SECTOR * SECTOR
    builders.zero_fill(path, start=at, stop=at + SECTOR)
    found = contents(path)
    assert sorted(found.values()) == sorted(files.values())
    codes = codes_of(path)
    assert codes.pop("M14") >= 1
    assert not codes


def test_both_directories_lost(files: dict[str, bytes], tmp_path: Path) -> None:
    path = iso(tmp_path / "x.iso", files)
    data = path.read_bytes()
    last = max(name for name in files if name != "DICOMDIR").rpartition("/")[2]
    for spelling in (last.encode("ascii"), last.encode("utf-16-be")):
        at = data.rindex(spelling) // SECTOR * SECTOR
        data = data[:at] + bytes(SECTOR) + data[at + SECTOR :]
    path.write_bytes(data)
    found = contents(path)
    assert sorted(found.values()) == sorted(files.values())
    codes = codes_of(path)
    assert codes["M04"] >= 2
    assert codes["M15"] == sum(name.startswith("carved/") for name in found) > 0


def test_a_folder_that_only_the_path_table_names(files: dict[str, bytes], tmp_path: Path) -> None:
    note = {f"{next(iter(files)).partition('/')[0]}X/NOTE.TXT": b"no DICOM object"}
    path = iso(tmp_path / "x.iso", {"TOP.TXT": b"top", **note})
    data = path.read_bytes()
    for spelling in (b"TOP.TXT", "TOP.TXT".encode("utf-16-be")):
        at = data.rindex(spelling) // SECTOR * SECTOR
        data = data[:at] + bytes(SECTOR) + data[at + SECTOR :]
    path.write_bytes(data)
    assert contents(path) == note


def test_no_directory_at_all(files: dict[str, bytes], tmp_path: Path) -> None:
    path = iso(tmp_path / "x.iso", files)
    data = path.read_bytes()
    path.write_bytes(bytes(19 * SECTOR) + data[19 * SECTOR :])
    objects = sorted(data for data in files.values() if data[128:132] == b"DICM")
    found = contents(path)
    assert sorted(found.values()) == objects
    assert codes_of(path)["M15"] == len(objects)


@pytest.mark.parametrize("syntax", builders.SYNTAXES)
def test_objects_are_carved_at_their_exact_length(syntax: str, tmp_path: Path) -> None:
    paths = builders.study(tmp_path, series=2, instances=3, transfer_syntax=syntax)
    objects = [path.read_bytes() for path in paths]
    slack = b"\xa5\x5a\0\0junk" * 300
    image = b"".join(
        data + (slack if index % 2 else bytes(SECTOR))[: -len(data) % SECTOR]
        for index, data in enumerate(objects)
    )
    content = StreamBytes(io.BytesIO(image), len(image))
    found = list(carve(content, [(0, len(image))]))
    assert [image[c.offset : c.offset + c.length] for c in found] == objects
    assert all(c.is_whole for c in found)


@given(
    patch=st.binary(max_size=40),
    at=st.integers(0, 3000),
    cut=st.integers(0, 6000),
    syntax=st.sampled_from([str(syntax) for syntax in builders.SYNTAXES]),
)
@settings(max_examples=200, deadline=None)
def test_measuring_damaged_objects(patch: bytes, at: int, cut: int, syntax: str) -> None:
    image = bytearray(_OBJECTS[syntax])
    image[at : at + len(patch)] = patch
    data = bytes(image[: max(0, len(image) - cut)])
    content = SectorBytes(FaultyBytes(data, [(cut // SECTOR * SECTOR, cut // SECTOR * SECTOR + 1)]))
    for found in carve(content, [(0, len(data))]):
        assert 0 < found.length <= len(data) - found.offset + (1 << 30)


def test_a_mapfile_beside_the_image(files: dict[str, bytes], tmp_path: Path) -> None:
    path = iso(tmp_path / "x.iso", files)
    data = path.read_bytes()
    name = next(name for name in files if name != "DICOMDIR")
    at = data.index(files[name]) + len(files[name]) // SECTOR * SECTOR
    head = data.index(files[max(files)])
    mapfile = Mapfile(len(data))
    mapfile.mark(0, len(data), Status.DONE)
    mapfile.mark(at, at + SECTOR, Status.BAD)
    mapfile.mark(head, head + SECTOR, Status.UNSCRAPED)
    (tmp_path / "x.map").write_text(mapfile.text())
    file_set = scan_media([str(path)])
    assert sorted(u.path for u in file_set.unreadable) == sorted([name, max(files)])
    (finding,) = (f for f in file_set.findings if f.code == "M01")
    assert finding.count == 2
    assert finding.where.count("series") == 2  # by the DICOMDIR, and by the header
    source = open_source(str(path))
    first, second = sorted(find_losses(file_set, [source]), key=lambda loss: loss.origin)
    source.close()
    assert (first.path, first.origin, first.bytes_lost) == (max(files), "dicomdir", SECTOR)
    assert (second.path, second.origin) == (name, "header")
    assert second.bytes_lost == len(files[name]) % SECTOR
    assert first.series_uid
    assert first.sop_uid
    assert first.instance_number


@pytest.mark.parametrize("kind", ["raw", "session"])
def test_a_mapfile_of_an_image_that_is_not_simply_sectors(
    kind: str, files: dict[str, bytes], tmp_path: Path
) -> None:
    data = iso(tmp_path / "x.iso", files).read_bytes()
    name = next(name for name in files if name != "DICOMDIR")
    sector = data.index(files[name]) // SECTOR
    stride = 2352 if kind == "raw" else SECTOR
    if kind == "raw":
        (tmp_path / "y.bin").write_bytes(raw(data))
    elif builders.has_xorriso():
        session = mkisofs(tmp_path / "y.bin", tmp_path / "disc", "-C", f"0,{_SESSION}")
        sector = session.index(files[name]) // SECTOR
    else:
        pytest.skip("xorriso is not installed")
    mapfile = Mapfile((tmp_path / "y.bin").stat().st_size)
    mapfile.mark(0, mapfile.size, Status.DONE)
    mapfile.mark(sector * stride + 100, sector * stride + 200, Status.BAD)
    (tmp_path / "y.map").write_text(mapfile.text())
    source = open_source(str(tmp_path / "y.bin"))
    assert {file.path: file.lost for file in source.iter_files() if file.lost} == {name: SECTOR}
    source.close()


def test_reading_everything_finds_what_nobody_knew(files: dict[str, bytes], tmp_path: Path) -> None:
    path = iso(tmp_path / "x.iso", files)
    data = path.read_bytes()
    file_set = scan_media([str(path)])
    name = next(name for name in files if name != "DICOMDIR")
    at = data.index(files[name]) + len(files[name]) // SECTOR * SECTOR
    content = SectorBytes(FaultyBytes(data, [(at, at + SECTOR)]))
    source = DiscSource(content)
    lost = {file.path: tuple(ranges) for file, ranges in read_through(source, SILENT)}
    end = len(files[name])
    assert {path: ranges for path, ranges in lost.items() if ranges} == {
        name: ((end // SECTOR * SECTOR, end),)
    }
    assert set(lost) == set(files)
    assert list(content.bad) == [(at, at + SECTOR)]
    (loss,) = find_losses(file_set, [source])
    found = [(0, name, end, lost[name])]
    assert name_losses(found, file_set, [source]) == [loss]


# -- drives ---------------------------------------------------------------------------------------


class FakeDrive(NoDrive):
    """A drive with a table of contents."""

    def __init__(self, fd: int, contents: Contents, state: str = "") -> None:
        super().__init__(fd)
        self._contents = contents
        self._state = state

    def state(self) -> str:
        return self._state

    def contents(self) -> Contents:
        return self._contents


def opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))


@needs_xorriso
def test_a_drive_says_where_its_last_session_is(
    sessions: tuple[bytes, bytes, bytes], tmp_path: Path
) -> None:
    first, linked, _ = sessions
    (tmp_path / "disc").write_bytes(first + linked)
    fd = opened(tmp_path / "disc")
    source = drive_source(fd, FakeDrive(fd, Contents((_SESSION,), 2, 0)))
    assert source.kind == "device"
    assert {file.path for file in source.iter_files()} == {"one", "two", "same", "same~2"}
    source.close()


@pytest.mark.parametrize("state", ["empty", "open", "not ready", "audio"])
def test_a_drive_that_cannot_be_read_says_why(state: str, tmp_path: Path) -> None:
    (tmp_path / "disc").write_bytes(b"")
    fd = opened(tmp_path / "disc")
    with pytest.raises(MediaError) as caught:
        drive_source(fd, FakeDrive(fd, Contents(), state))
    assert caught.value.hint


def test_blank_and_audio_discs(tmp_path: Path) -> None:
    (tmp_path / "disc").write_bytes(bytes(500_000))
    for contents_, message in ((Contents(), "blank"), (Contents((), 0, 3), "audio")):
        fd = opened(tmp_path / "disc")
        with pytest.raises(MediaError, match=message):
            drive_source(fd, FakeDrive(fd, contents_))


def test_calls_of_a_drive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "disc").write_bytes(bytes(5000))
    fd = opened(tmp_path / "disc")
    drive = drive_of(fd)
    assert drive.size() == 5000
    assert drive.state() == ""
    assert drive.sector() == SECTOR
    assert drive.contents() == Contents()
    assert not drive.eject()
    assert isinstance(drive, LinuxDrive) or os.name == "nt"
    os.close(fd)


_OBJECTS = {
    str(syntax): builders.to_bytes(builders.instance(transfer_syntax=syntax))
    for syntax in builders.SYNTAXES
}
