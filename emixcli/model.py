"""The information model: what was found on a medium.

Words are those of PS3.3 and PS3.10: a FileSet holds Patients, Studies, Series and Instances. All
types are frozen; a scan of 100,000 instances stays below 100 MB because each instance holds only
what its series has not in common, and is folded afterwards (`media.folding`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from emixcli.keywords import KEYWORDS, POSITIONS
from emixcli.packed import Packed, SharedValues, Value, name_of, pack, unpack, unpack_one

__all__ = [
    "KEYWORDS", "Document", "FileSet", "Finding", "Instance", "Missing", "Patient", "Refused",
    "Series", "Severity", "Study", "Unreadable", "Value",
]  # fmt: skip


class Severity(enum.StrEnum):
    """How bad a finding is, by consequence."""

    BLOCK = "BLOCK"  # a PACS will not store it, or it must not be sent
    LOSS = "LOSS"  # pixels or files are gone
    RISK = "RISK"  # wrong patient, incomplete, unreadable name
    NOTE = "NOTE"  # conformance only


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a medium, counted over all its places.

    `code` is stable (`docs/reference/findings.md`); `where` names series and instance numbers or
    our own file numbers, never attribute values. `files` are the first files of those that belong
    to no instance, by number of the source and path: for whoever scans, never in a package.
    """

    code: str
    severity: Severity
    count: int
    where: str
    why: str
    next: str
    files: tuple[tuple[int, str], ...] = ()


class Instance:
    """One DICOM object on the medium.

    Not to be changed once made. Equal where all attributes are.

    Attributes
    ----------
    source
        The number of the source in `FileSet.sources`.
    path
        The name on the medium, parts joined by "/".
    size
        Of the file, in bytes.
    values
        In the order of `KEYWORDS`; put together at each access, so ask for one by `value`.
    pixels
        `pixel_offset` and `pixel_length`.
    pixel_offset
        Byte offset of the value of (7FE0,0010), (7FE0,0008) or (7FE0,0009) in the file, -1 where
        there is none.
    pixel_length
        Its length in the header (0xFFFFFFFF: encapsulated, PS3.5 section A.4).
    deep
        Has palette, modality or VOI lookup tables, functional groups or overlays: read these with
        pydicom when the index of a package is made.
    shared, packed, place
        How it is held: values that others of its series have as well, own ones behind the name of
        the file (`packed.pack`), and source with folder.
    """

    __slots__ = ("packed", "pixels", "place", "shared", "size")

    def __init__(  # noqa: PLR0917 - one record, in the order of its fields
        self,
        source: int,
        path: str,
        size: int,
        values: tuple[Value, ...],
        pixel_offset: int = -1,
        pixel_length: int = 0,
        deep: bool = False,  # noqa: FBT001, FBT002 - the last field of the record
    ) -> None:
        folder, slash, name = path.rpartition("/")
        self.place = (source, folder + slash)
        self.packed = pack(name, ())
        self.shared = SharedValues(values, deep=deep)
        self.size = size
        self.pixels = (pixel_offset, pixel_length)

    @classmethod
    def of(
        cls,
        place: tuple[int, str],
        packed: Packed,
        shared: SharedValues,
        size: int,
        pixels: tuple[int, int],
    ) -> Instance:
        """Return an instance from its parts, which others may hold as well.

        Parameters
        ----------
        place
            Number of the source, and the folder with a "/" behind it, or "".
        packed
            Name in the folder and own values, from `packed.pack`.
        pixels
            Offset and length of the pixel data.
        """
        made = cls.__new__(cls)
        made.place = place
        made.packed = packed
        made.shared = shared
        made.size = size
        made.pixels = pixels
        return made

    @property
    def source(self) -> int:
        """The number of the source in `FileSet.sources`."""
        return self.place[0]

    @property
    def path(self) -> str:
        """The name on the medium."""
        return self.place[1] + name_of(self.packed)

    @property
    def values(self) -> tuple[Value, ...]:
        """All values, put together at each access."""
        return self.shared.with_own(unpack(self.packed))

    @property
    def pixel_offset(self) -> int:
        """Where the pixel data begins."""
        return self.pixels[0]

    @property
    def pixel_length(self) -> int:
        """Length of the pixel data in the header."""
        return self.pixels[1]

    @property
    def deep(self) -> bool:
        """Whether the header alone does not say how to show it."""
        return self.shared.deep

    def value(self, position: int) -> Value:
        """Return the value of `KEYWORDS[position]`."""
        index = self.shared.slots.find(position)
        if index < 0:
            return self.shared.values[position]
        return unpack_one(self.packed, index)

    def _key(self) -> tuple[object, ...]:
        return (self.source, self.path, self.size, self.values, self.pixels, self.deep)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Instance) and (self is other or self._key() == other._key())

    def __hash__(self) -> int:
        return hash((self.source, self.path))

    def text(self, keyword: str) -> str:
        """Return the value as text, "" where it is absent."""
        value = self.value(POSITIONS[keyword])
        return "" if value is None else str(value)

    def number(self, keyword: str) -> float | None:
        """Return the first value as a number, None where it is absent or not a number."""
        first = self.text(keyword).partition("\\")[0].strip()
        try:
            return float(first)
        except ValueError:
            return None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return all values as numbers, () where absent or where one is not a number."""
        text = self.text(keyword)
        try:
            return tuple(float(part) for part in text.split("\\")) if text.strip() else ()
        except ValueError:
            return ()

    def integer(self, keyword: str, default: int = 0) -> int:
        """Return the first value as an integer, `default` where it is absent or not a number."""
        value = self.number(keyword)
        return default if value is None or value != value or abs(value) > 2**53 else int(value)


def values_of(instances: Iterable[Instance], position: int) -> list[Value]:
    """Return the value of `KEYWORDS[position]` of each, faster than one by one."""
    found: list[Value] = []
    shared: SharedValues | None = None
    common: Value = None
    index = -1
    for instance in instances:
        if instance.shared is not shared:
            shared = instance.shared
            index = shared.slots.find(position)
            common = shared.values[position]
        found.append(common if index < 0 else unpack_one(instance.packed, index))
    return found


class Series(NamedTuple):
    """Instances with one Series Instance UID, in viewing order.

    Attributes
    ----------
    instances
        A tuple, or made anew at each look where there are very many (`media.folding`).
    """

    uid: str
    instances: Sequence[Instance]

    def text(self, keyword: str) -> str:
        """Return the value of the first instance."""
        return self.instances[0].text(keyword)


class Study(NamedTuple):
    """Series with one Study Instance UID, by series number."""

    uid: str
    series: tuple[Series, ...]

    def text(self, keyword: str) -> str:
        """Return the value of the first instance."""
        return self.series[0].text(keyword)


class Patient(NamedTuple):
    """Studies of one patient: same id, issuer, name and birth date after normalisation."""

    key: str
    studies: tuple[Study, ...]

    def text(self, keyword: str) -> str:
        """Return the value of the first instance."""
        return self.studies[0].text(keyword)


class Document(NamedTuple):
    """A report found beside the images, not in DICOM: PDF, HL7, CDA, CCR, RTF or text."""

    source: int
    path: str
    size: int
    kind: str  # "pdf", "hl7v2", "cda", "ccr", "rtf", "text"
    verdict: str = "unknown"  # compared with the patients: "match", "warn", "block"
    reason: str = ""


class Unreadable(NamedTuple):
    """A file that could not be read, or not as far as its header says."""

    source: int
    path: str
    size: int
    reason: str  # a fixed phrase, never the text of a library

    @property
    def is_forbidden(self) -> bool:
        """Whether only the system keeps this user from it."""
        return self.reason.startswith("no permission")


class Missing(NamedTuple):
    """An object that a DICOMDIR names and that is not on the media, "" for what it does not say."""

    source: int
    sop_uid: str
    study_uid: str
    series_uid: str
    series_number: str
    instance_number: str
    study_date: str = ""
    study_description: str = ""
    accession_number: str = ""
    patient_name: str = ""


class Refused(NamedTuple):
    """An object that a PACS will not store, and the codes of the findings that say why."""

    source: int
    path: str
    codes: tuple[str, ...]


#: Findings of a medium whose directories are gone: nobody can say what else there was.
_NAMES_LOST: Final = frozenset({"M04", "M16"})


class FileSet(NamedTuple):
    """Everything that was found on the media given to one command."""

    sources: tuple[str, ...]  # as given on the command line
    patients: tuple[Patient, ...]
    documents: tuple[Document, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    n_files: int = 0
    n_other: int = 0
    size: int = 0  # bytes of the DICOM instances
    findings: tuple[Finding, ...] = ()
    left_out: tuple[Instance, ...] = ()  # with the UID of an earlier object that is another one
    missing: tuple[Missing, ...] = ()
    refused: tuple[Refused, ...] = ()
    hurt: tuple[tuple[int, str], ...] = ()  # source and path of instances with a LOSS finding

    @property
    def has_lost_names(self) -> bool:
        """Whether directories of a medium are lost, so that nothing tells all that was on it."""
        return any(finding.code in _NAMES_LOST for finding in self.findings)

    def iter_studies(self) -> Iterator[Study]:
        """Yield every study of every patient."""
        for patient in self.patients:
            yield from patient.studies

    def iter_series(self) -> Iterator[Series]:
        """Yield every series of every study."""
        for study in self.iter_studies():
            yield from study.series

    def iter_instances(self) -> Iterator[Instance]:
        """Yield every instance, in viewing order."""
        for series in self.iter_series():
            yield from series.instances
