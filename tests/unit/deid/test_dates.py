"""Dates move by whole days, in values and in text."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emixcli.deid.dates import shift_da, shift_dt
from emixcli.deid.textdates import TextDates

DAYS = st.dates(dt.date(1910, 1, 1), dt.date(2090, 1, 1))


@given(DAYS, DAYS, st.integers(-3652, -1))
def test_intervals_between_dates_stay(first: dt.date, second: dt.date, days: int) -> None:
    moved = [shift_da(f"{day:%Y%m%d}", days) for day in (first, second)]
    new = [dt.datetime.strptime(str(day), "%Y%m%d").replace(tzinfo=dt.UTC) for day in moved]
    assert new[1] - new[0] == second - first
    assert (new[0].date() - first).days == days


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20240301", "20240228"),
        ("2024.03.01", "20240228"),
        ("20240230", None),
        ("2024", None),
        ("", None),
        ("00010101", None),
    ],
)
def test_da(old: str, new: str | None) -> None:
    assert shift_da(old, -2) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20240301101112.123456+0200", "20240228101112.123456+0200"),
        ("20240301", "20240228"),
        ("202403", "202403"),
        ("2024", "2024"),
        ("202403010", "202402280"),
        ("yesterday", None),
    ],
)
def test_dt_keeps_its_time_offset_and_precision(old: str, new: str | None) -> None:
    assert shift_dt(old, -2) == new


SPELLINGS = (
    "19500131", "1950-01-31", "1950/01/31", "1950.1.31", "1950_01_31", "31.01.1950", "31.1.1950",
    "01/31/1950", "31/01/1950", "31-JAN-1950", "31 January 1950", "Jan 31, 1950", "31.Jan.50",
    "1950 Jan 31", "1950-Jan-31", "31st of January 1950", "31-I-1950", "31 de enero de 1950",
    "31 januari 1950", "31 января 1950", "1950年1月31日", "31JAN1950", "JANUARY 31ST 1950",
    "1950 01 31", "31011950", "٣١/٠١/١٩٥٠", "1/31/50", "13100591",
    "31. 1. 1950", "31-I-50", "1950/031", "31.01.50", "Jan 31 50", "31.ledna 1950",
    "31 / 01 / 1950", "31.1.'50", "31,1,1950", "31 stycznia 1950", "stycznia 31, 1950",
    "31 Ocak 1950", "31-led-1950", "31. siječnja 1950", "1950. január 31", "tammikuuta 31, 1950",
    "31 de tammikuuta de 1950", "31 जनवरी 1950", "जनवरी 31, 1950", "31 มกราคม 1950",
    "31 ינואר 1950", "1950. يناير 31", "Ιανουαρίου 31, 1950", "31 d'abril de 1950",
)  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("around", ["{}", "seen {}", "on {}, again", "a_{}_b", "DOB:{}."])
def test_dates_in_text_go_in_any_spelling(spelling: str, around: str) -> None:
    text = TextDates().replace(around.format(spelling))
    assert spelling not in text
    assert "1950" not in text


def test_dates_in_text_move_once_where_the_spelling_is_clear() -> None:
    assert TextDates(-2).replace("from 2024-03-01 to 20240302") == "from 2024-02-28 to 20240229"
    assert TextDates(-2).replace("on 3/1/2024") == "on "


@pytest.mark.parametrize(
    "text",
    [
        "VB17A 5.10.12",
        "2 x 10 mm",
        "512 x 512",
        "3 x 20",
        "T1 10 20",
        "1.2.840.10008",
        "T2 3D 512",
        "0.5 mm",
        "2024",
        "Rel. 5.2012.1",
        "2.0.0(29Oct)",
        "R2019 3",
        "mar 12 x 61",
        "120-100-50",
        "5 mm, 2000 ms",
        "12 slices 2010",
        "TR 2000 TE 30",
        "b 0, 20, 2000",
    ],
)
def test_versions_and_sizes_are_no_dates(text: str) -> None:
    assert TextDates().replace(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "01/1950",
        "1950-01",
        "Jan 1950",
        "January, 1950",
        "1950年1月",
        "昭和25年1月31日",
        "1950-W05-2",
    ],
)
def test_dates_without_a_day_go(text: str) -> None:
    assert TextDates().replace(f"V {text} 3") == "V  3"
    if "W" not in text and "昭" not in text:
        assert TextDates(keeps=True, never="19500131").replace(f"V {text} 3") == "V  3"
        assert TextDates(keeps=True, never="19510231").replace(f"V {text} 3") == f"V {text} 3"


def test_short_numbers_with_dots_are_a_date_or_a_version() -> None:
    assert TextDates().replace("on 5.11.25, 05.11.25", is_free=True) == "on , "
    assert TextDates().replace("V 5.11.25") == "V 5.11.25"
    assert TextDates(never="19251105").replace("V 5.11.25") == "V "


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    assert len(TextDates().replace(text)) <= len(text)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_birth_date_goes_also_where_dates_stay_or_move(spelling: str) -> None:
    text = f"of {spelling} and 2024-03-03"
    assert TextDates(None, keeps=True, never="19500131").replace(text) == "of  and 2024-03-03"
    assert TextDates(-2, never="19500131").replace(text) == "of  and 2024-03-01"
    assert TextDates(None, keeps=True, never="19500130").replace(text) == text


@pytest.mark.parametrize("gap", [" " * 40, "." * 40, ", - " * 10])
def test_parts_of_a_date_may_stand_far_apart(gap: str) -> None:
    assert TextDates().replace(f"on 12 Jan{gap}1950 x") == "on  x"
    assert TextDates().replace(f"on 1950{gap}Jan 12 x") == "on  x"
