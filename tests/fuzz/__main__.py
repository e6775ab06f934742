"""`python3 dev.py fuzz [--minutes N] [TARGET…]`: look for bytes on which a reader fails.

    python3 dev.py fuzz                  every target, ten minutes together
    python3 dev.py fuzz --minutes 60     longer
    python3 dev.py fuzz header disc      these targets
    python3 dev.py fuzz --list           the targets

Inputs that reach new code are kept in .tools/fuzz/corpus for the next run, failures in
.tools/fuzz/crashes. At the end every kept input is read once more without instruments: no header
may take more than 50 ms of processor time.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.fuzz.targets import TARGETS
from tests.running import ROOT

FOLDER = ROOT / ".tools" / "fuzz"
_MAX_HEADER_S = 0.05
_HEADERS = ("header", "learned")


def main(arguments: Sequence[str]) -> int:
    """Fuzz for the given time; return 1 where something was found."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args(arguments)
    if options.list or set(options.targets) - set(TARGETS):
        print(" ".join(TARGETS))
        return 0 if options.list else 2
    guided = importlib.util.find_spec("atheris") is not None
    print("fuzz: by atheris" if guided else "fuzz: by random mutations, atheris is not installed")
    names = options.targets or list(TARGETS)
    seconds = max(1, int(options.minutes * 60 / len(names)))
    failed = [name for name in names if not _fuzz(name, seconds)]
    slow = [name for name in names if name in _HEADERS and not _is_quick(name)]
    for name in failed:
        print(f"fuzz: {name} failed: see {FOLDER / 'crashes'}")
    print("fuzz: nothing was found" if not failed and not slow else "fuzz: failures were found")
    return 1 if failed or slow else 0


def _fuzz(name: str, seconds: int) -> bool:
    """Run one target in a process of its own; whether it held."""
    corpus, crashes = FOLDER / "corpus" / name, FOLDER / "crashes"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    arguments = [name, str(seconds), str(corpus), str(crashes)]
    command = [sys.executable, "-m", "tests.fuzz.engine", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    output = done.stderr.decode(errors="replace")
    n_runs = re.search(r"number_of_executed_units: (\d+)", output)
    peak = re.search(r"peak_rss_mb: (\d+)", output)
    words = f"{n_runs[1]} inputs" if n_runs else "no count"
    words += f", {peak[1]} MB at most" if peak else ""
    print(f"fuzz: {name:<13} {words}{'' if done.returncode == 0 else ', FAILED'}", flush=True)
    if done.returncode:
        print(output[-3000:])
    return done.returncode == 0


def _is_quick(name: str) -> bool:
    """Whether every header that was kept is read in time; a pause of the machine is forgiven."""
    slowest = 0.0
    for path in sorted((FOLDER / "corpus" / name).iterdir()):
        data = path.read_bytes()
        slowest = max(slowest, min(_seconds(name, data) for _ in range(2)))
    print(f"fuzz: {name:<13} {slowest * 1000:.1f} ms for the slowest header")
    return slowest <= _MAX_HEADER_S


def _seconds(name: str, data: bytes) -> float:
    begun = time.process_time()
    TARGETS[name](data)
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
