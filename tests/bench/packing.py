"""Rows about making packages."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import data
from tests.bench.measure import Run, best, run
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
    """Compare packing with 7-Zip on two threads and with pyzipper."""
    folder, out = bench.place("ct600"), bench.place("pack.out")
    n = bench.n(600)
    size = data.ct_series(folder, n)

    def fresh(command: list[str | Path]) -> Callable[[], Run]:
        def action() -> Run:
            for path in out.parent.glob("pack.out*"):
                path.unlink()
            return run(command)

        return action

    home = {"EMIX_HOME": str(bench.place("home"))}
    code = out.with_name("pack.out.code")

    def ours_once() -> Run:
        for path in out.parent.glob("pack.out*"):
            path.unlink()
        return run([*EMIX, "pack", folder, "-o", out, "--code-out", code, "-q"], env=home)

    ours = best(3, ours_once)
    ours_size = out.stat().st_size
    seven = best(2, fresh(["7zz", "a", "-tzip", "-mem=AES256", "-mx=1", "-mmt=2", "-pbenchmark",
                           f"{out}.zip", folder]))  # fmt: skip
    seven_size = Path(f"{out}.zip").stat().st_size
    slow = best(1, fresh([sys.executable, "-c", _PYZIPPER, folder, f"{out}.zip"]))
    to_seven, to_pyzipper = seven.wall_s / ours.wall_s, slow.wall_s / ours.wall_s
    growth = ours_size / seven_size - 1
    for path in out.parent.glob("pack.out*"):
        path.unlink()
    details = {
        "input": f"{n} slices, {size / 1e6:.0f} MB",
        "emix pack, with start": f"{ours.wall_s:.2f} s, {size / 1e6 / ours.wall_s:.0f} MB/s, "
        f"{ours_size / 1e6:.0f} MB, {ours.peak / 1e6:.0f} MB of memory",
        "7zz": f"{seven.wall_s:.2f} s, {seven_size / 1e6:.0f} MB",
        "pyzipper": f"{slow.wall_s:.2f} s",
    }
    value = f"{to_seven:.1f}x 7zz, {to_pyzipper:.1f}x pyzipper, size {growth:+.1%}"
    holds = to_seven >= 5 and to_pyzipper >= 20 and growth <= 0.06
    return value, holds, "emix pack FOLDER -o FILE", details


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
