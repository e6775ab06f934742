"""Packages of pydicom's test files, and what pydicom makes of their pixels."""

from __future__ import annotations

import base64
import importlib.util
import os
import re
import subprocess
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
import pydicom.data
from numpy.typing import NDArray
from playwright.sync_api import Page
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from emixcli.container.code import generate_code
from emixcli.container.identity import new_identity
from emixcli.container.sink import FileSink
from emixcli.container.slots import make_code_slot
from emixcli.errors import EmixError
from emixcli.media.header import read_header
from emixcli.model import Document, FileSet, Instance, Patient, Series, Study
from emixcli.package import Sender, plan_package, write_package

ROOT = Path(__file__).parents[2]
VIEWER = ROOT / "viewer"
PROBE = VIEWER / "dist" / "probe.html"
_DICOMDIR = "1.2.840.10008.1.3.10"


def build_probe() -> bytes:
    """Return the viewer's reading side as a page, built now."""
    subprocess.run(
        ["node", "build.mjs", "--probe"], cwd=VIEWER, check=True, stdout=subprocess.DEVNULL
    )
    return PROBE.read_bytes()


def pydicom_files() -> dict[str, Path]:
    """Return the test files of pydicom and pydicom-data by name."""
    roots = [Path(pydicom.data.__file__).parent / "test_files"]
    spec = importlib.util.find_spec("data_store")
    if spec is not None and spec.origin is not None:
        roots.append(Path(spec.origin).parent / "data")
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix not in {".py", ".json", ".txt", ".md", ".zip"}:
                found.setdefault(path.name, path)
    return dict(sorted(found.items()))


def read_instance(path: Path) -> Instance | None:
    """Return the instance in a file, None where it holds no DICOM object but a directory."""
    content = path.read_bytes()
    try:
        header = read_header(content, len(content))
    except EmixError:
        return None
    instance = Instance(
        0,
        str(path),
        len(content),
        header.values,
        header.pixel_offset,
        header.pixel_length,
        header.deep,
    )
    return None if instance.text("SOPClassUID") == _DICOMDIR else instance


class FileReader:
    """Opens instances whose path is a file."""

    def open(self, item: Instance | Document) -> BinaryIO:
        return Path(item.path).open("rb")


@dataclass(frozen=True)
class Sample:
    """A package with one series per file; `entries` are names in the package by path."""

    path: Path
    code: str
    entries: dict[str, str]


def file_set(instances: Sequence[Instance]) -> FileSet:
    """Return a FileSet with a series for every instance, so that nothing is grouped or dropped."""
    series = tuple(Series(f"1.2.3.{n}", (one,)) for n, one in enumerate(instances))
    patient = Patient("test", (Study("1.2.3", series),))
    return FileSet(("test",), (patient,), size=sum(one.size for one in instances))


def write_sample(instances: Sequence[Instance], path: Path, *, bundle: bytes) -> Sample:
    """Write a package of `instances` and return how to open it."""
    key, code, identity = os.urandom(32), generate_code(), new_identity()
    sender = Sender("A. Sender", "Test Hospital")
    reader = FileReader()
    plan = plan_package(file_set(instances), sender=sender, reader=reader, bundle=bundle)
    slot, _ = make_code_slot(code, key, package_id=plan.package_id)
    with FileSink(path) as sink:
        write_package(
            plan,
            sink,
            key=key,
            slots=[slot],
            signing_key=identity.signing_key,
            reader=reader,
        )
    names = {one.path: f"DICOM/S0001/E{n:04d}/I00001" for n, one in enumerate(instances, start=1)}
    return Sample(path, code, names)


Pixels = NDArray[Any]
_LOSSY = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.(50|51|81|91|203)$")
#: Decoders of lossy images round in their own ways, most where chroma is enlarged.
_MOST, _MEAN = 5, 0.5
_TYPES = {
    "Uint8Array": "u1",
    "Int8Array": "i1",
    "Uint16Array": "<u2",
    "Int16Array": "<i2",
    "Uint32Array": "<u4",
    "Int32Array": "<i4",
    "Float32Array": "<f4",
    "Float64Array": "<f8",
}


@dataclass(frozen=True)
class Row:
    """What became of one frame."""

    file: str
    frame: int
    kind: str
    pixels: str
    result: str
    is_right: bool


def expected_pixels(path: Path, frame: int) -> Pixels | None:
    """Return what pydicom decodes: stored values, or RGB of 8 bits; None where it cannot.

    A palette is applied, and wider RGB is cut to its upper 8 bits, as the viewer does.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = pydicom.dcmread(path, force=True)
            pixels = pixel_array(data, index=frame)
            bits = int(data.BitsStored)
            if data.PhotometricInterpretation == "PALETTE COLOR":
                pixels, bits = apply_color_lut(pixels, data), 16
        except Exception:  # noqa: BLE001 - whatever pydicom raises, there is no reference
            return None
    if pixels.ndim == 3 and pixels.max() > 255:
        pixels = (pixels >> (bits - 8)).astype(np.uint8)
    return np.asarray(pixels)


def received_pixels(answer: dict[str, Any]) -> Pixels:
    """Return the array in an answer of the probe page."""
    shape = (answer["rows"], answer["columns"], 3)[: 3 if answer["samples"] == 3 else 2]
    data = np.frombuffer(base64.b64decode(answer["data"]), _TYPES[answer["type"]])
    return data.reshape(shape)


def compare(instance: Instance, frame: int, answer: dict[str, Any]) -> Row | None:
    """Return how the viewer's frame compares; None where there is no image to compare."""
    path = Path(instance.path)
    expected = expected_pixels(path, frame)
    kind = UID(instance.text("TransferSyntaxUID")).name
    text = instance.text
    pixels = (
        f"{text('PhotometricInterpretation')}, {instance.integer('SamplesPerPixel', 1)} x "
        f"{text('BitsStored')} of {text('BitsAllocated')} bits"
    )
    if "error" in answer:
        if expected is None and not text("Rows"):
            return None
        return Row(path.name, frame, kind, pixels, answer["message"], expected is None)
    if expected is None:
        return Row(path.name, frame, kind, pixels, "shown; pydicom has no reference", is_right=True)
    result, is_right = _judge(expected, received_pixels(answer), instance)
    return Row(path.name, frame, kind, pixels, result, is_right)


def _judge(expected: Pixels, received: Pixels, instance: Instance) -> tuple[str, bool]:
    if expected.shape != received.shape:
        return f"wrong: shape {received.shape}", False
    difference = np.abs(expected.astype(np.float64) - received.astype(np.float64))
    most = float(difference.max())
    if most == 0:
        return "equal", True
    is_lossy = _LOSSY.search(instance.text("TransferSyntaxUID")) is not None
    if is_lossy and most <= _MOST and difference.mean() <= _MEAN:
        return f"lossy: no value differs by more than {most:.0f}", True
    return f"wrong: values differ by up to {most:.0f}", False


def frames_to_compare(instance: Instance) -> list[int]:
    """Return the first frame and the last one."""
    return sorted({0, max(1, instance.integer("NumberOfFrames", 1)) - 1})


def compare_all(page: Page, sample: Sample, instances: Sequence[Instance]) -> list[Row]:
    """Return a row for every first and last frame, read in a page that has been unlocked."""
    rows = []
    for instance in instances:
        for frame in frames_to_compare(instance):
            arguments = [sample.entries[instance.path], frame]
            answer = page.evaluate("([entry, frame]) => probe.frame(entry, frame)", arguments)
            row = compare(instance, frame, answer)
            if row is not None:
                rows.append(row)
    return rows


def unlock(page: Page, address: str, code: str) -> dict[str, Any]:
    """Open a package of the probe page and return the answer to its access code."""
    page.goto(address, wait_until="commit")
    page.wait_for_function("() => globalThis.probe")
    answer: dict[str, Any] = page.evaluate("(code) => probe.unlock(code)", code)
    return answer


_HEAD = """# What the viewer decodes

Every image among the test files of pydicom and pydicom-data: the first and the last frame as the
viewer's codecs give them, in Chromium, compared with pydicom's. Stored values are compared;
palettes are applied, YBR becomes RGB, and colours wider than 8 bits are cut to their upper 8.
Lossless images must be equal; decoders of lossy ones may round in their own ways.

Written by `python tools/gen_decoding.py`, checked by `tests/e2e/test_pixels.py`.

"""


def table(rows: Sequence[Row]) -> str:
    """Return the page of the documentation."""
    right = sum(row.is_right for row in rows)
    shown = sum("equal" in row.result or "lossy" in row.result for row in rows)
    lines = [
        _HEAD
        + f"{len(rows)} frames: {shown} right against a reference, {right - shown} without one",
        "(shown all the same, or refused in words), " + f"{len(rows) - right} wrong.",
        "",
        "| file | frame | transfer syntax | pixels | result |",
        "|---|--:|---|---|---|",
    ]
    lines += [
        f"| `{row.file}` | {row.frame} | {row.kind} | {row.pixels} | {row.result} |" for row in rows
    ]
    return "\n".join(lines) + "\n"


def existing(paths: Iterable[Path]) -> list[Instance]:
    """Return the instances in those files that hold one."""
    return [one for one in map(read_instance, paths) if one is not None]
