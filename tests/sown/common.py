"""What every object of a patient has, and how it is written."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID as UID_
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from emixcli.deid import tables
from tests.sown.ledger import Kind, Ledger, Person, Rule
from tests.sown.spec import LOCAL, MOMENT, NAME, NUMBER, UID, WORD, code, fill, refer, sow_row

#: Rows of the table that are sown by chance: plain letters, no groups of their own.
ROWS = [
    int(tag, 16)
    for tag, row in sorted(tables.profile().items())
    if tag.isalnum() and len(tag) == 8 and "x" not in tag and row.basic[0] in "XZDU"
    if int(tag, 16) >> 16 > 6 and dictionary_has_tag(int(tag, 16))
]
_FIXED = {0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00080005, 0x00200052, 0x00080060}
_N_ROWS, _N_INNER = 14, 6


@dataclass
class Patient:
    """A patient whose objects are being made."""

    ledger: Ledger
    person: Person
    study: str
    frame: str
    series: str
    accession: str
    day: str
    images: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    n: int = 0

    def put(self, name: str, data: bytes) -> None:
        """Keep a file."""
        self.files[name] = data


def new(patient: Patient, modality: str, sop_class: str, name: str, *, series: str = "") -> Dataset:
    """Return an object with all that is sown into every one."""
    ledger, who = patient.ledger, patient.person
    ledger.object = f"{who.script} {name}"
    patient.n += 1
    ds = Dataset()
    fill(ledger, ds, {
        "SpecificCharacterSet": who.charset, "SOPClassUID": sop_class, "SOPInstanceUID": UID,
        "StudyInstanceUID": patient.study, "SeriesInstanceUID": series or ledger.uid(),
        "FrameOfReferenceUID": patient.frame, "Modality": modality, "PatientName": who.written,
        "PatientID": who.id, "PatientBirthDate": f"{who.birth:%Y%m%d}", "PatientSex": "F",
        "StudyDate": patient.day, "StudyTime": "101112.345", "AccessionNumber": patient.accession,
        "StudyID": NUMBER, "ReferringPhysicianName": NAME, "SeriesNumber": "1",
        "InstanceNumber": str(patient.n), "Manufacturer": "SIEMENS",
        "ManufacturerModelName": "Sensation 16", "SoftwareVersions": "VA 1.0",
        "DeviceSerialNumber": NUMBER, "StationName": WORD, "InstitutionName": LOCAL,
        "PatientComments": LOCAL, "StudyDescription": LOCAL, "SeriesDescription": WORD,
        "ProtocolName": WORD, "IssuerOfPatientID": WORD, "PatientAddress": LOCAL,
        "OtherPatientIDsSequence": [{"PatientID": NUMBER, "TypeOfPatientID": "TEXT"}],
        "BurnedInAnnotation": "NO", "ContentDate": patient.day, "ContentTime": "101112",
        "RequestAttributesSequence": [{
            "ScheduledProcedureStepID": NUMBER, "RequestedProcedureID": NUMBER,
            "RequestedProcedureDescription": LOCAL, "AccessionNumber": NUMBER,
            "StudyInstanceUID": UID, "ScheduledProtocolCodeSequence": [code()],
        }],
        "ReferencedPatientSequence": [{
            "ReferencedSOPClassUID": "1.2.840.10008.3.1.2.1.1", "ReferencedSOPInstanceUID": UID,
        }],
        "OriginalAttributesSequence": [{
            "SourceOfPreviousValues": WORD, "AttributeModificationDateTime": MOMENT,
            "ModifyingSystem": WORD, "ReasonForTheAttributeModification": "COERCE",
            "ModifiedAttributesSequence": [{
                "PatientName": NAME, "PatientID": NUMBER, "StudyInstanceUID": UID,
            }],
        }],
    })  # fmt: skip
    _sow_rows(ledger, ds, _N_ROWS, "")
    inner = fill(ledger, Dataset(), refer((patient.images or [(sop_class, ds.SOPInstanceUID)])[0]))
    _sow_rows(ledger, inner, _N_INNER, "ReferencedInstanceSequence>")
    ds.ReferencedInstanceSequence = [inner]
    return ds


def _sow_rows(ledger: Ledger, ds: Dataset, n: int, path: str) -> None:
    for tag in ledger.random.sample(ROWS, n):
        if tag not in _FIXED:
            sow_row(ledger, ds, tag, path)


def pixels(
    ds: Dataset, ledger: Ledger, *, rows: int = 16, columns: int = 16, bits: int = 16,
    frames: int = 0, samples: int = 1,
) -> Dataset:  # fmt: skip
    """Give an object noise of few values as pixels."""
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, columns, samples
    ds.BitsAllocated, ds.BitsStored = bits, 12 if bits == 16 else bits
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, 0
    ds.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        ds.PlanarConfiguration = 0
    if frames:
        ds.NumberOfFrames = frames
    noise = np.random.default_rng(ledger.random.randrange(1 << 30))
    values = noise.integers(0, 40, rows * columns * samples * (frames or 1))
    ds.PixelData = values.astype("<u2" if bits == 16 else "u1").tobytes()
    ds["PixelData"].VR = "OW" if bits == 16 else "OB"
    return ds


def geometry(ds: Dataset, z: int = 0) -> Dataset:
    """Place an image in its patient."""
    ds.ImagePositionPatient, ds.PixelSpacing = ["0", "0", str(z)], ["1", "1"]
    ds.ImageOrientationPatient, ds.SliceThickness = ["1", "0", "0", "0", "1", "0"], "1"
    ds.PatientPosition = "HFS"
    return ds


def write(patient: Patient, ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return the file, often with something in preamble and file meta information."""
    ledger = patient.ledger
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID_(syntax)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        ds.SOPClassUID,
        ds.SOPInstanceUID,
    )
    preamble = bytes(128)
    if ledger.random.random() < 0.4:
        meta.SourceApplicationEntityTitle = ledger.text("source AE title")
        creator = ledger.uid()
        meta.PrivateInformationCreatorUID = UID_(creator)
        ledger.sow("private information creator", creator, Kind.UID, Rule.ELSEWHERE)
        meta.PrivateInformation = f"##{ledger.text('private information')}## ".encode()
        preamble = (b"II*\0\x08\0\0\0" + ledger.text("preamble").encode()).ljust(128, b"\0")
    file = FileDataset("", ds, file_meta=meta, preamble=preamble)
    buffer = io.BytesIO()
    dcmwrite(buffer, file, enforce_file_format=True)
    return buffer.getvalue()


def save(patient: Patient, ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> tuple[str, str]:
    """Keep an object under its name; returns its class and instance."""
    patient.put(patient.ledger.object.replace(" ", "/", 1), write(patient, ds, syntax))
    return str(ds.SOPClassUID), str(ds.SOPInstanceUID)


def private(ledger: Ledger, ds: Dataset) -> None:
    """Add private blocks: of nobody, of makers whose creator is on the safe list, without one."""
    block = ds.private_block(0x29, f"ACME {ledger.text('private creator').upper()}", create=True)
    block.add_new(1, "LO", ledger.text("private LO"))
    named = Dataset()
    named.PatientName = ledger.text("name in a private sequence")
    block.add_new(2, "SQ", [named])
    block.add_new(3, "OB", f"xx{ledger.text('private OB')}xxx".encode())
    day = ledger.sow("private DA", ledger.day().isoformat(), Kind.DAY, Rule.ELSEWHERE)
    block.add_new(4, "DA", day.replace("-", ""))
    block.add_new(5, "UN", f"xx{ledger.text('private UN')}".encode().ljust(16))
    safe = ds.private_block(0x19, "SIEMENS MR HEADER", create=True)
    safe.add_new(0x0C, "IS", "1000")
    safe.add_new(0x7F, "LO", ledger.text("unsafe element of a safe creator"))
    other = ds.private_block(0x51, "SIEMENS MR HEADER", create=True)
    other.add_new(0x0F, "LO", ledger.text("safe creator in another group"))
    ds.add_new(0x00311001, "LO", ledger.text("private without creator"))


def unread(text: str) -> bytes:
    """Return text that stands apart among other bytes."""
    data = f"##{text}##".encode()
    return data + b" " * (len(data) % 2)


def implicit_item(*elements: tuple[int, bytes]) -> bytes:
    """Return a sequence of one item as it stands in an element of VR UN."""
    body = b"".join(
        struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value for tag, value in elements
    )
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body


def even(text: str) -> bytes:
    """Return text of even length."""
    data = text.encode()
    return data + b"\0" * (len(data) % 2)


def pdf(ledger: Ledger) -> bytes:
    """Return something like a PDF: a title, and a deflated stream."""
    stream = zlib.compress(f"BT ({ledger.text('stream of a PDF', Rule.TABLE)}) Tj ET".encode())
    title = ledger.text("title of a PDF", Rule.TABLE)
    return f"%PDF-1.4\n1 0 obj<</Title({title})>>endobj\nstream\n".encode() + stream + b"\n%%EOF "


CT = str(CTImageStorage)
