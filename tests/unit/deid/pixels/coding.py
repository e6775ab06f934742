"""Compressed pictures, and what must hold of cleaned ones."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file

from emixcli.deid.pixels.facts import Region
from tests.unit.deid.pixels.images import (
    burn,
    clean,
    frames_of,
    outside,
    speckle,
    to_bytes,
)

REGIONS = [Region(0, 0, 97, 18), Region(37, 50, 51, 61)]
ROWS, COLUMNS = 90, 97
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
needs_dcmtk = pytest.mark.skipif(shutil.which("dcmdjpeg") is None, reason="needs dcmtk")


def picture(samples: int = 1, frames: int = 1, bits: int = 8) -> NDArray[Any]:
    """Return noise with a burned-in name, (frames, rows, columns, samples)."""
    pixels = speckle(frames, ROWS, COLUMNS, samples)
    pixels = (pixels * (1 if bits == 8 else 16) + 3).astype("u1" if bits == 8 else "<u2")
    for sample in range(samples):
        burn(pixels[..., sample], "DOE", at=(2, 3), value=255)
    return pixels


def attributes_of(pixels: NDArray[Any], **more: Any) -> dict[str, Any]:
    """Return the attributes of such a picture."""
    wide = pixels.dtype.itemsize == 2
    found: dict[str, Any] = {
        "Rows": pixels.shape[1],
        "Columns": pixels.shape[2],
        "SamplesPerPixel": pixels.shape[3],
        "NumberOfFrames": pixels.shape[0],
        "BitsAllocated": 16 if wide else 8,
        "BitsStored": 12 if wide else 8,
    }
    if pixels.shape[3] == 3:
        found |= {"PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
    return found | more


def check_lossless(data: bytes, *, rows: int = ROWS, columns: int = COLUMNS) -> bytes:
    """Clean a file and check that pixels outside regions keep their values; return it."""
    result, cleaned = clean(data, REGIONS)
    if cleaned.attributes:
        ds = dcmread(io.BytesIO(result))
        for tag, value in cleaned.attributes.items():
            ds[tag].value = value
        result = to_bytes(ds)
    before, after = frames_of(data, raw=True), frames_of(result, raw=True)
    free = outside(REGIONS, rows, columns)
    assert np.array_equal(before[:, free], after[:, free])
    assert not after[:, ~free].any()
    assert before[:, ~free].any()
    return result


def check_offsets(data: bytes, table: str) -> None:
    """Offsets lead to the items of the frames."""
    ds = dcmread(io.BytesIO(data))
    frames = int(ds.NumberOfFrames)
    value = ds.PixelData
    n_table = int.from_bytes(value[4:8], "little")
    assert n_table == (4 * frames if table == "basic" else 0)
    if table == "basic":
        first = 8 + n_table
        for number in range(frames):
            at = int.from_bytes(value[8 + 4 * number : 12 + 4 * number], "little")
            assert value[first + at : first + at + 4] == b"\xfe\xff\x00\xe0"


def load(name: str) -> bytes:
    """Return a test file of pydicom."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def through_dcmtk(program: str, data: bytes, folder: Path, *options: str) -> NDArray[Any]:
    """Return the pixels that a program of dcmtk makes of a file."""
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(data)
    done = subprocess.run(
        [program, *options, source, target], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "orrupt" not in done.stderr
    return frames_of(target.read_bytes())
