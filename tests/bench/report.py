"""Results: kept in docs/benchmarks.json, shown in docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- results: written by python3 dev.py bench -->", "<!-- end of results -->"


def machine() -> str:
    """Return processor, cores, memory, system and Python, and the load as it was."""
    model = platform.processor() or platform.machine()
    memory = ""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
        total = Path("/proc/meminfo").read_text("ascii").split()[1]
        memory = f", {int(total) / 1e6:.0f} GB"
    except OSError:
        pass
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    if hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) == os.SCHED_RR:
        load += ", at real-time priority"
    python = f"Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores{memory}, {platform.system()}, {python}{load}"


@dataclass(frozen=True, slots=True)
class Result:
    """What one row measured.

    `value` is the figure that the budget is about, in words (`23.1x`); `details` are the figures
    it was made of.
    """

    name: str
    what: str
    budget: str
    value: str
    holds: bool
    command: str
    details: dict[str, str] = field(default_factory=dict)
    taken: str = field(default_factory=lambda: time.strftime("%Y-%m-%d"))
    machine: str = field(default_factory=machine)


def load() -> dict[str, Result]:
    """Return what was measured before, by name."""
    if not STORE.exists():
        return {}
    return {row["name"]: Result(**row) for row in json.loads(STORE.read_text("utf-8"))}


def save(results: dict[str, Result], order: list[str]) -> None:
    """Write results and page; rows that were not measured this time stay as they were."""
    rows = [results[name] for name in order if name in results]
    STORE.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")
    text = PAGE.read_text("utf-8")
    head, _, rest = text.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    PAGE.write_text(f"{head}{_BEGIN}\n\n{_table(rows)}\n{_END}{tail}", "utf-8")


def _table(rows: list[Result]) -> str:
    lines = ["| row | what | budget | measured | holds |", "|---|---|---|---|---|"]
    for row in rows:
        holds = "yes" if row.holds else "**no**"
        lines.append(f"| `{row.name}` | {row.what} | {row.budget} | {row.value} | {holds} |")
    lines.append("")
    for row in rows:
        lines += [f"### {row.name}", "", f"`{row.command}`", ""]
        lines += [f"- {key}: {value}" for key, value in row.details.items()]
        lines += [f"- taken {row.taken} on {row.machine}", ""]
    return "\n".join(lines)
