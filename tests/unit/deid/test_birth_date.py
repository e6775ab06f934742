"""The birth date is no date of a course: it goes also where dates stay or move."""

from __future__ import annotations

import pytest

from emixcli.anonymize import Option, Profile, SiteRules
from emixcli.deid.parse import encode
from tests.unit.deid.making import item, make, read, run, run_profile

SR = "1.2.840.10008.5.1.4.1.1.88.33"
BORN = {0x00100030: ("DA", b"19470308")}
KEEPING = [Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES]


@pytest.mark.parametrize("option", KEEPING)
@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x0040A121, "DA", b"19470308"), (0x0040A121, "DA", b"1947.03.08"),
        (0x0040A120, "DT", b"194703081200"), (0x00400244, "DA", b"19470308"),
    ],
)  # fmt: skip
def test_it_goes_from_other_dates(option: Option, tag: int, vr: str, value: bytes) -> None:
    output = read(run(make(BORN | {tag: (vr, value)}), option)[0])
    assert "1947" not in str(output.get(tag, ""))


@pytest.mark.parametrize("option", KEEPING)
def test_a_date_in_a_report_stays_valid_without_it(option: Option) -> None:
    node = encode(0x0040A040, "CS", b"DATE", explicit=True) + encode(
        0x0040A121, "DA", b"19470308", explicit=True
    )
    data = make(BORN | {0x0040A730: ("SQ", item(node))}, sop_class=SR)
    (content,) = read(run(data, option)[0]).ContentSequence
    assert content.Date == "20000101"


def test_a_newborn_keeps_the_day_of_the_examination() -> None:
    data = make(BORN | {0x00080020: ("DA", b"19470308"), 0x00080030: ("TM", b"1200")})
    output = read(run(data, Option.RETAIN_FULL_DATES)[0])
    assert output.StudyDate == "19470308"
    assert not output.PatientBirthDate


def test_other_dates_stay() -> None:
    data = make(BORN | {0x0040A121: ("DA", b"20240131"), 0x00400244: ("DA", b"20240130")})
    output = read(run(data, Option.RETAIN_FULL_DATES)[0])
    assert output.Date == "20240131"
    assert output.PerformedProcedureStepStartDate == "20240130"


def test_a_site_may_keep_it() -> None:
    rules = SiteRules(actions={0x0040A121: "K"})
    data = make(BORN | {0x0040A121: ("DA", b"19470308")})
    profile = Profile(frozenset({Option.RETAIN_FULL_DATES}), rules)
    assert read(run_profile(data, profile)[0]).Date == "19470308"
