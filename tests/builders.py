"""Synthetic studies, damaged files, archives and disc images for tests.

Everything is made up. Patient attributes carry canaries: distinctive strings that must appear in no
log, error, file name or other output that was not asked for them (`Canary.strings`).
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.fileset import FileSet as PydicomFileSet
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

#: Transfer syntaxes that `study` can write.
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
    JPEGLSLossless,
)
UID_ROOT = "1.2.826.0.1.3680043.8.498.4711"


@dataclass(frozen=True)
class Canary:
    """Identifying attributes of a made-up patient."""

    name: str = "CANARYSURNAME^CANARYGIVEN"
    id: str = "CANARY-ID-471108"
    birth_date: str = "19470308"
    sex: str = "O"
    accession: str = "CANARY-ACC-3301"
    referring: str = "CANARYREFERRER^R"
    institution: str = "CANARY HOSPITAL"
    description: str = "CANARY STUDY"

    def strings(self) -> tuple[str, ...]:
        """Return what must not leak; parts of names also by themselves."""
        values = [getattr(self, item.name) for item in fields(self) if item.name != "sex"]
        return tuple(part for value in values for part in value.split("^") if len(part) > 1)


CANARY = Canary()
OTHER_CANARY = Canary(
    name="OTHERCANARY^PERSON",
    id="OTHER-CANARY-99",
    birth_date="19620717",
    accession="OTHER-ACC-1",
    referring="OTHERREFERRER^X",
    institution="OTHER CANARY CLINIC",
    description="OTHER CANARY STUDY",
)


def uid(*parts: int) -> str:
    """Return a UID of ours with these numbers."""
    return ".".join([UID_ROOT, *map(str, parts)])


def instance(
    *,
    phi: Canary = CANARY,
    study: int = 1,
    series: int = 1,
    number: int = 1,
    rows: int = 32,
    columns: int = 32,
    frames: int = 1,
    transfer_syntax: str = ExplicitVRLittleEndian,
    extra: Mapping[str, object] | None = None,
) -> FileDataset:
    """Return a CT image whose pixels, position and UIDs follow from its numbers.

    Parameters
    ----------
    extra
        Attributes set last, by keyword; None deletes one.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage if frames == 1 else SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = UID(uid(study, series, number))
    meta.TransferSyntaxUID = UID(transfer_syntax)
    syntax = UID(transfer_syntax)
    ds = FileDataset(
        "",
        {},
        file_meta=meta,
        preamble=bytes(128),
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
    )
    _set_identity(ds, phi, study=study, series=series, number=number)
    _set_image(ds, rows=rows, columns=columns, frames=frames, number=number)
    pixels = _pixels(rows, columns, frames, seed=series * 1000 + number)
    _encode(ds, pixels, syntax)
    for keyword, value in (extra or {}).items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def _set_identity(ds: Dataset, phi: Canary, *, study: int, series: int, number: int) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = "20240501"
    ds.StudyTime = "101500"
    ds.ContentTime = f"1015{number % 60:02}"
    ds.AccessionNumber = phi.accession
    ds.Modality = "CT"
    ds.Manufacturer = "Synthetic"
    ds.InstitutionName = phi.institution
    ds.ReferringPhysicianName = phi.referring
    ds.StudyDescription = phi.description
    ds.SeriesDescription = f"Series {series}"
    ds.PatientName = phi.name
    ds.PatientID = phi.id
    ds.PatientBirthDate = phi.birth_date
    ds.PatientSex = phi.sex
    ds.StudyInstanceUID = uid(study)
    ds.SeriesInstanceUID = uid(study, series)
    ds.StudyID = str(study)
    ds.SeriesNumber = series
    ds.InstanceNumber = number
    ds.FrameOfReferenceUID = uid(study, series, 0)


def _set_image(ds: Dataset, *, rows: int, columns: int, frames: int, number: int) -> None:
    if frames == 1:
        ds.ImagePositionPatient = [-100.0, -100.0, 10.0 - 2.5 * number]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.SliceThickness = "2.5"
    else:
        ds.NumberOfFrames = frames
        ds.FrameTime = "40"
    ds.PixelSpacing = [0.5, 0.5]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = 1040, 400
    ds.RescaleIntercept, ds.RescaleSlope = -1024, 1


def _pixels(rows: int, columns: int, frames: int, *, seed: int) -> np.ndarray:
    ramp = np.add.outer(np.arange(rows), np.arange(columns))
    planes = [(ramp * 7 + seed * 13 + frame * 5) % 4096 for frame in range(frames)]
    return np.stack(planes).astype("<u2")


def _encode(ds: FileDataset, pixels: np.ndarray, syntax: UID) -> None:
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = pixels.astype(">u2").tobytes()
    elif syntax in (RLELossless, JPEGLSLossless):
        frames = [_compress(ds, frame, syntax) for frame in pixels]
        ds.PixelData = encapsulate(frames, has_bot=True)
        ds["PixelData"].is_undefined_length = True
    else:
        ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB" if syntax.is_encapsulated else "OW"


def _compress(ds: FileDataset, frame: np.ndarray, syntax: UID) -> bytes:
    """Return one compressed frame, made by pydicom's own encoder."""
    single = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    single.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    single.SOPClassUID, single.SOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    for keyword in (
        "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
        "SamplesPerPixel", "PhotometricInterpretation",
    ):  # fmt: skip
        setattr(single, keyword, getattr(ds, keyword))
    single.PixelData = frame.tobytes()
    single["PixelData"].VR = "OW"
    single.compress(syntax, generate_instance_uid=False)
    from pydicom.encaps import generate_frames

    return next(generate_frames(single.PixelData, number_of_frames=1))


def to_bytes(ds: FileDataset) -> bytes:
    """Return a data set as a DICOM file."""
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def read_instances(folder: Path) -> list[Dataset]:
    """Return the instances below a folder, by their names."""
    return [dcmread(path) for path in sorted(folder.rglob("I*")) if path.is_file()]


def write(ds: FileDataset, path: Path) -> Path:
    """Write a data set as a DICOM file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(ds))
    return path


def study(
    folder: Path,
    *,
    series: int = 2,
    instances: int = 3,
    phi: Canary = CANARY,
    number: int = 1,
    transfer_syntax: str = ExplicitVRLittleEndian,
    **image: Any,
) -> list[Path]:
    """Write a study of CT images below `folder`; return its files, series by series.

    Parameters
    ----------
    number
        Number of the study, of which its UIDs are made.
    image
        Further arguments of `instance`: rows, columns, frames, extra.
    """
    return [
        write(
            instance(
                phi=phi,
                study=number,
                series=s,
                number=n,
                transfer_syntax=transfer_syntax,
                **image,
            ),
            folder / f"ST{number:03}" / f"SE{s:03}" / f"IM{n:05}",
        )
        for s in range(1, series + 1)
        for n in range(1, instances + 1)
    ]


def encapsulated_pdf(*, phi: Canary = CANARY, study: int = 1, series: int = 90) -> FileDataset:
    """Return a DICOM object that holds a small PDF."""
    ds = instance(phi=phi, study=study, series=series, number=1)
    for keyword in (
        "PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation",
        "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelSpacing",
        "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "WindowCenter",
        "WindowWidth", "RescaleIntercept", "RescaleSlope",
    ):  # fmt: skip
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    ds.Modality = "DOC"
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.DocumentTitle = "Report"
    ds.EncapsulatedDocument = pdf(phi.name)
    return ds


def pdf(text: str = "Report") -> bytes:
    """Return a PDF of one page that shows a line of ASCII text."""
    content = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(out)


def hl7(phi: Canary = CANARY) -> bytes:
    """Return an HL7 v2 message with a report."""
    lines = [
        "MSH|^~\\&|RIS|SITE|EMIX|SITE|20240501110000||ORU^R01|1|P|2.5",
        f"PID|1||{phi.id}||{phi.name}||{phi.birth_date}|{phi.sex}",
        f"OBR|1||{phi.accession}|CT^CT",
        "OBX|1|TX|IMP^Impression||No abnormality.||||||F",
    ]
    return "\r".join(lines).encode("ascii") + b"\r"


# -- media -------------------------------------------------------------------------------------


def file_set(folder: Path, sources: Iterable[Path]) -> Path:
    """Write a file-set with DICOMDIR from DICOM files, as a disc has it; return its folder."""
    result = PydicomFileSet()
    for path in sources:
        result.add(str(path))
    folder.mkdir(parents=True, exist_ok=True)
    result.write(str(folder))
    result._stage["t"].cleanup()  # else it warns when it is collected
    return folder


def zip_of(target: Path, files: Mapping[str, bytes] | Path, *, stored: bool = False) -> Path:
    """Write a ZIP file from names and contents, or from a folder; return its path.

    Names are written as they are given, hostile ones too.
    """
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    if isinstance(files, Path):
        root = files
        files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return target


def zip_bomb(target: Path, *, size: int = 3 * 1024**3) -> Path:
    """Write a small ZIP file whose one member unpacks to `size` zero bytes."""
    info = zipfile.ZipInfo("IMAGES/IM00001")
    info.compress_type = zipfile.ZIP_DEFLATED
    chunk = bytes(1 << 22)
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(info, "w", force_zip64=True) as member,
    ):
        for _ in range(size // len(chunk)):
            member.write(chunk)
    return target


def truncate(path: Path, *, keep: float) -> Path:
    """Cut a file to so many bytes, or to a part of its size (below 1); return its path."""
    size = path.stat().st_size
    os.truncate(path, int(size * keep) if keep < 1 else int(keep))
    return path


def zero_fill(path: Path, *, start: int = 0, stop: int | None = None) -> Path:
    """Overwrite part of a file with zero bytes; return its path."""
    data = bytearray(path.read_bytes())
    stop = len(data) if stop is None else stop
    data[start:stop] = bytes(stop - start)
    path.write_bytes(data)
    return path


def iso(target: Path, folder: Path, *, options: Sequence[str] = ("-J", "-R")) -> Path:
    """Write an ISO 9660 image of a folder by xorriso; return its path.

    Parameters
    ----------
    options
        Of mkisofs: `-J` Joliet, `-R` Rock Ridge, `-iso-level 3`.
    """
    subprocess.run(
        ["xorriso", "-as", "mkisofs", "-quiet", "-o", str(target), *options, str(folder)],
        check=True,
        capture_output=True,
    )
    return target


def has_xorriso() -> bool:
    """Whether `iso` can run."""
    return shutil.which("xorriso") is not None
