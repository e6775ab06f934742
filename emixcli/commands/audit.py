"""`emix audit`: what happened at the exchange, for administrators and auditors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Quiet, Verbose, number

if TYPE_CHECKING:
    from emixcli.exchange.auditing import AuditFilter
    from emixcli.services.audit import Entry, Verified
    from emixcli.services.auditexport import Counted

app = typer.Typer(help="Read, check and export the audit trail.")

EXAMPLES = {
    "list": "emix audit list --action share --since 2026-03-01",
    "verify": "emix audit verify",
    "export": "emix audit export -o trail.jsonl",
}

Action = Annotated[
    str,
    typer.Option("--action", metavar="A", help="Such as share.opened, or share for all of them."),
]
Actor = Annotated[
    str,
    typer.Option(
        "--actor", metavar="ID", help="Who: an account's address or id, recipient, exchange."
    ),
]
Subject = Annotated[
    str, typer.Option("--subject", metavar="ID", help="What about: a package, share or account.")
]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="From this date or time on, with it.")
]
Until = Annotated[
    str, typer.Option("--until", metavar="TIME", help="Before this date or time, without it.")
]
After = Annotated[int, number("--after", low=0, help="Only rows with a higher number.")]


@app.command("list")
def list_(
    *,
    action: Action = "",
    actor: Actor = "",
    subject: Subject = "",
    since: Since = "",
    until: Until = "",
    after: After = 0,
    limit: Annotated[int, number("--limit", low=1, help="Show at most N rows.")] = 100,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """List rows, oldest first; --after N shows what follows."""
    from emixcli.commands._exchange import access, first_of
    from emixcli.exchange.connect import connect
    from emixcli.services.audit import iter_entries
    from emixcli.ui import console, output

    wanted = _filter(action, actor, subject, (since, until), after)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    page_size = min(limit + 1, 1000)
    entries, more = first_of(iter_entries(exchange, wanted, page_size=page_size), limit)
    if json:
        rows = [entry.as_json() for entry in entries]
        output.write_json({"schema": "emix.audit-list/1", "rows": rows, "more": more})
        return
    if not entries:
        console.note("no rows")
        return
    head = ("row", "time", "who", "action", "about", "details")
    output.write_table([_cells(entry) for entry in entries], head=head)
    if more:
        console.note(f"there are more: --after {entries[-1].row.seq}")


def _filter(
    action: str, actor: str, subject: str, span: tuple[str, str], after: int
) -> AuditFilter:
    from emixcli.exchange.auditing import AuditFilter
    from emixcli.services.audit import moment_of

    return AuditFilter(action, actor, subject, moment_of(span[0]), moment_of(span[1]), after)


def _cells(entry: Entry) -> tuple[str, ...]:
    from emixcli.ui.times import time_text

    row = entry.row
    details = " ".join(f"{name}={value}" for name, value in entry.detail.items() if value)
    who, about = entry.name_of(row.actor), entry.name_of(row.subject)
    return str(row.seq), time_text(entry.at), who, row.action, about, details


@app.command("verify")
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="An export as JSON Lines, not the exchange."),
    ] = None,
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Recompute the whole chain here, and compare it with what this machine saw before.

    Finds rows that were changed, removed, added or moved, also at the end, and names the first.
    Ends with 86 then.
    """
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.services.audit import verify_audit, verify_file

    if file is not None:
        _show_verified(verify_file(file), json=json, of_file=True)
        return
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    _show_verified(verify_audit(exchange), json=json, of_file=False)


def _show_verified(found: Verified, *, json: bool, of_file: bool) -> None:
    from emixcli.ui import console, output

    if json:
        document = {
            "schema": "emix.audit-verify/1",
            "organisation_id": found.organisation_id,
            "rows": found.seq,
            "head": found.hash,
            "remembered": found.remembered or None,
        }
        output.write_json(document)
        return
    output.write_line(f"{found.seq} rows, none changed, missing or added; head {found.hash}")
    if of_file:
        console.note("a file does not tell whether rows followed: emix audit verify asks")
    elif not found.remembered:
        console.note("first time here: from now on this machine knows if rows vanish at the end")


Syslog = Annotated[
    str, typer.Option("--syslog", metavar="HOST:PORT", help="Send DICOM messages by syslog (TLS).")
]
SyslogCa = Annotated[
    Path | None,
    typer.Option("--syslog-ca", metavar="FILE", help="The authority of the syslog server."),
]
SyslogCert = Annotated[
    Path | None,
    typer.Option("--syslog-cert", metavar="FILE", help="Own certificate and key, as PEM."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write here, not to the terminal."),
]
Format = Annotated[
    str, typer.Option("--format", metavar="F", help="jsonl, or dicom: PS3.15 A.5, one a line.")
]


@app.command("export")
def export(
    *,
    output: Output = None,
    format_: Format = "jsonl",
    syslog: Syslog = "",
    syslog_ca: SyslogCa = None,
    syslog_cert: SyslogCert = None,
    action: Action = "",
    since: Since = "",
    until: Until = "",
    after: After = 0,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Write rows as JSON Lines or as DICOM audit messages, or send these by syslog over TLS.

    The number of the last row is told: --after N goes on from there.
    """
    del verbose  # handled by its callback
    from emixcli.commands._exchange import access
    from emixcli.errors import UsageError
    from emixcli.exchange.connect import connect
    from emixcli.services.audit import iter_entries
    from emixcli.services.auditexport import FORMATS, Counted, send_syslog
    from emixcli.services.syslog import SyslogTarget, parse_target

    if format_ not in FORMATS:
        raise UsageError(
            "--format is jsonl or dicom",
            hint="jsonl is one JSON object a line, dicom one XML message a row",
        )
    if syslog and output is not None:
        raise UsageError("either --output or --syslog", hint="leave one of them out")
    if json and output is None and not syslog:
        raise UsageError("--json tells what was exported", hint="give -o FILE or --syslog")
    wanted = _filter(action, "", "", (since, until), after)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    counted = Counted(iter_entries(exchange, wanted), after)
    if syslog:
        target = SyslogTarget(*parse_target(syslog), syslog_ca, syslog_cert)
        send_syslog(counted, target, exchange.url)
    else:
        _write(counted, format_, exchange.url, output)
    _tell_exported(counted, output, json=json, quiet=quiet)


def _write(counted: Counted, form: str, url: str, path: Path | None) -> None:
    from emixcli.services.auditexport import iter_lines, write_lines
    from emixcli.ui import output

    lines = iter_lines(counted, form, url)
    if path is not None:
        write_lines(lines, path)
        return
    for line in lines:
        output.write_line(line)


def _tell_exported(counted: Counted, path: Path | None, *, json: bool, quiet: bool) -> None:
    from emixcli.ui import console, output

    if json:
        document: dict[str, Any] = {
            "schema": "emix.audit-export/1",
            "rows": counted.n,
            "last": counted.last,
            "file": None if path is None else str(path),
        }
        output.write_json(document)
    else:
        console.note(f"{counted.n} rows; the last is {counted.last}", quiet=quiet)
