"""The packages that users install hold the viewer, and need no Node for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import hatch_build
from tests.running import ROOT

PAGES = {f"emixcli/viewer/{name}" for name in (*hatch_build.PAGES, "sources.sha256")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build sdist and wheel from a copy of the sources, with the present bundle."""
    if hatch_build.is_due():
        pytest.skip("the viewer changed and is not built: run python3 hatch_build.py")
    copy = tmp_path_factory.mktemp("build") / "emix"
    ignored = shutil.ignore_patterns(".*", "node_modules", "__pycache__", "dist", "shared")
    shutil.copytree(ROOT, copy, ignore=ignored)
    shutil.copy(ROOT / ".gitignore", copy)
    before = (copy / "emixcli/viewer/viewer.html").stat().st_mtime_ns
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(copy / "out")]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    assert (copy / "emixcli/viewer/viewer.html").stat().st_mtime_ns == before, "built again"
    return copy / "out"


def test_the_wheel_is_the_package_with_pages_and_licence(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        assert {name.split("/")[0].split("-")[0] for name in names} == {"emixcli"}
        metadata = next(name for name in names if name.endswith("/METADATA"))
        assert b"License-Expression: Apache-2.0" in wheel.read(metadata)
    assert names > PAGES | {"emixcli/py.typed", "emixcli/cli.py"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.endswith((".ts", ".pyc", ".partial"))]


def test_the_sdist_brings_pages_and_sources(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert names > PAGES | {"viewer/package-lock.json", "viewer/src/ui/main.ts", "LICENSE"}
    assert not [name for name in names if "node_modules" in name]


def test_a_change_of_the_sources_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, bundle = tmp_path / "viewer", tmp_path / "bundle"
    (sources / "src").mkdir(parents=True)
    bundle.mkdir()
    monkeypatch.setattr(hatch_build, "SOURCES", sources)
    monkeypatch.setattr(hatch_build, "BUNDLE", bundle)
    monkeypatch.setattr(hatch_build, "STAMP", bundle / "sources.sha256")
    assert not hatch_build.is_due()  # an sdist without sources
    (sources / "package.json").write_text("{}")
    (sources / "src/main.ts").write_text("one")
    assert hatch_build.is_due()
    for page in hatch_build.PAGES:
        (bundle / page).write_text("page")
    (bundle / "sources.sha256").write_text(hatch_build.sources_digest() + "\n")
    assert not hatch_build.is_due()
    (sources / "src/main.ts").write_text("two")
    assert hatch_build.is_due()
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    hook = object.__new__(hatch_build.ViewerHook)
    assert hook.dependencies() == [hatch_build.NODE]


def test_the_locks_name_hashes_and_no_host() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text("utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
    assert '"resolved"' not in (ROOT / "viewer/package-lock.json").read_text("utf-8")
