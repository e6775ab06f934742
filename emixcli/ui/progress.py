"""Progress on standard error: a bar on a terminal, a line every 10 s elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from emixcli.progress import SILENT, ProgressListener
from emixcli.ui import console
from emixcli.ui.output import visible
from emixcli.words import size_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_INTERVAL_S = 10.0
#: How many stages are shown at a time; older ones are over.
_SHOWN = 4


@contextlib.contextmanager
def progress(quiet: bool = False) -> Iterator[ProgressListener]:  # noqa: FBT001, FBT002 - contract
    """Give a listener that shows what a service does, until the block ends.

    Parameters
    ----------
    quiet
        True gives a listener that shows nothing.
    """
    if quiet or console.is_for_script():
        yield SILENT
    elif console.is_drawable():
        with _BarListener() as listener:
            yield listener
    else:
        plain = _LineListener()
        yield plain
        plain.finish()


def _rate(rate: float) -> str:
    """Return a rate that is not `0` while something goes on."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"


class _LineListener(ProgressListener):
    """One line when a stage begins to take long, and every 10 s."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._name = ""
        self._total: int | None = None
        self._unit = "bytes"
        self._done = 0
        self._begun = self._shown = time.monotonic()

    def stage(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        with self._lock:
            self._name, self._total, self._unit = name, total, unit
            self._done = 0
            self._begun = self._shown = time.monotonic()

    def advance(self, n: int) -> None:
        with self._lock:
            self._done += n
            now = time.monotonic()
            if now - self._shown >= LINE_INTERVAL_S:
                self._shown = now
                self._show(now)

    def resize(self, total: int) -> None:
        with self._lock:
            self._total = total

    def note(self, text: str) -> None:
        console.note(text)

    def finish(self) -> None:
        with self._lock:
            if self._shown > self._begun:
                self._show(time.monotonic())

    def _show(self, now: float) -> None:
        rate = self._done / max(now - self._begun, 1e-3)
        if self._unit == "bytes":
            amount, speed = size_text(self._done), f"{size_text(rate)}/s"
        else:
            amount, speed = f"{self._done} {self._unit}", f"{_rate(rate)} {self._unit}/s"
        share = ""
        if self._total:
            left_s = (self._total - self._done) / rate if rate else 0.0
            share = f" ({100 * self._done / self._total:.0f} %, {left_s:.0f} s left)"
        console.note(f"{self._name}: {amount}{share}, {speed}")


class _BarListener(ProgressListener):
    """A bar with rate and time left, one line per stage."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop()

    def stage(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        with self._lock:
            if self._progress is not None and self._task is not None:
                task = next(one for one in self._progress.tasks if one.id == self._task)
                if task.total is None:
                    self._progress.update(self._task, total=task.completed)
            if self._progress is None:
                self._progress = _make_bar()
                self._progress.start()
            amount = "" if unit == "bytes" else unit
            for task_id in self._progress.task_ids[: -_SHOWN + 1]:  # a batch has thousands
                self._progress.remove_task(task_id)
            self._task = self._progress.add_task(name, total=total, unit=amount)

    def advance(self, n: int) -> None:
        with self._lock:
            if self._progress is not None and self._task is not None:
                self._progress.advance(self._task, n)

    def resize(self, total: int) -> None:
        with self._lock:
            if self._progress is not None and self._task is not None:
                self._progress.update(self._task, total=total)

    def note(self, text: str) -> None:
        if self._progress is None:
            console.note(text)
        else:
            from rich.text import Text

            self._progress.console.print(Text(visible(text)))

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _make_bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Amount(ProgressColumn):
        """Done, total and rate in bytes or in the stage's own unit."""

        def render(self, task: Task) -> Text:
            unit = task.fields["unit"]
            speed = task.speed or 0.0
            if not task.completed and not task.total:
                return Text()  # a stage that tells no amounts
            if unit:
                total = "" if task.total is None else f"/{task.total:.0f}"
                pace = f", {_rate(speed)}/s" if speed else ""
                return Text(f"{task.completed:.0f}{total} {unit}{pace}")
            total = "" if task.total is None else f" of {size_text(task.total)}"
            pace = f", {size_text(speed)}/s" if speed else ""
            return Text(f"{size_text(task.completed)}{total}{pace}")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        Amount(),
        TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False, markup=False),
        transient=True,
    )
