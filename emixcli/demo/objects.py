"""The DICOM objects of the sample CD, one generator per series.

Attributes follow the modules of PS3.3 Annex A for CT, MR, multi-frame ultrasound and CR images.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

from emixcli.demo import brain, radiograph, thorax, ultrasound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
US_MULTIFRAME_IMAGE = "1.2.840.10008.5.1.4.1.1.3.1"

_PATIENT: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": "DEMO^ANNA",
    "PatientID": "DEMO-0001",
    "PatientBirthDate": "19570412",
    "PatientSex": "F",
    "ReferringPhysicianName": "SAMPLE^REFERRER",
    "InstitutionName": "EMIX SAMPLE HOSPITAL",
    "Manufacturer": "EMIX",
    "ManufacturerModelName": "Phantom",
    "SoftwareVersions": "1",
}


def uid(*parts: object) -> str:
    """Return an UID that the parts alone decide (PS3.5 section B.2: 2.25 and a 128-bit number)."""
    digest = hashlib.sha256(repr(("emix demo", *parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def to_bytes(dataset: Dataset) -> bytes:
    """Return the object as a PS3.10 file, explicit VR little endian."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid("implementation"))
    meta.ImplementationVersionName = "EMIX_DEMO"
    dataset.file_meta = meta
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True, little_endian=True, implicit_vr=False)
    return out.getvalue()


def ct_series(volume: NDArray[np.int16]) -> Iterator[Dataset]:
    """Yield the CT slices, head first."""
    first = _study("CT", "20260317", "CT thorax with contrast", "DEMO-CT-1", age="068Y")
    first |= {
        "SOPClassUID": CT_IMAGE,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SeriesNumber": 2,
        "SeriesDescription": "Thorax 2.5 mm, venous phase",
        "ProtocolName": "Thorax",
        "BodyPartExamined": "CHEST",
        "ContrastBolusAgent": "CONTRAST AGENT",
        "KVP": 120,
        "SliceThickness": thorax.THICKNESS_MM,
        "PatientPosition": "HFS",
        "WindowCenter": [40, -600, 400],
        "WindowWidth": [400, 1500, 1800],
        "WindowCenterWidthExplanation": ["SOFT TISSUE", "LUNG", "BONE"],
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
        "RescaleType": "HU",
    }
    corner = -(thorax.SIZE - 1) / 2 * thorax.SPACING_MM
    for index, z_mm in enumerate(thorax.z_positions()):
        image = _image(first, ("ct", 2), index)
        _place(image, (corner, corner, z_mm), (1, 0, 0, 0, 1, 0), thorax.SPACING_MM)
        _pixels(image, (volume[index] + 1024).astype(np.uint16))
        yield image


def mr_t2_series() -> Iterator[Dataset]:
    """Yield axial T2 images, from below to above."""
    size, spacing_mm = 320, 0.7
    first = _mr(3, "T2 TSE axial", {"RepetitionTime": 4800, "EchoTime": 96, "SliceThickness": 4.5})
    axis = ((np.arange(size) - (size - 1) / 2) * spacing_mm).astype(np.float32)
    rng = np.random.default_rng(31)
    for index in range(30):
        z_mm = -44 + 5.0 * index
        axes = (axis[None, :], axis[:, None], np.full((1, 1), z_mm, np.float32))
        image = _image(first, ("mr", 3), index)
        _place(image, (axis[0], axis[0], z_mm), (1, 0, 0, 0, 1, 0), spacing_mm)
        image.WindowCenter, image.WindowWidth = 560, 1120
        _pixels(image, brain.make_slice(axes, brain.T2_SIGNAL, rng))
        yield image


def mr_t1_series() -> Iterator[Dataset]:
    """Yield sagittal T1 images, from right to left."""
    size, spacing_mm = 256, 0.95
    first = _mr(5, "T1 sagittal", {"RepetitionTime": 580, "EchoTime": 9.1, "SliceThickness": 3})
    axis = ((np.arange(size) - (size - 1) / 2) * spacing_mm).astype(np.float32)
    rng = np.random.default_rng(32)
    for index in range(36):
        x_mm = -63 + 3.6 * index
        axes = (np.full((1, 1), x_mm, np.float32), axis[None, :], -axis[:, None])
        image = _image(first, ("mr", 5), index)
        _place(image, (x_mm, axis[0], -axis[0]), (0, 1, 0, 0, 0, -1), spacing_mm)
        image.WindowCenter, image.WindowWidth = 400, 840
        _pixels(image, brain.make_slice(axes, brain.T1_SIGNAL, rng))
        yield image


def us_series() -> Iterator[Dataset]:
    """Yield one multi-frame colour object."""
    first = _study("US", "20251121", "Echocardiography", "DEMO-US-1", age="068Y")
    first |= {
        "SOPClassUID": US_MULTIFRAME_IMAGE,
        "ImageType": ["ORIGINAL", "PRIMARY", "", "0011"],
        "SeriesNumber": 1,
        "SeriesDescription": "Four-chamber view with colour Doppler",
        "NumberOfFrames": ultrasound.N_FRAMES,
        "FrameTime": ultrasound.FRAME_TIME_MS,
        "FrameIncrementPointer": 0x00181063,
        "CineRate": 30,
        "LossyImageCompression": "00",
        "BurnedInAnnotation": "NO",
        "PatientOrientation": "",
        "Laterality": "",
    }
    image = _image(first, ("us", 1), 0)
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 28, 22
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 611, 461
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3  # cm
    region.PhysicalDeltaX = region.PhysicalDeltaY = ultrasound.MM_PER_PIXEL / 10
    image.SequenceOfUltrasoundRegions = [region]
    frames = ultrasound.make_loop()
    image.SamplesPerPixel, image.PlanarConfiguration = 3, 0
    image.PhotometricInterpretation = "RGB"
    image.Rows, image.Columns = frames.shape[1:3]
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.PixelData = frames.tobytes()
    yield image


def cr_series(volume: NDArray[np.int16]) -> Iterator[Dataset]:
    """Yield one chest radiograph."""
    first = _study("CR", "20260312", "Chest radiograph", "DEMO-CR-1", age="068Y")
    first |= {
        "SOPClassUID": CR_IMAGE,
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "SeriesNumber": 1,
        "SeriesDescription": "Chest PA",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
        "ImagerPixelSpacing": [radiograph.SPACING_MM, radiograph.SPACING_MM],
        "WindowCenter": 1850,
        "WindowWidth": 3300,
        "BurnedInAnnotation": "NO",
    }
    image = _image(first, ("cr", 1), 0)
    _pixels(image, radiograph.make_radiograph(volume))
    yield image


def _study(modality: str, date: str, description: str, accession: str, *, age: str) \
        -> dict[str, Any]:  # fmt: skip
    """Return the attributes that all images of a study share."""
    return _PATIENT | {
        "PatientAge": age,
        "StudyInstanceUID": uid("study", modality),
        "StudyDate": date,
        "StudyTime": "101500",
        "StudyID": accession[-4:],
        "StudyDescription": description,
        "AccessionNumber": accession,
        "Modality": modality,
        "SeriesDate": date,
        "SeriesTime": "101700",
        "AcquisitionDate": date,
        "AcquisitionTime": "101800",
        "ContentDate": date,
    }


def _mr(number: int, description: str, timing: dict[str, Any]) -> dict[str, Any]:
    study = _study("MR", "20260209", "MR of the head", "DEMO-MR-1", age="068Y")
    return study | timing | {
        "SOPClassUID": MR_IMAGE,
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "SeriesNumber": number,
        "SeriesDescription": description,
        "ProtocolName": description,
        "BodyPartExamined": "HEAD",
        "ScanningSequence": "SE",
        "SequenceVariant": "SK",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "EchoTrainLength": 1,
        "MagneticFieldStrength": 1.5,
        "PatientPosition": "HFS",
    }  # fmt: skip


def _image(common: dict[str, Any], series: tuple[str, int], index: int) -> Dataset:
    """Return one object without its pixels."""
    image = Dataset()
    for keyword, value in common.items():
        setattr(image, keyword, value)
    image.SeriesInstanceUID = uid("series", *series)
    image.SOPInstanceUID = uid("instance", *series, index)
    image.InstanceNumber = index + 1
    image.AcquisitionNumber = 1
    image.ContentTime = f"1018{index // 10 % 60:02d}.{index % 10}00000"
    if common["Modality"] in {"CT", "MR"}:
        image.FrameOfReferenceUID = uid("frame", series[0])
        image.PositionReferenceIndicator = ""
    return image


def _place(
    image: Dataset,
    corner: tuple[float, float, float],
    directions: tuple[int, ...],
    spacing_mm: float,
) -> None:
    """Say where the image lies (PS3.3 section C.7.6.2)."""
    image.ImagePositionPatient = [round(float(value), 4) for value in corner]
    image.ImageOrientationPatient = list(directions)
    image.PixelSpacing = [spacing_mm, spacing_mm]
    normal = np.cross(directions[:3], directions[3:])
    image.SliceLocation = round(float(np.dot(normal, corner)), 4)


def _pixels(image: Dataset, values: NDArray[np.uint16]) -> None:
    """Set 12-bit grey pixels (PS3.3 section C.7.6.3)."""
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = values.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    image.PixelData = np.minimum(values, 4095).astype("<u2").tobytes()
