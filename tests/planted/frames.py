"""Objects of many frames and of other data than pixels; identifiers by frame."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.uid import EnhancedCTImageStorage, MRSpectroscopyStorage

from tests.planted import common
from tests.planted.edges import Edge, plain
from tests.planted.images import concept
from tests.planted.ledger import Clause, Ledger

_PER_FRAME = 0x52009230


def enhanced(ledger: Ledger, study: FileDataset) -> bytes:
    """An enhanced image with attributes of the old image in each frame."""
    ds = common.new(ledger, EnhancedCTImageStorage)
    common.join(ds, study)
    ds.Modality, ds.ImageType = "CT", ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.FrameOfReferenceUID = study.FrameOfReferenceUID
    common.grey(ds, 8, 8, np.arange(128, dtype="<u2").tobytes())
    ds.NumberOfFrames = 2
    for keyword in ("AcquisitionDateTime", "IrradiationEventUID", "ConcatenationUID",
                    "SynchronizationFrameOfReferenceUID"):  # fmt: skip
        ledger.put(ds, keyword)
    old = Dataset()
    for keyword in ("PatientComments", "StudyDescription", "ProtocolName"):
        ledger.put(old, keyword, where="UnassignedShared")
    shared = Dataset()
    shared.UnassignedSharedConvertedAttributesSequence = [old]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = [_frame(ledger, study, n) for n in range(2)]
    return common.to_bytes(ds)


def _frame(ledger: Ledger, study: Dataset, n: int) -> Dataset:
    where = f"frame {n}"
    content, old, source, frame = Dataset(), Dataset(), Dataset(), Dataset()
    for keyword in ("FrameAcquisitionDateTime", "FrameReferenceDateTime", "FrameComments"):
        ledger.put(content, keyword, where=where)
    for keyword in ("InstanceCreatorUID", "InstanceCreationDate", "ImageComments", "OperatorsName"):
        ledger.put(old, keyword, where=where)
    source.ReferencedSOPClassUID = study.SOPClassUID
    path = (_PER_FRAME, n, 0x00209172, 0, 0x00081155)
    source.ReferencedSOPInstanceUID = ledger.refer(path, str(study.SOPInstanceUID))
    frame.FrameContentSequence = [content]
    frame.UnassignedPerFrameConvertedAttributesSequence = [old]
    frame.ConversionSourceAttributesSequence = [source]
    return frame


def spectroscopy(ledger: Ledger, study: FileDataset) -> bytes:
    """A spectrum, which has no pixels."""
    ds = common.new(ledger, MRSpectroscopyStorage)
    common.join(ds, study)
    ds.Modality, ds.ImageType = "MR", ["ORIGINAL", "PRIMARY", "SPECTROSCOPY", "NONE"]
    ds.FrameOfReferenceUID = study.FrameOfReferenceUID
    ds.Rows, ds.Columns, ds.NumberOfFrames = 1, 1, 1
    ds.DataPointRows, ds.DataPointColumns, ds.DataRepresentation = 1, 8, "COMPLEX"
    ds.SpectroscopyData = np.arange(16, dtype="<f4").tobytes()
    for keyword in ("AcquisitionDateTime", "ContentDate", "SeriesDescription"):
        ledger.put(ds, keyword)
    content, frame = Dataset(), Dataset()
    ledger.put(content, "FrameComments", where="spectrum")
    frame.FrameContentSequence = [content]
    ds.PerFrameFunctionalGroupsSequence = [frame]
    return common.to_bytes(ds)


def short_uids(ledger: Ledger, study: FileDataset) -> bytes:
    """UIDs of few arcs in text, and under the root of UUIDs."""
    ds = plain(ledger, study)
    for keyword, uid in (
        ("LUTExplanation", f"2.25.{ledger.digits(12)}"),
        ("ManufacturerModelName", f"2.25.{ledger.digits(30)}"),
    ):
        setattr(ds, keyword, f"from {uid}")
        ledger.add(f"{keyword} holds a short UID", Clause.UID_IN_TEXT, uid)
    return common.to_bytes(ds)


def dotted_dates(ledger: Ledger, study: FileDataset) -> bytes:
    """Short dates as half of Europe writes them, in text that says nothing else."""
    ds = plain(ledger, study)
    entries = []
    for form in ("%d.%m.%y", "%d. %m. %Y", "%d.%m.%Y", "%d-%b-%Y", "%B %d, %Y", "%d/%m/%y"):
        entry = Dataset()
        text = f"{ledger.day():{form}}"
        entry.LUTDescriptor, entry.LUTData = [1, 0, 16], b"\0\0"
        entry["LUTDescriptor"].VR, entry["LUTData"].VR = "US", "OW"
        entry.LUTExplanation = f"scan {text}"
        ledger.add(f"LUTExplanation, {form}", Clause.BEYOND, text)
        entries.append(entry)
    ds.ModalityLUTSequence = entries
    return common.to_bytes(ds)


def floats(ledger: Ledger, study: FileDataset) -> bytes:
    """Pixels of 32 bits, and the patient's name as bytes of a table."""
    ds = plain(ledger, study)
    name = f"for {ledger.patient.family} {ledger.patient.given}".encode()
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 32, 32, 31
    ds.PixelData = np.arange(256, dtype="<u4").tobytes()
    ds["PixelData"].VR = "OW"
    table = Dataset()
    name += b" " * (-len(name) % 4)
    table.LUTDescriptor, table.LUTData = [len(name) // 2, 0, 16], name
    table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
    ds.ModalityLUTSequence = [table]
    ledger.add("LUTData spells the patient", Clause.REPEATED, ledger.patient.family)
    return common.to_bytes(ds)


def observations(ledger: Ledger, study: FileDataset) -> bytes:
    """An acquisition context with each kind of value."""
    ds = plain(ledger, study)
    context = []
    for kind, keyword in (("DATE", "Date"), ("TIME", "Time"), ("DATETIME", "DateTime"),
                          ("UIDREF", "UID"), ("TEXT", "TextValue"),
                          ("PNAME", "PersonName")):  # fmt: skip
        item = Dataset()
        item.ValueType = kind
        item.ConceptNameCodeSequence = [concept("121106", "DCM", "Comment")]
        ledger.put(item, keyword, rule=0x00400555, where="AcquisitionContextSequence")
        context.append(item)
    ds.AcquisitionContextSequence = context
    return common.to_bytes(ds)


EDGES = (
    Edge("ENHANCED", enhanced),
    Edge("SPECTRUM", spectroscopy),
    Edge("SHORTUID", short_uids),
    Edge("DOTTED", dotted_dates),
    Edge("BITS32", floats),
    Edge("CONTEXT", observations),
)
