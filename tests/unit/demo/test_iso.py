"""The ISO image writer against other programs' readers."""

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emixcli.demo.iso import SECTOR, IsoWriter

MOMENT = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)

FILES = {
    "DICOMDIR": b"d" * 5000,
    "empty": b"",
    "exact sector.bin": b"e" * SECTOR,
    "Report of the first examination.pdf": b"%PDF one",
    "Report of the second examination.pdf": b"%PDF two",
    "Grüße/Ångström.txt": b"unicode",
    "a/b/c/d/e/f/deep.txt": b"deep",
    **{f"DICOM/S{n % 3}/SER{n % 7}/I{n:07d}": bytes([n % 251]) * (n * 13) for n in range(400)},
}


def write_image(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with path.open("wb") as file, IsoWriter(file, "TEST_VOLUME", moment=MOMENT) as image:
        for name, content in files.items():
            image.add(name, content)
    return path


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image(tmp_path_factory.mktemp("iso") / "image.iso")


def require(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def test_7zip_extracts_every_byte_by_joliet_names(image: Path, tmp_path: Path) -> None:
    program = require("7zz")
    subprocess.run([program, "x", "-y", f"-o{tmp_path}", image], check=True, capture_output=True)
    found = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert found == FILES


def test_xorriso_reads_it_and_finds_the_volume_label(image: Path) -> None:
    program = require("xorriso")
    done = subprocess.run(
        [program, "-indev", image, "-find", "/", "-type", "f"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.count("\n") == len(FILES)
    assert "TEST_VOLUME" in done.stderr
    assert "WARNING" not in done.stderr
    assert "FAILURE" not in done.stderr


def test_pycdlib_reads_level_1_names(image: Path) -> None:
    import io

    import pycdlib

    iso = pycdlib.PyCdlib()
    iso.open(str(image))
    try:
        names = {
            f"{folder.rstrip('/')}/{name}"
            for folder, _, names in iso.walk(iso_path="/")
            for name in names
        }
        out = io.BytesIO()
        iso.get_file_from_iso_fp(out, iso_path="/REPOR001.PDF;1")
    finally:
        iso.close()
    assert len(names) == len(FILES)
    assert "/DICOMDIR.;1" in names
    assert "/REPORT_O.PDF;1" in names
    assert out.getvalue() == b"%PDF two"


def test_the_same_files_make_the_same_image(image: Path, tmp_path: Path) -> None:
    again = write_image(tmp_path / "again.iso")
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (image, again)}
    assert len(digests) == 1


def test_the_size_is_what_the_volume_descriptor_says(image: Path) -> None:
    content = image.read_bytes()
    blocks = int.from_bytes(content[16 * SECTOR + 80 : 16 * SECTOR + 84], "little")
    assert len(content) == blocks * SECTOR


@pytest.mark.parametrize("name", ["", "a//b", "../up", "a/./b"])
def test_a_path_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with (tmp_path / "x.iso").open("wb") as file:
        writer = IsoWriter(file, "X", moment=MOMENT)
        with pytest.raises(ValueError, match="not a name"):
            writer.add(name, b"")


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "x.iso").open("wb") as file:
        writer = IsoWriter(file, "X", moment=MOMENT)
        writer.add("a", b"")
        with pytest.raises(ValueError, match="taken"):
            writer.add("a", b"")
        with pytest.raises(ValueError, match="taken"):
            writer.add("a/b", b"")
