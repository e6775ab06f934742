"""Objects that are damaged, odd, or hide things: handled, or refused by name."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.anonymize import Anonymizer, DeidError, Option, Profile, Reason, SiteRules
from emixcli.deid.markers import meta
from emixcli.deid.parse import encode, encode_item
from emixcli.errors import EmixError
from tests.unit.deid.making import (
    CT,
    META,
    NAME,
    PIXELS,
    item,
    make,
    read,
    refused,
    run,
    run_profile,
)

# -- bad input -----------------------------------------------------------------------------------


def test_no_preamble_and_no_meta() -> None:
    data = make(NAME)
    assert run(data[len(META) :])[0] == run(data)[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.NO_DICOM),
        (b"Zzyzx" * 200, Reason.NO_DICOM),
        (make(NAME)[:-9], Reason.TRUNCATED),
        (make(NAME | PIXELS)[:-1], Reason.TRUNCATED),
        (make({}, sop_class="1.2.840.10008.1.3.10"), Reason.DICOMDIR),
        (make({}, sop_class="1.3.12.2.1107.5.9.1"), Reason.UNKNOWN_SOP_CLASS),
        (make({}, sop_class=""), Reason.NO_SOP_CLASS),
        (make({0x00080018: ("UI", b"")}), Reason.NO_UID),
        (make({}).replace(b"10008.1.2.1\0", b"10008.1.9.1\0"), Reason.UNKNOWN_SYNTAX),
        (make({0x00420011: ("OB", b"\1\2"), 0x00420012: ("LO", b"x/zzyzx ")}), Reason.DOCUMENT),
        (make({}) + b"\x10\0\x10\0ZZ\4\0Zzyz", Reason.MALFORMED),
    ],
)  # fmt: skip
def test_what_cannot_be_made_safe_is_refused_by_name(data: bytes, reason: Reason) -> None:
    assert refused(data) == reason


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00280010, "US", b"\0\0"), (0x00280011, "US", b"\0\0"), (0x00280100, "US", b"\0\0"),
        (0x00280010, "US", b""), (0x00280008, "IS", b"0 "), (0x00280008, "IS", b"-1"),
        (0x00280008, "IS", b"x "),
    ],
)  # fmt: skip
def test_an_image_without_a_size_is_refused(tag: int, vr: str, value: bytes) -> None:
    data = make(NAME | PIXELS | {tag: (vr, value)})
    assert refused(data) == "pixels.damaged"
    with pytest.raises(DeidError):
        run_profile(data, Profile(accept_risk="looked at"))


def test_a_sign_before_the_number_of_frames_is_read() -> None:
    assert run(make(NAME | PIXELS | {0x00280008: ("IS", b"+1")}))


def test_a_nest_too_deep_is_refused() -> None:
    content = b""
    for _ in range(80):
        content = encode(0x00081199, "SQ", encode_item(content), explicit=True)
    assert refused(make({}) + content) == Reason.TOO_DEEP


def test_a_site_can_take_a_private_sop_class_upon_itself() -> None:
    sop_class = "1.3.12.2.1107.5.9.1"
    profile = Profile(rules=SiteRules(accept_sop_classes=frozenset({sop_class})))
    ds = read(run_profile(make(NAME, sop_class=sop_class), profile)[0])
    assert ds.SOPClassUID == sop_class


@pytest.mark.parametrize("number", ["2.3", "2.5", "9.100.1", "9.100.2", "66.7", "601.5"])
def test_classes_of_newer_editions_are_known(number: str) -> None:
    sop_class = f"1.2.840.10008.5.1.4.1.1.{number}"
    assert read(run(make(NAME, sop_class=sop_class))[0]).SOPClassUID == sop_class


def test_doubles_unordered_and_unknown_elements() -> None:
    extra = (
        encode(0x00100010, "PN", b"Zzyzx^Two ", explicit=True)
        + encode(0x00080050, "SH", b"ZZYZX1", explicit=True)
        + encode(0x00200999, "LO", b"Zzyzx ", explicit=True)
        + encode(0x00080000, "UL", b"Zzyz", explicit=True)
    )
    output, _ = run(make(NAME) + extra)
    ds = read(output)
    tags = [element.tag for element in ds]
    assert tags == sorted(set(tags))
    assert b"zzyz" not in output.lower()
    assert 0x00200999 not in ds


@pytest.mark.parametrize("tail", [b"Zzyzx", b"\0" * 7, b"\0" * 700, b"Zzyzx garbage" * 9])
def test_bytes_behind_the_pixel_data_do_not_go_out(tail: bytes) -> None:
    assert run(make(NAME | PIXELS) + tail)[0] == run(make(NAME | PIXELS))[0]


def test_padding_and_signatures_behind_the_pixel_data_go() -> None:
    tail = encode(0xFFFCFFFC, "OB", b"Zzyzx ", explicit=True)
    tail += encode(0xFFFAFFFA, "SQ", b"", explicit=True)
    assert run(make(NAME | PIXELS) + tail)[0] == run(make(NAME | PIXELS))[0]


def test_a_nul_hides_nothing() -> None:
    output, _ = run(make({0x00080070: ("LO", b"Acme\0Zzyzx")}))
    assert read(output).Manufacturer == "Acme"
    assert b"Zzyzx" not in output


@given(st.binary(max_size=600))
@settings(max_examples=300)
def test_random_bytes_raise_only_our_errors(data: bytes) -> None:
    for start in (b"", bytes(128) + b"DICM", make({})):
        try:
            run(start + data)
        except EmixError:
            continue


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
@settings(max_examples=300)
def test_damaged_objects_raise_only_our_errors(at: int, damage: bytes) -> None:
    data = bytearray(make(NAME | PIXELS | {0x00081199: ("SQ", item(b""))}))
    at = min(132 + at, len(data) - len(damage))
    data[at : at + len(damage)] = damage
    try:
        output, _ = run(bytes(data))
    except EmixError:
        return
    read(output)


# -- places that are easily overlooked -----------------------------------------------------------


def test_an_unknown_character_set_goes_with_what_it_writes() -> None:
    data = make(
        {
            0x00080005: ("CS", b"ZZYZX 100 "),
            0x00081090: ("LO", b"Model \xd4\xcf"),
            0x00080070: ("LO", b"Acme"),
        }
    )
    ds = read(run(data)[0])
    assert "SpecificCharacterSet" not in ds
    assert ds.ManufacturerModelName == "Model"


def test_pixels_inside_items_go() -> None:
    inner = item(
        encode(0x00080060, "CS", b"CT", explicit=True),
        encode(0x7FE00010, "OW", b"\1\2\3\4", explicit=True),
    )
    ds = read(run(make({0x00081199: ("SQ", inner)}))[0])
    assert ds.ReferencedSOPSequence[0].Modality == "CT"
    assert "PixelData" not in ds.ReferencedSOPSequence[0]


def test_an_element_without_vr_gets_one() -> None:
    data = make({}) + encode(0x00281054, "LO", b"HU", explicit=False)
    assert read(run(data)[0]).RescaleType == "HU"


def test_ages_above_89_are_one_group() -> None:
    for old, new in ((b"094Y", "090Y"), (b"089Y", "089Y"), (b"012M", "012M")):
        output, _ = run(make({0x00101010: ("AS", old)}), Option.RETAIN_PATIENT_CHARACTERISTICS)
        assert read(output).PatientAge == new


def test_numbers_that_are_dates_or_identifiers_go() -> None:
    data = make(
        {
            0x00100020: ("LO", b"00471108"),
            0x00200012: ("IS", b"471108"),
            0x00200013: ("IS", b"20240131"),
            0x00200011: ("IS", b"7 "),
            0x00281050: ("DS", b"40.000000 "),
        }
    )
    ds = read(run(data)[0])
    assert (ds.AcquisitionNumber, ds.InstanceNumber, ds.SeriesNumber) == (0, 0, 7)
    assert ds.WindowCenter == 40


def test_codes_that_devices_make_up_keep_words_only() -> None:
    data = make(
        {
            0x00080008: ("CS", b"ORIGINAL\\PRIMARY\\AXIAL\\ZZYZXNAME\\CT_SOM5 SPI "),
            0x00180015: ("CS", b"ABDOMENPELVIS "),
            0x00700080: ("CS", b"ZZYZXNAME "),
        }
    )
    ds = read(run(data)[0])
    assert ds.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL", "OTHER", "CT_SOM5 SPI"]
    assert ds.BodyPartExamined == "ABDOMENPELVIS"
    assert ds.ContentLabel == "OTHER"


def test_values_that_depend_on_others_go_with_them() -> None:
    output, _ = run(
        make({0x00102297: ("PN", b"Zzyzx "), 0x00102298: ("CS", b"OWNER "),
              0x00120081: ("LO", b"Zzyzx "), 0x00120082: ("LO", b"4711")})
    )  # fmt: skip
    ds = read(output)
    assert "ResponsiblePersonRole" not in ds
    assert "ClinicalTrialProtocolEthicsCommitteeName" not in ds


def test_what_stands_behind_the_pixel_data_in_its_group_goes() -> None:
    data = make(NAME | PIXELS | {0x7FE00020: ("OW", b"Mabuse Hans "), 0x7FE00040: ("OB", b"Hans")})
    output, _ = run(data)
    assert b"Mabuse" not in output
    assert b"Hans" not in output
    assert read(output).PixelData == PIXELS[0x7FE00010][1]


def test_a_meta_group_cut_after_a_good_one_is_refused() -> None:
    anonymizer = Anonymizer(Profile(), bytes(32))
    good = make(NAME | PIXELS)
    anonymizer.anonymize(io.BytesIO(good)).close()
    at = good.index(b"\2\0\3\0UI")
    for length in range(at, at + 80):
        with pytest.raises(EmixError):
            anonymizer.anonymize(io.BytesIO(good[:length]))


def test_big_endian_samples_of_an_odd_width_are_refused_before_the_first_byte() -> None:
    elements = {
        tag: (vr, value[::-1] if vr == "US" else value) for tag, (vr, value) in PIXELS.items()
    }
    elements[0x00280100] = ("US", b"\0\x50")
    body = b"".join(
        struct.pack(">HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
        + (struct.pack(">HI", 0, len(value)) if vr == "OW" else struct.pack(">H", len(value)))
        + value
        for tag, (vr, value) in sorted(
            {0x00080016: ("UI", CT.encode() + b"\0"), 0x00080018: ("UI", b"1.2.3\0")}.items()
            | elements.items()
        )
    )
    with pytest.raises(DeidError) as caught:
        run(meta(CT, "1.2.3", "1.2.840.10008.1.2.2") + body)
    assert caught.value.reason == Reason.ENCODING


@pytest.mark.parametrize(("tag", "vr"), [(0x00281201, "OW"), (0x56000020, "OF")])
def test_a_name_in_numbers_is_found(tag: int, vr: str) -> None:
    data = make(NAME | PIXELS | {tag: (vr, b"Zzyzx^Given".ljust(64))})
    assert b"Zzyzx" not in run(data)[0]


@pytest.mark.parametrize("explicit", [True, False])
def test_long_content_is_made_of_dummies_like_short_content(explicit: bool) -> None:
    text = encode(0x0040A040, "CS", b"TEXT", explicit=explicit)
    text += encode(0x0040A160, "UT", b"Zzyzx " * 20, explicit=explicit)
    content = encode_item(text) * 2000
    sr = "1.2.840.10008.5.1.4.1.1.88.33"
    output, _ = run(make({0x0040A730: ("SQ", content)}, sop_class=sr, explicit=explicit))
    assert len(content) > 256 * 1024
    assert len(read(output).ContentSequence) == 2000
    assert b"Zzyzx" not in output
