"""The image objects of the planted study: CT, segmentation, secondary capture, ultrasound."""

from __future__ import annotations

import copy
from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    UltrasoundImageStorage,
)

from tests.planted import common, font
from tests.planted.ledger import Clause, Ledger

#: Side of the square CT images.
SIZE = 32


@dataclass(frozen=True)
class Burned:
    """A rectangle of an image that holds text."""

    file: str
    rows: tuple[int, int]
    columns: tuple[int, int]


def ct_series(ledger: Ledger, n: int) -> list[FileDataset]:
    """Return the slices; the first holds the study's own attributes, as do all."""
    first = common.new(ledger, CTImageStorage)
    first.Modality = "CT"
    first.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    first.PatientPosition = "HFS"
    first.FrameOfReferenceUID = ledger.uid()
    first.PositionReferenceIndicator = ""
    first.KVP, first.SliceThickness = "120", "2.5"
    first.AcquisitionNumber = 1
    first.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    first.PixelSpacing = [0.5, 0.5]
    first.RescaleIntercept, first.RescaleSlope, first.RescaleType = -1024, 1, "HU"
    first.WindowCenter, first.WindowWidth = 40, 400
    first.BodyPartExamined = "CHEST"
    common.plant_study(ledger, first)
    slices = []
    for index in range(n):
        image = first if index == 0 else _next(ledger, first)
        image.InstanceNumber = index + 1
        image.ImagePositionPatient = [-100.0, -100.0, 10.0 - 2.5 * index]
        ramp = np.add.outer(np.arange(SIZE), np.arange(SIZE)) * 7 + index * 13
        common.grey(image, SIZE, SIZE, (ramp % 4096).astype("<u2").tobytes())
        slices.append(image)
    for index, image in enumerate(slices):
        ledger.file = f"CT/IM{index + 1:04}"
        _refer_to_neighbour(ledger, image, slices[index - 1])
    return slices


def _next(ledger: Ledger, first: FileDataset) -> FileDataset:
    image = copy.deepcopy(first)
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(ledger.uid())
    return image


def _refer_to_neighbour(ledger: Ledger, image: Dataset, other: Dataset) -> None:
    """Name another slice as reference and source, each with a purpose that holds a plant."""
    for tag, keyword in ((0x00081140, "ReferencedImageSequence"),
                         (0x00082112, "SourceImageSequence")):  # fmt: skip
        item = Dataset()
        item.ReferencedSOPClassUID = CTImageStorage
        item.ReferencedSOPInstanceUID = ledger.refer((tag, 0, 0x00081155), other.SOPInstanceUID)
        item.PurposeOfReferenceCodeSequence = [concept("121322", "DCM", "Source image")]
        setattr(image, keyword, [item])


def concept(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a coded concept."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def refer_series(
    ledger: Ledger, images: Many[Dataset], path: tuple[int, ...], *, instances: int = 0x0008114A
) -> Dataset:
    """Return an item that names a series and its instances, and remember each.

    Parameters
    ----------
    path
        Of the item.
    instances
        Tag of the sequence of instances.
    """
    item = Dataset()
    item.SeriesInstanceUID = ledger.refer((*path, 0x0020000E), images[0].SeriesInstanceUID)
    members = []
    for index, image in enumerate(images):
        member = Dataset()
        member.ReferencedSOPClassUID = image.SOPClassUID
        member.ReferencedSOPInstanceUID = ledger.refer(
            (*path, instances, index, 0x00081155), image.SOPInstanceUID
        )
        members.append(member)
    item.add_new(instances, "SQ", members)
    return item


def segmentation(ledger: Ledger, ct: Many[FileDataset]) -> FileDataset:
    """Return a binary segmentation with one frame for each slice."""
    ledger.file = "SEG/IM0001"
    ds = common.new(ledger, SegmentationStorage)
    common.join(ds, ct[0])
    ds.Modality, ds.ImageType = "SEG", ["DERIVED", "PRIMARY"]
    ds.SegmentationType, ds.ContentLabel = "BINARY", "SEGMENTATION"
    ledger.put(ds, "ContentCreatorName")
    ledger.put(ds, "ContentDescription", rule=Clause.BEYOND)
    for keyword in ("ContentDate", "ContentTime", "SeriesDescription", "DeviceSerialNumber"):
        ledger.put(ds, keyword)
    ds.FrameOfReferenceUID = ledger.refer((0x00200052,), ct[0].FrameOfReferenceUID)
    ds.PositionReferenceIndicator = ""
    ds.LossyImageCompression = "00"
    ds.ReferencedSeriesSequence = [refer_series(ledger, ct, (0x00081115, 0))]
    ds.SegmentSequence = [_segment(ledger)]
    organization = Dataset()
    organization.DimensionOrganizationUID = ledger.uid()
    ds.DimensionOrganizationSequence = [organization]
    index = Dataset()
    index.DimensionIndexPointer, index.FunctionalGroupPointer = 0x0062000B, 0x0062000A
    index.DimensionOrganizationUID = ledger.refer(
        (0x00209222, 0, 0x00209164), organization.DimensionOrganizationUID
    )
    ds.DimensionIndexSequence = [index]
    _frames(ledger, ds, ct)
    frame = np.zeros(SIZE * SIZE, np.uint8)
    frame[300:400] = 1
    bits = np.packbits(np.tile(frame, len(ct)), bitorder="little").tobytes()
    common.grey(ds, SIZE, SIZE, bits + bytes(len(bits) % 2), bits=1)
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    return ds


def _segment(ledger: Ledger) -> Dataset:
    segment = Dataset()
    segment.SegmentNumber = 1
    segment.SegmentLabel = ledger.text("SegmentSequence/SegmentLabel", Clause.BEYOND)
    segment.SegmentDescription = ledger.text("SegmentSequence/SegmentDescription", Clause.BEYOND)
    segment.SegmentAlgorithmType = "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = [concept("85756007", "SCT", "Tissue")]
    segment.SegmentedPropertyTypeCodeSequence = [concept("51114001", "SCT", "Artery")]
    segment.TrackingID = ledger.text("SegmentSequence/TrackingID", Clause.BEYOND)
    segment.TrackingUID = ledger.uid()
    return segment


def _frames(ledger: Ledger, ds: Dataset, ct: Many[FileDataset]) -> None:
    shared = Dataset()
    measures, orientation, identification = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.5], "2.5"
    measures.SpacingBetweenSlices = "2.5"
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    identification.ReferencedSegmentNumber = 1
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    shared.SegmentIdentificationSequence = [identification]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.NumberOfFrames = len(ct)
    groups = []
    for number, image in enumerate(ct):
        group, derivation, source, content, position = (Dataset() for _ in range(5))
        source.ReferencedSOPClassUID = image.SOPClassUID
        path = (0x52009230, number, 0x00089124, 0, 0x00082112, 0, 0x00081155)
        source.ReferencedSOPInstanceUID = ledger.refer(path, image.SOPInstanceUID)
        source.PurposeOfReferenceCodeSequence = [concept("121322", "DCM", "Source image")]
        derivation.SourceImageSequence = [source]
        derivation.DerivationCodeSequence = [concept("113076", "DCM", "Segmentation")]
        group.DerivationImageSequence = [derivation]
        content.DimensionIndexValues = [1]
        for keyword in ("FrameComments", "FrameAcquisitionDateTime", "FrameReferenceDateTime"):
            if number == 0:
                ledger.put(content, keyword, where="PerFrame/FrameContent")
        group.FrameContentSequence = [content]
        position.ImagePositionPatient = image.ImagePositionPatient
        group.PlanePositionSequence = [position]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups


def secondary_capture(ledger: Ledger, ct: Many[FileDataset]) -> tuple[FileDataset, list[Burned]]:
    """Return a screenshot with the patient's name and number in it."""
    ledger.file = "SC/IM0001"
    ds = common.new(ledger, SecondaryCaptureImageStorage)
    common.join(ds, ct[0])
    ds.Modality, ds.ConversionType = "OT", "WSD"
    ds.Laterality, ds.PatientOrientation = "", ""
    ds.BurnedInAnnotation = "YES"
    for keyword in ("DateOfSecondaryCapture", "TimeOfSecondaryCapture", "SecondaryCaptureDeviceID",
                    "CameraOwnerName", "LensSerialNumber", "GPSLatitude", "GPSAreaInformation",
                    "ContentDate", "GPSDateStamp"):  # fmt: skip
        ledger.put(ds, keyword)
    ledger.put(ds, "MakerNote")
    frame = np.full((128, 256), 40, np.uint8)
    frame[60:120, 40:200] = np.arange(160, dtype=np.uint8)
    burned = [
        _burn(ledger, frame, ledger.patient.family, 8),
        _burn(ledger, frame, ledger.patient.id, 32),
    ]
    common.grey(ds, 128, 256, frame.tobytes(), bits=8)
    return ds, burned


def _burn(ledger: Ledger, frame: np.ndarray, text: str, row: int) -> Burned:
    text = "".join(letter for letter in text.upper() if letter in font._GLYPHS)
    first, end, left, right = font.burn(frame, text, row=row, column=8, value=255)
    return Burned(ledger.file, (first, end), (left, right))


def ultrasound(ledger: Ledger, ct: Many[FileDataset]) -> tuple[FileDataset, list[Burned]]:
    """Return an ultrasound image with a banner above its region."""
    ledger.file = "US/IM0001"
    ds = common.new(ledger, UltrasoundImageStorage)
    common.join(ds, ct[0])
    ds.Modality, ds.ImageType = "US", ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"]
    ds.Laterality, ds.PatientOrientation = "", ""
    ds.BurnedInAnnotation = "YES"
    for keyword in ("ContentDate", "StationName", "OperatorsName", "SeriesDescription",
                    "ImageComments"):  # fmt: skip
        ledger.put(ds, keyword)
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 20, 50
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 239, 149
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.05
    ds.SequenceOfUltrasoundRegions = [region]
    frame = np.zeros((160, 256), np.uint8)
    frame[50:150, 20:240] = (np.add.outer(np.arange(100), np.arange(220)) % 200).astype(np.uint8)
    burned = [_burn(ledger, frame, f"{ledger.patient.family} {ledger.patient.id}"[:18], 4)]
    common.grey(ds, 160, 256, frame.tobytes(), bits=8)
    ds.LossyImageCompression = "00"
    return ds, burned
