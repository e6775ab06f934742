"""Sends what comes into a hot folder, one export after the other, for as long as it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emixcli.errors import EmixError, ExchangeError, PatientMismatchError
from emixcli.media.scan import scan_media
from emixcli.progress import SILENT, ProgressListener

if TYPE_CHECKING:
    from emixcli.services.batch import Batch, Outcome
    from emixcli.services.batch_file import Row
    from emixcli.services.hot_folder import Export, HotFolder


@dataclass(frozen=True)
class Watch:
    """A hot folder and the batch that sends what comes into it."""

    batch: Batch
    folder: HotFolder
    sleep: Callable[[float], object]
    poll_s: float
    jobs: int = 1
    progress: ProgressListener = SILENT
    on_outcome: Callable[[Outcome], object] = lambda _outcome: None

    def run(self, *, once: bool = False) -> list[Outcome]:
        """Send for ever; or until the folders are empty, and return what became of all.

        Raises
        ------
        ExchangeError
            The exchange is away, and this runs once.
        OutputError
            Codes or journal cannot be written, or nothing can be moved.
        """
        outcomes: list[Outcome] = []
        while True:
            found = self.folder.ready()
            if once:
                outcomes += self._round(found)
                if self.folder.is_empty:
                    return outcomes
            else:
                self._patient_round(found)
            self.sleep(self.poll_s)

    def _patient_round(self, found: list[Export]) -> None:
        try:
            self._round(found)
        except ExchangeError as error:
            self.progress.note(f"{error.message}; what has not gone stays in the folder")

    def _round(self, found: list[Export]) -> list[Outcome]:
        """Send the exports, and move each once all of it has gone or was refused."""
        rows = [replace(one.route, sources=one.sources) for one in found]
        outcomes: list[Outcome] = []
        # By identity: several exports of one route are rows with the same number.
        by_row = {id(one.row): one for one in self._sent(rows)}
        for export, row in zip(found, rows, strict=True):
            mine = self._divided(by_row[id(row)], row)
            errors = [one.error for one in mine if one.error is not None]
            package_id = next((one.package_id for one in mine if one.package_id), "")
            self.folder.move(export, package_id=package_id, errors=errors)
            outcomes += mine
            for one in mine:
                self.on_outcome(one)
        return outcomes

    def _sent(self, rows: list[Row]) -> list[Outcome]:
        return self.batch.run(rows, jobs=self.jobs, progress=self.progress) if rows else []

    def _divided(self, outcome: Outcome, row: Row) -> list[Outcome]:
        """Send each patient of an export that holds several alone."""
        if not isinstance(outcome.error, PatientMismatchError):
            return [outcome]
        try:
            patients = {one.text("PatientID") for one in scan_media(row.sources).patients}
        except EmixError:
            return [outcome]
        if len(patients) < 2:
            return [outcome]
        return self._sent([replace(row, patients=(one,)) for one in sorted(patients)])
