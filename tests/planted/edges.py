"""Objects that hold identifiers where readers seldom look; not all of them are valid DICOM."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests.builders import _compress
from tests.planted import common
from tests.planted.ledger import Clause, Ledger

_SIDE = 16
_LONG = {b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OD", b"OF", b"OL"}


class Edge(NamedTuple):
    """How one odd file is made."""

    name: str
    make: Callable[[Ledger, FileDataset], bytes]


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return one explicit VR little endian element."""
    value += bytes(len(value) % 2) if vr in {b"OB", b"UN", b"UI"} else b" " * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in _LONG:
        return head + b"\0\0" + struct.pack("<I", len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def implicit(tag: int, value: bytes) -> bytes:
    """Return one implicit VR little endian element."""
    value += b" " * (len(value) % 2)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def item(content: bytes, *, undefined: bool = False) -> bytes:
    """Return one item of a sequence."""
    if undefined:
        return b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + content + b"\xfe\xff\x0d\xe0" + bytes(4)
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content)) + content


def plain(ledger: Ledger, study: FileDataset, syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    """Return a small CT image of the study."""
    ds = common.new(ledger, CTImageStorage, syntax=syntax)
    common.join(ds, study)
    ds.Modality, ds.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.FrameOfReferenceUID = study.FrameOfReferenceUID
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness, ds.KVP = [0.5, 0.5], "1", "120"
    ds.RescaleIntercept, ds.RescaleSlope = -1024, 1
    ds.PositionReferenceIndicator, ds.PatientPosition, ds.AcquisitionNumber = "", "HFS", 1
    pixels = np.arange(_SIDE * _SIDE, dtype="<u2") % 4096
    if syntax == RLELossless:
        from pydicom.encaps import encapsulate

        common.grey(ds, _SIDE, _SIDE, b"")
        ds.PixelData = encapsulate([_compress(ds, pixels.reshape(_SIDE, _SIDE), RLELossless)])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    else:
        order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
        common.grey(ds, _SIDE, _SIDE, pixels.astype(order).tobytes())
    return ds


def wrong_vr(ledger: Ledger, study: FileDataset) -> bytes:
    """Names, dates and UIDs written with VRs that are not theirs."""
    ds = plain(ledger, study)
    for keyword, vr in (
        ("PatientName", "LO"), ("PatientID", "UT"), ("PatientBirthDate", "LO"),
        ("StudyDate", "LO"), ("ReferringPhysicianName", "LT"), ("InstitutionName", "UT"),
        ("OperatorsName", "ST"), ("AcquisitionDate", "SH"), ("AcquisitionDateTime", "LO"),
        ("StudyTime", "LO"), ("StationName", "CS"), ("StudyDescription", "UT"),
        ("IrradiationEventUID", "LO"), ("AccessionNumber", "LO"), ("PatientAddress", "LT"),
    ):  # fmt: skip
        ledger.put(ds, keyword, vr=vr, where="wrong VR")
    data = common.to_bytes(ds)
    return _insert(data, element(0x00104000, b"UN", _text(ledger, "comments as UN", 0x00104000)))


def _text(ledger: Ledger, where: str, rule: int | Clause) -> bytes:
    return ledger.text(where, rule).encode()


def _insert(data: bytes, *elements: bytes) -> bytes:
    """Put elements of groups below 7FE0 in the order of their tags before the first larger one."""
    for new in elements:
        tag = struct.unpack("<HH", new[:4])
        at = _position(data, tag)
        data = data[:at] + new + data[at:]
    return data


def _position(data: bytes, wanted: tuple[int, ...]) -> int:
    """Where the first element with a larger tag starts in an explicit little endian file."""
    at = 132
    while at < len(data):
        tag = struct.unpack_from("<HH", data, at)
        if tag >= wanted:
            return at
        vr = data[at + 4 : at + 6]
        if vr in _LONG:
            size, head = struct.unpack_from("<I", data, at + 8)[0], 12
        else:
            size, head = struct.unpack_from("<H", data, at + 6)[0], 8
        assert size != 0xFFFFFFFF, "sequences of undefined length are not stepped over here"
        at += head + size
    return at


def unknown_vr_sequences(ledger: Ledger, study: FileDataset) -> bytes:
    """Sequences of the standard written as UN, of defined and undefined length, implicit inside."""
    data = common.to_bytes(plain(ledger, study))
    other = item(implicit(0x00100020, _text(ledger, "UN OtherPatientIDs", 0x00101002)))
    deep = implicit(0x0040A123, _text(ledger, "UN deep PersonName", 0x0040A123))
    for _ in range(7):
        deep = implicit(0x0040A730, item(deep))
    request = item(implicit(0x00401001, _text(ledger, "UN RequestAttributes", 0x00400275)))
    undefined = (
        struct.pack("<HH", 0x0008, 0x1115) + b"UN\0\0\xff\xff\xff\xff"
        + item(
            implicit(0x00080080, _text(ledger, "UN undefined InstitutionName", 0x00080080))
            + implicit(0x0020000E, study.SeriesInstanceUID.encode() + b"\0"),
            undefined=True,
        )
        + b"\xfe\xff\xdd\xe0" + bytes(4)
    )  # fmt: skip
    data = _insert(
        data,
        element(0x00101002, b"UN", other),
        element(0x00400275, b"UN", request),
        element(0x00400555, b"UN", item(deep)),
    )
    return _insert(data, undefined)


def deep_sequences(ledger: Ledger, study: FileDataset) -> bytes:
    """Sequences nine deep that the table does not name, with private and public leaves."""
    ds = plain(ledger, study)
    inner = Dataset()
    for keyword in ("PersonName", "Date", "Time", "DateTime", "UID", "InstitutionName",
                    "OperatorsName", "PatientComments", "StationName"):  # fmt: skip
        ledger.put(inner, keyword, where="deep")
    inner.add_new(0x00190010, "LO", "SYNTHETIC PRIVATE")
    inner.add_new(0x00191001, "LO", ledger.text("deep/private", Clause.PRIVATE))
    for depth in range(8):
        outer = Dataset()
        outer.ContentItemModifierSequence = [inner]
        if depth == 3:
            ledger.put(outer, "AcquisitionDateTime", where="deep")
        inner = outer
    protocol = Dataset()
    protocol.CodeValue, protocol.CodingSchemeDesignator = "1", "99LOCAL"
    protocol.CodeMeaning = "Protocol"
    protocol.ProtocolContextSequence = [inner]
    ds.PerformedProtocolCodeSequence = [protocol]
    return common.to_bytes(ds)


def private_blocks(ledger: Ledger, study: FileDataset) -> bytes:
    """Private elements: unknown creator, known creators, no creator, names of creators."""
    data = common.to_bytes(plain(ledger, study))

    def private(tag: int, vr: bytes, where: str) -> bytes:
        return element(tag, vr, _text(ledger, f"private/{where}", Clause.PRIVATE))

    day = f"{ledger.day():%Y%m%d}"
    ledger.add("private/unsafe date", Clause.PRIVATE, day)
    nested = item(
        element(0x00100010, b"PN", _text(ledger, "private/SQ/PatientName", Clause.PRIVATE))
        + element(0x00091002, b"LO", _text(ledger, "private/SQ/private", Clause.PRIVATE))
    )
    unknown = item(implicit(0x00100020, _text(ledger, "private/UN SQ/PatientID", Clause.PRIVATE)))
    return _insert(
        data,
        element(0x00090010, b"LO", b"SYNTHETIC PRIVATE"),
        private(0x00091001, b"LO", "unknown creator LO"),
        private(0x00091002, b"PN", "unknown creator PN"),
        private(0x00091003, b"UN", "unknown creator UN"),
        private(0x00091004, b"OB", "unknown creator OB"),
        private(0x00091005, b"UT", "unknown creator UT"),
        element(0x00091006, b"DA", day.encode()),
        element(0x00091007, b"SQ", nested),
        element(0x00091008, b"UN", unknown),
        private(0x000B0010, b"LO", "creator itself"),
        private(0x00111022, b"LO", "no creator"),
        element(0x00190010, b"LO", b"GEMS_ACQU_01"),
        private(0x00191099, b"LO", "known creator, unlisted element"),
        element(0x00290010, b"LO", b"SIEMENS CSA HEADER"),
        private(0x00291008, b"CS", "CSA type"),
        private(0x00291010, b"OB", "CSA header"),
        private(0x00291020, b"OB", "CSA series"),
        private(0x00290001, b"LO", "below the creators"),
        element(0x20050010, b"LO", b"Philips MR Imaging DD 001"),
        private(0x20051199, b"LO", "element of a block that no creator reserved"),
    )


def preamble(ledger: Ledger, study: FileDataset) -> bytes:
    """A TIFF header and text before the magic word."""
    data = common.to_bytes(plain(ledger, study))
    start = b"II*\0\x08\0\0\0" + _text(ledger, "preamble", Clause.PREAMBLE)
    return start.ljust(128, b"\0") + data[128:]


def file_meta(ledger: Ledger, study: FileDataset) -> bytes:
    """Application titles, addresses and private information in the file meta information."""
    ds = plain(ledger, study)
    meta = ds.file_meta
    for tag, vr in ((0x00020016, "AE"), (0x00020017, "AE"), (0x00020018, "AE"),
                    (0x00020013, "SH")):  # fmt: skip
        word = ledger.text(f"meta ({tag:08X})", Clause.FILE_META)
        meta.add_new(tag, vr, word.upper())
    for tag in (0x00020026, 0x00020027, 0x00020028):
        word = ledger.text(f"meta ({tag:08X})", Clause.FILE_META)
        meta.add_new(tag, "UR", f"dicom://{word}.example")
    meta.PrivateInformationCreatorUID = UID(ledger.uid())
    meta.ImplementationClassUID = UID(ledger.uid())
    meta.PrivateInformation = _text(ledger, "meta private information", Clause.FILE_META)
    return common.to_bytes(ds)


def curves_and_overlays(ledger: Ledger, study: FileDataset) -> bytes:
    """Curves of two groups, overlays of three."""
    ds = plain(ledger, study)

    def noise(where: str, rule: Clause, n: int) -> bytes:
        data = ledger.noise(n)
        ledger.add(where, rule, data[:24])
        return data

    for group in (0x5000, 0x501E):
        at = group << 16
        ds.add_new(at | 0x0005, "US", 2)
        ds.add_new(at | 0x0010, "US", 16)
        ds.add_new(at | 0x0020, "CS", "HIST")
        ds.add_new(at | 0x0022, "LO", ledger.text(f"curve {group:04X} description", Clause.CURVE))
        ds.add_new(at | 0x0103, "US", 0)
        ds.add_new(at | 0x2500, "LO", ledger.text(f"curve {group:04X} label", Clause.CURVE))
        ds.add_new(at | 0x3000, "OW", noise(f"curve {group:04X} data", Clause.CURVE, 64))
    for group in (0x6000, 0x6002, 0x601E):
        at = group << 16
        ds.add_new(at | 0x0010, "US", _SIDE)
        ds.add_new(at | 0x0011, "US", _SIDE)
        where = f"overlay {group:04X}"
        ds.add_new(at | 0x0022, "LO", ledger.text(f"{where} description", Clause.BEYOND))
        ds.add_new(at | 0x0040, "CS", "G")
        ds.add_new(at | 0x0050, "SS", [1, 1])
        ds.add_new(at | 0x0100, "US", 1)
        ds.add_new(at | 0x0102, "US", 0)
        ds.add_new(at | 0x1500, "LO", ledger.text(f"{where} label", Clause.BEYOND))
        ds.add_new(at | 0x3000, "OW", noise(f"{where} data", Clause.OVERLAY, 32))
        ds.add_new(at | 0x4000, "LT", ledger.text(f"{where} comments", Clause.OVERLAY_COMMENTS))
    return common.to_bytes(ds)


def trailing(ledger: Ledger, study: FileDataset) -> bytes:
    """Padding with text, and bytes that belong to no element."""
    data = common.to_bytes(plain(ledger, study))
    padding = element(0xFFFCFFFC, b"OB", _text(ledger, "trailing padding", 0xFFFCFFFC))
    return data + padding


def garbage(ledger: Ledger, study: FileDataset) -> bytes:
    """Bytes after the last element that are no element."""
    data = common.to_bytes(plain(ledger, study))
    return data + b"\0\0\0" + _text(ledger, "garbage", Clause.TRAILING) + b"\0"


def long_pixels(ledger: Ledger, study: FileDataset) -> bytes:
    """Pixel data longer than the image."""
    ds = plain(ledger, study)
    tail = ledger.text("tail of the pixel data", Clause.TRAILING).encode()
    ds.PixelData = ds.PixelData + tail
    ds["PixelData"].VR = "OW"
    return common.to_bytes(ds)


def after_nul(ledger: Ledger, study: FileDataset) -> bytes:
    """Text after NUL in elements that are kept."""
    ds = plain(ledger, study)
    del ds.Manufacturer
    del ds.SoftwareVersions
    del ds.ManufacturerModelName
    data = common.to_bytes(ds)

    def hidden(tag: int, vr: bytes, start: bytes) -> bytes:
        where = f"after NUL in ({tag:08X})"
        word = _text(ledger, where, Clause.TRAILING)
        return element(tag, vr, start + b"\0" + word)

    return _insert(
        data,
        hidden(0x00080070, b"LO", b"Synthetic"),
        hidden(0x00081090, b"LO", b"Phantom"),
        hidden(0x00180015, b"CS", b"CHEST"),
        hidden(0x00181020, b"LO", b"1"),
        hidden(0x00181210, b"SH", b"B30"),
    )


def duplicates(ledger: Ledger, study: FileDataset) -> bytes:
    """Elements twice, and after elements with larger tags."""
    data = common.to_bytes(plain(ledger, study))
    return _insert(
        data, element(0x00100010, b"PN", _text(ledger, "second PatientName", 0x00100010))
    )


def out_of_order(ledger: Ledger, study: FileDataset) -> bytes:
    """Group 0010 after group 0020, and again after the pixel data."""
    data = common.to_bytes(plain(ledger, study))
    late = element(0x00104000, b"LT", _text(ledger, "late PatientComments", 0x00104000))
    at = _position(data, (0x0028, 0))
    last = element(0x00100010, b"PN", _text(ledger, "PatientName after pixels", 0x00100010))
    return data[:at] + late + data[at:] + last


def unknown_attributes(ledger: Ledger, study: FileDataset) -> bytes:
    """Even groups and elements that no edition of the standard knows; group 0004; group lengths."""
    data = common.to_bytes(plain(ledger, study))
    return _insert(
        data,
        element(0x00041500, b"CS", _text(ledger, "ReferencedFileID", Clause.GROUP_0004).upper()),
        element(0x00080000, b"UL", struct.pack("<I", 4711)),
        element(0x0008FF01, b"LO", _text(ledger, "unknown (0008,FF01)", Clause.UNKNOWN)),
        element(0x0018FFF0, b"UN", _text(ledger, "unknown (0018,FFF0)", Clause.UNKNOWN)),
        element(0x00220999, b"PN", _text(ledger, "unknown (0022,0999)", Clause.UNKNOWN)),
        element(0x11100010, b"LO", _text(ledger, "unknown (1110,0010)", Clause.UNKNOWN)),
    )


def signatures(ledger: Ledger, study: FileDataset) -> bytes:
    """A digital signature whose certificate and time name people."""
    ds = plain(ledger, study)
    signed = Dataset()
    signed.MACIDNumber = 1
    for keyword in ("DigitalSignatureUID", "DigitalSignatureDateTime", "CertificateOfSigner"):
        ledger.put(signed, keyword, rule=Clause.SIGNATURE)
    signed.CertificateType = "X509_1993_SIG"
    signed.Signature = ledger.noise(32)
    ds.DigitalSignaturesSequence = [signed]
    return common.to_bytes(ds)


def encrypted(ledger: Ledger, study: FileDataset) -> bytes:
    """An encrypted attribute set, as re-identification by PS3.15 E.1.2 writes it."""
    ds = plain(ledger, study)
    sealed = Dataset()
    sealed.EncryptedContentTransferSyntaxUID = ExplicitVRLittleEndian
    sealed.EncryptedContent = ledger.noise(64)
    ledger.add("EncryptedContent", Clause.ENCRYPTED, sealed.EncryptedContent[:24])
    ds.EncryptedAttributesSequence = [sealed]
    return common.to_bytes(ds)


def icon(ledger: Ledger, study: FileDataset) -> bytes:
    """An icon image whose pixels are planted."""
    ds = plain(ledger, study)
    small = Dataset()
    common.grey(small, 8, 8, ledger.noise(64), bits=8)
    ledger.add("IconImageSequence/PixelData", 0x00880200, small.PixelData[:24])
    ds.IconImageSequence = [small]
    return common.to_bytes(ds)


def selectors(ledger: Ledger, study: FileDataset) -> bytes:
    """Values of selectors, which may hold any attribute's value."""
    ds = plain(ledger, study)
    chosen = Dataset()
    for keyword in ("SelectorLOValue", "SelectorPNValue", "SelectorDAValue", "SelectorUTValue",
                    "SelectorSTValue", "SelectorLTValue", "SelectorSHValue",
                    "SelectorDTValue"):  # fmt: skip
        ledger.put(chosen, keyword)
    ds.add(DataElement(0x00720022, "SQ", [chosen]))
    return common.to_bytes(ds)


def syntax(transfer_syntax: str) -> Callable[[Ledger, FileDataset], bytes]:
    """Return a maker of an image of this transfer syntax with plants of its own."""

    def make(ledger: Ledger, study: FileDataset) -> bytes:
        ds = plain(ledger, study, transfer_syntax)
        for keyword in ("InstitutionName", "OperatorsName", "StudyDescription", "ImageComments",
                        "AcquisitionDateTime", "OtherPatientIDs"):  # fmt: skip
            ledger.put(ds, keyword)
        inner = Dataset()
        ledger.put(inner, "PersonName", where="nested")
        ds.ContentItemModifierSequence = [inner]
        return common.to_bytes(ds)

    return make


EDGES = (
    Edge("WRONGVR", wrong_vr),
    Edge("UNSEQ", unknown_vr_sequences),
    Edge("DEEP", deep_sequences),
    Edge("PRIVATE", private_blocks),
    Edge("PREAMBLE", preamble),
    Edge("META", file_meta),
    Edge("CURVES", curves_and_overlays),
    Edge("TRAILING", trailing),
    Edge("GARBAGE", garbage),
    Edge("LONGPIX", long_pixels),
    Edge("NUL", after_nul),
    Edge("TWICE", duplicates),
    Edge("ORDER", out_of_order),
    Edge("UNKNOWN", unknown_attributes),
    Edge("SIGNED", signatures),
    Edge("SEALED", encrypted),
    Edge("ICON", icon),
    Edge("SELECT", selectors),
    Edge("IMPLICIT", syntax(ImplicitVRLittleEndian)),
    Edge("BIGEND", syntax(ExplicitVRBigEndian)),
    Edge("DEFLATED", syntax(DeflatedExplicitVRLittleEndian)),
    Edge("RLE", syntax(RLELossless)),
)
