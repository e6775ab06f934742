"""However large an object is, the second look stays small."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emixcli.deid.parse import encode
from tests.running import ROOT
from tests.unit.deid.making import NAME, make

#: Above what a small object takes, and between one object and one twice as large.
MOST, MORE = 20 << 20, 3 << 20

_PROGRAM = """
import sys
from pathlib import Path
from emixcli.deid.options import Profile
from emixcli.deid.verify import Verifier

def look(path):
    Path("/proc/self/clear_refs").write_text("5")
    verifier = Verifier(Profile())
    with open(path, "rb") as file:
        assert verifier.learn(file)
    with open(path, "rb") as file:
        assert verifier.look(file)[1]
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1])

look(sys.argv[1])
print(*map(look, sys.argv[1:]))
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="needs /proc/self/clear_refs"
)

_SEQUENCE = b"\x06\x30\x39\x00SQ\0\0\xff\xff\xff\xff"
_INNER = b"\x06\x30\x40\x00SQ\0\0\xff\xff\xff\xff"
_ITEM = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
_ITEM_END, _SEQUENCE_END = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"


def contours(n: int) -> Iterator[bytes]:
    """Yield a sequence whose one item holds all others, and a long text behind them."""
    yield _SEQUENCE + _ITEM + _INNER
    points = _element(0x30060050, "DS", "\\".join(f"{i}.{i:04}" for i in range(900)))
    for i in range(n * 80):
        yield _ITEM + points + _element(0x30060048, "IS", str(i)) + _ITEM_END
    yield _SEQUENCE_END
    yield _element(0x30060099, "UT", "Vertebra 12 of Zzyzx, " * (n * 12_000))
    yield _ITEM_END + _SEQUENCE_END


def _element(tag: int, vr: str, value: str) -> bytes:
    return encode(tag, vr, value.encode(), explicit=True)


def test_twice_the_object_takes_the_same_memory(tmp_path: Path) -> None:
    small = make(NAME)
    paths = [tmp_path / name for name in ("small", "once", "twice")]
    paths[0].write_bytes(small)
    for path, n in zip(paths[1:], (12, 24), strict=True):
        with path.open("wb") as file:
            file.write(small)
            file.writelines(contours(n))
    assert paths[1].stat().st_size > 9_000_000
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *paths],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    least, once, twice = (int(size) * 1024 for size in done.stdout.split())
    assert once < least + MOST
    assert twice < once + MORE
