from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from emixcli.errors import (
    ExchangeError,
    NoSpaceError,
    OutputError,
    UploadInterruptedError,
    UsageError,
)
from emixcli.exchange.interface import Exchange, Part, PartBody, Sent, SignedPart
from emixcli.exchange.retry import Patience
from emixcli.services.journal import Journal, journal_key
from emixcli.services.spool import DiskPart, MemoryPart, PartBuffer
from emixcli.services.uploader import MIB, Uploader, UploadTarget, part_size_for

NO_WAIT = Patience(tries=3, base_s=0.001, cap_s=0.002)


def test_journal_is_kept_and_torn_lines_are_not(tmp_path: Path) -> None:
    with Journal("send", "key", directory=tmp_path) as journal:
        journal.append("begin", package_id="a")
        journal.append("part", number=1)
        path = journal.path
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with Journal("send", "key", directory=tmp_path) as journal:
            assert len(journal.records) == whole[:length].count(b"\n")
            journal.append("part", number=2)
        with Journal("send", "key", directory=tmp_path) as journal:
            assert journal.records[-1] == {"step": "part", "number": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_journal_forgets_is_on_the_disk_no_more(tmp_path: Path) -> None:
    with Journal("send", "k", directory=tmp_path) as journal:
        journal.append("begin", package_id="p", secret="s3cr3t")
        journal.forget("other")
        journal.append("done")
        journal.forget("secret")
        journal.append("more", n=1)
        path = journal.path
    assert b"s3cr3t" not in path.read_bytes()
    with Journal("send", "k", directory=tmp_path) as journal:
        assert journal.records == [
            {"step": "begin", "package_id": "p"}, {"step": "done"}, {"step": "more", "n": 1},
        ]  # fmt: skip
    assert not list(tmp_path.glob("*.partial"))


def test_garbage_in_a_journal_ends_it(tmp_path: Path) -> None:
    (tmp_path / "send-key.jsonl").write_bytes(b'{"step": "begin"}\n\xff\n{"step": "done"}\n')
    with Journal("send", "key", directory=tmp_path) as journal:
        assert [record["step"] for record in journal.records] == ["begin"]


def test_same_command_runs_once(tmp_path: Path) -> None:
    with Journal("send", "key", directory=tmp_path):
        with pytest.raises(UsageError, match="running"):
            Journal("send", "key", directory=tmp_path)
        Journal("send", "other", directory=tmp_path).close()


def test_old_journals_go(tmp_path: Path) -> None:
    old = tmp_path / "send-old.jsonl"
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    Journal("send", "key", directory=tmp_path).close()
    assert not old.exists()


def test_a_journal_that_another_send_removes_meanwhile_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "send-listed-and-gone.jsonl").symlink_to(tmp_path / "nowhere")
    with Journal("send", "key", directory=tmp_path) as journal:
        journal.append("begin")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX locks")
def test_a_file_system_without_locks_is_not_taken_for_a_second_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def no_locks(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OutputError, match="cannot be written"):
        Journal("send", "key", directory=tmp_path)


def test_journal_names_are_of_content() -> None:
    assert journal_key({"a": 1, "b": 2}) == journal_key({"b": 2, "a": 1}) != journal_key({"a": 1})


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_part_buffers(tmp_path: Path, kind: str) -> None:
    buffer: PartBuffer = MemoryPart(1 << 20) if kind == "memory" else DiskPart(tmp_path)
    for _ in range(2):
        buffer.append(memoryview(b"abc" * 100_000))
        buffer.append(memoryview(b"defg"))
        buffer.patch(2, memoryview(b"XYZ"))
        assert len(buffer) == 300_004
        found = b"".join(buffer.pieces())
        assert found == b"abXYZc" + b"abc" * 99_998 + b"defg"
        buffer.clear()
    buffer.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_waiting_part_on_a_full_disk(tmp_path: Path) -> None:
    import resource

    buffer = DiskPart(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(NoSpaceError):
            buffer.append(memoryview(bytes(100)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    buffer.close()


def test_a_waiting_part_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"")
    with pytest.raises(OutputError) as caught:
        DiskPart(tmp_path / "spool")
    assert not isinstance(caught.value, NoSpaceError)


@pytest.mark.parametrize(
    ("bound", "size"), [(1, 8), (8000 * MIB, 8), (8000 * MIB + 1, 9), (100 << 30, 103)]
)
def test_part_sizes(bound: int, size: int) -> None:
    assert part_size_for(bound) == size * MIB
    assert -(-bound // part_size_for(bound)) <= 1000


class Store:
    """Takes parts in memory; fails as told."""

    def __init__(self, failures: int = 0) -> None:
        self.parts: dict[int, bytes] = {}
        self.failures = failures

    def sign_parts(self, _package_id: str, parts: Sequence[Part]) -> list[SignedPart]:
        return [SignedPart(part.number, "PUT", part.md5, {}) for part in parts]

    def put_part(self, signed: SignedPart, body: PartBody, *, sent: Sent) -> None:
        data = bytearray()
        for piece in body.pieces():
            data += piece
            sent(len(piece))
        if self.failures:
            self.failures -= 1
            raise ExchangeError("cut")
        assert md5(data) == signed.url
        self.parts[signed.number] = bytes(data)


def md5(data: bytes | bytearray) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def target(store: Store, **changes: Any) -> UploadTarget:
    return UploadTarget(cast(Exchange, store), "id", 1000, **changes)


@pytest.mark.parametrize("size", [1, 999, 1000, 1001, 5000, 12_345])
@pytest.mark.parametrize("held", [0, 1, 1000, 2500])
def test_parts_are_the_bytes(size: int, held: int) -> None:
    data = os.urandom(size)
    store = Store(failures=2)
    with Uploader(target(store, held=min(held, size)), patience=NO_WAIT) as uploader:
        for start in range(0, size, 77):
            uploader.write(data[start : start + 77])
        expected = bytearray(data)
        if held:
            n = min(held, size, 20)
            uploader.patch(0, b"P" * n)
            expected[:n] = b"P" * n
        done = uploader.finish()
    assert b"".join(store.parts[number] for number in sorted(store.parts)) == expected
    assert done.size == size


def test_known_parts_are_not_sent_again() -> None:
    data = os.urandom(3500)
    parts = {n + 1: Part(n + 1, 1000, md5(data[n * 1000 : n * 1000 + 1000])) for n in range(2)}
    parts[3] = Part(3, 1000, "0" * 32)
    store = Store()
    with Uploader(target(store, known=parts), patience=NO_WAIT) as uploader:
        uploader.write(data)
        done = uploader.finish()
    assert sorted(store.parts) == [3, 4]
    assert done.n_skipped == 2


def test_line_that_stays_cut() -> None:
    def send(uploader: Uploader) -> None:
        for _ in range(100):
            uploader.write(bytes(500))
        uploader.finish()

    with (
        Uploader(target(Store(failures=1000)), patience=NO_WAIT) as uploader,
        pytest.raises(UploadInterruptedError) as found,
    ):
        send(uploader)
    assert "same command" in found.value.hint


def test_sent_bytes_cannot_be_patched() -> None:
    with Uploader(target(Store(), held=10), patience=NO_WAIT) as uploader:
        uploader.write(bytes(2000))
        with pytest.raises(OutputError):
            uploader.patch(5, bytes(10))
