"""The sample CD: whole, plausible, and accepted by programs that are not ours."""

import hashlib
import shutil
import subprocess
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from emixcli.demo import objects, thorax, ultrasound
from emixcli.demo.cd import SampleCd, write_sample_cd

_WHAT = {"CT": 144, "CR": 1, "MR": 66, "US": 1}


def test_every_file_has_the_digest_that_was_told(sample_cd: SampleCd, sample_tree: Path) -> None:
    for name, digest in {**sample_cd.instances, **sample_cd.documents}.items():
        assert hashlib.sha256((sample_tree / name).read_bytes()).hexdigest() == digest
    others = {"AUTORUN.INF", "README.TXT", "VIEWER.EXE", "How to see the images.htm", "DICOMDIR"}
    names = {path.name for path in sample_tree.rglob("*") if path.is_file()}
    assert others < names
    assert sample_cd.n_other == 4
    assert sample_cd.size == sample_cd.path.stat().st_size


def test_what_is_on_it(sample_cd: SampleCd, sample_tree: Path) -> None:
    found: Counter[str] = Counter()
    uids = set()
    for name in sample_cd.instances:
        image = pydicom.dcmread(sample_tree / name, stop_before_pixels=True)
        found[image.Modality] += 1
        uids.add(image.SOPInstanceUID)
        assert image.PatientName == "DEMO^ANNA"
    assert found == _WHAT
    assert len(uids) == sum(_WHAT.values())


def test_slices_lie_at_equal_distances_and_are_in_order(
    sample_cd: SampleCd, sample_tree: Path
) -> None:
    positions: dict[str, list[float]] = {}
    for name in sorted(sample_cd.instances):
        image = pydicom.dcmread(sample_tree / name, stop_before_pixels=True)
        if image.Modality in {"CT", "MR"}:
            positions.setdefault(image.SeriesInstanceUID, []).append(float(image.SliceLocation))
    assert len(positions) == 3
    for places in positions.values():
        steps = np.diff(places)
        assert np.allclose(steps, steps[0], atol=1e-3)


def test_the_ct_is_in_hounsfield_units() -> None:
    volume = thorax.make_thorax()[::24]
    assert volume.shape[1:] == (512, 512)
    air, lung = volume[:, :20, :20], volume[2, 240:280, 130:150]
    assert abs(float(air.mean()) + 1000) < 5
    assert -930 < float(np.median(lung)) < -780
    assert volume.max() > 500


def test_a_part_is_the_same_each_time() -> None:
    first = [objects.to_bytes(image) for image in objects.mr_t1_series()]
    again = [objects.to_bytes(image) for image in objects.mr_t1_series()]
    assert first == again


def test_the_ultrasound_moves_and_is_coloured() -> None:
    image = pydicom.dcmread(BytesIO(objects.to_bytes(next(objects.us_series()))))
    frames = image.pixel_array
    assert frames.shape == (ultrasound.N_FRAMES, 480, 640, 3)
    assert not np.array_equal(frames[0], frames[12])
    spread = frames[30].max(axis=2).astype(int) - frames[30].min(axis=2)
    assert (spread > 100).sum() > 500


def test_dcmtk_accepts_the_directory(sample_tree: Path) -> None:
    program = shutil.which("dcmdump")
    if program is None:
        pytest.skip("dcmtk is not installed")
    done = subprocess.run(
        [program, sample_tree / "DICOMDIR"], check=True, capture_output=True, text=True
    )
    assert "W:" not in done.stderr
    assert "E:" not in done.stderr
    assert done.stdout.count("ReferencedFileID") == sum(_WHAT.values())


def test_pydicom_finds_every_file_by_the_directory(sample_cd: SampleCd, sample_tree: Path) -> None:
    directory = pydicom.dcmread(sample_tree / "DICOMDIR")
    paths = {
        "/".join(record.ReferencedFileID)
        for record in directory.DirectoryRecordSequence
        if record.DirectoryRecordType == "IMAGE"
    }
    assert paths == set(sample_cd.instances)


@pytest.mark.parametrize(
    "name",
    [
        "DICOM/ST000001/SE000001/IM000001",
        "DICOM/ST000002/SE000001/IM000001",
        "DICOM/ST000003/SE000001/IM000001",
        "DICOM/ST000003/SE000002/IM000001",
        "DICOM/ST000004/SE000001/IM000001",
    ],
)
def test_dicom3tools_finds_no_error(sample_tree: Path, name: str) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dicom3tools is not installed")
    done = subprocess.run([program, sample_tree / name], check=False, capture_output=True)
    said = (done.stdout + done.stderr).decode("latin-1")
    assert "Error" not in said


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(thorax, "make_thorax", fail)
    with pytest.raises(OSError, match="No space"):
        write_sample_cd(tmp_path / "sample.iso")
    assert list(tmp_path.iterdir()) == []
