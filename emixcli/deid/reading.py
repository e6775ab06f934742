"""Every text of a DICOM file, read with pydicom: the path that de-identification does not take.

Elements come in runs and items one by one, so that memory does not follow the size of a file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, cast

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial, read_sequence
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from emixcli.deid import longtext
from emixcli.deid.rawbytes import inflated
from emixcli.deid.runs import (
    LARGE,
    Element,
    Encoding,
    Head,
    Run,
    has_items,
    is_implicit,
    iter_items,
    iter_runs,
)

if TYPE_CHECKING:
    from emixcli.deid.marks import Marks

_TEXT: Final = frozenset({
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR",
    "UT",
})  # fmt: skip
_CODED: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_SINGLE: Final = frozenset({"LT", "ST", "UT", "UR"})
_DELIMITERS: Final = {0x0D, 0x0A, 0x09, 0x0C, 0x5C, 0x5E, 0x3D}
_MAX_DEPTH: Final = 64
_CHARACTER_SET: Final = 0x00080005
_DEFAULT: Final = ("iso8859",)
#: Searched as bytes only.
PIXELS: Final = (0x7FE00010, 0x7FE00008, 0x7FE00009)
#: What tells of an object as a whole.
_HEADER: Final = (
    0x00080018, 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, 0x00280100, *PIXELS,
)  # fmt: skip
#: Of preamble, file meta and commands, which pydicom reads whole.
_MAX_START: Final = 1 << 21
_EMPTY_DEFLATED: Final = b"\3\0"


class UnreadableError(Exception):
    """pydicom cannot read the file; why, is not told, since that could hold a value."""


class Text(NamedTuple):
    """The value of one element.

    Parameters
    ----------
    path
        Tags from the top, without item numbers.
    vr
        As the standard's dictionary says; as the file does, for private and unknown ones.
    data
        Bytes as they stand; of a long value what stands for it (`longtext.stand_in`).
    values
        Decoded, one string per value; () for binary and for long ones.
    creator
        Of a private element, as its item or the data set says.
    pieces
        Gives the text of a long value, until the next element is asked for.
    """

    path: tuple[int, ...]
    vr: str
    data: bytes
    values: tuple[str, ...]
    creator: str = ""
    pieces: Callable[[], Iterator[str]] | None = None

    @property
    def tag(self) -> int:
        """Of the element itself."""
        return self.path[-1]

    def iter_values(self) -> Iterator[str]:
        """Yield its values, also those of a long one, but for single values that are long."""
        if self.pieces is None:
            yield from self.values
        elif self.vr not in _SINGLE:
            yield from longtext.iter_values(self.pieces(), LARGE)


class Source:
    """An open file.

    Attributes
    ----------
    header
        File meta, and what tells of the object as a whole, once all texts were read; pixel data
        has no value if it is large.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        opening = _Opening(file)
        # Nothing of the data set, beside its file meta and commands.
        start = read_partial(cast("BinaryIO", opening), lambda *_: True, force=True)
        self._commands = _raw(start)
        implicit, little = start.original_encoding
        self._start = file.tell()
        self._file, self._is_deflated = file, opening.deflated is not None
        if opening.deflated is not None:
            self._file, self._start = cast("BinaryIO", inflated(file, opening.deflated)), 0
        self._file.seek(self._start)
        implicit = is_implicit(self._file, default=bool(implicit))
        self._encoding = Encoding(implicit, bool(little))
        self.header = Dataset()
        self.header.file_meta = start.file_meta

    def iter_runs(self) -> Iterator[Run]:
        """Yield the data set, and fill `header`."""
        header = _raw(self.header)
        self._file.seek(self._start)
        before = self._commands
        for elements, large in iter_runs(self._file, self._encoding, None):
            header.update((BaseTag(tag), elements[tag]) for tag in _HEADER if tag in elements)
            if large is not None and large.tag in PIXELS:
                header[BaseTag(large.tag)] = large.element()
            yield Run(elements | before, large)
            before = {}
        if before:
            yield Run(before, None)

    @property
    def file(self) -> BinaryIO:
        """Where the data set stands."""
        return self._file

    def close(self) -> None:
        """Remove the temporary file of a deflated data set."""
        if self._is_deflated:
            self._file.close()


class _Opening:
    """A file of which pydicom reads the start.

    Attributes
    ----------
    deflated
        Where a deflated data set begins.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.deflated: int | None = None
        self.seek, self.tell, self._read = file.seek, file.tell, file.read
        self._left = _MAX_START

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes; all are asked for only of a deflated data set."""
        if size < 0:
            self.deflated = self.tell()
            return _EMPTY_DEFLATED
        data = self._read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise EOFError
        return data


def open_dataset(file: BinaryIO) -> closing[Source]:
    """Open a file.

    Raises
    ------
    UnreadableError
        If pydicom cannot read its start.
    """
    try:
        return closing(Source(file))
    except Exception:  # noqa: BLE001 - it raises what it likes, with values in it
        raise UnreadableError from None


def iter_texts(source: Source, marks: Marks) -> Iterator[Text]:
    """Yield every element that can hold text, file meta and nested ones included.

    Parameters
    ----------
    marks
        Elements that were met before, which are left out; others are added.

    Raises
    ------
    UnreadableError
        If pydicom cannot read all.
    """
    walk = _Walk(source.file, marks)
    meta = _raw(source.header.file_meta)
    try:
        yield from walk.elements(meta, (), _DEFAULT, {})
        yield from walk.data_set(source.iter_runs(), (), _DEFAULT)
    except Exception:  # noqa: BLE001 - as above
        raise UnreadableError from None


def pixels_from(header: Dataset) -> int | None:
    """Return where the value of pixel data begins in a file; in the inflated one if deflated."""
    for tag in PIXELS:
        if tag in header:
            element = _raw(header)[tag]
            return element.value_tell if isinstance(element, RawDataElement) else None
    return None


class _Walk:
    """Goes through the elements of a file."""

    def __init__(self, file: BinaryIO, marks: Marks) -> None:
        self._file = file
        self._marks = marks

    def data_set(
        self, runs: Iterator[Run], path: tuple[int, ...], encodings: tuple[str, ...]
    ) -> Iterator[Text]:
        """Yield the texts of a data set, or of an item."""
        creators: dict[int, str] = {}
        for elements, large in runs:
            encodings = _encodings(elements, encodings)
            yield from self.elements(elements, path, encodings, creators)
            if large is not None:
                yield from self._large(large, path, encodings, creators)

    def elements(
        self,
        elements: dict[int, Element],
        path: tuple[int, ...],
        encodings: tuple[str, ...],
        creators: dict[int, str],
    ) -> Iterator[Text]:
        """Yield the texts of some elements of a data set; adds to `creators`."""
        for tag in sorted(elements):
            element = elements[tag]
            here = (*path, int(tag))
            raw = element.value if isinstance(element, RawDataElement) else None
            is_private = tag >> 16 & 1
            # Of private ones, creators are needed.
            if (
                isinstance(raw, bytes)
                and not is_private
                and not self._is_new(here, element, encodings)
            ):
                continue
            vr = _true_vr(int(tag), element.VR)
            creator = _creator(tag, creators) if is_private else ""
            items = _items(element, vr, encodings)
            if items is not None:
                # The sequence itself, for rules that remove it whole.
                yield Text(here, "SQ", b"\1" if items else b"", (), creator)
                for item in items if len(path) < _MAX_DEPTH else ():
                    inner = _raw(item)
                    yield from self.elements(inner, here, _encodings(inner, encodings), {})
            elif isinstance(raw, bytes):
                values = () if tag in PIXELS else _decode(raw, vr, encodings)
                if is_private and values and 0x10 <= tag & 0xFFFF <= 0xFF:
                    creators[tag] = values[0]
                yield Text(here, vr, raw, values, creator)
            elif element.value is not None:
                data = str(element.value).encode()
                yield Text(here, vr, data, _strings(element.value), creator)

    def _is_new(self, here: tuple[int, ...], element: Element, encodings: tuple[str, ...]) -> bool:
        return self._marks.is_new(hash((here, element.VR, element.value, encodings)))

    def _large(
        self,
        head: Head,
        path: tuple[int, ...],
        encodings: tuple[str, ...],
        creators: dict[int, str],
    ) -> Iterator[Text]:
        """Yield the texts of a large value, at which the file stands."""
        here = (*path, head.tag)
        text = Text(here, _true_vr(head.tag, head.vr), b"", (), _creator(head.tag, creators))
        encoding = head.encoding
        if head.end is not None and head.vr != "SQ":
            has_none = head.vr in {"OB", "OW"} or head.tag in PIXELS or not has_items(self._file)
            if has_none and (path or head.tag not in PIXELS):
                yield from self._long(head, text, encodings)
            if has_none:
                return
            encoding = Encoding(implicit=True, little=True)
        try:
            yield from self._sequence(encoding, head.end, text, encodings)
        except Exception:
            if head.end is None:
                raise
            # Damaged: its bytes are searched.

    def _sequence(
        self, encoding: Encoding, end: int | None, text: Text, encodings: tuple[str, ...]
    ) -> Iterator[Text]:
        is_empty = True
        for item, item_end in iter_items(self._file, encoding, end):
            if is_empty:
                yield text._replace(vr="SQ", data=b"\1")
            is_empty = False
            runs = iter_runs(self._file, item, item_end)
            for inner in self.data_set(runs, text.path, encodings):
                if len(text.path) <= _MAX_DEPTH:
                    yield inner
        if is_empty:
            yield text._replace(vr="SQ")

    def _long(self, head: Head, text: Text, encodings: tuple[str, ...]) -> Iterator[Text]:
        """Yield what stands for a long value, with its text in pieces."""
        file, vr = self._file, text.vr
        end = longtext.stripped_end(file, head.at, cast("int", head.end))
        if end - head.at <= LARGE:
            file.seek(head.at)
            data = file.read(end - head.at)
            yield text._replace(data=data, values=_decode(data, vr, encodings))
            return
        decode = partial(_decode_text, vr=vr, encodings=encodings)
        pieces = partial(longtext.iter_pieces, file, head.at, end, decode) if vr in _TEXT else None
        yield text._replace(data=longtext.stand_in(file, head.at, end), pieces=pieces)


def _raw(ds: Dataset) -> dict[int, Element]:
    """Return the elements of a data set as they stand; `ds[tag]` converts each."""
    return cast("dict[int, Element]", ds._dict)  # noqa: SLF001 - there is no other way


def _creator(tag: int, creators: dict[int, str]) -> str:
    return creators.get(tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8, "")


def _encodings(elements: dict[int, Element], inherited: tuple[str, ...]) -> tuple[str, ...]:
    element = elements.get(_CHARACTER_SET)
    if element is None:
        return inherited
    value: Any = element.value
    try:
        names = value.decode("latin-1").split("\\") if isinstance(value, bytes) else value
        names = [names] if isinstance(names, str) else list(names)
        return tuple(convert_encodings([name.strip(" \0") for name in names]))
    except Exception:  # noqa: BLE001 - an unknown name: search as Latin-1, which loses no byte
        return inherited


@lru_cache(4096)
def _true_vr(tag: int, said: str | None) -> str:
    try:
        vr = dictionary_VR(tag)
        return vr if len(vr) == 2 else str(said)
    except KeyError:
        return str(said or "UN")


def _items(element: Element, vr: str, encodings: tuple[str, ...]) -> list[Dataset] | None:
    """Return the items of a small sequence, also of one in a UN element; None for other ones."""
    value: Any = element.value
    if not isinstance(element, RawDataElement):
        return list(value) if element.VR == "SQ" else None
    if element.VR == "SQ":
        encoding = Encoding(element.is_implicit_VR, element.is_little_endian)
        return _read_items(value or b"", encoding, encodings)
    is_un = element.VR not in {"OB", "OW"}
    if is_un and isinstance(value, bytes) and value[:4] == b"\xfe\xff\x00\xe0":
        # In implicit VR (PS3.5 section 6.2.2, note on UN).
        return _read_items(value, Encoding(implicit=True, little=True), encodings)
    return [] if vr == "SQ" and value is None else None


def _read_items(
    value: bytes, encoding: Encoding, encodings: tuple[str, ...]
) -> list[Dataset] | None:
    try:
        return list(read_sequence(io.BytesIO(value), *encoding, len(value), list(encodings)))
    except Exception:  # noqa: BLE001 - damaged, or none: its bytes are searched
        return None


def _decode(raw: bytes, vr: str, encodings: tuple[str, ...]) -> tuple[str, ...]:
    if vr not in _TEXT and (vr not in {"UN", "OB", "OW"} or not _is_text(raw)):
        return ()
    text = _decode_text(raw, vr, encodings)
    if vr in _SINGLE:
        return (text.strip(" \0"),)
    return tuple(part.strip(" \0") for part in text.split("\\"))


def _decode_text(raw: bytes, vr: str, encodings: tuple[str, ...]) -> str:
    if vr in _CODED or vr not in _TEXT:
        try:
            return decode_bytes(raw, encodings, _DELIMITERS)
        except Exception:  # noqa: BLE001 - wrongly encoded: no byte is lost as Latin-1
            return raw.decode("latin-1")
    return raw.decode("latin-1")


def _is_text(raw: bytes) -> bool:
    return len(raw) < 4096 and raw.rstrip(b" \0").isascii()


def _strings(value: object) -> tuple[str, ...]:
    if isinstance(value, bytes):
        return ()
    if isinstance(value, list | tuple | MultiValue):
        return tuple(str(part) for part in value)
    return (str(value),)
