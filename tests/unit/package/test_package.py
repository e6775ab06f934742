"""Whole packages: deterministic, bounded, checked to the last byte; losses are told."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emixcli.container.frames import frame_ranges
from emixcli.container.identity import fingerprint_of, new_identity
from emixcli.container.page import load_bundle, make_page
from emixcli.container.slots import make_code_slot, make_hpke_slot, open_slots
from emixcli.container.verify import verify
from emixcli.container.zipreader import read_directory
from emixcli.errors import (
    EmixError,
    NoMatchingKeyError,
    NoSpaceError,
    PackageDamagedError,
    PassphraseError,
    ReportError,
    UsageError,
)
from emixcli.model import Document, Instance
from emixcli.package import (
    Sender,
    load_head,
    open_package,
    plan_package,
    read_head,
    read_slots,
    replace_slots,
    write_package,
)
from emixcli.progress import ProgressListener
from emixcli.services.unpack import unpack
from tests.unit.package.building import (
    BUNDLE,
    MULTIFRAME,
    MemoryReader,
    MemorySink,
    dicom,
    element,
    file_set_of,
    instance,
    pack_to,
    small_file_set,
    small_package,
)


@pytest.fixture(scope="module")
def package() -> tuple[bytes, bytes]:
    return small_package()


def test_the_same_plan_and_key_give_the_same_bytes(package: tuple[bytes, bytes]) -> None:
    again, _ = small_package()
    assert again == package[0]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_threads_does_not_matter(workers: int, package: tuple[bytes, bytes]) -> None:
    file_set, contents = small_file_set()
    reader = MemoryReader(contents)
    with open_package(io.BytesIO(package[0]), key=package[1]) as opened:
        plan = plan_package(
            file_set, sender=Sender("A. Sender", "Example Hospital"), bundle=BUNDLE,
            package_id=opened.head.package_id, created=opened.index["created"], reader=reader,
        )  # fmt: skip
    sink = MemorySink()
    write_package(
        plan, sink, key=package[1], slots=[], workers=workers, reader=reader,
        signing_key=Ed25519PrivateKey.from_private_bytes(bytes(32)),
    )  # fmt: skip
    assert bytes(sink.content) == package[0]
    assert sink.patched == 1


def test_the_head_says_what_the_file_is(package: tuple[bytes, bytes]) -> None:
    head = read_head(io.BytesIO(package[0]))
    assert head.size == len(package[0])
    assert head.n_entries == len(read_directory(io.BytesIO(package[0])).entries) == 8
    assert package[0][head.page_length :].startswith(b"PK\x03\x04")
    assert package[0][: head.page_length].isascii()


def test_the_index_names_signer_and_objects(package: tuple[bytes, bytes]) -> None:
    with open_package(io.BytesIO(package[0]), key=package[1]) as opened:
        verified = verify(opened)
        index = opened.index
        assert index["sender"]["fingerprint"] == fingerprint_of(verified.signing_key)
        assert verified.n_frames == 5
        slices, cine = index["patients"][0]["studies"][0]["series"]
        assert slices["common"]["rows"] == 8
        assert [found["entry"][-6:] for found in slices["instances"]] == ["I00001", "I00002"]
        assert cine["instances"][0]["frames"] == 5
        assert cine["instances"][0]["windows"] == [[40, 400, ""]]
        entry = opened.entry("DICOM/S0001/E0002/I00001")
        content = opened.read(entry.name)
        offset = cine["instances"][0]["pixel"]["offset"]
        assert [frame[:2] for frame in entry.frames] == [
            (offset + 128 * number, 128) for number in range(5)
        ]
        assert content == small_file_set()[1]["C"]


@pytest.mark.parametrize("name", ["EMIX/MANIFEST.JSN", "EMIX/MANIFEST.SIG", "README.TXT"])
def test_everything_can_be_read(name: str, package: tuple[bytes, bytes]) -> None:
    with open_package(io.BytesIO(package[0]), key=package[1]) as opened:
        assert opened.open(name).read() == opened.read(name) != b""
        with pytest.raises(PackageDamagedError):
            opened.read("DICOM/S0001/E0009/I00001")


def test_another_key_opens_nothing(package: tuple[bytes, bytes]) -> None:
    for key in (bytes(32), b"short"):
        with pytest.raises(NoMatchingKeyError):
            open_package(io.BytesIO(package[0]), key=key)
    with pytest.raises(NoMatchingKeyError):
        open_package(io.BytesIO(package[0]), code="K7QM3-XVD9T-H")


class FailingReader(MemoryReader):
    """Cannot read one file."""

    def open(self, item: Instance | Document) -> BinaryIO:
        if item.path == "B":
            raise OSError(5, "Input/output error", "/media/DOE^JANE/B")
        return super().open(item)


class _Heard(ProgressListener):
    total, done = 0, 0

    def stage(self, _name: str, total: int | None = None, _unit: str = "bytes") -> None:
        self.total = total or 0

    def advance(self, n: int) -> None:
        self.done += n


def test_verifying_and_unpacking_come_to_their_end(
    package: tuple[bytes, bytes], tmp_path: Path
) -> None:
    with open_package(io.BytesIO(package[0]), key=package[1]) as opened:
        for act in (verify, lambda opened, heard: unpack(opened, tmp_path / "out", progress=heard)):
            heard = _Heard()
            act(opened, heard)
            assert heard.done == heard.total > 0


def test_losses_are_listed_and_the_rest_is_right() -> None:
    file_set, contents = small_file_set()
    sink = MemorySink()
    key = pack_to(sink, file_set, reader=FailingReader(contents))
    with open_package(io.BytesIO(sink.content), key=key) as opened:
        verify(opened)
        assert opened.manifest.counts == {
            "patients": 1, "studies": 1, "series": 2, "instances": 2, "documents": 0, "lost": 1,
        }  # fmt: skip
        (loss,) = opened.manifest.losses
        assert loss["series_uid"] == "2.25.30"
        assert loss["instances"][0]["instance_number"] == 2
        assert loss["instances"][0]["bytes_lost"] == len(contents["B"])
        assert b"DOE" not in opened.manifest_bytes


def test_a_document_that_cannot_be_read_is_listed() -> None:
    file_set, contents = small_file_set()
    file_set = file_set._replace(documents=(Document(0, "GONE", 10, "pdf"),))
    sink = MemorySink()

    class Reader(MemoryReader):
        def open(self, item: Instance | Document) -> BinaryIO:
            return super().open(item) if item.path in self.contents else io.BytesIO(b"")

    key = pack_to(sink, file_set, reader=Reader(contents))
    with open_package(io.BytesIO(sink.content), key=key) as opened:
        verify(opened)
        assert opened.manifest.documents_lost[0]["entry"] == "REPORTS/R0001.PDF"


MUTATIONS: dict[str, Callable[[bytearray, int, int], bytearray]] = {
    "flip": lambda data, at, _: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
    "byte": lambda data, at, to: data[:at] + bytes([to % 256]) + data[at + 1 :],
    "cut": lambda data, at, _: data[:at],
    "drop": lambda data, at, to: data[:at] + data[at + 1 + to % 40 :],
    "double": lambda data, at, to: data[:at] + data[max(0, at - to % 400) :],
    "move": lambda data, at, to: data[:at] + data[at + 50 : at + 50 + to % 99] + data[at:],
    "zero": lambda data, at, to: (
        data[:at] + bytes(min(to % 99, len(data) - at)) + data[at + to % 99 :]
    ),
}


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(MUTATIONS)), st.integers(0, 2**32), st.integers(1, 2**16))
def test_whatever_is_changed_is_noticed(
    package: tuple[bytes, bytes], kind: str, at: int, to: int
) -> None:
    original, key = package
    # the page is mostly blanks: go for the rest three times of four
    low = 17_000 if at % 4 else 0
    mutated = bytes(MUTATIONS[kind](bytearray(original), low + at % (len(original) - low), to))
    try:
        with open_package(io.BytesIO(mutated), key=key) as opened:
            verify(opened)
    except EmixError:
        return
    head = original.find(b"emix-package")
    slots_end = original.find(b"</head>")
    same_outside = mutated[:head] == original[:head] and mutated[slots_end:] == original[slots_end:]
    assert same_outside, "a change outside the two elements of the head was not noticed"


def test_the_size_bound_is_not_wasteful() -> None:
    contents = {str(n): dicom(number=n, rows=200, pixels=os.urandom(80_000)) for n in range(1, 40)}
    file_set = file_set_of(contents)
    plan = plan_package(
        file_set, sender=Sender("", ""), reader=MemoryReader(contents), bundle=BUNDLE
    )
    total = sum(map(len, contents.values()))
    assert total < plan.size_bound < 1.1 * total + 200_000


def test_slots_are_replaced_in_place(tmp_path: Path) -> None:
    content, key = small_package()
    path = tmp_path / "p.emix.html"
    path.write_bytes(content)
    package_id = load_head(path).package_id
    identity = new_identity()
    slot, proof = make_code_slot("k7qm3 xvd9t h", key, package_id=package_id)
    replace_slots(path, [slot, make_hpke_slot(identity.public, key, package_id=package_id)])
    assert len(proof) == 32
    assert path.stat().st_size == len(content)
    for keys in ({"code": "K7QM3-XVD9T-H"}, {"identity": identity}):
        with open_package(path, **keys) as opened:
            verify(opened)
    with pytest.raises(PassphraseError):
        open_package(path, code="K7QM3-XVD9T-J")
    with pytest.raises(NoMatchingKeyError):
        open_package(path, identity=new_identity())
    slots = read_slots(path.read_bytes()[:20_000])
    assert open_slots(slots, package_id=package_id, identity=identity) == key
    with pytest.raises(EmixError, match="too many keys"):
        replace_slots(path, [slot] * 100)


def test_a_missing_or_wrong_viewer_page_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nowhere:
        def joinpath(self, *_parts: str) -> Path:
            return Path("/nonexistent/viewer.html")

    monkeypatch.setattr("emixcli.container.page.resources.files", lambda _: Nowhere())
    with pytest.raises(EmixError, match="viewer page is missing"):
        load_bundle()
    for bundle in (
        b"<html>", BUNDLE + b"\xff", BUNDLE + b"@@EMIX_SLOTS@@", BUNDLE.replace(b"SLOTS", b"SLOT"),
    ):  # fmt: skip
        with pytest.raises(EmixError, match="viewer page"):
            make_page(bundle)


def test_reports_from_elsewhere(tmp_path: Path) -> None:
    file_set, contents = small_file_set()
    pdf, text, other = (tmp_path / name for name in ("a.pdf", "b.txt", "c.bin"))
    pdf.write_bytes(b"%PDF-1.4 made up")
    text.write_text("nothing to see, für alle")
    other.write_bytes(b"\0\1\2")
    reader = MemoryReader(contents)

    def plan(*reports: Path) -> dict[str, int]:
        planned = plan_package(
            file_set, reports=reports, sender=Sender("", ""), reader=reader, bundle=BUNDLE
        )
        return dict(planned.counts)

    assert plan(pdf, text)["documents"] == 2
    word = tmp_path / "befund.docx"
    word.write_text("nothing to see")
    for bad in (other, word, tmp_path / "missing.pdf"):
        with pytest.raises(ReportError):
            plan(bad)


def test_bad_arguments(package: tuple[bytes, bytes]) -> None:
    file_set, contents = small_file_set()
    reader = MemoryReader(contents)
    with pytest.raises(UsageError):
        plan_package(
            file_set, sender=Sender("", ""), package_id="../x", reader=reader, bundle=BUNDLE
        )
    plan = plan_package(file_set, sender=Sender("", ""), reader=reader, bundle=BUNDLE)
    with pytest.raises(UsageError):
        write_package(
            plan, MemorySink(), key=b"short", slots=[], reader=reader,
            signing_key=Ed25519PrivateKey.generate(),
        )  # fmt: skip


class FullSink(MemorySink):
    """Has no room after the page."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if len(self.content) > 20_000:
            raise NoSpaceError("the disk is full")
        super().write(data)


def test_a_sink_that_fails_ends_the_writing() -> None:
    contents = {str(n): dicom(number=n, rows=200, pixels=os.urandom(80_000)) for n in range(1, 40)}
    with pytest.raises(NoSpaceError):
        pack_to(FullSink(), file_set_of(contents), reader=MemoryReader(contents))


def encapsulated(fragments: list[bytes], *, table: bytes = b"", frames: int = 3) -> Instance:
    def item(content: bytes) -> bytes:
        return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content

    content = dicom(number=1, frames=frames, sop_class=MULTIFRAME)
    head = content[: content.index(b"\xe0\x7f\x10\x00")]
    head = head.replace(
        element(0x00020010, "UI", "1.2.840.10008.1.2.1"),
        element(0x00020010, "UI", "1.2.840.10008.1.2.5"),
    )
    body = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + item(table)
    body += b"".join(map(item, fragments)) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    FILES["E"] = head + body
    return instance("E", head + body)


FILES: dict[str, bytes] = {}


def ranges(found: Instance) -> list[bytes]:
    content = FILES["E"]
    return [content[at : at + length] for at, length in frame_ranges(found, io.BytesIO(content))]


def test_frames_of_fragments() -> None:
    one_each = ranges(encapsulated([b"aa", b"bbbb", b"cc"]))
    assert [part[8:] for part in one_each] == [b"aa", b"bbbb", b"cc"]
    table = b"".join(offset.to_bytes(4, "little") for offset in (0, 20, 30))
    by_table = ranges(encapsulated([b"aa", b"AA", b"bb", b"cccc"], table=table))
    assert [len(part) for part in by_table] == [20, 10, 12]
    starts = [b"\xff\xd8a1", b"a2", b"\xff\xd8b1", b"\xff\xd8c1", b"c2"]
    by_start = ranges(encapsulated(starts))
    assert [len(part) for part in by_start] == [22, 12, 22]
    assert ranges(encapsulated([b"aa", b"bb"])) == []
    assert ranges(encapsulated([b"aa", b"AA", b"bb", b"cc"], table=b"\1\0\0\0" * 3)) == []
    cut = encapsulated([b"aa", b"bbbb", b"cc"])
    FILES["E"] = FILES["E"][:-14]
    shorter = Instance(cut.source, cut.path, len(FILES["E"]), cut.values, *cut.pixels, cut.deep)
    assert ranges(shorter) == []
