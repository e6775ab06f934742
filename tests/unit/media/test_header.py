"""The header reader: equal to pydicom, tolerant, and never surprised."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from emixcli.errors import EmixError, NoDicomError
from emixcli.media.elements import TAGS
from emixcli.media.header import HeaderReader, read_header
from emixcli.media.window import HEAD_LENGTH
from emixcli.model import KEYWORDS
from tests import builders

LIBRARY = Path(pydicom.__file__).parent / "data"


def _canonical(value: Any) -> str:
    """Return a value of pydicom as `model.KEYWORDS` states it."""
    if value is None:
        return ""
    if isinstance(value, MultiValue | list):
        return "\\".join(_canonical(part) for part in value)
    if isinstance(value, PersonName):
        return str(value).strip(" \0")
    original = getattr(value, "original_string", None)
    return str(value if original is None else original).strip(" \0")


def _expected(ds: pydicom.Dataset, keyword: str) -> str:
    holder = ds.file_meta if keyword == "TransferSyntaxUID" else ds
    return _canonical(holder.get(keyword))


def _pydicom(path: Path) -> pydicom.Dataset | None:
    try:
        ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        len(ds)
    except Exception:  # noqa: BLE001 - pydicom raises anything on damaged files
        return None
    return ds


def _library_files() -> list[Path]:
    folders = [LIBRARY / "test_files", LIBRARY / "charset_files", LIBRARY / "palettes"]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def _differences(paths: list[Path]) -> Iterator[str]:
    warnings.simplefilter("ignore")
    for path in paths:
        try:
            with path.open("rb") as file:
                ours = read_header(file)
        except NoDicomError:
            continue
        ds = _pydicom(path)
        if ds is None:
            continue
        for keyword, value in zip(KEYWORDS, ours.values, strict=True):
            expected = _expected(ds, keyword)
            is_guess = keyword == "TransferSyntaxUID" and not expected
            if not is_guess and ("" if value is None else str(value)) != expected:
                yield f"{path.name} {keyword}"


def test_tags_are_those_of_the_standard() -> None:
    assert {keyword: pydicom.datadict.tag_for_keyword(keyword) for keyword in KEYWORDS} == TAGS


def test_agrees_with_pydicom_on_its_own_files() -> None:
    assert list(_differences(_library_files())) == []


def test_agrees_with_pydicom_on_the_corpus(shared_corpora: Path) -> None:
    paths = sorted(path for path in (shared_corpora / "dicom").rglob("*") if path.is_file())
    assert list(_differences(paths)) == []


def _find(reader: HeaderReader, data: bytes) -> object:
    return reader.find(data[:HEAD_LENGTH], len(data), lambda o, n: data[o : o + n])


@pytest.mark.parametrize("seed", range(4))
def test_templates_change_no_result(seed: int) -> None:
    contents = [path.read_bytes() for path in _library_files()]
    contents += [
        builders.to_bytes(builders.instance(series=s, number=n))
        for s in range(3)
        for n in range(1, 8)
    ]
    if seed:
        random.Random(seed).shuffle(contents)
    reader = HeaderReader()
    for content in contents:
        assert _find(reader, content) == _find(HeaderReader(), content)


@pytest.mark.parametrize("syntax", builders.SYNTAXES)
def test_finds_the_pixels_in_every_syntax(syntax: str) -> None:
    data = builders.to_bytes(builders.instance(transfer_syntax=syntax))
    header = read_header(data)
    assert header.codes == ()
    assert header.values[0] == syntax
    if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian:
        assert header.pixel_length == 32 * 32 * 2
    elif pydicom.uid.UID(syntax).is_encapsulated:
        assert header.pixel_length == 0xFFFFFFFF
        assert data[header.pixel_offset :][:4] == b"\xfe\xff\x00\xe0"
    else:
        assert header.pixel_offset + header.pixel_length == len(data)


def test_reads_without_preamble_and_without_meta_group() -> None:
    data = builders.to_bytes(builders.instance())
    whole = read_header(data)
    bare = read_header(data[whole.dataset_offset :])
    assert bare.codes == ("F05", "F06")
    assert bare.values == whole.values


def test_names_a_cut_and_a_lost_header() -> None:
    data = builders.to_bytes(builders.instance())
    assert "S04" in read_header(data[:-100]).codes
    zeros = bytearray(data)
    zeros[500:] = bytes(len(data) - 500)
    assert "F09" in read_header(bytes(zeros)).codes


@pytest.mark.parametrize(
    ("extra", "deep"),
    [
        ({}, False),
        ({"PerFrameFunctionalGroupsSequence": [pydicom.Dataset()]}, True),
        ({"VOILUTSequence": [pydicom.Dataset()]}, True),
        ({"ModalityLUTSequence": [pydicom.Dataset()]}, True),
        ({"RedPaletteColorLookupTableDescriptor": [256, 0, 16]}, True),
    ],
)
def test_says_what_needs_more_than_the_header(extra: dict[str, object], *, deep: bool) -> None:
    assert read_header(builders.to_bytes(builders.instance(extra=extra))).deep is deep


def test_an_overlay_needs_more() -> None:
    ds = builders.instance()
    ds.add_new(0x60000010, "US", 32)
    assert read_header(builders.to_bytes(ds)).deep


def test_header_longer_than_one_read() -> None:
    ds = builders.instance()
    ds.add_new(0x00091010, "OB", bytes(300_000))
    inner = pydicom.Dataset()
    inner.add_new(0x00091011, "OB", bytes(200_000))
    ds.add_new(0x00091012, "SQ", [inner])
    ds[0x00091012].is_undefined_length = True
    header = read_header(io.BytesIO(builders.to_bytes(ds)))
    assert header.values == read_header(builders.to_bytes(builders.instance())).values
    assert header.pixel_length == 2048


def test_text_that_is_not_ascii() -> None:
    ds = builders.instance(extra={"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jö"})
    assert "Müller^Jö" in read_header(builders.to_bytes(ds)).values


def _alike(syntax: str) -> list[bytes]:
    """Return headers of a series, with what differs inside sequences of either kind of length."""
    contents = []
    for number in range(1, 6):
        inner = Dataset()
        inner.ReferencedSOPInstanceUID = f"1.2.{10**number}"
        inner.RelatedSeriesSequence = [Dataset()]
        outer = builders.instance(number=number, transfer_syntax=syntax)
        outer.ReferencedImageSequence = [inner, inner]
        outer.SourceImageSequence = [inner]
        outer["SourceImageSequence"].is_undefined_length = True
        outer.PatientComments = "Müller" if number == 4 else "x" * number
        contents.append(builders.to_bytes(outer))
    return contents


def _equally_long() -> list[bytes]:
    """Return headers of a series whose values have the same lengths in each."""
    contents = []
    for number in range(1, 6):
        ds = builders.instance(number=number, extra={"SpecificCharacterSet": "\\ISO 2022 IR 87"})
        ds.InstanceNumber, ds.AccessionNumber = f"{number:04}", f"ABC{number:05}"
        ds.ReferencedImageSequence = [Dataset()]
        ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID = f"1.2.{number}"
        ds.ImageType, ds.PatientComments = ["ORIGINAL", f"AXIAL{number}"], f"{number} " * 3
        contents.append(builders.to_bytes(ds))
    return contents


SERIES = [*map(_alike, builders.SYNTAXES), _equally_long()]


@pytest.mark.parametrize("contents", SERIES)
def test_templates_are_used_and_change_no_result(contents: list[bytes]) -> None:
    reader = HeaderReader()
    for content in contents * 2:
        assert _find(reader, content) == _find(HeaderReader(), content)
    syntax = pydicom.dcmread(io.BytesIO(contents[0])).file_meta.TransferSyntaxUID
    if syntax.is_little_endian and not syntax.is_deflated:
        assert reader.n_matched >= 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"ABC00005", b'\x1b$B$"\x1b(B'), (b"ABC00005", b"ABC0000\xe4"),
        (b"ABC00005", b"ABC 0\\ 5"), (b"ABC00005", bytes(8)),
        (b"AXIAL5", b"AXIA\x1b5"), (b"1.2.5", b"1.2.\0"), (b"5 5 5 ", b"5 5 \xff "),
        (b"ORIGINAL", b"DERIVED "), (b"DICM", b"DICN"), (b"\xfe\xff\0\xe0", b"\xfe\xff\0\xe1"),
        (b"\x55\x11UI\x06\0", b"\x55\x11UI\x04\0"),
    ],
)  # fmt: skip
def test_values_where_those_of_the_last_headers_were(old: bytes, new: bytes) -> None:
    *others, last = _equally_long()
    reader = HeaderReader()
    for content in others:
        _find(reader, content)
    assert old in last
    for content in (last.replace(old, new), last[:-3000], last):
        assert _find(reader, content) == _find(HeaderReader(), content)
    assert reader.n_matched >= 3


@given(st.binary(max_size=3000))
@settings(max_examples=300, deadline=None)
def test_any_bytes_raise_only_our_errors(data: bytes) -> None:
    for content in (data, bytes(128) + b"DICM" + data):
        with contextlib.suppress(EmixError):
            read_header(content)


@given(
    st.sampled_from(SERIES),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=12)), max_size=6),
    st.integers(0, 4000),
)
@settings(max_examples=400, deadline=None)
def test_mutated_headers_raise_only_our_errors(
    series: list[bytes], changes: list[tuple[int, bytes]], keep: int
) -> None:
    *others, data = series[0], series[1], series[2], bytearray(series[4])
    for offset, patch in changes:
        data[offset : offset + len(patch)] = patch
    reader = HeaderReader()
    for content in (*others, bytes(data), bytes(data[:keep])):  # also through a template
        _find(reader, content)
        assert _find(reader, content) == _find(HeaderReader(), content)
