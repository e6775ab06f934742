"""`python3 dev.py bench [ROW…]`: measure, and write docs/benchmarks.md.

    python3 dev.py bench             every row
    python3 dev.py bench scan pack   these rows
    python3 dev.py bench --list      the rows and their budgets
    python3 dev.py bench --dry scan  measure and print, write nothing
    python3 dev.py bench --small …   a tenth of the data: for a look, never written
    python3 dev.py bench --alone …   at real-time priority, as root: other work of the machine waits

Data is made in .tools/bench and kept for the next run.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.bench import report
from tests.bench.rows import ROWS, Bench


def main(arguments: Sequence[str]) -> int:
    """Run the rows that were asked for; return 1 where one failed or missed its budget."""
    options = {argument for argument in arguments if argument.startswith("-")}
    names = [argument for argument in arguments if not argument.startswith("-")]
    if options - {"--list", "--dry", "--small", "--alone"} or set(names) - set(ROWS):
        print(__doc__)
        print("rows:", " ".join(ROWS))
        return 2
    if "--list" in options:
        for name, row in ROWS.items():
            print(f"{name:<12} {row.what}: {row.budget}")
        return 0
    if "--alone" in options:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(5))
    bench = Bench(report.ROOT / ".tools" / "bench", small="--small" in options)
    _keep_bytecode(bench.folder)
    results, failed = report.load(), False
    for name in names or ROWS:
        try:
            result = ROWS[name].measure(bench)
        except Exception:  # noqa: BLE001  (the next row shall still be measured)
            traceback.print_exc()
            failed = True
            continue
        failed |= not result.holds
        print(f"{name:<12} {result.value}  (budget {result.budget})", flush=True)
        for key, value in result.details.items():
            print(f"{'':<12} {key}: {value}")
        if not options & {"--dry", "--small"}:
            results[name] = result
            report.save(results, list(ROWS))
    return 1 if failed else 0


def _keep_bytecode(folder: Path) -> None:
    """Let programs start as they do when installed: Python compiles them once, not each time."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main(sys.argv[1:]))
