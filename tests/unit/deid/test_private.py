"""Private elements: all go, but for those of PS3.15 Table E.3.10-1 where these are asked for."""

from __future__ import annotations

import io
from functools import cache

import pytest

from emixcli.anonymize import Anonymizer, Option, Profile
from emixcli.deid import tables
from emixcli.deid.parse import encode, encode_item
from tests.unit.deid.making import CODE, EXPLICIT, KEY, make, read, run, value_of

SAFE = [(creator, number, vr) for (creator, number), vr in tables.safe_private().items()]
#: Standard values where planted ones would be removed as free text of a wrong shape.
PLAIN = {
    "LT": b"brain ",
    "CS": b"SAFE",
    "DS": b"1.5 ",
    "IS": b"12",
    "LO": b"T2 ",
    "SH": b"T1 ",
    "ST": b"mask",
}


@cache
def anonymizer(*options: Option) -> Anonymizer:
    return Anonymizer(Profile(options=frozenset(options)), KEY)


def identify(creator: str, number: int) -> str:
    return f"{creator}-{number >> 16:04X}xx{number & 0xFF:02X}".replace(" ", "_")


def planted(
    creator: str, number: int, vr: str, block: int, *, explicit: bool = True
) -> dict[int, tuple[str, bytes]]:
    vr = vr[:2] or "FD"
    tag = number & 0xFFFF0000 | block << 8 | number & 0xFF
    value = PLAIN.get(vr) or value_of(vr, explicit=explicit)
    return {
        number & 0xFFFF0000 | block: ("LO", creator.encode()),
        tag: (vr, value),
        tag ^ 0x80: ("LO", b"Plantedunsafe "),
    }


@pytest.mark.parametrize(
    ("creator", "number", "vr"),
    SAFE,
    ids=[identify(creator, number) for creator, number, _ in SAFE],
)
@pytest.mark.parametrize("explicit", [True, False], ids=["explicit", "implicit"])
def test_each_safe_element_is_kept_where_it_is_asked_for(
    creator: str, number: int, vr: str, explicit: bool
) -> None:
    elements = planted(creator, number, vr, 0x2A, explicit=explicit)
    neighbour = next(tag for tag, value in elements.items() if value[1] == b"Plantedunsafe ")
    if (creator, neighbour & 0xFFFF00FF) in tables.safe_private():
        del elements[neighbour]
    file = io.BytesIO(make(elements, explicit=explicit))
    made = anonymizer(Option.RETAIN_SAFE_PRIVATE).anonymize(file)
    output = b"".join(made.iter_bytes(file))
    value = PLAIN.get(vr[:2]) or value_of(vr[:2] or "FD")
    assert creator.encode() in output
    assert (b"2.25." in output) if vr == "UI" else (value.rstrip(b"\0 ") in output or vr == "SQ")
    assert b"unsafe" not in output
    assert creator.encode() not in b"".join(anonymizer().anonymize(file).iter_bytes(file))


def test_a_block_counts_by_its_creator_not_by_its_number() -> None:
    creator, number, vr = SAFE[0]
    elements = planted(creator, number, vr, 0x10)
    elements[number & 0xFFFF0000 | 0x10] = ("LO", b"Somebody else ")
    output, _ = run(make(elements), Option.RETAIN_SAFE_PRIVATE)
    assert not [element for element in read(output) if element.tag.is_private]


def test_safe_sequences_are_looked_into() -> None:
    inner = encode(0x00100010, "PN", b"Plantedpn^Zzyzx ", explicit=True) + CODE
    inner = CODE + encode(0x00104000, "LT", b"Plantedcomment", explicit=True)
    inner += encode(0x20011000 | 0x10, "LO", b"Somebody else ", explicit=True)
    creator, number, _ = next(row for row in SAFE if row[2] == "SQ" and row[1] >> 16 == 0x2001)
    tag = number & 0xFFFF0000 | 0x1000 | number & 0xFF
    data = make(
        {
            number & 0xFFFF0000 | 0x10: ("LO", creator.encode()),
            tag: ("SQ", encode_item(inner)),
        }
    )
    output, _ = run(data, Option.RETAIN_SAFE_PRIVATE)
    assert b"24028007" in output
    assert b"Planted" not in output
    assert b"Somebody" not in output


def test_dates_in_safe_elements_move_or_go() -> None:
    creator, group = "GEMS_PARM_01", 0x0043
    rows = [row for row in SAFE if row[0] == creator and row[1] >> 16 == group and row[2] == "SH"]
    if not rows:
        rows = [row for row in SAFE if row[2] == "LO"]
    creator, number, vr = rows[0]
    tag = number & 0xFFFF0000 | 0x1000 | number & 0xFF
    data = make(
        {
            number & 0xFFFF0000 | 0x10: ("LO", creator.encode()),
            tag: (vr, b"T2 20240131 "),
        }
    )
    assert b"20240131" not in run(data, Option.RETAIN_SAFE_PRIVATE)[0]
    both = run(data, Option.RETAIN_SAFE_PRIVATE, Option.RETAIN_FULL_DATES)[0]
    assert b"20240131" in both


def test_private_values_of_the_patient_go_also_where_safe() -> None:
    creator, number, vr = next(row for row in SAFE if row[2] == "LO")
    tag = number & 0xFFFF0000 | 0x1000 | number & 0xFF
    data = make(
        {
            0x00100010: ("PN", b"Zzyzxname^Given "),
            number & 0xFFFF0000 | 0x10: ("LO", creator.encode()),
            tag: (vr, b"of zzyzxname "),
        }
    )
    assert b"zzyzxname" not in run(data, Option.RETAIN_SAFE_PRIVATE)[0].lower()
    assert EXPLICIT
