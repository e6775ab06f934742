"""No identifying value leaves by a way that was not asked for.

A study full of canaries goes through every command; their outputs, the log, the state, the keys and
the package's bytes are searched for each canary, in every encoding that could hide it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import builders
from tests.running import EmixProcess, Result

#: A folder may be named after the patient; a source path must not leak either.
FOLDER = "CANARYFOLDER^JANE"
CANARIES = (*builders.CANARY.strings(), *builders.OTHER_CANARY.strings(), "CANARYFOLDER")


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    folder = tmp_path / FOLDER
    builders.study(folder, series=2, instances=3)
    builders.write(builders.encapsulated_pdf(), folder / "PDF")
    return folder


@pytest.fixture
def damaged(disc: Path) -> Path:
    files = sorted(disc.rglob("IM*"))
    builders.truncate(files[0], keep=0.5)
    builders.truncate(files[1], keep=0.01)
    builders.zero_fill(files[2])
    files[3].write_bytes(b"\0" * 128 + b"DICM" + bytes(range(256)) * 8)
    (disc / "CANARYSURNAME.txt").write_text("CANARYSURNAME")
    return disc


@pytest.fixture
def package(disc: Path, tmp_path: Path, run_emix: EmixProcess) -> Path:
    done = run_emix("pack", disc, "-o", "one.emix.html", "--code-out", "code.txt", "--quiet")
    assert done.code == 0, done.stderr
    return tmp_path / "one.emix.html"


def forms(canary: str) -> Iterator[bytes]:
    yield canary.encode()
    yield canary.encode("utf-16-le")
    for shift in range(3):  # base64 has three alignments; the rims depend on what stands beside
        yield base64.b64encode(b"\0" * shift + canary.encode())[4:-4] or b"\0never\0"


def leaks(data: bytes) -> list[str]:
    # Short numbers (a birth date) turn up by chance in megabytes of base64, but not as they are.
    folded = data.upper()
    return [
        canary
        for canary in CANARIES
        if any(form.upper() in folded for form in forms(canary) if len(form) >= 8)
    ]


def check_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        assert not leaks(str(path.relative_to(folder)).encode()), "in a file name"
        if path.is_file():
            assert not leaks(path.read_bytes()), path.name


def check(result: Result, home: Path, *, shown: bool = False) -> None:
    """Fail where a canary is in errors, log or state; in standard output too unless `shown`."""
    assert not leaks(result.stderr.encode())
    if not shown:
        assert not leaks(result.stdout.encode())
    check_files(home)


def test_the_search_finds_what_it_looks_for() -> None:
    assert leaks(b"xx CanarySurname^ xx") == ["CANARYSURNAME"]
    assert leaks(base64.b64encode(b"some patient: CANARY-ID-471108, male"))
    assert leaks("CANARY HOSPITAL".encode("utf-16"))
    assert not leaks(b"nothing")


@pytest.mark.parametrize("options", [(), ("--json",), ("--strict", "-vv")])
def test_scan_tells_the_patient_on_standard_output_only(
    options: tuple[str, ...], damaged: Path, run_emix: EmixProcess, emix_home: Path
) -> None:
    result = run_emix("scan", damaged, *options)
    assert "CANARYSURNAME" in result.stdout
    check(result, emix_home, shown=True)


@pytest.mark.parametrize("options", [(), ("--json",), ("--dry-run",), ("-vv",)])
def test_pack(
    options: tuple[str, ...], damaged: Path, run_emix: EmixProcess, emix_home: Path, tmp_path: Path
) -> None:
    result = run_emix("pack", damaged, "-o", "out.emix.html", "--code-out", "code.txt", *options)
    assert result.code in {0, 3}
    check(result, emix_home)
    if (tmp_path / "out.emix.html").exists():
        assert not leaks((tmp_path / "out.emix.html").read_bytes())


def test_reading_a_package(package: Path, run_emix: EmixProcess, emix_home: Path) -> None:
    assert not leaks(package.read_bytes())
    for arguments in (
        ("inspect", package),
        ("inspect", package, "--json"),
        ("inspect", package, "--password", "--code-file", "code.txt"),
        ("verify", package, "--code-file", "code.txt"),
        ("verify", package, "--code-file", "code.txt", "--json"),
        ("unpack", package, "--code-file", "code.txt", "-o", "out"),
        ("unpack", package, "--code-file", "code.txt", "-o", "out2", "--json"),
    ):
        result = run_emix(*arguments)
        assert result.code == 0, result.stderr
        check(result, emix_home)


def test_a_damaged_package(package: Path, run_emix: EmixProcess, emix_home: Path) -> None:
    data = bytearray(package.read_bytes())
    for place in range(len(data) // 2, len(data), 5000):
        data[place] ^= 0xFF
    package.write_bytes(data)
    for command in (("verify",), ("unpack", "-o", "out")):
        result = run_emix(command[0], package, *command[1:], "--code-file", "code.txt")
        assert result.code != 0
        check(result, emix_home)


@pytest.mark.parametrize("command", ["scan", "pack"])
def test_errors_name_no_source_path(
    command: str, tmp_path: Path, run_emix: EmixProcess, emix_home: Path
) -> None:
    (tmp_path / FOLDER).mkdir()
    options = ("-o", "out.emix.html", "--code-out", "code") if command == "pack" else ()
    for path in (tmp_path / FOLDER, tmp_path / FOLDER / "absent"):
        result = run_emix(command, path, *options)
        assert result.code in {20, 21}
        check(result, emix_home)


def test_two_patients(tmp_path: Path, run_emix: EmixProcess, emix_home: Path) -> None:
    builders.study(tmp_path / FOLDER)
    builders.study(tmp_path / FOLDER, phi=builders.OTHER_CANARY, number=2)
    result = run_emix("pack", tmp_path / FOLDER, "-o", "out.emix.html", "--code-out", "code")
    assert result.code == 25
    check(result, emix_home)
