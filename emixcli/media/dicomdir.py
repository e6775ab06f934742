"""The files that a DICOMDIR names (PS3.3 Annex F, PS3.10 section 8.6).

Records are read one after the other as they stand in the file: the offsets that link them are
often wrong on real media, and nothing here needs the links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.media import elements as el
from emixcli.media.charset import joined
from emixcli.media.names import safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.media.header import Header
    from emixcli.media.sources.base import Bytes

#: SOP class of a DICOMDIR and of directories inside one (Philips `DIRFILE`).
DIRECTORY_CLASS: Final = "1.2.840.10008.1.3.10"
_MAX_SIZE: Final = 512 * 1024 * 1024
_RECORD_TYPE: Final = 0x00041430
_FILE_ID: Final = 0x00041500
_SERIES_NUMBER: Final = 0x00200011
_INSTANCE_NUMBER: Final = 0x00200013


@dataclass(frozen=True, slots=True)
class Reference:
    """A file that a directory record names.

    Attributes
    ----------
    path
        Parts joined by "/", as written; None where the name leaves the file-set.
    series_number, instance_number
        As the records say, "" where they do not.
    """

    path: str | None
    record_type: str
    series_number: str
    instance_number: str


@dataclass(frozen=True, slots=True)
class Directory:
    """All references of a DICOMDIR, and whether it could be read to its end."""

    references: tuple[Reference, ...]
    is_whole: bool


def read_directory(content: Bytes, header: Header) -> Directory:
    """Return the references of a DICOMDIR.

    Parameters
    ----------
    content
        The whole file.
    header
        Its header.

    Raises
    ------
    OSError
        If the medium cannot be read.
    """
    data = content.read_at(0, min(content.size, _MAX_SIZE))
    walk = _Walk(data, header.dataset_offset)
    references = tuple(_references(walk))
    return Directory(references, walk.is_whole and len(data) == content.size)


class _Walk:
    """All elements of a data set in the order of their bytes, going into every sequence."""

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data + bytes(12)
        self._size = len(data)
        self._at = offset
        has_vr = 0x40 < self._data[offset + 4] < 0x5B and 0x40 < self._data[offset + 5] < 0x5B
        little = not (self._data[offset] == 0 and self._data[offset + 1])
        self._dialect = el.dialect(explicit=has_vr, little=little)
        self.is_whole = False

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield tag and value; the value of what opens a sequence or item is empty."""
        dialect, data = self._dialect, self._data
        structure = {dialect.item, dialect.item_end, dialect.sequence_end}
        while self._at + 8 <= self._size:
            tag, length = dialect.plain.unpack_from(data, self._at)
            if tag in structure:
                self._at += 8
                yield dialect.swap(tag), b""
                continue
            tag, vr, value, length = el.element(dialect, data, self._at)
            if length == el.UNDEFINED or vr == dialect.sq or dialect.swap(tag) == 0x00041220:
                self._at = value
                continue
            if value + length > self._size:
                return
            self._at = value + length
            yield dialect.swap(tag), data[value : value + length]
        self.is_whole = True


def _references(walk: _Walk) -> Iterator[Reference]:
    record: dict[int, str] = {}
    series_number = ""
    for tag, value in walk:
        if tag == _RECORD_TYPE:
            if record:
                series_number = record.get(_SERIES_NUMBER, series_number)
                yield from _reference(record, series_number)
            record = {tag: _text(value)}
        elif record and tag in (_FILE_ID, _SERIES_NUMBER, _INSTANCE_NUMBER):
            record[tag] = _text(value)
    if record:
        yield from _reference(record, record.get(_SERIES_NUMBER, series_number))


def _reference(record: dict[int, str], series_number: str) -> Iterator[Reference]:
    file_id = record.get(_FILE_ID, "")
    if file_id.strip("\\ "):
        # Components are separated by backslashes; some writers use slashes or a leading one.
        path = file_id[1:] if file_id[:1] == "\\" and file_id[:2] != "\\\\" else file_id
        yield Reference(
            safe_path(path.replace("\\", "/")),
            record[_RECORD_TYPE],
            series_number,
            record.get(_INSTANCE_NUMBER, ""),
        )


def _text(value: bytes) -> str:
    return joined(value[:1024].decode("latin-1"))
