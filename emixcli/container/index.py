"""The index of a package: all that a viewer needs so that it only runs codecs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emixcli.container.encoding import to_json
from emixcli.container.layout import instance_name, series_folder
from emixcli.fragments import UNDEFINED
from emixcli.model import FileSet, Finding, Instance, Patient, Series, Study

Fields = dict[str, Any]
#: Returns fields of one instance that need more than the values of the scan.
Deepen = Callable[[Instance, Fields], None]

_PATIENT = {
    "name": "PatientName",
    "id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
}
_STUDY = {
    "id": "StudyID",
    "date": "StudyDate",
    "time": "StudyTime",
    "description": "StudyDescription",
    "accession": "AccessionNumber",
    "referring": "ReferringPhysicianName",
    "institution": "InstitutionName",
}
_SERIES = {
    "modality": "Modality",
    "description": "SeriesDescription",
    "body_part": "BodyPartExamined",
    "laterality": "Laterality",
    "date": "SeriesDate",
    "time": "SeriesTime",
    "protocol": "ProtocolName",
    "frame_of_reference": "FrameOfReferenceUID",
    "manufacturer": "Manufacturer",
}
_INSTANCE = {
    "uid": "SOPInstanceUID",
    "sop_class": "SOPClassUID",
    "transfer_syntax": "TransferSyntaxUID",
}
_IMAGE_TEXTS = {
    "photometric": "PhotometricInterpretation",
    "voi_function": "VOILUTFunction",
    "rescale_type": "RescaleType",
    "presentation": "PresentationLUTShape",
    "laterality": "ImageLaterality",
    "view": "ViewPosition",
}
_IMAGE_INTEGERS = {
    "rows": "Rows",
    "columns": "Columns",
    "samples": "SamplesPerPixel",
    "planar": "PlanarConfiguration",
    "bits_allocated": "BitsAllocated",
    "bits_stored": "BitsStored",
    "high_bit": "HighBit",
    "padding": "PixelPaddingValue",
}
_IMAGE_NUMBERS = {
    "slope": "RescaleSlope",
    "intercept": "RescaleIntercept",
    "thickness": "SliceThickness",
    "location": "SliceLocation",
}


def iter_patients(file_set: FileSet, deepen: Deepen) -> Iterator[bytes]:
    """Yield the JSON text of the `patients` array in pieces, one series in memory at a time."""
    number = 0
    yield b"["
    for patient_index, patient in enumerate(file_set.patients):
        yield b"," if patient_index else b""
        yield _opened(_patient_fields(patient), "studies")
        for study_index, study in enumerate(patient.studies):
            number += 1
            yield b"," if study_index else b""
            yield _opened(_study_fields(study), "series")
            for series_index, series in enumerate(study.series, 1):
                yield b"," if series_index > 1 else b""
                folder = series_folder(number, series_index)
                yield to_json(series_fields(series, folder, deepen))
            yield b"]}"
        yield b"]}"
    yield b"]"


def _opened(fields: Fields, member: str) -> bytes:
    """Return an object without its end, and with the start of an array member."""
    text = to_json(fields)[:-1]
    return text + (b"," if fields else b"") + f'"{member}":['.encode()


def _patient_fields(patient: Patient) -> Fields:
    return _texts(patient.studies[0].series[0].instances[0], _PATIENT)


def _study_fields(study: Study) -> Fields:
    return {"uid": study.uid, **_texts(study.series[0].instances[0], _STUDY)}


def series_fields(series: Series, folder: str, deepen: Deepen) -> Fields:
    """Return a series; what all its instances have alike stands once, in `common`."""
    first = series.instances[0]
    fields: Fields = {"uid": series.uid, **_texts(first, _SERIES)}
    _put(fields, "number", _integer(first, "SeriesNumber"))
    instances = [
        instance_fields(instance, instance_name(folder, number), deepen)
        for number, instance in enumerate(series.instances, 1)
    ]
    common = _common(instances)
    fields["common"] = common
    fields["instances"] = [
        {name: value for name, value in instance.items() if name not in common}
        for instance in instances
    ]
    return fields


def _common(instances: list[Fields]) -> Fields:
    """Return the fields that all have alike, none where there is only one."""
    if len(instances) == 1:
        return {}
    first, *others = instances
    return {
        name: value
        for name, value in first.items()
        if name != "entry" and all(other.get(name, _ABSENT) == value for other in others)
    }


_ABSENT = object()


def instance_fields(instance: Instance, name: str, deepen: Deepen) -> Fields:
    """Return the fields of one instance."""
    fields: Fields = {"entry": name, **_texts(instance, _INSTANCE)}
    _put(fields, "number", _integer(instance, "InstanceNumber"))
    _put(fields, "acquisition", _integer(instance, "AcquisitionNumber"))
    _put(fields, "date", instance.text("AcquisitionDate") or instance.text("ContentDate"))
    _put(fields, "time", instance.text("AcquisitionTime") or instance.text("ContentTime"))
    fields["size"] = instance.size
    if instance.pixel_offset >= 0 and instance.integer("Rows") and instance.integer("Columns"):
        fields["kind"] = "image"
        _add_image(fields, instance)
    else:
        fields["kind"] = "other"
    deepen(instance, fields)
    return fields


def _add_image(fields: Fields, instance: Instance) -> None:
    for name, keyword in _IMAGE_INTEGERS.items():
        _put(fields, name, _integer(instance, keyword))
    fields.update(_texts(instance, _IMAGE_TEXTS))
    for name, keyword in _IMAGE_NUMBERS.items():
        _put(fields, name, finite(instance.number(keyword)))
    fields["signed"] = instance.integer("PixelRepresentation") == 1
    fields["frames"] = max(1, instance.integer("NumberOfFrames", 1))
    encapsulated = instance.pixel_length == UNDEFINED
    length = None if encapsulated else instance.pixel_length
    fields["pixel"] = {"offset": instance.pixel_offset, "length": length, "type": "integer"}
    _put(fields, "windows", _windows(instance))
    _add_geometry(fields, instance)
    _put(fields, "frame_time_ms", frame_time_ms(instance))
    _put(fields, "lossy", _lossy(instance))


def _add_geometry(fields: Fields, instance: Instance) -> None:
    for name, keyword, count in (
        ("position", "ImagePositionPatient", 3),
        ("orientation", "ImageOrientationPatient", 6),
        ("aspect", "PixelAspectRatio", 2),
    ):
        values = instance.numbers(keyword)
        if len(values) == count and all(map(math.isfinite, values)):
            fields[name] = list(values)
    for keyword, kind in (("PixelSpacing", "patient"), ("ImagerPixelSpacing", "detector")):
        values = instance.numbers(keyword)
        if len(values) == 2 and all(0 < value < math.inf for value in values):
            fields["spacing"], fields["spacing_kind"] = list(values), kind
            break
    directions = instance.text("PatientOrientation").split("\\")
    if len(directions) == 2 and all(directions):
        fields["patient_orientation"] = directions


def _windows(instance: Instance) -> list[list[float | str]]:
    """Return the windows: centre, width, explanation."""
    centres, widths = instance.numbers("WindowCenter"), instance.numbers("WindowWidth")
    names = instance.text("WindowCenterWidthExplanation").split("\\")
    windows: list[list[float | str]] = []
    for index, (centre, width) in enumerate(zip(centres, widths, strict=False)):
        if math.isfinite(centre) and 0 < width < math.inf:
            name = names[index].strip() if index < len(names) else ""
            windows.append([centre, width, name])
    return windows


def frame_time_ms(instance: Instance) -> float | None:
    """Return the time of one frame of a cine loop (PS3.3 section C.7.6.5)."""
    time = finite(instance.number("FrameTime"))
    if time is not None and time > 0:
        return time
    for keyword in ("RecommendedDisplayFrameRate", "CineRate"):
        rate = finite(instance.number(keyword))
        if rate is not None and rate > 0:
            return round(1000 / rate, 3)
    return None


def _lossy(instance: Instance) -> float | bool | None:
    """Return the compression ratio, True where only the fact is known, None where lossless."""
    if instance.text("LossyImageCompression") != "01":
        return None
    ratios = [ratio for ratio in instance.numbers("LossyImageCompressionRatio") if ratio > 0]
    product = math.prod(ratios) if ratios else math.nan
    return round(product, 2) if math.isfinite(product) else True


def _texts(instance: Instance, names: Mapping[str, str]) -> Fields:
    found = ((name, instance.text(keyword)) for name, keyword in names.items())
    return {name: text for name, text in found if text}


def _integer(instance: Instance, keyword: str) -> int | None:
    value = instance.number(keyword)
    if value is None or not math.isfinite(value) or abs(value) > 2**53:
        return None
    return int(value)


def finite(value: float | None) -> float | int | None:
    """Return the number, as an integer where it is one; None for what JSON cannot hold."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 2**53 else value


def _put(fields: Fields, name: str, value: object) -> None:
    if value not in (None, "", []):
        fields[name] = value


def findings_json(findings: tuple[Finding, ...]) -> list[Fields]:
    """Return the findings as the index and `--json` write them."""
    return [
        {
            "code": finding.code,
            "severity": str(finding.severity),
            "count": finding.count,
            "where": finding.where,
            "why": finding.why,
            "next": finding.next,
        }
        for finding in findings
    ]
