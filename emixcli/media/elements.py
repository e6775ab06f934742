"""Tags and value representations that the header reader knows (PS3.5 section 7, PS3.6).

A tag is handled as the integer that its four bytes give in the data set's own byte order: the
elements of a header are then told apart by one dictionary look-up.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final, Literal, NamedTuple

from emixcli.model import KEYWORDS

#: Tag of each attribute of `model.KEYWORDS`, in the same order.
_TAGS: Final = (
    0x00020010, 0x00080005, 0x00080008, 0x00080016, 0x00080018,
    0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040, 0x00120062,
    0x0020000D, 0x00080020, 0x00080030, 0x00081030, 0x00200010, 0x00080050, 0x00080090, 0x00080080,
    0x0020000E, 0x00200011, 0x00080021, 0x00080031, 0x0008103E, 0x00080060, 0x00180015, 0x00181030,
    0x00200060, 0x00080070, 0x00081090, 0x00200052,
    0x00200013, 0x00200012, 0x00080022, 0x00080032, 0x00080023, 0x00080033, 0x00200062, 0x00185101,
    0x00200020, 0x00200032, 0x00200037, 0x00201041, 0x00180050, 0x00180088, 0x00280030, 0x00181164,
    0x00280034,
    0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101,
    0x00280102, 0x00280103, 0x00280120, 0x00281050, 0x00281051, 0x00281055, 0x00281056, 0x00281052,
    0x00281053, 0x00281054, 0x20500020, 0x00181063, 0x00180040, 0x00082144, 0x00282110, 0x00282112,
    0x00280301, 0x00420012, 0x00420010, 0x00700080,
)  # fmt: skip
TAGS: Final[dict[str, int]] = dict(zip(KEYWORDS, _TAGS, strict=True))
SLOTS: Final[dict[str, int]] = {keyword: index for index, keyword in enumerate(KEYWORDS)}

#: Attributes whose value is a binary integer: implicit VR needs to know.
NUMBER_KEYWORDS: Final = frozenset({
    "SamplesPerPixel", "PlanarConfiguration", "Rows", "Columns", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "PixelPaddingValue",
})  # fmt: skip
NUMBER_SLOTS: Final = frozenset(SLOTS[keyword] for keyword in NUMBER_KEYWORDS)
#: Attributes of VR LO, PN, SH and ST, which are encoded by Specific Character Set.
CHARSET_SLOTS: Final = frozenset(
    SLOTS[keyword]
    for keyword in (
        "PatientName", "PatientID", "IssuerOfPatientID", "StudyDescription", "StudyID",
        "AccessionNumber", "ReferringPhysicianName", "InstitutionName", "SeriesDescription",
        "ProtocolName", "Manufacturer", "ManufacturerModelName", "WindowCenterWidthExplanation",
        "RescaleType", "MIMETypeOfEncapsulatedDocument", "DocumentTitle",
    )
)  # fmt: skip
#: Attributes that tell what an object belongs to.
IDENTIFIER_SLOTS: Final = frozenset(
    SLOTS[keyword]
    for keyword in (
        "SOPClassUID", "SOPInstanceUID", "PatientID", "StudyInstanceUID", "SeriesInstanceUID",
    )
)  # fmt: skip
#: Those of them that an object is stored under; only Patient ID may be empty.
KEY_SLOTS: Final = IDENTIFIER_SLOTS - {SLOTS["SOPClassUID"]}
UID_SLOTS: Final = KEY_SLOTS - {SLOTS["PatientID"]}
#: Names that DCMTK has for kinds of values inside: it reads elements with them in its own way.
DCMTK_VRS: Final = frozenset({b"lt", b"na", b"ox", b"pi", b"px"})
#: Attributes of VR PN.
NAME_SLOTS: Final = frozenset({SLOTS["PatientName"], SLOTS["ReferringPhysicianName"]})

#: What `Dialect.wanted` says of tags that are not attributes of `model.KEYWORDS`.
PIXELS: Final = -1
DEEP: Final = -2
ZERO: Final = -3
MARK: Final = -4  # of an item or its end, which stands inside sequences only
SEQUENCE: Final = -5  # where no VR says so
DEEP_SEQUENCE: Final = -6
N_MARKS: Final = 6

PIXEL_TAGS: Final = (0x7FE00010, 0x7FE00008, 0x7FE00009)
#: Lookup tables, functional groups and overlays: with these, an image cannot be shown from the
#: attributes of `model.KEYWORDS` alone (PS3.3 sections C.7.6.3, C.7.6.16, C.9.2, C.11).
DEEP_TAGS: Final = (
    0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222,
    0x00281223, 0x00283000, 0x00283010, 0x52009229, 0x52009230,
    *(0x60000010 | group << 16 for group in range(0, 0x100, 2)),
)  # fmt: skip

ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
UNDEFINED: Final = 0xFFFFFFFF
#: Longer values of elements without VR, among others with one, are none but pixels.
_MAX_IMPLICIT: Final = 0xFFFF

_SHORT_VRS = [
    "AE",
    "AS",
    "AT",
    "CS",
    "DA",
    "DS",
    "DT",
    "FL",
    "FD",
    "IS",
    "LO",
    "LT",
    "PN",
    "SH",
    "SL",
    "SS",
    "ST",
    "TM",
    "UI",
    "UL",
    "US",
]
_LONG_VRS = (
    "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT",
    "UV",
)  # fmt: skip
_TEXT_VRS = [
    "AE",
    "AS",
    "CS",
    "DA",
    "DS",
    "DT",
    "IS",
    "LO",
    "LT",
    "PN",
    "SH",
    "ST",
    "TM",
    "UC",
    "UI",
    "UR",
    "UT",
]
_NUMBER_VRS = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q",
    "UN": "H",
}  # fmt: skip


class Dialect(NamedTuple):
    """One way to encode a data set: byte order, and whether it names value representations."""

    explicit: bool
    little: bool
    head: struct.Struct  # explicit: tag, VR, 16-bit length; implicit: tag, 32-bit length
    plain: struct.Struct  # tag, 32-bit length: items, and implicit elements among explicit ones
    long: struct.Struct
    short_vrs: frozenset[int]
    long_vrs: frozenset[int]
    text_vrs: frozenset[int]
    number_vrs: dict[int, str]
    sq: int
    un: int
    us: int
    wanted: dict[int, int]
    item: int
    item_end: int
    sequence_end: int

    def swap(self, tag: int) -> int:
        """Return a tag as this dialect reads it from one of PS3.6, or the other way round."""
        return (tag >> 16) | (tag & 0xFFFF) << 16 if self.little else tag


def _sequence_tags() -> list[int]:
    """Return the tags that PS3.6 gives the VR SQ."""
    table = (Path(__file__).parents[1] / "data" / "dictionary.tsv").read_text("utf-8")
    tags = table.partition("\nSQ\t")[2].partition("\n")[0]
    return [int(tags[at : at + 8], 16) for at in range(0, len(tags), 8)]


def _dialect(*, explicit: bool, little: bool) -> Dialect:
    sign = "<" if little else ">"
    order: Literal["little", "big"] = "little" if little else "big"

    def swap(tag: int) -> int:
        return (tag >> 16) | (tag & 0xFFFF) << 16 if little else tag

    def code(vr: str) -> int:
        return int.from_bytes(vr.encode("ascii"), order)

    wanted = {swap(tag): slot for slot, tag in enumerate(_TAGS)}
    wanted |= {swap(tag): PIXELS for tag in PIXEL_TAGS}
    wanted |= {swap(tag): DEEP for tag in DEEP_TAGS}
    wanted[0] = ZERO
    wanted |= {swap(tag): MARK for tag in (ITEM, ITEM_END, SEQUENCE_END)}
    if not explicit:
        for tag in map(swap, _sequence_tags()):
            wanted[tag] = DEEP_SEQUENCE if wanted.get(tag) == DEEP else SEQUENCE
    return Dialect(
        explicit=explicit,
        little=little,
        head=struct.Struct(sign + ("IHH" if explicit else "II")),
        plain=struct.Struct(sign + "II"),
        long=struct.Struct(sign + "I"),
        short_vrs=frozenset(map(code, _SHORT_VRS)),
        long_vrs=frozenset(map(code, _LONG_VRS)),
        text_vrs=frozenset(map(code, _TEXT_VRS)),
        number_vrs={code(vr): sign + char for vr, char in _NUMBER_VRS.items()},
        sq=code("SQ"),
        un=code("UN"),
        us=code("US"),
        wanted=wanted,
        item=swap(ITEM),
        item_end=swap(ITEM_END),
        sequence_end=swap(SEQUENCE_END),
    )


EXPLICIT_LITTLE: Final = _dialect(explicit=True, little=True)
IMPLICIT_LITTLE: Final = _dialect(explicit=False, little=True)
EXPLICIT_BIG: Final = _dialect(explicit=True, little=False)
IMPLICIT_BIG: Final = _dialect(explicit=False, little=False)


def dialect(*, explicit: bool, little: bool) -> Dialect:
    """Return the dialect with these properties."""
    if little:
        return EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE
    return EXPLICIT_BIG if explicit else IMPLICIT_BIG


def has_vr(code: bytes) -> bool:
    """Whether two bytes may be a value representation: two capital letters."""
    return 0x40 < code[0] < 0x5B and 0x40 < code[1] < 0x5B


def has_known_vr(dialect: Dialect, data: bytes, at: int) -> bool:
    """Whether an element names a value representation of the standard."""
    _, vr, _ = dialect.head.unpack_from(data, at)
    return vr in dialect.short_vrs or vr in dialect.long_vrs


def element(dialect: Dialect, data: bytes, at: int) -> tuple[int, int, int, int]:
    """Return tag, VR (0 where none is named), index of the value, and length."""
    if not dialect.explicit:
        tag, length = dialect.plain.unpack_from(data, at)
        return tag, 0, at + 8, length
    tag, vr, length = dialect.head.unpack_from(data, at)
    if vr in dialect.long_vrs:
        return tag, vr, at + 12, dialect.long.unpack_from(data, at + 8)[0]
    if vr in dialect.short_vrs or has_vr(data[at + 4 : at + 6]):
        return tag, vr, at + 8, length  # an unknown VR: taken as a short one, as pydicom does
    tag, wide = dialect.plain.unpack_from(data, at)
    if wide > _MAX_IMPLICIT and wide != UNDEFINED and dialect.wanted.get(tag) != PIXELS:
        return tag, dialect.un, at + 8, length  # no letters, and a short length behind them
    return tag, 0, at + 8, wide  # an implicit element among explicit ones
