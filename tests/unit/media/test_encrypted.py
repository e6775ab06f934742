"""ZIP files with a password, as 7-Zip and Info-ZIP write them: asked for, and never shown."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emixcli.errors import MediaError
from emixcli.media.scan import scan_media
from emixcli.media.sources import open_source
from tests import builders
from tests.running import Result
from tests.terminal import play

PASSWORD = "canary password 7"
KINDS = ("AES128", "AES192", "AES256", "ZipCrypto")
Run = Callable[..., Result]

pytestmark = pytest.mark.skipif(shutil.which("7zz") is None, reason="7zz is not installed")


def packed(folder: Path, *options: str, password: str = PASSWORD) -> Path:
    """Write the study in `folder/disc` as an encrypted ZIP file."""
    target = folder / "disc.zip"
    command = ["7zz", "a", "-tzip", f"-p{password}", *options, str(target), "."]
    subprocess.run(command, cwd=folder / "disc", check=True, capture_output=True)
    return target


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return builders.study(tmp_path / "disc", series=1, rows=64, columns=64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["Copy", "Deflate", "LZMA"])
def test_members_are_read(tmp_path: Path, images: list[Path], kind: str, method: str) -> None:
    archive = packed(tmp_path, f"-mem={kind}", f"-mm={method}")
    n_asked = 0

    def ask() -> bytes:
        nonlocal n_asked
        n_asked += 1
        return PASSWORD.encode()

    file_set = scan_media([str(archive)], password=ask)
    assert n_asked == 1
    assert sum(1 for _ in file_set.iter_instances()) == len(images)
    assert [found.code for found in file_set.findings] == ["D01"]
    source = open_source(str(archive), password=ask)
    for image in images:
        path = image.relative_to(tmp_path / "disc").as_posix()
        content = source.open_bytes(path)
        data = image.read_bytes()
        assert content.read_at(0, len(data)) == data
        assert content.read_at(100, 50) == data[100:150]
        assert content.read_at(len(data) - 5, 50) == data[-5:]
        with source.open(path) as stream:
            assert stream.read() == data
    source.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password(tmp_path: Path, images: list[Path], kind: str) -> None:
    assert images
    archive = packed(tmp_path, f"-mem={kind}")
    with pytest.raises(MediaError, match="does not open"):
        open_source(str(archive), password=lambda: b"never")
    with pytest.raises(MediaError, match="encrypted"):
        open_source(str(archive))


@pytest.mark.parametrize("method", ["Copy", "Deflate"])
def test_damage_is_told(tmp_path: Path, images: list[Path], method: str) -> None:
    archive = packed(tmp_path, "-mem=AES256", f"-mm={method}")
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    source = open_source(str(archive), password=PASSWORD.encode)
    damaged = 0
    for file in source.iter_files():
        try:
            with source.open(file.path) as stream:
                stream.read()
        except OSError:
            damaged += 1
    assert damaged == 1
    assert images
    source.close()


def test_scan_and_salvage_take_a_file(tmp_path: Path, images: list[Path], emix_here: Run) -> None:
    archive = packed(tmp_path, "-mem=AES256")
    refused = emix_here("scan", archive, "--json")
    assert refused.code == 20
    assert "--password-file" in refused.error["hint"]
    (tmp_path / "secret").write_text(PASSWORD + "\n", "utf-8")
    found = emix_here("scan", archive, "--json", "--password-file", tmp_path / "secret")
    assert found.document["counts"]["instances"] == len(images)
    saved = emix_here(
        "salvage", archive, "-o", tmp_path / "saved", "--password-file", tmp_path / "secret"
    )
    assert saved.code == 0
    for image in images:
        copy = tmp_path / "saved/files" / image.relative_to(tmp_path / "disc")
        assert copy.read_bytes() == image.read_bytes()
    written = [path.read_bytes() for path in (tmp_path / "saved").rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in data for data in written)
    (tmp_path / "secret").write_text("other\n")
    wrong = emix_here("scan", archive, "--password-file", tmp_path / "secret")
    assert wrong.code == 20
    assert PASSWORD not in wrong.stdout + wrong.stderr


def test_a_person_is_asked(tmp_path: Path, images: list[Path]) -> None:
    archive = packed(tmp_path, "-mem=AES256", password="canary-word")
    done = play(
        "-m", "emixcli", "scan", archive, "--json",
        answers=[("password of the archive: ", "canary-word")], cwd=tmp_path,
    )  # fmt: skip
    assert done.document["counts"]["instances"] == len(images)
    assert "canary-word" not in done.stdout + done.stderr
