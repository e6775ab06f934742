"""Objects without pixels as lines of text: structured reports, plans, presentation states, others.

A line has a level (0 and up), a label and a value. Everything is cut to a bound, since the object
may be hostile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset

    from emixcli.container.index import Fields

_MAX_LINES = 4000
_MAX_DEPTH = 24
_MAX_TEXT = 100_000
_MAX_NESTING = 200
_REST = "the rest is not shown here: unpack the object"
_Line = tuple[int, str, str]
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: VRs whose values are read by people.
_READABLE = {
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR",
    "UT", "US", "SS", "UL", "SL", "FL", "FD",
}  # fmt: skip
_HIDDEN_GROUPS = {0x0002, 0x0010, 0x0028}
_HIDDEN = {"SpecificCharacterSet", "TimezoneOffsetFromUTC"}


def render_text(dataset: Dataset) -> list[Fields]:
    """Return the lines of an object, [] where there is nothing to read."""
    lines = (line for line in _renderer(dataset)(dataset) if line[1] or line[2])
    found = [
        {"level": level, "label": _clean(label), "value": _clean(value)}
        for level, label, value in islice(lines, _MAX_LINES)
    ]
    if next(lines, None):
        found.append({"level": 0, "label": _REST, "value": ""})
    return found


def _clean(text: str) -> str:
    """Return a text without control characters; where it is cut, it says so."""
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]} \u2026 [{_REST}]"


def _renderer(dataset: Dataset) -> Callable[[Dataset], Iterator[_Line]]:
    if "ContentSequence" in dataset or "ValueType" in dataset:
        return _report
    if "StructureSetROISequence" in dataset:
        return _structures
    if "BeamSequence" in dataset or "FractionGroupSequence" in dataset:
        return _treatment
    if "WaveformSequence" in dataset:
        return _waveforms
    if "PresentationCreationDate" in dataset:
        return _presentation
    return _attributes


def _report(dataset: Dataset) -> Iterator[_Line]:
    """Yield a structured report (PS3.3 section C.17.3)."""
    yield 0, _concept(dataset) or "Report", ""
    for label, keyword in (("Completion", "CompletionFlag"), ("Verification", "VerificationFlag")):
        if dataset.get(keyword):
            yield 1, label, str(dataset.get(keyword)).capitalize()
    yield from _content(dataset, 1)


def _content(item: Dataset, level: int) -> Iterator[_Line]:
    """Yield the items of any template; beyond a depth they are no longer indented."""
    for child in list(item.get("ContentSequence") or []):
        yield min(level, _MAX_DEPTH), _concept(child), _content_value(child)
        if level < _MAX_NESTING:
            yield from _content(child, level + 1)
        elif "ContentSequence" in child:
            yield _MAX_DEPTH, _REST, ""


def _concept(item: Dataset, keyword: str = "ConceptNameCodeSequence") -> str:
    codes = list(item.get(keyword) or [])
    if not codes:
        return ""
    values = ("CodeMeaning", "CodeValue", "LongCodeValue", "URNCodeValue")
    return next((str(codes[0].get(name)) for name in values if codes[0].get(name)), "")


def _content_value(item: Dataset) -> str:
    """Return the value of a content item by its value type (PS3.3 Table C.17.3-7)."""
    from pydicom.multival import MultiValue

    kind = str(item.get("ValueType") or "").strip().upper()
    if not kind and "TextValue" in item:
        kind = "TEXT"
    simple = {
        "TEXT": "TextValue",
        "DATETIME": "DateTime",
        "DATE": "Date",
        "TIME": "Time",
        "PNAME": "PersonName",
        "UIDREF": "UID",
        "SCOORD": "GraphicType",
        "SCOORD3D": "GraphicType",
        "TCOORD": "TemporalRangeType",
    }
    if kind in simple:
        return _shown(kind, str(item.get(simple[kind]) or ""))
    if kind == "CODE":
        return _concept(item, "ConceptCodeSequence")
    if kind == "NUM":
        return _measured(item)
    if kind in {"IMAGE", "COMPOSITE", "WAVEFORM"}:
        return _reference(item)
    place = item.get("ReferencedContentItemIdentifier")  # PS3.3 section C.17.3.2.5
    if place is not None:
        places = place if isinstance(place, list | MultiValue) else [place]
        return "see item " + ".".join(str(one) for one in places)
    return "" if kind in {"", "CONTAINER"} else f"[{kind.lower()}: not shown]"


def _shown(kind: str, value: str) -> str:
    if kind == "PNAME":
        groups = (group.replace("^", " ").split() for group in value.split("="))
        return next((" ".join(words) for words in groups if words), "")
    if kind in {"DATE", "DATETIME", "TIME"} and value[:2].isdigit():
        return _moment(value if kind != "TIME" else f"{'':8}{value}")
    return value


def _moment(value: str) -> str:
    """Return a date, a time behind eight places, or both, with the zone as written."""
    start = next((i for i, letter in enumerate(value) if letter in "+-"), len(value))
    digits = value[:start].partition(".")[0]
    day = "-".join(filter(None, (digits[:4].strip(), digits[4:6].strip(), digits[6:8].strip())))
    time = ":".join(digits[i : i + 2] for i in range(8, min(len(digits), 14), 2))
    return " ".join(filter(None, (day, time, value[start:])))


def _measured(item: Dataset) -> str:
    measured = list(item.get("MeasuredValueSequence") or [])
    qualifier = _concept(item, "NumericValueQualifierCodeSequence")
    if not measured:
        return qualifier
    units = list(measured[0].get("MeasurementUnitsCodeSequence") or [])
    unit = str(units[0].get("CodeValue") or "") if units else ""
    unit = "" if unit in {"1", "{nounits}", "no units"} else unit
    said = f"({qualifier})" if qualifier else ""
    return " ".join(filter(None, (str(measured[0].get("NumericValue", "")), unit, said)))


def _reference(item: Dataset) -> str:
    references = list(item.get("ReferencedSOPSequence") or [])
    if not references:
        return ""
    frames = references[0].get("ReferencedFrameNumber")
    suffix = f", frame {frames}" if frames else ""
    return f"{references[0].get('ReferencedSOPInstanceUID', '')}{suffix}"


def _structures(dataset: Dataset) -> Iterator[_Line]:
    """Yield names and types of regions (PS3.3 sections C.8.8.5 and C.8.8.8)."""
    yield 0, "Structure set", str(dataset.get("StructureSetLabel") or "")
    kinds = {
        item.get("ReferencedROINumber"): str(item.get("RTROIInterpretedType") or "")
        for item in list(dataset.get("RTROIObservationsSequence") or [])
    }
    contours = {
        item.get("ReferencedROINumber"): len(list(item.get("ContourSequence") or []))
        for item in list(dataset.get("ROIContourSequence") or [])
    }
    for item in list(dataset.get("StructureSetROISequence") or []):
        number = item.get("ROINumber")
        details = [kinds.get(number, ""), f"{contours.get(number, 0)} contours"]
        yield 1, str(item.get("ROIName") or number), ", ".join(filter(None, details))


def _treatment(dataset: Dataset) -> Iterator[_Line]:
    """Yield a treatment plan: prescription, fractions, beams (PS3.3 sections C.8.8.10 to 14)."""
    yield 0, "Plan", str(dataset.get("RTPlanLabel") or "")
    for keyword in ("RTPlanName", "RTPlanDescription", "ApprovalStatus", "RTPlanDate"):
        if dataset.get(keyword):
            yield 1, _spaced(keyword), str(dataset.get(keyword))
    for item in list(dataset.get("DoseReferenceSequence") or []):
        dose = item.get("TargetPrescriptionDose")
        text = "" if dose is None else f"{dose} Gy"
        yield 1, str(item.get("DoseReferenceDescription") or "Dose reference"), text
    for item in list(dataset.get("FractionGroupSequence") or []):
        yield 1, "Fractions planned", str(item.get("NumberOfFractionsPlanned") or "")
    for item in list(dataset.get("BeamSequence") or []):
        details = (
            item.get("RadiationType"),
            item.get("BeamType"),
            item.get("TreatmentMachineName"),
        )
        name = str(item.get("BeamName") or item.get("BeamNumber") or "")
        yield 1, f"Beam {name}", ", ".join(str(part) for part in details if part)


def _waveforms(dataset: Dataset) -> Iterator[_Line]:
    """Yield channels of waveforms (PS3.3 section C.10.9) and annotations."""
    for item in list(dataset.get("WaveformSequence") or []):
        label = str(item.get("MultiplexGroupLabel") or "Waveform")
        n_samples, rate = item.get("NumberOfWaveformSamples"), item.get("SamplingFrequency")
        yield 0, label, f"{n_samples} samples at {rate} Hz"
        for channel in list(item.get("ChannelDefinitionSequence") or []):
            name = _concept(channel, "ChannelSourceSequence") or str(
                channel.get("ChannelLabel") or ""
            )
            yield 1, "Channel", name
    for item in list(dataset.get("WaveformAnnotationSequence") or []):
        value = str(item.get("UnformattedTextValue") or _measured_annotation(item))
        yield 0, _concept(item) or "Annotation", value


def _measured_annotation(item: Dataset) -> str:
    number = item.get("NumericValue")
    units = list(item.get("MeasurementUnitsCodeSequence") or [])
    unit = str(units[0].get("CodeValue") or "") if units else ""
    return "" if number is None else f"{number} {unit}".strip()


def _presentation(dataset: Dataset) -> Iterator[_Line]:
    """Yield what a presentation state says and on which images (PS3.3 section C.11.10)."""
    yield 0, "Presentation state", str(dataset.get("ContentLabel") or "")
    for keyword in ("ContentDescription", "ContentCreatorName", "PresentationCreationDate"):
        if dataset.get(keyword):
            yield 1, _spaced(keyword), str(dataset.get(keyword))
    n_images = sum(
        len(list(item.get("ReferencedImageSequence") or []))
        for item in list(dataset.get("ReferencedSeriesSequence") or [])
    )
    yield 1, "Images", str(n_images)
    for item in list(dataset.get("GraphicAnnotationSequence") or []):
        for text in list(item.get("TextObjectSequence") or []):
            yield 1, "Text", str(text.get("UnformattedTextValue") or "")


def _attributes(dataset: Dataset) -> Iterator[_Line]:
    """Yield every attribute that people read, for classes without a form of their own."""
    yield from _elements(dataset, 0)


def _elements(dataset: Dataset, level: int) -> Iterator[_Line]:
    for element in dataset:
        hidden = element.tag.group in _HIDDEN_GROUPS or element.keyword in _HIDDEN
        if element.tag.is_private or hidden or not element.value:
            continue
        if element.VR == "SQ" and level < 4:
            yield level, element.name, ""
            for item in element.value:
                yield from _elements(item, level + 1)
        elif element.VR in _READABLE:
            yield level, element.name, _joined(element.value)


def _joined(value: Any) -> str:
    several = hasattr(value, "__iter__") and not isinstance(value, str)
    if several:
        parts = list(value)
        shown = ", ".join(str(part) for part in parts[:32])
        return shown + (f" … ({len(parts)} values)" if len(parts) > 32 else "")
    return str(value)


def _spaced(keyword: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", keyword.removeprefix("RT")).capitalize()
