"""`emix batch`: many sends from a list."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Quiet, Verbose, number

if TYPE_CHECKING:
    from emixcli.exchange.connect import Access
    from emixcli.progress import ProgressListener
    from emixcli.services.batch import Batch, Outcome
    from emixcli.services.batch_file import BadRow, Row
    from emixcli.services.deidentify import Deidentification

app = typer.Typer(help="Send many studies from a list.")

EXAMPLES = {
    "check": "emix batch check sends.csv",
    "run": "emix batch run sends.csv --codes-out codes.csv",
}

BatchFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV with a header, or JSON Lines (.jsonl).")
]


@app.command("check")
def check(
    file: BatchFile,
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Read every row and everything it names, and tell all errors at once; sends nothing.

    Ends with 3 where a row cannot be sent.
    """
    del verbose  # handled by its callback
    from emixcli.commands._exchange import access
    from emixcli.services.batch_file import read_batch
    from emixcli.ui.progress import progress

    rows = read_batch(file)
    batch = _batch(
        access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout), profile
    )
    with progress(quiet) as listener:
        outcomes = batch.check(rows, listener)
    _show(outcomes, json=json)
    _require_all(outcomes, "cannot be sent", hint="mend the list and check it again")


CodesOut = Annotated[
    Path,
    typer.Option(
        "--codes-out", metavar="FILE", help="Write access codes to FILE, as CSV, mode 0600."
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", help="Add a line of JSON for each step to FILE."),
]
Failures = Annotated[
    Path | None,
    typer.Option(
        "--failures", metavar="FILE", help="Write rows that failed to FILE, to be run again."
    ),
]
Jobs = Annotated[int, number("--jobs", low=1, high=32, help="Send N rows at a time.")]
PerMinute = Annotated[
    int | None,
    number("--per-minute", low=1, help="Begin at most N sends in a minute."),
]
Wait = Annotated[
    float,
    number(
        "--wait",
        low=0,
        kind=float,
        metavar="SECONDS",
        help="Go on trying for so long where the exchange does not answer.",
    ),
]
WatchFolder = Annotated[
    Path | None,
    typer.Option(
        "--watch", metavar="DIR", help="Send what comes into DIR; the sources are folders in it."
    ),
]
QuietFor = Annotated[
    float,
    number(
        "--quiet-for",
        low=0,
        kind=float,
        metavar="SECONDS",
        help="With --watch: an export is complete then.",
    ),
]
Once = Annotated[
    bool, typer.Option("--once", help="With --watch: end when all that is there has been taken.")
]


@dataclass(frozen=True, kw_only=True)
class _Manner:
    """How a batch is run, and where it writes."""

    file: Path
    codes_out: Path
    log: Path | None
    failures: Path | None
    jobs: int
    per_minute: int | None
    wait: float
    watch: Path | None
    quiet_for: float
    once: bool


@app.command("run")
def run(
    file: BatchFile,
    *,
    codes_out: CodesOut,
    log: LogFile = None,
    failures: Failures = None,
    jobs: Jobs = 1,
    per_minute: PerMinute = None,
    wait: Wait = 300.0,
    watch: WatchFolder = None,
    quiet_for: QuietFor = 60.0,
    once: Once = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Send every row of a list; one that fails does not stop the others.

    Run again, also after it was killed, it goes on where it was, and sends nothing twice. New
    recipients must stand a second time in the column confirm_to. Where the exchange asks to wait,
    it waits. Ends with 3 where rows failed.

    With --watch the sources are folders in DIR to which a PACS or a modality exports. What has been
    quiet there for a while is sent and moved to DIR/emix-sent, or DIR/emix-failed with the reason.
    """
    del verbose  # handled by its callback
    from emixcli.commands._exchange import access

    manner = _Manner(
        file=file, codes_out=codes_out, log=log, failures=failures, jobs=jobs, wait=wait,
        per_minute=per_minute, watch=watch, quiet_for=quiet_for, once=once,
    )  # fmt: skip
    how = access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout)
    outcomes = _run(manner, how, profile, quiet=quiet)
    _show(outcomes, json=json)
    again = "run the batch again when it is mended: nothing goes twice"
    moved = "emix-failed in the watched folder has them: mend them, and move them back"
    _require_all(outcomes, "failed", hint=again if watch is None else moved)


def _run(manner: _Manner, how: Access, profile: str | None, *, quiet: bool) -> list[Outcome]:
    from emixcli.errors import UsageError
    from emixcli.services.batch_file import read_batch, write_failures
    from emixcli.services.targets import check_new
    from emixcli.ui.progress import progress

    if manner.once and manner.watch is None:
        raise UsageError("--once goes with --watch", hint="give --watch DIR, or leave it out")
    check_new(manner.failures)
    rows = read_batch(manner.file)
    with _open_batch(how, profile, manner) as batch, progress(quiet) as listener:
        if manner.watch is not None:
            outcomes = _watch(batch, rows, manner, listener)
        else:
            outcomes = batch.run(rows, jobs=manner.jobs, progress=listener)
    failed = [(one.row.fields, one.error) for one in outcomes if one.error is not None]
    if manner.failures is not None and failed:
        write_failures(manner.failures, failed, folder=manner.file.parent)
    return outcomes


def _watch(
    batch: Batch, rows: Sequence[Row | BadRow], manner: _Manner, listener: ProgressListener
) -> list[Outcome]:
    import time

    from emixcli.errors import UsageError
    from emixcli.services.batch_file import BadRow
    from emixcli.services.hot_folder import HotFolder
    from emixcli.services.watch import Watch

    if manner.failures is not None:
        raise UsageError("--failures does not go with --watch", hint="see DIR/emix-failed")
    routes = []
    for row in rows:
        if isinstance(row, BadRow):
            raise row.error
        routes.append(row)
    folder = HotFolder(Path(str(manner.watch)), routes, quiet_s=manner.quiet_for)
    if not manner.once:
        listener.note("watching; Ctrl-C ends it")

    def tell(one: Outcome) -> None:
        if not manner.once:
            listener.note(_text(one))

    watch = Watch(
        batch, folder, on_outcome=tell, sleep=time.sleep,
        poll_s=min(max(manner.quiet_for / 4, 0.2), 5.0),
        jobs=manner.jobs, progress=listener,
    )  # fmt: skip
    return watch.run(once=manner.once)


@contextlib.contextmanager
def _open_batch(how: Access, profile: str | None, manner: _Manner) -> Iterator[Batch]:
    from dataclasses import replace

    from emixcli.services.batch_output import Codes, Log
    from emixcli.services.pace import Pace

    batch = _batch(how, profile)
    log = manner.log
    with contextlib.ExitStack() as stack:
        codes = stack.enter_context(contextlib.closing(Codes(manner.codes_out)))
        steps = stack.enter_context(contextlib.closing(Log(log))) if log is not None else None
        pace = Pace(manner.per_minute, wait_s=manner.wait)
        yield replace(batch, codes=codes, log=steps, pace=pace)


def _batch(how: Access, profile: str | None) -> Batch:
    from emixcli.exchange.connect import connect
    from emixcli.services.batch import Batch
    from emixcli.services.planning import find_sender

    exchange = connect(how)
    account = exchange.account()
    return Batch(exchange, account, find_sender(account, profile=profile), _how_of)


def _how_of(row: Row) -> Deidentification | None:
    from emixcli.commands import _deid as deid

    return deid.Anonymizing(row.anonymize, row.deid_options).find()


def _show(outcomes: Sequence[Outcome], *, json: bool) -> None:
    from emixcli.ui import output

    counts = _count(outcomes)
    if json:
        rows = [one.as_json() for one in outcomes]
        output.write_json({"schema": "emix.batch/1", "counts": counts, "rows": rows})
        return
    for one in outcomes:
        output.write_line(_text(one))
    some = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
    output.write_line(some or "nothing to send")


def _text(one: Outcome) -> str:
    name = f"row {one.row.number}{f' ({one.row.ref})' if one.row.ref else ''}"
    if one.error is None:
        return f"{name}: {one.state} {one.package_id}".rstrip()
    return f"{name}: {one.error.message} [{one.error.id}]\n    {one.error.hint}"


def _count(outcomes: Sequence[Outcome]) -> dict[str, int]:
    counts = dict.fromkeys(("sent", "already", "ready", "failed"), 0)
    for one in outcomes:
        counts[one.state] += 1
    return counts


def _require_all(outcomes: Sequence[Outcome], words: str, *, hint: str) -> None:
    """Raise where a row failed.

    Raises
    ------
    PartialError
        With how many.
    """
    from emixcli.errors import PartialError

    n = sum(one.error is not None for one in outcomes)
    if n:
        raise PartialError(
            f"{n} of {len(outcomes)} rows {words}", hint=f"the list says why; {hint}"
        )
