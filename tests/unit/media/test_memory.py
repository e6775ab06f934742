"""However much is on a medium, a scan stays small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import builders
from tests.running import ROOT

N_INSTANCES = 100_000
LIMIT = 100_000_000
#: With the central directory.
ARCHIVE_LIMIT = 120_000_000
_PER_FOLDER = 2000

#: `emix` as a process that says how large it was at most.
_PROGRAM = """
import sys
from pathlib import Path
from emixcli.cli import main
code = main()
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")), file=sys.stderr)
sys.exit(code)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc"),
]


def scan(*arguments: str | Path) -> tuple[dict[str, int], int]:
    """Return counts and peak memory in bytes of `emix scan --json`, read as it comes."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "scan", "--json", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as lines:
        counts: dict[str, int] = json.loads("{" + _counts(lines) + "}")
    with process.stderr as said:
        peak = next(line for line in said if line.startswith("VmHWM"))
    assert process.wait() == 0
    return counts, int(peak.split()[1]) * 1024


def _counts(lines: Iterator[str]) -> str:
    """Return what stands between the braces of `counts`, and read to the end."""
    found: list[str] = []
    is_inside = False
    for line in lines:
        is_inside = (is_inside or '"counts": {' in line) and "}" not in line
        if is_inside:
            found.append(line)
    return "".join(found[1:])


def objects() -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of small instances in series of some hundred slices."""
    sample = builders.instance(rows=2, columns=2)
    sample.SOPInstanceUID = "1.2.3.100000"
    sample.SeriesInstanceUID = "1.2.4.10000"
    sample.InstanceNumber = "600000"
    content = builders.to_bytes(sample)
    for index in range(N_INSTANCES):
        series = 10000 + index // 500
        yield (
            f"S{index // _PER_FOLDER:04}/IM{index:06}",
            content.replace(b"1.2.3.100000", b"1.2.3.%06d" % (100000 + index))
            .replace(b"1.2.4.10000", b"1.2.4.%05d" % series)
            .replace(b"600000", b"%06d" % (index + 1)),
        )


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    """Return an element in explicit little endian."""
    value += b" " * (len(value) % 2)
    tag = group.to_bytes(2, "little") + number.to_bytes(2, "little")
    if vr == b"SQ":
        return tag + vr + b"\0\0" + len(value).to_bytes(4, "little") + value
    return tag + vr + len(value).to_bytes(2, "little") + value


def directory(names: Iterator[str]) -> bytes:
    """Return a DICOMDIR with one record for each name."""
    meta = element(2, 2, b"UI", b"1.2.840.10008.1.3.10\0")
    meta += element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0")
    records = b"".join(
        b"\xfe\xff\x00\xe0" + len(record).to_bytes(4, "little") + record
        for record in (
            element(4, 0x1430, b"CS", b"IMAGE")
            + element(4, 0x1500, b"CS", name.replace("/", "\\").encode())
            + element(0x20, 0x13, b"IS", b"1")
            for name in names
        )
    )
    return bytes(128) + b"DICM" + meta + element(4, 0x1220, b"SQ", records)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many")
    for index in range(0, N_INSTANCES, _PER_FOLDER):
        (root / f"S{index // _PER_FOLDER:04}").mkdir()
    for name, content in objects():
        (root / name).write_bytes(content)
    (root / "DICOMDIR").write_bytes(directory(name for name, _ in objects()))
    return root


def test_a_folder_of_100_000_instances_with_its_directory(folder: Path) -> None:
    counts, peak = scan(folder)
    assert counts["instances"] == N_INSTANCES
    assert counts["files"] == N_INSTANCES + 1
    assert counts["series"] == N_INSTANCES // 500
    assert peak < LIMIT


def test_an_archive_of_100_000_instances(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for name, content in objects():
            archive.writestr(zipfile.ZipInfo(name), content)
    counts, peak = scan(tmp_path / "many.zip")
    assert counts["instances"] == N_INSTANCES
    assert peak < ARCHIVE_LIMIT
