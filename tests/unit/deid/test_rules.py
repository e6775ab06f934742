"""What is said to happen, and what sites may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from emixcli.anonymize import (
    Option,
    Profile,
    SiteRules,
    explain,
    find_tag,
    load_rules,
    loosened,
    profile_rows,
)
from emixcli.deid.rules import Rules, find_row, resolve
from emixcli.deid.siterules import DIRECT, parse_rules
from emixcli.errors import UsageError
from tests.unit.deid.making import make, read, run_profile

RULES = """
max_shift_days = 30
accept_sop_classes = ["1.2.3.4"]

[actions]
StudyDescription = "K"
"(0008,0070)" = "X"
NameToUse = "Z"

[[private]]
creator = "ACME SAFE"
group = "0019"
element = "0C"
vr = "IS"

[[pixels]]
id = "room"
if = { Modality = "US" }
black = [[0, 0, 640, 48]]
"""


@pytest.fixture
def site(tmp_path: Path) -> SiteRules:
    (tmp_path / "site.toml").write_text(RULES, "utf-8")
    return load_rules(tmp_path / "site.toml")


def test_site_rules_are_read(site: SiteRules) -> None:
    assert site.actions == {0x00081030: "K", 0x00080070: "X", 0x00100012: "Z"}
    assert site.safe_private == {("ACME SAFE", 0x0019000C): "IS"}
    assert site.max_shift_days == 30
    assert site.accept_sop_classes == {"1.2.3.4"}
    assert [rule.id for rule in site.pixel_rules] == ["site-room"]


def test_site_rules_are_followed(site: SiteRules) -> None:
    data = make(
        {
            0x00080070: ("LO", b"Acme"),
            0x00081030: ("LO", b"Zzyzx study "),
            0x00190010: ("LO", b"ACME SAFE "),
            0x0019100C: ("IS", b"4711"),
            0x0019100D: ("IS", b"4712"),
        }
    )
    ds = read(run_profile(data, Profile(rules=site))[0])
    assert not ds.Manufacturer  # of type 2 in a CT: empty rather than gone
    assert ds.StudyDescription == "Zzyzx study"
    assert 0x0019100C in ds
    assert 0x0019100D not in ds


def test_loosening_is_told(site: SiteRules) -> None:
    rows = loosened(Profile(rules=site))
    assert {row.tag for row in rows} >= {0x00081030}
    assert 0x00080070 not in {row.tag for row in rows}
    private = explain(0x0019230C, Profile(rules=site))
    assert private.is_loosened
    assert "ACME SAFE" in private.words
    assert 0x0019100C in {row.tag for row in rows}
    assert not explain(0x0019230D, Profile(rules=site)).is_loosened
    assert not loosened(Profile())
    # Without a rule of the site only known words of it stay.
    maker = Profile(rules=SiteRules(actions={0x00080070: "K", 0x00080016: "K"}))
    assert [row.tag for row in loosened(maker)] == [0x00080070]


@pytest.mark.parametrize(
    "text",
    [
        "x =", "colour = 1", "max_shift_days = 0", "[actions]\nPatientName = 'Q'",
        "[actions]\nNoSuchKeyword = 'X'", "[actions]\n'0009,1001' = 'K'", "actions = 3",
        "private = 3", "[[private]]\ncreator = 'A'", "accept_sop_classes = 'x'",
        "[[private]]\ncreator='A'\ngroup='0018'\nelement='01'\nvr='IS'",
        "[[private]]\ncreator='A'\ngroup='zz'\nelement='01'\nvr='IS'",
        "[[pixels]]\nid='a'\nif = {}\nblack = []", "pixels = 3", "[[pixels]]\nif = {}",
        "accept_sop_classes = ['x']", "accept_sop_classes = ['1.2.840.10008.1.3.10']",
        "max_shift_days = true", "[[private]]\ncreator=' '\ngroup='0019'\nelement='01'\nvr='IS'",
        *(
            f"[actions]\n'{name}' = '{letter}'"
            for name, letter in [
                ("PixelData", "X"), ("PixelData", "K"), ("PatientIdentityRemoved", "X"),
                ("SOPInstanceUID", "K"), ("SOPInstanceUID", "X"), ("SOPClassUID", "D"),
                ("TransferSyntaxUID", "K"), ("0000,0100", "K"), ("0004,1500", "K"),
                ("0010,0000", "K"), ("SpecificCharacterSet", "X"), ("StudyDescription", "U"),
                ("EncryptedContent", "K"), ("DeidentificationMethodCodeSequence", "K"),
            ]
        ),
    ],
)  # fmt: skip
def test_wrong_site_rules_are_usage_errors(text: str, tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(text, "utf-8")
    with pytest.raises(UsageError):
        load_rules(tmp_path / "site.toml")


def test_a_rule_that_cannot_work_says_why() -> None:
    with pytest.raises(UsageError, match="StudyDescription cannot be U: it holds no UID"):
        parse_rules({"actions": {"StudyDescription": "U"}})
    kept = {"StudyInstanceUID": "K", "SOPInstanceUID": "U", "EncryptedContent": "X"}
    assert len(parse_rules({"actions": kept}).actions) == 3


@pytest.mark.parametrize("tag", sorted(DIRECT))
def test_nobody_keeps_what_says_who_the_patient_is(tag: int) -> None:
    name = f"{tag >> 16:04X},{tag & 0xFFFF:04X}"
    for letter in "KC":
        with pytest.raises(UsageError, match=f"{name} cannot be {letter}: it says who"):
            parse_rules({"actions": {name: letter}})
    assert parse_rules({"actions": {name: "X"}}).actions == {tag: "X"}
    row = find_row(tag)
    assert row is None or not set("".join(row.options)) & set("KC")  # nor does any option


@pytest.mark.parametrize("name", ["StudyDate", "studydate", "STUDYDATE", " StudyDate "])
def test_letter_case_of_a_keyword_is_free(name: str) -> None:
    assert find_tag(name) == 0x00080020


def test_a_keyword_that_is_nearly_right_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        find_tag("studdate")
    assert caught.value.hint == "did you mean StudyDate?"


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("StationName", Option.RETAIN_DEVICE, "kept, here and in other text, but for"),
        ("StudyDate", Option.RETAIN_FULL_DATES, "kept"),
        ("PerformedProcedureStepStartDate", Option.RETAIN_FULL_DATES, "kept, but for the birth"),
        ("StudyInstanceUID", Option.RETAIN_UIDS, "kept"),
        ("PatientAge", Option.RETAIN_PATIENT_CHARACTERISTICS, "kept, but 90 years for more than"),
        ("PixelData", Option.CLEAN_PIXEL_DATA, "kept, but for what pixel options and rules"),
        ("SOPClassUID", Option.RETAIN_UIDS, "kept where it is published"),
    ],
)
def test_what_is_kept_is_told_truly(name: str, option: Option, words: str) -> None:
    assert explain(find_tag(name), Profile(frozenset({option}))).words.startswith(words)


def test_an_unknown_keyword_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('[actions]\nStudyDescripton = "X"\n', "utf-8")
    with pytest.raises(UsageError, match=r"site\.toml: .*StudyDescripton is no attribute"):
        load_rules(tmp_path / "site.toml")


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_rules(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "text", ["PatientName", "0010,0010", "(0010,0010)", "00100010", " (0010, 0010) "]
)
def test_tags_are_found_by_any_name(text: str) -> None:
    assert find_tag(text) == 0x00100010


def test_explanations_name_action_and_rule() -> None:
    name = explain(0x00100010, Profile())
    assert (name.name, name.action) == ("Patient's Name", "Z")
    assert "pseudonym" in name.words
    assert name.rule == "PS3.15 Table E.1-1, Basic Profile: (0010,0010) Z"
    dates = explain(0x00080020, Profile(options=frozenset({Option.RETAIN_MODIFIED_DATES})))
    assert dates.action == "C"
    assert "moved" in dates.words
    assert "retain-modified-dates" in dates.rule
    assert explain(0x00091001, Profile()).action == "X"
    assert explain(0x00200999, Profile()).action == "X"
    with pytest.raises(UsageError):
        find_tag("NoSuchThing")


def test_overlays_are_told_apart() -> None:
    assert explain(0x60024000, Profile()).name == "Overlay Comments"
    assert explain(0x60023000, Profile()).name == "Overlay Data"


def test_the_table_has_every_row() -> None:
    rows = list(profile_rows(Profile()))
    assert len({row.tag for row in rows}) == len(rows) == 656


@pytest.mark.parametrize(
    ("letters", "kind", "action"),
    [
        ("XZD", 0, "X"), ("XZD", 2, "Z"), ("XZD", 1, "D"), ("XD", 2, "D"), ("XZ", 1, "D"),
        ("ZD", 0, "Z"), ("ZD", 1, "D"), ("XZU", 0, "U"), ("K", 1, "K"), ("X", 0, "X"),
        ("X", 1, "D"), ("X", 2, "Z"), ("Z", 1, "D"),
    ],
)  # fmt: skip
def test_actions_depend_on_the_type_in_the_iod(letters: str, kind: int, action: str) -> None:
    assert resolve(letters, kind) == action


def test_what_nobody_knows_is_removed() -> None:
    rules = Rules(Profile())
    assert rules[0x00200999].letters == "X"
    assert rules[0x00080000].letters == "X"
    assert rules[0x00041511].letters == "X"
    assert rules[0x60023000].letters == "X"
    assert rules[0x50040010].letters == "X"
