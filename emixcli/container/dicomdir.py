"""The DICOMDIR of a package: explicit little endian, from what the scan kept (PS3.3 Annex F).

A key of type 1 that the object lacks is invented, since readers reject a directory without it; how
many were is counted. Text is UTF-8 where it is not ASCII.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from emixcli.container import record_types
from emixcli.container.encoding import ALPHABET
from emixcli.container.folded import Folded, Folder, fold
from emixcli.container.layout import instance_name, series_folder
from emixcli.container.record_types import CHARSET, Key
from emixcli.syntaxes import EXPLICIT_LITTLE_UID

if TYPE_CHECKING:
    from emixcli.model import FileSet, Instance, Patient, Series, Study

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
#: By UUID (PS3.5 section B.2), made once for this implementation.
IMPLEMENTATION_CLASS_UID = "2.25.313200389502675892903654971083032199842"
_VERSION_NAME = "EMIX_1"
_PRIVATE_RECORD_UID = IMPLEMENTATION_CLASS_UID
_UTF8 = "ISO_IR 192"
_LONG_VRS = {"OB", "SQ"}
#: Length of the head of an item.
_ITEM = 8
_MAX_TEXT = {"SH": 16, "LO": 64, "PN": 192, "CS": 16, "UI": 64, "ST": 1024}
_INVENTED = {
    "PatientID": "UNKNOWN",
    "StudyDate": "19000101",
    "ContentDate": "19000101",
    "PresentationCreationDate": "19000101",
    "StudyTime": "000000",
    "ContentTime": "000000",
    "PresentationCreationTime": "000000",
    "Modality": "OT",
    "ContentLabel": "UNKNOWN",
    "DoseSummationType": "PLAN",
    "StructureSetLabel": "UNKNOWN",
    "RTPlanLabel": "UNKNOWN",
    "CompletionFlag": "PARTIAL",
    "VerificationFlag": "UNVERIFIED",
    "MIMETypeOfEncapsulatedDocument": "application/octet-stream",
    "ImageType": "DERIVED\\PRIMARY",
}
_DATE, _TIME = re.compile(r"\d{8}"), re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
_NUMBER, _UID = re.compile(r"[+-]?\d{1,11}"), re.compile(r"[0-9]+(\.[0-9]+)*")
_NOT_CS = re.compile(r"[^A-Z0-9 _\\]")

#: Values of an instance that the scan does not keep: keyword to text or encoded sequence.
Extra = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True)
class Directory:
    """A DICOMDIR and how many of its keys had to be invented, by keyword."""

    content: Folded
    invented: dict[str, int]


def make_dicomdir(
    file_set: FileSet, *, package_id: str, extra: Callable[[Instance], Extra] = lambda _: {}
) -> Directory:
    """Return the DICOMDIR of a package.

    Parameters
    ----------
    file_set
        What the package holds.
    package_id
        Gives the directory its SOP Instance UID.
    extra
        Returns values of an instance that the scan does not keep.
    """
    writer = _Writer(extra)
    writer.write(file_set.patients)
    return Directory(writer.finish(_meta(_uid_of(package_id))), writer.invented)


class _Writer:
    """Collects records, those below a record right after it, and counts what it invents.

    Their offsets are known when all lengths are, so they are kept folded until then.
    """

    def __init__(self, extra: Callable[[Instance], Extra]) -> None:
        self._extra = extra
        self._n_studies = 0
        self._records = Folder()
        self._lengths = array("I")
        self._depths = array("B")
        self.invented: dict[str, int] = {}

    def write(self, patients: Iterable[Patient]) -> None:
        """Take all records."""
        for patient in patients:
            self._patient(patient)

    def _record(self, depth: int, kind: str, body: bytes) -> None:
        content = _element(0x00041430, "CS", kind) + body
        self._records.add(content)
        self._lengths.append(len(content))
        self._depths.append(depth)

    def finish(self, meta: bytes) -> Folded:
        """Return the whole file."""
        start = len(meta) + len(_head(0, 0, 0))
        offsets = array("Q", (0 for _ in self._lengths))
        end = start
        for index, length in enumerate(self._lengths):
            offsets[index] = end
            end += _ITEM + len(_links(0, 0)) + length
        following = array("Q", (0 for _ in offsets))
        last_of = [0] * 5  # by depth: offset of the record that comes next on it
        for index in range(len(offsets) - 1, -1, -1):
            depth = self._depths[index]
            following[index] = last_of[depth]
            last_of[depth:] = [offsets[index]] + [0] * (len(last_of) - depth - 1)
        roots = [at for at, depth in zip(offsets, self._depths, strict=True) if depth == 0]
        first, last = (roots[0], roots[-1]) if roots else (0, 0)
        return fold(
            chain((meta, _head(first, last, end - start)), self._linked(offsets, following))
        )

    def _linked(self, offsets: Sequence[int], following: Sequence[int]) -> Iterator[bytes]:
        """Yield the records with their items' heads and links."""
        depths = self._depths
        with self._records.finish().open() as file:
            for index, length in enumerate(self._lengths):
                has_lower = index + 1 < len(depths) and depths[index + 1] > depths[index]
                links = _links(following[index], offsets[index + 1] if has_lower else 0)
                yield struct.pack("<HHI", 0xFFFE, 0xE000, len(links) + length) + links
                yield file.read(length)

    def _patient(self, patient: Patient) -> None:
        first = patient.studies[0].series[0].instances[0]
        self._record(0, "PATIENT", self._keys(record_types.PATIENT, first, {}, number=1))
        for study in patient.studies:
            self._study(study)

    def _study(self, study: Study) -> None:
        self._n_studies += 1
        number = self._n_studies
        first = study.series[0].instances[0]
        extra = {"StudyInstanceUID": study.uid}
        self._record(1, "STUDY", self._keys(record_types.STUDY, first, extra, number=number))
        for index, series in enumerate(study.series, 1):
            self._series(series, series_folder(number, index), index)

    def _series(self, series: Series, folder: str, number: int) -> None:
        extra = {"SeriesInstanceUID": series.uid}
        keys = self._keys(record_types.SERIES, series.instances[0], extra, number=number)
        self._record(2, "SERIES", keys)
        for index, instance in enumerate(series.instances, 1):
            self._instance(instance, instance_name(folder, index), index)

    def _instance(self, instance: Instance, name: str, number: int) -> None:
        sop_class = instance.text("SOPClassUID")
        kind = record_types.record_type(sop_class, has_pixels=instance.pixel_offset >= 0)
        private = _element(0x00041432, "UI", _PRIVATE_RECORD_UID) if kind == "PRIVATE" else b""
        reference = (
            _element(0x00041500, "CS", name.replace("/", "\\"))
            + _element(0x00041510, "UI", _uid(sop_class))
            + _element(0x00041511, "UI", _uid(instance.text("SOPInstanceUID")))
            + _element(0x00041512, "UI", _uid(instance.text("TransferSyntaxUID")))
        )
        keys = record_types.INSTANCE[kind]
        body = self._keys(keys, instance, self._extra(instance), number=number)
        self._record(3, kind, private + reference + body)

    def _keys(
        self, keys: tuple[Key, ...], instance: Instance, extra: Extra, *, number: int
    ) -> bytes:
        values = {key.tag: (key, self._value(key, instance, extra, number=number)) for key in keys}
        values = {tag: pair for tag, pair in values.items() if pair[1] or pair[0].type != 3}
        text = "".join(value for _, value in values.values() if isinstance(value, str))
        if not text.isascii():
            values[CHARSET.tag] = (CHARSET, _UTF8)
        return b"".join(
            _element(tag, key.vr, value) for tag, (key, value) in sorted(values.items())
        )

    def _value(self, key: Key, instance: Instance, extra: Extra, *, number: int) -> str | bytes:
        given = extra.get(key.keyword)
        if given is None:
            given = _text_of(instance, key.keyword)
        value = given if isinstance(given, bytes) else _clean(key.vr, given)
        if value or key.type != 1:
            return value
        self.invented[key.keyword] = self.invented.get(key.keyword, 0) + 1
        if key.vr == "SQ":
            return _invented_code()
        return _INVENTED.get(key.keyword, str(number))


def _text_of(instance: Instance, keyword: str) -> str:
    try:
        return instance.text(keyword)
    except KeyError:  # not among the values that a scan keeps
        return ""


def _clean(vr: str, text: str) -> str:
    """Return the value as its VR allows it (PS3.5 Table 6.2-1), "" where it does not."""
    text = text.strip()
    if vr in {"DA", "TM", "IS", "UI"}:
        pattern = {"DA": _DATE, "TM": _TIME, "IS": _NUMBER, "UI": _UID}[vr]
        first = text.partition("\\")[0].strip()
        if vr == "DA":
            first = first.replace(".", "")
        return first[:64] if pattern.fullmatch(first) else ""
    if vr == "CS":
        parts = text.upper().split("\\")
        return "\\".join(_NOT_CS.sub("", part)[:16].strip() for part in parts).strip("\\")
    if vr != "ST":
        text = text.replace("\\", " ")
    text = "".join(symbol for symbol in text if symbol.isprintable())
    return text[: _MAX_TEXT.get(vr, 64)].strip()


def _uid(text: str) -> str:
    return _clean("UI", text) or "2.25.0"


def _invented_code() -> bytes:
    """Return a Concept Name Code Sequence that says that there was none."""
    return encode_code("121106", "DCM", "Comment")


def encode_code(value: str, scheme: str, meaning: str) -> bytes:
    """Return one item of a code sequence (PS3.3 Table 8.8-1)."""
    texts = (_clean("SH", value), _clean("SH", scheme), _clean("LO", meaning))
    content = b"".join(
        _element(tag, vr, text)
        for tag, vr, text in zip(
            (0x00080100, 0x00080102, 0x00080104), ("SH", "SH", "LO"), texts, strict=True
        )
    )
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def _element(tag: int, vr: str, value: str | bytes | int) -> bytes:
    """Return an element in explicit VR little endian (PS3.5 section 7.1.2)."""
    if isinstance(value, int) or vr in {"US", "UL"}:
        data = struct.pack("<H" if vr == "US" else "<I", int(value or 0))
    else:
        data = value.encode("utf-8") if isinstance(value, str) else value
        if len(data) % 2:
            data += b"\0" if vr in {"UI", "OB"} else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode("ascii"))
    if vr in _LONG_VRS:
        return head + struct.pack("<HI", 0, len(data)) + data
    return head + struct.pack("<H", len(data)) + data


def _links(following: int, lower: int) -> bytes:
    return (
        _element(0x00041400, "UL", following)
        + _element(0x00041410, "US", 0xFFFF)
        + _element(0x00041420, "UL", lower)
    )


def _meta(uid: str) -> bytes:
    """Return preamble and file meta information (PS3.10 section 7.1)."""
    elements = b"".join(
        (
            _element(0x00020001, "OB", b"\0\1"),
            _element(0x00020002, "UI", MEDIA_STORAGE_DIRECTORY),
            _element(0x00020003, "UI", uid),
            _element(0x00020010, "UI", EXPLICIT_LITTLE_UID),
            _element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
            _element(0x00020013, "SH", _VERSION_NAME),
        )
    )
    return bytes(128) + b"DICM" + _element(0x00020000, "UL", len(elements)) + elements


def _head(first: int, last: int, length: int) -> bytes:
    """Return the elements before the records and the head of their sequence."""
    return (
        _element(0x00041130, "CS", "EMIX")
        + _element(0x00041200, "UL", first)
        + _element(0x00041202, "UL", last)
        + _element(0x00041212, "US", 0)
        + struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, length)
    )


def _uid_of(package_id: str) -> str:
    """Return the SOP Instance UID of a package's directory (PS3.5 section B.2)."""
    number = 0
    for symbol in package_id.upper():
        number = number * 32 + ALPHABET.index(symbol)
    return f"2.25.{number % 2**128}"
