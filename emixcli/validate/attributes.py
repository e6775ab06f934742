"""What the attributes of one object say against each other, and against the standard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from emixcli.model import KEYWORDS
from emixcli.syntaxes import is_standard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emixcli.model import Value
    from emixcli.packed import SharedValues

#: PS3.5 section 9.1: components without leading zeros, at most 64 characters.
_match_uid: Final = re.compile(
    r"(?=.{1,64}\Z)(?:0|[1-9][0-9]*+)(?:\.(?:0|[1-9][0-9]*+))++", re.ASCII
).fullmatch
#: Every UID of PS3.6, and those of transfer syntaxes among them (PS3.6 table A-1).
_STANDARD: Final = "1.2.840.10008."
_UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID")
#: Text that Specific Character Set governs (PS3.5 section 6.1) and that people read.
_TEXTS: Final = (
    "PatientName", "PatientID", "StudyDescription", "StudyID", "AccessionNumber",
    "ReferringPhysicianName", "InstitutionName", "SeriesDescription", "ProtocolName",
)  # fmt: skip
_PIXELS: Final = (
    "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
)  # fmt: skip
_OTHERS: Final = ("TransferSyntaxUID", "SpecificCharacterSet", "SOPClassUID")
_LOOKED_AT: Final = (*_OTHERS, *_UIDS, *_TEXTS, *_PIXELS)
_SLOTS: Final = {keyword: KEYWORDS.index(keyword) for keyword in _LOOKED_AT}
_DECIDING: Final = frozenset(_SLOTS.values())
#: Samples of a pixel by photometric interpretation (PS3.3 section C.7.6.3.1.2).
_SAMPLES: Final = {
    "MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "HSV": 3, "YBR_FULL": 3,
    "YBR_FULL_422": 3, "YBR_PARTIAL_422": 3, "YBR_PARTIAL_420": 3, "YBR_ICT": 3, "YBR_RCT": 3,
    "ARGB": 4, "CMYK": 4,
}  # fmt: skip
#: PS3.5 allows 64; databases, which keep UTF-8, have room for a few times as many.
_MAX_IDENTIFIER: Final = 256
_MAX_KEPT: Final = 4096
_NONE: Final[frozenset[str]] = frozenset()


class Values(Protocol):
    """The values of one header."""

    @property
    def shared(self) -> SharedValues:
        """Those that other headers have as well."""

    @property
    def media_class(self) -> str:
        """Media Storage SOP Class UID, "" where there is none."""

    def value(self, slot: int) -> Value:
        """Return the value of `model.KEYWORDS[slot]`."""


class AttributeCheck:
    """Looks at headers, once for all that have the values in common which decide."""

    def __init__(self) -> None:
        self._known: dict[SharedValues, tuple[frozenset[str], Value]] = {}

    def codes(self, header: Values, uid: Value) -> frozenset[str]:
        """Return the codes of what is wrong.

        Parameters
        ----------
        uid
            Its SOP Instance UID.
        """
        shared = header.shared
        known = self._known.get(shared)
        if known is None:
            known = self._look(header)
        codes, sop_class = known
        media_class = header.media_class
        if media_class != sop_class and media_class and sop_class:
            codes |= {"S16"}
        if uid and _match_uid(str(uid)) is None:
            codes |= {"S03", *_unusable((uid,))}
        return codes

    def _look(self, header: Values) -> tuple[frozenset[str], Value]:
        values = {keyword: header.value(slot) for keyword, slot in _SLOTS.items()}
        codes = frozenset(_wrong(values))
        found = (codes or _NONE, values["SOPClassUID"])
        if not _DECIDING.intersection(header.shared.slots):
            if len(self._known) >= _MAX_KEPT:
                self._known.clear()
            self._known[header.shared] = found
        return found


def is_uid(text: str) -> bool:
    """Whether a text is a UID as PS3.5 section 9.1 asks."""
    return _match_uid(text) is not None


def _wrong(values: Mapping[str, Value]) -> set[str]:
    """Return codes of what all headers with these values have wrong."""
    codes = set()
    sop_class = values["SOPClassUID"]
    if not sop_class:
        codes.add("S02")
    elif not str(sop_class).startswith(_STANDARD):
        codes.add("S16")
    if any(values[keyword] and not is_uid(str(values[keyword])) for keyword in _UIDS):
        codes.add("S03")
    codes |= _unusable(values[keyword] for keyword in _UIDS)
    codes |= _unusable((values["PatientID"],)) & {"S20"}
    syntax = values["TransferSyntaxUID"]
    if syntax and not (is_standard(str(syntax)) and is_uid(str(syntax))):
        codes.add("S08")
    if values["StudyInstanceUID"] and not str(values["PatientID"] or "").partition("\0")[0].strip():
        codes.add("S13")
    if not _is_readable(values):
        codes.add("S12")
    if _contradict(values):
        codes.add("S14")
    return codes


def _unusable(identifiers: Iterable[Value]) -> set[str]:
    """Return the codes of identifiers that no database keeps: without text, or too long."""
    codes = set()
    for text in filter(None, map(str, identifiers)):
        if text.isspace() or text.startswith("\0"):  # a text ends at its first NUL
            codes.add("S01")
        if len(text.encode("utf-8", "replace")) > _MAX_IDENTIFIER:
            codes.add("S20")
    return codes


def _is_readable(values: Mapping[str, Value]) -> bool:
    """Whether all texts fit the character set that is declared."""
    texts = "".join(str(values[keyword] or "") for keyword in _TEXTS)
    if texts.isascii():
        return True
    return bool(values["SpecificCharacterSet"]) and "\ufffd" not in texts


def _contradict(values: Mapping[str, Value]) -> bool:
    """Whether bits, samples and colours cannot all be true (PS3.3 section C.7.6.3)."""

    def integer(keyword: str) -> int | None:
        try:
            return int(str(values[keyword]))
        except ValueError:
            return None

    allocated, stored, high = integer("BitsAllocated"), integer("BitsStored"), integer("HighBit")
    if allocated and ((stored or 0) > allocated or (high or 0) >= allocated):
        return True
    samples = integer("SamplesPerPixel")
    wanted = _SAMPLES.get(str(values["PhotometricInterpretation"] or ""))
    return bool(samples and wanted and samples != wanted)
