"""Known values and unknown words in text."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.deid.identity import Identity, Known, fold
from emixcli.deid.spellings import plain, spell_name
from emixcli.deid.text import TextCleaner, without_controls
from emixcli.deid.textdates import TextDates

NAME = "Bergström^Zoë^Q=山田^太郎=やまだ^たろう"
IDENTITY = Identity(
    [
        Known("name", NAME),
        Known("key", "AB-123/45"),
        Known("key", "4711"),
        Known("text", "Saint Zzyzx Infirmary"),
        Known("date", "19500131"),
    ]
)
CLEANER = TextCleaner(IDENTITY, lambda uid: f"new-{len(uid)}", TextDates())


@pytest.mark.parametrize(
    "text",
    [
        "Bergström", "BERGSTROM", "bergstrom", "Bergstroem", "Bergstro\u0308m", "zoë bergström",
        "BergstromZoe", "zbergstrom", "xbergstromx", "山田太郎", "やまだ", "AB-123/45", "ab12345",
        "AB 123 45", "4711", "saint-zzyzx infirmary", "19500131", "31.01.1950", "310150",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "of {} here", "x_{}_y", "({})"])
def test_known_values_go_in_any_spelling(text: str, around: str) -> None:
    cleaned = IDENTITY.scrub(around.format(text))
    assert text not in cleaned
    assert not IDENTITY.spans(cleaned)


@pytest.mark.parametrize("text", ["SOMATOM", "Q", "AB", "Saint", "123", "47110", "berg", ""])
def test_other_text_stays(text: str) -> None:
    assert CLEANER.scrub(text) == text


def test_uids_in_text_are_mapped() -> None:
    assert CLEANER.scrub("of 1.2.826.0.1.3680043.8.498.1 here") == "of new-27 here"
    assert CLEANER.scrub("VB17 1.2.3.4") == "VB17 1.2.3.4"


def test_addresses_in_the_web_go() -> None:
    assert CLEANER.scrub("ask x.y@zzyzx.example now") == "ask now"
    assert CLEANER.scrub("see https://zzyzx.example/a?b now") == "see now"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("CT Abdomen with contrast", "CT Abdomen with contrast"),
        ("t2_tse_sag_p2", "t2_tse_sag_p2"),
        ("AX 3D 5mm Zzyzx", "AX 3D 5mm"),
        ("Dr. Qwxyz says liver 123456", ". liver"),
        ("Left kidney 2024-01-31", "Left kidney"),
    ],
)
def test_only_words_of_the_standard_stay_in_free_text(text: str, cleaned: str) -> None:
    allowed = CLEANER.allow(text)
    assert "Zzyzx" not in allowed
    assert "Qwxyz" not in allowed
    assert allowed.split()[-1:] == cleaned.split()[-1:]


@pytest.mark.parametrize(
    "text",
    [
        "SpinalCord", "OpticNrv_L", "GTVp", "dosePTV", "Bowel_Small", "Brainstem_PRV03", "BowelBag",
        "Pneumonia, left lower lobe", "Simple cysts of both kidneys", "eADC", "Thyroid",
        "ep2d_diff_b50_400_800_ADC", "b0_500_1000", "pT2aN0M0", "T3N1",
        "Hypodense lesion of segment VII, 12 x 9 mm", "unchanged since the last exam",
        "CTA CHEST PE PROTOCOL", "99m-Tc MDP",
    ],
)  # fmt: skip
def test_words_of_medicine_and_names_of_structures_stay(text: str) -> None:
    assert CLEANER.allow(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "McDonald",
        "VanHorn",
        "DeLong",
        "JLong",
        "2.25.1234 5678 9012 3456",
        "650 444 3210",
        "500-100-2000",
    ],
)
def test_names_and_numbers_in_capitals_go(text: str) -> None:
    assert not any(map(str.isalnum, CLEANER.allow(text)))


def test_a_new_uid_stays_whole_in_free_text() -> None:
    new = f"2.25.{10**38}"
    cleaner = TextCleaner(IDENTITY, lambda _: new, TextDates())
    assert cleaner.allow("study 1.2.826.0.1.3680043.8.498.1^Zzyzx") == f"study {new}^"
    assert "1234567" not in cleaner.allow(f"{new}1234567")


@pytest.mark.parametrize("name", ["Müllerschön", "Østergård", "Люксембург"])
def test_names_with_accents_are_known_in_base64(name: str) -> None:
    code = base64.b64encode(name.encode()).decode().lower()
    found = [one.text for one in spell_name(f"{name}^Anna", frozenset()) if one.how == "base64"]
    assert any(text in code for text in found)


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    plain = without_controls(text)
    once = CLEANER.allow(plain)
    assert CLEANER.allow(once) == once


def test_nothing_hides_behind_a_nul_or_a_control_character() -> None:
    assert without_controls("a\0Zzyzx") == "a"
    assert without_controls("Zz\x07yzx") == "Zzyzx"


def test_values_inside_bytes_are_seen() -> None:
    assert IDENTITY.is_in(b"\0\0Bergstrom\0")
    assert IDENTITY.is_in("bergstrom".encode("utf-16-be"))
    assert not IDENTITY.is_in(b"\0\1\2\3")


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (Known("name", "Li^Po"), "A Li Po 3T"),
        (Known("name", "Li^Po"), "A Po, Li 3T"),
        (Known("name", "Ek^Bo"), "Ek Bo"),
        (Known("name", "Wang^XiaoDong=王^小东"), "A王小东B"),
        (Known("name", "=山田=やまだ"), "ヤマダ"),
        (Known("name", "=山田=ﾔﾏﾀﾞ"), "やまだ"),
        (Known("key", "PX-40817733"), "of 40817733"),
        (Known("key", "00471108"), "471108"),
        (Known("text", "Klinikum Grünschnabel"), "at GRUNSCHNABEL"),
    ],
)
def test_short_names_and_parts_of_values_go(known: Known, text: str) -> None:
    cleaned = Identity([known]).scrub(text)
    assert cleaned != text
    assert not Identity([known]).is_known(cleaned)


@pytest.mark.parametrize("text", ["Li 3T Po", "Lipoma", "PX-40", "at Klinikum", "Ekbohm"])
def test_parts_that_are_too_short_stay(text: str) -> None:
    known = [Known("name", "Li^Po"), Known("key", "PX-40817733"), Known("text", "Klinikum 7 Ek")]
    assert Identity(known[:2]).scrub(text) == text


def test_uids_of_the_root_of_uuids_are_mapped() -> None:
    assert CLEANER.scrub("V 2.25.329800735698586629295641978511506172918") == "V new-44"


@pytest.mark.parametrize("text", ["1." * 100_000 + "..5", "x" * 300_000 + " @"])
def test_long_text_is_searched_once(text: str) -> None:
    assert CLEANER.scrub(text)


@pytest.mark.parametrize(
    "text",
    ["078-05-1120", "943 476 5919", "0171 234 5678", "2 69 05 49 588", "C01X00T47", "4F7A2B9C"],
)
def test_numbers_of_people_do_not_pass_the_list(text: str) -> None:
    assert not any(character.isdigit() for character in CLEANER.allow(f"Chest {text}"))
    assert CLEANER.allow("Chest") == "Chest"


@pytest.mark.parametrize("text", ["512x512x16", "3.0 mm", "B30", "2.5 mm 120"])
def test_numbers_of_technique_pass_the_list(text: str) -> None:
    assert CLEANER.allow(text) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Łukasik^Jørn^Đorđe", "Lukasik"), ("Łukasik^Jørn^Đorđe", "JORN"),
        ("Łukasik^Jørn^Đorđe", "Dorde"), ("Łukasik^Jørn^Đorđe", "Djordje"),
        ("Lukasik^Jorn", "Łukasik"), ("Mueller-Groess^Joerg", "Müller"),
        ("Mueller-Groess^Joerg", "GRÖSS"), ("Mueller-Groess^Joerg", "Größ"),
        ("Müller^Jörg", "Mueller"), ("Müller^Jörg", "joerg"), ("Ågren^Bo", "Aagren"),
        ("Aagren^Bo", "ÅGREN"), ("Иванов^Пётр", "Ivanov"), ("Иванов^Пётр", "PETR"),
        ("Ng^Bo", "Bo Ng"), ("Ng^Bo", "NG, BO"), ("林^健", "林健"), ("林^健", "林 健"),
        ("やまだ^たろう", "ヤマダ"), ("ヤマダ^タロウ", "ﾔﾏﾀﾞ"), ("O'Brien^Seán", "OBrien Sean"),
        ("van der Meer^Jan", "VanderMeer"), ("Groß^Weiß", "GROSS"), ("Nguyễn^Thị", "nguyen"),
    ],
)  # fmt: skip
def test_names_go_in_every_transcription(name: str, text: str) -> None:
    assert Identity([Known("name", name)]).scrub(f"by {text} 3T").split() == ["by", "3T"]
    found = {spelling.text for spelling in spell_name(name, frozenset())}
    words = re.split(r"[\W_]+", plain(text))
    assert min(map(len, words)) < 4 or any(word in found for word in words)


@pytest.mark.parametrize(
    "text", ["Acme for Zabel", "VA44 ZABEL", "Birkenstieg 7", "posemuckel", "Zabel, Posemuckel"]
)
def test_parts_of_institutions_and_addresses_go(text: str) -> None:
    identity = Identity(
        [Known("text", "Klinikum Zabel Siemens"), Known("text", "Birkenstieg 7, 04711 Posemuckel")]
    )
    assert not identity.is_known(identity.scrub(text))
    assert identity.scrub(text) != text
    assert identity.scrub("Siemens Healthcare") == "Siemens Healthcare"


def test_what_the_second_look_found_goes_as_it_was_found() -> None:
    for found, text in (
        ("kecardnov", "by kecardnoV"), ("vm9uzhjhy2vr", "x Vm9uZHJhY2Vr="), ("zoe", "Zoe 3"),
        ("ng bo", "Ng, Bo"), ("1.2.3.77.5", "V 1.2.3.77.5"), ("林健太", "林健太郎"),
    ):  # fmt: skip
        cleaned = Identity([Known("found", found)]).scrub(text)
        assert fold(found) not in fold(cleaned)
        assert cleaned != text


@pytest.mark.parametrize(
    "number",
    [
        "078-05-1120", "943 476 5919", "(030) 123-4567", "+49 171 234 56 78", "0171 234 5678",
        "DE89 3704 0044 0532 0130 00", "4929 1234 5678 9012", "2 69 05 49 588 157 80",
    ],
)  # fmt: skip
def test_numbers_of_people_go_from_text_about_technique(number: str) -> None:
    assert number not in CLEANER.scrub(f"V3 call {number}, 3T")
    assert "V3 call" in CLEANER.scrub(f"V3 call {number}, 3T")


@pytest.mark.parametrize(
    "text",
    ["453561454581__PRINTERS.06.708", "27\\LX\\MR DV26.0_R03_1831.b", "5.4.1.3", "N4_VA30A_20101"],
)
def test_versions_stay_in_text_about_technique(text: str) -> None:
    assert CLEANER.scrub(text) == text
