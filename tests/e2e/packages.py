"""Packages made by the real writer from small, made-up and well-known images."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from playwright.sync_api import Page
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from emixcli.container.code import generate_code
from emixcli.container.identity import new_identity
from emixcli.container.sink import FileSink
from emixcli.container.slots import make_code_slot
from emixcli.media.reader import MediaReader
from emixcli.media.scan import scan_media
from emixcli.model import Document, Instance
from emixcli.package import Sender, plan_package, write_package
from tests.builders import encapsulated_pdf, pdf, write

#: One file of each way to store pixels; the name is what the tests are called by.
PIXELS = {
    "CT": "CT_small.dcm",
    "MR": "MR_small.dcm",
    "RLE": "MR_small_RLE.dcm",
    "JPEG-LS": "MR_small_jpeg_ls_lossless.dcm",
    "JPEG 2000": "MR_small_jp2klossless.dcm",
    "RGB": "SC_rgb_small_odd.dcm",
    "RGB frames": "SC_rgb_rle_2frame.dcm",
    "JPEG": "SC_rgb_jpeg_dcmtk.dcm",
    "palette": "examples_palette.dcm",
}
LOST = (9, 10, 11)
N_SLICES = 24
ROWS, COLUMNS = 96, 128

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """A package; `series` gives the series number of every file of `PIXELS`."""

    path: Path
    code: str
    series: dict[str, int]
    files: dict[str, Path]


class _Losing:
    """Reads a medium on which some files have become unreadable since the scan."""

    def __init__(self, inner: MediaReader, lost: Sequence[str]) -> None:
        self._inner, self._lost = inner, lost

    def open(self, item: Instance | Document) -> BinaryIO:
        if Path(item.path).name in self._lost:
            raise OSError(5, "Input/output error")
        return self._inner.open(item)


def make_sample(folder: Path) -> Sample:
    """Write a package of one patient: a CT stack with a gap, pydicom's files, reports."""
    media = folder / "media"
    media.mkdir()
    for number in range(1, N_SLICES + 1):
        ct_slice(number).save_as(media / f"S{number:03d}", enforce_file_format=True)
    series, files = {}, {}
    for n, (name, file) in enumerate(PIXELS.items(), start=100):
        files[name] = media / f"P{n}"
        _adopt(file, files[name], number=n, name=name)
        series[name] = n
    _others(media)
    report = folder / "report.pdf"
    report.write_bytes(pdf("Made-up report"))
    letter = folder / "letter.txt"
    letter.write_text("Dear colleague,\n\nthe <b>images</b> are attached.\n")
    path, code = folder / "sample.html", generate_code()
    write_sample(path, code, media, [report, letter])
    return Sample(path, code, series, files)


def write_sample(path: Path, code: str, media: Path, reports: list[Path]) -> None:
    key, identity = os.urandom(32), new_identity()
    found = scan_media([str(media)])
    sender = Sender("A. Sender", "Riverside Hospital")
    with MediaReader(found) as inner, FileSink(path) as sink:
        reader = _Losing(inner, [f"S{n:03d}" for n in LOST])
        plan = plan_package(found, reports=reports, sender=sender, reader=reader)
        slot, _ = make_code_slot(code, key, package_id=plan.package_id)
        write_package(
            plan, sink, key=key, slots=[slot], signing_key=identity.signing_key, reader=reader
        )


def _patient(data: Dataset, *, series: int, number: int, name: str) -> None:
    data.PatientName, data.PatientID = "Example^Anna Maria", "4711-08"
    data.PatientBirthDate, data.PatientSex = "19610312", "F"
    data.StudyInstanceUID = "2.25.1"
    data.StudyDate, data.StudyTime = "20260114", "101500"
    data.StudyDescription, data.AccessionNumber = "CT thorax", "A-20817"
    data.InstitutionName = "Riverside Hospital"
    data.SeriesInstanceUID = f"2.25.2.{series}"
    data.SeriesNumber, data.InstanceNumber = series, number
    data.SeriesDescription = name
    data.SOPInstanceUID = f"2.25.3.{series}.{number}"


def ct_slice(number: int) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.Modality = CTImageStorage, "CT"
    _patient(data, series=2, number=number, name="Thorax 2.5 mm")
    data.Rows, data.Columns, data.SamplesPerPixel = ROWS, COLUMNS, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, -1024, "HU"
    data.WindowCenter, data.WindowWidth = 50, 400
    data.PixelSpacing, data.SliceThickness = [0.8, 0.8], 2.5
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient = [-50, -40, 2.5 * number]
    y, x = np.mgrid[:ROWS, :COLUMNS]
    pixels = 824 + 4 * x + number * 7 + ((y // 8 + x // 8) % 2) * 100
    data.PixelData = pixels.astype("<i2").tobytes()
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data


def _adopt(file: str, target: Path, *, number: int, name: str) -> None:
    """Copy a file of pydicom as a series of the sample's patient; its pixels are not touched."""
    found = get_testdata_file(file)
    assert found is not None
    data = pydicom.dcmread(str(found))
    _patient(data, series=number, number=1, name=name)
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.save_as(target)


def _others(media: Path) -> None:
    document = encapsulated_pdf()
    _patient(document, series=300, number=1, name="Scanned letter")
    write(document, media / "D1")
    for n, file in ((301, "test-SR.dcm"), (302, "waveform_ecg.dcm")):
        _adopt(file, media / f"D{n}", number=n, name=file.split(".")[0])


def expected(path: Path, frame: int) -> NDArray[np.uint8]:
    """What a screen shows of a file: pydicom's pixels through its first window, as RGB."""
    data = pydicom.dcmread(path)
    pixels: Any = pixel_array(data, index=frame)
    if data.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, data)
        return np.asarray(pixels >> 8 if pixels.dtype.itemsize > 1 else pixels, np.uint8)
    if data.SamplesPerPixel == 3:
        return np.asarray(pixels, np.uint8)
    values = np.asarray(apply_modality_lut(pixels, data), np.float64)
    if "WindowCenter" in data:
        low, high = -(2.0**15), 2.0**15 - 1
        if data.PixelRepresentation == 0:
            low, high = 0, 2**data.BitsStored - 1
        elif data.BitsStored != 16:
            low, high = -(2 ** (data.BitsStored - 1)), 2 ** (data.BitsStored - 1) - 1
        slope, zero = float(data.get("RescaleSlope", 1)), float(data.get("RescaleIntercept", 0))
        low, high = low * slope + zero, high * slope + zero
        shown = apply_voi_lut(values, data)
    else:
        low, high, shown = values.min(), values.max(), values
    grey = np.floor((np.asarray(shown) - low) / (high - low) * 255 + 0.5).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def unlock(page: Page, sample: Sample) -> None:
    """Type the access code and wait for the viewer."""
    page.locator(".code-input").fill("")
    page.keyboard.type(sample.code)
    page.keyboard.press("Enter")
    page.locator(".viewport[data-shown]").wait_for()


def shown(page: Page) -> tuple[int, int]:
    """Return index and number of images of what is on the screen."""
    text = page.locator(".viewport").get_attribute("data-shown") or ""
    _, index, length = text.split(":")
    return int(index), int(length)


def wait_shown(page: Page, index: int) -> None:
    """Wait until the image of that index is on the screen."""
    page.wait_for_function(
        "i => document.querySelector('.viewport').dataset.shown?.split(':')[1] === String(i)",
        arg=index,
    )
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def canvas_pixels(page: Page, rows: int, columns: int) -> NDArray[np.uint8]:
    """Return what the canvas shows of an image at 1:1, in its middle."""
    values = page.evaluate(
        """([rows, columns]) => {
          const canvas = document.querySelector('.viewport-canvas');
          const left = Math.round((canvas.width - columns) / 2);
          const top = Math.round((canvas.height - rows) / 2);
          const data = canvas.getContext('2d').getImageData(left, top, columns, rows).data;
          return btoa(Array.from(data, (value) => String.fromCharCode(value)).join(''));
        }""",
        [rows, columns],
    )
    raw = np.frombuffer(base64.b64decode(values), np.uint8)
    return raw.reshape(rows, columns, 4)[:, :, :3]
