"""Values of the patient written as nobody writes them, but as machines do."""

from __future__ import annotations

import base64
import datetime as dt
import struct

import pytest

from emixcli.deid.encodings import iter_decoded
from emixcli.deid.parse import encode
from tests.unit.deid.making import item, make, run

BORN = dt.date(1947, 3, 8)
NAME = "Zzyzxelda"
WHO = {
    0x00100010: ("PN", f"{NAME}^Quorvann".encode()),
    0x00100020: ("LO", b"PX-40817733 "),
    0x00100030: ("DA", b"19470308"),
}
SECONDS = (BORN - dt.date(1970, 1, 1)).days * 86_400
MANUFACTURER = 0x00080070


def left(tag: int, vr: str, value: bytes) -> bool:
    """Whether a value stays as it is."""
    return value in run(make(WHO | {tag: (vr, value)}))[0]


@pytest.mark.parametrize(
    "text",
    [
        ":".join(f"{ord(letter):02x}" for letter in NAME),
        "".join(f"%{ord(letter):02X}" for letter in NAME),
        "%5Azyzxel%64a", "=5Azyzxelda", "&#90;zyzxelda", "&#x5A;zyzxelda",
        NAME.encode().hex(), f"0x{NAME.encode().hex()}", NAME[::-1], " ".join(NAME),
        base64.urlsafe_b64encode(NAME.encode()).decode(), f"/q?n={NAME}&d=1", f"x{NAME}Quorvann",
        "PX-40817733", "33771804-XP", "4081 7733", f"{BORN:%Y%j}", str(BORN.toordinal() + 1721425),
        f"{BORN.toordinal() + 1721424.5}", str(SECONDS), f"{-SECONDS}000",
    ],
)  # fmt: skip
def test_in_text_about_technique(text: str) -> None:
    assert not left(MANUFACTURER, "LO", f"CT {text}".encode())


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00189087, "FD", struct.pack("<d", 40817733)),
        (0x00189087, "FD", struct.pack("<d", SECONDS)),
        (0x00186024, "UL", struct.pack("<I", 19470308)),
        (0x00186026, "SL", struct.pack("<i", SECONDS)),
        (0x00180060, "DS", b"40817.733 "),
        (0x00280030, "DS", b"4081\\7733 "),
        (0x00280030, "DS", b"1947\\0308 "),
        (0x00200013, "IS", str(SECONDS).encode()),
        (0x00080008, "CS", b"ORIGINAL\\ZZY\\ZXEL\\DA"),
        (0x00081150, "UI", b"1.2.840.10008.5.1.4.40817733"),
    ],
)
def test_in_numbers_codes_and_uids(tag: int, vr: str, value: bytes) -> None:
    assert not left(tag, vr, value)


def test_in_a_code_of_a_local_scheme() -> None:
    code = encode(0x00080100, "SH", b"ZZYZXELDA ", explicit=True)
    data = make(WHO | {0x00082218: ("SQ", item(code))})
    assert b"ZZYZXELDA" not in run(data)[0]


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (MANUFACTURER, "LO", b"12 34 56 "), (0x00080008, "CS", b"ORIGINAL\\PRIMARY "),
        (0x00280030, "DS", b"0.5\\0.5 "), (0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        (0x00189087, "FD", struct.pack("<d", 1000.0)), (0x00180060, "DS", b"120.0 "),
        (MANUFACTURER, "LO", b"100% "),
    ],
)  # fmt: skip
def test_what_only_looks_so_stays(tag: int, vr: str, value: bytes) -> None:
    assert left(tag, vr, value)


@pytest.mark.parametrize("text", ["", "100 %", "a=b", "T2 & T1", "12:34", "a%zz", "&#x;"])
def test_plain_text_is_not_decoded(text: str) -> None:
    assert list(iter_decoded(text)) in ([], [text])
