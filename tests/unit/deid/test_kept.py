"""Values that stay because they say nothing of the patient."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset
from pydicom.sr import _concepts_dict

from emixcli.anonymize import Option
from emixcli.deid import codes
from emixcli.deid.parse import encode, encode_item
from tests.unit.deid.making import make, read, run

CONCEPTS: Any = _concepts_dict.concepts
CODES = [
    (scheme, value)
    for scheme in ("DCM", "SCT", "UCUM", "LN")
    for values in CONCEPTS[scheme].values()
    for value in values
    if codes.is_public(scheme, value)
]


def coded(scheme: str, value: str) -> bytes:
    """Return the item of a code."""
    is_long = len(value) > 16
    return encode_item(
        (b"" if is_long else encode(0x00080100, "SH", _even(value), explicit=True))
        + encode(0x00080102, "SH", _even(scheme), explicit=True)
        + (encode(0x00080119, "UC", _even(value), explicit=True) if is_long else b"")
    )


def _even(text: str) -> bytes:
    return text.encode() + b" " * (len(text) % 2)


def _kept(items: bytes) -> list[Dataset]:
    elements = {
        0x00081032: ("SQ", items),
        0x00100020: ("LO", b"PX-40817733 "),
        0x00100030: ("DA", b"19610312"),
    }
    return list(read(run(make(elements))[0]).ProcedureCodeSequence)


def test_codes_of_public_schemes_are_no_dates() -> None:
    kept = _kept(b"".join(coded(scheme, value) for scheme, value in CODES))
    found = [item.get("CodeValue") or item.get("LongCodeValue") for item in kept]
    assert len(CODES) > 16_000
    assert found == [value for _, value in CODES]


@pytest.mark.parametrize(("scheme", "value"), [("SCT", "40817733"), ("SCT", "19610312")])
def test_codes_that_are_known_go(scheme: str, value: str) -> None:
    [item] = _kept(coded(scheme, value))
    assert value not in str(item)


@pytest.mark.parametrize(("old", "new"), [(b"093Y", "090Y"), (b"089Y", "089Y"), (b"093D", "093D")])
@pytest.mark.parametrize("tag", [0x00101010, 0x0072005F])
def test_the_oldest_are_ninety_in_any_attribute(tag: int, old: bytes, new: str) -> None:
    data = make({tag: ("AS", old)})
    output = read(run(data, Option.RETAIN_PATIENT_CHARACTERISTICS)[0])
    assert output[tag].value == new
