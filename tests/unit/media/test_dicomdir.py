"""A damaged DICOMDIR never ends a scan, and never hides a file that is there."""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.errors import EmixError
from emixcli.media.dicomdir import Directory
from emixcli.media.header import read_header
from emixcli.media.scan import scan_media
from tests import builders


class Memory:
    """Bytes as a medium gives them."""

    is_random = True

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]

    def close(self) -> None:
        pass


@cache
def disc() -> dict[str, bytes]:
    """Return the files of a disc with two series."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        images = builders.study(folder / "x", series=2, instances=2)
        root = builders.file_set(folder / "disc", images)
        paths = [path for path in root.rglob("*") if path.is_file()]
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


DAMAGE = st.lists(
    st.tuples(st.integers(0, 6000), st.integers(1, 255), st.integers(1, 8)), min_size=1, max_size=8
)


def damaged(changes: list[tuple[int, int, int]], keep: float) -> bytes:
    """Return the DICOMDIR with bytes flipped, and cut."""
    data = bytearray(disc()["DICOMDIR"])
    for offset, flip, count in changes:
        for at in range(offset % len(data), min(offset % len(data) + count, len(data))):
            data[at] ^= flip
    return bytes(data[: int(len(data) * keep)])


@given(DAMAGE, st.sampled_from([1.0, 1.0, 0.9, 0.5]))
@settings(max_examples=400, deadline=None)
def test_flipped_bytes_raise_only_our_errors(
    changes: list[tuple[int, int, int]], keep: float
) -> None:
    data = damaged(changes, keep)
    with contextlib.suppress(EmixError):
        offset = read_header(data).dataset_offset
        assert len(list(Directory(Memory(data), offset))) <= len(data) // 8
    for start in (0, 132, len(data), len(data) + 50):
        list(Directory(Memory(data), start))


@given(DAMAGE, st.sampled_from([1.0, 0.7]))
@settings(max_examples=40, deadline=None)
def test_images_are_found_whatever_their_directory_says(
    changes: list[tuple[int, int, int]], keep: float
) -> None:
    with TemporaryDirectory() as name:
        for path, content in disc().items():
            target = Path(name, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        Path(name, "DICOMDIR").write_bytes(damaged(changes, keep))
        file_set = scan_media([name])
    assert sum(1 for _ in file_set.iter_instances()) == 4


def test_a_directory_larger_than_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = disc()["DICOMDIR"]
    offset = read_header(data).dataset_offset
    records = data.index(b"\xfe\xff\x00\xe0")
    many = Memory(data[:records] + data[records:] * 600)
    assert many.size > 900_000
    directory = Directory(many, offset)
    assert len(list(directory)) == 4 * 600
    assert directory.is_whole
    for chunk in range(50, 90):  # whatever lies at the end of a read
        monkeypatch.setattr("emixcli.media.dicomdir._CHUNK", 1100 + chunk)
        assert len(list(Directory(many, offset))) == 4 * 600
    cut = Directory(Memory(many.data[:-1]), offset)
    assert len(list(cut)) == 4 * 600  # the last one without its last element
    assert not cut.is_whole
