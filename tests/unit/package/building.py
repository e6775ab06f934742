"""Small file-sets, a placeholder page, and packages in memory."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emixcli.container.encoding import encode_package_id
from emixcli.container.plan import Reader
from emixcli.media.header import read_header
from emixcli.model import Document, FileSet, Instance, Patient, Series, Study
from emixcli.package import Sender, Sink, plan_package, write_package

FIXED_ID = encode_package_id(bytes(range(100, 116)))
BUNDLE = (
    b'<!DOCTYPE html><html lang="en"><head><meta charset="windows-1252"><title>emix</title>'
    b'<script type="application/json" id="emix-package">@@EMIX_PACKAGE@@</script>'
    b'<script type="application/json" id="emix-slots">@@EMIX_SLOTS@@</script>'
    b"</head><body>placeholder"
)


class MemorySink:
    """A package in memory."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.patched = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.content += data

    def patch(self, offset: int, data: bytes) -> None:
        self.patched += 1
        self.content[offset : offset + len(data)] = data


class MemoryReader:
    """Opens a file-set whose files are bytes."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = contents

    def open(self, item: Instance | Document) -> BinaryIO:
        return io.BytesIO(self.contents[item.path])


def element(tag: int, vr: str, value: str | bytes | int) -> bytes:
    """Return an explicit little endian element."""
    if isinstance(value, int):
        data = struct.pack("<H", value)
    else:
        data = value.encode() if isinstance(value, str) else value
        if len(data) % 2:
            data += b"\0" if vr == "UI" else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in {"OB", "OW", "SQ", "UN", "UT"}:
        return head + struct.pack("<HI", 0, len(data)) + data
    return head + struct.pack("<H", len(data)) + data


CT, MULTIFRAME = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.3.1"


def dicom(
    *, number: int, series: str = "2.25.30", frames: int = 1, rows: int = 8, sop_class: str = CT,
    pixels: bytes | None = None, more: bytes = b"",
) -> bytes:  # fmt: skip
    """Return a small CT slice or cine loop as a file."""
    uid = f"{series}.{number}"
    meta = (
        element(0x00020001, "OB", b"\0\1")
        + element(0x00020002, "UI", sop_class)
        + element(0x00020003, "UI", uid)
        + element(0x00020010, "UI", "1.2.840.10008.1.2.1")
        + element(0x00020012, "UI", "2.25.1")
    )
    if pixels is None:
        pixels = bytes((number * 7 + i * i) % 251 for i in range(rows * rows * frames * 2))
    many = element(0x00280008, "IS", str(frames)) if frames > 1 else b""
    body = b"".join(
        (
            element(0x00080016, "UI", sop_class),
            element(0x00080018, "UI", uid),
            element(0x00080020, "DA", "20260102"),
            element(0x00080030, "TM", "030405"),
            element(0x00080060, "CS", "CT" if frames == 1 else "US"),
            element(0x00100010, "PN", "TEST^VECTOR"),
            element(0x00100020, "LO", "V-1"),
            element(0x0020000D, "UI", "2.25.20"),
            element(0x0020000E, "UI", series),
            element(0x00200010, "SH", "1"),
            element(0x00200011, "IS", "1"),
            element(0x00200013, "IS", str(number)),
            element(0x00280002, "US", 1),
            element(0x00280004, "CS", "MONOCHROME2"),
            many,
            element(0x00280010, "US", rows),
            element(0x00280011, "US", rows),
            element(0x00280100, "US", 16),
            element(0x00280101, "US", 12),
            element(0x00280102, "US", 11),
            element(0x00280103, "US", 0),
            element(0x00281050, "DS", "40"),
            element(0x00281051, "DS", "400"),
            more,
            element(0x7FE00010, "OW", pixels),
        )
    )
    return (
        bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + body
    )


def instance(path: str, content: bytes) -> Instance:
    """Return what a scan finds in a file."""
    header = read_header(content, len(content))
    return Instance(
        0, path, len(content), header.values, header.pixel_offset, header.pixel_length, header.deep
    )


def small_file_set() -> tuple[FileSet, dict[str, bytes]]:
    """Return two CT slices of equal size and a cine loop of five frames, and their bytes."""
    contents = {
        "A": dicom(number=1),
        "B": dicom(number=2),
        "C": dicom(number=1, series="2.25.31", frames=5, sop_class=MULTIFRAME),
    }
    return file_set_of(contents), contents


def file_set_of(contents: Mapping[str, bytes]) -> FileSet:
    """Return the file-set of one patient and study."""
    series: dict[str, list[Instance]] = {}
    for path, content in contents.items():
        found = instance(path, content)
        series.setdefault(found.text("SeriesInstanceUID"), []).append(found)
    study = Study("2.25.20", tuple(Series(uid, tuple(items)) for uid, items in series.items()))
    size = sum(map(len, contents.values()))
    return FileSet(("memory",), (Patient("1", (study,)),), n_files=len(contents), size=size)


def pack_to(sink: Sink, file_set: FileSet, *, reader: Reader | None = None) -> bytes:
    """Write a package with a fixed key into a sink; returns the key."""
    key = bytes(range(32))
    plan = plan_package(
        file_set,
        sender=Sender("A. Sender", "Example Hospital"),
        package_id=FIXED_ID,
        created="2026-01-02T03:04:05Z",
        reader=reader,
        bundle=BUNDLE,
    )
    signing_key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    result = write_package(
        plan, sink, key=key, slots=[], signing_key=signing_key, reader=reader, workers=2
    )
    assert result.size <= plan.size_bound
    return key


def small_package() -> tuple[bytes, bytes]:
    """Return a package of `small_file_set` and its key."""
    file_set, contents = small_file_set()
    sink = MemorySink()
    key = pack_to(sink, file_set, reader=MemoryReader(contents))
    return bytes(sink.content), key
