"""Big endian data sets rewritten as little endian ones (PS3.5 section A.3, retired)."""

from __future__ import annotations

import array
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from emixcli.deid.body import Body
from emixcli.deid.parse import LONG_VRS, MAX_DEPTH, UNDEFINED, VRS, encode, encode_item
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.rest import TRAILING_PADDING, is_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emixcli.deid.body import Made, Piece

_HEAD: Final = struct.Struct(">HH2sH")
_ITEM: Final = struct.Struct(">HHI")
_LENGTH: Final = struct.Struct(">I")
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_ITEM_TAG: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
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


class Converter:
    """Converts one data set, of which at least the header is in `data`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._groups: set[int] = set()

    def dataset(self, at: int, *, is_all: bool = True) -> tuple[bytes, Pixels | None]:
        """Return the elements before the pixel data, and where that is.

        Parameters
        ----------
        is_all
            Whether `data` holds the file to its end.

        Raises
        ------
        DeidError
            `Reason.TRUNCATED` if `data` ends before.
        """
        made: list[bytes] = []
        while at < len(self._data):
            try:
                tag, vr, value, length = self._head(at)
                if tag in _PIXELS:
                    return b"".join(made), Pixels(tag, vr, value, length)
                content, at = self._element(tag, vr, value, length, 0)
            except DeidError:
                if is_all and is_rest(self._data[at:], self._groups, explicit=True, order=">"):
                    made.append(encode(TRAILING_PADDING, "OB", b"\1\1", explicit=True))
                    break
                raise
            if tag >> 16 & 1:
                self._groups.add(tag >> 16)
            made.append(content)
        return b"".join(made), None

    def _head(self, at: int) -> tuple[int, str, int, int]:
        try:
            group, element, code, length = _HEAD.unpack_from(self._data, at)
            vr = VRS.get(code)
            if vr is None:
                raise DeidError(Reason.MALFORMED)
            if vr in LONG_VRS:
                length = _LENGTH.unpack_from(self._data, at + 8)[0]
                return group << 16 | element, vr, at + 12, length
        except struct.error:
            raise DeidError(Reason.TRUNCATED) from None
        return group << 16 | element, vr, at + 8, length

    def _element(self, tag: int, vr: str, value: int, length: int, depth: int) -> tuple[bytes, int]:
        if vr == "SQ" or (vr == "UN" and length == UNDEFINED):
            content, at = self._items(value, length, depth + 1)
            return encode(tag, "SQ", content, explicit=True), at
        at = value + length
        if at > len(self._data):
            raise DeidError(Reason.TRUNCATED)
        raw = swap(self._data[value:at], _WIDTHS.get(vr, 1))
        return encode(tag, vr, raw, explicit=True), at

    def _items(self, at: int, length: int, depth: int) -> tuple[bytes, int]:
        if depth > MAX_DEPTH:
            raise DeidError(Reason.TOO_DEEP)
        end = None if length == UNDEFINED else at + length
        made: list[bytes] = []
        while end is None or at < end:
            tag, item_length, at = self._mark(at)
            if tag == _SEQUENCE_END:
                break
            if tag != _ITEM_TAG:
                raise DeidError(Reason.MALFORMED)
            content, at = self._item(at, item_length, depth)
            made.append(encode_item(content))
        return b"".join(made), at

    def _item(self, at: int, length: int, depth: int) -> tuple[bytes, int]:
        end = None if length == UNDEFINED else at + length
        made: list[bytes] = []
        while end is None or at < end:
            if end is None and self._data[at : at + 4] == b"\xff\xfe\xe0\x0d":
                return b"".join(made), at + 8
            tag, vr, value, size = self._head(at)
            content, at = self._element(tag, vr, value, size, depth)
            made.append(content)
        return b"".join(made), at

    def _mark(self, at: int) -> tuple[int, int, int]:
        try:
            group, element, length = _ITEM.unpack_from(self._data, at)
        except struct.error:
            raise DeidError(Reason.TRUNCATED) from None
        return group << 16 | element, length, at + 8


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
