"""Decoded frames, for looking at; what goes into the output is never decoded here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from emixcli.deid.pixels.encapsulated import Encapsulated, read_encapsulated, read_frame
from emixcli.deid.pixels.errors import damaged, unsupported
from emixcli.deid.pixels.native import layout, read_into
from emixcli.deid.pixels.syntaxes import Codec, codec
from emixcli.syntaxes import EXPLICIT_LITTLE_UID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emixcli.deid.pixels.facts import Facts

_UNDEFINED: Final = 0xFFFFFFFF


class Frames:
    """The frames of one object, decoded one at a time.

    Raises
    ------
    PixelError
        If they cannot be told apart or decoded.
    """

    def __init__(self, facts: Facts, file: BinaryIO, start: int, length: int) -> None:
        self._facts = facts
        self._file = file
        self._start = start
        self._length = length
        self._items: Encapsulated | None = None
        if length == _UNDEFINED:
            self._items = read_encapsulated(file, start, facts)
        elif codec(facts.transfer_syntax_uid) not in {Codec.NATIVE, Codec.OTHER}:
            raise damaged()

    def __len__(self) -> int:
        return self._facts.frames

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Return stored values (rows, columns, samples), as the file has them."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        facts = self._facts
        if self._items is not None:
            frame = read_frame(self._file, self._items.frames[index])
            return _decode(frame, facts, facts.transfer_syntax_uid)
        if facts.big_endian:
            raise unsupported("pixels in big endian order")
        size = layout(facts, self._length).frame_bytes
        if (index + 1) * size > self._length:
            raise damaged()
        raw = bytearray(size)
        read_into(self._file, self._start + index * size, memoryview(raw))
        return _decode(bytes(raw), facts, EXPLICIT_LITTLE_UID)


def _decode(frame: bytes, facts: Facts, syntax: str) -> NDArray[Any]:
    """Return the values of one frame, colours as they are coded.

    Lossless JPEG, which heads often have, needs no library; for the rest there is pydicom.
    """
    if codec(syntax) is Codec.JPEG_LOSSLESS:
        from emixcli.deid.pixels.jpeg_lossless import decode_lossless

        return _signed(decode_lossless(frame, size=(facts.rows, facts.columns)), facts)
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    try:
        decoder = get_decoder(UID(syntax))
    except NotImplementedError:
        raise unsupported("this compression") from None
    if not decoder.is_available:
        raise unsupported("a compression without an installed decoder")
    options: dict[str, Any] = {
        "rows": facts.rows,
        "columns": facts.columns,
        "number_of_frames": 1,
        "samples_per_pixel": facts.samples,
        "bits_allocated": facts.integer("BitsAllocated"),
        "bits_stored": facts.integer("BitsStored") or facts.integer("BitsAllocated"),
        "pixel_representation": facts.integer("PixelRepresentation"),
        "photometric_interpretation": facts.text("PhotometricInterpretation"),
        "pixel_keyword": "PixelData",
    }
    if facts.samples > 1:
        options["planar_configuration"] = facts.integer("PlanarConfiguration")
    source = encapsulate([frame]) if UID(syntax).is_encapsulated else frame
    try:
        values: NDArray[Any] = decoder.as_array(source, raw=True, **options)[0]
    except Exception:  # noqa: BLE001  # decoders raise what they like, and quote what they read
        raise damaged() from None
    return values.reshape((facts.rows, facts.columns, -1))


def _signed(values: NDArray[Any], facts: Facts) -> NDArray[Any]:
    """Return stored values with their sign (PS3.5 section 8.1.1)."""
    if facts.integer("PixelRepresentation") != 1:
        return values
    bits = facts.integer("BitsStored") or facts.integer("BitsAllocated")
    low = values & ((1 << bits) - 1)
    signed: NDArray[Any] = low - ((low >> (bits - 1)) << bits)
    return signed
