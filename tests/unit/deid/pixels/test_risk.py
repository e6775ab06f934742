from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from emixcli.deid.pixels.facts import Region
from emixcli.deid.pixels.risk import Policy, assess, describe, hint
from emixcli.deid.pixels.rules import load_risks, reasons
from emixcli.demo import objects
from tests.unit.deid.pixels.images import (
    MR,
    SC,
    US,
    burn,
    clean,
    facts_of,
    frames_of,
    image,
    outside,
    speckle,
    to_bytes,
)
from tests.unit.deid.pixels.test_rules import CT, facts

CLEAN = Policy(clean=True)
XA = "1.2.840.10008.5.1.4.1.1.12.1"
ENDOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.1"
PHOTO = "1.2.840.10008.5.1.4.1.1.77.1.4"

RISKY: list[tuple[str, dict[str, Any]]] = [
    ("pixels.burned-in", {"BurnedInAnnotation": "YES"}),
    ("pixels.scanned-document", {"SOPClassUID": SC, "ConversionType": "SD", "Modality": "OT"}),
    ("pixels.film", {"SOPClassUID": SC, "ConversionType": "DF", "Modality": "CR"}),
    ("pixels.slide-label", {"Modality": "SM", "ImageType": "ORIGINAL\\PRIMARY\\LABEL\\NONE"}),
    ("pixels.slide-label", {"Modality": "SM", "ImageType": "ORIGINAL\\PRIMARY\\OVERVIEW\\NONE"}),
    ("pixels.screenshot", {"Modality": "CT", "ImageType": "DERIVED\\SECONDARY\\SCREEN SAVE"}),
    ("pixels.screenshot", {"Modality": "MR", "SeriesDescription": "Patient Protocol"}),
    (
        "pixels.screenshot",
        {"Modality": "CT", "ImageType": "DERIVED\\SECONDARY\\OTHER\\CT_SOM5 PROT"},
    ),
    ("pixels.screenshot", {"Modality": "CT", "SeriesDescription": "Dose Info"}),
    ("pixels.secondary-capture", {"SOPClassUID": SC, "Modality": "CT"}),
    ("pixels.secondary-capture", {"SOPClassUID": f"{SC}.4", "Modality": "CT"}),
    ("pixels.video-capture", {"Modality": "CT", "ConversionType": "DV"}),
    ("pixels.ultrasound", {"SOPClassUID": US, "Modality": "US"}),
    ("pixels.ultrasound", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1", "Modality": "XX"}),
    ("pixels.ultrasound", {"Modality": "IVUS"}),
    ("pixels.angiography", {"SOPClassUID": XA, "Modality": "XA"}),
    ("pixels.angiography", {"Modality": "RF"}),
    ("pixels.endoscopy", {"SOPClassUID": ENDOSCOPY, "Modality": "XX"}),
    ("pixels.endoscopy", {"SOPClassUID": f"{ENDOSCOPY}.1", "Modality": "ES"}),
    ("pixels.dermatology", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.7", "Modality": "DMS"}),
    ("pixels.photograph", {"SOPClassUID": PHOTO, "Modality": "XC"}),
    ("pixels.eye-photograph", {"Modality": "OP"}),
    ("pixels.colour-slice", {"Modality": "CT", "SamplesPerPixel": 3}),
    ("pixels.other-modality", {"Modality": "OT"}),
    ("pixels.other-modality", {}),
]
#: Burned In Annotation NO is not believed of these.
STUBBORN = {"pixels.burned-in", "pixels.scanned-document", "pixels.film", "pixels.slide-label",
            "pixels.screenshot"}  # fmt: skip


def test_every_risk_has_an_example() -> None:
    assert {reason for reason, _ in RISKY} == {risk.id for risk in load_risks()}


@pytest.mark.parametrize(("reason", "values"), RISKY)
@pytest.mark.parametrize("policy", [CLEAN, Policy()])
def test_risky_images_are_refused(reason: str, values: dict[str, Any], policy: Policy) -> None:
    found = assess(facts(values), policy)
    assert found.refusal == reason
    assert found.regions == ()
    assert not found.cleaned
    assert describe(reason)
    assert "--accept-risk" in hint(reason)


@pytest.mark.parametrize(("reason", "values"), RISKY)
def test_an_accepted_risk_is_recorded_and_not_called_clean(
    reason: str, values: dict[str, Any]
) -> None:
    found = assess(facts(values), Policy(clean=True, accept_risk="all images were looked at"))
    assert found.refusal is None
    assert found.accepted == reason
    assert not found.cleaned


@pytest.mark.parametrize(("reason", "values"), RISKY)
def test_a_header_that_says_no_is_believed_where_that_is_sound(
    reason: str, values: dict[str, Any]
) -> None:
    declared = {"BurnedInAnnotation": "NO", "RecognizableVisualFeatures": "NO"}
    found = assess(facts(declared | values), CLEAN)
    assert found.refusal == (reason if reason in STUBBORN else None)


@pytest.mark.parametrize("reason", ["pixels.photograph", "pixels.dermatology"])
def test_no_text_is_not_enough_where_a_face_may_be_seen(reason: str) -> None:
    values = dict(RISKY)[reason] | {"BurnedInAnnotation": "NO"}
    assert assess(facts(values), CLEAN).refusal == reason


@pytest.mark.parametrize(
    "values",
    [
        {"Modality": "CT", "ImageType": "ORIGINAL\\PRIMARY\\AXIAL", "BodyPartExamined": "CHEST"},
        {"Modality": "MR", "SOPClassUID": MR, "BodyPartExamined": "KNEE"},
        {"Modality": "CT", "ImageType": "DERIVED\\SECONDARY\\MPR"},
        {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"},
        {"Modality": "DX", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1"},
        {"Modality": "MG", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2"},
        {"Modality": "PT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128"},
        {"Modality": "NM", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.20"},
        {"Modality": "SM", "ImageType": "ORIGINAL\\PRIMARY\\VOLUME\\NONE"},
        {"Modality": "SEG"},
    ],
)
@pytest.mark.parametrize("policy", [CLEAN, Policy()])
def test_ordinary_images_stay_as_they_are(values: dict[str, Any], policy: Policy) -> None:
    found = assess(facts(values), policy)
    assert found.refusal is None
    assert found.accepted is None
    assert found.regions == ()
    assert found.cleaned == policy.clean


@pytest.mark.parametrize(
    ("values", "head"),
    [
        ({"BodyPartExamined": "HEAD"}, True),
        ({"BodyPartExamined": "Brain"}, True),
        ({"BodyPartExamined": "HEAD", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.3"}, True),
        ({"SOPClassUID": MR, "SeriesDescription": "T1 MPRAGE sag"}, True),
        ({"StudyDescription": "CT Schädel nativ".encode("latin-1")}, True),
        ({"StudyDescription": "CT Schädel nativ".encode()}, True),
        ({"ProtocolName": "1.1 Head_Routine"}, True),
        ({"AnatomicRegionSequence": b"\xfe\xff\0\xe069536005"}, True),
        ({"BodyPartExamined": "CHEST", "SeriesDescription": "thorax and head"}, True),
        ({"BodyPartExamined": "HIP", "SeriesDescription": "left femoral head"}, False),
        ({"BodyPartExamined": "HEAD", "RecognizableVisualFeatures": "NO"}, False),
        ({"BodyPartExamined": "ABDOMEN", "SeriesDescription": "overhead"}, False),
        ({"BodyPartExamined": "HEAD", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"}, False),
    ],
)
def test_a_face_in_slices_of_a_head_is_a_risk(values: dict[str, Any], head: bool) -> None:
    image = facts({"Modality": "CT"} | values)
    assert assess(image, CLEAN).refusal == ("pixels.face" if head else None)
    asked = assess(image, Policy(clean=True, faces=True))
    assert asked.refusal == ("pixels.face-removal" if head else None)
    masked = assess(image, Policy(clean=True, faces=True, masks=True))
    assert masked.refusal is None
    assert masked.face == head
    assert "--clean-recognizable" in hint("pixels.face")


def _ultrasound(*regions: tuple[int, int, int, int], **more: Any) -> tuple[bytes, np.ndarray]:
    pixels = speckle(3, 120, 160, 3) + 20
    for sample in range(3):
        burn(pixels[..., sample], "DOE JANE", at=(3, 4), value=255)
        burn(pixels[..., sample], "DOE", at=(100, 120), value=255)
    ds = image(
        pixels.tobytes(), Rows=120, Columns=160, NumberOfFrames=3, SamplesPerPixel=3,
        PlanarConfiguration=0, PhotometricInterpretation="RGB", Manufacturer="Nobody", **more,
    )  # fmt: skip
    items = []
    for x0, y0, x1, y1 in regions:
        item = Dataset()
        item.RegionSpatialFormat, item.RegionDataType = 1, 1
        item.RegionLocationMinX0, item.RegionLocationMinY0 = x0, y0
        item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x1, y1
        items.append(item)
    if items:
        ds.SequenceOfUltrasoundRegions = items
    return to_bytes(ds), pixels


def test_what_lies_outside_all_ultrasound_regions_becomes_black() -> None:
    kept = [(10, 25, 99, 95), (60, 20, 139, 60)]
    data, pixels = _ultrasound(*kept)
    found = assess(facts_of(data), CLEAN)
    assert found.refusal is None
    assert found.rules == ("us-regions",)
    assert found.cleaned
    result, _ = clean(data, found.regions)
    inside = [Region(x0, y0, x1 + 1, y1 + 1) for x0, y0, x1, y1 in kept]  # the corners belong
    margin = outside(inside, 120, 160)
    after = frames_of(result)
    assert np.array_equal(after[:, ~margin], pixels[:, ~margin])
    assert not after[:, margin].any()


@pytest.mark.parametrize(
    "regions", [[], [(0, 0, 159, 119)], [(0, 0, 159, 118)], [(200, 200, 300, 300)], [(9, 9, 3, 3)]]
)
def test_regions_that_leave_no_margin_clean_nothing(
    regions: list[tuple[int, int, int, int]],
) -> None:
    data, _ = _ultrasound(*regions)
    assert assess(facts_of(data), CLEAN).refusal == "pixels.ultrasound"


@pytest.mark.parametrize(("spatial", "kind", "kept"), [(5, 0, False), (0, 0, False), (5, 14, True),
                                                       (1, 1, True), (4, 10, True)])  # fmt: skip
@pytest.mark.parametrize("implicit", [False, True])
def test_a_region_of_graphics_alone_is_no_image(
    spatial: int, kind: int, kept: bool, implicit: bool
) -> None:
    def element(number: int, vr: bytes, value: int, size: int) -> bytes:
        tag = b"\x18\0" + number.to_bytes(2, "little")
        head = size.to_bytes(4, "little") if implicit else vr + size.to_bytes(2, "little")
        return tag + head + value.to_bytes(size, "little")

    def item(spatial: int, kind: int, *corners: int) -> bytes:
        body = element(0x6012, b"US", spatial, 2) + element(0x6014, b"US", kind, 2)
        for number, corner in zip(range(0x6018, 0x6020, 2), corners, strict=True):
            body += element(number, b"UL", corner, 4)
        return b"\xfe\xff\0\xe0" + len(body).to_bytes(4, "little") + body

    value = item(1, 1, 100, 100, 699, 499) + item(spatial, kind, 0, 0, 799, 39)
    regions = facts({"SequenceOfUltrasoundRegions": value}).ultrasound_regions()
    top = [Region(0, 0, 800, 40)] if kept else []
    assert list(regions) == [Region(100, 100, 700, 500), *top]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xfe\xff\0\xe0",
        b"\xfe\xff\0\xe0\xff\xff\xff\xff",
        b"\xfe\xff\0\xe0\x08\0\0\0\x18\0\x18\x60UL\x04\0",
        b"x" * 40,
    ],
)
def test_regions_that_cannot_be_read_are_none(value: bytes) -> None:
    image = facts({"SequenceOfUltrasoundRegions": value, "Modality": "US"})
    assert image.ultrasound_regions() == ()
    assert assess(image, CLEAN).refusal == "pixels.ultrasound"


def test_regions_of_an_image_that_was_scaled_afterwards_are_not_believed() -> None:
    data, _ = _ultrasound((10, 25, 99, 95), (60, 20, 200, 60))
    assert assess(facts_of(data), CLEAN).refusal == "pixels.ultrasound"
    edge, _ = _ultrasound((10, 25, 160, 119))  # some devices count from 1
    assert assess(facts_of(edge), CLEAN).cleaned


def test_margins_are_blackened_also_where_the_header_denies_text() -> None:
    data, _ = _ultrasound((10, 25, 99, 95), BurnedInAnnotation="NO")
    assert assess(facts_of(data), CLEAN).regions
    assert assess(facts_of(data), Policy()).refusal is None
    assert not assess(facts_of(data), Policy()).regions


def test_text_that_the_header_admits_is_cleaned_where_the_margins_are_known() -> None:
    data, _ = _ultrasound((10, 25, 99, 95), BurnedInAnnotation="YES")
    assert assess(facts_of(data), CLEAN).cleaned
    assert assess(facts_of(data), Policy()).refusal == "pixels.burned-in"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.91"])
def test_regions_in_a_compression_that_cannot_be_cleaned_are_refused(syntax: str) -> None:
    data, _ = _ultrasound((10, 25, 99, 95))
    image = facts_of(data)
    other = type(image)(image.values, syntax)
    assert assess(other, CLEAN).refusal == "pixels.codec"
    accepted = assess(other, Policy(clean=True, accept_risk="seen"))
    assert accepted.accepted == "pixels.codec"
    assert accepted.regions == ()


def test_the_demonstration_ultrasound_is_cleaned() -> None:
    ds = next(iter(objects.us_series()))
    data = objects.to_bytes(ds)
    found = assess(facts_of(data), CLEAN)
    assert found.cleaned
    result, _ = clean(data, found.regions)
    before, after = frames_of(data), frames_of(result)
    free = outside(found.regions, *before.shape[1:3])
    assert free.sum() == (611 - 28 + 1) * (461 - 22 + 1)
    assert np.array_equal(before[:, free], after[:, free])
    assert not after[:, ~free].any()


def test_a_known_device_is_cleaned_without_regions() -> None:
    pixels = speckle(480, 640) + 20
    burn(pixels, "DOE JANE", at=(4, 10), value=255)
    ds = image(
        pixels.tobytes(), Rows=480, Columns=640, Manufacturer="Philips Medical Systems",
        ManufacturerModelName="iU22", BurnedInAnnotation="YES",
    )  # fmt: skip
    data = to_bytes(ds)
    found = assess(facts_of(data), CLEAN)
    assert found.regions == (Region(0, 0, 640, 47),)
    assert found.cleaned
    result, _ = clean(data, found.regions)
    after = dcmread(io.BytesIO(result)).pixel_array
    assert not after[:47].any()
    assert np.array_equal(after[47:], pixels[47:])


def test_an_unknown_reason_has_no_words() -> None:
    with pytest.raises(KeyError):
        describe("pixels.nonsense")
    assert {"pixels.codec", "pixels.damaged", "pixels.face", "pixels.needs-cleaning"} <= set(
        reasons()
    )


def test_assessments_do_not_depend_on_what_came_before() -> None:
    for values, refusal in ((RISKY[0][1], RISKY[0][0]), ({"Modality": "CT"}, None)) * 3:
        assert assess(facts({"SOPClassUID": CT} | values), CLEAN).refusal == refusal


def test_videos_are_refused_since_nobody_has_seen_their_pictures() -> None:
    video = facts({"BurnedInAnnotation": "NO"}, "1.2.840.10008.1.2.4.102")
    assert assess(video, Policy()).refusal == "pixels.codec"
    accepted = assess(video, Policy(accept_risk="looked at"))
    assert accepted.refusal is None
    assert accepted.accepted == "pixels.codec"
