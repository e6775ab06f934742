"""Compressed images whose code streams and fragments carry text, and overlays in pixel bits."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from tests.planted import common, font
from tests.planted.edges import Edge, plain
from tests.planted.ledger import Clause, Ledger

_SIDE = 64
_ITEM = b"\xfe\xff\x00\xe0"
_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def picture() -> NDArray[np.uint16]:
    """Return what all compressed images here show."""
    return (np.add.outer(np.arange(_SIDE), np.arange(_SIDE)) * 9).astype("<u2")


def _compressed(ledger: Ledger, study: FileDataset, syntax: str) -> tuple[FileDataset, bytes]:
    """Return an image with its one frame, compressed by pydicom's encoders."""
    ds = plain(ledger, study)
    common.grey(ds, _SIDE, _SIDE, picture().tobytes())
    ds.compress(syntax, generate_instance_uid=False)
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    return ds, frame


def _close(ds: FileDataset, pixels: bytes) -> bytes:
    ds.PixelData = pixels
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return common.to_bytes(ds)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _item(content: bytes) -> bytes:
    content += b"\0" * (len(content) % 2)
    return _ITEM + struct.pack("<I", len(content)) + content


def jpeg_ls_comment(ledger: Ledger, study: FileDataset) -> bytes:
    """A comment segment after the start of a JPEG-LS image."""
    ds, frame = _compressed(ledger, study, JPEGLSLossless)
    text = ledger.text("JPEG-LS comment", Clause.CODESTREAM).encode()
    return _close(ds, encapsulate([frame[:2] + _segment(0xFE, text) + frame[2:]]))


def jpeg_2000_comment(ledger: Ledger, study: FileDataset) -> bytes:
    """A comment segment after the SIZ segment of a JPEG 2000 code stream (ISO 15444-1 A.9.2)."""
    ds, frame = _compressed(ledger, study, JPEG2000Lossless)
    text = b"\0\1" + ledger.text("JPEG 2000 comment", Clause.CODESTREAM).encode()
    at = 4 + struct.unpack(">H", frame[4:6])[0]
    return _close(ds, encapsulate([frame[:at] + _segment(0x64, text) + frame[at:]]))


def after_the_image(syntax: str) -> Callable[[Ledger, FileDataset], bytes]:
    """Return a maker of an image whose last fragment goes on with text."""

    def make(ledger: Ledger, study: FileDataset) -> bytes:
        ds, frame = _compressed(ledger, study, syntax)
        text = ledger.text("after the end of the image", Clause.CODESTREAM).encode()
        return _close(ds, encapsulate([frame + text]))

    return make


def extra_fragment(ledger: Ledger, study: FileDataset) -> bytes:
    """A fragment after the last frame."""
    ds, frame = _compressed(ledger, study, RLELossless)
    text = ledger.text("extra fragment", Clause.CODESTREAM).encode()
    return _close(ds, _item(b"") + _item(frame) + _item(text))


def offset_table(ledger: Ledger, study: FileDataset) -> bytes:
    """Text where the offset table should be."""
    ds, frame = _compressed(ledger, study, JPEGLSLossless)
    text = ledger.text("offset table", Clause.CODESTREAM).encode()
    return _close(ds, _item(text) + _item(frame))


def overlay_in_pixels(ledger: Ledger, study: FileDataset) -> bytes:
    """An overlay in bit 15 of the pixels, as older devices write it (PS3.5 section 8.1.2)."""
    ds = plain(ledger, study)
    ds.Rows, ds.Columns = 16, 96
    pixels = np.tile(np.arange(96, dtype="<u2"), (16, 1))
    text = np.zeros((16, 96), np.uint8)
    font.burn(text, "BIRTE", row=1, column=1, value=1)
    pixels |= text.astype("<u2") << 15
    common.grey(ds, 16, 96, pixels.tobytes())
    ds.add_new(0x60000010, "US", 16)
    ds.add_new(0x60000011, "US", 96)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 15)
    row = pixels[1].tobytes()
    ledger.add("overlay in the pixels", Clause.OVERLAY, row)
    return common.to_bytes(ds)


EDGES = (
    Edge("JLSCOM", jpeg_ls_comment),
    Edge("J2KCOM", jpeg_2000_comment),
    Edge("J2KTAIL", after_the_image(JPEG2000Lossless)),
    Edge("JLSTAIL", after_the_image(JPEGLSLossless)),
    Edge("RLETAIL", after_the_image(RLELossless)),
    Edge("EXTRAFRG", extra_fragment),
    Edge("OFFTABLE", offset_table),
    Edge("BITOVL", overlay_in_pixels),
)
#: Objects whose pixel data must change, but not the picture.
CHANGED = frozenset(f"EDGE/{edge.name}" for edge in EDGES if edge.name != "BITOVL")
