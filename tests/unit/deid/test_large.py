"""What does not fit into memory comes out as what does."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import pydicom.data
import pytest

from emixcli.anonymize import Anonymizer, DeidError, Option, Profile
from emixcli.deid import longvalues, pages, parse, render, split, tables
from emixcli.deid.pages import Pages, Rope, Scratch
from emixcli.deid.parse import encode, encode_item
from emixcli.errors import OutputError
from tests.running import ROOT
from tests.unit.deid.making import CODE, KEY, NAME, make, read, run

FILES = Path(pydicom.data.__file__).parent
_MAX_FILE = 200_000
SR = "1.2.840.10008.5.1.4.1.1.88.33"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.2"
RT = "1.2.840.10008.5.1.4.1.1.481.3"
_ITEM = b"\xfe\xff\x00\xe0"
_OPEN = b"\xff\xff\xff\xff"
_ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"

#: De-identifies the files that it is given, and says by how much its memory grew at the second.
_PROGRAM = """
import sys
from emixcli.anonymize import Anonymizer, Profile
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
anonymizer = Anonymizer(Profile(), bytes(32))
for path in sys.argv[1:]:
    before = peak()
    with open(path, "rb") as file:
        made = anonymizer.anonymize(file)
        assert sum(map(len, made.iter_bytes(file))) == made.size
        made.close()
print(peak() - before)
"""


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything of more than a few bytes be too large for memory."""
    for module in (parse, split, render):
        monkeypatch.setattr(module, "LARGE", 48)
    monkeypatch.setattr(split, "MAX_HELD", 64)
    monkeypatch.setattr(split, "_MAX_REMEMBERED", 48)
    monkeypatch.setattr(pages, "_WINDOW", 32)
    monkeypatch.setattr(pages, "_CHUNK", 256)
    monkeypatch.setattr(pages, "_SPOOL", 512)


def made_of(path: Path, *options: Option) -> tuple[bytes, object] | str:
    """Return the new bytes and what was done, or why an object is refused."""
    try:
        output, made = run(path.read_bytes(), *options)
    except DeidError as exc:
        return exc.reason
    return output, made.actions


@pytest.mark.parametrize(
    "path",
    sorted(path for path in FILES.rglob("*.dcm") if path.stat().st_size < _MAX_FILE),
    ids=lambda path: path.name,
)
@pytest.mark.parametrize(
    "options", [(), (Option.RETAIN_SAFE_PRIVATE, Option.CLEAN_STRUCTURED_CONTENT)], ids=str
)
def test_little_memory_changes_nothing(
    path: Path, options: tuple[Option, ...], request: pytest.FixtureRequest
) -> None:
    expected = made_of(path, *options)
    request.getfixturevalue("little_memory")
    assert made_of(path, *options) == expected


def report(depth: int, items: bytes, *, is_open: bool) -> bytes:
    """Return the value of a content sequence whose items are nested so deeply."""
    for _ in range(depth):
        name = encode(0x0040A043, "SQ", encode_item(CODE), explicit=True)
        content = encode(0x0040A040, "CS", b"CONTAINER ", explicit=True) + name
        if is_open:
            below = b"\x40\0\x30\xa7SQ\0\0" + _OPEN + items + _SEQUENCE_END
            items = _ITEM + _OPEN + content + below + _ITEM_END
        else:
            items = encode_item(content + encode(0x0040A730, "SQ", items, explicit=True))
    return items


def texts(n: int) -> bytes:
    """Return text items; every hundredth names a person, whom the others speak of."""
    text = encode(0x0040A040, "CS", b"TEXT", explicit=True) + encode(
        0x0040A160, "UT", b"nodule of 4 mm, said Dr Qxyzz ", explicit=True
    )
    person = encode(0x0040A123, "PN", b"Qxyzz^Given ", explicit=True)
    return (encode_item(text) * 99 + encode_item(person)) * (n // 100)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_large_report_is_cleaned_of_whom_it_names(is_open: bool) -> None:
    content = report(4, texts(6000), is_open=is_open)
    assert len(content) > 2 * pages.LARGE
    data = make(NAME | {0x0040A730: ("SQ", content)}, sop_class=SR)
    output, made = run(data, Option.CLEAN_STRUCTURED_CONTENT)
    assert b"Qxyzz" not in output
    assert {i.value for i in made.identifiers() if i.vr == "PN"} >= {"Qxyzz^Given"}
    innermost = read(output)
    for _ in range(5):
        innermost = innermost.ContentSequence[0] if "ContentSequence" in innermost else innermost
    assert "nodule" in innermost.TextValue
    assert output.count(b"nodule of 4 mm") == 5940


def test_a_long_value_is_kept_as_a_range_of_the_file() -> None:
    samples = bytes(range(250)) * 9000
    wave = encode(0x54001010, "OW", samples, explicit=True)
    output, _ = run(make({0x54000100: ("SQ", encode_item(wave))}, sop_class=ECG))
    assert read(output).WaveformSequence[0].WaveformData == samples


def test_a_long_value_that_goes_is_not_read() -> None:
    private = {0x00291001: ("OB", b"Zzyzx " * 400_000), 0x00290010: ("LO", b"NOBODY")}
    output, made = run(make(private))
    assert b"Zzyzx" not in output
    assert made.actions[0x00291001, "X"] == 1


def contour(last: bytes) -> bytes:
    """Return an RT structure set in implicit VR with 200,000 numbers in one contour."""
    value = b"\\".join([b"%d.5" % (n % 997) for n in range(200_000)] + [last])
    assert len(value) > longvalues.MAX_HELD
    inner = encode(0x30060050, "DS", value, explicit=False)
    contours = encode_item(encode(0x30060040, "SQ", encode_item(inner), explicit=False))
    return make(
        {0x00100020: ("LO", b"48151623"), 0x30060039: ("SQ", contours)},
        sop_class=RT,
        explicit=False,
    )


def test_numbers_in_text_are_read_to_the_last() -> None:
    output, _ = run(contour(b"12.5"))
    assert b"\\12.5" in output
    assert len(output) > longvalues.MAX_HELD
    output, _ = run(contour(b"48151623"))
    assert b"48151623" not in output


def test_text_that_nobody_reads_to_its_end_does_not_stay() -> None:
    text = encode(0x0040A160, "UT", b"nodule " * 40_000, explicit=True)
    content = {0x0040A730: ("SQ", encode_item(text))}
    output, _ = run(make(content, sop_class=SR), Option.CLEAN_STRUCTURED_CONTENT)
    assert len(output) < 2000


@pytest.mark.parametrize("tag", [0x00291010, 0x00104000], ids=["private", "called a sequence"])
@pytest.mark.parametrize("n", [10, 20_000])
def test_whom_a_sequence_that_goes_names_is_known(tag: int, n: int) -> None:
    person = encode_item(encode(0x0040A123, "PN", b"Qxyzz^Given ", explicit=True))
    institution = {0x00080080: ("LO", b"Qxyzz Clinic")}
    data = make(institution | {0x00290010: ("LO", b"NOBODY"), tag: ("SQ", person * n)})
    output, _ = run(data, Option.RETAIN_INSTITUTION)
    assert b"Qxyzz" not in output


def test_a_number_is_not_cut_in_two() -> None:
    many = b" " * (longvalues._PART - 4) + b"48151623" + b"\\1" * 400_000
    assert b"48151623" not in run(contour(many))[0]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("tag", [0x00080005, 0x00080100])
def test_what_tells_about_others_is_not_held(tag: int, tmp_path: Path) -> None:
    telling = encode(tag, "UC", b"1" * 8_000_000, explicit=True)
    if tag == 0x00080100:
        telling = encode(0x0040A043, "SQ", encode_item(telling), explicit=True)
    small, large = tmp_path / "small.dcm", tmp_path / "large.dcm"
    small.write_bytes(make({0x0040A730: ("SQ", texts(6000))}, sop_class=SR))
    large.write_bytes(make({0x0040A730: ("SQ", encode_item(telling))}, sop_class=SR))
    assert growth(small, large) < 3_000_000


def test_many_short_elements_do_not_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "LARGE", 1000)
    monkeypatch.setattr(split, "LARGE", 1000)
    monkeypatch.setattr(split, "MAX_HELD", 1000)
    monkeypatch.setattr(split, "_MAX_REMEMBERED", 1000)
    numbers = b"".join(
        encode(tag, vr, b"\1\0", explicit=True)
        for tag, vr in sorted(tables.dictionary().items())
        if vr in ("US", "SS") and tag >> 16 in (0x0018, 0x0022, 0x0028)
    )
    data = make({0x54000100: ("SQ", encode_item(numbers) * 20)}, sop_class=ECG)
    file = io.BytesIO(data)
    with contextlib.closing(Anonymizer(Profile(), KEY).anonymize(file)) as made:
        sequence = next(r.out for r in made.records if r.tag == 0x54000100)
        assert isinstance(sequence, Rope)
        assert sum(isinstance(part, bytes) for part in sequence._parts) <= 1
        assert len(sequence) > 20 * 500


def test_an_item_of_too_many_elements_is_refused() -> None:
    many = b"".join(
        encode(0x00290000 | number, "LO", b"", explicit=True)
        for number in range(0x1000, 0x1000 + parse.MAX_ELEMENTS + 1)
    )
    for elements in (
        make({0x0040A730: ("SQ", encode_item(many))}, sop_class=SR),
        make({}, sop_class=SR) + many,
    ):
        with pytest.raises(DeidError, match="too large"):
            run(elements)


def test_what_waits_needs_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    monkeypatch.setattr(pages, "_SPOOL", 1000)
    data = make({0x0040A730: ("SQ", texts(6000))}, sop_class=SR)
    anonymizer = Anonymizer(Profile(frozenset({Option.CLEAN_STRUCTURED_CONTENT})), KEY)
    with pytest.raises(OutputError):
        anonymizer.anonymize(io.BytesIO(data))


def growth(small: Path, large: Path) -> int:
    """Return by how many bytes memory grows at the second object."""
    program = subprocess.run(
        [sys.executable, "-c", _PROGRAM, small, large],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return int(program.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_does_not_grow_with_the_data_set(tmp_path: Path) -> None:
    small, large = tmp_path / "small.dcm", tmp_path / "large.dcm"
    small.write_bytes(make({0x0040A730: ("SQ", texts(6000))}, sop_class=SR))
    large.write_bytes(
        make({0x0040A730: ("SQ", report(3, texts(60_000), is_open=True))}, sop_class=SR)
    )
    assert large.stat().st_size > 3_000_000
    assert growth(small, large) < 3_000_000


def test_pages_are_as_the_bytes_they_stand_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_WINDOW", 7)
    data = bytes(range(100))
    some = Pages(io.BytesIO(b"before" + data + b"behind"), 6, len(data))
    places = [(0, 3), (5, 9), (3, 60), (90, 120), (99, 101), (100, 130), (50, 40), (4, 6)]
    for start, stop in places:
        assert some[start:stop] == data[start:stop]
    assert some[:] == data
    assert some.part(10, 20)[2:5] == data[12:15]
    assert b"".join(some.chunks(3, 90)) == data[3:90]
    with pytest.raises(OSError, match="shorter"):
        Pages(io.BytesIO(data), 50, 100)[20:]


def test_a_rope_joins_what_lies_side_by_side() -> None:
    with contextlib.closing(Scratch()) as scratch:
        rope = Rope(b"head", scratch.put(b"one"), scratch.put(b"two"))
        rope.add(Rope(scratch.put(b"three"), b"tail"))
        assert len(rope) == len("headonetwothreetail")
        assert list(rope.pieces()) == [b"head", b"onetwothree", b"tail"]
