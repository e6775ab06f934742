"""Move the fragments in changelog.d/ into CHANGELOG.md: `python3 tools/changelog.py 0.2.0`."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("added", "changed", "fixed", "removed", "security")
MARK = "<!-- releases -->\n"


def collect(folder: Path) -> dict[str, list[str]]:
    """Return the lines of all fragments by kind, in order of their numbers."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    names = sorted(
        folder.glob("*.*.md"), key=lambda path: (int(path.name.split(".")[0]), path.name)
    )
    for path in names:
        number, kind, _suffix = path.name.split(".")
        if kind not in found:
            sys.exit(f"{path.name}: the kind is one of {', '.join(KINDS)}")
        lines = path.read_text("utf-8").strip().splitlines()
        found[kind] += [f"- {line.removeprefix('- ')} (#{number})" for line in lines]
    return found


def section(version: str, entries: dict[str, list[str]], *, day: datetime.date) -> str:
    """Return the text of one release."""
    parts = [f"## {version} ({day.isoformat()})\n"]
    for kind, lines in entries.items():
        if lines:
            parts.append(f"### {kind.capitalize()}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def main(argv: list[str]) -> int:
    """Write the release and remove its fragments."""
    if len(argv) != 1:
        print(__doc__)
        return 2
    folder, changelog = ROOT / "changelog.d", ROOT / "CHANGELOG.md"
    today = datetime.datetime.now(datetime.UTC).date()
    text = section(argv[0], collect(folder), day=today)
    before, after = changelog.read_text("utf-8").split(MARK)
    changelog.write_text(f"{before}{MARK}\n{text}{after}", "utf-8", newline="\n")
    for path in folder.glob("*.*.md"):
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
