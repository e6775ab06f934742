"""The DICOMDIR of the sample CD (PS3.3 Annex F), as a modality's burner writes it."""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian

from emixcli.demo.objects import to_bytes, uid

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_LEVELS = (
    ("PATIENT", ("PatientID", "PatientName")),
    ("STUDY", ("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "AccessionNumber",
               "StudyDescription")),
    ("SERIES", ("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription")),
)  # fmt: skip


@dataclass(slots=True)
class _Record:
    dataset: Dataset
    below: dict[str, _Record] = field(default_factory=dict)
    offset: int = 0
    length: int = 0


class Directory:
    """Collects the objects as they are written, and makes the DICOMDIR from them."""

    def __init__(self) -> None:
        self._root: dict[str, _Record] = {}

    def add(self, image: Dataset, path: str) -> None:
        """Note an object that was written to `path` (parts joined by "/")."""
        level = self._root
        for kind, keywords in _LEVELS:
            key = str(image.get(keywords[0]))
            if key not in level:
                level[key] = _Record(_record(kind, image, keywords))
            level = level[key].below
        leaf = _record("IMAGE", image, ("InstanceNumber",))
        leaf.ReferencedFileID = path.split("/")
        leaf.ReferencedSOPClassUIDInFile = image.SOPClassUID
        leaf.ReferencedSOPInstanceUIDInFile = image.SOPInstanceUID
        leaf.ReferencedTransferSyntaxUIDInFile = ExplicitVRLittleEndian
        level[path] = _Record(leaf)

    def to_bytes(self, file_set_id: str) -> bytes:
        """Return the DICOMDIR."""
        head = Dataset()
        head.SOPClassUID = _MEDIA_STORAGE_DIRECTORY
        head.SOPInstanceUID = uid("dicomdir")
        meta = to_bytes(head)
        meta = meta[: 144 + struct.unpack_from("<I", meta, 140)[0]]  # up to the end of group 2
        prefix = _encode(self._file_set(file_set_id))
        start = len(meta) + len(prefix) + 12
        for record in _walk(self._root):
            record.offset, record.length = start, len(_encode(record.dataset))
            start += 8 + record.length
        _link(self._root)
        items = b"".join(
            struct.pack("<HHI", 0xFFFE, 0xE000, record.length) + _encode(record.dataset)
            for record in _walk(self._root)
        )
        prefix = _encode(self._file_set(file_set_id))
        return meta + prefix + struct.pack("<HH2sHI", 4, 0x1220, b"SQ", 0, len(items)) + items

    def _file_set(self, file_set_id: str) -> Dataset:
        roots = list(self._root.values())
        out = Dataset()
        out.FileSetID = file_set_id
        out.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = roots[0].offset
        out.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = roots[-1].offset
        out.FileSetConsistencyFlag = 0
        return out


def _record(kind: str, image: Dataset, keywords: tuple[str, ...]) -> Dataset:
    out = Dataset()
    out.OffsetOfTheNextDirectoryRecord = 0
    out.RecordInUseFlag = 0xFFFF
    out.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    out.DirectoryRecordType = kind
    out.SpecificCharacterSet = image.SpecificCharacterSet
    for keyword in keywords:
        setattr(out, keyword, image.get(keyword, ""))
    return out


def _walk(level: dict[str, _Record]) -> Iterator[_Record]:
    for record in level.values():
        yield record
        yield from _walk(record.below)


def _link(level: dict[str, _Record]) -> None:
    records = list(level.values())
    for record, after in itertools.pairwise(records):
        record.dataset.OffsetOfTheNextDirectoryRecord = after.offset
    for record in records:
        if record.below:
            first: Any = next(iter(record.below.values()))
            record.dataset.OffsetOfReferencedLowerLevelDirectoryEntity = first.offset
            _link(record.below)


def _encode(dataset: Dataset) -> bytes:
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, False
    write_dataset(out, dataset)
    return bytes(out.getvalue())
