"""The radiotherapy structure set and the electrocardiogram of the planted study."""

from __future__ import annotations

from collections.abc import Sequence as Many

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import RTStructureSetStorage, TwelveLeadECGWaveformStorage

from tests.planted import common
from tests.planted.images import concept
from tests.planted.ledger import Ledger


def structure_set(ledger: Ledger, ct: Many[FileDataset]) -> FileDataset:
    """Return a structure set whose one contour a slice refers to each slice twice."""
    ledger.file = "RT/IM0001"
    ds = common.new(ledger, RTStructureSetStorage)
    common.join(ds, ct[0])
    ds.Modality = "RTSTRUCT"
    for keyword in (
        "StructureSetLabel", "StructureSetName", "StructureSetDescription", "StructureSetDate",
        "StructureSetTime", "OperatorsName", "ReviewerName", "ReviewDate", "ReviewTime",
        "SeriesDescription", "InstitutionName",
    ):  # fmt: skip
        ledger.put(ds, keyword)
    ds.ApprovalStatus = "APPROVED"
    ds.FrameOfReferenceUID = ledger.refer((0x00200052,), ct[0].FrameOfReferenceUID)
    ds.PositionReferenceIndicator = ""
    ds.ReferencedFrameOfReferenceSequence = [_frame_of_reference(ledger, ct)]
    roi = Dataset()
    roi.ROINumber = 1
    roi.ReferencedFrameOfReferenceUID = ledger.refer(
        (0x30060020, 0, 0x30060024), ct[0].FrameOfReferenceUID
    )
    for keyword in ("ROIName", "ROIDescription", "ROIGenerationDescription", "ROIDateTime"):
        ledger.put(roi, keyword, where="StructureSetROISequence")
    roi.ROIGenerationAlgorithm = "MANUAL"
    ds.StructureSetROISequence = [roi]
    contours = Dataset()
    contours.ReferencedROINumber = 1
    contours.ContourSequence = [_contour(ledger, n, image) for n, image in enumerate(ct)]
    ds.ROIContourSequence = [contours]
    seen = Dataset()
    seen.ObservationNumber = seen.ReferencedROINumber = 1
    for keyword in ("ROIObservationLabel", "ROIObservationDescription", "ROIInterpreter"):
        ledger.put(seen, keyword, where="RTROIObservationsSequence")
    seen.RTROIInterpretedType = "ORGAN"
    ds.RTROIObservationsSequence = [seen]
    return ds


def _frame_of_reference(ledger: Ledger, ct: Many[FileDataset]) -> Dataset:
    path: tuple[int, ...] = (0x30060010, 0)
    frame, study, series = Dataset(), Dataset(), Dataset()
    frame.FrameOfReferenceUID = ledger.refer((*path, 0x00200052), ct[0].FrameOfReferenceUID)
    path = (*path, 0x30060012, 0)
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = ledger.refer((*path, 0x00081155), ct[0].StudyInstanceUID)
    path = (*path, 0x30060014, 0)
    series.SeriesInstanceUID = ledger.refer((*path, 0x0020000E), ct[0].SeriesInstanceUID)
    images = []
    for number, image in enumerate(ct):
        item = Dataset()
        item.ReferencedSOPClassUID = image.SOPClassUID
        item.ReferencedSOPInstanceUID = ledger.refer(
            (*path, 0x30060016, number, 0x00081155), image.SOPInstanceUID
        )
        images.append(item)
    series.ContourImageSequence = images
    study.RTReferencedSeriesSequence = [series]
    frame.RTReferencedStudySequence = [study]
    return frame


def _contour(ledger: Ledger, number: int, image: FileDataset) -> Dataset:
    contour, item = Dataset(), Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = ledger.refer(
        (0x30060039, 0, 0x30060040, number, 0x30060016, 0, 0x00081155), image.SOPInstanceUID
    )
    contour.ContourImageSequence = [item]
    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 3
    z = float(image.ImagePositionPatient[2])
    contour.ContourData = [-99.0, -99.0, z, -95.0, -99.0, z, -95.0, -95.0, z]
    return contour


def electrocardiogram(ledger: Ledger, ct: Many[FileDataset]) -> FileDataset:
    """Return an ECG with annotations, labels and acquisition context."""
    ledger.file = "ECG/IM0001"
    ds = common.new(ledger, TwelveLeadECGWaveformStorage)
    common.join(ds, ct[0])
    ds.Modality = "ECG"
    for keyword in ("ContentDate", "ContentTime", "AcquisitionDateTime", "SeriesDescription",
                    "InstitutionName"):  # fmt: skip
        ledger.put(ds, keyword)
    context = Dataset()
    context.ValueType = "TEXT"
    placement = concept("5.4.5-33-1", "SCPECG", "Electrode Placement")
    placement.CodingSchemeVersion = "1.3"
    context.ConceptNameCodeSequence = [placement]
    context.TextValue = ledger.text("AcquisitionContextSequence/TextValue", 0x00400555)
    named = Dataset()
    named.ValueType = "PNAME"
    named.ConceptNameCodeSequence = [concept("121008", "DCM", "Person Observer Name")]
    ledger.put(named, "PersonName", where="AcquisitionContextSequence")
    ds.AcquisitionContextSequence = [context, named]
    group = _waveform(ledger)
    ds.WaveformSequence = [group]
    note = Dataset()
    note.UnformattedTextValue = ledger.text("WaveformAnnotation/UnformattedTextValue", 0x0040B020)
    note.ReferencedWaveformChannels = [1, 0]
    note.AnnotationGroupNumber = 1
    coded = Dataset()
    coded.ConceptNameCodeSequence = [ledger.code("WaveformAnnotation", 0x0040B020)]
    coded.ReferencedWaveformChannels = [1, 0]
    coded.AnnotationGroupNumber = 2
    ds.WaveformAnnotationSequence = [note, coded]
    return ds


def _waveform(ledger: Ledger) -> Dataset:
    group, channel = Dataset(), Dataset()
    group.WaveformOriginality, group.NumberOfWaveformChannels = "ORIGINAL", 1
    group.NumberOfWaveformSamples, group.SamplingFrequency = 64, "500"
    ledger.put(group, "MultiplexGroupLabel", where="WaveformSequence")
    ledger.put(channel, "ChannelLabel", where="WaveformSequence")
    channel.WaveformChannelNumber = 1
    channel.ChannelStatus = "OK"
    channel.ChannelSourceSequence = [concept("2:1", "MDC", "Lead I")]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = "1", "1"
    channel.ChannelBaseline = channel.ChannelSampleSkew = "0"
    channel.ChannelSensitivityUnitsSequence = [concept("uV", "UCUM", "microvolt")]
    channel.ChannelDerivationDescription = ledger.text(
        "WaveformSequence/ChannelDerivationDescription", 0x003A020C
    )
    channel.WaveformBitsStored = 16
    group.ChannelDefinitionSequence = [channel]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = np.arange(64, dtype="<i2").tobytes()
    group["WaveformData"].VR = "OW"
    return group
