"""The second look reads large values in pieces, and sees in them what it sees in small ones."""

from __future__ import annotations

import io
import itertools
import random
import zlib
from collections import Counter
from functools import partial
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.anonymize import Option, Profile
from emixcli.deid import batches, longtext, reading, runs, tables
from emixcli.deid.batches import Batch, written
from emixcli.deid.markers import meta
from emixcli.deid.marks import Hashes, Marks
from emixcli.deid.needles import Hit, Needles
from emixcli.deid.reading import Text, UnreadableError, iter_texts, open_dataset
from emixcli.deid.spellings import Kind, plain
from emixcli.deid.verify import Verifier
from emixcli.quiet import quiet_pydicom
from tests.unit.deid.making import CT, EXPLICIT, IMPLICIT, NAME, UID_ROOT, make

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
CONTENT = 0x0040A730
UNDEFINED = 0xFFFFFFFF


class Writer:
    """Writes data sets; sequences and items end with a delimiter, or say how long they are."""

    def __init__(self, *, explicit: bool = True, little: bool = True, open_: bool = False) -> None:
        self.explicit, self.open = explicit, open_
        self.order: Literal["little", "big"] = "little" if little else "big"

    def tag(self, tag: int, length: int, vr: str = "") -> bytes:
        """Return the head of an element or item."""
        head = b"".join(part.to_bytes(2, self.order) for part in (tag >> 16, tag & 0xFFFF))
        if not vr or not self.explicit:
            return head + length.to_bytes(4, self.order)
        if vr in {"SQ", "UT", "OB", "UN"}:
            return head + vr.encode() + bytes(2) + length.to_bytes(4, self.order)
        return head + vr.encode() + length.to_bytes(2, self.order)

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        """Return an element."""
        value += b" " * (len(value) % 2)
        return self.tag(tag, len(value), vr) + value

    def sequence(self, tag: int, *items: bytes) -> bytes:
        """Return a sequence."""
        inner = b"".join(self._whole(0xFFFEE000, item, 0xFFFEE00D) for item in items)
        return self._whole(tag, inner, 0xFFFEE0DD, "SQ")

    def _whole(self, tag: int, inner: bytes, end: int, vr: str = "") -> bytes:
        if self.open:
            return self.tag(tag, UNDEFINED, vr) + inner + self.tag(end, 0)
        return self.tag(tag, len(inner), vr) + inner


def report(writer: Writer, *, n: int = 12, depth: int = 3) -> bytes:
    """Return a data set with a tree of items that have texts, private elements and charsets."""
    e = writer.element

    def leaf(number: int) -> bytes:
        charset = e(0x00080005, "CS", b"ISO_IR 192") if number % 3 else b""
        name = "Zzyzx^Jürgen" if number % 3 else "Zzyzx^Otto"
        return b"".join((
            charset,
            e(0x00091001, "LO", b"of another") if number % 5 == 0 else b"",
            e(0x00110010, "LO", b"MAKER %d" % (number % 2)),
            e(0x00111001, "LO", b"private %d" % number),
            e(0x0040A123, "PN", name.encode()),
            e(0x0040A160, "UT", b"Finding %d, " % number * (1 + number * 5)),
            e(0x0040A171, "UI", b"1.2.826.0.1.3680043.8.498.%d" % number),
            e(0x0040A30A, "DS", b"1.5\\2.5"),
            e(0x00420011, "OB", bytes(range(200))),
        ))  # fmt: skip

    items = [leaf(number) for number in range(n)]
    for level in range(depth):
        kind = e(0x0040A040, "CS", b"LEVEL %d" % level)
        items = [
            kind + writer.sequence(CONTENT, *items[at : at + 4]) for at in range(0, len(items), 4)
        ]
    uids = e(0x00080016, "UI", CT.encode()) + e(0x00080018, "UI", b"%s.1" % UID_ROOT.encode())
    return uids + e(0x00100010, "PN", b"Zzyzx^Given ") + writer.sequence(CONTENT, *items)


WRITERS = {
    "explicit": (EXPLICIT, Writer()),
    "explicit, open": (EXPLICIT, Writer(open_=True)),
    "implicit": (IMPLICIT, Writer(explicit=False)),
    "implicit, open": (IMPLICIT, Writer(explicit=False, open_=True)),
    "big endian": (BIG, Writer(little=False)),
    "big endian, open": (BIG, Writer(little=False, open_=True)),
    "deflated": (DEFLATED, Writer()),
    "deflated, open": (DEFLATED, Writer(open_=True)),
}


def written_as(syntax: str, data_set: bytes) -> io.BytesIO:
    if syntax == DEFLATED:
        stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data_set = stream.compress(data_set) + stream.flush()
    return io.BytesIO(meta(CT, f"{UID_ROOT}.1", syntax) + data_set)


def texts(file: io.BytesIO) -> Counter[tuple[object, ...]]:
    """Return what is read, and how often; long values as what they say."""
    found: Counter[tuple[object, ...]] = Counter()
    with open_dataset(file) as source:
        for text in iter_texts(source, Marks()):
            said = "\\".join(text.values)
            if text.pieces is not None:
                said = "".join(text.pieces()).strip()
            found[text.path, text.vr, said, text.creator] += 1
    return found


@pytest.mark.parametrize("how", WRITERS)
def test_what_is_read_in_pieces_is_what_is_read_whole(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    syntax, writer = WRITERS[how]
    file = written_as(syntax, report(writer))
    whole = texts(file)
    assert sum(whole.values()) > 40
    monkeypatch.setattr(runs, "LARGE", 64)
    monkeypatch.setattr(reading, "LARGE", 64)
    monkeypatch.setattr(longtext, "_CHUNK", 16)
    pieces = texts(file)
    assert set(pieces) == set(whole)


@pytest.mark.parametrize("how", WRITERS)
def test_a_run_ends_where_it_is_full(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    syntax, writer = WRITERS[how]
    file = written_as(syntax, report(writer))
    whole = texts(file)
    monkeypatch.setattr(runs, "_RUN", 1)
    assert set(texts(file)) == set(whole)


def test_what_stands_deep_in_a_large_object_is_found() -> None:
    writer = Writer(open_=True)
    inner = writer.element(0x0040A160, "UT", b"x" * 200_000 + b" Zzyzx " + b"y" * 200_000)
    for _ in range(6):
        inner = writer.sequence(CONTENT, writer.element(0x0040A040, "CS", b"A"), inner)
    verifier = Verifier(Profile())
    assert verifier.learn(io.BytesIO(make(NAME)))
    leaks, words = verifier.look(io.BytesIO(make({}) + inner))
    assert "zzyzx" in words
    assert "/".join(["0040,A730"] * 6) + "/0040,A160" in {leak.where for leak in leaks}


NOTES, REASON, DOCUMENT = 0x3010007F, 0x00321066, 0x00420011
LONG = random.Random(4).randbytes(150_000).hex().encode()


@pytest.mark.parametrize(
    ("tag", "vr", "value", "kinds"),
    [
        (NOTES, "UT", LONG, {"kept"}),
        (NOTES, "UT", LONG + b"    ", {"kept"}),
        (NOTES, "UT", LONG + b"new", set()),
        (NOTES, "UT", LONG + b"\0new", {"hidden"}),
        (DOCUMENT, "OB", LONG, {"kept"}),
        (DOCUMENT, "OB", LONG[:100] + bytes(LONG), set()),
        (DOCUMENT, "OB", b"short" + bytes(300_000), {"kept"}),
        (REASON, "UT", LONG, {"present"}),
        (REASON, "UT", b" " * 300_000, set()),
    ],
)
@pytest.mark.parametrize("is_deep", [True, False])
def test_a_long_value_breaks_the_rules_that_a_short_one_breaks(
    tag: int, vr: str, value: bytes, kinds: set[str], is_deep: bool
) -> None:
    def item(value: bytes) -> bytes:
        element = Writer().element(tag, vr, value)
        return Writer().sequence(0x00400275, element) if is_deep else element

    verifier = Verifier(Profile())
    for old in (LONG, b"short"):
        assert verifier.learn(io.BytesIO(make({}) + item(old)))
    leaks, _ = verifier.look(io.BytesIO(make({}) + item(value)))
    where = f"{tag >> 16:04X},{tag & 0xFFFF:04X}"
    if is_deep:
        where = f"0040,0275/{where}"
    assert {leak.kind for leak in leaks if leak.where == where} == kinds


def test_a_long_private_element_is_seen_also_at_the_top() -> None:
    private = Writer().element(0x00290010, "LO", b"NOBODY") + Writer().element(
        0x00291001, "OB", bytes(200_000)
    )
    leaks, _ = Verifier(Profile()).look(io.BytesIO(make({}) + private))
    assert ("private", "0029,1001") in {(leak.kind, leak.where) for leak in leaks}


def found_in(strings: list[list[str]], needles: Needles) -> list[Counter[tuple[str, str]]]:
    """Return what is found of each spelling: where, and what; texts of several pieces are long."""
    found: list[Counter[tuple[str, str]]] = []
    for index in range(3):
        hits: Counter[tuple[str, str]] = Counter()

        def take(text: Text, hit: Hit, hits: Counter[tuple[str, str]] = hits) -> None:
            hits[text.vr, hit.text] += 1

        batch = Batch(needles, take)
        for number, pieces in enumerate(strings):
            text = Text((1,), str(number), b"", ())
            spelt = [list(written(plain(piece)))[index] for piece in pieces]
            if len(spelt) == 1:
                batch.add(text, spelt[0])
                continue
            batch.begin(text)
            for piece in spelt:
                batch.go_on(piece)
            batch.end()
        batch.finish()
        found.append(hits)
    return found


WORDS = ["Zzyzx", " Kim ", "ab", "1.2.3.4.5", ".6", "19610203", "\\", " ", "-", "ü", "ø", "12"]


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40), max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_batches_and_pieces_change_nothing(parts: list[list[str]], data: st.DataObject) -> None:
    needles = Needles()
    for word in (b"zzyzx", b" kim ", b"abzz", b"19610203", b"zzyzxkim", b"zzyzx kim"):
        needles.add(word, Kind.NAME, "as-is", whole=not word.startswith(b" "))
    whole = [["".join(words)] for words in parts]
    pieces = [data.draw(st.sampled_from([words, ["".join(words)]])) for words in parts]
    expected = found_in(whole, needles)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "_BATCH", 16)
        assert found_in(whole, needles) == expected
        assert found_in(pieces, needles) == expected


@pytest.mark.parametrize(
    ("text", "codec", "charset"),
    [
        ("Befund ohne Auffälligkeit, Müßigänger ", "utf-8", "utf-8"),
        ("患者張三的檢查沒有發現異常", "utf-8", "utf-8"),
        ("患者张三的检查没有发现异常", "gb18030", "GB18030"),
        ("患者张三 的检查没有\r\n发现异常", "gb18030", "GB18030"),
        ("所見なし 山田 ", "iso2022_jp", "iso2022_jp"),
    ],
)
def test_no_character_is_lost_between_pieces(text: str, codec: str, charset: str) -> None:
    data = (text * 30_000).encode(codec)
    first = "shift_jis" if codec == "iso2022_jp" else charset
    decode = partial(reading._decode_text, vr="UT", encodings=(first, charset))
    with quiet_pydicom():
        pieces = list(longtext.iter_pieces(io.BytesIO(data), 0, len(data), decode))
    assert len(pieces) > 3
    joined = "".join(pieces)
    if " " in text:
        assert joined == text * 30_000
        return
    # Where a character may have been cut, what stands around comes twice.
    ends = itertools.accumulate(len(piece) for piece in pieces[:-1])
    assert all(text in joined[end : end + 200] for end in ends)
    assert len(joined) < len(text) * 30_000 + 300 * len(pieces)


def test_a_list_of_values_in_pieces() -> None:
    long = "x" * 50
    pieces = iter(["a\\b", "c\\", long, long, "\\ d ", "", "\\e"])
    assert list(longtext.iter_values(pieces, 60)) == ["a", "bc", "d", "e"]


@pytest.mark.parametrize("is_safe", [(True, False), (False, True), (True, True)])
def test_a_private_element_is_of_the_creator_in_its_item(is_safe: tuple[bool, bool]) -> None:
    creator, number = next(iter(tables.safe_private()))
    group, element = number >> 16, number & 0xFFFF
    items = [
        Writer().element(group << 16 | 0x10, "LO", creator.encode() if safe else b"ANOTHER")
        + Writer().element(group << 16 | 0x1000 | element, "LO", b"x")
        for safe in is_safe
    ]
    verifier = Verifier(Profile(options=frozenset({Option.RETAIN_SAFE_PRIVATE})))
    output = make({}) + Writer(open_=True).sequence(CONTENT, *items)
    place = f"0040,A730/{group:04X},{0x1000 | element:04X}"
    leaks = [leak for leak in verifier.check(io.BytesIO(output)) if leak.where == place]
    assert {leak.kind for leak in leaks} == (set() if all(is_safe) else {"private"})


def test_marks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emixcli.deid.marks._MOST", 10)
    marks = Marks()
    assert [marks.is_new(mark) for mark in (1, 1, 2)] == [True, False, True]
    marks.settle()
    marks.is_new(3)
    marks.drop()
    assert [marks.is_new(mark) for mark in (1, 3)] == [False, True]
    for mark in range(100):
        marks.is_new(mark)
        marks.settle()
    assert sum(not marks.is_new(mark) for mark in range(100)) <= 10


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-9, 9)), st.integers(-9, 9))
@settings(deadline=None)
def test_hashes_are_a_set(values: list[int], other: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emixcli.deid.marks._FRESH", 3)
        hashes = Hashes()
        for value in values:
            hashes.add(value)
    assert len(hashes) == len(set(values))
    assert all(value in hashes for value in values)
    assert (other in hashes) == (other in values)


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_a_sequence_without_an_end_is_unreadable(cut: int) -> None:
    data = make(NAME) + Writer(open_=True).sequence(CONTENT, b"", b"")
    file = io.BytesIO(data[:-cut])
    verifier = Verifier(Profile())
    assert not verifier.learn(file)
    assert [leak.kind for leak in verifier.check(file) if leak.how == "pydicom"] == ["unreadable"]


def test_a_large_deflated_object_waits_on_disk() -> None:
    writer = Writer()
    text = writer.element(0x0040A160, "UT", b"Finding. " * 1_000_000)
    file = written_as(DEFLATED, report(writer) + writer.sequence(0x0040B000, text))
    with open_dataset(file) as source:
        assert sum(1 for _ in iter_texts(source, Marks())) > 40
        assert source.file.fileno() > 2
    assert source.file.closed
    cut = io.BytesIO(file.getvalue()[:-4])
    with pytest.raises(UnreadableError), open_dataset(cut):
        pass


def test_a_character_set_too_large_to_be_one_is_unreadable() -> None:
    element = Writer(explicit=False).element(0x00080005, "CS", b"ISO_IR 100\\" * 20_000)
    file = io.BytesIO(meta(CT, f"{UID_ROOT}.1", IMPLICIT) + element)
    assert not Verifier(Profile()).learn(file)


def test_a_uid_is_kept_once_and_found_in_text_and_bytes() -> None:
    uid = "1.2.826.0.1.3680043.8.498.99.12345"
    verifier = Verifier(Profile())
    verifier.learn(io.BytesIO(make({0x00080014: ("UI", uid.encode())})))
    evidence = verifier.evidence
    for needles in (evidence.in_text, evidence.in_bytes):
        for text, how in ((uid, "as-is"), (f"{uid}.7", "start of another")):
            found = list(needles.find(f"see {text}, ".encode()))
            assert [(hit.text, hit.how) for hit in found] == [(uid, how)]
        assert not list(needles.find(f"see {uid}6".encode()))
    assert not list(evidence.in_squeezed.find(uid.encode()))
