"""Folders, archives, images: everything on them is found, nothing outside of them is touched."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zipfile
from pathlib import Path

import pycdlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.errors import EmixError, MediaError
from emixcli.media.names import UniqueNames, drive_device, fold, native_path, safe_path
from emixcli.media.scan import scan_media
from emixcli.media.sources import open_source
from emixcli.media.sources.base import StreamBytes
from emixcli.media.sources.contents import archive_in
from tests import builders

needs_xorriso = pytest.mark.skipif(not builders.has_xorriso(), reason="xorriso is not installed")


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """A file-set with DICOMDIR, a long name and a deep folder."""
    images = builders.study(tmp_path / "images", series=2, instances=4)
    folder = builders.file_set(tmp_path / "disc", images)
    (folder / "a long name with spaces, ümlauts and more than thirty-one letters.txt").write_text(
        "x"
    )
    deep = folder.joinpath(*(f"d{n}" for n in range(11)))
    deep.mkdir(parents=True)
    (deep / "note").write_text("deep")
    return folder


def contents(path: Path) -> dict[str, bytes]:
    """Return every file of a medium by its path."""
    source = open_source(str(path))
    found = {}
    for file in source.iter_files():
        with source.open(file.path) as stream:
            found[file.path] = stream.read()
        assert len(found[file.path]) == file.size
    source.close()
    return found


def truth(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_folder(disc: Path) -> None:
    assert contents(disc) == truth(disc)


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = builders.study(tmp_path / "outside", phi=builders.OTHER_CANARY, number=2)
    folder = tmp_path / "medium"
    builders.study(folder, series=1, instances=1)
    (folder / "file").symlink_to(outside[0])
    (folder / "folder").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    file_set = scan_media([str(folder)])
    assert file_set.n_files == 1
    assert {f.code: f.count for f in file_set.findings}["D07"] == 2


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\xfe.dcm"
    Path(os.fsdecode(path)).write_bytes(builders.to_bytes(builders.instance()))
    assert sum(1 for _ in scan_media([str(tmp_path)]).iter_instances()) == 1


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert scan_media([str(tmp_path)]).n_files == 0


def test_no_medium(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        open_source(str(tmp_path / "none"))


@pytest.mark.parametrize("kind", ["zip", "iso", "file"])
def test_no_error_names_a_file_of_the_medium(kind: str, tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    medium.write_bytes(_containers().get(kind, b"DICM"))
    source = open_source(str(medium))
    with pytest.raises(FileNotFoundError) as caught:
        source.open_bytes("DOE JANE/IM1")
    assert "DOE" not in f"{caught.value!s}{caught.value.filename}"
    source.close()


@pytest.mark.parametrize("stored", [True, False])
def test_zip_by_content_not_by_name(disc: Path, tmp_path: Path, *, stored: bool) -> None:
    assert contents(builders.zip_of(tmp_path / "x.bin", disc, stored=stored)) == truth(disc)


def test_hostile_names_in_a_zip(tmp_path: Path) -> None:
    image = builders.to_bytes(builders.instance())
    names = ["../up", "/etc/passwd", "C:\\x", "a/../../b", "ok/./IM1", "ok\\IM2", "ok/IM1"]
    archive = builders.zip_of(tmp_path / "a.zip", dict.fromkeys(names, image))
    assert sorted(contents(archive)) == ["ok/IM1", "ok/IM1~2", "ok/IM2"]
    codes = {f.code: f.count for f in scan_media([str(archive)]).findings}
    assert codes["D07"] == 4


def test_zip_bomb(tmp_path: Path) -> None:
    archive = builders.zip_bomb(tmp_path / "bomb.zip", size=300 * 1024**2)
    file_set = scan_media([str(archive)])
    assert [u.reason for u in file_set.unreadable] == ["unpacks to far more than its size"]


def test_zip_with_overlapping_members(tmp_path: Path) -> None:
    archive = builders.zip_of(tmp_path / "a.zip", {"a": os.urandom(5000)})
    data = archive.read_bytes()
    at = data.index(b"PK\x01\x02")
    entry = data[at : data.index(b"PK\x05\x06")]
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 50, 50, 50 * len(entry), at, 0)
    archive.write_bytes(data[:at] + entry * 50 + end)
    with pytest.raises(MediaError, match="bomb"):
        open_source(str(archive))


def test_encrypted_zip(tmp_path: Path) -> None:
    archive = builders.zip_of(tmp_path / "a.zip", {"a": b"x"})
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(MediaError, match="encrypted"):
        open_source(str(archive))


@pytest.mark.parametrize("stored", [True, False])
def test_damaged_member_of_a_zip(tmp_path: Path, *, stored: bool) -> None:
    archive = builders.zip_of(tmp_path / "a.zip", {"a": os.urandom(9000)}, stored=stored)
    data = bytearray(archive.read_bytes())
    data[4000:4010] = bytes(10)
    archive.write_bytes(data)
    source = open_source(str(archive))
    content = source.open_bytes("a")
    with pytest.raises(OSError, match="damaged"):
        content.read_at(0, 9000)
    content.close()
    source.close()


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.97])
def test_cut_zip(disc: Path, tmp_path: Path, keep: float, *, stored: bool, streamed: bool) -> None:
    real = truth(disc)
    packed = zip_bytes(real, stored=stored, streamed=streamed)
    archive = tmp_path / "a.zip"
    archive.write_bytes(packed[: int(len(packed) * keep)])
    source = open_source(str(archive))
    assert source.notes.codes["M16"] == 1
    n_whole = 0
    files = list(source.iter_files())
    assert [file.path for file in files] == list(real)[: len(files)]
    for file in files:
        content = source.open_bytes(file.path)
        if file.missing:
            with pytest.raises(OSError, match="damaged"):
                content.read_at(0, file.size)
        else:
            assert content.read_at(0, file.size) == real[file.path]
            n_whole += 1
        content.close()
    source.close()
    assert len(files) - 1 <= n_whole <= len(files) < len(real) or keep > 0.9


def test_a_zip_of_a_cut_download_names_what_is_lost(tmp_path: Path) -> None:
    images = builders.study(tmp_path / "images", series=1, instances=3, rows=128, columns=128)
    packed = zip_bytes({path.name: path.read_bytes() for path in images}, stored=True)
    (tmp_path / "a.zip").write_bytes(packed[: len(packed) * 3 // 4])
    found = scan_media([str(tmp_path / "a.zip")])
    assert {f.code: f.count for f in found.findings if f.severity == "LOSS"} == {
        "M16": 1,
        "S04": 1,
    }
    assert [u.reason for u in found.unreadable] == ["truncated"]


def test_a_zip_without_its_first_member(disc: Path, tmp_path: Path) -> None:
    real = truth(disc)
    packed = bytearray(zip_bytes(real, stored=False))
    packed[packed.index(b"PK\x01\x02") :] = b""
    packed[4:40] = b"\xff" * 36
    (tmp_path / "a.zip").write_bytes(packed)
    assert list(contents(tmp_path / "a.zip")) == list(real)[1:]


def test_nothing_left_of_a_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + b"\xff" * 500)
    with pytest.raises(MediaError, match="incomplete"):
        open_source(str(tmp_path / "a.zip"))


def zip_bytes(files: dict[str, bytes], *, stored: bool, streamed: bool = False) -> bytes:
    """Return a ZIP file; a streamed one says sizes only behind each member."""

    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return not streamed

        def seek(self, *_: object) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            if streamed:
                raise io.UnsupportedOperation
            return super().tell()

    target = Stream() if streamed else io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


@needs_xorriso
@pytest.mark.parametrize("options", [["-R"], ["-J", "-R"], ["-iso-level", "3", "-R"]])
def test_iso_with_rock_ridge(disc: Path, tmp_path: Path, options: list[str]) -> None:
    assert contents(builders.iso(tmp_path / "x.img", disc, options=options)) == truth(disc)


def test_iso_without_long_names_and_with_joliet(tmp_path: Path) -> None:
    data = os.urandom(5000)
    plain = pycdlib.PyCdlib()
    plain.new(interchange_level=1)
    plain.add_directory("/DIR")
    plain.add_fp(io.BytesIO(data), len(data), "/DIR/IM00001.;1")
    joliet = pycdlib.PyCdlib()
    joliet.new(interchange_level=1, joliet=3)
    joliet.add_directory("/DIR", joliet_path="/folder name")
    name = "/folder name/image one"
    joliet.add_fp(io.BytesIO(data), len(data), "/DIR/IM00001.;1", joliet_path=name)
    for image, path in ((plain, "DIR/IM00001"), (joliet, "folder name/image one")):
        image.write(str(tmp_path / "x.iso"))
        image.close()
        assert contents(tmp_path / "x.iso") == {path: data}


@needs_xorriso
def test_raw_sectors(disc: Path, tmp_path: Path) -> None:
    image = builders.iso(tmp_path / "x.iso", disc).read_bytes()
    head = b"\0" + b"\xff" * 10 + b"\0\0\0\0\x01"
    sectors = (image[at : at + 2048] for at in range(0, len(image), 2048))
    (tmp_path / "x.bin").write_bytes(b"".join(head + sector + bytes(288) for sector in sectors))
    assert contents(tmp_path / "x.bin") == truth(disc)


@needs_xorriso
@pytest.mark.parametrize("part", [0.4, 0.6, 0.8, 0.95])
def test_cut_image_loses_nothing_silently(disc: Path, tmp_path: Path, part: float) -> None:
    image = builders.truncate(builders.iso(tmp_path / "x.iso", disc), keep=part)
    source = open_source(str(image))
    real = truth(disc)
    n_lost = 0
    for file in source.iter_files():
        with source.open(file.path) as stream:
            if file.missing:
                n_lost += 1
                with pytest.raises(OSError, match="ends before"):
                    stream.read()
            else:
                assert stream.read() == real[file.path]
    source.close()
    file_set = scan_media([str(image)])
    assert len(file_set.unreadable) <= n_lost  # files that are no images may be cut as well
    if n_lost:
        assert {f.code: f.count for f in file_set.findings}["M02"] == n_lost


@needs_xorriso
def test_first_descriptor_lost(disc: Path, tmp_path: Path) -> None:
    image = builders.iso(tmp_path / "x.iso", disc, options=["-J"])
    builders.zero_fill(image, start=16 * 2048, stop=17 * 2048)
    assert len(contents(image)) == len(truth(disc))
    assert "M03" in {f.code for f in scan_media([str(image)]).findings}


def test_other_archives_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    with pytest.raises(MediaError, match="7-Zip"):
        open_source(str(tmp_path / "a.7z"))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a/b", "a/b"), ("a\\b", "a/b"), ("./a//b", "a/b"), ("..", None), ("a/../b", None),
        ("/a", None), ("\\\\host\\x", None), ("c:x", None), ("a\0b", None), ("", None),
        ("./", None),
    ],
)  # fmt: skip
def test_safe_path(name: str, safe: str | None) -> None:
    assert safe_path(name) == safe


@pytest.mark.parametrize(
    ("path", "native"),
    [
        ("D:", "\\\\?\\D:\\"),
        ("C:\\a\\..\\b", "\\\\?\\C:\\b"),
        ("\\\\host\\share\\x", "\\\\?\\UNC\\host\\share\\x"),
        ("\\\\?\\C:\\x", "\\\\?\\C:\\x"),
    ],
)
def test_windows_paths(path: str, native: str) -> None:
    assert native_path(path, windows=True) == native


def test_names() -> None:
    assert fold("dir/im1.;1") == fold("DIR\\IM1") == "DIR/IM1"
    assert drive_device("d:\\") == "\\\\.\\D:"
    assert drive_device("d:\\x") is None
    names = UniqueNames()
    assert [names.take(name) for name in ("a", "a", "a~2", "a")] == ["a", "a~2", "a~2~2", "a~3"]


@given(st.binary(min_size=1, max_size=60), st.integers(0, 500), st.booleans())
@settings(max_examples=200, deadline=None)
def test_damaged_local_headers_raise_only_our_errors(patch: bytes, at: int, streamed: bool) -> None:
    files = {f"d/{number}": bytes(200) for number in range(3)}
    data = bytearray(zip_bytes(files, stored=False, streamed=streamed))
    data = data[: data.index(b"PK\x01\x02")]
    data[at : at + len(patch)] = patch
    data[:4] = b"PK\x03\x04"
    _read_all(bytes(data))


@given(st.binary(max_size=200), st.integers(0, 600), st.sampled_from(["zip", "iso"]))
@settings(max_examples=200, deadline=None)
def test_damaged_containers_raise_only_our_errors(patch: bytes, at: int, kind: str) -> None:
    data = bytearray(_CONTAINERS[kind])
    offset = at if kind == "zip" else 16 * 2048 + at * 40
    data[offset : offset + len(patch)] = patch
    _read_all(bytes(data))


def _read_all(data: bytes) -> None:
    """Read everything of a medium; nothing but our errors may come out."""
    content = StreamBytes(io.BytesIO(data), len(data))
    with contextlib.suppress(EmixError):
        source = archive_in(content, data[:4096])
        if source is not None:
            for file in source.iter_files():
                with contextlib.suppress(OSError):
                    source.open_bytes(file.path).read_at(0, file.size)
            source.close()


def _containers() -> dict[str, bytes]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"d/{number}", bytes(200))
    image = pycdlib.PyCdlib()
    image.new(joliet=3, rock_ridge="1.09")
    image.add_fp(io.BytesIO(b"x" * 99), 99, "/A.;1", rr_name="a", joliet_path="/a")
    written = io.BytesIO()
    image.write_fp(written)
    image.close()
    return {"zip": packed.getvalue(), "iso": written.getvalue()}


_CONTAINERS = _containers()
