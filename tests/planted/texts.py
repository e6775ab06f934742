"""Objects whose kept elements repeat the patient's identifiers, in many spellings and encodings."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable

from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import JPEGBaseline8Bit

from tests.planted import common
from tests.planted.edges import Edge, _insert, element, plain
from tests.planted.ledger import Clause, Ledger

#: Character sets with a name that only they can write, in up to three component groups, and
#: whose encoded bytes are the needle.
NAMES = {
    "ISO_IR 100": ("Müßënbörg^Ñandù", ("iso8859_1",)),
    "ISO_IR 101": ("Wałęščák^Łódź", ("iso8859_2",)),
    "ISO_IR 144": ("Люкceмбypг^Фёдор", ("iso8859_5",)),
    "ISO_IR 126": ("Διονυσιος^Ψαλτης", ("iso8859_7",)),
    "ISO_IR 127": ("قباني^لنزار", ("iso8859_6",)),
    "ISO_IR 138": ("שרון^דבורה", ("iso8859_8",)),
    "ISO_IR 148": ("Çavuşoğlu^Işık", ("iso8859_9",)),
    "ISO_IR 166": ("นามสกุล^ธนวัฒน์", ("tis_620",)),
    "ISO_IR 192": ("Wáng^XiǎoDōng=王^小東=", ("utf_8",)),
    "GB18030": ("Zhang^XiaoDong=张^小东=", ("gb18030",)),
    "ISO_IR 13": ("ﾔﾏﾀﾞ^ﾀﾛｳ", ("shift_jis",)),
}
#: Multi-byte sets with code extensions (PS3.5 Annexes H, I, K).
EXTENDED = {
    ("", "ISO 2022 IR 87"): "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ("ISO 2022 IR 13", "ISO 2022 IR 87"): "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ("", "ISO 2022 IR 149"): "Hwangbo^Gildong=洪^吉洞=홍^길동",
    ("", "ISO 2022 IR 58"): "Zhang^XiaoDong=张^小东=",
}


def _charset(charset: str | tuple[str, ...], name: str) -> Callable[[Ledger, FileDataset], bytes]:
    def make(ledger: Ledger, study: FileDataset) -> bytes:
        ds = plain(ledger, study)
        ds.SpecificCharacterSet = charset if isinstance(charset, str) else list(charset)
        del ds.ReferringPhysicianName
        _plant_name(ledger, ds, "PatientName", name, 0x00100010)
        family = name.split("^", maxsplit=1)[0].split("=", maxsplit=1)[0]
        _plant_name(ledger, ds, "OperatorsName", name[::-1].replace("=", "^"), 0x00081070)
        # JIS X 0201 alone has no small letters in pydicom's encoder.
        ds.ManufacturerModelName = family if charset == "ISO_IR 13" else f"Phantom {family}"
        inner = Dataset()
        inner.PersonName = name
        ds.ContentItemModifierSequence = [inner]
        ds.ImageComments = name.replace("^", " ").replace("=", " ")
        raw = _encoded(ds, "ManufacturerModelName").removeprefix(b"Phantom ")
        ledger.add("family name in a kept element", Clause.REPEATED, raw)
        return common.to_bytes(ds)

    return make


def _plant_name(ledger: Ledger, ds: Dataset, keyword: str, name: str, tag: int) -> None:
    setattr(ds, keyword, name)
    ledger.add(keyword, tag, _encoded(ds, keyword))


def _encoded(ds: Dataset, keyword: str) -> bytes:
    """Return an element's bytes in the object's character set, without padding."""
    single = Dataset()
    single.SpecificCharacterSet = ds.SpecificCharacterSet
    setattr(single, keyword, getattr(ds, keyword))
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, single)
    data = buffer.getvalue()
    at = data.rindex(struct.pack("<HH", *divmod(int(single[keyword].tag), 0x10000)))
    return data[at + 8 :].rstrip(b" ")


def dates(ledger: Ledger, study: FileDataset) -> bytes:
    """Dates of elements that the table protects, written again in kept text in other spellings."""
    ds = plain(ledger, study)
    birth = ledger.patient.birth
    day = ledger.day()
    ds.AcquisitionDate = f"{day:%Y%m%d}"
    spellings = {
        "Manufacturer": f"{birth:%Y-%m-%d}",
        "ManufacturerModelName": f"{birth:%d.%m.%Y}",
        "SoftwareVersions": f"{birth:%m/%d/%Y}",
        "ConvolutionKernel": f"{day:%d%m%Y}",
        "FilterType": f"{day:%Y.%m.%d}",
        "RescaleType": f"{day:%d/%m/%Y}",
        "SequenceName": f"{day:%Y%m%d}",
        "ScanOptions": f"{day:%Y%m%d}"[::-1],
        "WindowCenterWidthExplanation": f"{birth:%B} {birth.day}, {birth.year}",
        "PositionReferenceIndicator": f"{birth:%d %b %Y}",
        "ContentLabel": f"{day:%Y_%m_%d}",
    }
    for keyword, text in spellings.items():
        setattr(ds, keyword, text)
        ledger.add(f"{keyword}, a date in text", Clause.REPEATED, text)
    return common.to_bytes(ds)


def dates_in_numbers(ledger: Ledger, study: FileDataset) -> bytes:
    """A date as a whole number, and as the end of a code."""
    ds = plain(ledger, study)
    day = ledger.day()
    ds.SeriesDate = f"{day:%Y%m%d}"
    ds.AcquisitionNumber = f"{day:%Y%m%d}"
    ledger.add("AcquisitionNumber, a date as number", Clause.REPEATED, f"{day:%Y%m%d}")
    return common.to_bytes(ds)


def repeated(ledger: Ledger, study: FileDataset) -> bytes:
    """The patient's name and number in elements that the table keeps."""
    ds = plain(ledger, study)
    who = ledger.patient
    number = who.id.replace("-", "")
    spellings: dict[str, object] = {
        "Manufacturer": who.family,
        "ManufacturerModelName": f"{who.family}, {who.given}",
        "SoftwareVersions": ["1", f"{who.given} {who.family}".upper()],
        "ConvolutionKernel": number[:16],
        "FilterType": who.family.upper(),
        "RescaleType": who.id,
        "SequenceName": who.middle[:16],
        "WindowCenterWidthExplanation": f"for {who.given}_{who.family}",
        "PositionReferenceIndicator": who.family.lower(),
        "LUTExplanation": f"{who.given[0]}. {who.family}",
        "ContentLabel": who.family.upper(),
        "ProtocolName": f"Head {who.family}",
        "QuantityDefinitionSequence": None,
        "DocumentTitle": f"Report of {who.name}",
        "ScanOptions": who.given.upper(),
        "ImageType": ["ORIGINAL", "PRIMARY", who.family.upper()],
        "LossyImageCompressionMethod": who.accession,
        "DataSetSubtype": who.family.upper(),
    }
    for keyword, text in spellings.items():
        if text is None:
            continue
        setattr(ds, keyword, text)
        value = text[-1] if isinstance(text, list) else str(text)
        ledger.add(f"{keyword} repeats the patient", Clause.REPEATED, value)
    inner = Dataset()
    inner.CodeValue, inner.CodingSchemeDesignator = who.accession, "99LOCAL"
    inner.CodeMeaning = f"Scan of {who.family}"
    ledger.add("CodeMeaning repeats the patient", Clause.REPEATED, inner.CodeMeaning)
    ledger.add("CodeValue repeats the accession", Clause.REPEATED, who.accession)
    ds.ViewCodeSequence = [inner]
    return common.to_bytes(ds)


def encoded(ledger: Ledger, study: FileDataset) -> bytes:
    """The patient's name as base64 in text, as UTF-16 and in a colour profile."""
    ds = plain(ledger, study)
    who = ledger.patient
    text = base64.b64encode(who.name.encode()).decode()
    ds.LUTExplanation = text
    ledger.add("base64 in LUTExplanation", Clause.REPEATED, text)
    profile = bytearray(256)
    profile[36:40] = b"acsp"
    name = who.family.encode()
    profile[140 : 140 + len(name)] = name
    wide = who.given.encode("utf-16-be")
    profile[180 : 180 + len(wide)] = wide
    ds.ICCProfile = bytes(profile)
    ledger.add("ICCProfile, ASCII", Clause.REPEATED, b"\0" + name + b"\0")
    ledger.add("ICCProfile, UTF-16", Clause.REPEATED, wide)
    return common.to_bytes(ds)


def uids_in_text(ledger: Ledger, study: FileDataset) -> bytes:
    """UIDs of the study in kept text and in elements whose VR is not UI."""
    ds = plain(ledger, study)
    uid = str(study.StudyInstanceUID)
    for keyword, value in (
        ("ManufacturerModelName", uid),
        ("LUTExplanation", f"see {study.SeriesInstanceUID}"[:64]),
        ("PositionReferenceIndicator", str(study.SOPInstanceUID)),
    ):
        setattr(ds, keyword, value)
        ledger.add(f"{keyword} holds a UID", Clause.UID_IN_TEXT, value)
    ds.RetrieveURL = f"https://pacs.example/studies/{ds.SeriesInstanceUID}"
    ledger.add("RetrieveURL holds a UID", Clause.UID_IN_TEXT, str(ds.SeriesInstanceUID))
    return common.to_bytes(ds)


def jpeg_comments(ledger: Ledger, study: FileDataset) -> bytes:
    """A JPEG image with a comment and an application segment."""
    ds = plain(ledger, study)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    comment = ledger.text("JPEG comment", Clause.CODESTREAM).encode()
    segment = ledger.text("JPEG application segment", Clause.CODESTREAM).encode()
    common.grey(ds, 8, 8, b"", bits=8)
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "4"
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    ds.PixelData = encapsulate([jpeg(comment, segment)])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return common.to_bytes(ds)


def jpeg(comment: bytes, segment: bytes) -> bytes:
    """Return a baseline JPEG of one grey block."""

    def marker(kind: int, content: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content

    table = bytes([0, 1] + [0] * 15) + b"\0"
    data = (
        b"\xff\xd8"
        + marker(0xE1, b"Exif\0\0" + segment)
        + marker(0xFE, comment)
        + marker(0xDB, b"\0" + b"\x10" * 64)
        + marker(0xC0, struct.pack(">BHHBBBB", 8, 8, 8, 1, 1, 0x11, 0))
        + marker(0xC4, b"\x00" + table[1:])
        + marker(0xC4, b"\x10" + table[1:])
        + marker(0xDA, b"\x01\x01\x00\x00\x3f\x00")
        + b"\x3f"
        + b"\xff\xd9"
    )
    return data + bytes(len(data) % 2)


def safe_private(ledger: Ledger, study: FileDataset) -> bytes:
    """Elements of Table E.3.10-1 with a date and the patient's name in them."""
    data = common.to_bytes(plain(ledger, study))
    day = f"{ledger.day():%Y%m%d}"
    ledger.add("a date in a safe private element", Clause.PRIVATE, day)
    name = ledger.patient.family
    ledger.add("the patient in a safe private element", Clause.REPEATED, f"safe {name}")
    return _insert(
        data,
        element(0x00190010, b"LO", b"GEMS_ACQU_01"),
        element(0x0019109E, b"LO", f"safe {name} {day}".encode()),
    )


def spellings(ledger: Ledger, study: FileDataset) -> bytes:
    """A name with umlauts, repeated without, spelt out, and in bytes of another character set."""
    ds = plain(ledger, study)
    ds.SpecificCharacterSet = "ISO_IR 100"
    word = ledger.word()
    family = f"{word[:4]}ö{word[4:]}ß"
    ds.PatientName = f"{family}^Ünni"
    ledger.add("PatientName", 0x00100010, _encoded(ds, "PatientName"))
    plain_ = f"{word[:4]}o{word[4:]}ss"
    ds.ManufacturerModelName = plain_.upper()
    ds.LUTExplanation = f"{word[:4]}oe{word[4:]}ss"
    ds.FilterType = f"{word[:4]}-o{word[4:]}ss"[:16]
    for keyword in ("ManufacturerModelName", "LUTExplanation", "FilterType"):
        ledger.add(f"{keyword}, the name otherwise", Clause.REPEATED, str(ds[keyword].value))
    data = common.to_bytes(ds)
    other = element(0x00181160 + 1, b"LO", family.encode("utf-8"))
    ledger.add("the name in UTF-8", Clause.REPEATED, family.encode("utf-8"))
    return _insert(data, other)


def nested_charset(ledger: Ledger, study: FileDataset) -> bytes:
    """An item with a character set of its own."""
    ds = plain(ledger, study)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = "Άλφα^Βήτα"
    inner = Dataset()
    inner.SpecificCharacterSet = "ISO_IR 144"
    inner.PersonName = "Дмитриевич^Пётр"
    ledger.add("nested PersonName", 0x0040A123, _encoded(inner, "PersonName"))
    ds.PatientName = "Someone^Else"
    ds.ContentItemModifierSequence = [inner]
    return common.to_bytes(ds)


def numbers(ledger: Ledger, study: FileDataset) -> bytes:
    """The patient's number where numbers stand, without zeros and with separators."""
    ds = plain(ledger, study)
    number = ledger.digits(8)
    ds.PatientID = f"00{number}"
    ledger.add("PatientID", 0x00100020, ds.PatientID)
    ds.AcquisitionNumber = number
    ds.ManufacturerModelName = f"{number[:4]} {number[4:]}"
    ds.FilterType = f"{number[:2]}/{number[2:]}"
    ds.LUTExplanation = f"no {number}"
    for keyword in ("AcquisitionNumber", "ManufacturerModelName", "FilterType", "LUTExplanation"):
        value = str(ds[keyword].value)
        ledger.add(f"{keyword}, the number otherwise", Clause.REPEATED, value)
    return common.to_bytes(ds)


def long_text(ledger: Ledger, study: FileDataset) -> bytes:
    """The patient's name after more text than a short length can say."""
    ds = plain(ledger, study)
    ds.DetectorDescription = "scan " * 15_000 + ledger.patient.family
    ledger.add("DetectorDescription, long", Clause.REPEATED, f"scan {ledger.patient.family}")
    return common.to_bytes(ds)


def commands(ledger: Ledger, study: FileDataset) -> bytes:
    """Elements of group 0000, as messages have them."""
    data = common.to_bytes(plain(ledger, study))
    at = 144 + int.from_bytes(data[140:144], "little")
    title = ledger.text("MoveDestination", 0x00001000).upper().encode()
    uid = ledger.uid().encode()
    ledger.add("AffectedSOPInstanceUID", 0x00001000, uid)
    return (
        data[:at] + element(0x00000600, b"AE", title) + element(0x00001000, b"UI", uid) + data[at:]
    )


EDGES = (
    Edge("SPELT", spellings),
    Edge("NESTCS", nested_charset),
    Edge("NUMBERS", numbers),
    Edge("LONGTEXT", long_text),
    Edge("COMMANDS", commands),
    Edge("DATES", dates),
    Edge("NUMDATE", dates_in_numbers),
    Edge("REPEATED", repeated),
    Edge("ENCODED", encoded),
    Edge("UIDTEXT", uids_in_text),
    Edge("JPEGCOM", jpeg_comments),
    Edge("SAFEPRIV", safe_private),
    *(Edge(f"CS{n:02}", _charset(key, value[0])) for n, (key, value) in enumerate(NAMES.items())),
    *(Edge(f"CX{n:02}", _charset(key, value)) for n, (key, value) in enumerate(EXTENDED.items())),
)
