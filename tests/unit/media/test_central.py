"""The central directory is read as the standard library reads it."""

from __future__ import annotations

import contextlib
import io
import random
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emixcli.errors import EmixError
from emixcli.media.sources import open_source
from emixcli.media.sources.base import FileBytes
from emixcli.media.sources.central import iter_members
from tests.unit.media.test_sources import contents

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def archive(*, comment: bytes = b"", prefix: bytes = b"", many: int = 0) -> bytes:
    """Return a ZIP file with members of every method, odd names and Zip64 fields."""
    file = io.BytesIO(prefix)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "w") as target:
        target.comment = comment
        for method in METHODS:
            target.writestr(f"ä/method {method}", bytes(range(256)) * 9, method)
        with target.open(zipfile.ZipInfo("zip64"), "w", force_zip64=True) as member:
            member.write(b"wide")
        target.writestr("folder/", b"")
        target.writestr("empty", b"")
        for number in range(many):
            target.writestr(f"many/{number}", b"%d" % number)
    return file.getvalue()


def compare(path: Path) -> int:
    """Compare a ZIP file with what the standard library says; return the number of members."""
    with zipfile.ZipFile(path) as library:
        expected = [
            (i.filename, i.flag_bits, i.compress_type, i.CRC, i.compress_size, i.file_size,
             i.header_offset)
            for i in library.infolist()
        ]  # fmt: skip
        files = {i.filename: library.read(i) for i in library.infolist() if not i.is_dir()}
    with path.open("rb") as file:
        found = list(iter_members(FileBytes(file.fileno(), path.stat().st_size)))
    assert found == expected
    assert contents(path) == files
    return len(found)


@pytest.mark.parametrize("comment", [b"", b"PK\5\6 is in it", b"x" * 65535])
@pytest.mark.parametrize("prefix", [b"", b"MZ" * 5000])
def test_all_methods_and_fields(tmp_path: Path, comment: bytes, prefix: bytes) -> None:
    path = tmp_path / "a.zip"
    if comment.startswith(b"PK"):  # the library is lost there as well
        comment = b" " + comment[:2]
    path.write_bytes(archive(comment=comment, prefix=prefix))
    if prefix:  # by its first bytes this is a program
        with path.open("rb") as file:
            found = list(iter_members(FileBytes(file.fileno(), path.stat().st_size)))
        assert [member.name for member in found][:1] == ["ä/method 0"]
    else:
        assert compare(path) == len(METHODS) + 3


def test_more_members_than_16_bits_count(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    path.write_bytes(archive(many=66_000))
    with path.open("rb") as file:
        found = list(iter_members(FileBytes(file.fileno(), path.stat().st_size)))
    with zipfile.ZipFile(path) as library:
        assert [member.name for member in found] == library.namelist()


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.floats(0.5, 1))
@settings(max_examples=200, deadline=None)
def test_damage_raises_only_our_errors(chance: random.Random, flips: int, keep: float) -> None:
    data = bytearray(archive())
    for _ in range(flips):
        data[chance.randrange(len(data) // 2, len(data))] ^= chance.randrange(1, 256)
    with TemporaryDirectory() as name:
        path = Path(name, "damaged.zip")
        path.write_bytes(data[: int(len(data) * keep)] if keep < 0.9 else data)
        with contextlib.suppress(EmixError):
            source = open_source(str(path))
            for file in source.iter_files():
                with contextlib.suppress(OSError):
                    source.open_bytes(file.path).read_at(0, 100_000)
            source.close()
