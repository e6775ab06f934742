"""Real files: what comes out is readable, as valid as what went in, and verified; or refused."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import DataElement, dcmread
from pydicom.data import get_testdata_files

from emixcli.anonymize import Anonymizer, DeidError, Profile
from emixcli.deid import tables
from emixcli.deid.verify import Verifier
from tests.deid.conftest import KEY, accepting
from tests.deid.test_generator import iod_errors

needs_dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="no dciodvfy")
needs_dcmtk = pytest.mark.skipif(shutil.which("dcmdump") is None, reason="no dcmdump")


def corpus(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tsv")


def pydicom_files() -> list[Path]:
    """Return the test files that pydicom itself brings, without what it would download."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {
            Path(name)
            for name in get_testdata_files(
                "*",
            )
        }
    return sorted(path for path in found if path.is_file() and path.suffix != ".zip")


def outputs(paths: list[Path], profile: Profile) -> Iterator[tuple[Path, bytes | None, str]]:
    engine = Anonymizer(profile, KEY)
    for path in paths:
        with path.open("rb") as source:
            try:
                done = engine.anonymize(source)
            except DeidError as error:
                yield path, None, error.reason
                continue
            data = b"".join(done.iter_bytes(source))
            assert len(data) == done.size, path.name
            done.close()
            yield path, data, ""


@pytest.fixture(scope="module", params=["shared", "pydicom"])
def results(
    request: pytest.FixtureRequest,
) -> list[tuple[Path, bytes | None, str]]:
    if request.param == "shared":
        folder = request.getfixturevalue("shared_corpora") / "dicom"
        return list(outputs(corpus(folder), accepting()))
    return list(outputs(pydicom_files(), accepting()))


def test_refusals_are_named(results: list[tuple[Path, bytes | None, str]]) -> None:
    reasons = Counter(reason for _, data, reason in results if data is None)
    assert all(re.fullmatch(r"[a-z0-9.-]+", reason) for reason in reasons)
    assert sum(reasons.values()) < len(results) / 2


def test_verification_finds_nothing(results: list[tuple[Path, bytes | None, str]]) -> None:
    """Each output is searched for what stands in any input of its patient."""
    verifiers: dict[str, Verifier] = {}
    for path, data, _ in results:
        if data is not None:
            verifier = verifiers.setdefault(patient(path), Verifier(accepting()))
            with path.open("rb") as source:
                verifier.learn(source)
    found = {
        path.name: leaks[:3]
        for path, data, _ in results
        if data is not None and (leaks := verifiers[patient(path)].check(io.BytesIO(data)))
    }
    assert found == {}


def patient(path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = dcmread(path, force=True, specific_tags=["PatientID", "PatientName"])
    return f"{ds.get('PatientID')} {ds.get('PatientName')}"


def test_pydicom_reads_every_output(results: list[tuple[Path, bytes | None, str]]) -> None:
    for path, data, _ in results:
        if data is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ds = dcmread(io.BytesIO(data))
                for _ in ds.iterall():
                    pass
            assert ds.PatientIdentityRemoved == "YES", path.name


@pytest.mark.slow
@needs_dcmtk
def test_dcmtk_reads_every_output(
    results: list[tuple[Path, bytes | None, str]], tmp_path: Path
) -> None:
    failed = [
        path.name
        for path, data, _ in results
        if data is not None and dcmdump(tmp_path, data) and not dcmdump(tmp_path, path.read_bytes())
    ]
    assert failed == []


def dcmdump(folder: Path, data: bytes) -> int:
    (folder / "object").write_bytes(data)
    done = subprocess.run(
        ["dcmdump", "-q", str(folder / "object")], capture_output=True, check=False, timeout=60
    )
    return done.returncode


@pytest.mark.slow
@needs_dciodvfy
def test_no_output_is_less_valid_than_its_input(
    results: list[tuple[Path, bytes | None, str]], tmp_path: Path
) -> None:
    worse = {}
    for path, data, _ in results:
        if data is not None:
            (tmp_path / "object").write_bytes(data)
            before = {kind_of(line) for line in iod_errors(path)}
            if not says_something(before):
                continue
            new = [line for line in iod_errors(tmp_path / "object") if kind_of(line) not in before]
            if new:
                worse[path.name] = new[:3]
    assert worse == {}


def says_something(errors: set[str]) -> bool:
    """Whether dciodvfy could read an object and found its IOD."""
    return not any("read failed" in line or "Not found" in line for line in errors)


def kind_of(error: str) -> str:
    """Return an error without values and item numbers."""
    return re.sub(r"\[\d+\]|= <[^>]*>|<[^/>][^>]*>|'[^']*'", "", error)


def test_technical_values_stay(results: list[tuple[Path, bytes | None, str]]) -> None:
    """Numbers at the top that no row of the table names are as they were."""
    changed = {}
    for path, data, _ in results:
        if data is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before, after = dcmread(path, force=True), dcmread(io.BytesIO(data))
            for element in before:
                if element.VR in _NUMBERS and is_technical(element.tag) and not is_damaged(element):
                    new = after[element.tag].value if element.tag in after else None
                    if new != element.value:
                        changed[path.name, str(element.tag)] = (element.value, new)
    assert changed == {}


def is_damaged(element: DataElement) -> bool:
    """Whether there are more numbers than PS3.6 allows: bytes of something else."""
    return tables.counts().get(element.tag, element.VM) < element.VM


_NUMBERS = {"DS", "FD", "FL", "US", "SS", "UL", "SL"}


def is_technical(tag: int) -> bool:
    """Whether the standard knows the attribute and the table does not."""
    is_private_or_repeating = tag >> 16 & 1 or tag >> 24 in {0x50, 0x60} or tag & 0xFFFF == 0
    return (
        not is_private_or_repeating
        and tag in tables.dictionary()
        and f"{tag:08X}" not in tables.profile()
    )
