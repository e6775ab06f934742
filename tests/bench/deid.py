"""The row about de-identification, beside other tools and a plain copy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import data
from tests.bench.measure import Run, best, run
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
#: The same end as ours, by programs that everybody has: `cp -r`, then `sync FILE…`.
_COPY = """
import subprocess, sys, time
from pathlib import Path
start = time.perf_counter()
subprocess.run(['cp', '-r', sys.argv[1], sys.argv[2]], check=True)
copied = time.perf_counter() - start
files = [path for path in Path(sys.argv[2]).rglob('*') if path.is_file()]
subprocess.run(['sync', *files], check=True)
print(copied, time.perf_counter() - start)
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


def anonymize(bench: Bench) -> Measured:
    """Compare de-identification of a CT series with `cp -r` and with other tools."""
    n = bench.n(300)
    source, out = bench.place(f"ct{n}"), bench.place("anonymize.out")
    size = data.ct_series(source, n)
    home = {"EMIX_HOME": str(bench.place("home"))}

    def fresh(command: list[str | Path], times: int = 3) -> Run:
        return best(times, _after_removing(out, command, home))

    copies = [_numbers(_COPY, out, [source, out], home) for _ in range(7)]
    copied, durable = (min(copy[index] for copy in copies) for index in (0, 1))
    loops = {
        jobs: min(_numbers(_OURS, out, [source, out, jobs], home)[0] for _ in range(5))
        for jobs in (1, 2)
    }
    whole = fresh([*EMIX, "anonymize", source, "-o", out, "--no-verify", "-q"])
    verified = fresh([*EMIX, "anonymize", source, "-o", out, "-q"])
    header_s = float(run([sys.executable, "-c", _HEADERS, source]).stdout)
    peers = {}
    for name, command in _peers(bench, source, out).items():
        peers[name] = fresh(command, 2)
        found = sum(1 for path in out.rglob("*") if path.is_file())
        if found != n:
            raise RuntimeError(f"{name} wrote {found} of {n} files")
    shutil.rmtree(out, ignore_errors=True)
    fastest = min(peers["dicognito"].wall_s, peers["dicom-anonymizer"].wall_s)
    ratios = {jobs: loop / durable for jobs, loop in loops.items()}
    details = {
        "input": f"{n} slices, {size / 1e6:.0f} MB",
        "cp -r": f"{copied * 1e3:.0f} ms, {durable * 1e3:.0f} ms with `sync` of its files",
        "read, replace, write, sync, rename": f"{loops[1] * 1e3:.0f} ms in one process,"
        f" {loops[2] * 1e3:.0f} ms in two, their start included",
        "header work": f"{header_s * 1e3:.3f} ms a file",
        "the command, with start": f"{whole.wall_s * 1e3:.0f} ms, {whole.peak / 1e6:.0f} MB",
        "with the second look": f"{verified.wall_s * 1e3:.0f} ms, {verified.peak / 1e6:.0f} MB",
        **{name: f"{done.wall_s * 1e3:.0f} ms" for name, done in peers.items()},
    }
    value = (
        f"{ratios[1]:.1f}x cp in one process, {ratios[2]:.1f}x in two,"
        f" {fastest / whole.wall_s:.1f}x the fastest tool on pydicom"
    )
    holds = (
        ratios[1] <= 2
        and ratios[2] <= 1
        and whole.wall_s <= peers["gdcmanon"].wall_s
        and fastest / whole.wall_s >= 5
        and header_s <= 0.3e-3
        and whole.peak <= 60e6
    )
    return value, holds, "emix anonymize FOLDER -o DIR --no-verify", details


def multiframe(bench: Bench) -> Measured:
    """Measure memory and time of one object of 2 GB: nothing of its pixels may be held."""
    n_frames = bench.n(4000)
    source, out = bench.place(f"enhanced{n_frames}"), bench.place("anonymize.out")
    size = data.large_multiframe(source, n_frames)
    home = {"EMIX_HOME": str(bench.place("home"))}
    copied, durable = map(min, zip(*(_numbers(_COPY, out, [source, out], home) for _ in range(3)),
                                   strict=True))  # fmt: skip
    command: list[str | Path] = [*EMIX, "anonymize", source, "-o", out, "-q"]
    whole = best(3, _after_removing(out, [*command, "--no-verify"], home))
    verified = best(1, _after_removing(out, command, home))
    shutil.rmtree(out)
    details = {
        "input": f"one Enhanced CT image of {n_frames} frames, {size / 1e9:.1f} GB",
        "cp -r": f"{copied:.2f} s, {durable:.2f} s with the sync of its file",
        "with the second look, which reads both objects whole": f"{verified.peak / 1e6:.0f} MB,"
        f" {verified.wall_s:.1f} s",
    }
    value = f"{whole.peak / 1e6:.0f} MB, {whole.wall_s:.2f} s: {whole.wall_s / durable:.1f}x cp"
    return value, whole.peak <= 60e6, "emix anonymize FOLDER -o DIR --no-verify", details


def _after_removing(out: Path, command: list[str | Path], env: dict[str, str]) -> Callable[[], Run]:
    def action() -> Run:
        shutil.rmtree(out, ignore_errors=True)
        return run(command, env=env)

    return action


def _numbers(code: str, out: Path, arguments: list[Path | int], env: dict[str, str]) -> list[float]:
    """Run a script of ours and return the numbers that it prints."""
    script = out.with_name("anonymize_script.py")
    script.write_text(code)
    command: list[str | Path] = [sys.executable, script, *map(str, arguments)]
    action = _after_removing(out, command, {**env, "PYTHONPATH": str(ROOT)})
    return [float(number) for number in action().stdout.split()]


def _peers(bench: Bench, source: Path, out: Path) -> dict[str, list[str | Path]]:
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
        "gdcmanon": ["gdcmanon", "-e", "-r", "--continue", "-c", certificate, "-i", source,
                     "-o", out],
        "dcmanon": [python, script, source, out],
        "dicognito": [python, "-m", "dicognito", "-q", "-o", out, source],
        "dicom-anonymizer": ["sh", "-c", 'mkdir "$2" && exec "$0" "$1" "$2"',
                             python.with_name("dicom-anonymizer"), source, out],
    }  # fmt: skip
