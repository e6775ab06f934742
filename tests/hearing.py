"""A listener that remembers."""

from __future__ import annotations

from emixcli.progress import ProgressListener


class Heard(ProgressListener):
    """What was told of progress, in order: stages with totals, steps as "more", sizes as "all"."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int | None]] = []

    def stage(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        self.told.append((f"{name} {unit}", total))

    def advance(self, n: int) -> None:
        self.told.append(("more", n))

    def resize(self, total: int) -> None:
        self.told.append(("all", total))
