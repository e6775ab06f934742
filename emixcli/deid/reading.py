"""Every text of a DICOM file, read with pydicom: the path that de-identification does not take."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from pydicom import dcmread
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue

from emixcli.syntaxes import DEFLATED_UID

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Values above this are not read: pixel data, documents. They are searched as bytes.
LARGE = 1 << 17
_CHUNK = 1 << 20
_TEXT = frozenset({
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR",
    "UT",
})  # fmt: skip
_CODED = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C, 0x5C, 0x5E, 0x3D}
_MAX_DEPTH = 64
#: Searched as bytes only.
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)


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
        Bytes as they stand.
    values
        Decoded, one string per value; () for binary ones.
    """

    path: tuple[int, ...]
    vr: str
    data: bytes
    values: tuple[str, ...]

    @property
    def tag(self) -> int:
        """Of the element itself."""
        return self.path[-1]


def open_dataset(file: BinaryIO) -> Dataset:
    """Read a file; values above `LARGE` are left out.

    Raises
    ------
    UnreadableError
        If pydicom cannot.
    """
    file.seek(0)
    try:
        return dcmread(file, force=True, defer_size=LARGE)
    except Exception:  # noqa: BLE001 - it raises what it likes, with values in it
        raise UnreadableError from None


def iter_texts(ds: Dataset, *, known: set[int] | None = None) -> Iterator[Text]:
    """Yield every element that can hold text, file meta and nested ones included.

    Parameters
    ----------
    known
        Hashes of elements that were met before; those are left out, and new ones added. So of a
        series only what differs is read.
    """
    if hasattr(ds, "file_meta"):
        yield from _walk(ds.file_meta, (), ["iso8859"], known)
    yield from _walk(ds, (), ["iso8859"], known)


def _walk(
    ds: Dataset, path: tuple[int, ...], encodings: list[str], known: set[int] | None
) -> Iterator[Text]:
    encodings = _encodings(ds, encodings)
    for tag in sorted(ds._dict):  # noqa: SLF001 - the raw elements; `ds[tag]` converts each
        element = cast("DataElement | RawDataElement", ds.get_item(tag, keep_deferred=True))
        here = (*path, int(tag))
        raw = element.value if isinstance(element, RawDataElement) else None
        if isinstance(raw, bytes):
            mark = hash((here, element.VR, raw, *encodings))
            if known is not None and not int(tag) >> 16 & 1:  # private: creators are needed
                if mark in known:
                    continue
                known.add(mark)
        vr = _true_vr(int(tag), element)
        items = _items(ds, element, vr)
        if items is not None:
            # The sequence itself, for rules that remove it whole.
            yield Text(here, "SQ", b"\1" if items else b"", ())
            for item in items if len(path) < _MAX_DEPTH else ():
                yield from _walk(item, here, encodings, known)
        elif isinstance(raw, bytes):
            text = () if int(tag) in _PIXELS else _decode(raw, vr, encodings)
            yield Text(here, vr, raw, text)
        elif element.value is not None:
            yield Text(here, vr, str(element.value).encode(), _strings(element.value))


def _encodings(ds: Dataset, inherited: list[str]) -> list[str]:
    try:
        if 0x00080005 not in ds:
            return inherited
        value = ds.get_item(0x00080005).value
        names = value.decode("latin-1").split("\\") if isinstance(value, bytes) else value
        names = [names] if isinstance(names, str) else list(names)
        return convert_encodings([name.strip(" \0") for name in names])
    except Exception:  # noqa: BLE001 - an unknown name: search as Latin-1, which loses no byte
        return inherited


def _true_vr(tag: int, element: DataElement | RawDataElement) -> str:
    try:
        vr = dictionary_VR(tag)
        return vr if len(vr) == 2 else str(element.VR)
    except KeyError:
        return str(element.VR or "UN")


def _items(ds: Dataset, element: DataElement | RawDataElement, vr: str) -> list[Dataset] | None:
    """Return the items of a sequence, also of one in a UN element; None for other elements."""
    if not isinstance(element, RawDataElement):
        return list(element.value) if element.VR == "SQ" else None
    value = element.value
    if element.VR == "SQ" or (vr == "SQ" and not isinstance(value, bytes)):
        try:
            return list(ds[element.tag].value)
        except Exception:  # noqa: BLE001 - damaged: its bytes are searched
            return None
    is_un = element.VR not in {"OB", "OW"}
    if is_un and isinstance(value, bytes) and value[:4] == b"\xfe\xff\x00\xe0":
        return _implicit_items(value)
    return None


def _implicit_items(value: bytes) -> list[Dataset] | None:
    """Read bytes as a sequence in implicit VR (PS3.5 section 6.2.2, note on UN)."""
    wrapped = b"\x08\x00\x40\x11" + len(value).to_bytes(4, "little") + value
    try:
        ds = read_dataset(io.BytesIO(wrapped), is_implicit_VR=True, is_little_endian=True)
        return list(ds[0x00081140].value)
    except Exception:  # noqa: BLE001 - it was none
        return None


def _decode(raw: bytes, vr: str, encodings: list[str]) -> tuple[str, ...]:
    if vr not in _TEXT and vr not in {"UN", "OB", "OW"}:
        return ()
    if vr in _CODED or (vr not in _TEXT and _is_text(raw)):
        try:
            text = decode_bytes(raw, encodings, _DELIMITERS)
        except Exception:  # noqa: BLE001 - wrongly encoded: no byte is lost as Latin-1
            text = raw.decode("latin-1")
    elif vr in _TEXT:
        text = raw.decode("latin-1")
    else:
        return ()
    if vr in {"LT", "ST", "UT", "UR"}:
        return (text.strip(" \0"),)
    return tuple(part.strip(" \0") for part in text.split("\\"))


def _is_text(raw: bytes) -> bool:
    return len(raw) < 4096 and raw.rstrip(b" \0").isascii()


def _strings(value: object) -> tuple[str, ...]:
    if isinstance(value, bytes):
        return ()
    if isinstance(value, list | tuple | MultiValue):
        return tuple(str(part) for part in value)
    return (str(value),)


class Piece(NamedTuple):
    """Bytes of a stream.

    Parameters
    ----------
    start
        Where they begin in it.
    pixels
        Where what is no header begins in it; None: nowhere.
    """

    start: int
    data: bytes
    pixels: int | None


def iter_bytes(file: BinaryIO, pixels: int | None) -> Iterator[Piece]:
    """Yield the file in pieces that overlap, a deflated data set inflated too.

    Parameters
    ----------
    pixels
        From `pixels_from`.
    """
    deflated = _deflated_from(file)
    yield from _overlapping(_read(file), deflated or pixels)
    if deflated:
        yield from _overlapping(_inflate(file, deflated), pixels)


def pixels_from(ds: Dataset) -> int | None:
    """Return where the value of pixel data begins in a file; in the inflated one if deflated."""
    for tag in _PIXELS:
        if tag in ds:
            element = cast("DataElement | RawDataElement", ds.get_item(tag, keep_deferred=True))
            return element.value_tell if isinstance(element, RawDataElement) else None
    return None


_OVERLAP = 256


def _overlapping(pieces: Iterator[bytes], pixels: int | None) -> Iterator[Piece]:
    tail, start = b"", 0
    for piece in pieces:
        yield Piece(start - len(tail), tail + piece, pixels)
        start += len(piece)
        tail = piece[-_OVERLAP:]


def _read(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_CHUNK):
        yield piece


def _deflated_from(file: BinaryIO) -> int:
    """Return where a deflated data set starts, 0 where there is none."""
    file.seek(0)
    start = file.read(1024)
    if DEFLATED_UID.encode() not in start or start[128:132] != b"DICM":
        return 0
    return 144 + int.from_bytes(start[140:144], "little")


def _inflate(file: BinaryIO, start: int) -> Iterator[bytes]:
    file.seek(start)
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while piece := file.read(_CHUNK):
            out = stream.decompress(piece, _CHUNK)
            yield out
            while stream.unconsumed_tail:
                yield stream.decompress(stream.unconsumed_tail, _CHUNK)
    except zlib.error:
        return
