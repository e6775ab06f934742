"""Rows about making packages."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import data
from tests.bench.measure import Run, run
from tests.bench.setting import EMIX, Bench

Measured = tuple[str, bool, str, dict[str, str]]

_PYZIPPER = """
import os, sys, pyzipper
with pyzipper.AESZipFile(sys.argv[2], 'w', compression=pyzipper.ZIP_DEFLATED,
                         encryption=pyzipper.WZ_AES) as archive:
    archive.setpassword(b'benchmark')
    for entry in sorted(os.scandir(sys.argv[1]), key=lambda entry: entry.name):
        archive.write(entry.path, entry.name)
"""
_TO_NOWHERE = """
import sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from emixcli.media.scan import scan_media
from emixcli.package import Sender, plan_package, write_package

class Nowhere:
    size = 0
    def write(self, content):
        self.size += len(content)
    def patch(self, offset, content):
        pass

sink = Nowhere()
plan = plan_package(scan_media([sys.argv[1]]), sender=Sender('bench', 'bench'))
write_package(plan, sink, key=bytes(32), slots=[], signing_key=Ed25519PrivateKey.generate())
print(sink.size)
"""


def pack(bench: Bench) -> Measured:
    """Compare packing with 7-Zip on two threads and with pyzipper: a short study and a long one."""
    out = bench.place("pack.out")
    small, large = (_against_seven(bench, out, bench.n(n)) for n in (600, 2400))
    folder = bench.place(f"ct{bench.n(600)}")
    slow = run_fresh([sys.executable, "-c", _PYZIPPER, folder, f"{out}.zip"], out)
    _clear(out)
    to_pyzipper = slow.wall_s / small.ours.wall_s
    details = {
        "short": small.text,
        "long": large.text,
        "pyzipper, short": f"{slow.wall_s:.2f} s",
        "memory": f"{max(small.ours.peak, large.ours.peak) / 1e6:.0f} MB",
    }
    value = (
        f"{small.ratio:.1f}x and {large.ratio:.1f}x 7zz, {to_pyzipper:.1f}x pyzipper,"
        f" size {large.growth:+.1%}"
    )
    holds = min(small.ratio, large.ratio) >= 5 and to_pyzipper >= 20 and large.growth <= 0.06
    return value, holds, "emix pack FOLDER -o FILE", details


@dataclass(frozen=True)
class _Compared:
    """Ours and 7-Zip on one study; `growth` is how much larger our file is."""

    ours: Run
    ratio: float
    growth: float
    text: str


def _against_seven(bench: Bench, out: Path, n: int) -> _Compared:
    folder = bench.place(f"ct{n}")
    size = data.ct_series(folder, n)
    home = {"EMIX_HOME": str(bench.place("home"))}
    code = out.with_name("pack.out.code")
    command: list[str | Path] = [*EMIX, "pack", folder, "-o", out, "--code-out", code, "-q"]
    ours = min((run_fresh(command, out, home) for _ in range(3)), key=lambda done: done.wall_s)
    ours_size = out.stat().st_size
    archive = f"{out}.zip"
    seven = min(
        (run_fresh(["7zz", "a", "-tzip", "-mem=AES256", "-mx=1", "-mmt=2", "-pbenchmark", archive,
                    folder], out) for _ in range(2)),
        key=lambda done: done.wall_s,
    )  # fmt: skip
    growth = ours_size / Path(archive).stat().st_size - 1
    text = (
        f"{n} slices, {size / 1e6:.0f} MB: emix {ours.wall_s:.2f} s with its start"
        f" ({ours.cpu_s:.2f} s of processor), {size / 1e6 / ours.wall_s:.0f} MB/s;"
        f" 7zz {seven.wall_s:.2f} s ({seven.cpu_s:.2f} s)"
    )
    return _Compared(ours, seven.wall_s / ours.wall_s, growth, text)


def run_fresh(command: Sequence[str | Path], out: Path, env: dict[str, str] | None = None) -> Run:
    """Run after the outputs of the last run were removed."""
    _clear(out)
    return run(command, env=env)


def _clear(out: Path) -> None:
    for path in out.parent.glob("pack.out*"):
        path.unlink()


def memory(bench: Bench) -> Measured:
    """Measure the peak memory of a scan and of packing far more than fits into it."""
    folder = bench.place("sparse")
    shutil.rmtree(folder, ignore_errors=True)
    size = data.sparse_multiframes(folder, bench.n(20) * 10**9)
    home = {"EMIX_HOME": str(bench.place("home"))}
    try:
        scanned = run([*EMIX, "scan", folder, "--json"])
        packed = run([sys.executable, "-c", _TO_NOWHERE, folder], env=home)
    finally:
        shutil.rmtree(folder)
    peak = max(scanned.peak, packed.peak)
    details = {
        "input": f"{size / 1e9:.0f} GB in sparse files",
        "scan": f"{scanned.peak / 1e6:.0f} MB, {scanned.wall_s:.1f} s",
        "pack, its output thrown away": f"{packed.peak / 1e6:.0f} MB, {packed.wall_s:.1f} s, "
        f"{size / 1e6 / packed.wall_s:.0f} MB/s",
    }
    command = "write_package into a sink that keeps nothing   (VmHWM of the process tree)"
    return f"{peak / 1e6:.0f} MB", peak <= 150e6, command, details


def many(bench: Bench) -> Measured:
    """Measure the peak memory of a scan and of packing very many small files."""
    n = bench.n(200_000)
    folder = bench.place(f"tiny{n}")
    size = data.tiny_files(folder, n)
    home = {"EMIX_HOME": str(bench.place("home"))}
    scanned = run(["sh", "-c", '"$@" > /dev/null', "sh", *EMIX, "scan", folder, "--json"])
    packed = run([sys.executable, "-c", _TO_NOWHERE, folder], env=home)
    peak = max(scanned.peak, packed.peak)
    details = {
        "input": f"{n} files, {size / 1e6:.0f} MB; with pixels of 512x512 it would be"
        f" {n * data.SLICE_SIZE / 1e9:.0f} GB",
        "scan --json": f"{scanned.peak / 1e6:.0f} MB, {scanned.wall_s:.1f} s",
        "pack, its output thrown away": f"{packed.peak / 1e6:.0f} MB, {packed.wall_s:.1f} s",
    }
    command = "emix scan FOLDER --json; write_package into a sink that keeps nothing"
    return f"{peak / 1e6:.0f} MB", peak <= 150e6, command, details
