"""What hides where numbers, codes, versions and definitions should stand."""

from __future__ import annotations

import gzip
import struct
import zlib

import pytest

from emixcli.anonymize import Option, Profile
from emixcli.deid import codes, tables
from emixcli.deid.options import SiteRules
from emixcli.deid.parse import encode, encode_item
from emixcli.deid.publicuids import is_public
from emixcli.deid.refusal import Reason
from emixcli.deid.terms import is_term, technical
from tests.unit.deid.making import (
    NAME,
    PIXELS,
    UID_ROOT,
    item,
    make,
    read,
    refused,
    run,
    run_profile,
)
from tests.unit.deid.test_kept import CONCEPTS

WHO = {0x00100010: ("PN", b"Zzyzx^Given "), 0x00100020: ("LO", b"4821377 ")}
SR = "1.2.840.10008.5.1.4.1.1.88.33"
STRANGE = f"{UID_ROOT}.77"


def kept(tag: int, vr: str, value: bytes, *options: Option) -> object:
    """Return the value of one element beside a patient, after de-identification."""
    output = read(run(make(WHO | {tag: (vr, value)}), *options)[0])
    return output[tag].value if tag in output else None


# -- numbers and bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00280106, "US", b"Mabuse Hans "),  # one value
        (0x00280106, "OB", b"Mabuse Hans "),
        (0x00189087, "FD", b"Mabuse Hans66 68"),
        (0x00189087, "OB", b"Mabuse Hans66 68"),
        (0x00280120, "OW", b"Mabuse  "),
        (0x00281201, "OW", b"Mabuse Hans Vondracek "),
        (0x56000020, "OF", b"Mabuse Hans Vondracek   "),
    ],
)
def test_text_in_numbers_goes(tag: int, vr: str, value: bytes) -> None:
    output, _ = run(make(WHO | {tag: (vr, value)}))
    assert b"Mabuse" not in output


@pytest.mark.parametrize(
    "value",
    [
        zlib.compress(b"Mabuse Hans"), gzip.compress(b"Mabuse Hans", mtime=0),
        zlib.compress(b"Mabuse" * 9999),
        b"%PDF-1.4\n\0\1\2", b"PK\3\4\0\1", b"\xff\xd8\xff\xe0\0\1\2\3",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("tag", "vr"), [(0x00281201, "OW"), (0x0070041C, "OB"), (0x56000020, "OF")]
)
def test_files_in_bytes_go(tag: int, vr: str, value: bytes) -> None:
    assert kept(tag, vr, value + bytes(-len(value) % 4)) in {None, b""}


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00281201, "OW", struct.pack("<256H", *range(0, 65536, 256))),
        (0x00281201, "OW", b"AA" * 64),
        (0x00189087, "FD", struct.pack("<d", 1000.0)),
        (0x00280120, "US", b"\x30\xf8"),
        (0x00280120, "SS", b"\x30\xf8"),
    ],
)
def test_numbers_stay(tag: int, vr: str, value: bytes) -> None:
    assert value in run(make(WHO | {tag: (vr, value)}))[0]


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00180050, "DS", b"4821377.0 "),
        (0x00180050, "DS", b"4.821377E6"),
        (0x00200013, "IS", b"+4821377"),
        (0x00280030, "DS", b"0.5\\4821377 "),
        (0x00189087, "FD", struct.pack("<d", 4821377.0)),
        (0x00186020, "SL", struct.pack("<i", 4821377)),
    ],
)
def test_identifiers_written_as_numbers_go(tag: int, vr: str, value: bytes) -> None:
    assert value not in run(make(WHO | {tag: (vr, value)}))[0]


@pytest.mark.parametrize("value", [b"20240305", b"20240305.0", b"2.0240305E7 ", b"+20240305 "])
def test_days_written_as_numbers_go(value: bytes) -> None:
    assert kept(0x00180050, "DS", value) == 0


@pytest.mark.parametrize("era", ["S25.1.31", "S25/01/31", "s250131", "born S25-1-31"])
def test_a_birth_date_of_an_era_goes(era: str) -> None:
    who = {0x00100030: ("DA", b"19500131"), 0x00181400: ("LO", era.encode())}
    output = read(run(make(who))[0])
    assert "31" not in str(output.get(0x00181400, ""))
    assert kept(0x00181020, "LO", b"R5.1.7") == "R5.1.7"


@pytest.mark.parametrize("era", ["S64.1.5", "H1.1.5"])
def test_a_year_in_which_an_era_ends_has_two(era: str) -> None:
    who = {0x00100030: ("DA", b"19890105"), 0x00181400: ("LO", era.encode())}
    assert era not in str(read(run(make(who))[0]).get(0x00181400, ""))


def test_a_short_identifier_counts_at_the_top_only() -> None:
    who = {0x00100020: ("LO", b"48213 ")}
    inner = encode_item(encode(0x00200013, "IS", b"48213 ", explicit=True))
    output = read(run(make(who | {0x00200013: ("IS", b"48213 "), 0x00400555: ("SQ", inner)}))[0])
    assert output.InstanceNumber != 48213
    assert kept(0x00180050, "DS", b"48213.5 ") == 48213.5


def test_a_dummy_has_as_many_values_as_there_were() -> None:
    assert kept(0x00280030, "DS", b"4821377\\4821377 ") == [0, 0]


# -- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("explicit", [True, False], ids=["explicit", "implicit"])
@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [(0x00100040, "CS", b"M "), (0x00100030, "DA", b"19610312"), (0x00080070, "LO", b"Acme")],
)
def test_a_length_that_swallows_others_is_refused(
    tag: int, vr: str, value: bytes, explicit: bool
) -> None:
    behind = encode(0x00104000, "LT", b"of Zzyzx", explicit=explicit)
    data = make({tag: (vr, value + behind)}, explicit=explicit)
    assert refused(data) == Reason.MALFORMED


def test_a_number_that_swallows_others_is_refused() -> None:
    behind = encode(0x00280103, "US", b"\0\0", explicit=True)
    assert refused(make({0x00280102: ("US", b"\x0f\0" + behind)})) == Reason.MALFORMED


def test_an_image_without_its_pixels_is_refused() -> None:
    header = {tag: element for tag, element in PIXELS.items() if tag != 0x7FE00010}
    assert refused(make(NAME | header)) == Reason.TRUNCATED


# -- codes ---------------------------------------------------------------------------------------


def test_all_codes_of_the_standard_are_public() -> None:
    lost = [
        (scheme, code)
        for scheme, by_name in CONCEPTS.items()
        for values in by_name.values()
        for code in values
        if code and not codes.is_public(scheme, code)
    ]
    assert lost == []
    assert codes.is_public("DCM", "CTPROTOCOL")
    assert codes.is_public("DCM", "130999")


@pytest.mark.parametrize(
    ("scheme", "code"),
    [
        ("DCM", "MABUSEHA"), ("DCM", "903112"), ("SCT", "49301712345678"), ("SCT", "24028008"),
        ("I10", "A123456789"), ("NDC", "Q4711-0815-99"), ("MSH", "M4BU53"), ("LN", "8302-3"),
        ("UCUM", "{Mabuse}"), ("UCUM", "MABUSE"), ("UCUM", "01712345678"), ("UPC", "01712345678"),
        ("99LOCAL", "121071"),
    ],
)  # fmt: skip
def test_codes_that_only_look_public(scheme: str, code: str) -> None:
    assert not codes.is_public(scheme, code)


@pytest.mark.parametrize(
    ("scheme", "code"),
    [("SCPECG", "5.6.3-9-61"), ("RADLEX", "RPID16"), ("NCIt", "C12345"), ("UBERON", "0002107")],
)
def test_codes_of_public_schemes_stay_with_their_scheme(scheme: str, code: str) -> None:
    parts = ((0x00080100, code), (0x00080102, scheme), (0x00080104, "Lead"))
    item = b"".join(encode(tag, "SH", text.encode(), explicit=True) for tag, text in parts)
    output = read(run(make({0x00082218: ("SQ", encode_item(item))}))[0])
    found = output.AnatomicRegionSequence[0]
    assert (found.CodeValue, found.CodingSchemeDesignator) == (code, scheme)


@pytest.mark.parametrize("options", [(), (Option.CLEAN_DESCRIPTORS,)])
def test_technique_stays_with_clean_descriptors_too(options: tuple[Option, ...]) -> None:
    elements = {0x00180024: ("SH", b"*tse2d1_15"), 0x00541103: ("LO", b"PSF+TOF 3i21s ")}
    output = read(run(make(elements), *options)[0])
    assert (output.SequenceName, output.ReconstructionMethod) == ("*tse2d1_15", "PSF+TOF 3i21s")


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x00180022, b"DR MABUSE "), (0x00200060, b"MABUSE"), (0x00185101, b"MABUSE"),
        (0x00080064, b"MABUSE_HANS "), (0x00180015, b"MABUSE HANS "), (0x20500020, b"MABUSE"),
        (0x00700080, b"C01X00T47 "), (0x00700080, b"0171_234_5678 "),
    ],
)  # fmt: skip
def test_codes_of_unknown_words_become_others(tag: int, value: bytes) -> None:
    assert kept(tag, "CS", value) == "OTHER"


@pytest.mark.parametrize(
    "code",
    [
        "ISO_10918_1", "HFDR", "FAST_GEMS", "CSAPARALLEL", "M_FFE", "12BIT", "LVPEP", "3D_B1MAP",
        "ATTN", "DLYD", "DCMR", "SKELETON", "IMAGINARY", "PINH", "SLNT", "HAS OBS CONTEXT",
    ],
)  # fmt: skip
def test_defined_terms_stay(code: str) -> None:
    assert is_term(code) or code == "LVPEP"


def test_graphic_layers_keep_names_of_their_own() -> None:
    def layer(name: bytes) -> bytes:
        return encode_item(encode(0x00700002, "CS", name, explicit=True))

    pr = "1.2.840.10008.5.1.4.1.1.11.1"
    elements = {
        0x00700001: ("SQ", layer(b"HANS") + layer(b"MABUSE")),
        0x00700060: ("SQ", layer(b"MABUSE") + layer(b"HANS")),
    }
    output = read(run(make(WHO | elements, sop_class=pr))[0])
    noted = [item.GraphicLayer for item in output.GraphicAnnotationSequence]
    layers = [item.GraphicLayer for item in output.GraphicLayerSequence]
    assert noted == layers[::-1]
    assert len(set(layers)) == 2
    assert not {"HANS", "MABUSE", "OTHER"} & set(layers)


# -- technical text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Dr. Mabuse, Room 4", "Dr. , Room 4"),
        ("Mabuse", ""),
        ("installed by Mabuse", "installed by"),
        ("Müller Größ", ""),
        ("Vm9uZHJhY2Vr", ""),
        ("566f6e64726163656b", ""),
        ("C01X00T47", ""),
        ("call 0171 234 5678", "call"),
        ("Acme for Mabuse", "Acme for"),
    ],
)
def test_technical_text_loses_names(text: str, left: str) -> None:
    assert technical(text).replace("call", "").strip() == left.replace("call", "").strip()


@pytest.mark.parametrize(
    "text",
    [
        "SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems, Inc.", "FUJIFILM Corporation",
        "SOMATOM Definition AS+", "LightSpeed Ultra", "DISCOVERY MR750", "syngo CT VB20A_SP5",
        "LightSpeedApps308I.2_H3.1M5", "51.80.108.010", "*fl3d1r_t70", "B30f", "Hr40f\\3",
        "BONEPLUS", "8HRBRAIN", "HU", "31P", "image/jpeg", "application/pdf", "TOSHIBA_MEC",
    ],
)  # fmt: skip
def test_technical_text_stays_useful(text: str) -> None:
    assert technical(text) == text


def test_what_a_site_keeps_keeps_its_words() -> None:
    rules = SiteRules(actions={0x00080070: "K"})
    output, _ = run_profile(
        make(WHO | {0x00080070: ("LO", b"Zabelka & Sons")}), Profile(rules=rules)
    )
    assert read(output).Manufacturer == "Zabelka & Sons"


# -- UIDs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", [0x0008001A, 0x00080062, 0x0008010C, 0x04000010])
def test_uids_of_definitions_are_believed_where_published(tag: int) -> None:
    assert kept(tag, "UI", STRANGE.encode()) != STRANGE
    assert kept(tag, "UI", b"1.2.840.10008.5.1.4.1.1.2\0") == "1.2.840.10008.5.1.4.1.1.2"
    assert kept(tag, "UI", STRANGE.encode(), Option.RETAIN_UIDS) == STRANGE


def test_a_definition_and_an_instance_of_one_uid_get_one_new_uid() -> None:
    output = read(run(make({0x0008001A: ("UI", f"{UID_ROOT}.2".encode())}))[0])
    assert output.RelatedGeneralSOPClassUID == output.StudyInstanceUID


def test_public_uids() -> None:
    assert all(is_public(uid) for known in tables.uids() for uid in known)
    assert is_public("1.2.840.10008.6.1.1501")
    assert is_public("2.16.840.1.113883.6.96")
    assert not is_public("1.2.840.10008.4821377")
    assert not is_public("2.16.840.1.113883.4.1.78051120")


def test_a_short_uid_goes_from_text() -> None:
    elements = WHO | {0x00181020: ("LO", b"V 1.2.3.77.5"), 0x00080005: ("CS", b"ISO_IR 100")}
    data = make(elements).replace(f"{UID_ROOT}.2".encode(), b"1.2.3.77.5".ljust(len(UID_ROOT) + 2))
    output, _ = run(data)
    assert b"1.2.3.77.5" not in output


def test_a_uid_with_the_wrong_vr_is_written_as_uid() -> None:
    data = make({0x00080018: ("UN", f"{UID_ROOT}.1".encode())})
    output, made = run(data, Option.RETAIN_UIDS)
    assert made.sop_instance_uid == f"{UID_ROOT}.1"
    assert read(output).file_meta.MediaStorageSOPInstanceUID == f"{UID_ROOT}.1"
    assert read(output)["SOPInstanceUID"].VR == "UI"


# -- private elements and measurements -----------------------------------------------------------


@pytest.mark.parametrize(
    ("vr", "value"),
    [("LT", b"Mabuse Hans"), ("SH", b"Mabuse Hans "), ("CS", b"MABUSE"), ("OB", b"Mabuse Hans "),
     ("OB", bytes(64) + b"seen by Mabuse Hans " + bytes(64)), ("LO", b"Mabuse")],
)  # fmt: skip
def test_safe_private_elements_have_no_words_of_others(vr: str, value: bytes) -> None:
    creator, number = next(key for key, known in tables.safe_private().items() if known == vr)
    tag = number & 0xFFFF0000 | 0x1000 | number & 0xFF
    elements = {number & 0xFFFF0000 | 0x10: ("LO", creator.encode()), tag: (vr, value)}
    output, _ = run(make(elements), Option.RETAIN_SAFE_PRIVATE)
    assert b"mabuse" not in output.lower()


@pytest.mark.parametrize(
    ("meaning", "is_kept"),
    [(b"Insurance number", False), (b"Phone of patient", False), (b"Number of nodules ", True)],
)
def test_numbers_of_local_concepts_that_name_somebody(meaning: bytes, is_kept: bool) -> None:
    def code(value: bytes, scheme: bytes, text: bytes) -> bytes:
        return encode_item(
            encode(0x00080100, "SH", value, explicit=True)
            + encode(0x00080102, "SH", scheme, explicit=True)
            + encode(0x00080104, "LO", text, explicit=True)
        )

    measured = encode_item(encode(0x0040A30A, "DS", b"471108", explicit=True))
    item = encode_item(
        encode(0x0040A040, "CS", b"NUM ", explicit=True)
        + encode(0x0040A043, "SQ", code(b"99N ", b"99LOCAL ", meaning), explicit=True)
        + encode(0x0040A300, "SQ", measured, explicit=True)
    )
    data = make({0x0040A730: ("SQ", item)}, sop_class=SR)
    output, _ = run(data, Option.CLEAN_STRUCTURED_CONTENT)
    assert (b"471108" in output) == is_kept


def test_retained_uids_do_not_keep_the_texts_beside_them() -> None:
    meaning = encode(0x00080104, "LO", b"seen by Rebolezez ", explicit=True)
    purpose = encode(0x0040A170, "SQ", item(meaning), explicit=True)
    uid = encode(0x00081155, "UI", b"1.2.3.4.5.6\0", explicit=True)
    found = kept(0x00082112, "SQ", item(uid, purpose), Option.RETAIN_UIDS)
    assert "1.2.3.4.5.6" in str(found)
    assert "Rebolezez" not in str(found)
