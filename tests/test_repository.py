"""What may be in the repository: text, vectors, pictures of the documentation, no patient."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import ROOT

_MACHINE = re.compile(rb"/(?:work/main|work/shared|work/\.library|root/\.|home/[a-z]+/)")
_LARGEST = 1_000_000
_ALLOWED_BINARY = ("tests/vectors/", "docs/images/")
#: Lines of a function and of a module: what is longer does more than one thing.
_LONGEST_FUNCTION, _LONGEST_MODULE = 60, 500
#: Longer ones that still have to be split.
_TO_SPLIT: frozenset[str] = frozenset()
#: The test that names what it looks for.
_SELF = "tests/test_repository.py"


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    if shutil.which("git") is None:
        pytest.skip("git lists the files of the repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def test_no_path_of_a_machine(tracked: list[str]) -> None:
    found = [name for name in tracked if _MACHINE.search((ROOT / name).read_bytes())]
    assert [name for name in found if name != _SELF] == []


def test_no_images_of_patients_and_no_binaries(tracked: list[str]) -> None:
    assert [name for name in tracked if is_dicom(ROOT / name)] == []
    binary = [name for name in tracked if b"\0" in (ROOT / name).read_bytes()]
    assert [name for name in binary if not name.startswith(_ALLOWED_BINARY)] == []


def test_no_large_files(tracked: list[str]) -> None:
    assert [name for name in tracked if (ROOT / name).stat().st_size > _LARGEST] == []


def test_nothing_generated_is_tracked(tracked: list[str]) -> None:
    generated = ("emixcli/viewer/", "node_modules/", ".venv/", "dist/")
    pages = [name for name in tracked if name.startswith(generated) and name.endswith(".html")]
    assert pages == []
    assert [name for name in tracked if name.endswith((".pyc", ".partial"))] == []


def lengths(path: Path) -> dict[str, int]:
    """Return the number of lines of a module and of each of its functions."""
    source = (ROOT / path).read_text("utf-8")
    found = {str(path): len(source.splitlines())}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[f"{path}:{node.name}"] = (node.end_lineno or 0) - node.lineno + 1
    return found


def test_functions_and_modules_are_short(tracked: list[str]) -> None:
    found: dict[str, int] = {}
    for name in tracked:
        if name.endswith(".py"):
            found |= lengths(Path(name))
    long = {
        name
        for name, n in found.items()
        if n > (_LONGEST_FUNCTION if ":" in name else _LONGEST_MODULE)
    }
    assert long - _TO_SPLIT == set()
