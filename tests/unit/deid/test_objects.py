"""Whole objects: file meta, markers, encodings, bad input."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from pydicom.uid import UID

from emixcli.anonymize import Anonymizer, DeidError, Option, Profile, Reason
from emixcli.deid.markers import meta
from emixcli.deid.options import BASIC_CODE, OPTION_CODES
from emixcli.deid.parse import UNDEFINED, encode, encode_item
from emixcli.errors import UsageError
from tests.unit.deid.making import (
    CT,
    EXPLICIT,
    KEY,
    META,
    NAME,
    PIXELS,
    UID_ROOT,
    item,
    make,
    read,
    refused,
    run,
)

# -- file meta and markers ---------------------------------------------------------------------


def test_preamble_and_file_meta_are_new() -> None:
    data = bytearray(make(NAME))
    data[:4] = b"II*\0"
    data[64:80] = b"Zzyzx in a TIFF "
    old = struct.pack("<HH2sH", 2, 0x16, b"AE", 6) + b"ZZYZX "
    at = len(META)
    output, made = run(bytes(data[:at]) + old + bytes(data[at:]))
    ds = read(output)
    assert output[:128] == bytes(128)
    assert b"zzyzx" not in output.lower()
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == made.sop_instance_uid
    assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID == CT == made.sop_class_uid
    assert made.study_uid == ds.StudyInstanceUID
    assert made.series_uid == ds.SeriesInstanceUID
    assert UID(made.study_uid).is_valid


@pytest.mark.parametrize("option", Option)
def test_markers_name_profile_and_option(option: Option) -> None:
    ds = read(run(make(NAME), option)[0])
    assert ds.PatientIdentityRemoved == "YES"
    assert "PS3.15" in ds.DeidentificationMethod
    codes = {
        item.CodeValue: (item.CodingSchemeDesignator, item.CodeMeaning)
        for item in ds.DeidentificationMethodCodeSequence
    }
    value, meaning = OPTION_CODES[option]
    assert codes == {BASIC_CODE[0]: ("DCM", BASIC_CODE[1]), value: ("DCM", meaning)}
    temporal = {Option.RETAIN_FULL_DATES: "UNMODIFIED", Option.RETAIN_MODIFIED_DATES: "MODIFIED"}
    assert ds[0x00280303].value == temporal.get(option, "REMOVED")


def test_earlier_methods_are_kept_but_not_their_text() -> None:
    earlier = item(
        encode(0x00080100, "SH", b"113107", explicit=True),
        encode(0x00080102, "SH", b"DCM", explicit=True),
        encode(0x00080104, "LO", b"By Zzyzx", explicit=True),
    ) + item(encode(0x00080100, "SH", b"ZZYZX", explicit=True))
    output, _ = run(make({0x00120063: ("LO", b"By Zzyzx"), 0x00120064: ("SQ", earlier)}))
    codes = [item.CodeValue for item in read(output).DeidentificationMethodCodeSequence]
    assert codes == ["113107", "113100"]
    assert b"zzyzx" not in output.lower()


def test_full_and_modified_dates_exclude_each_other() -> None:
    with pytest.raises(UsageError):
        Profile(options=frozenset({Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}))


# -- keys --------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_bytes_and_another_one_others() -> None:
    data = make(NAME | {0x00100020: ("LO", b"ZZ-4711 ")})
    first, again = run(data)[0], run(data)[0]
    assert first == again
    other = read(run(data, key=b"x" * 32)[0])
    assert other.PatientID != read(first).PatientID
    assert other.SOPInstanceUID != read(first).SOPInstanceUID


@pytest.mark.parametrize(
    "options",
    [(), (Option.RETAIN_MODIFIED_DATES, Option.CLEAN_DESCRIPTORS), (Option.RETAIN_FULL_DATES,)],
)
def test_doing_it_twice_changes_nothing(options: tuple[Option, ...]) -> None:
    data = make(
        NAME
        | PIXELS
        | {
            0x00080020: ("DA", b"20240131"),
            0x0008103E: ("LO", b"T2 of Zzyzx 2024-01-31"),
            0x00100020: ("LO", b"ZZ-4711 "),
        }
    )
    once = run(data, *options)[0]
    assert run(once, *options)[0] == once


def test_the_order_of_objects_does_not_matter() -> None:
    objects = [
        make(
            {
                0x00100010: ("PN", name),
                0x00081090: ("LO", b"Zzyzx Given"),
                0x00080060: ("CS", b"CT"),
                0x00200013: ("IS", b"%d" % number),
            },
            explicit=explicit,
        )
        for name in (b"Zzyzx^A ", b"Given^B ", b"", b"M\xfcller")
        for explicit in (True, False)
        for number in range(4)
    ]
    engine = Anonymizer(Profile(), KEY)
    forward = [b"".join(engine.anonymize(io.BytesIO(o)).iter_bytes(io.BytesIO(o))) for o in objects]
    alone = [run(data)[0] for data in objects]
    backward = [
        b"".join(engine.anonymize(io.BytesIO(o)).iter_bytes(io.BytesIO(o))) for o in objects[::-1]
    ]
    assert forward == alone == backward[::-1]


# -- encodings ---------------------------------------------------------------------------------


def test_implicit_stays_implicit() -> None:
    data = make(NAME | {0x00081030: ("LO", b"Zzyzx ")}, explicit=False)
    ds = read(run(data)[0])
    assert ds.file_meta.TransferSyntaxUID.is_implicit_VR
    assert ds.PatientName.family_name.startswith("ANON-")


def test_deflated_becomes_plain() -> None:
    data = make(NAME | PIXELS)
    at = len(META)
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = engine.compress(data[at:]) + engine.flush()
    deflated = meta(CT, f"{UID_ROOT}.1", "1.2.840.10008.1.2.1.99") + packed
    assert run(deflated)[0] == run(data)[0]
    assert refused(deflated[:-5]) == Reason.DEFLATED


def big_endian(*elements: tuple[int, str, bytes]) -> bytes:
    made = [meta(CT, f"{UID_ROOT}.1", "1.2.840.10008.1.2.2")]
    for tag, vr, value in elements:
        made.append(struct.pack(">HH", tag >> 16, tag & 0xFFFF) + vr.encode())
        is_long = vr in ("OW", "OB", "SQ", "UN")
        made.append(struct.pack(">HI" if is_long else ">H", *([0] * is_long), len(value)))
        made.append(value)
    return b"".join(made)


def test_big_endian_becomes_little() -> None:
    numbers = [(tag, "US", value[::-1]) for tag, (vr, value) in PIXELS.items() if vr == "US"]
    data = big_endian(
        (0x00080016, "UI", CT.encode() + b"\0"),
        (0x00080018, "UI", f"{UID_ROOT}.1\0".encode()),
        (0x00100010, "PN", b"Zzyzx^Given "),
        (0x0020000D, "UI", f"{UID_ROOT}.2\0".encode()),
        (0x00080060, "CS", b"CT"),
        *numbers,
        (0x7FE00010, "OW", b"\2\1\4\3\6\5\x08\7"),
    )
    ds = read(run(data)[0])
    assert ds.file_meta.TransferSyntaxUID == EXPLICIT
    assert ds.Rows == 2
    assert ds.PixelData == PIXELS[0x7FE00010][1]
    assert refused(data[:-2]) == Reason.TRUNCATED


@pytest.mark.parametrize("explicit", [True, False], ids=["explicit", "implicit"])
def test_sequences_of_undefined_length_are_looked_into(explicit: bool) -> None:
    def undefined(tag: int, items: bytes) -> bytes:
        group, number = tag >> 16, tag & 0xFFFF
        head = struct.pack("<HH2sH", group, number, b"SQ", 0) if explicit else b""
        head = head or struct.pack("<HH", group, number)
        end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return head + struct.pack("<I", UNDEFINED) + items + end

    def undefined_item(content: bytes) -> bytes:
        end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        return struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + content + end

    name = encode(0x00100010, "PN", b"Zzyzx^Given ", explicit=explicit)
    inner = undefined(0x00081199, undefined_item(name))
    data = make({}, explicit=explicit)
    output, _ = run(data + undefined(0x00420013, undefined_item(inner)))
    assert b"zzyzx" not in output.lower()
    assert b"ANON-" in output


def test_unknown_sequences_inside_un_are_looked_into() -> None:
    name = encode(0x00100010, "PN", b"Zzyzx^Given ", explicit=False)
    uid = encode(0x00081155, "UI", f"{UID_ROOT}.9".encode(), explicit=False)
    output, _ = run(make({0x00081199: ("UN", encode_item(uid + name))}))
    assert b"zzyzx" not in output.lower()
    assert f"{UID_ROOT}.9".encode() not in output
    assert len(read(output).ReferencedSOPSequence) == 1


@pytest.mark.parametrize("vr", ["LO", "UN", "UT", "OB", "SQ", "DA", "US"])
def test_the_tag_counts_not_the_vr_of_the_file(vr: str) -> None:
    value = b"Zzyzx^Given "
    if vr == "SQ":
        value = item(encode(0x00080104, "LO", b"Zzyzx", explicit=True))
    output, _ = run(make({0x00100010: (vr, value), 0x00080090: (vr, value)}))
    assert b"zzyzx" not in output.lower()


def test_a_class_that_only_the_file_meta_has_is_taken_from_there() -> None:
    ds = read(run(make({0x00080016: ("UI", b"")}))[0])
    assert ds.file_meta.MediaStorageSOPClassUID == CT


def test_the_prefix_by_chance_inside_a_data_set_is_no_prefix() -> None:
    value = b"A" * 102 + b"DICM" + b"B" * 20
    data = make({0x00080005: ("CS", b"ISO_IR 100"), 0x00080008: ("CS", value)})[len(META) :]
    assert data[128:132] == b"DICM"
    assert read(run(data)[0]).SOPClassUID == CT


# -- what identifiers hold ---------------------------------------------------------------------


def test_old_values_are_told_for_verification_only() -> None:
    inner = item(encode(0x00080050, "SH", b"ZZ-0815 ", explicit=True))
    _, made = run(make(NAME | {0x00081199: ("SQ", inner), 0x00091001: ("LO", b"Zzprivate ")}))
    found = {(identifier.vr, identifier.value) for identifier in made.identifiers()}
    assert ("PN", "Zzyzx^Given") in found
    assert ("SH", "ZZ-0815") in found
    assert ("LO", "Zzprivate") in found
    assert made.actions[0x00100010, "Z"] == 1
    assert "Zzyzx" not in repr(made)


# -- what is carried from one object to the next -------------------------------------------------


def test_a_meta_group_that_differs_is_not_taken_for_the_one_before() -> None:
    engine = Anonymizer(Profile(), KEY)
    extra = struct.pack("<HH2sH", 2, 0x16, b"AE", 6) + b"ZZYZX "
    plain = make(NAME)
    longer = plain[: len(META)] + extra + plain[len(META) :]
    other = make(NAME, explicit=False)
    bare = plain[len(META) :]
    for data in (plain, longer, other, bare, plain, other, longer):
        made = b"".join(engine.anonymize(io.BytesIO(data)).iter_bytes(io.BytesIO(data)))
        assert made == run(data)[0]


@pytest.mark.parametrize("end", range(132, len(META), 7))
def test_a_meta_group_that_is_cut_is_refused(end: int) -> None:
    engine = Anonymizer(Profile(), KEY)
    engine.anonymize(io.BytesIO(make(NAME)))
    with pytest.raises(DeidError):
        engine.anonymize(io.BytesIO(make(NAME)[:end]))


def test_a_series_is_treated_as_each_of_its_objects_alone() -> None:
    engine = Anonymizer(Profile(), KEY)
    rows = [
        make(
            NAME
            | PIXELS
            | {
                0x00200013: ("IS", b"%d" % (number % 3)),
                0x00080070: ("LO", b"Acme"),
                0x00081090: ("LO", b"Zzyzx" if number % 4 else b"One"),
                0x00080031: ("TM", b"1011%02d" % number),
            }
        )
        for number in range(20)
    ]
    for data in rows:
        made = b"".join(engine.anonymize(io.BytesIO(data)).iter_bytes(io.BytesIO(data)))
        assert made == run(data)[0]


def test_a_change_of_character_set_is_not_missed() -> None:
    engine = Anonymizer(Profile(), KEY)
    for charset, name in (
        (b"ISO_IR 100", "Zzÿzx^A".encode("latin-1")),
        (b"ISO_IR 192", "Zzÿzx^A".encode()),
        (b"ISO_IR 144", "Жзызх^А".encode("iso8859-5")),
    ) * 3:
        family = name.split(b"^")[0]
        data = make(
            {
                0x00080005: ("CS", charset),
                0x00100010: ("PN", name),
                0x00081090: ("LO", b"of " + family),
            }
        )
        made = b"".join(engine.anonymize(io.BytesIO(data)).iter_bytes(io.BytesIO(data)))
        assert family not in made
        assert made == run(data)[0]
