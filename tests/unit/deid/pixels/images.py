"""Images with text burned in, and what cleaning makes of their files."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.filereader import read_partial
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, ExplicitVRLittleEndian

from emixcli.deid.pixels.clean import Cleaned, clean_pixels
from emixcli.deid.pixels.facts import FACT_TAGS, Facts, Region

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
US = "1.2.840.10008.5.1.4.1.1.6.1"
SC = "1.2.840.10008.5.1.4.1.1.7"
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_FONT = {
    "A": (14, 17, 17, 31, 17, 17, 17), "C": (14, 17, 16, 16, 16, 17, 14),
    "D": (30, 17, 17, 17, 17, 17, 30), "E": (31, 16, 16, 30, 16, 16, 31),
    "H": (17, 17, 17, 31, 17, 17, 17), "I": (14, 4, 4, 4, 4, 4, 14), "J": (7, 2, 2, 2, 2, 18, 12),
    "L": (16, 16, 16, 16, 16, 16, 31), "M": (17, 27, 21, 21, 17, 17, 17),
    "N": (17, 25, 21, 19, 17, 17, 17), "O": (14, 17, 17, 17, 17, 17, 14),
    "R": (30, 17, 17, 30, 20, 18, 17), "S": (15, 16, 16, 14, 1, 1, 30),
    "T": (31, 4, 4, 4, 4, 4, 4), "U": (17, 17, 17, 17, 17, 17, 14),
    "Y": (17, 17, 10, 4, 4, 4, 4), "1": (4, 12, 4, 4, 4, 4, 14),
    "4": (2, 6, 10, 18, 31, 2, 2), "7": (31, 1, 2, 4, 8, 8, 8),
    " ": (0, 0, 0, 0, 0, 0, 0),
}  # fmt: skip


def text(words: str, scale: int = 2) -> NDArray[np.bool_]:
    """Return a line of capital letters as it is burned in."""
    letters = [
        [[row >> (4 - bit) & 1 for bit in range(5)] + [0] for row in _FONT[letter]]
        for letter in words
    ]
    line = np.concatenate([np.array(letter, np.bool_) for letter in letters], axis=1)
    return line.repeat(scale, axis=0).repeat(scale, axis=1)


def burn(pixels: NDArray[Any], words: str, *, at: tuple[int, int], value: int) -> None:
    """Write a line into the frames of an image (…, rows, columns), in place."""
    line = text(words)
    row, column = at
    part = pixels[..., row : row + line.shape[0], column : column + line.shape[1]]
    part[..., line] = value


def speckle(*shape: int, seed: int = 1, high: int = 200) -> NDArray[np.uint8]:
    """Return smooth noise, as images have it."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, high, shape).astype(np.float64)
    for axis in range(len(shape)):
        if shape[axis] > 3:
            values = (values + np.roll(values, 1, axis) + np.roll(values, 2, axis)) / 3
    return values.astype(np.uint8)


def image(pixels: bytes, *, syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> Dataset:
    """Return an image object whose pixel data are these bytes."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.SOPClassUID = US
    ds.SOPInstanceUID = "1.2.3.4"
    ds.Modality = "US"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.PixelRepresentation = 0
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    if "HighBit" not in attributes:
        ds.HighBit = ds.BitsStored - 1
    ds.PixelData = pixels
    return ds


def compressed(frames: Sequence[bytes], syntax: str, *, table: str = "basic", **attributes: Any) \
        -> Dataset:  # fmt: skip
    """Return an image object of compressed frames; `table` is `basic`, `extended` or `none`."""
    attributes["NumberOfFrames"] = len(frames)
    ds = image(b"", syntax=syntax, **attributes)
    if table == "extended":
        data, offsets, lengths = encapsulate_extended(list(frames))
        ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = offsets, lengths
        ds.PixelData = data
    else:
        ds.PixelData = encapsulate(list(frames), has_bot=table == "basic")
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def to_bytes(ds: Dataset) -> bytes:
    """Return the object as a file."""
    out = io.BytesIO()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()


def facts_of(data: bytes) -> Facts:
    """Return the facts of a file, as the engine collects them."""
    ds = dcmread(io.BytesIO(data), force=True)
    values = {}
    for tag in FACT_TAGS:
        element = ds.get_item(tag) if tag in ds else ds.file_meta.get_item(tag)
        value: object = getattr(element, "value", None)
        if isinstance(value, bytes):
            values[tag] = value
    for tag in (0x00186011, 0x00082218):
        if tag in ds:
            values[tag] = _sequence(ds, tag)
    syntax = str(ds.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2"))
    return Facts(values, syntax)


def _sequence(ds: Dataset, tag: int) -> bytes:
    alone = Dataset()
    alone.add(ds[tag])
    out = io.BytesIO()
    dcmwrite(out, alone, implicit_vr=False, little_endian=True)
    return out.getvalue()[12:]


def pixel_range(data: bytes) -> tuple[int, int]:
    """Return where the value of the pixel data lies in a file, and its length."""
    file = io.BytesIO(data)
    ds = read_partial(file, stop_when=lambda tag, _vr, _length: tag in _PIXELS)
    at = file.tell()
    implicit = ds.original_encoding[0]
    start = at + (8 if implicit else 12)
    (length,) = struct.unpack("<I", data[start - 4 : start])
    return start, length


def clean(data: bytes, regions: Sequence[Region] = ()) -> tuple[bytes, Cleaned]:
    """Return a file with regions blackened, and what `clean_pixels` gave."""
    start, length = pixel_range(data)
    file = io.BytesIO(data)
    cleaned = clean_pixels(facts_of(data), file, start, length, regions)
    pieces = [
        data[piece[0] : sum(piece)] if isinstance(piece, tuple) else bytes(piece)
        for piece in cleaned.pieces()
    ]
    value = b"".join(pieces)
    cleaned.close()
    assert len(value) == cleaned.size
    rest = data[start + length :] if length != 0xFFFFFFFF else b""
    return data[:start] + value + rest, cleaned


def frames_of(data: bytes | Dataset, *, raw: bool = False) -> NDArray[Any]:
    """Return the pixels of a file as (frames, rows, columns, samples)."""
    ds = dcmread(io.BytesIO(data)) if isinstance(data, bytes) else data
    if raw:
        file = io.BytesIO(data if isinstance(data, bytes) else to_bytes(data))
        pixels = pixel_array(file, raw=True)
    else:
        pixels = ds.pixel_array
    return pixels.reshape(int(ds.get("NumberOfFrames", 1) or 1), ds.Rows, ds.Columns, -1)


def outside(regions: Sequence[Region], rows: int, columns: int, *, grow: int = 0) \
        -> NDArray[np.bool_]:  # fmt: skip
    """Return which pixels lie in no region, nor within `grow` pixels of one."""
    free = np.ones((rows, columns), np.bool_)
    for region in regions:
        free[
            max(0, region.y0 - grow) : region.y1 + grow, max(0, region.x0 - grow) : region.x1 + grow
        ] = False
    return free
