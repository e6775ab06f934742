"""`emix anonymize`, and `--anonymize` of `emix pack`, as their users call them."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pydicom
import pytest

from emixcli.anonymize import Anonymizer
from emixcli.deid.body import Body
from tests import builders
from tests.running import run_here

pytestmark = pytest.mark.usefixtures("own_home")


def canaries() -> list[bytes]:
    return [value.encode() for value in builders.CANARY.strings()]


def test_what_comes_out_names_nobody(disc: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    result = run_here("anonymize", disc, "-o", out, "--json")
    assert result.code == 0, result.stderr
    document = result.document
    assert document["schema"] == "emix.anonymize/1"
    assert document["counts"] == {"read": 3, "written": 3, "refused": 0}
    assert document["verified"] is True
    for path in out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [value for value in canaries() if value in content]
    assert all(ds.PatientIdentityRemoved == "YES" for ds in builders.read_instances(out))
    assert not list(tmp_path.glob("*.partial"))


def test_the_same_key_gives_the_same_bytes(disc: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert run_here("anonymize", "--new-key", key).code == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    again = run_here("anonymize", "--new-key", key)
    assert again.code == 41
    assert "--key-file" in again.stderr
    assert "remove it first" not in again.stderr  # a lost key cannot be made again
    for name in ("first", "second"):
        result = run_here("anonymize", disc, "-o", tmp_path / name, "--key-file", key)
        assert result.code == 0, result.stderr
    assert run_here("anonymize", disc, "-o", tmp_path / "other").code == 0

    def contents(name: str) -> list[bytes]:
        return [p.read_bytes() for p in sorted((tmp_path / name).rglob("I*")) if p.is_file()]

    assert contents("first") == contents("second")
    assert contents("first") != contents("other")


def test_a_key_that_is_there_is_never_to_be_removed(disc: Path, tmp_path: Path) -> None:
    key = tmp_path / "study.key"
    assert run_here("anonymize", "--new-key", key).code == 0
    for command in (("anonymize", disc), ("pack", disc, "--anonymize")):
        again = run_here(*command, "-o", tmp_path / "x.html", "--new-key", key)
        assert again.code == 41
        assert "--key-file" in again.stderr
        assert "remove it first" not in again.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no key"), ("emix-deid-key-1 AAAA", "is damaged"), ("nonsense", "holds no key"),
        ("emix-deid-key-1 !", "is damaged"), ("B" * 44, "holds no key"), ("\xe4", "holds no key"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_key_is_refused(
    disc: Path, tmp_path: Path, content: str, said: str
) -> None:
    key = tmp_path / "key"
    key.write_text(content, "utf-8")
    result = run_here("anonymize", disc, "-o", tmp_path / "out", "--key-file", key)
    assert result.code == 2
    assert said in result.stderr
    assert "--new-key" not in result.stderr  # the study may have a key: a new one fits nothing
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_a_key_that_may_not_be_read_is_said_to_be_so(disc: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert run_here("anonymize", "--new-key", key).code == 0
    key.chmod(0)
    result = run_here("anonymize", disc, "-o", tmp_path / "out", "--key-file", key)
    assert result.code == 2
    assert "cannot be read" in result.stderr
    assert "--new-key" not in result.stderr


def test_a_folder_is_no_key(disc: Path, tmp_path: Path) -> None:
    result = run_here("anonymize", disc, "-o", tmp_path / "out", "--key-file", tmp_path)
    assert result.code == 2
    assert "cannot be read" in result.stderr
    assert "--new-key" not in result.stderr


def test_a_missing_key_is_not_made_silently(disc: Path, tmp_path: Path) -> None:
    result = run_here("anonymize", disc, "-o", tmp_path / "out", "--key-file", tmp_path / "no")
    assert result.code == 2
    assert "--new-key" in result.stderr
    assert not (tmp_path / "no").exists()


def test_a_dry_run_writes_nothing(disc: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    result = run_here("anonymize", disc, "--dry-run", "--json")
    assert result.code == 0, result.stderr
    assert result.document["counts"]["written"] == 3
    assert result.document["verified"] is False
    after = [path for path in sorted(tmp_path.rglob("*")) if "home" not in path.parts]
    assert after == [path for path in before if "home" not in path.parts]


def test_of_very_many_refused_objects_the_first_are_named(disc: Path) -> None:
    for number in range(10, 22):
        path = builders.write(builders.instance(number=number), disc / f"IM{number}")
        builders.truncate(path, keep=0.8)
    result = run_here("anonymize", disc, "--dry-run")
    assert result.code == 80
    assert "3 objects would be written, 12 refused" in result.stderr
    lines = [line for line in result.stdout.splitlines() if line.startswith("refused ")]
    assert len(lines) == 11
    assert lines[-1] == "refused object.truncated: 2 objects more, see --json"
    everything = run_here("anonymize", disc, "--dry-run", "--json").document
    assert len(everything["refused"]) == 12


def test_an_output_that_exists_is_left_alone(disc: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    out.mkdir()
    (out / "mine").write_text("keep")
    result = run_here("anonymize", disc, "-o", out)
    assert result.code == 41
    assert [path.name for path in out.iterdir()] == ["mine"]


def test_one_bad_object_stops_no_other_and_never_goes_out(disc: Path, tmp_path: Path) -> None:
    risky = builders.instance(number=9, extra={"BurnedInAnnotation": "YES"})
    builders.write(risky, disc / "IM9")
    builders.truncate(disc / "IM2", keep=0.8)
    out = tmp_path / "clean"
    result = run_here("anonymize", disc, "-o", out, "--json")
    assert result.code == 80
    assert result.error["id"] == "deid.unsafe"
    document = result.document
    assert document["counts"] == {"read": 4, "written": 2, "refused": 2}
    assert {item["file"] for item in document["refused"]} == {"IM2", "IM9"}
    assert len(builders.read_instances(out)) == 2


def test_the_report_tells_what_was_done_and_no_value(disc: Path, tmp_path: Path) -> None:
    for name in ("report.json", "report.html"):
        result = run_here(
            "anonymize", disc, "-o", tmp_path / f"for-{name}", "--report", tmp_path / name
        )
        assert result.code == 0, result.stderr
        content = (tmp_path / name).read_bytes()
        assert not [value for value in canaries() if value in content]
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["counts"]["written"] == 3
    assert document["verification"]["verified"] is True
    assert all(len(output["sha256"]) == 64 for output in document["outputs"])


def test_a_directory_is_made_from_the_new_objects(disc: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    assert run_here("anonymize", disc, "-o", out, "--dicomdir").code == 0
    directory = pydicom.dcmread(out / "DICOMDIR")
    uids = {
        record.ReferencedSOPInstanceUIDInFile
        for record in directory.DirectoryRecordSequence
        if "ReferencedSOPInstanceUIDInFile" in record
    }
    assert uids == {ds.SOPInstanceUID for ds in builders.read_instances(out)}
    assert not [value for value in canaries() if value in (out / "DICOMDIR").read_bytes()]


def test_two_processes_give_what_one_gives(disc: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert run_here("anonymize", "--new-key", key).code == 0
    for jobs in ("1", "2"):
        result = run_here(
            "anonymize", disc, "-o", tmp_path / jobs, "--key-file", key, "--jobs", jobs
        )
        assert result.code == 0, result.stderr
    one, two = ([p.read_bytes() for p in sorted((tmp_path / jobs).rglob("I*")) if p.is_file()]
                for jobs in ("1", "2"))  # fmt: skip
    assert one == two


def test_an_attribute_is_explained() -> None:
    result = run_here("anonymize", "--explain", "PatientName", "--json")
    assert result.code == 0, result.stderr
    assert result.document["tag"] == "(0010,0010)"
    assert "E.1-1" in result.document["rule"]
    plain = run_here("anonymize", "--explain", "0010,0010")
    assert "(0010,0010)" in plain.stdout
    assert run_here("anonymize", "--explain", "no such thing").code == 2


def test_full_and_modified_dates_exclude_each_other(disc: Path) -> None:
    result = run_here(
        "anonymize", disc, "--dry-run", "--retain-full-dates", "--retain-modified-dates"
    )
    assert result.code == 2


def test_a_package_can_be_made_of_de_identified_media(disc: Path, tmp_path: Path) -> None:
    path, code = tmp_path / "ct.emix.html", tmp_path / "code"
    result = run_here("pack", disc, "-o", path, "--code-out", code, "--anonymize", "--json",
                      "--deid-option", "retain-modified-dates")  # fmt: skip
    assert result.code == 0, result.stderr
    out = tmp_path / "out"
    assert run_here("unpack", path, "-o", out, "--code-file", code).code == 0
    names = [file for file in out.rglob("*") if file.is_file()]
    for file in names:
        content = file.read_bytes()
        assert not [value for value in canaries() if value in content]
    index = json.loads((out / "EMIX" / "INDEX.JSN").read_text())
    assert index["deidentification"]["options"] == ["retain-modified-dates"]
    assert len(builders.read_instances(out / "DICOM")) == 3


def test_nothing_is_packed_where_one_object_is_refused(disc: Path, tmp_path: Path) -> None:
    risky = builders.instance(number=9, extra={"BurnedInAnnotation": "YES"})
    builders.write(risky, disc / "IM9")
    path = tmp_path / "ct.emix.html"
    pack = ("pack", disc, "-o", path, "--code-out", tmp_path / "code", "--anonymize")
    result = run_here(*pack)
    assert result.code == 80
    assert not path.exists()
    assert not (tmp_path / "code").exists()


@pytest.mark.parametrize(
    "options", [("--deid-option", "retain-uids"), ("--anonymize", "--deid-option", "none")]
)
def test_options_of_de_identification_are_checked(
    disc: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = tmp_path / "ct.emix.html"
    result = run_here("pack", disc, "-o", path, "--code-out", tmp_path / "code", *options)
    assert result.code == 2
    assert not path.exists()


def test_the_second_look_catches_a_fault_of_the_first(
    disc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the engine had copied everything through."""

    def copy(_: Anonymizer, file: BinaryIO, *_2: object) -> SimpleNamespace:
        file.seek(0)
        head = file.read()
        uids = dict.fromkeys(("sop_class_uid", "sop_instance_uid"), "")
        return SimpleNamespace(
            head=head, body=Body(), size=len(head), actions=Counter(), accepted=(),
            close=lambda: None, iter_bytes=lambda _: iter((head,)), **uids,
        )  # fmt: skip

    monkeypatch.setattr(Anonymizer, "anonymize", copy)
    out, path = tmp_path / "clean", tmp_path / "ct.emix.html"
    result = run_here("anonymize", disc, "-o", out)
    assert result.code == 80
    assert "0008,0018 (uid)" in result.stderr
    assert not out.exists()
    pack = ("pack", disc, "-o", path, "--code-out", tmp_path / "code", "--anonymize")
    assert run_here(*pack).code == 80
    assert not path.exists()
    assert not [value for value in canaries() if value.decode() in result.stderr]


def test_nothing_is_written_into_the_source(disc: Path, tmp_path: Path) -> None:
    for options in (("-o", disc / "clean"), ("-o", tmp_path / "c", "--report", disc / "r.json")):
        assert run_here("anonymize", disc, *options).code == 40
    assert sorted(path.name for path in disc.iterdir()) == ["IM1", "IM2", "IM3"]
    assert not (tmp_path / "c").exists()


def test_a_dry_run_writes_no_report(disc: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    assert run_here("anonymize", disc, "--dry-run", "--report", report).code == 0
    assert not report.exists()


def test_an_object_with_the_uid_of_another_is_refused_by_name(disc: Path, tmp_path: Path) -> None:
    same = (disc / "IM1").read_bytes()
    (disc / "IM5-copy").write_bytes(same)
    other = builders.instance(number=1, extra={"PatientName": "OTHER^PERSON"})
    builders.write(other, disc / "IM6")
    result = run_here("anonymize", disc, "-o", tmp_path / "clean", "--json")
    assert result.code == 80
    document = result.document
    assert document["counts"] == {"read": 4, "written": 3, "refused": 1}
    assert document["refused"] == [
        {"file": "IM6", "id": "media.duplicate-uid", "object": "object 1"}
    ]


def test_a_dry_run_says_what_it_does_not_write(disc: Path, tmp_path: Path) -> None:
    options = ("-o", disc, "--report", tmp_path / "r.json", "--table", tmp_path / "t")
    result = run_here("anonymize", disc / "IM1", "--dry-run", *options)
    assert result.code == 0, result.stderr
    assert "a dry run writes nothing, so -o, --report, --table had no effect" in result.stderr
    assert "disc exists and is not empty" in result.stderr
    assert "had no effect" not in run_here("anonymize", disc, "--dry-run").stderr


def test_a_package_has_its_report_of_de_identification(disc: Path, tmp_path: Path) -> None:
    report, key, package = tmp_path / "r.html", tmp_path / "key", tmp_path / "p.emix.html"
    pack = ("pack", disc, "-o", package, "--code-out", tmp_path / "code")
    without = run_here(*pack, "--anonymize-report", report)
    assert without.code == 2
    assert "need --anonymize" in without.stderr
    wrong = run_here(*pack, "--anonymize", "--anonymize-report", tmp_path / "r.txt")
    assert wrong.code == 2
    dry = run_here(*pack, "--anonymize", "--anonymize-report", report, "--dry-run")
    assert dry.code == 0, dry.stderr
    assert "so --anonymize-report had no effect" in dry.stderr
    assert not report.exists()
    options = ("--anonymize", "--anonymize-report", report, "--new-key", key)
    done = run_here(*pack, *options)
    assert done.code == 0, done.stderr
    assert "nothing that identifies the patient was found in it" in done.stderr
    assert f"the report of the de-identification is {report}" in done.stderr
    page = report.read_text("utf-8")
    assert "3 objects read, 3 written, 0 refused" in page
    assert "verified: 3 objects, nothing found" in page
    assert "The key was kept" in page
    assert not [value for value in builders.CANARY.strings() if value in page]
    again = run_here(*pack, "--anonymize", "--anonymize-report", report, "--key-file", key)
    assert again.code == 41


def test_the_report_of_a_package_names_its_objects(disc: Path, tmp_path: Path) -> None:
    report, package = tmp_path / "r.json", tmp_path / "p.emix.html"
    code = ("--code-out", tmp_path / "code")
    options = ("--anonymize", "--anonymize-report", report, "--json")
    done = run_here("pack", disc, "-o", package, *code, *options)
    assert done.code == 0, done.stderr
    assert done.document["anonymize_report"] == str(report)
    found = json.loads(report.read_text())
    assert found["profile"]["key"] == "forgotten"
    assert found["verification"] == {
        "objects": 3, "verified": True, "repaired": 0, "repairs": [], "leaks": []
    }  # fmt: skip
    out = tmp_path / "out"
    assert run_here("unpack", package, "-o", out, "--code-file", tmp_path / "code").code == 0
    assert len(found["outputs"]) == 3
    for row in found["outputs"]:
        assert (out / row["name"]).stat().st_size == row["size"]
        assert pydicom.dcmread(out / row["name"]).SOPInstanceUID == row["sop_instance_uid"]


def test_each_reason_has_its_words_count_and_remedy(disc: Path, tmp_path: Path) -> None:
    risky = builders.instance(number=9, extra={"BurnedInAnnotation": "YES"})
    builders.write(risky, disc / "IM9")
    builders.truncate(disc / "IM2", keep=0.8)
    report = tmp_path / "r.json"
    result = run_here("anonymize", disc, "-o", tmp_path / "clean", "--report", report)
    assert result.code == 80
    assert "object.truncated (1): it ends before its last element does" in result.stderr
    assert "pixels.burned-in (1): its header says that text is burned in" in result.stderr
    (hint,) = (line for line in result.stderr.splitlines() if "hint" in line)
    assert "1 x object.truncated: ask for a new copy" in hint
    assert "1 x pixels.burned-in: use --clean-pixel-data" in hint
    told = {row["file"]: row["id"] for row in json.loads(report.read_text())["refused"]}
    for line in result.stdout.splitlines()[1:]:
        reason, _, place = line.removeprefix("refused ").partition(": ")
        assert told[place.partition("(")[2].partition(" of")[0]] == reason


def test_where_nothing_is_left_there_is_no_folder(disc: Path, tmp_path: Path) -> None:
    for path in disc.iterdir():
        builders.truncate(path, keep=0.8)
    out = tmp_path / "clean"
    result = run_here("anonymize", disc, "-o", out, "--dicomdir", "--json")
    assert result.code == 80
    assert result.document["folder"] is None
    assert not out.exists()
    assert not list(tmp_path.glob("*.partial"))


def test_what_the_media_have_lost_is_told(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    images = sorted(path for path in disc.rglob("IM*") if path.is_file())
    images[0].unlink()
    report = tmp_path / "r.json"
    result = run_here("anonymize", disc, "-o", tmp_path / "clean", "--report", report, "--json")
    assert result.code == 3
    assert result.document["missing"] == 1
    assert "1 object that the medium's directory names is not on it" in result.error["message"]
    assert json.loads(report.read_text())["left_out"]["missing"] == 1
    builders.truncate(images[1], keep=0.5)
    worse = run_here("anonymize", disc, "--dry-run")
    assert worse.code == 80
    assert "1 object that the medium's directory names is not on it" in worse.stderr


def test_files_that_cannot_be_read_alone_end_with_3(disc: Path) -> None:
    (disc / "IM2").write_bytes((disc / "IM2").read_bytes()[:140])
    result = run_here("anonymize", disc, "--dry-run", "--json")
    assert result.code == 3
    assert result.document["refused"][0]["id"] == "media.unreadable"
    assert result.error["message"] == "1 file could not be read"


def test_the_whole_profile_is_shown() -> None:
    rows = run_here("anonymize", "--profile-doc", "--json").document["attributes"]
    assert len(rows) > 600
    assert run_here("anonymize", "--profile-doc").stdout.startswith("| tag |")


def test_a_risk_is_accepted_for_a_reason(disc: Path) -> None:
    assert run_here("anonymize", disc, "--dry-run", "--accept-risk", " ").code == 2


def test_one_patient_of_several(disc: Path, tmp_path: Path) -> None:
    for number in (4, 5):
        ds = builders.instance(phi=builders.OTHER_CANARY, study=2, number=number)
        builders.write(ds, disc / f"IM{number}")
    every = run_here("anonymize", disc, "--dry-run")
    assert "they are of 2 patients; --patient N or --study N takes some only" in every.stderr
    for choice in ("--patient", "--study"):
        one = run_here("anonymize", disc, choice, "2", "--dry-run", "--json")
        assert one.document["counts"]["read"] == 2
    both = ("--study", "1", "--study", "2")
    assert run_here("anonymize", disc, *both, "--dry-run", "--json").document["counts"]["read"] == 5
    assert run_here("anonymize", disc, "--patient", "3", "--dry-run").code == 25
