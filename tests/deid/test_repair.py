"""What identifies in one object and stands as a word in another: taken out, and no run lost."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pydicom
import pytest
from pydicom import Dataset

from emixcli.anonymize import Anonymizer, DeidError, Profile
from emixcli.deid.repair import Repair
from emixcli.deid.report import Report
from emixcli.media.reader import MediaReader
from emixcli.media.scan import scan_media
from emixcli.services.deidentify import (
    Deidentification,
    DeidentifyingReader,
    Remade,
    deidentify,
    look_again,
)
from tests import builders
from tests.deid.conftest import KEY
from tests.running import run_here

if TYPE_CHECKING:
    from emixcli.model import Instance
    from tests.running import Result

PHYSICIAN = "Zabelka^Jindrich"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMIX_HOME", str(tmp_path / "home"))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    assert run_here("anonymize", "--new-key", path).code == 0
    return path


def write(folder: Path, *objects: dict[str, object], names: tuple[str, ...] = ()) -> Path:
    """Write objects of one series, in which nothing else names the physician."""
    folder.mkdir()
    for number, extra in enumerate(objects, 1):
        name = names[number - 1] if names else f"IM{number}"
        builders.write(builders.instance(number=number, extra=extra), folder / name)
    return folder


def named(**extra: object) -> dict[str, object]:
    return {"ReferringPhysicianName": "Other^Doc", **extra}


def clean(disc: Path, out: Path, *options: object) -> Result:
    return run_here("anonymize", disc, "-o", out, "--json", *map(str, options))


def outputs(folder: Path) -> dict[str, Dataset]:
    found = (pydicom.dcmread(path) for path in folder.rglob("I*") if path.is_file())
    return {str(ds.SOPInstanceUID): ds for ds in found}


def test_a_word_of_another_object_is_taken_out(tmp_path: Path) -> None:
    disc = write(
        tmp_path / "disc",
        {"ReferringPhysicianName": "Avanto^Jindrich"},  # also a scanner: the engine leaves it
        named(SoftwareVersions="set by Avanto 3.1", Manufacturer="ACME"),
        named(SoftwareVersions="3.1"),
    )
    report = tmp_path / "r.json"
    result = clean(disc, tmp_path / "out", "--report", report)
    assert result.code == 0, result.stderr
    assert result.document["counts"] == {"read": 3, "written": 3, "refused": 0}
    found = {ds.get("SoftwareVersions") for ds in outputs(tmp_path / "out").values()}
    assert found == {None, "set by 3.1", "3.1"}
    document = json.loads(report.read_text())
    checked = document["verification"]
    assert (checked["objects"], checked["verified"], checked["repaired"]) == (3, True, 1)
    assert checked["leaks"] == []
    assert {row["where"] for row in checked["repairs"]} == {"0018,1020", "bytes"}
    assert len(document["outputs"]) == 3
    assert "vanto" not in report.read_text()
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or b"abelka" not in path.read_bytes()


@pytest.mark.parametrize(
    "other",
    [
        {"PatientName": "Zabelkova^Anna"},  # a married name
        {"PatientName": "", "PatientBirthDate": None},
        {"PatientID": "", "PatientName": "X"},  # the same study
        {"PatientID": "another-1"},  # the same name and birth date
    ],
)
def test_what_another_object_of_the_same_person_tells_too(
    tmp_path: Path, other: dict[str, object]
) -> None:
    disc = write(
        tmp_path / "disc",
        {"PatientMotherBirthName": "Quorrenthal", "PatientBirthDate": "19471231"},
        named(SoftwareVersions="Quorrenthal 3.1", AcquisitionDate=None, **other),
        named(SoftwareVersions="31/12/1947", **other),
    )
    result = clean(disc, tmp_path / "out", "--retain-full-dates")
    assert result.code == 0, result.stderr
    found = {str(ds.get("SoftwareVersions")) for ds in outputs(tmp_path / "out").values()}
    assert found == {"None", "3.1"}


@pytest.mark.parametrize("written", ["akleba", "Zab-elka", "Jindrich Zabelka", "QUJDWmFiZWxrYQ=="])
def test_disguised_words_too(tmp_path: Path, written: str) -> None:
    disc = write(
        tmp_path / "disc",
        {"ReferringPhysicianName": "Zabelkavic^Jindrich"},
        named(SoftwareVersions=f"V {written.replace('Zabelka', 'Zabelkavic')} 3"),
        named(SoftwareVersions="V civaklebaZ", ReceiveCoilName="ZABELKAVIC"),
    )
    result = clean(disc, tmp_path / "out")
    assert result.code == 0, result.stderr
    assert result.document["counts"]["written"] == 3


def test_order_names_and_processes_do_not_matter(tmp_path: Path, key: Path) -> None:
    objects: tuple[dict[str, object], ...] = (
        {"ReferringPhysicianName": PHYSICIAN},
        {"ReferringPhysicianName": "Zabelka^Jan", "OperatorsName": "Quorren^Ilse"},
        named(SoftwareVersions="Zabelka, Jindrich; Quorren", ScanOptions="QUORREN"),
        named(ConvolutionKernel="ZABELKA", SequenceName="quorren"),
    )
    made = []
    for number, order in enumerate(itertools.permutations("abcd")):
        if number % 5:
            continue
        disc = write(tmp_path / f"disc{number}", *objects, names=order)
        out = tmp_path / f"out{number}"
        result = clean(disc, out, "--key-file", key, "--jobs", 2 if number == 10 else 1)
        assert result.code == 0, result.stderr
        made.append({uid: ds.to_json() for uid, ds in outputs(out).items()})
    assert all(found == made[0] for found in made)


def test_done_again_with_the_same_key_nothing_changes(tmp_path: Path, key: Path) -> None:
    disc = write(
        tmp_path / "disc",
        {"ReferringPhysicianName": PHYSICIAN},
        named(SoftwareVersions="set by Zabelka 3.1"),
    )
    assert clean(disc, tmp_path / "one", "--key-file", key).code == 0
    assert clean(tmp_path / "one", tmp_path / "two", "--key-file", key).code == 0
    first, second = outputs(tmp_path / "one"), outputs(tmp_path / "two")
    assert {uid: ds.to_json() for uid, ds in first.items()} == {
        uid: ds.to_json() for uid, ds in second.items()
    }


def test_what_cannot_be_taken_out_is_refused_alone(tmp_path: Path) -> None:
    """In pixels: nobody can take a word out there."""
    row = b"ZABELKA JINDRICH".ljust(32, b"\0")
    disc = write(
        tmp_path / "disc",
        {"ReferringPhysicianName": PHYSICIAN},
        named(PixelData=row * 16, Rows=16, Columns=16),
        named(),
    )
    report = tmp_path / "r.json"
    result = clean(disc, tmp_path / "out", "--report", report, "--dicomdir")
    assert result.code == 80
    assert result.document["refused"] == [
        {"file": "IM2", "id": "object.second-look", "object": "object 1"}
    ]
    assert len(outputs(tmp_path / "out")) == 2
    document = json.loads(report.read_text())
    assert document["counts"]["written"] == 2
    assert document["verification"]["verified"]
    assert {leak["where"] for leak in document["verification"]["leaks"]} == {"bytes"}
    directory = pydicom.dcmread(next((tmp_path / "out").rglob("DICOMDIR")))
    files = [
        r.ReferencedFileID for r in directory.DirectoryRecordSequence if "ReferencedFileID" in r
    ]
    assert len(files) == 2
    assert all((tmp_path / "out").joinpath(*file).is_file() for file in files)
    assert {"/".join(file) for file in files} == {row["name"] for row in document["outputs"]}


def test_a_package_is_repaired_as_well(tmp_path: Path) -> None:
    disc = write(
        tmp_path / "disc",
        {"ReferringPhysicianName": PHYSICIAN},
        named(SoftwareVersions="set by Zabelka 3.1", ReceiveCoilName="Zabelka"),
    )
    path, code = tmp_path / "ct.emix", tmp_path / "code"
    packed = run_here("pack", disc, "-o", path, "--code-out", code, "--anonymize")
    assert packed.code == 0, packed.stderr
    out = tmp_path / "out"
    assert run_here("unpack", path, "-o", out, "--code-file", code).code == 0
    for file in out.rglob("*"):
        assert file.is_dir() or b"abelka" not in file.read_bytes().lower()


def test_an_element_goes_where_words_do_not_help() -> None:
    source = io.BytesIO(
        builders.to_bytes(builders.instance(extra={"SoftwareVersions": "x", "StackID": "1"}))
    )
    engine = Anonymizer(Profile(), KEY)
    plain = b"".join(engine.anonymize(source).iter_bytes(source))
    repair = Repair(tags=frozenset({0x00181020}))
    made = b"".join(engine.anonymize(source, repair).iter_bytes(source))
    assert "SoftwareVersions" in pydicom.dcmread(io.BytesIO(plain))
    assert not pydicom.dcmread(io.BytesIO(made)).get("SoftwareVersions")
    assert b"".join(engine.anonymize(source).iter_bytes(source)) == plain
    with pytest.raises(DeidError):
        engine.anonymize(source, repair.given_up())


def test_what_cannot_be_read_again_does_not_go_out(tmp_path: Path) -> None:
    """A disc that is read once and then no more: nothing vouches for that object."""
    disc = write(tmp_path / "disc", named(), named(), named())
    how = Deidentification(Profile(), KEY)
    chosen = scan_media([str(disc)])
    with MediaReader(chosen) as media:
        reader = DeidentifyingReader(media, how)
        report = Report(Profile(), "1")
        look_again(chosen.patients, _Scratched(media, reader), report, how=how)
        found = deidentify(chosen, reader)
    assert report.n_verified == 2
    assert [(item.file, item.id) for item in found.refused] == [("IM2", "object.second-look")]


class _Scratched(Remade):
    def open_old(self, instance: Instance) -> BinaryIO:
        if instance.path == "IM2":
            raise OSError
        return super().open_old(instance)
