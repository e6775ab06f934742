"""`emix batch`: many sends from a list."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Quiet

if TYPE_CHECKING:
    from emixcli.exchange.connect import Access
    from emixcli.services.batch import Batch, Outcome
    from emixcli.services.batch_file import Row
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
) -> None:
    """Read every row and everything it names, and tell all errors at once; sends nothing.

    Ends with 3 where a row cannot be sent.
    """
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
    _require_all(outcomes, "cannot be sent")


@app.command("run")
def run(
    file: BatchFile,
    *,
    codes_out: Annotated[
        Path,
        typer.Option(
            "--codes-out", metavar="FILE", help="Write access codes to FILE, as CSV, mode 0600."
        ),
    ],
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Add a line of JSON for each step to FILE."),
    ] = None,
    failures: Annotated[
        Path | None,
        typer.Option(
            "--failures", metavar="FILE", help="Write rows that failed to FILE, to be run again."
        ),
    ] = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Send every row of a list; one that fails does not stop the others.

    Run again, also after it was killed, it goes on where it was, and sends nothing twice. New
    recipients must stand a second time in the column confirm_to. Ends with 3 where rows failed.
    """
    from emixcli.commands._exchange import access
    from emixcli.services.batch_file import read_batch, write_failures
    from emixcli.services.selection import check_new
    from emixcli.ui.progress import progress

    check_new(failures)
    rows = read_batch(file)
    how = access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout)
    with _open_batch(how, profile, codes_out, log) as batch, progress(quiet) as listener:
        outcomes = batch.run(rows, progress=listener)
    failed = [one for one in outcomes if one.error is not None]
    if failures is not None and failed:
        write_failures(failures, [(one.row.fields, one.error) for one in failed if one.error])
    _show(outcomes, json=json)
    _require_all(outcomes, "failed")


@contextlib.contextmanager
def _open_batch(
    how: Access, profile: str | None, codes_out: Path, log: Path | None
) -> Iterator[Batch]:
    from dataclasses import replace

    from emixcli.services.batch import Codes, Log

    batch = _batch(how, profile)
    with contextlib.ExitStack() as stack:
        codes = stack.enter_context(contextlib.closing(Codes(codes_out)))
        steps = stack.enter_context(contextlib.closing(Log(log))) if log is not None else None
        yield replace(batch, codes=codes, log=steps)


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
        name = f"row {one.row.number}{f' ({one.row.ref})' if one.row.ref else ''}"
        if one.error is None:
            output.write_line(f"{name}: {one.state} {one.package_id}".rstrip())
        else:
            output.write_line(f"{name}: {one.error.message} [{one.error.id}]")
            output.write_line(f"    {one.error.hint}")
    output.write_line(", ".join(f"{n} {state}" for state, n in counts.items() if n))


def _count(outcomes: Sequence[Outcome]) -> dict[str, int]:
    counts = dict.fromkeys(("sent", "already", "ready", "failed"), 0)
    for one in outcomes:
        counts[one.state] += 1
    return counts


def _require_all(outcomes: Sequence[Outcome], words: str) -> None:
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
            f"{n} of {len(outcomes)} rows {words}",
            hint="the list says why; run the batch again when it is mended: nothing goes twice",
        )
