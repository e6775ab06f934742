"""What differs from frame to frame: functional groups of enhanced objects, planes of a dose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset

    from emixcli.container.index import Fields

_MAX_FRAMES = 65_536
#: Functional group, attribute, field and number of values (PS3.3 section C.7.6.16.2).
_GROUPS = (
    ("PlanePositionSequence", "ImagePositionPatient", "position", 3),
    ("PlaneOrientationSequence", "ImageOrientationPatient", "orientation", 6),
    ("PixelMeasuresSequence", "PixelSpacing", "spacing", 2),
    ("PixelMeasuresSequence", "SliceThickness", "thickness", 1),
    ("PixelValueTransformationSequence", "RescaleSlope", "slope", 1),
    ("PixelValueTransformationSequence", "RescaleIntercept", "intercept", 1),
)


def add_functional_groups(dataset: Dataset, fields: Fields) -> None:
    """Add shared groups to the image's own fields, others as `frame_info`."""
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
    for item in shared[:1]:
        found = _frame(item)
        if "spacing" in found:
            fields.setdefault("spacing_kind", "patient")
        kind = _first(item, "PixelValueTransformationSequence").get("RescaleType")
        if kind:
            fields.setdefault("rescale_type", str(kind))
        for name, value in found.items():
            fields.setdefault(name, value)
    frames = [_frame(item) for item in list(dataset.get("PerFrameFunctionalGroupsSequence") or [])]
    if any(frames) and len(frames) <= _MAX_FRAMES:
        fields["frame_info"] = frames
        if any("spacing" in frame for frame in frames):
            fields.setdefault("spacing_kind", "patient")


def _first(item: Dataset, keyword: str) -> Mapping[str, Any]:
    items = list(item.get(keyword) or [])
    found: Mapping[str, Any] = items[0] if items else {}
    return found


def _frame(item: Dataset) -> Fields:
    fields: Fields = {}
    for sequence, keyword, name, count in _GROUPS:
        values = _numbers(_first(item, sequence).get(keyword))
        if len(values) == count:
            fields[name] = values[0] if count == 1 else values
    windows = _windows(_first(item, "FrameVOILUTSequence"))
    if windows:
        fields["windows"] = windows
    return fields


def _windows(item: Mapping[str, Any]) -> list[list[Any]]:
    centres, widths = _numbers(item.get("WindowCenter")), _numbers(item.get("WindowWidth"))
    names = item.get("WindowCenterWidthExplanation") or ""
    texts = [str(names)] if isinstance(names, str) else [str(name) for name in names]
    return [
        [centre, width, texts[index] if index < len(texts) else ""]
        for index, (centre, width) in enumerate(zip(centres, widths, strict=False))
        if width > 0
    ]


def _numbers(value: Any) -> list[float]:
    """Return finite numbers, [] where one is not."""
    if value is None or value == "":
        return []
    several = hasattr(value, "__iter__") and not isinstance(value, str)
    values = [float(part) for part in (value if several else [value])]
    return values if all(map(math.isfinite, values)) else []


def add_dose_frames(dataset: Dataset, fields: Fields) -> None:
    """Add plane positions and scaling of an RT Dose (PS3.3 section C.8.8.3)."""
    scaling = _numbers(dataset.get("DoseGridScaling"))
    if len(scaling) == 1 and "slope" not in fields:
        fields["slope"], fields["intercept"] = scaling[0], 0
        fields["rescale_type"] = str(dataset.get("DoseUnits") or "GY")
    offsets = _numbers(dataset.get("GridFrameOffsetVector"))
    position, orientation = fields.get("position"), fields.get("orientation")
    if not position or not orientation or not 1 < len(offsets) == fields.get("frames"):
        return
    row, column = orientation[:3], orientation[3:]
    normal = [
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    ]
    # C.8.8.3.2: relative to the position, or absolute along the axis where the first is not 0
    base = 0.0 if offsets[0] == 0 else offsets[0]
    fields["frame_info"] = [
        {
            "position": [
                round(start + (offset - base) * part, 6)
                for start, part in zip(position, normal, strict=True)
            ]
        }
        for offset in offsets
    ]
