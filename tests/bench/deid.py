"""The row about de-identification, beside other tools and a plain copy."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import data
from tests.bench.measure import best, run
from tests.bench.report import ROOT
from tests.bench.setting import EMIX, Bench, peers_python

Measured = tuple[str, bool, str, dict[str, str]]

#: What is measured of ours without the start of Python: read, replace, write, sync, rename.
_OURS = """
import sys, time
from pathlib import Path
from emixcli.anonymize import Profile
from emixcli.services.anonymize import AnonymizeRequest, anonymize
from emixcli.services.deidentify import Deidentification

def main():
    source, target, jobs = sys.argv[1:4]
    request = AnonymizeRequest(
        paths=[source], output=Path(target), how=Deidentification(Profile(), bytes(32)),
        verify=False, jobs=int(jobs),
    )
    start = time.perf_counter()
    result = anonymize(request)
    print(time.perf_counter() - start)
    assert not result.refused

if __name__ == "__main__":
    main()
"""
#: Header work alone: no writing.
_HEADERS = """
import os, sys, time
from emixcli.anonymize import Anonymizer, Profile
anonymizer = Anonymizer(Profile(), bytes(32))
paths = [entry.path for entry in os.scandir(sys.argv[1])]
start = time.process_time()
for path in paths:
    with open(path, 'rb') as file:
        anonymizer.anonymize(file).close()
print((time.process_time() - start) / len(paths))
"""
_DCMANON = """
import os, sys
from dcmanon import Anonymizer
anonymizer = Anonymizer()
os.makedirs(sys.argv[2])
for entry in os.scandir(sys.argv[1]):
    with open(os.path.join(sys.argv[2], entry.name), 'wb') as file:
        file.write(anonymizer.anonymize(entry.path))
"""


@dataclass(frozen=True)
class _Peer:
    """The fastest run of another program: alone, and with the `sync FILE…` that ours ends with."""

    alone_s: float
    synced_s: float

    def __str__(self) -> str:
        return f"{self.alone_s * 1e3:.0f} ms, {self.synced_s * 1e3:.0f} ms with `sync` of its files"


class _Outputs:
    """A new folder for each run.

    What earlier runs wrote is emptied at once, and removed at the end of all: for some minutes ext4
    looks at every inode that was removed whenever it makes a file.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._numbers = itertools.count()
        self.clear()
        parent.mkdir()

    def new(self) -> Path:
        for path in self._parent.rglob("*"):
            if path.is_file() and path.stat().st_size:
                os.truncate(path, 0)
        return self._parent / str(next(self._numbers))

    def clear(self) -> None:
        shutil.rmtree(self._parent, ignore_errors=True)


def anonymize(bench: Bench) -> Measured:
    """Compare de-identification of a CT series with `cp -r` and with other tools."""
    n = bench.n(300)
    source, outputs = bench.place(f"ct{n}"), _Outputs(bench.place("anonymize.out"))
    size = data.ct_series(source, n)
    home = {"EMIX_HOME": str(bench.place("home"))}
    copied = _measure_peer(outputs, lambda out: ["cp", "-r", source, out], n, times=7)
    loops = {jobs: _loop(bench, source, outputs, jobs, home) for jobs in (1, 2)}
    command: list[str | Path] = [*EMIX, "anonymize", source, "-q", "-o"]
    whole = best(5, lambda: run([*command, outputs.new(), "--no-verify"], env=home))
    verified = best(3, lambda: run([*command, outputs.new()], env=home))
    header_s = float(run([sys.executable, "-c", _HEADERS, source]).stdout)
    peers = {
        name: _measure_peer(outputs, command, n, times=3)
        for name, command in _peers(bench, source).items()
    }
    outputs.clear()
    fastest = min(peers["dicognito"].synced_s, peers["dicom-anonymizer"].synced_s)
    ratios = {jobs: loop / copied.synced_s for jobs, loop in loops.items()}
    details = {
        "input": f"{n} slices, {size / 1e6:.0f} MB",
        "cp -r": str(copied),
        "read, replace, write, sync, rename": f"{loops[1] * 1e3:.0f} ms in one process,"
        f" {loops[2] * 1e3:.0f} ms in two, their start included",
        "header work": f"{header_s * 1e3:.3f} ms a file",
        "the command, with start and sync": f"{whole.wall_s * 1e3:.0f} ms,"
        f" {whole.peak / 1e6:.0f} MB",
        "with the second look": f"{verified.wall_s * 1e3:.0f} ms, {verified.peak / 1e6:.0f} MB",
        **{name: str(peer) for name, peer in peers.items()},
    }
    value = (
        f"{ratios[1]:.1f}x cp in one process, {ratios[2]:.1f}x in two,"
        f" {whole.wall_s / peers['gdcmanon'].synced_s:.2f} of gdcmanon's time,"
        f" {fastest / whole.wall_s:.1f}x the fastest tool on pydicom"
    )
    holds = (
        ratios[1] <= 2
        and ratios[2] <= 1
        and whole.wall_s <= peers["gdcmanon"].synced_s
        and fastest / whole.wall_s >= 5
        and header_s <= 0.3e-3
        and whole.peak <= 60e6
    )
    return value, holds, "emix anonymize FOLDER -o DIR --no-verify", details


def multiframe(bench: Bench) -> Measured:
    """Measure memory and time of one object of 2 GB, and of one that is a data set of 60 MB.

    Nothing of pixels may be held, and of a data set only what is being treated.
    """
    n_frames = bench.n(4000)
    source, outputs = bench.place(f"enhanced{n_frames}"), _Outputs(bench.place("anonymize.out"))
    size = data.large_multiframe(source, n_frames)
    home = {"EMIX_HOME": str(bench.place("home"))}
    copied = _measure_peer(outputs, lambda out: ["cp", "-r", source, out], 1, times=3)
    command: list[str | Path] = [*EMIX, "anonymize", source, "-q", "-o"]
    whole = best(3, lambda: run([*command, outputs.new(), "--no-verify"], env=home))
    verified = run([*command, outputs.new()], env=home)
    n_contours = bench.n(30_000)
    structures = bench.place(f"structures{n_contours}")
    size_of_set = data.large_structures(structures, n_contours)
    of_set: list[str | Path] = [*EMIX, "anonymize", structures, "-q", "-o"]
    without_pixels = run([*of_set, outputs.new(), "--no-verify"], env=home)
    looked_at = run([*of_set, outputs.new()], env=home)
    outputs.clear()
    details = {
        "input": f"one Enhanced CT image of {n_frames} frames, {size / 1e9:.1f} GB;"
        f" one RT structure set of {n_contours} contours, {size_of_set / 1e6:.0f} MB",
        "the structure set": f"{without_pixels.peak / 1e6:.0f} MB, {without_pixels.wall_s:.1f} s;"
        f" with the second look {looked_at.peak / 1e6:.0f} MB, {looked_at.wall_s:.1f} s",
        "cp -r": str(copied),
        "with the second look, which reads both objects whole": f"{verified.peak / 1e6:.0f} MB,"
        f" {verified.wall_s:.1f} s",
    }
    value = (
        f"{whole.peak / 1e6:.0f} MB, {whole.wall_s:.2f} s:"
        f" {whole.wall_s / copied.synced_s:.1f}x cp;"
        f" {without_pixels.peak / 1e6:.0f} MB where {size_of_set / 1e6:.0f} MB are no pixels"
    )
    return (
        value,
        max(whole.peak, without_pixels.peak) <= 60e6,
        "emix anonymize FOLDER -o DIR --no-verify",
        details,
    )


def _measure_peer(
    outputs: _Outputs, command: Callable[[Path], list[str | Path]], n_files: int, *, times: int
) -> _Peer:
    runs = []
    for _ in range(times):
        out = outputs.new()
        alone = run(command(out)).wall_s
        written = [path for path in out.rglob("*") if path.is_file()]
        if len(written) != n_files:
            raise RuntimeError(f"{command(out)[0]} wrote {len(written)} of {n_files} files")
        start = time.perf_counter()
        subprocess.run(["sync", *written], check=True)
        runs.append((alone, alone + time.perf_counter() - start))
    return _Peer(*map(min, zip(*runs, strict=True)))


def _loop(bench: Bench, source: Path, outputs: _Outputs, jobs: int, env: dict[str, str]) -> float:
    """Return the seconds of our own work alone, without the start of Python."""
    script = bench.place("anonymize_script.py")
    script.write_text(_OURS)
    env = {**env, "PYTHONPATH": str(ROOT)}
    return min(
        float(run([sys.executable, script, source, outputs.new(), str(jobs)], env=env).stdout)
        for _ in range(5)
    )


def _peers(bench: Bench, source: Path) -> dict[str, Callable[[Path], list[str | Path]]]:
    """Return the commands of other tools; they live in an environment of their own."""
    python = peers_python(bench.folder)
    script = bench.place("dcmanon_peer.py")
    script.write_text(_DCMANON)
    certificate = bench.place("gdcm.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bench",
         "-keyout", bench.place("gdcm.key"), "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return {
        "gdcmanon": lambda out: ["gdcmanon", "-e", "-r", "--continue", "-c", certificate,
                                 "-i", source, "-o", out],
        "dcmanon": lambda out: [python, script, source, out],
        "dicognito": lambda out: [python, "-m", "dicognito", "-q", "-o", out, source],
        "dicom-anonymizer": lambda out: ["sh", "-c", 'mkdir "$2" && exec "$0" "$1" "$2"',
                                         python.with_name("dicom-anonymizer"), source, out],
    }  # fmt: skip
