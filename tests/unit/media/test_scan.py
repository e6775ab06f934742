"""Scanning: every file gets one verdict, and patients, studies, series are right."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread

from emixcli.container.index import findings_json
from emixcli.errors import NoDicomError, PatientMismatchError
from emixcli.media.reader import MediaReader
from emixcli.media.report import finding_rows
from emixcli.media.scan import require_dicom, scan_media
from emixcli.media.select import select
from emixcli.media.sniff import document_kind
from emixcli.model import FileSet
from tests import builders
from tests.builders import CANARY, OTHER_CANARY
from tests.running import Result


def codes(file_set: FileSet) -> dict[str, int]:
    return {finding.code: finding.count for finding in file_set.findings}


def test_one_study(tmp_path: Path) -> None:
    paths = builders.study(tmp_path, series=2, instances=3)
    file_set = scan_media([str(tmp_path)])
    assert [len(s.instances) for s in file_set.iter_series()] == [3, 3]
    assert file_set.size == sum(path.stat().st_size for path in paths)
    assert codes(file_set) == {"D01": 1}
    with MediaReader(file_set) as reader:
        found = {reader.read(instance) for instance in file_set.iter_instances()}
        with reader.open(next(file_set.iter_instances())) as stream:
            assert stream.read() in found
    assert found == {path.read_bytes() for path in paths}


def test_several_media_and_a_single_file(tmp_path: Path) -> None:
    builders.study(tmp_path / "a", number=1)
    single = builders.study(tmp_path / "b", number=2, series=1, instances=1)[0]
    file_set = scan_media([str(tmp_path / "a"), str(single)])
    assert len(file_set.patients) == 1
    assert [study.uid for study in file_set.iter_studies()] == [builders.uid(1), builders.uid(2)]
    with MediaReader(file_set) as reader:
        assert all(reader.read(instance) for instance in file_set.iter_instances())


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NoDicomError, match="empty"):
        require_dicom(scan_media([str(tmp_path)]))
    (tmp_path / "README.TXT").write_text("hello")
    with pytest.raises(NoDicomError, match="none of 1 files"):
        require_dicom(scan_media([str(tmp_path)]))
    (tmp_path / "a.dcm").write_bytes(bytes(5000))
    with pytest.raises(NoDicomError, match="can be used"):
        require_dicom(scan_media([str(tmp_path)]))


def test_truncated_zero_filled_and_empty(tmp_path: Path) -> None:
    images = builders.study(tmp_path, series=1, instances=5)
    builders.truncate(images[1], keep=0.7)
    builders.zero_fill(images[2])
    builders.zero_fill(images[3], start=400)
    builders.truncate(images[4].rename(images[4].with_suffix(".dcm")), keep=0)
    file_set = scan_media([str(tmp_path)])
    assert sorted(u.reason for u in file_set.unreadable) == [
        "empty", "filled with zero bytes", "goes on as zero bytes", "truncated",
    ]  # fmt: skip
    assert codes(file_set) == {"F09": 3, "S04": 1, "S15": 1, "D01": 1}
    assert len(file_set.refused) == 4
    assert [i.integer("InstanceNumber") for i in file_set.iter_instances()] == [1, 2]


def test_a_directory_names_what_files_without_content_were(tmp_path: Path) -> None:
    images = builders.study(tmp_path / "source", series=1, instances=6, rows=64, columns=64)
    disc = builders.file_set(tmp_path / "disc", images)
    copy = shutil.copytree(disc, tmp_path / "copy")
    assert codes(scan_media([str(disc), str(copy)])) == {"C03": 6}
    numbers = {path: dcmread(path).InstanceNumber for path in sorted(disc.rglob("*[0-9]"))
               if path.is_file()}  # fmt: skip
    blank, headless, other, cut, *_ = sorted(numbers, key=lambda path: numbers[path])
    builders.zero_fill(blank)
    builders.zero_fill(headless, stop=2048)
    other.write_bytes(b"something else" * 100)
    builders.zero_fill(cut, start=400)
    file_set = scan_media([str(disc)])
    assert sorted(int(one.instance_number) for one in file_set.missing) == [1, 2, 3, 4]
    assert codes(file_set) == {"F09": 3, "F10": 1}
    where = {finding.code: finding.where for finding in file_set.findings}
    assert "instances 1-2, 4" in where["F09"]
    assert "instance 3" in where["F10"]
    assert len(file_set.unreadable) == 4
    assert file_set.n_other == 1  # the directory
    whole = scan_media([str(disc), str(tmp_path / "source")])
    assert whole.missing == ()  # another medium has them
    assert codes(scan_media([str(disc), str(copy)])) == {"C03": 2, "M19": 3}


@pytest.mark.parametrize("syntax", builders.SYNTAXES[-2:])
def test_compressed_pixels_that_are_cut(tmp_path: Path, syntax: str) -> None:
    image = builders.study(tmp_path, series=1, instances=1, transfer_syntax=syntax)[0]
    builders.truncate(image, keep=image.stat().st_size - 8)
    assert codes(scan_media([str(tmp_path)]))["S06"] == 1
    builders.truncate(image, keep=image.stat().st_size - 30)
    assert codes(scan_media([str(tmp_path)]))["S04"] == 1


def test_too_few_pixels(tmp_path: Path) -> None:
    builders.study(tmp_path, series=1, instances=1, extra={"NumberOfFrames": 2})
    assert codes(scan_media([str(tmp_path)]))["S05"] == 1


def test_identifier_missing(tmp_path: Path) -> None:
    builders.study(tmp_path, series=1, instances=2, extra={"StudyInstanceUID": None})
    assert codes(scan_media([str(tmp_path)]))["S01"] == 2


def test_patients_are_told_apart_but_not_split(tmp_path: Path) -> None:
    def put(number: int, **extra: object) -> None:
        ds = builders.instance(number=number, series=number, extra=extra)
        builders.write(ds, tmp_path / str(number))

    put(1)
    put(2, PatientName="canarysurname^Canarygiven^^")
    put(3, PatientBirthDate="")
    put(4, PatientID=f"{CANARY.id} ")
    assert len(scan_media([str(tmp_path)]).patients) == 1
    put(5, PatientBirthDate="19800101")
    file_set = scan_media([str(tmp_path)])
    assert len(file_set.patients) >= 2
    assert {"C01", "C02"} <= codes(file_set).keys()


def test_select(tmp_path: Path) -> None:
    builders.study(tmp_path, number=1)
    builders.study(tmp_path, number=2)
    builders.study(tmp_path, number=3, phi=OTHER_CANARY)
    file_set = scan_media([str(tmp_path)])
    with pytest.raises(PatientMismatchError) as error:
        select(file_set)
    words = error.value.message + error.value.hint
    assert "2 patients (1: 2 studies, 2: 1 study)" in words
    assert "--patient" in words
    assert not [s for s in CANARY.strings() + OTHER_CANARY.strings() if s in words]
    assert select(file_set, all_patients=True) is file_set
    for want in (OTHER_CANARY.id, "2"):
        chosen = select(file_set, patients=[want])
        assert [study.uid for study in chosen.iter_studies()] == [builders.uid(3)]
        assert chosen.size < file_set.size
    for want in (builders.uid(2), "2"):
        chosen = select(file_set, studies=[want])
        assert [study.uid for study in chosen.iter_studies()] == [builders.uid(2)]
    with pytest.raises(PatientMismatchError):
        select(file_set, studies=["1", "3"])
    wrong: list[tuple[list[str], list[str]]] = [(["9"], []), ([], ["9"]), (["1"], ["3"])]
    for patients, studies in wrong:
        with pytest.raises(PatientMismatchError):
            select(file_set, patients=patients, studies=studies)


def test_viewing_order(tmp_path: Path) -> None:
    for name, number in (("z", 1), ("a", 2), ("m", 3), ("b", 10)):
        builders.write(builders.instance(number=number), tmp_path / name)
        position = {"ImagePositionPatient": [0, 0, -100 + number * (number % 3)]}
        other = builders.instance(series=2, number=number, extra=position)
        builders.write(other, tmp_path / f"{name}2")
        third = builders.instance(series=3, number=number, extra={"ImagePositionPatient": None})
        builders.write(third, tmp_path / f"{name}3")
    first, second, third_series = scan_media([str(tmp_path)]).iter_series()
    assert [i.integer("InstanceNumber") for i in first.instances] == [1, 2, 3, 10]
    assert [i.number("InstanceNumber") for i in third_series.instances] == [1, 2, 3, 10]
    heights = [i.numbers("ImagePositionPatient")[2] for i in second.instances]
    assert heights in (sorted(heights), sorted(heights, reverse=True))


def test_doubles(tmp_path: Path) -> None:
    first = builders.study(tmp_path, series=1, instances=3)
    (tmp_path / "z1").write_bytes(first[0].read_bytes())
    changed = builders.instance(number=2, extra={"SeriesDescription": "other"})
    builders.write(changed, tmp_path / "z2")
    file_set = scan_media([str(tmp_path)])
    assert codes(file_set) == {"C03": 1, "C04": 1, "D01": 1}
    assert sum(1 for _ in file_set.iter_instances()) == 3


def test_gap_between_slices(tmp_path: Path) -> None:
    images = builders.study(tmp_path, series=1, instances=12)
    assert "C05" not in codes(scan_media([str(tmp_path)]))
    images[5].unlink()
    images[6].unlink()
    (finding,) = (f for f in scan_media([str(tmp_path)]).findings if f.code == "C05")
    assert finding.count == 2
    assert "between instances" in finding.where
    images[0].unlink()  # an end is no gap
    assert codes(scan_media([str(tmp_path)]))["C05"] == 2


def test_no_gaps_in_real_series(shared_corpora: Path) -> None:
    assert "C05" not in codes(scan_media([str(shared_corpora / "dicom" / "nih_mr")]))


def test_dicomdir(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    assert codes(scan_media([str(disc)])) == {}
    images = sorted(path for path in disc.rglob("IM*") if path.is_file())
    images[0].unlink()
    builders.write(builders.instance(series=9), disc / "EXTRA")
    file_set = scan_media([str(disc)])
    assert codes(file_set) == {"D02": 1, "C06": 1, "D03": 1}
    assert "series 1: instance 1" in next(f.where for f in file_set.findings if f.code == "D02")


def test_dicomdir_that_names_another_object(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    images = sorted(path for path in disc.rglob("IM*") if path.is_file())
    builders.write(builders.instance(series=1, number=77), images[0])
    (finding,) = (f for f in scan_media([str(disc)]).findings if f.code == "D06")
    assert (finding.count, finding.where) == (1, "series 1: instance 1")


def test_fewer_objects_than_a_dicomdir_counts(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x", series=2))
    counted = dcmread(disc / "DICOMDIR")
    for record in counted.DirectoryRecordSequence:
        if record.DirectoryRecordType == "SERIES":
            is_first = record.SeriesNumber == 1
            record.NumberOfSeriesRelatedInstances = 7 if is_first else 3
        if record.DirectoryRecordType == "STUDY":
            record.NumberOfStudyRelatedInstances = 20
    counted.save_as(disc / "DICOMDIR")
    (finding,) = (f for f in scan_media([str(disc)]).findings if f.code == "D08")
    assert (finding.count, finding.where) == (4, "series 1: 3 of 7 objects")
    min(path for path in disc.rglob("IM*") if path.is_file()).unlink()
    (finding,) = (f for f in scan_media([str(disc)]).findings if f.code == "D08")
    assert finding.count == 4  # the other one is told by D02
    for record in counted.DirectoryRecordSequence:
        if record.DirectoryRecordType == "SERIES":
            del record.NumberOfSeriesRelatedInstances
    counted.save_as(disc / "DICOMDIR")
    (finding,) = (f for f in scan_media([str(disc)]).findings if f.code == "D08")
    assert (finding.count, finding.where) == (14, "study 1: 5 of 20 objects")


def test_dicomdir_in_other_case_folder_and_damage(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    (disc / "PT000000").rename(disc / "pt000000")
    assert codes(scan_media([str(disc)])) == {}
    (disc / "sub").mkdir()
    (disc / "pt000000").rename(disc / "sub" / "PT000000")
    assert codes(scan_media([str(disc)])) == {"D04": 6}
    directory = disc / "DICOMDIR"
    data = bytearray(directory.read_bytes())
    for tag in (b"\x04\x00\x00\x14UL\x04\x00", b"\x04\x00\x20\x14UL\x04\x00"):
        data = data.replace(tag + data[data.index(tag) + 8 :][:4], tag + b"\xff\xff\xff\x7f")
    directory.write_bytes(data)  # wrong offsets
    assert codes(scan_media([str(disc)])) == {"D04": 6}
    builders.truncate(directory, keep=0.8)
    assert codes(scan_media([str(disc)]))["D05"] == 1


def test_dicomdir_that_names_files_outside(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    directory = disc / "DICOMDIR"
    old = b"PT000000\\ST000000\\SE000000\\IM000000"
    new = b"..\\..\\..\\..\\..\\..\\etc\\".ljust(len(old), b"x")
    directory.write_bytes(directory.read_bytes().replace(old, new))
    assert codes(scan_media([str(disc)])) == {"D07": 1, "D03": 1}


def test_dicomdir_of_a_tree_whose_first_folder_has_another_name(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    images = sorted(path for path in disc.rglob("IM*") if path.is_file())
    images[0].unlink()
    (disc / "PT000000").rename(disc / "EXPORT")
    assert codes(scan_media([str(disc)])) == {"D02": 1, "C06": 1, "D04": 5}


def test_objects_are_found_by_their_uid(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    for number, path in enumerate(sorted(p for p in disc.rglob("IM*") if p.is_file())):
        path.rename(disc / f"{number}.dcm")
    assert codes(scan_media([str(disc)])) == {"D04": 6}
    second = tmp_path / "second"
    second.mkdir()
    (disc / "0.dcm").rename(second / "0.dcm")
    assert codes(scan_media([str(disc)])) == {"D02": 1, "C06": 1, "D04": 5}
    assert codes(scan_media([str(disc), str(second)])) == {"D01": 1, "D04": 5}


def test_what_two_directories_name_is_missing_once(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    images = sorted(path for path in disc.rglob("IM*") if path.is_file())
    for image in images[:2]:
        image.unlink()
    (disc / "COPY").mkdir()
    (disc / "COPY" / "DICOMDIR").write_bytes((disc / "DICOMDIR").read_bytes())
    assert codes(scan_media([str(disc)])) == {"D02": 2, "C06": 2, "D04": 4}


def test_a_file_that_cannot_be_read_is_not_missing(tmp_path: Path) -> None:
    disc = builders.file_set(tmp_path / "disc", builders.study(tmp_path / "x"))
    image = next(path for path in sorted(disc.rglob("IM*")) if path.is_file())
    image.write_bytes(bytes(1000))
    assert codes(scan_media([str(disc)])) == {"F09": 1}


def test_a_repeated_byte_is_a_lost_object_only_where_one_should_be(tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_bytes(b"a" * 40_000)
    (tmp_path / "zeros.txt").write_bytes(bytes(40_000))
    (tmp_path / "IM0001").write_bytes(bytes(3000) + b"more")
    found = scan_media([str(tmp_path)])
    assert {(one.path, one.reason) for one in found.unreadable} == {
        ("IM0001", "begins with zero bytes"),
        ("zeros.txt", "begins with zero bytes"),
    }
    assert [one.path for one in found.refused] == ["IM0001"]
    assert found.n_other == 1


@pytest.mark.skipif(not builders.has_xorriso(), reason="xorriso is not installed")
@pytest.mark.parametrize("cut", [0, 1000])
def test_an_image_of_a_disc_in_a_folder_is_no_lost_object(cut: int, tmp_path: Path) -> None:
    builders.study(tmp_path / "files", series=1, instances=3)
    (tmp_path / "folder").mkdir()
    for name in ("disc.iso", "disc"):
        image = builders.iso(tmp_path / "folder" / name, tmp_path / "files")
        image.write_bytes(image.read_bytes()[: -cut or None])
    assert codes(scan_media([str(tmp_path / "folder")])) == {"M13": 2, "F01": 2}


def test_files_without_dicom_are_no_fault_of_the_medium(
    tmp_path: Path, emix_here: Callable[..., Result]
) -> None:
    (tmp_path / "a.dcm").write_bytes(b"no object at all" * 20)
    done = emix_here("scan", tmp_path)
    assert done.code == 21
    assert "clean" not in done.stdout + done.stderr


def test_a_damaged_archive_is_no_scratched_disc(
    tmp_path: Path, emix_here: Callable[..., Result]
) -> None:
    images = builders.study(tmp_path / "x", series=1, instances=3, rows=64, columns=64)
    archive = builders.zip_of(tmp_path / "x.zip", tmp_path / "x", stored=False)
    data = bytearray(archive.read_bytes())
    at = data.index(images[1].name.encode()) + 200
    data[at : at + 400] = random.Random(1).randbytes(400)
    archive.write_bytes(data)
    done = emix_here("scan", archive)
    assert done.code == 3
    assert "M18" in done.stdout
    assert "M01" not in done.stdout
    assert "clean" not in done.stdout + done.stderr


def test_real_discs(shared_corpora: Path) -> None:
    disc = shared_corpora / "dicom" / "philips_cd"
    found = codes(scan_media([str(disc)]))
    # 433 of the whole disc, 13 of them in the corpus under another folder, in two directories
    assert found == {"D02": 420, "D04": 22, "M11": 5}
    tests = shared_corpora / "dicom" / "pydicom" / "dicomdirtests"
    assert "D03" not in codes(scan_media([str(tests)]))


def test_reports_beside_images(tmp_path: Path) -> None:
    builders.study(tmp_path, series=1, instances=1)
    (tmp_path / "a.pdf").write_bytes(builders.pdf())
    (tmp_path / "noext").write_bytes(builders.hl7())
    (tmp_path / "report.txt").write_text("CT CHEST\nFindings: none\nImpression: normal\n")
    (tmp_path / "README.TXT").write_text("Findings: how to use this viewer\n")
    (tmp_path / "AUTORUN.INF").write_text("[autorun]\nopen=viewer.exe\n")
    (tmp_path / "viewer.exe").write_bytes(b"MZ" + bytes(range(256)))
    file_set = scan_media([str(tmp_path)])
    assert {(d.path, d.kind) for d in file_set.documents} == {
        ("a.pdf", "pdf"), ("noext", "hl7v2"), ("report.txt", "text"),
    }  # fmt: skip
    assert file_set.n_other == 3


def test_an_archive_with_images_is_named(tmp_path: Path) -> None:
    images = builders.study(tmp_path / "x")
    disc = tmp_path / "disc"
    builders.study(disc, number=2, series=1, instances=1)
    builders.zip_of(disc / "viewer.jar", {"viewer.class": b"\xca\xfe", "a.txt": b"text"})
    (disc / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    assert "M13" not in codes(scan_media([str(disc)]))
    builders.zip_of(disc / "images.zip", {"readme": b"", "IM1": images[0].read_bytes()})
    found = scan_media([str(disc)])
    assert codes(found)["M13"] == 1
    assert found.n_other == 3
    if builders.has_xorriso():
        builders.iso(disc / "images.iso", tmp_path / "x")
        assert codes(scan_media([str(disc)]))["M13"] == 2
    archive = builders.zip_of(tmp_path / "all.zip", disc, stored=True)
    assert codes(scan_media([str(archive)]))["M13"] >= 1


def test_kinds_of_real_reports(shared_corpora: Path) -> None:
    wrong = [
        path.name
        for kind in ("pdf", "rtf", "hl7v2", "cda", "ccr")
        for path in (shared_corpora / "reports" / kind).rglob("*")
        if path.is_file() and document_kind(path.read_bytes()[:16384], path.name) != kind
    ]
    assert wrong == []


def test_every_file_of_the_corpus_has_one_verdict(shared_corpora: Path) -> None:
    folder = shared_corpora / "dicom"
    file_set = scan_media([str(folder)])
    instances = {instance.path for instance in file_set.iter_instances()}
    lost = {u.path for u in file_set.unreadable} - instances
    doubles = sum(codes(file_set).get(code, 0) for code in ("C03", "C04"))
    verdicts = len(instances) + len(lost) + len(file_set.documents) + file_set.n_other + doubles
    assert verdicts == file_set.n_files == sum(path.is_file() for path in folder.rglob("*"))


def test_findings_say_where(tmp_path: Path) -> None:
    builders.study(tmp_path, number=1, series=1, instances=2)
    images = builders.study(tmp_path, number=2, series=1, instances=3)
    for image in images[1:]:
        builders.truncate(image, keep=0.9)
    (tmp_path / "blank.dcm").write_bytes(bytes(1000))
    file_set = scan_media([str(tmp_path)])
    where = {finding.code: finding for finding in file_set.findings}
    assert where["S04"].where == "study 2 series 1: instances 2-3"
    assert where["F09"].files == ((0, "blank.dcm"),)
    assert "blank" not in where["F09"].where, "this goes into packages"
    rows = {row[0]: row for row in finding_rows(file_set, strict=False)}
    assert rows["F09"][4] == "blank.dcm"
    assert "blank" not in str(findings_json(file_set.findings))


@pytest.mark.parametrize("order", [("good", "bad"), ("bad", "good")])
def test_two_damaged_copies_of_a_disc_make_a_whole_one(
    order: tuple[str, str], tmp_path: Path
) -> None:
    images = builders.study(tmp_path / "good", series=1, instances=3)
    copies = builders.study(tmp_path / "bad", series=1, instances=3)
    builders.truncate(images[0], keep=0.9)
    builders.truncate(copies[2], keep=0.9)
    found = scan_media([str(tmp_path / name) for name in order])
    assert found.unreadable == ()
    assert {f.code: f.count for f in found.findings} == {"C03": 3, "D01": 2}
    assert sorted(i.size for i in found.iter_instances()) == [images[1].stat().st_size] * 3
    assert found.left_out == ()
