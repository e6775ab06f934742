"""The sample CD: everything that a hospital's CD has on it, in one ISO image."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli.demo import objects, report, thorax
from emixcli.demo.directory import Directory
from emixcli.demo.iso import IsoWriter
from emixcli.progress import SILENT, ProgressListener

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

VOLUME = "EMIX_SAMPLE_CD"
BURNT = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)

_AUTORUN = "[autorun]\r\nopen=VIEWER\\VIEWER.EXE\r\nlabel=Images\r\n"
_README = """\
This is emix's sample CD. The patient is made up, and so is every image: computed from
ellipsoids, tubes and noise. Nothing on it comes from a person.

VIEWER holds what real CDs carry beside the images. It is not a program; emix counts such
files and never runs them.
"""
_NOT_A_PROGRAM = "This file stands for the viewer program that CDs carry. It is not a program.\r\n"
_PAGE = "<!doctype html><title>Images</title><p>Please start VIEWER.EXE to see the images.</p>\n"


@dataclass(frozen=True, slots=True)
class SampleCd:
    """What was written.

    `instances` and `documents` give the SHA-256 of every DICOM object and report by its path on
    the CD, so that what comes back from an exchange can be compared.
    """

    path: Path
    size: int
    instances: dict[str, str]
    documents: dict[str, str]
    n_other: int


def write_sample_cd(path: Path, *, progress: ProgressListener = SILENT) -> SampleCd:
    """Write the sample CD as an ISO image.

    Parameters
    ----------
    path
        The image to make; it is written beside as NAME.partial and renamed at the end.
    progress
        Told once per object.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            with IsoWriter(file, VOLUME, moment=BURNT) as image:
                made = _write(image, progress)
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return SampleCd(path, path.stat().st_size, *made)


def _write(
    image: IsoWriter, progress: ProgressListener
) -> tuple[dict[str, str], dict[str, str], int]:
    directory = Directory()
    instances: dict[str, str] = {}
    progress.stage("computing a CT")
    volume = thorax.make_thorax()
    progress.stage("writing the sample CD", _n_objects(), "files")
    for folder, series in _series(volume):
        for number, item in enumerate(series, 1):
            name = f"DICOM/{folder}/IM{number:06d}"
            content = objects.to_bytes(item)
            image.add(name, content)
            directory.add(item, name)
            instances[name] = hashlib.sha256(content).hexdigest()
            progress.advance(1)
    content = report.make_report()
    image.add("REPORT/Radiology report.pdf", content)
    documents = {"REPORT/Radiology report.pdf": hashlib.sha256(content).hexdigest()}
    image.add("DICOMDIR", directory.to_bytes(VOLUME))
    others = {
        "AUTORUN.INF": _AUTORUN,
        "README.TXT": _README.replace("\n", "\r\n"),
        "VIEWER/VIEWER.EXE": _NOT_A_PROGRAM,
        "VIEWER/How to see the images.htm": _PAGE,
    }
    for name, text in others.items():
        image.add(name, text.encode("ascii"))
    return instances, documents, len(others)


def _series(volume: NDArray[np.int16]) -> Iterator[tuple[str, Iterator[Dataset]]]:
    """Yield the folder and the objects of every series; each is computed when its turn comes."""
    yield "ST000001/SE000001", objects.ct_series(volume)
    yield "ST000002/SE000001", objects.cr_series(volume)
    rest: tuple[tuple[str, Callable[[], Iterator[Dataset]]], ...] = (
        ("ST000003/SE000001", objects.mr_t2_series),
        ("ST000003/SE000002", objects.mr_t1_series),
        ("ST000004/SE000001", objects.us_series),
    )
    for folder, make in rest:
        yield folder, make()


def _n_objects() -> int:
    return thorax.N_SLICES + 30 + 36 + 2
