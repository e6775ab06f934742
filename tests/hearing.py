"""A listener that remembers."""

from __future__ import annotations

from emixcli.progress import ProgressListener


class Heard(ProgressListener):
    """What was told of progress, in order: stages with their totals, and steps as "more"."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int | None]] = []

    def stage(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        self.told.append((f"{name} {unit}", total))

    def advance(self, n: int) -> None:
        self.told.append(("more", n))
