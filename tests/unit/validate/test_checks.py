"""Each check finds what it is for in a generated file, and nothing in a sound one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless, RLELossless

from emixcli.media.report import forecast_text, scan_document
from emixcli.media.scan import scan_media
from emixcli.services.diagnose import diagnose
from emixcli.validate.places import number_of
from tests import builders


def codes(*paths: Path) -> dict[str, int]:
    return {found.code: found.count for found in scan_media([str(p) for p in paths]).findings}


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("S03", {"SeriesInstanceUID": "1.2.03.4"}),
        ("S12", {"SpecificCharacterSet": None, "PatientName": "CANÄRY"}),
        ("S13", {"PatientID": ""}),
        ("S14", {"BitsStored": 17}),
        ("S14", {"SamplesPerPixel": 3}),
        ("S16", {"SOPClassUID": "1.2.840.113619.4.30"}),
        ("C07", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}),
        ("C07", {"Modality": "PR", "PixelData": None}),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:Failed to encode")
def test_attributes(tmp_path: Path, code: str, extra: dict[str, Any]) -> None:
    builders.study(tmp_path, series=1, instances=1, extra=extra)
    assert code in codes(tmp_path)


def test_objects_that_a_pacs_refuses(tmp_path: Path) -> None:
    paths = builders.study(tmp_path, series=1, instances=5)
    data = [path.read_bytes() for path in paths]
    at = data[0].index(b"\x08\0\x16\0UI", 200)
    class_end = at + 8 + data[0][at + 6]
    paths[0].write_bytes(data[0][:at] + data[0][class_end:])
    private = b"1.2.840.113619.5"
    known = b"1.2.840.10008.1.2.1\0"
    paths[1].write_bytes(data[1].replace(known, private.ljust(len(known), b"\0"), 1))
    at = data[2].index(b"\x10\0\x20\0LO")
    paths[2].write_bytes(data[2][: at + 4] + b"QQ" + data[2][at + 6 :])
    builders.truncate(paths[3], keep=0.8)
    paths[4].rename(paths[4].with_suffix(".dcm")).write_bytes(b"no DICOM" * 99)
    file_set = scan_media([str(tmp_path)])
    found = {item.path: item.codes for item in file_set.refused}
    assert sorted(found.values()) == [("F10",), ("S02",), ("S08",), ("S09",), ("S15",)]
    assert forecast_text(file_set).startswith("5 objects will be refused by a PACS: ")
    assert scan_document(file_set)["forecast"]["refused"] == 5


def test_a_sound_study_is_stored(tmp_path: Path) -> None:
    builders.study(tmp_path)
    file_set = scan_media([str(tmp_path)])
    assert file_set.refused == ()
    assert forecast_text(file_set) == ""


def test_length_of_pixels(tmp_path: Path) -> None:
    path = builders.study(tmp_path, series=1, instances=1, extra={"NumberOfFrames": 1})[0]
    data = path.read_bytes()
    path.write_bytes(data + b"\x01\x02\x03\x04")
    assert codes(path)["S11"] == 1
    builders.study(tmp_path / "b", series=1, instances=1, extra={"Rows": 30})
    assert codes(tmp_path / "b")["S17"] == 1


def _compressed(folder: Path, frames: list[bytes], n_frames: int, *, table: bool = True) -> Path:
    ds = builders.instance(transfer_syntax=JPEGLSLossless)
    ds.NumberOfFrames = n_frames
    ds.PixelData = encapsulate(frames, has_bot=table)
    folder.mkdir(exist_ok=True)
    return builders.write(ds, folder / "image")


def test_fragments(tmp_path: Path) -> None:
    frames = [b"\xff\xd8" + bytes(98), b"\xff\xd8" + bytes(48)]
    assert codes(_compressed(tmp_path, frames, 2)) == {}
    assert codes(_compressed(tmp_path, frames, 3)) == {"S18": 1}
    path = _compressed(tmp_path, frames, 2)
    data = path.read_bytes()
    table = data.index(b"\xfe\xff\x00\xe0\x08\0\0\0") + 12
    path.write_bytes(data[:table] + b"\x07" + data[table + 1 :])
    assert codes(path) == {"S19": 1}


def test_a_frame_that_does_not_decode(tmp_path: Path) -> None:
    builders.study(tmp_path, series=1, instances=2, transfer_syntax=RLELossless)
    assert "S07" not in {
        found.code for found in diagnose([str(tmp_path)], full=True).file_set.findings
    }
    ds = builders.instance(transfer_syntax=RLELossless)
    ds.PixelData = encapsulate([bytes([9]) * 200])
    path = builders.write(ds, tmp_path / "damaged")
    diagnosis = diagnose([str(path)], full=True)
    assert [found.code for found in diagnosis.file_set.findings] == ["S07"]
    assert diagnosis.frames is not None
    assert len(diagnosis.frames.damaged) == 1


def test_media_without_dicom(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "NOTES.XYZ").write_bytes(b"\x01\x02\x03 nothing")
    assert codes(tmp_path / "a") == {"F01": 1}
    (tmp_path / "a" / "SCAN.JPG").write_bytes(b"\xff\xd8\xff\xe0" + bytes(99))
    assert codes(tmp_path / "a") == {"F03": 1}
    (tmp_path / "a" / "VIEWER.EXE").write_bytes(b"MZ" + bytes(99))
    (tmp_path / "a" / "IMAGES.DB").write_bytes(bytes(range(256)) * 1024)
    assert codes(tmp_path / "a") == {"F02": 1, "F04": 1}
    image = tmp_path / "disc.iso"
    image.write_bytes(bytes(range(256)) * 1024)
    assert codes(image) == {"M08": 1}


def test_directory_in_place_of_an_image(tmp_path: Path) -> None:
    images = builders.study(tmp_path / "in", series=2, instances=3)
    disc = builders.file_set(tmp_path / "disc", images)
    assert "F08" not in codes(disc)
    assert codes(disc / "DICOMDIR")["F08"] == 1


def test_other_disc_and_missing_end(tmp_path: Path) -> None:
    images = builders.study(tmp_path / "in", series=2, instances=4)
    disc = builders.file_set(tmp_path / "disc", images)
    scanned = scan_media([str(disc)])
    series = list(scanned.iter_series())
    for instance in (*series[0].instances, series[1].instances[-1]):
        (disc / instance.path).unlink()
    found = codes(disc)
    assert (found["M11"], found["C06"], found["D02"]) == (1, 1, 5)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12), ("-3", -3), ("+4", 4), ("", None), ("-", None), ("+-5", None), ("--5", None),
        ("1.5", None), ("\u0663", None), ("9" * 5000, None),
    ],
)  # fmt: skip
def test_numbers_of_series_and_instances(text: str, number: int | None) -> None:
    assert number_of(text) == number
