"""What stands behind a data set, and sequences that are written as other writers would."""

from __future__ import annotations

import struct

import pytest

from emixcli.anonymize import Option, Reason
from emixcli.deid.parse import encode, encode_item
from emixcli.deid.rest import is_rest
from tests.unit.deid.making import NAME, PIXELS, UID_ROOT, make, read, refused, run

RESTS = [
    b"\r\n", b"\n", b" " * 64, b"\xff" * 512, b"\0" * 10_000, b"\r\n--Mabuse7Hans--\r\n",
    b"Mabuse, Hans" * 3, b"\x1a\xffMabuse",
]  # fmt: skip
#: Document text in a group that ends a data set without pixels.
LAST = {0x0040A160: ("UT", b"Findings of the chest ")}
IMPLICIT_LAST = make(LAST, explicit=False)


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("explicit", [True, False])
def test_what_stands_behind_a_data_set_is_left_out(rest: bytes, explicit: bool) -> None:
    data = make(LAST | NAME, explicit=explicit)
    assert run(data + rest)[0] == run(data)[0]


PADDING = (0xFFFCFFFC, "X")


@pytest.mark.parametrize("elements", [LAST, PIXELS])
@pytest.mark.parametrize("explicit", [True, False])
def test_what_stands_behind_a_data_set_is_counted(
    elements: dict[int, tuple[str, bytes]], explicit: bool
) -> None:
    data = make(elements | NAME, explicit=explicit)
    assert run(data + b"Mabuse, Hans")[1].actions[PADDING] == 1
    assert PADDING not in run(data + bytes(64))[1].actions
    element = encode(0xFFFCFFFC, "OB", b"Mabuse", explicit=explicit)
    assert run(data + element)[1].actions[PADDING] == 1


@pytest.mark.parametrize("n_cut", [1, 5, 9, 17, 21, 24, 26, 28])
@pytest.mark.parametrize("explicit", [True, False])
def test_a_cut_object_is_still_refused(n_cut: int, explicit: bool) -> None:
    assert refused(make(LAST, explicit=explicit)[:-n_cut]) == Reason.TRUNCATED


@pytest.mark.parametrize(
    "rest",
    [
        b"ZZZZZZ" + encode(0x0040A730, "SQ", b"", explicit=True),  # elements behind damage
        b"\x29\0\x10\0LO\x40\0ACME",  # a private block, cut
        b"\x40\0\x60\xa1",  # the start of a head
    ],
)
def test_what_may_be_elements_is_no_rest(rest: bytes) -> None:
    assert not is_rest(rest, (), explicit=True)
    assert refused(make(LAST) + rest) in {Reason.TRUNCATED, Reason.MALFORMED}


def test_a_private_block_that_goes_on_is_no_rest() -> None:
    rest = b"\x29\0\x01\x10\x40\0\0\0ACME"
    assert is_rest(rest, (), explicit=False)
    assert not is_rest(rest, (0x29,), explicit=False)


def test_big_endian_objects_too() -> None:
    implicit = make(NAME)
    at = implicit.index(b"\x08\0\x16\0")
    swapped = b"".join(
        struct.pack(">HH2sH", tag >> 16, tag & 0xFFFF, b"UI", len(uid)) + uid
        for tag, uid in (
            (0x00080016, b"1.2.840.10008.5.1.4.1.1.88.33\0"),
            (0x00080018, f"{UID_ROOT}.1".encode() + b"\0" * ((len(UID_ROOT) + 2) % 2)),
        )
    )
    data = implicit[:at].replace(b"10008.1.2.1\0", b"10008.1.2.2\0") + swapped
    assert run(data + b"--Mabuse--\r\n")[0] == run(data)[0]
    assert run(data + b"--Mabuse--\r\n")[1].actions[PADDING] == 1


# -- sequences in UN -----------------------------------------------------------------------------

RELATED = 0x00081250
INNER = (
    encode(0x00081155, "UI", f"{UID_ROOT}.8".encode(), explicit=True)
    + encode(0x00100010, "PN", b"Mabuse^Hans ", explicit=True)
)  # fmt: skip
DELIMITED = b"\xfe\xff\0\xe0\xff\xff\xff\xff" + INNER + b"\xfe\xff\x0d\xe0\0\0\0\0"


@pytest.mark.parametrize("item", [encode_item(INNER), DELIMITED])
def test_vrs_in_un_are_understood(item: bytes) -> None:
    output, _ = run(make({RELATED: ("UN", item)}))
    assert b"Mabuse" not in output
    found = read(output)[RELATED].value[0]
    assert found.ReferencedSOPInstanceUID.startswith("2.25.")


def test_vrs_in_un_of_no_length() -> None:
    head = struct.pack("<HH2sHI", 0x0029, 0x1010, b"UN", 0, 0xFFFFFFFF)
    private = head + DELIMITED + b"\xfe\xff\xdd\xe0\0\0\0\0"
    creator = encode(0x00290010, "LO", b"ACME", explicit=True)
    last = encode(0x0040A160, "UT", b"Chest ", explicit=True)
    output, _ = run(make({}) + creator + private + last, Option.CLEAN_DESCRIPTORS)
    assert b"Mabuse" not in output
    assert 0x00291010 not in read(output)
