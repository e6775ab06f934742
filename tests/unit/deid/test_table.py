"""Every row of PS3.15 Table E.1-1, under the Basic Profile and with each option."""

from __future__ import annotations

import io
from functools import cache

import pytest

from emixcli.anonymize import Anonymizer, Option, Profile
from emixcli.deid import tables
from emixcli.deid.dates import shift_da, shift_dt
from emixcli.deid.iods import types_of
from emixcli.deid.parse import Element, iter_elements, vr_of
from tests.unit.deid.making import CODE, CT, KEY, make, value_of

BASIC = "basic"
ROWS = {
    tag.replace("x", "0") if tag != "private" else "00110010": row
    for tag, row in tables.profile().items()
}
#: Elements of commands, file meta information and directories are none of a data set.
FOREIGN = ("0000", "0002", "0004", "0006")
MARKERS = {0x00120062, 0x00120063, 0x00120064}
CASES = [(tag, column) for tag in ROWS for column in (BASIC, *tables.COLUMNS)]


@cache
def anonymizer(column: str) -> Anonymizer:
    options = frozenset() if column == BASIC else frozenset({Option(column)})
    return Anonymizer(Profile(options=options), KEY)


def letters(tag: str, column: str) -> str:
    row = ROWS[tag]
    if tag[:2] in ("50", "60"):
        return row.basic  # bitmaps and curves go, whatever is asked
    asked = "-" if column == BASIC else row.options[tables.COLUMNS.index(column)]
    return row.basic if asked == "-" else asked


def element_of(data: bytes, tag: int) -> tuple[Element, bytes] | None:
    start = data.index(b"DICM") + 4
    for element in iter_elements(data, start, len(data), explicit=True):
        if element.tag == tag:
            return element, data[element.value : element.end]
    return None


@pytest.mark.parametrize(("tag", "column"), CASES, ids=lambda value: value)
def test_each_row_with_each_option(tag: str, column: str) -> None:
    number = int(tag, 16)
    vr = vr_of(number, "LO" if tag == "00110010" else "")
    old = b"+0200 " if number == 0x00080201 else value_of("OB" if vr == "UN" else vr)
    file = io.BytesIO(make({number: (vr, old), 0x00420012: ("LO", b"application/pdf ")}))
    made = anonymizer(column).anonymize(file)
    found = element_of(b"".join(made.iter_bytes(file)), number)
    if tag[:4] in FOREIGN:
        assert found is None or old not in found[1]
        return
    if number in MARKERS:
        return  # written anew: `test_markers.py`
    new = None if found is None else found[1]
    check(letters(tag, column), number, vr, old.rstrip(b"\0 "), new)


def check(asked: str, tag: int, vr: str, old: bytes, new: bytes | None) -> None:
    """Hold a new value against the action; actions of several letters leave it to the type."""
    if asked == "K":
        check_kept(tag, vr, old, new)
    elif asked == "C":
        check_cleaned(tag, vr, old, new)
    elif "U" in asked:
        assert new is not None
        assert vr == "SQ" or new.startswith(b"2.25.")
    else:
        assert "X" in asked or new is not None or asked == "D", asked
        if asked == "X":
            assert new is None or types_of(CT).get(tag)
        if asked == "D":
            assert new
        if vr != "SQ":
            assert new is None or old not in new


def check_kept(tag: int, vr: str, old: bytes, new: bytes | None) -> None:
    assert new is not None
    if vr == "SQ":
        assert CODE in new
    elif vr not in ("UR", "PN"):
        assert new.rstrip(b"\0 ") == old


def check_cleaned(tag: int, vr: str, old: bytes, new: bytes | None) -> None:
    if new is None:  # nothing is left of words that the standard does not have
        assert vr not in ("DA", "DT", "TM", "SQ")
    elif vr in ("DA", "DT"):
        days = anonymizer("retain-modified-dates")._objects._engine.keyed.shift_days(
            "1.2.826.0.1.3680043.8.498.4711.2"
        )
        move = shift_da if vr == "DA" else shift_dt
        assert new.decode().rstrip() == move(old.decode(), days)
    elif vr == "TM" or tag == 0x00080201:
        assert new.rstrip() == old
    else:
        assert b"zzyzx" not in new.lower()
        assert b"planted" not in new.lower()
