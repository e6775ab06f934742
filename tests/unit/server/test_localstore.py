"""Parts on local files: what is answered for, what a crash may leave, what a seal waits for."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from emixcli.server.clock import system_clock
from emixcli.server.localparts import FRESH, part_name
from emixcli.server.localstore import LocalStore
from emixcli.server.store import Part, PartsMismatchError
from emixcli.server.vault import create_vault, load_vault

KEY = "k" * 26
FIRST, SECOND = b"first part" * 100, b"second part" * 50


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_vault(tmp_path / "secrets")
    return tmp_path / "store"


@pytest.fixture
def open_store(root: Path) -> Callable[[], LocalStore]:
    """A store as a process finds it that knows nothing of earlier ones."""

    def make() -> LocalStore:
        store = LocalStore(root, load_vault(root.parent / "secrets"), system_clock)
        store.begin(KEY)
        return store

    return make


def part_of(number: int, data: bytes, algorithm: str = "sha256") -> Part:
    digest = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    return Part(number, len(data), digest)


def put(store: LocalStore, number: int, data: bytes, algorithm: str = "sha256") -> Part:
    part = part_of(number, data, algorithm)
    sink = store.open_part(KEY, part)
    sink.write(data)
    assert sink.finish()
    return part


def leave_fresh(root: Path, part: Part, data: bytes) -> Path:
    """A file as a process leaves it that was killed before the part was synced."""
    path = root / "uploads" / KEY / (part_name(part) + FRESH)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_parts_become_one_object(open_store: Callable[[], LocalStore], algorithm: str) -> None:
    store = open_store()
    parts = [put(store, 1, FIRST, algorithm), put(store, 2, SECOND, algorithm)]
    assert store.list_parts(KEY) == parts
    store.complete(KEY, parts)
    store.complete(KEY, parts)
    assert store.list_parts(KEY) == parts
    reader = store.open(KEY)
    assert reader.read(0, reader.size) == FIRST + SECOND
    descriptor, position, length = reader.find_file(len(FIRST) + 3) or (-1, 0, 0)
    assert os.pread(descriptor, length, position) == SECOND[3:]
    reader.close()


def test_every_part_is_listed_while_parts_get_their_names(
    open_store: Callable[[], LocalStore],
) -> None:
    store = open_store()
    for number in range(1, 101):
        put(store, number, FIRST)
        assert len(store.list_parts(KEY)) == number


def test_a_fresh_part_of_a_killed_process_is_kept(
    open_store: Callable[[], LocalStore], root: Path
) -> None:
    store = open_store()
    part = part_of(1, FIRST)
    left = leave_fresh(root, part, FIRST)
    assert store.list_parts(KEY) == [part]
    assert not left.exists()
    store.complete(KEY, [part])


@pytest.mark.parametrize("found", [b"", FIRST[:-1], bytes(len(FIRST))], ids=["empty", "short", "0"])
def test_a_part_that_the_power_took_is_not_listed_and_not_sealed(
    open_store: Callable[[], LocalStore], root: Path, found: bytes
) -> None:
    store = open_store()
    part = part_of(1, FIRST)
    leave_fresh(root, part, found)
    with pytest.raises(PartsMismatchError):
        store.complete(KEY, [part])
    leave_fresh(root, part, found)
    assert store.list_parts(KEY) == []
    put(store, 1, FIRST)
    store.complete(KEY, [part])


def test_a_seal_comes_after_the_disk(
    open_store: Callable[[], LocalStore], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)
    store = open_store()
    parts = [put(store, 1, FIRST), put(store, 2, SECOND)]
    store.complete(KEY, parts)
    wanted = [*(root / "objects" / KEY).iterdir(), root / "objects" / KEY]
    wanted += [root / "objects", root / "uploads"]
    assert [path.name for path in wanted if path.stat().st_ino not in synced] == []


def test_a_part_that_cannot_be_synced_is_not_stored(
    open_store: Callable[[], LocalStore], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "the disk has failed")

    store = open_store()
    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", fail)
        part = put(store, 1, FIRST)
        with pytest.raises(PartsMismatchError):
            store.complete(KEY, [part])
    assert store.list_parts(KEY) == []
    assert list((root / "uploads" / KEY).iterdir()) == []


def test_a_part_is_refused_once_its_upload_has_ended(
    open_store: Callable[[], LocalStore],
) -> None:
    store = open_store()
    first = put(store, 1, FIRST)
    late = store.open_part(KEY, part_of(2, SECOND))
    late.write(SECOND)
    store.complete(KEY, [first])
    with pytest.raises(FileNotFoundError):
        late.finish()
    with pytest.raises(FileNotFoundError):
        store.open_part(KEY, first)
    assert store.list_parts(KEY) == [first]
