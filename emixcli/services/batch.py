"""Many sends in one go: each once, none lost, whatever is killed when.

Each row is a send of its own with its own journal (`emixcli.services.send`), found again by what
is sent and to whom, not by the row or the name of the batch: a batch that is run again goes on
where it was, and what was sent is not sent twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emixcli.errors import (
    EmixError,
    ExchangeError,
    ExchangeServerError,
    ExchangeTimeoutError,
    ExchangeTlsError,
    OutputError,
    UploadInterruptedError,
)
from emixcli.guard.decision import Action
from emixcli.progress import SILENT, ProgressListener
from emixcli.services import send as service
from emixcli.services.batch_file import COLUMNS, BadRow, Row
from emixcli.services.crew import Crew
from emixcli.services.journal import JournalBusyError
from emixcli.services.pace import Pace
from emixcli.services.planning import plan_selection
from emixcli.services.recipients import judge_recipients
from emixcli.services.selection import Selection

if TYPE_CHECKING:
    from emixcli.exchange.interface import Account, Exchange
    from emixcli.package import Sender
    from emixcli.services.batch_output import Codes, Log
    from emixcli.services.deid_reports import Policy
    from emixcli.services.deidentify import Deidentification
    from emixcli.services.share import NewShare

_OPTION = re.compile(r"(?<!\w)--([a-z][a-z-]+)")


class NotesOnly(ProgressListener):
    """Passes notes on, and nothing of stages, which several sends would mix up."""

    def __init__(self, listener: ProgressListener) -> None:
        self._listener = listener

    def note(self, text: str) -> None:
        """Tell the user one line."""
        self._listener.note(text)


class RowStages(NotesOnly):
    """Passes on what one send does, with the row that it is of."""

    def __init__(self, listener: ProgressListener, row: Row | BadRow) -> None:
        super().__init__(listener)
        self._row = f"row {row.number}"

    def stage(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        """Begin a stage."""
        self._listener.stage(f"{self._row}: {name}", total, unit)

    def advance(self, n: int) -> None:
        """Report more as done."""
        self._listener.advance(n)

    def resize(self, total: int) -> None:
        """Tell how large the stage is."""
        self._listener.resize(total)


HowOf = Callable[[Row], "Deidentification | None"]


@dataclass(frozen=True)
class Outcome:
    """What became of a row.

    `state` is "sent", "already" (by an earlier run), "ready" (of a check) or "failed"; `error` is
    there where it failed.
    """

    row: Row | BadRow
    state: str
    package_id: str = ""
    share_ids: tuple[str, ...] = ()
    counts: Mapping[str, int] | None = None
    error: EmixError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it without names and addresses."""
        found: dict[str, Any] = {"row": self.row.number, "ref": self.row.ref, "state": self.state}
        if self.package_id:
            found |= {"package_id": self.package_id, "share_ids": list(self.share_ids)}
        if self.counts:
            found["counts"] = dict(self.counts)
        if self.error is not None:
            found |= {
                "error": self.error.id, "message": self.error.message, "hint": self.error.hint
            }  # fmt: skip
        return found


@dataclass(frozen=True)
class Batch:
    """An exchange, an account, and where codes and steps are written."""

    exchange: Exchange
    account: Account
    sender: Sender
    how_of: HowOf
    codes: Codes | None = None
    log: Log | None = None
    pace: Pace = field(default_factory=Pace)

    def check(
        self, rows: Sequence[Row | BadRow], progress: ProgressListener = SILENT
    ) -> list[Outcome]:
        """Plan every row, all errors at once; sends nothing."""
        return [self._guarded(row, lambda good: self._plan(good, progress)) for row in rows]

    def run(
        self,
        rows: Sequence[Row | BadRow],
        *,
        jobs: int = 1,
        progress: ProgressListener = SILENT,
        on_outcome: Callable[[Outcome], object] = lambda _outcome: None,
    ) -> list[Outcome]:
        """Send every row; one that fails does not stop the others, an exchange that is away does.

        Parameters
        ----------
        rows
            In the order in which they begin.
        jobs
            How many are sent at a time.
        progress
            Hears what each row does, or how many have ended where several are sent at a time.
        on_outcome
            Hears of each row when it ends.

        Raises
        ------
        ExchangeError
            The exchange does not answer: the same batch goes on later.
        OutputError
            Codes or journal cannot be written: nothing more is sent.
        """
        if jobs > 1:
            progress.stage("sending", len(rows), "rows")
        outcomes: list[Outcome] = []
        again: list[Row | BadRow] = []
        stopped: EmixError | None = None
        crew = Crew(rows, lambda row: self._run_row(row, _heard(progress, row, jobs)), jobs)
        for outcome in crew.results():
            if jobs > 1:
                progress.advance(1)
            if isinstance(outcome.error, JournalBusyError) and jobs > 1:
                # The same send stands in another row: once that is over, it was sent already.
                again.append(outcome.row)
                continue
            self._end(outcome, outcomes, on_outcome)
            if outcome.error is not None and _concerns_all(outcome.error):
                stopped = stopped or outcome.error
                crew.stop()
        if stopped is not None:
            raise stopped
        for row in again:
            self._end(self._run_row(row, _heard(progress, row, jobs)), outcomes, on_outcome)
        return sorted(outcomes, key=lambda one: one.row.number)

    def _run_row(self, row: Row | BadRow, progress: ProgressListener) -> Outcome:
        self._note("begin", row=row.number, ref=row.ref)
        return self._guarded(row, lambda good: self._persist(good, progress))

    def _end(
        self, outcome: Outcome, outcomes: list[Outcome], on_outcome: Callable[[Outcome], object]
    ) -> None:
        self._note("end", **outcome.as_json())
        on_outcome(outcome)
        outcomes.append(outcome)

    def _persist(self, row: Row, progress: ProgressListener) -> Outcome:
        """Send a row, again and again while the exchange is away or asks to wait."""
        waited_s = 0.0
        while True:
            self.pace.begin()
            try:
                return self._send(row, progress)
            except EmixError as error:
                wait_s = self.pace.wait_for(error, waited_s)
                if wait_s is None:
                    raise
                self._note("wait", row=row.number, ref=row.ref, seconds=wait_s, error=error.id)
                progress.note(f"row {row.number}: {error.message}; going on in {wait_s:.0f} s")
                waited_s += wait_s
                self.pace.hold(wait_s)

    def _guarded(self, row: Row | BadRow, act: Callable[[Row], Outcome]) -> Outcome:
        if isinstance(row, BadRow):
            return _failed(row, row.error)
        try:
            return act(row)
        except EmixError as error:
            return _failed(row, error)

    def _note(self, step: str, **fields: Any) -> None:
        if self.log is not None:
            self.log.note(step, **fields)

    def _selection(self, row: Row) -> Selection:
        return Selection(
            paths=row.sources, patients=row.patients, studies=row.studies, reports=row.reports,
            accept_reports=row.accept_report, deidentification=self.how_of(row),
            report_policy=_policy() if row.has_copies else None,
        )  # fmt: skip

    def _plan(self, row: Row, progress: ProgressListener) -> Outcome:
        for one in judge_recipients(self.exchange, row.order):
            if one.action is not Action.OK:
                again = "type the address a second time, in the column confirm_to"
                raise one.as_error(again if one.action is Action.CONFIRM else "")
        _, plan = plan_selection(self._selection(row), self.sender, progress=progress)
        return Outcome(row, "ready", counts=plan.counts)

    def _send(self, row: Row, progress: ProgressListener) -> Outcome:
        with service.prepared(
            self._selection(row), row.order, self.exchange,
            account=self.account, sender=self.sender, progress=progress,
        ) as sending:  # fmt: skip
            result = self._send_once(row, sending, progress)
        if result.refused:
            raise result.refused[0].error
        return Outcome(
            row,
            "already" if result.already else "sent",
            result.package_id,
            tuple(new.share.share_id for new in result.shares),
            result.counts,
        )

    def _send_once(
        self, row: Row, sending: service.Sending, progress: ProgressListener
    ) -> service.SendResult:
        if sending.earlier is not None:
            for new in sending.earlier.shares:
                self._keep(row, new)
            return sending.earlier
        hooks = service.Hooks(progress, lambda new: self._keep(row, new))
        result = service.send(sending, self.exchange, row.order, hooks=hooks)
        if not result.refused:
            service.finish(sending)
        return result

    def _keep(self, row: Row, new: NewShare) -> None:
        if self.codes is not None:
            self.codes.add(row, new)


def _failed(row: Row | BadRow, error: EmixError) -> Outcome:
    error.hint = in_columns(error.hint)
    return Outcome(row, "failed", error=error)


def in_columns(hint: str) -> str:
    """Return a hint of `emix send` in the words of a batch: columns in place of its options.

    A clause that names an option for which there is no column is left out.
    """
    told = [_OPTION.sub(_column, clause) for clause in hint.split("; ")]
    kept = [one for one in told if "emix " in one or not _OPTION.search(one)]
    return "; ".join(kept) or hint


def _column(option: re.Match[str]) -> str:
    name = option[1].replace("-", "_")
    return f"the column {name}" if name in COLUMNS else option[0]


def _heard(progress: ProgressListener, row: Row | BadRow, jobs: int) -> ProgressListener:
    return RowStages(progress, row) if jobs == 1 else NotesOnly(progress)


def _concerns_all(error: EmixError) -> bool:
    """Whether an error says that the next row would fail as well."""
    stops = (
        ExchangeTlsError, ExchangeTimeoutError, ExchangeServerError, UploadInterruptedError,
        OutputError,
    )  # fmt: skip
    return type(error) is ExchangeError or isinstance(error, stops)


def _policy() -> Policy:
    from emixcli.services.deid_reports import structured  # half a second: pydicom

    return structured()
