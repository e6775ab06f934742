"""How the benchmarks measure: time, processor time and memory of whole process trees."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program: seconds on the clock, seconds of processor, peak memory in bytes."""

    wall_s: float
    cpu_s: float
    peak: int
    stdout: str
    stderr: str


def run(command: Sequence[str | Path], *, env: dict[str, str] | None = None, **kwargs: Any) -> Run:
    """Run a program to its end; raises where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
        **kwargs,
    )
    watch = _Memory(process.pid)
    before = os.times()
    stdout, stderr = process.communicate()
    wall = time.perf_counter() - start
    after = os.times()
    watch.stop()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed with {process.returncode}: {stderr[-800:]}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Run(wall, cpu, watch.peak, stdout, stderr)


def best(n: int, action: Callable[[], Run]) -> Run:
    """Return the fastest of n runs, with the highest peak of all of them.

    The machine is shared: noise only adds to time, and short lives of processes may be missed.
    """
    runs = [action() for _ in range(n)]
    fastest = min(runs, key=lambda done: done.wall_s)
    return replace(fastest, peak=max(done.peak for done in runs))


def median_cpu_ms(n: int, action: Callable[[], Run]) -> float:
    """Return the median processor time of n runs in milliseconds."""
    return statistics.median(action().cpu_s for _ in range(n)) * 1000


def cpu_of(pid: int) -> float:
    """Return the processor time of a running process in seconds, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> int:
    """Return the peak resident set of a running process in bytes."""
    return _high_water(pid)


class _Memory:
    """Adds up VmHWM (peak resident set) of a process and its children, sampled every 20 ms."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peaks: dict[int, int] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def peak(self) -> int:
        return sum(self._peaks.values())

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            for pid in _tree(self._pid):
                peak = _high_water(pid)
                if peak:
                    self._peaks[pid] = peak


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                text = (task / "children").read_text("ascii")
                found += [int(child) for child in text.split()]
        except OSError:
            continue
    return found


def _high_water(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
