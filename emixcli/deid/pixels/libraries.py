"""Blackening regions of frames that only a codec library can code again without loss.

JPEG-LS needs `pyjpegls`, JPEG 2000 `pylibjpeg-openjpeg`: the optional part `codecs`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from emixcli.deid.pixels.errors import damaged, unsupported
from emixcli.deid.pixels.markers import segments
from emixcli.deid.pixels.native import black_samples, layout
from emixcli.deid.pixels.syntaxes import Codec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emixcli.deid.pixels.facts import Facts, Region


def changer(
    kind: Codec, facts: Facts, regions: Sequence[Region]
) -> Callable[[bytes], bytes | None]:
    """Return what codes one frame again with regions black.

    Raises
    ------
    PixelError
        If frames of this kind cannot be cleaned.
    """
    if kind is Codec.JPEG_LS:
        return lambda frame: _blacken_jpeg_ls(frame, facts, regions)
    if kind is Codec.JPEG_2000:
        return lambda frame: _blacken_jpeg_2000(frame, facts, regions)
    raise unsupported(kind.value)


def deflated_changer(facts: Facts, regions: Sequence[Region]) -> Callable[[bytes], bytes | None]:
    """Return what blackens regions of a deflated frame, or takes off bytes behind it."""
    if facts.has_embedded_overlay:
        raise unsupported("an overlay in unused bits of compressed pixels")
    return lambda frame: _change_deflated(frame, facts, regions)


def _change_deflated(frame: bytes, facts: Facts, regions: Sequence[Region]) -> bytes | None:
    form = layout(facts, facts.rows * facts.columns * facts.samples * facts.frames * 8)
    inflater = zlib.decompressobj(-15)
    try:
        data = bytearray(inflater.decompress(frame, form.frame_bytes + 1))
    except zlib.error:
        raise damaged() from None
    if len(data) != form.frame_bytes or not inflater.eof:
        raise damaged()
    if not regions:
        rest = inflater.unused_data
        return None if rest in {b"", b"\0"} else frame[: len(frame) - len(rest)]
    for number, black in enumerate(form.black):
        for top, bottom, left, right in form.spans(regions):
            for row in range(top, bottom):
                at = number * form.plane_bytes + row * form.line_bytes
                size = len(black)
                data[at + left * size : at + right * size] = black * (right - left)
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    return deflater.compress(bytes(data)) + deflater.flush()


def _blacken_jpeg_ls(frame: bytes, facts: Facts, regions: Sequence[Region]) -> bytes:
    import jpeg_ls

    for marker, start, end in segments(frame):
        if marker == 0xF7 and _size(frame[start + 4 : end]) != (facts.rows, facts.columns):
            raise damaged()
    try:
        pixels, header = jpeg_ls.decode_buffer(frame)
    except (RuntimeError, ValueError, KeyError):
        raise damaged() from None
    rows, columns, count = header["height"], header["width"], header["components"]
    if header["allowed_lossy_error"]:
        raise unsupported("a JPEG-LS image with losses")
    if (rows, columns, count) != (facts.rows, facts.columns, facts.samples):
        raise damaged()
    bits, planar = header["bits_per_sample"], header["interleave_mode"] == 0
    shape = (count, rows, columns) if planar else (rows, columns, count)
    values = _samples(bytes(pixels), bits, shape)
    _paint(values.transpose(1, 2, 0) if planar else values, facts, regions, bits=bits)
    mode = header["interleave_mode"]
    try:
        coded = jpeg_ls.encode_buffer(
            values.tobytes(), rows, columns, count, bits, interleave_mode=mode
        )
    except (RuntimeError, ValueError):
        raise damaged() from None
    return bytes(coded)


def _blacken_jpeg_2000(frame: bytes, facts: Facts, regions: Sequence[Region]) -> bytes:
    from openjpeg import utils

    try:
        header = utils.get_parameters(frame)
        if (header["rows"], header["columns"]) != (facts.rows, facts.columns):
            raise damaged()
        values = utils.decode(frame).copy()
    except (RuntimeError, ValueError, KeyError):
        raise damaged() from None
    if not _is_reversible(frame):
        raise unsupported("a JPEG 2000 image with losses")
    bits = int(header["precision"])
    shown = values if values.ndim == 3 else values[:, :, None]
    _paint(shown, facts, regions, bits=bits)
    transformed = facts.text("PhotometricInterpretation") == "YBR_RCT"
    try:
        return utils.encode_array(
            values,
            bits_stored=bits,
            photometric_interpretation=1 if transformed else 0,
            use_mct=transformed,
        )
    except (RuntimeError, ValueError):
        raise damaged() from None


def _size(body: bytes) -> tuple[int, int]:
    """Return the rows and columns that a SOF segment's body says."""
    return int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")


def _is_reversible(frame: bytes) -> bool:
    """Whether the default coding style names the reversible transform (ISO 15444-1 A.6.1)."""
    at = 2
    while at + 4 <= len(frame) and frame[at : at + 2] != b"\xff\x90":
        if frame[at + 1] == 0x52:
            return frame[at + 13 : at + 14] == b"\1"
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return False


def _samples(data: bytes, bits: int, shape: tuple[int, ...]) -> NDArray[Any]:
    import numpy as np

    try:
        return np.frombuffer(data, np.uint8 if bits <= 8 else "<u2").reshape(shape).copy()
    except ValueError:
        raise damaged() from None


def _paint(values: NDArray[Any], facts: Facts, regions: Sequence[Region], *, bits: int) -> None:
    """Blacken regions of decoded pixels (rows, columns, samples), in place."""
    import numpy as np

    black = np.array(black_samples(facts), np.uint64)
    if values.dtype.kind == "u":
        black &= np.uint64((1 << bits) - 1)
    if len(black) != values.shape[2]:
        raise damaged()
    painted = black.astype(values.dtype)
    if values.dtype.kind == "i":  # the code stream may have fewer bits than the header says
        painted = np.maximum(painted, -(1 << (bits - 1))).astype(values.dtype)
    for region in regions:
        values[region.y0 : region.y1, region.x0 : region.x1] = painted
