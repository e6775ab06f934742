"""The files that a DICOMDIR names (PS3.3 Annex F, PS3.10 section 8.6).

Records are read one after the other as they stand in the file: the offsets that link them are
often wrong on real media, and nothing here needs the links.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.media import elements as el
from emixcli.media.charset import decode_text, joined
from emixcli.media.disc.sectors import iter_pieces
from emixcli.media.names import safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.sources.base import Bytes

#: SOP class of a DICOMDIR and of directories inside one (Philips `DIRFILE`).
DIRECTORY_CLASS: Final = "1.2.840.10008.1.3.10"
_CHUNK: Final = 256 * 1024
_MAX_VALUE: Final = 1024
_MAX_DIGITS: Final = 9
_MAX_ELEMENT: Final = _MAX_VALUE + 12
_RECORDS: Final = 0x00041220
_RECORD_TYPE: Final = 0x00041430
_FILE_ID: Final = 0x00041500
_SOP_UID: Final = 0x00041511
_STUDY_UID: Final = 0x0020000D
_SERIES_UID: Final = 0x0020000E
_SERIES_NUMBER: Final = 0x00200011
_INSTANCE_NUMBER: Final = 0x00200013
#: How many instances a record says that there are of what it is, and whose UID it then has.
_COUNTS: Final = {0x00201208: _STUDY_UID, 0x00201209: _SERIES_UID}
_CHARSET: Final = 0x00080005
_STUDY_DATE: Final = 0x00080020
_STUDY_TEXT: Final = 0x00081030
_ACCESSION: Final = 0x00080050
_PATIENT_NAME: Final = 0x00100010
#: What the records of patients and studies say of all records below them, as text.
_OF_GROUPS: Final = {
    "PATIENT": (_PATIENT_NAME,), "STUDY": (_STUDY_DATE, _STUDY_TEXT, _ACCESSION),
}  # fmt: skip
_KEPT: Final = frozenset({
    _CHARSET, _PATIENT_NAME, _STUDY_DATE, _STUDY_TEXT, _ACCESSION, _FILE_ID, _SOP_UID, _STUDY_UID,
    _SERIES_UID, _SERIES_NUMBER, _INSTANCE_NUMBER, *_COUNTS,
})  # fmt: skip
_HOLE: Final = -1
_ITEM: Final = b"\xfe\xff\x00\xe0"
_RECORD_BEGIN: Final = b"\x04\x00\x00\x14"
#: What a record says of all records below it.
_INHERITED: Final = (_STUDY_UID, _SERIES_UID, _SERIES_NUMBER)


class Reference(NamedTuple):
    """A file that a directory record names.

    Attributes
    ----------
    path
        Parts joined by "/", as written; None where the name leaves the file-set.
    series_number, instance_number
        As the records say, "" where they do not.
    sop_uid
        Of the object in the file, "" where the record does not say.
    study_uid, series_uid, study_date, study_description, accession_number, patient_name
        Of the records above it.
    """

    path: str | None
    record_type: str
    series_number: str
    instance_number: str
    sop_uid: str = ""
    study_uid: str = ""
    series_uid: str = ""
    study_date: str = ""
    study_description: str = ""
    accession_number: str = ""
    patient_name: str = ""


class Directory:
    """The references of a DICOMDIR, read as they are asked for.

    Attributes
    ----------
    is_whole
        Whether it could be read to its end, once all references were.
    counts
        How many instances there are of a study or series, by UID, where records say so.
    has_holes
        Whether sectors inside cannot be read; what lies behind them was read all the same.

    Parameters
    ----------
    content
        The file.
    offset
        Where its data set begins.
    """

    def __init__(self, content: Bytes, offset: int) -> None:
        self._content = content
        self._at = offset
        self.is_whole = self.has_holes = False
        self.counts: dict[str, int] = {}

    def __iter__(self) -> Iterator[Reference]:
        """Yield the references in the order of the file.

        Raises
        ------
        OSError
            If the medium cannot be read.
        """
        return _references(self._elements(), self.counts)

    def _elements(self) -> Iterator[tuple[int, bytes]]:
        """Yield tag and value of all elements, going into every sequence, also behind holes."""
        dialect = el.EXPLICIT_LITTLE
        try:
            dialect = _dialect(self._content.read_at(self._at, 8))
            yield from self._part(dialect, self._content.size)
        except OSError:
            self.has_holes = True
        if self.has_holes:
            for start, stop in _readable(self._content, self._at):
                if start != self._at:
                    yield _HOLE, b""
                    self._at = _next_record(self._content, start, stop)
                yield from self._part(dialect, stop)
            self.is_whole = False

    def _part(self, dialect: el.Dialect, size: int) -> Iterator[tuple[int, bytes]]:
        """Yield the elements up to an offset.

        The value of what opens a sequence or item is empty, and a long one is cut.
        """
        base = stop = self._at  # of what was read
        data = b""
        structure = {dialect.item, dialect.item_end, dialect.sequence_end}
        while self._at + 8 <= size:
            if self._at + _MAX_ELEMENT > stop and stop < size:
                base = self._at
                data = self._content.read_at(base, min(_CHUNK, size - base))
                stop = base + len(data)
                if len(data) < min(_CHUNK, size - base):
                    size = stop  # the file is shorter than its medium says
                data += bytes(12)
                continue
            at = self._at - base
            tag, length = dialect.plain.unpack_from(data, at)
            if tag in structure:
                self._at += 8
                yield dialect.swap(tag), b""
                continue
            tag, vr, value, length = el.element(dialect, data, at)
            self._at = base + value
            if length == el.UNDEFINED or vr == dialect.sq or dialect.swap(tag) == _RECORDS:
                continue
            if self._at + length > size:
                return
            self._at += length
            yield dialect.swap(tag), data[value : value + min(length, _MAX_VALUE)]
        self.is_whole = size == self._content.size


def _readable(content: Bytes, start: int) -> list[tuple[int, int]]:
    """Return the parts of a file behind an offset that can be read."""
    found: list[tuple[int, int]] = []
    for at, data in iter_pieces(content, start, content.size):
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + len(data))
        else:
            found.append((at, at + len(data)))
    return found


def _next_record(content: Bytes, start: int, stop: int) -> int:
    """Return where a record begins behind a hole: an item with (0004,1400), little endian."""
    data = content.read_at(start, stop - start)
    at = data.find(_ITEM)
    while at >= 0 and data[at + 8 : at + 12] != _RECORD_BEGIN:
        at = data.find(_ITEM, at + 1)
    return start + at if at >= 0 else stop


def _dialect(head: bytes) -> el.Dialect:
    """Tell from the first element how a data set is encoded."""
    head = head.ljust(8, b"\0")
    return el.dialect(explicit=el.has_vr(head[4:6]), little=not (head[0] == 0 and head[1]))


def _references(
    elements: Iterator[tuple[int, bytes]], counts: dict[str, int]
) -> Iterator[Reference]:
    record: dict[int, str] = {}
    above: dict[int, str] = {}
    for tag, value in elements:
        if tag in (_HOLE, _RECORD_TYPE):
            if record:
                above |= _below(record)
                _count(record, counts)
                yield from _reference(record, above)
            record = {tag: _text(value)} if tag == _RECORD_TYPE else {}
            if tag == _HOLE:
                above = {}  # the record of the series may be lost
        elif record and tag in _KEPT:
            record[tag] = _text(value)
    if record:
        above |= _below(record)
        yield from _reference(record, above)


def _below(record: dict[int, str]) -> dict[int, str]:
    """Return what a record says of all records below it."""
    found: dict[int, str] = {key: record[key] for key in _INHERITED if key in record}
    for tag in _OF_GROUPS.get(record.get(_RECORD_TYPE, ""), ()):
        raw = record.get(tag, "").encode("latin-1")
        found[tag] = decode_text(raw, record.get(_CHARSET, "")) if raw else ""
    return found


def _count(record: dict[int, str], counts: dict[str, int]) -> None:
    for tag, of in _COUNTS.items():
        number = record.get(tag, "").strip()
        if number.isdecimal() and len(number) <= _MAX_DIGITS and record.get(of):
            counts[record[of]] = int(number)


def _reference(record: dict[int, str], above: dict[int, str]) -> Iterator[Reference]:
    file_id = record.get(_FILE_ID, "")
    if file_id.strip("\\ "):
        # Components are separated by backslashes; some writers use slashes or a leading one.
        path = file_id[1:] if file_id[:1] == "\\" and file_id[:2] != "\\\\" else file_id
        yield Reference(
            safe_path(path.replace("\\", "/")),
            record[_RECORD_TYPE],
            above.get(_SERIES_NUMBER, ""),
            record.get(_INSTANCE_NUMBER, ""),
            record.get(_SOP_UID, ""),
            above.get(_STUDY_UID, ""),
            above.get(_SERIES_UID, ""),
            above.get(_STUDY_DATE, ""),
            above.get(_STUDY_TEXT, ""),
            above.get(_ACCESSION, ""),
            above.get(_PATIENT_NAME, ""),
        )


def _text(value: bytes) -> str:
    return joined(value.decode("latin-1"))
