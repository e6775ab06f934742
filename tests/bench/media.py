"""Rows about starting and reading."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench import data
from tests.bench.measure import best, median_cpu_ms, run
from tests.bench.setting import EMIX, Bench, peers_python

Measured = tuple[str, bool, str, dict[str, str]]

_FLOOR = """
import os, sys, time
paths = [entry.path for entry in os.scandir(sys.argv[1])]
start = time.perf_counter()
for path in paths:
    with open(path, 'rb', buffering=0) as file:
        file.read(8192)
print(time.perf_counter() - start)
"""
_PYDICOM = """
import os, sys, time, pydicom
paths = [entry.path for entry in os.scandir(sys.argv[1])]
start = time.perf_counter()
for path in paths:
    pydicom.dcmread(path, stop_before_pixels=True)
print(time.perf_counter() - start)
"""
_FASTDICOM = """
import os, sys, time, fastdicom
paths = [entry.path for entry in os.scandir(sys.argv[1])]
start = time.perf_counter()
for path in paths:
    fastdicom.dcmread(path, stop_before_pixels=True)
print(time.perf_counter() - start)
"""
_OURS = """
import sys, time
from emixcli.media.scan import scan_media
start = time.perf_counter()
found = scan_media([sys.argv[1]])
print(time.perf_counter() - start)
assert sum(1 for _ in found.iter_instances()) == int(sys.argv[2])
"""


_CARVE = """
import os, sys, time
from emixcli.media.disc.carving import carve
from emixcli.media.disc.sectors import SectorBytes
from emixcli.media.sources import FileBytes
size = os.path.getsize(sys.argv[1])
content = SectorBytes(FileBytes(os.open(sys.argv[1], os.O_RDONLY), size))
start = time.perf_counter()
found = list(carve(content, [(0, size)]))
print(time.perf_counter() - start)
assert len(found) == int(sys.argv[2]) and all(item.is_whole for item in found)
"""
_CAT = """
import sys, time
start = time.perf_counter()
with open(sys.argv[1], 'rb', buffering=0) as file:
    while file.read(1 << 20):
        pass
print(time.perf_counter() - start)
"""
_COLD = """
import os, sys, time
for entry in os.scandir(sys.argv[1]):
    with open(entry.path, 'rb') as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
"""
_CATS = """
start = time.perf_counter()
for name in sorted(os.listdir(sys.argv[1])):
    with open(os.path.join(sys.argv[1], name), 'rb', buffering=0) as file:
        while file.read(1 << 20):
            pass
print(time.perf_counter() - start)
"""
_VERIFY = """
from emixcli.services.diagnose import diagnose
start = time.perf_counter()
found = diagnose([sys.argv[1]], full=True)
print(time.perf_counter() - start)
assert not found.losses
"""
_DICOMDIR = """
import sys, time
from pathlib import Path
start = time.process_time()
from emixcli.container.dicomdir import make_dicomdir
from emixcli.media.scan import scan_media
made = make_dicomdir(scan_media([sys.argv[1]]), package_id='0' * 16)
Path(sys.argv[2]).write_bytes(made.content.read())
print(time.process_time() - start)
"""
_COUNT = """
import os, sys, pydicom
print(len(list(pydicom.dcmread(next(os.scandir(sys.argv[1])).path).iterall())))
"""


def help_time(bench: Bench) -> Measured:
    """Measure the processor time of `emix --help` into a pipe."""
    cpu_ms = median_cpu_ms(bench.n(100) // 4 + 3, lambda: run([*EMIX, "--help"]))
    bare = median_cpu_ms(7, lambda: run([sys.executable, "-c", "pass"]))
    details = {"of that, Python itself": f"{bare:.0f} ms"}
    return f"{cpu_ms:.0f} ms", cpu_ms <= 100, "emix --help | cat", details


def scan(bench: Bench) -> Measured:
    """Compare a scan with pydicom, fastdicom, and opening and reading 8 KiB of each file."""
    n = bench.n(2000)
    folder = bench.place("scan")
    data.small_files(folder, n)

    def seconds(program: str, *more: str) -> float:
        return min(_clock(program, folder, *more) for _ in range(5))

    floor, pydicom, ours = seconds(_FLOOR), seconds(_PYDICOM), seconds(_OURS, str(n))
    peer: list[str | Path] = [peers_python(bench.folder), "-c", _FASTDICOM, folder]
    fastdicom = min(float(run(peer).stdout) for _ in range(5))
    whole = best(3, lambda: run([*EMIX, "scan", folder, "--json"]))
    times, share, faster = pydicom / ours, floor / ours, fastdicom / ours
    n_elements = int(run([sys.executable, "-c", _COUNT, folder]).stdout)
    details = {
        "elements of each header": f"{n_elements}",
        "scan": f"{ours * 1000:.0f} ms, {n / ours:.0f} files/s",
        "pydicom `dcmread(stop_before_pixels=True)`": f"{pydicom * 1000:.0f} ms",
        "fastdicom `dcmread(stop_before_pixels=True)`": f"{fastdicom * 1000:.0f} ms",
        "floor (open, read 8 KiB)": f"{floor * 1000:.0f} ms",
        "the whole command, with start and JSON": f"{whole.wall_s * 1000:.0f} ms",
    }
    value = f"{times:.1f}x pydicom, {faster:.1f}x fastdicom, {share:.2f} of the floor"
    holds = times >= 20 and faster >= 1.3 and share >= 0.12
    return value, holds, f"emix scan FOLDER   ({n} files)", details


def carve(bench: Bench) -> Measured:
    """Search an image whose directories are lost for its objects, at their exact lengths."""
    n = bench.n(1000)
    folder = bench.place("carve")
    image = bench.folder / f"carve-{n}.img"
    if not image.exists():
        data.ct_series(folder, n)
        with image.open("wb") as file:
            for path in sorted(folder.iterdir()):
                content = path.read_bytes()
                file.write(content + bytes(-len(content) % 2048))
    size = image.stat().st_size
    ours = min(_clock(_CARVE, image, str(n)) for _ in range(5))
    floor = min(_clock(_CAT, image) for _ in range(5))
    details = {
        "objects found at their exact length": f"{n}",
        "reading alone": f"{size / floor / 1e6:.0f} MB/s",
    }
    return f"{size / ours / 1e6:.0f} MB/s", size / ours >= 500e6, "(in process)", details


def verify(bench: Bench) -> Measured:
    """Read every byte of a folder that is not in the cache: `diagnose --full` and a copy loop."""
    folder = bench.place(f"ct{bench.n(1000)}")
    size = data.ct_series(folder, bench.n(1000))
    pairs = [  # in turns: a disk that others use as well is not equally fast all the time
        [_clock(_COLD + program, folder) for program in (_VERIFY, _CATS)] for _ in range(5)
    ]
    ours, floor = map(min, zip(*pairs, strict=True))
    details = {
        "diagnose --full": f"{size / ours / 1e6:.0f} MB/s",
        "reading alone, 1 MiB at a time": f"{size / floor / 1e6:.0f} MB/s",
    }
    return f"{floor / ours:.2f} of reading", floor / ours >= 0.9, "(in process)", details


def dicomdir(bench: Bench) -> Measured:
    """Make the DICOMDIR of a folder: scan and directory, and dcmmkdir with keys invented."""
    n = bench.n(2000)
    folder, target = bench.place("scan"), bench.place("DICOMDIR")
    data.small_files(folder, n)
    names = sorted(path.name for path in folder.iterdir())
    peer: list[str | Path] = ["dcmmkdir", "+I", "-Nxc", "+id", folder, "+D", target, *names]

    def peer_s() -> float:
        target.unlink(missing_ok=True)
        return run(peer).cpu_s

    theirs = min(peer_s() for _ in range(3))
    size = target.stat().st_size
    ours = min(_clock(_DICOMDIR, folder, str(target)) for _ in range(3))
    details = {
        "scan and directory, in one process": f"{ours * 1000:.0f} ms",
        "dcmmkdir": f"{theirs * 1000:.0f} ms",
        "size": f"{target.stat().st_size} bytes, {size} of dcmmkdir",
    }
    return f"{ours / theirs:.2f}x dcmmkdir", ours <= 2 * theirs, f"({n} files, CPU time)", details


def _clock(program: str, folder: Path, *more: str) -> float:
    return float(run([sys.executable, "-c", program, folder, *more]).stdout)
