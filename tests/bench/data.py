"""What the benchmarks read: CT slices of the phantom in any number, and sparse giants."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, RTStructureSetStorage

from emixcli.demo import objects, thorax
from tests import builders

MB = 1_000_000
SLICE_SIZE = 512 * 512 * 2


@cache
def _volume() -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return thorax.make_thorax()


def ct_series(folder: Path, n: int) -> int:
    """Write n CT slices of 512 KiB, each with noise of its own; return their bytes.

    Real noise matters: without it the slices would compress better than those of a scanner.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = sum(path.stat().st_size for path in folder.iterdir())
    if len(list(folder.iterdir())) == n:
        return done
    volume = _volume()
    templates = list(objects.ct_series(volume))
    rng = np.random.default_rng(n)
    total = 0
    for index in range(n):
        item = templates[index % len(templates)]
        turn = int(rng.integers(0, 512))
        noise = np.rint(rng.standard_normal((512, 512), dtype=np.float32) * 3)
        plane = np.clip(volume[index % len(volume)] + 1024 + noise, 0, 4095).astype("<u2")
        item.PixelData = np.roll(plane, turn, 1).tobytes()
        item.SOPInstanceUID = objects.uid("bench", n, index)
        item.SeriesInstanceUID = objects.uid("bench", n)
        item.InstanceNumber = index + 1
        item.ImagePositionPatient[2] = -1.0 * index
        item.SliceLocation = -1.0 * index
        content = objects.to_bytes(item)
        (folder / f"IM{index:06d}").write_bytes(content)
        total += len(content)
    return total


def as_scanners_write(item: Dataset, index: int) -> None:
    """Add what real CT headers hold beside what the phantom has.

    Scanners write 150 to 300 elements: request and dose sequences, references, and private blocks.
    """
    item.DeviceSerialNumber, item.StationName = "67890", "CT01"
    item.OperatorsName, item.PhysiciansOfRecord = "DEMO^OPERATOR", "DEMO^PHYSICIAN"
    item.XRayTubeCurrent, item.ExposureTime, item.Exposure = 210, 500, 105
    item.FilterType, item.GeneratorPower, item.ConvolutionKernel = "FLAT", 25, "Br40f"
    item.FocalSpots, item.DateOfLastCalibration = [1.2], "20260301"
    item.DataCollectionDiameter = item.ReconstructionDiameter = 400
    item.DistanceSourceToDetector, item.DistanceSourceToPatient = 1085.6, 595
    item.GantryDetectorTilt, item.TableHeight, item.RotationDirection = 0, 151.5, "CW"
    item.CTDIvol, item.EstimatedDoseSaving = 6.4, 0
    item.SpiralPitchFactor, item.SingleCollimationWidth = 0.6, 0.6
    item.RequestedProcedureDescription = "CT thorax"
    item.PerformedProcedureStepStartDate = item.InstanceCreationDate = "20260317"
    for keyword in ("RequestAttributesSequence", "ReferencedStudySequence",
                    "ReferencedImageSequence", "ProcedureCodeSequence"):  # fmt: skip
        inner = Dataset()
        inner.CodeValue, inner.CodingSchemeDesignator = "24627-2", "LN"
        inner.CodeMeaning = "Chest CT"
        inner.ReferencedSOPInstanceUID = objects.uid("reference", index)
        setattr(item, keyword, [inner] * 3)
    for group, creator in ((0x0019, "BENCH A"), (0x0021, "BENCH B"), (0x0029, "BENCH C")):
        block = item.private_block(group, creator, create=True)
        for offset in range(30):
            block.add_new(offset, "LO", f"private value {offset}")
        block.add_new(0x80, "OB", bytes(4000))


def small_files(folder: Path, n: int) -> None:
    """Write n CT slices whose pixels are zeros on no disk: only headers are read from them."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.iterdir())) == n:
        return
    templates = list(objects.ct_series(_volume()))
    for index in range(n):
        item = templates[index % len(templates)]
        item.SOPInstanceUID = objects.uid("small", n, index)
        item.InstanceNumber = index + 1
        as_scanners_write(item, index)
        content = objects.to_bytes(item)
        head = content[: len(content) - SLICE_SIZE]
        with (folder / f"IM{index:06d}").open("wb") as file:
            file.write(head)
            file.truncate(len(content))


def sparse_multiframes(folder: Path, total: int) -> int:
    """Write multi-frame objects of 2 GB whose pixels are holes in the file; return their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    template = next(objects.us_series())
    frame = 480 * 640 * 3
    n_frames = 2000 * MB // frame
    template.NumberOfFrames = n_frames
    done = 0
    index = 0
    while done < total:
        template.SOPInstanceUID = objects.uid("sparse", index)
        template.InstanceNumber = index + 1
        template.PixelData = b"\0" * 2
        content = objects.to_bytes(template)
        head = content[:-6] + struct.pack("<I", n_frames * frame)
        with (folder / f"US{index:06d}").open("wb") as file:
            file.write(head)
            file.truncate(len(head) + n_frames * frame)
        done += len(head) + n_frames * frame
        index += 1
    return done


def large_multiframe(folder: Path, n_frames: int) -> int:
    """Write one Enhanced CT image of n frames of 512 KiB, with noise in them; return its bytes."""
    path = folder / "enhanced.dcm"
    if path.exists():
        return path.stat().st_size
    folder.mkdir(parents=True, exist_ok=True)
    item = next(iter(objects.ct_series(_volume())))
    as_scanners_write(item, 0)
    item.SOPClassUID = EnhancedCTImageStorage
    item.NumberOfFrames = n_frames
    item.PerFrameFunctionalGroupsSequence = [_frame_groups(index) for index in range(n_frames)]
    item.PixelData = bytes(SLICE_SIZE)
    content = objects.to_bytes(item)[: -SLICE_SIZE - 4]
    rng = np.random.default_rng(n_frames)
    block = rng.integers(0, 1 << 12, 16 * SLICE_SIZE // 2, np.uint16).tobytes()
    with path.with_suffix(".partial").open("wb") as file:
        file.write(content + struct.pack("<I", n_frames * SLICE_SIZE))
        for start in range(0, n_frames, 16):
            file.write(block[: min(16, n_frames - start) * SLICE_SIZE])
    path.with_suffix(".partial").rename(path)
    return path.stat().st_size


def _frame_groups(index: int) -> Dataset:
    content, position, groups = Dataset(), Dataset(), Dataset()
    content.FrameAcquisitionNumber, content.InStackPositionNumber = 1, index + 1
    content.FrameAcquisitionDateTime = f"20260310101500.{index:06}"
    position.ImagePositionPatient = [-200, -200, index * 0.5]
    groups.FrameContentSequence, groups.PlanePositionSequence = [content], [position]
    return groups


def large_structures(folder: Path, n_contours: int) -> int:
    """Write one RT structure set of n contours of 2 KB, 50 a structure; return its bytes."""
    path = folder / "structures.dcm"
    if path.exists():
        return path.stat().st_size
    folder.mkdir(parents=True, exist_ok=True)
    item = next(iter(objects.ct_series(_volume())))
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
        del item[keyword]
    item.SOPClassUID, item.Modality = RTStructureSetStorage, "RTSTRUCT"
    item.StructureSetLabel = "bench"
    item.ROIContourSequence = [
        _structure(number, min(50, n_contours - number)) for number in range(0, n_contours, 50)
    ]
    path.write_bytes(objects.to_bytes(item))
    return path.stat().st_size


def _structure(number: int, n_contours: int) -> Dataset:
    structure = Dataset()
    structure.ReferencedROINumber = number
    structure.ContourSequence = []
    for index in range(number, number + n_contours):
        contour, image = Dataset(), Dataset()
        image.ReferencedSOPClassUID = CTImageStorage
        image.ReferencedSOPInstanceUID = builders.uid(9, index)
        contour.ContourImageSequence = [image]
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 100
        contour.ContourData = [f"{(index * 37 + at) % 4000 / 8:.3f}" for at in range(300)]
        structure.ContourSequence.append(contour)
    return structure


def tiny_files(folder: Path, n: int) -> int:
    """Write n objects of about 1 KB, 1,000 a series; return their bytes."""
    done = folder / "done"
    if done.exists():
        return int(done.read_text())
    marks = {"uid": b".999999999", "number": b"99999 ", "series": b".4.5.99999"}
    item = builders.instance(number=999_999_999, rows=8, columns=8)
    item.InstanceNumber, item.SeriesInstanceUID = 99999, builders.uid(4, 5, 99999)
    template = builders.to_bytes(item)
    for index in range(n):
        series, number = divmod(index, 1000)
        content = template.replace(marks["uid"], b".%09d" % (100_000_000 + index))
        content = content.replace(marks["number"], b"%05d " % number)
        content = content.replace(marks["series"], b".4.5.%05d" % (10_000 + series))
        place = folder / f"{series:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"I{number:05}").write_bytes(content)
    done.write_text(str(n * len(template)))
    return n * len(template)
