"""Big endian data sets rewritten as little endian ones (PS3.5 section A.3, retired)."""

from __future__ import annotations

import array
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, Final, NamedTuple

from emixcli.deid.body import Body
from emixcli.deid.pages import LARGE, write
from emixcli.deid.parse import LONG_VRS, MAX_DEPTH, UNDEFINED, VRS, encode
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.rest import MAX_REST, TRAILING_PADDING, is_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emixcli.deid.body import Made, Piece
    from emixcli.deid.pages import Pages

_HEAD: Final = struct.Struct(">HH2sH")
_ITEM: Final = struct.Struct(">HHI")
_LONG_HEAD: Final = 12
_MARK_LENGTH: Final = 8
#: The same in little endian: heads of elements, and of items and delimiters.
_SHORT: Final = struct.Struct("<HH2sH")
_LONG: Final = struct.Struct("<HH2sxxI")
_MARK: Final = struct.Struct("<HHI")
_LENGTH: Final = struct.Struct(">I")
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_ITEM_TAG: Final = 0xFFFEE000
_SEQUENCE_END: Final = 0xFFFEE0DD
#: Bytes that are turned round together.
_WIDTHS: Final = {
    "AT": 2, "FD": 8, "FL": 4, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "SL": 4, "SS": 2,
    "SV": 8, "UL": 4, "US": 2, "UV": 8,
}  # fmt: skip
_CODES: Final = {2: "H", 4: "I", 8: "Q"}


class Pixels(NamedTuple):
    """Where pixel data stands in the big endian file."""

    tag: int
    vr: str
    offset: int
    length: int


def swap(data: bytes | bytearray | memoryview, width: int) -> bytes:
    """Return values of so many bytes each, turned round; an incomplete last one is left out."""
    if width == 1:
        return bytes(data)
    values = array.array(_CODES[width], bytes(data[: len(data) // width * width]))
    values.byteswap()
    return values.tobytes()


def convert(data: Pages, at: int, made: IO[bytes]) -> tuple[int, Pixels | None]:
    """Write the elements before the pixel data in little endian; their lengths stay.

    Parameters
    ----------
    data, at
        A file, and where its data set begins.
    made
        An empty file.

    Returns
    -------
    tuple
        How many bytes were written, and where the pixel data is.

    Raises
    ------
    DeidError
        The elements cannot be told apart.
    """
    return _Converter(data, made).dataset(at)


class _Converter:
    """Converts one data set."""

    def __init__(self, data: Pages, made: IO[bytes]) -> None:
        self._data, self._made = data, made
        self._groups: set[int] = set()
        self._size = 0
        self._waiting = bytearray()

    def dataset(self, at: int) -> tuple[int, Pixels | None]:
        """See `convert`."""
        pixels = None
        while at < len(self._data):
            size = self._size + len(self._waiting)
            try:
                tag, vr, value, length = self._head(at)
                if tag in _PIXELS:
                    pixels = Pixels(tag, vr, value, length)
                    break
                at = self._element(tag, vr, value, length, 0)
            except DeidError:
                if not self._is_rest(at):
                    raise
                self._flush()
                self._size = size  # what was written of it is no part of the data set
                self._write(encode(TRAILING_PADDING, "OB", b"\1\1", explicit=True))
                break
            if tag >> 16 & 1:
                self._groups.add(tag >> 16)
        self._flush()
        return self._size, pixels

    def _is_rest(self, at: int) -> bool:
        end = len(self._data)
        if end - at > MAX_REST:
            return not any(chunk.strip(b"\0") for chunk in self._data.chunks(at, end))
        return is_rest(self._data[at:end], self._groups, explicit=True, order=">")

    def _head(self, at: int) -> tuple[int, str, int, int]:
        data = self._data[at : at + _LONG_HEAD]
        try:
            group, element, code, length = _HEAD.unpack_from(data)
            vr = VRS.get(code)
            if vr is None:
                raise DeidError(Reason.MALFORMED)
            if vr in LONG_VRS:
                length = _LENGTH.unpack_from(data, 8)[0]
                return group << 16 | element, vr, at + 12, length
        except struct.error:
            raise DeidError(Reason.TRUNCATED) from None
        return group << 16 | element, vr, at + 8, length

    def _element(self, tag: int, vr: str, value: int, length: int, depth: int) -> int:
        """Write an element; return the index behind it."""
        is_items = vr == "SQ" or (vr == "UN" and length == UNDEFINED)
        code = b"SQ" if is_items else vr.encode("ascii")
        if vr in LONG_VRS:
            self._write(_LONG.pack(tag >> 16, tag & 0xFFFF, code, length))
        else:
            self._write(_SHORT.pack(tag >> 16, tag & 0xFFFF, code, length))
        if is_items:
            return self._items(value, length, depth + 1)
        at = value + length
        if at > len(self._data):
            raise DeidError(Reason.TRUNCATED)
        width = _WIDTHS.get(vr, 1)
        whole = at - length % width
        if length <= LARGE:
            self._write(swap(self._data[value:whole], width))
        else:
            for chunk in self._data.chunks(value, whole):
                self._write(swap(chunk, width))
        self._write(bytes(at - whole))
        return at

    def _items(self, at: int, length: int, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise DeidError(Reason.TOO_DEEP)
        end = None if length == UNDEFINED else at + length
        while end is None or at < end:
            tag, item_length = self._mark(at)
            at += _MARK_LENGTH
            if tag == _ITEM_TAG:
                at = self._item(at, item_length, depth)
            elif tag != _SEQUENCE_END:
                raise DeidError(Reason.MALFORMED)
            elif end is None:
                break
        return at

    def _item(self, at: int, length: int, depth: int) -> int:
        end = None if length == UNDEFINED else at + length
        while end is None or at < end:
            if end is None and self._data[at : at + 4] == b"\xff\xfe\xe0\x0d":
                self._mark(at)
                return at + _MARK_LENGTH
            tag, vr, value, size = self._head(at)
            at = self._element(tag, vr, value, size, depth)
        return at

    def _mark(self, at: int) -> tuple[int, int]:
        """Write the tag and length of an item or delimiter; return them."""
        try:
            group, element, length = _ITEM.unpack(self._data[at : at + _MARK_LENGTH])
        except struct.error:
            raise DeidError(Reason.TRUNCATED) from None
        self._write(_MARK.pack(group, element, length))
        return group << 16 | element, length

    def _write(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) > LARGE:
            self._flush()

    def _flush(self) -> None:
        write(self._made, bytes(self._waiting), self._size)
        self._size += len(self._waiting)
        self._waiting.clear()


@dataclass(frozen=True)
class Mapped:
    """A part whose bytes are changed while they are read, in whole values of `width` bytes."""

    file: BinaryIO
    part: Piece | Made
    size: int
    width: int
    change: Callable[[bytes], bytes]

    def pieces(self) -> Iterator[Piece]:
        """Yield changed bytes; an incomplete last value becomes zeros."""
        rest = b""
        for chunk in Body((self.part,), self.size).read_from(self.file):
            data = rest + bytes(chunk)
            whole = len(data) // self.width * self.width
            yield self.change(data[:whole])
            rest = data[whole:]
        if rest:
            yield bytes(len(rest))

    def close(self) -> None:
        """Free what the part needs."""
        Body((self.part,)).close()
