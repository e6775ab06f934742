"""Where the benchmarks work, and how much data they take."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMIX = (sys.executable, "-m", "emixcli")


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmark: its folder, and whether it is a small one."""

    folder: Path
    small: bool = False

    def n(self, full: int) -> int:
        """Return a count, a tenth of it in a small run."""
        return max(1, full // 10) if self.small else full

    def place(self, name: str) -> Path:
        """Return a path in the working folder; small and full runs do not share data."""
        path = self.folder / ("small" if self.small else "full") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def peers_python(folder: Path) -> Path:
    """Return the Python of an environment with the peers of requirements/bench.txt."""
    locked = ROOT / "requirements" / "bench.txt"
    folder /= f"peers-{hashlib.sha256(locked.read_bytes()).hexdigest()[:8]}"
    python = folder / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv") or ROOT / ".tools" / "bin" / "uv"
        subprocess.run([uv, "venv", "-q", folder], check=True)
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", python, "--require-hashes", "-r", locked],
            check=True,
        )
    return python
