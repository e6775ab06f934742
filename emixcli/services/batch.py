"""Many sends in one go: each once, none lost, whatever is killed when.

Each row is a send of its own with its own journal (`emixcli.services.send`), found again by what
is sent and to whom, not by the row or the name of the batch: a batch that is run again goes on
where it was, and what was sent is not sent twice.
"""

from __future__ import annotations

import csv
import datetime
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emixcli.container.sink import output_error
from emixcli.errors import (
    EmixError,
    ExchangeError,
    ExchangeServerError,
    ExchangeTimeoutError,
    ExchangeTlsError,
    OutputError,
    OutputExistsError,
    RecipientUnconfirmedError,
    UploadInterruptedError,
)
from emixcli.progress import SILENT, ProgressListener
from emixcli.services import send as service
from emixcli.services.batch_file import BadRow, Row
from emixcli.services.planning import plan_selection
from emixcli.services.selection import Selection
from emixcli.services.share import NewShare, is_confirmed

if TYPE_CHECKING:
    from emixcli.exchange.interface import Account, Exchange
    from emixcli.package import Sender
    from emixcli.services.deidentify import Deidentification

_CODES_HEAD: Final = ("row", "ref", "recipient", "code")

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


class Codes:
    """The access codes of a batch, in a file that only its owner reads: row, ref, address, code.

    A code is there before its row is said to be done.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        try:
            handle = os.open(path, flags, 0o600)
        except OSError as exc:
            raise output_error(exc) from exc
        self._file = os.fdopen(handle, "r+", encoding="utf-8", newline="")
        try:
            self._known = self._read_known(path)
        except BaseException:
            self._file.close()
            raise

    def _read_known(self, path: Path) -> set[tuple[str, ...]]:
        """Return the lines of an earlier run; any other file is left alone."""
        if os.name == "posix" and os.fstat(self._file.fileno()).st_mode & 0o077:
            raise OutputError(
                f"{path.name} may be read by others", hint=f"chmod 600 {path.name}, or another name"
            )
        lines = [tuple(line) for line in csv.reader(self._file)]
        if not lines:
            self._write(_CODES_HEAD)
        elif lines[0] != _CODES_HEAD:
            raise OutputExistsError(
                f"{path.name} exists and holds no access codes", hint="choose another --codes-out"
            )
        return set(lines)

    def add(self, row: Row, new: NewShare) -> None:
        """Note a code, unless it stands there."""
        line = (str(row.number), row.ref, new.share.recipient, new.code)
        if line in self._known:
            return
        self._known.add(line)
        self._write(line)

    def _write(self, line: tuple[str, ...]) -> None:
        try:
            csv.writer(self._file).writerow(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as exc:
            raise output_error(exc) from exc

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Log:
    """The journal of a batch for people and scripts: a JSON object for each step, written at once.

    Without names, addresses and codes.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as exc:
            raise OutputError(
                "the journal of the batch cannot be written", hint="choose another --log"
            ) from exc

    def note(self, step: str, **fields: Any) -> None:
        """Write a line and make it durable."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = json.dumps({"time": now, "step": step, **fields}, ensure_ascii=False)
        try:
            self._file.write(line.encode(errors="replace") + b"\n")
            os.fsync(self._file.fileno())
        except OSError as exc:
            raise output_error(exc) from exc

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(frozen=True)
class Batch:
    """An exchange, an account, and where codes and steps are written."""

    exchange: Exchange
    account: Account
    sender: Sender
    how_of: HowOf
    codes: Codes | None = None
    log: Log | None = None

    def check(
        self, rows: Sequence[Row | BadRow], progress: ProgressListener = SILENT
    ) -> list[Outcome]:
        """Plan every row, all errors at once; sends nothing."""
        return [self._guarded(row, lambda good: self._plan(good, progress)) for row in rows]

    def run(
        self,
        rows: Sequence[Row | BadRow],
        *,
        progress: ProgressListener = SILENT,
        on_outcome: Callable[[Outcome], object] = lambda _outcome: None,
    ) -> list[Outcome]:
        """Send every row; one that fails does not stop the others, an exchange that is away does.

        Raises
        ------
        ExchangeError
            The exchange does not answer: the same batch goes on later.
        OutputError
            Codes or journal cannot be written: nothing more is sent.
        """
        outcomes = []
        for row in rows:
            self._note("begin", row=row.number, ref=row.ref)
            outcome = self._guarded(row, lambda good: self._send(good, progress))
            self._note("end", **outcome.as_json())
            on_outcome(outcome)
            outcomes.append(outcome)
            if outcome.error is not None and _concerns_all(outcome.error):
                raise outcome.error
        return outcomes

    def _guarded(self, row: Row | BadRow, act: Callable[[Row], Outcome]) -> Outcome:
        if isinstance(row, BadRow):
            return Outcome(row, "failed", error=row.error)
        try:
            return act(row)
        except EmixError as error:
            return Outcome(row, "failed", error=error)

    def _note(self, step: str, **fields: Any) -> None:
        if self.log is not None:
            self.log.note(step, **fields)

    def _selection(self, row: Row) -> Selection:
        return Selection(
            paths=row.sources, patients=row.patients, studies=row.studies, reports=row.reports,
            accept_reports=row.accept_report, deidentification=self.how_of(row),
        )  # fmt: skip

    def _plan(self, row: Row, progress: ProgressListener) -> Outcome:
        _, plan = plan_selection(self._selection(row), self.sender, progress=progress)
        if not all(is_confirmed(self.exchange, row.order, to) for to in row.order.recipients):
            raise RecipientUnconfirmedError(
                "a recipient is new here and not confirmed",
                hint="type the address a second time, in the column confirm_to",
            )
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


def _concerns_all(error: EmixError) -> bool:
    """Whether an error says that the next row would fail as well."""
    stops = (
        ExchangeTlsError, ExchangeTimeoutError, ExchangeServerError, UploadInterruptedError,
        OutputError,
    )  # fmt: skip
    return type(error) is ExchangeError or isinstance(error, stops)
