"""Entries: encrypted, fit for a page, the same from memory and in passes, over every ZIP limit."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import pyzipper
from hypothesis import given
from hypothesis import strategies as st

from emixcli.container import entry as entry_module
from emixcli.container import glue
from emixcli.container.cipher import EntryCipher, make_salt
from emixcli.container.entry import Encoded, Source, SourceChangedError, encode, zip_password
from emixcli.container.glue import (
    OPEN,
    FixupStream,
    find_fixups,
    fixups,
    is_fit,
    make_comment,
    make_glue,
)
from emixcli.container.sink import FileSink
from emixcli.container.zipformat import (
    DEFLATED,
    LIMIT_32,
    STORED,
    ZipEntry,
    central_header,
    end_records,
    local_header,
)
from emixcli.container.zipreader import read_directory
from emixcli.container.zipwriter import Lost, Written, ZipWriter
from emixcli.errors import MediaError, PackageDamagedError
from tests.unit.package.building import MemorySink

KEY = bytes(range(32))
NAME = "DICOM/S0001/E0001/I00001"


def source(content: bytes, *, name: str = NAME, compress: bool = False) -> Source:
    return Source(name, len(content), compress, lambda: io.BytesIO(content))


def script(encoded: Encoded) -> bytes:
    return b"".join(bytes(piece) for piece in encoded.pieces())


def archive(*sources: Source, workers: int = 2) -> tuple[bytes, list[Written | Lost]]:
    sink = MemorySink()
    sink.write(OPEN)
    writer = ZipWriter(sink, key=KEY, offset=len(OPEN))
    written = list(writer.add_all(sources, workers=workers))
    writer.finish()
    return bytes(sink.content), written


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 262_144, 262_145, 1_048_576 + 3])
def test_pyzipper_reads_what_we_write(size: int, compress: bool) -> None:
    content = np.random.default_rng(size).integers(0, 40, size, dtype=np.uint8).tobytes()
    packed, written = archive(source(content, compress=compress), source(b"x", name="B"))
    with pyzipper.AESZipFile(io.BytesIO(packed)) as zipped:
        zipped.setpassword(zip_password(KEY))
        assert zipped.read(NAME) == content
        assert zipped.read("B") == b"x"
    assert isinstance(written[0], Written)
    assert written[0].sha256 == hashlib.sha256(content).hexdigest()
    assert written[0].entry.method == (DEFLATED if compress and size > 17 else STORED)


@pytest.mark.parametrize("compress", [False, True])
def test_large_sources_give_the_bytes_of_small_ones(
    monkeypatch: pytest.MonkeyPatch, compress: bool
) -> None:
    content = np.random.default_rng(1).integers(0, 9, 3_000_001, dtype=np.uint8).tobytes()
    whole = encode(source(content), KEY)
    monkeypatch.setattr(entry_module, "MEMORY_LIMIT", 1000)
    passes = encode(source(content, compress=compress), KEY)
    if compress:
        packed, _ = archive(source(content, compress=True))
        with pyzipper.AESZipFile(io.BytesIO(packed)) as zipped:
            zipped.setpassword(zip_password(KEY))
            assert zipped.read(NAME) == content
        assert passes.entry.data_length < len(content)
    else:
        assert script(passes) == script(whole)
        assert passes.table == whole.table
        assert passes.entry == whole.entry


def test_an_entry_too_large_to_be_parsed_carries_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_module, "MEMORY_LIMIT", 10)
    monkeypatch.setattr(entry_module, "PARSE_LIMIT", 1000)
    encoded = encode(source(bytes(5000)), KEY)
    script(encoded)
    assert encoded.table == b""


@pytest.mark.parametrize("limit", [10, 10_000_000])
def test_an_unfit_entry_gets_the_next_salt(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """The first two salts are refused, as if the ciphertext held a marker."""
    content = os.urandom(5000)
    identity = hashlib.sha256(content).digest() + struct.pack("<QI", 5000, zlib.crc32(content))
    refused = [make_salt(KEY, NAME, identity, attempt) for attempt in (0, 1)]

    def picky(data: bytes | bytearray | memoryview) -> bool:
        return not any(salt in bytes(data) for salt in refused) and is_fit(data)

    def find_fixups(data: bytes | bytearray | memoryview) -> bytes | None:
        return fixups(data) if picky(data) else None

    monkeypatch.setattr(entry_module, "find_fixups", find_fixups)
    monkeypatch.setattr(glue, "is_fit", picky)
    monkeypatch.setattr(entry_module, "MEMORY_LIMIT", limit)
    encoded = encode(source(content), KEY)
    third = make_salt(KEY, NAME, identity, 2)
    assert third in script(encoded)[:100]


def test_one_salt_for_one_content() -> None:
    digest = hashlib.sha256(b"a").digest()
    salts = {
        make_salt(KEY, "A", digest, 0), make_salt(KEY, "A", digest, 1),
        make_salt(KEY, "B", digest, 0), make_salt(bytes(32), "A", digest, 0),
        make_salt(KEY, "A", hashlib.sha256(b"b").digest(), 0),
    }  # fmt: skip
    assert len(salts) == 5


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_pieces_of_a_script_are_tabulated_as_the_whole(pieces: list[bytes]) -> None:
    stream = FixupStream()
    for piece in pieces:
        stream.add(piece)
    whole = b"".join(pieces)
    assert stream.finish() == fixups(whole)
    assert stream.fit == is_fit(whole)
    assert find_fixups(whole) == (fixups(whole) if is_fit(whole) else None)


_TRICKY = st.lists(
    st.sampled_from([b"<", b"!", b"-", b"s", b"S", b"cript", b"/", b"\r", b"\n", b"\0", b"x"])
).map(b"".join)


@given(st.lists(_TRICKY, max_size=4))
def test_markers_and_line_ends_over_seams(pieces: list[bytes]) -> None:
    stream = FixupStream()
    for piece in pieces:
        stream.add(piece)
    whole = b"".join(pieces)
    assert stream.finish() == fixups(whole)
    assert stream.fit == is_fit(whole)
    assert find_fixups(whole) == (fixups(whole) if is_fit(whole) else None)


@given(_TRICKY)
def test_fixups_undo_what_a_parser_does(content: bytes) -> None:
    parsed = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    table = fixups(content)
    n_ends = parsed.count(b"\n")
    assert len(table) == -(-n_ends // 4)
    ends = [b"\n", b"\r", b"\r\n"]
    rebuilt, index = bytearray(), 0
    for byte in parsed:
        if byte == 10:
            rebuilt += ends[table[index // 4] >> 2 * (index % 4) & 3]
            index += 1
        else:
            rebuilt.append(byte)
    assert bytes(rebuilt) == content


def test_counter_mode_goes_on_over_pieces() -> None:
    data = os.urandom(700_000)
    whole, pieces = bytearray(len(data)), bytearray(len(data))
    EntryCipher(b"password", b"s" * 16).apply(data, memoryview(whole))
    cipher = EntryCipher(b"password", b"s" * 16)
    for start in range(0, len(data), 4096):
        cipher.apply(data[start : start + 4096], memoryview(pieces)[start : start + 4096])
    assert whole == pieces
    EntryCipher(b"password", b"s" * 16).apply(bytes(whole), memoryview(whole))
    assert whole == data


def test_the_comment_length_holds_no_line_end() -> None:
    for n_entries in range(600):
        directory = b"\r" * (n_entries * 3) + b"PK"
        comment = make_comment(5, directory)
        assert not {10, 13} & set(len(comment).to_bytes(2, "little"))
        assert comment.startswith(make_glue(5, len(directory) + 2, fixups(directory)))
    assert make_comment(0, b"\n" * 400_000) == b"</script>"


@pytest.mark.parametrize("size", [0, 70, LIMIT_32 - 1, LIMIT_32, 10**13])
@pytest.mark.parametrize("offset", [0, LIMIT_32 - 1, LIMIT_32, 10**14])
@pytest.mark.parametrize("extra", [0, 28, 5000])
def test_headers_are_read_back(size: int, offset: int, extra: int) -> None:
    entry = ZipEntry("DICOMDIR", STORED, size + 28, size, offset)
    raw = central_header(entry)
    tail = raw + end_records(n_entries=1, offset=extra, length=len(raw))
    comment = make_comment(extra, tail)
    file = io.BytesIO(bytes(extra) + tail + len(comment).to_bytes(2, "little") + comment)
    assert read_directory(file).entries == [entry]
    header = local_header(entry)
    assert (len(header) > 30 + 8 + 11) == (size + 28 >= LIMIT_32)


def test_more_entries_than_16_bits_count() -> None:
    names = [f"DICOM/S0001/E{number:07}" for number in range(65_600)]
    raw = b"".join(
        central_header(ZipEntry(name, STORED, 28, 0, index)) for index, name in enumerate(names)
    )
    tail = raw + end_records(n_entries=len(names), offset=0, length=len(raw))
    comment = make_comment(0, tail)
    file = io.BytesIO(tail + len(comment).to_bytes(2, "little") + comment)
    assert [entry.name for entry in read_directory(file).entries] == names
    with pyzipper.AESZipFile(file) as zipped:
        assert zipped.namelist() == names


class SparseZeros(io.RawIOBase):
    """A file of zeros of any size."""

    def __init__(self, size: int) -> None:
        self._size, self._at = size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # narrower than any buffer
        count = min(len(buffer), self._size - self._at)
        buffer[:count] = bytes(count)
        self._at += count
        return count


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("EMIX_SLOW_TESTS"), reason="writes 4 GB")
def test_an_entry_of_more_than_4_gb(tmp_path: Path) -> None:
    size = 4 * 1024**3 + 5
    path = tmp_path / "big.zip"
    big = Source(NAME, size, compress=False, open=lambda: io.BufferedReader(SparseZeros(size)))
    with FileSink(path) as sink:
        sink.write(OPEN)
        writer = ZipWriter(sink, key=KEY, offset=len(OPEN))
        list(writer.add_all([big, source(b"after", name="AFTER")], workers=1))
        writer.finish()
    password = f"-p{zip_password(KEY).decode()}"
    subprocess.run(["7zz", "t", password, str(path)], check=True, capture_output=True)


def failing(content: bytes, at: int, *, size: int | None = None) -> Callable[[], BinaryIO]:
    class Failing(io.BytesIO):
        def read(self, n: int | None = -1) -> bytes:
            if self.tell() >= at:
                raise OSError(5, "Input/output error", "/media/DOE_JANE/IM1")
            return super().read(min(n or 0, at - self.tell()) if n and n > 0 else at)

    del size
    return lambda: Failing(content)


def test_a_small_source_that_fails_is_lost_and_the_rest_goes_on() -> None:
    content = os.urandom(1000)
    bad = Source(NAME, 1000, compress=False, open=failing(content, 0))
    short = Source("SHORT", 1001, compress=False, open=lambda: io.BytesIO(content))
    long = Source("LONG", 999, compress=False, open=lambda: io.BytesIO(content))
    empty = Source("EMPTY", 10, compress=False, open=lambda: io.BytesIO(b""))
    packed, written = archive(bad, source(content, name="GOOD"), short, long, empty)
    assert [type(one) for one in written] == [Lost, Written, Lost, Lost, Lost]
    assert "DOE" not in str([one.reason for one in written if isinstance(one, Lost)])
    assert [entry.name for entry in read_directory(io.BytesIO(packed)).entries] == ["GOOD"]


def test_a_large_source_that_fails_late_ends_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_module, "MEMORY_LIMIT", 1000)
    content = os.urandom(3_000_000)
    opened = 0

    def open_source() -> BinaryIO:
        nonlocal opened
        opened += 1
        good: BinaryIO = io.BytesIO(content)
        return failing(content, 2_000_000)() if opened > 3 else good

    with pytest.raises((OSError, MediaError)):
        archive(Source(NAME, len(content), compress=False, open=open_source))
    assert opened == 4


def test_a_large_source_that_changes_between_passes_ends_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entry_module, "MEMORY_LIMIT", 1000)
    contents = [os.urandom(5000) for _ in range(6)]

    def open_source() -> BinaryIO:
        return io.BytesIO(contents.pop())

    packed = Source(NAME, 5000, compress=False, open=open_source)
    _, written = archive(packed)
    assert isinstance(written[0], Lost), "noticed by the dry pass, before a byte was written"
    encoded = encode(source(os.urandom(5000)), KEY)
    encoded.pieces()
    with pytest.raises(SourceChangedError):
        encode(Source(NAME, 5001, compress=False, open=lambda: io.BytesIO(bytes(5000))), KEY)


@pytest.mark.skipif(shutil.which("7zz") is None, reason="7-Zip is not installed")
def test_seven_zip_extracts_the_same_bytes(tmp_path: Path) -> None:
    contents = {f"DICOM/S0001/E0001/I{n:05}": os.urandom(n * 100) for n in range(1, 30)}
    packed, _ = archive(*(source(content, name=name) for name, content in contents.items()))
    (tmp_path / "p.html").write_bytes(b"<!DOCTYPE html>" + b" " * 0 + packed)
    path = tmp_path / "p.zip"
    path.write_bytes(packed)
    password = f"-p{zip_password(KEY).decode()}"
    out = tmp_path / "out"
    subprocess.run(["7zz", "x", password, f"-o{out}", str(path)], check=True, capture_output=True)
    for name, content in contents.items():
        assert (out / name).read_bytes() == content


@given(st.binary(max_size=300))
def test_any_bytes_as_a_directory_raise_only_our_error(data: bytes) -> None:
    comment = b"</script>"
    tail = data + b"PK\x05\x06" + bytes(16) + len(comment).to_bytes(2, "little") + comment
    for content in (data, tail):
        with contextlib.suppress(PackageDamagedError):
            assert read_directory(io.BytesIO(content)).entries == []
