"""Small DICOM objects written element by element, and what is left of them."""

from __future__ import annotations

import contextlib
import io

import pytest
from pydicom import Dataset, dcmread

from emixcli.anonymize import Anonymized, Anonymizer, DeidError, Option, Profile
from emixcli.deid.markers import meta
from emixcli.deid.parse import encode, encode_item

KEY = bytes(range(32))
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
UID_ROOT = "1.2.826.0.1.3680043.8.498.4711"

#: A value of each VR that occurs nowhere else.
VALUES = {
    "AE": b"PLANTEDAE ", "AS": b"047Y", "CS": b"PLANTEDCS ", "DA": b"19470308",
    "DS": b"47.11 ", "DT": b"19470308101112", "FD": b"\1\2\3\4\5\6\7\x40", "FL": b"\1\2\3\x40",
    "IS": b"4711", "LO": b"Plantedlo Zzyzx ", "LT": b"Plantedlt Zzyzx ", "OB": b"\1PLANTEDOB",
    "OW": b"PLANTEDOW ", "PN": b"Plantedpn^Zzyzx ", "SH": b"Plantedsh ", "SL": b"\1\2\3\4",
    "SS": b"\1\2", "ST": b"Plantedst Zzyzx ", "TM": b"101112.471147", "UC": b"Planteduc ",
    "UI": b"1.2.826.0.1.3680043.8.498.4711.7\0", "UL": b"\1\2\3\4", "UN": b"\1PLANTEDUN",
    "UR": b"https://planted.invalid/zzyzx ", "US": b"\1\2", "UT": b"Plantedut Zzyzx ",
    "AT": b"\x10\0\x10\0", "OF": b"\1\2\3\4", "OD": b"\1\2\3\4\5\6\7\x40", "OL": b"\1\2\3\4",
    "OV": b"\1\2\3\4\5\6\7\x40", "SV": b"\1\2\3\4\5\6\7\x40", "UV": b"\1\2\3\4\5\6\7\x40",
}  # fmt: skip


def code(*, explicit: bool = True) -> bytes:
    """Return the elements of a coded concept."""
    return (
        encode(0x00080100, "SH", b"24028007", explicit=explicit)
        + encode(0x00080102, "SH", b"SCT", explicit=explicit)
        + encode(0x00080104, "LO", b"Right", explicit=explicit)
    )


CODE = code()


def value_of(vr: str, *, explicit: bool = True) -> bytes:
    """Return a planted value."""
    return encode_item(code(explicit=explicit)) if vr == "SQ" else VALUES[vr]


def make(
    elements: dict[int, tuple[str, bytes]], *, sop_class: str = CT, explicit: bool = True
) -> bytes:
    """Return an object with these elements beside its SOP class and UIDs."""
    uids = {0x00080016: sop_class, 0x00080018: f"{UID_ROOT}.1", 0x0020000D: f"{UID_ROOT}.2"}
    uids[0x0020000E] = f"{UID_ROOT}.3"
    everything = {tag: ("UI", uid.encode()) for tag, uid in uids.items()} | elements
    syntax = EXPLICIT if explicit else IMPLICIT
    return meta(sop_class, f"{UID_ROOT}.1", syntax) + b"".join(
        encode(tag, vr, value, explicit=explicit) for tag, (vr, value) in sorted(everything.items())
    )


def run(data: bytes, *options: Option, key: bytes = KEY) -> tuple[bytes, Anonymized]:
    """De-identify an object."""
    return run_profile(data, Profile(options=frozenset(options)), key=key)


def run_profile(data: bytes, profile: Profile, *, key: bytes = KEY) -> tuple[bytes, Anonymized]:
    """De-identify an object under a profile."""
    file = io.BytesIO(data)
    with contextlib.closing(Anonymizer(profile, key).anonymize(file)) as made:
        output = b"".join(made.iter_bytes(file))
    assert len(output) == made.size
    return output, made


def read(data: bytes) -> Dataset:
    """Return a data set as pydicom reads it."""
    return dcmread(io.BytesIO(data))


NAME = {0x00100010: ("PN", b"Zzyzx^Given ")}
PIXELS = {
    0x00080008: ("CS", b"ORIGINAL\\PRIMARY\\AXIAL "), 0x00080060: ("CS", b"CT"),
    0x00280004: ("CS", b"MONOCHROME2 "),
    0x00280002: ("US", b"\1\0"), 0x00280010: ("US", b"\2\0"), 0x00280011: ("US", b"\2\0"),
    0x00280100: ("US", b"\x10\0"), 0x00280101: ("US", b"\x10\0"), 0x00280102: ("US", b"\x0f\0"),
    0x00280103: ("US", b"\0\0"), 0x7FE00010: ("OW", b"\1\2\3\4\5\6\7\x08"),
}  # fmt: skip

META = meta(CT, f"{UID_ROOT}.1", EXPLICIT)


def refused(data: bytes, *options: Option) -> str:
    with pytest.raises(DeidError) as caught:
        run(data, *options)
    assert caught.value.exit_code == 80
    assert caught.value.id == "deid.unsafe"
    assert b"zzyzx" not in str(caught.value).lower().encode()
    return caught.value.reason


def item(*elements: bytes) -> bytes:
    return encode_item(b"".join(elements))
