"""Any header is read in bounded time; counted are calls, since clocks differ."""

from __future__ import annotations

import random
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.media import stepping, window
from emixcli.media.header import Header, HeaderReader
from emixcli.media.leaping import MAX_ITEMS, MAX_LOOKS
from emixcli.media.scan import scan_media
from emixcli.media.window import CHUNK
from emixcli.syntaxes import DEFLATED_UID, EXPLICIT_LITTLE_UID, IMPLICIT_LITTLE_UID
from tests import hostile
from tests.hostile import CLOSE, END, OPEN, begin, element, item, pixels, sequence
from tests.running import ROOT

#: Of one header, as Python counts them: a step takes some.
_MAX_CALLS = 300_000
_SIZE = 2_500_000
HEADERS = hostile.headers(_SIZE)


def _read(data: bytes, reader: HeaderReader | None = None) -> Header:
    reader = reader or HeaderReader()

    def read_at(offset: int, length: int) -> bytes:
        assert length <= 2 * CHUNK + 8  # memory is bounded
        return data[offset : offset + length]

    header = reader.find(data[: reader.head_length], len(data), read_at)
    assert header is not None
    return header


def _n_calls(function: Callable[[], object]) -> int:
    n_calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return n_calls


@pytest.mark.parametrize("name", HEADERS)
def test_hostile_headers_take_few_steps(name: str) -> None:
    data, reader = HEADERS[name], HeaderReader()
    _read(hostile.explicit(element(0x00100010, "PN", b"\xe4 ")))  # imports
    for _ in range(3):  # the later ones by what was learnt
        assert _n_calls(lambda: _read(data, reader)) < _MAX_CALLS


#: What stands behind all that there is too much of.
_FOUND = (
    "items that are empty", "items of undefined length", "frames", "sequences in items", "depth",
    "deflated frames", "elements in one item", "sequences in one item",
)  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_nothing_is_lost_silently(name: str) -> None:
    header = _read(HEADERS[name])
    assert header.codes or header.pixel_length == 32 or name == "deflated to nothing"
    if name in _FOUND:
        assert header.codes == ()


@pytest.mark.parametrize(
    "name", ["elements", "meta group", "names", "deflated to nothing", "sequences"]
)
def test_what_is_not_read_on_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.dcm").write_bytes(HEADERS[name])
    codes = {finding.code for finding in scan_media([str(tmp_path)]).findings}
    assert codes & {"S21", "M18", "S01"}  # or that it cannot be told what the object is


def test_the_documentation_says_how_much_is_read() -> None:
    page = (ROOT / "docs" / "reference" / "findings.md").read_text("utf-8")
    assert f"behind {stepping.MAX_ELEMENTS:,} elements" in page
    assert f"{window.MAX_REFILLS:,} reads, {stepping.MAX_TAKEN >> 10} KiB of values" in page
    assert f"{window.MAX_INFLATED >> 20} MiB of a deflated header" in page
    assert f"the first {stepping.MAX_STEPS:,} items" in page
    assert f"first {stepping.MAX_CHECKED >> 10} KiB of those of known length" in page
    assert MAX_ITEMS * 4 < _MAX_CALLS > MAX_LOOKS * 8


# -- the same as stepping ----------------------------------------------------------------------


def _stepped(monkeypatch: pytest.MonkeyPatch, data: bytes, n_steps: int) -> Header:
    with monkeypatch.context() as patch:
        patch.setattr(stepping, "MAX_STEPS", n_steps)
        return _read(data)


class _Writer:
    """Writes elements, sequences and items in one encoding, of known or undefined length."""

    def __init__(self, *, explicit: bool, undefined: Callable[[], bool]) -> None:
        self.explicit = explicit
        self._undefined = undefined

    def value(self, tag: int, vr: str, text: str) -> bytes:
        return element(tag, vr if self.explicit else "", text.encode() + b" " * (len(text) % 2))

    def sequence(self, tag: int, *items: bytes) -> bytes:
        written = (OPEN + one + CLOSE if self._undefined() else item(one) for one in items)
        return sequence(b"".join(written), tag=tag, explicit=self.explicit)

    def code(self, tag: int) -> bytes:
        return self.sequence(
            tag, self.value(0x00080100, "SH", "121071") + self.value(0x00080102, "SH", "DCM")
        )


def _frames(to: _Writer) -> bytes:
    """Return an enhanced image: frames with references, positions and windows."""
    frames = (
        to.sequence(
            0x00089124,
            to.sequence(0x00082112, to.value(0x00081155, "UI", f"1.{n}") + to.code(0x0040A170)),
        )
        + to.sequence(0x00209111, to.value(0x00189074, "DT", "20200101"))
        + to.sequence(0x00209113, to.value(0x00200032, "DS", f"1\\2\\{n}"))
        + to.sequence(0x00289132, to.value(0x00281050, "DS", "40"))
        for n in range(90)
    )
    end = pixels(explicit=to.explicit)
    shared = to.sequence(0x52009229, to.sequence(0x00289145, to.value(0x00281052, "DS", "0")))
    at = end.index(b"\xe0\x7f\x10\x00")
    return end[:at] + shared + to.sequence(0x52009230, *frames) + end[at:]


def _structures(to: _Writer) -> bytes:
    """Return a structure set, whose contours go on with a higher tag behind a sequence."""
    contour = (
        to.sequence(0x30060016, to.value(0x00081155, "UI", "1.2"))
        + to.value(0x30060042, "CS", "CLOSED_PLANAR")
        + to.value(0x30060050, "DS", "1\\2\\3")
    )
    roi = to.sequence(0x30060040, *[contour] * 60) + to.value(0x30060084, "IS", "1")
    seen = to.value(0x30060082, "IS", "1") + to.code(0x300600A0)
    return (
        to.sequence(0x30060020, to.value(0x30060022, "IS", "1"))
        + to.sequence(0x30060039, *[roi] * 3)
        + to.sequence(0x30060080, *[seen] * 60)
        + to.value(0x300E0002, "CS", "APPROVED")
    )


def _plan(to: _Writer) -> bytes:
    """Return a plan: sequences in a beam are followed by higher tags and a long sequence."""

    def beam(*, wedge: bool) -> bytes:
        points = (
            to.sequence(0x300A011A, to.value(0x300A00B8, "CS", "MLCX"))
            + to.value(0x300A011E, "DS", str(n))
            for n in range(80)
        )
        return (
            to.sequence(0x300A00B6, to.value(0x300A00B8, "CS", "MLCX"))
            + to.value(0x300A00C0, "IS", "1")
            + (to.sequence(0x300A00D1, to.value(0x300A00D2, "IS", "1")) if wedge else b"")
            + to.value(0x300A0110, "IS", "3")
            + to.sequence(0x300A0111, *points)
            + to.value(0x300C006A, "IS", "1")
        )

    return (
        to.sequence(0x300A00B0, *(beam(wedge=n > 0) for n in range(4)))
        + to.sequence(0x300A0180, to.value(0x300A0182, "IS", "1"))
        + to.value(0x300E0002, "CS", "APPROVED")
    )


def _report(to: _Writer) -> bytes:
    """Return a structured report: content in content, with references behind it."""

    def node(depth: int) -> bytes:
        inner = to.sequence(0x0040A730, *[node(depth - 1)] * 3) if depth else b""
        by_reference = to.value(0x0040DB73, "LO", "1") if depth == 1 else b""
        return to.value(0x0040A040, "CS", "NUM") + to.code(0x0040A043) + inner + by_reference

    return to.code(0x0040A043) + to.sequence(0x0040A730, *[node(3)] * 3)


def _icons(to: _Writer) -> bytes:
    """Return references with pixels of their own, behind sequences and before the image's."""
    small = pixels(explicit=to.explicit)
    one = to.sequence(0x00880200, to.sequence(0x00282000, to.value(0x00080100, "SH", "A")) + small)
    last = to.value(0x00281050, "DS", "40")
    return to.sequence(0x00209222, *[one] * 90) + last + pixels(explicit=to.explicit)


_KINDS = (_frames, _structures, _plan, _report, _icons)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("lengths", ["undefined", "known", "both"])
@pytest.mark.parametrize("form", ["plain", "deflated"])
def test_large_objects_are_read_as_by_stepping(
    monkeypatch: pytest.MonkeyPatch,
    kind: Callable[[_Writer], bytes],
    lengths: str,
    form: str,
    *,
    explicit: bool,
) -> None:
    some = random.Random(1)
    undefined = {"undefined": 1.0, "known": 0.0, "both": 0.5}[lengths]
    body = kind(_Writer(explicit=explicit, undefined=lambda: some.random() < undefined))
    syntax = EXPLICIT_LITTLE_UID if explicit else IMPLICIT_LITTLE_UID
    data = begin(explicit=explicit) + body
    if form == "deflated":
        syntax = DEFLATED_UID
        engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        data = engine.compress(data) + engine.flush()
    data = hostile.meta(syntax) + data
    exact = _stepped(monkeypatch, data, 10**9)
    assert not set(exact.codes) - {"F07"}  # implicit, deflated
    for n_steps in (1, 50, 150, 400):
        assert _stepped(monkeypatch, data, n_steps) == exact


@pytest.mark.parametrize("cut", [-1, -9, -4000])
def test_a_long_sequence_without_end_is_told(monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    to = _Writer(explicit=True, undefined=lambda: True)
    data = hostile.meta(EXPLICIT_LITTLE_UID) + begin() + _report(to)
    assert "S10" in _stepped(monkeypatch, data[:cut], 50).codes


def test_marks_in_a_value_are_not_taken_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = CLOSE + END + element(0x00400001, "LO", b"AB") + OPEN
    frame = OPEN + element(0x00209999, "OB", marks) + CLOSE
    data = hostile.explicit(sequence(frame * 90))
    assert _stepped(monkeypatch, data, 50) == _stepped(monkeypatch, data, 10**9)


_TREES = st.recursive(
    st.binary(max_size=6).map(lambda value: value + bytes(len(value) % 2)),
    lambda inner: st.tuples(
        st.booleans(), st.lists(st.tuples(st.booleans(), st.lists(inner, max_size=3)), max_size=3)
    ),
    max_leaves=30,
)


def _written(tree: bytes | tuple[bool, list[tuple[bool, list[object]]]], tag: int) -> bytes:
    if isinstance(tree, bytes):
        return element(tag, "OB", tree)
    is_open, items = tree
    content = b""
    for is_item_open, elements in items:
        one = b"".join(_written(e, 0x00080100 + n) for n, e in enumerate(elements))  # type: ignore[arg-type]  # recursive
        content += OPEN + one + CLOSE if is_item_open else item(one)
    return sequence(content, tag=tag) if is_open else element(tag, "SQ", content)


@given(st.lists(_TREES, min_size=1, max_size=4), st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_leaping_and_stepping_agree(trees: list[bytes], n_steps: int) -> None:
    body = b"".join(_written(tree, 0x00209222 + 2 * n) for n, tree in enumerate(trees))
    with pytest.MonkeyPatch.context() as patch:
        data = hostile.explicit(body)
        assert _stepped(patch, data, n_steps) == _stepped(patch, data, 10**9)


def test_the_inflated_part_of_a_hostile_file_is_bounded() -> None:
    stored = struct.pack("<BHH", 0, 0, 0xFFFF)  # a block without bytes
    data = hostile.meta(DEFLATED_UID) + stored * (window.MAX_INFLATED // 5 + CHUNK)
    reader = HeaderReader()
    n_read = 0

    def read_at(offset: int, length: int) -> bytes:
        nonlocal n_read
        n_read += length
        return data[offset : offset + length]

    header = reader.find(data[: reader.head_length], len(data), read_at)
    assert header is None or "S21" in header.codes
    assert n_read <= window.MAX_INFLATED + 2 * CHUNK
