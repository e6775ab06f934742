"""`emix scan` as a shell calls it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import builders
from tests.builders import study
from tests.running import ROOT, EmixProcess, Result

Run = Callable[..., Result]


def shell(script: str, cwd: Path) -> list[str]:
    """Run a script of the shell, where `emix` is the command; return the lines it wrote."""
    emix = f'emix() {{ {shlex.quote(sys.executable)} -m emixcli "$@"; }}\n'
    done = subprocess.run(
        ["sh", "-c", emix + script],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "EMIX_HOME": str(cwd / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(os.name == "nt", reason="needs sh")
def test_exit_codes_in_a_shell(tmp_path: Path) -> None:
    images = builders.study(tmp_path / "disc")
    (tmp_path / "empty").mkdir()
    script = "emix scan {} >/dev/null 2>&1; echo $?"
    assert shell(script.format("disc"), tmp_path) == ["0"]
    builders.truncate(images[0], keep=0.5)
    assert shell(script.format("disc"), tmp_path) == ["3"]
    assert shell(script.format("empty"), tmp_path) == ["21"]
    assert shell(script.format("nowhere"), tmp_path) == ["20"]
    found = shell("emix scan disc 2>/dev/null | grep -c 'unreadable  truncated'", tmp_path)
    assert found == ["1"]
    assert shell("emix scan disc --json 2>/dev/null | head -n 1; echo $?", tmp_path) == ["{", "0"]


def test_missing_objects_end_with_their_code(tmp_path: Path, run_emix: EmixProcess) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    images = sorted(path for path in disc.rglob("IM*") if path.is_file())
    images[0].unlink()
    scanned = run_emix("scan", disc, "--json")
    assert scanned.code == 23
    assert scanned.error["id"] == "media.incomplete"
    assert scanned.error["message"].startswith("1 object is named")
    packed = run_emix("pack", disc, "-o", "p.emix.html", "--code-out", "code", "--json")
    assert packed.code == 3
    assert packed.document["missing"] == 1
    assert "1 object that the medium's directory names is not on it" in packed.error["message"]
    assert len(packed.stderr.splitlines()) == 1, "only the error is on standard error"
    other = tmp_path / "other"
    other.mkdir()
    builders.write(builders.instance(study=2), other / "IM")
    chosen = (
        "pack",
        disc,
        other,
        "--study",
        builders.uid(2),
        "-o",
        "q.emix.html",
        "--code-out",
        "q",
    )
    assert run_emix(*chosen, "--json").document["missing"] == 0
    builders.truncate(images[1], keep=0.5)
    assert run_emix("scan", disc).code == 3, "what cannot be read is worse"


@pytest.mark.skipif(not builders.has_xorriso(), reason="xorriso is not installed")
def test_an_object_that_packing_loses_is_told_once(tmp_path: Path, run_emix: EmixProcess) -> None:
    images = builders.study(tmp_path / "disc")
    image = builders.iso(tmp_path / "disc.iso", tmp_path / "disc")
    content = image.read_bytes()
    last = max(content.rfind(path.read_bytes()[-400:]) for path in images)
    image.write_bytes(content[: last // 2048 * 2048])
    packed = run_emix("pack", image, "-o", "p.emix.html", "--code-out", "code", "--json")
    assert packed.code == 3
    told = "the package is made, but 1 object could not be read and is not in it"
    assert packed.error["message"] == told
    assert packed.document["unreadable"] == 1


def test_a_cut_object_is_packed_and_said_to_be_cut(tmp_path: Path, run_emix: EmixProcess) -> None:
    images = builders.study(tmp_path / "disc")
    builders.truncate(images[0], keep=0.5)
    packed = run_emix("pack", "disc", "-o", "p.emix.html", "--code-out", "code")
    assert packed.code == 3
    assert "the package is made, but 1 object is cut short on the medium" in packed.stderr
    assert "not in it" not in packed.stderr
    told = run_emix("inspect", "p.emix.html", "--code-file", "code")
    assert "finding  S04  1 x" in told.stdout
    out = run_emix("unpack", "p.emix.html", "-o", "out", "--code-file", "code")
    assert out.code == 0, out.stderr
    bytes_out = {p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert images[0].read_bytes() in bytes_out


def test_what_is_no_medium_is_told_by_name(
    tmp_path: Path, emix_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    disc = tmp_path / "disc"
    study(disc, series=1, instances=1)
    monkeypatch.chdir(disc)
    empty = emix_here("scan", "")
    assert empty.code == 2
    assert "a path is empty" in empty.stderr
    package = tmp_path / "x.emix.html"
    assert emix_here("pack", disc, "-o", package, "--code-out", tmp_path / "code").code == 0
    scanned = emix_here("scan", package)
    assert scanned.code == 20
    assert "emix view" in scanned.stderr
    with tarfile.open(tmp_path / "t.tar", "w") as archive:
        archive.add(disc, "disc")
    packed = emix_here("scan", tmp_path / "t.tar")
    assert packed.code == 20
    assert "tar archives are not read" in packed.stderr


@pytest.mark.skipif(not builders.has_xorriso(), reason="xorriso is not installed")
def test_a_mapfile_beside_an_image_is_never_passed_over(tmp_path: Path, emix_here: Run) -> None:
    study(tmp_path / "disc", series=1, instances=1)
    image = builders.iso(tmp_path / "x.iso", tmp_path / "disc")
    beside = tmp_path / "x.iso.map"
    n = image.stat().st_size
    beside.write_text(f"0x0 + 1\n0x0 0x8000 +\n0x8000 0x800 -\n0x8800 {n - 0x8800:#x} +\n")
    assert "M03" in emix_here("scan", image, "--strict").stdout
    for text in ("", "0x0 + 1\n", "no map"):
        beside.write_text(text)
        found = emix_here("scan", image)
        assert found.code == 20
        assert "the mapfile cannot be read" in found.stderr
    beside.unlink()
    assert "M03" not in emix_here("scan", image, "--strict").stdout
