"""`emix send`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._exchange import CaFile, ConfirmTo, Hold, Purpose, TimeOut, To, TokenFile
from emixcli.commands._options import (
    CodeOut,
    DryRun,
    Json,
    NoInput,
    Profile,
    Quiet,
    Verbose,
    Yes,
)

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange
    from emixcli.package import PackagePlan, Sender
    from emixcli.services.send import Choice, Sending, SendResult
    from emixcli.services.share import NewShare, ShareOrder


def command(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Folders, ZIP files, disc images or files.")
    ],
    *,
    to: To,
    purpose: Purpose,
    confirm_to: ConfirmTo = None,
    hold: Hold = None,
    report: Annotated[
        list[Path] | None,
        typer.Option("--report", metavar="FILE", help="A report to add; several times."),
    ] = None,
    patient: Annotated[
        list[str] | None,
        typer.Option("--patient", metavar="N|ID", help="Send this patient; several times."),
    ] = None,
    study: Annotated[
        list[str] | None,
        typer.Option("--study", metavar="N|UID", help="Send this study; several times."),
    ] = None,
    all_patients: Annotated[
        bool,
        typer.Option("--all-patients", help="Send everything although it is of several patients."),
    ] = False,
    code_out: CodeOut = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send anew although the same was sent before.")
    ] = False,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    yes: Yes = False,
    no_input: NoInput = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Read, check, encrypt, upload and share in one stream.

    Each recipient gets a mail with a link, and an access code of their own that is shown here
    once: give it by telephone. What cannot be read is told before anything is sent and listed in
    the result, and the command then ends with 3. Stopped at any moment, the same command goes on
    where it was; given once more after it is done, it sends nothing twice.
    """
    del verbose
    from emixcli.commands._exchange import access, check_code_out
    from emixcli.exchange.connect import connect
    from emixcli.services import send as service
    from emixcli.services.share import ShareOrder, check_order
    from emixcli.ui.progress import progress

    order = check_order(ShareOrder(tuple(to), purpose, hold, frozenset(confirm_to or ())))
    selection = service.Selection(
        paths=paths,
        patients=patient or (),
        studies=study or (),
        all_patients=all_patients,
        reports=report or (),
    )
    if dry_run:
        _dry_run(selection, order, profile, json=json, quiet=quiet)
        return
    check_code_out(code_out, json=json, resumed=True)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    account = exchange.account()
    with progress(quiet) as listener:
        choice = service.choose(selection, progress=listener)
    sender = _sender(profile, account.name, account.organisation)
    key = service.request_key(choice, order, url=exchange.url, account=account, sender=sender)
    result = _run(
        choice, order, exchange, sender, key,
        code_out=code_out, again=again, json=json, yes=yes, no_input=no_input, quiet=quiet,
    )  # fmt: skip
    _show(result, choice, json=json)


def _run(
    choice: Choice,
    order: ShareOrder,
    exchange: HttpExchange,
    sender: Sender,
    key: str,
    *,
    code_out: Path | None,
    again: bool,
    json: bool,
    yes: bool,
    no_input: bool,
    quiet: bool,
) -> SendResult:
    from emixcli.commands._exchange import check_code_out, confirmed_addresses, hand_over
    from emixcli.container.identity import load_identity
    from emixcli.services import send as service
    from emixcli.services.journal import Journal
    from emixcli.services.share import proven_addresses
    from emixcli.ui import prompts
    from emixcli.ui.progress import progress

    made: list[NewShare] = []
    with Journal("send", key) as journal:
        try:
            sending = service.prepare(
                choice, journal, sender=sender, identity=load_identity(), again=again
            )
            earlier = service.find_sent(sending, exchange)
            if earlier is not None:
                hand_over(earlier.shares, code_out)
                return earlier
            check_code_out(code_out, json=json, resumed=sending.resumed)
            _describe(sending.plan, choice, order)
            prompts.confirm(_question(sending, order), yes=yes, no_input=no_input)
            if prompts.is_interactive():
                proven = proven_addresses(exchange)
                order = replace(
                    order,
                    confirmed=confirmed_addresses(
                        order.recipients, list(order.confirmed), proven=proven, no_input=no_input
                    ),
                )
            try:
                with progress(quiet) as listener:
                    hooks = service.Hooks(listener, made.append)
                    result = service.send(sending, exchange, order, hooks=hooks)
            finally:
                hand_over(made, code_out)
            service.finish(sending)
            return result
        finally:
            if not journal.records:
                journal.remove()


def _sender(profile: str | None, name: str, organisation: str) -> Sender:
    """Return who sends: the settings, else what the exchange says of the account."""
    from emixcli import config
    from emixcli.package import Sender

    settings = config.load(profile)
    return Sender(settings.sender_name or name, settings.organisation or organisation)


def _describe(plan: PackagePlan, choice: Choice, order: ShareOrder) -> None:
    """Say what will be sent to whom, and what is wrong with it."""
    from emixcli.ui import console
    from emixcli.ui.progress import size_text

    names = ("patients", "studies", "series", "instances", "documents")
    counts = ", ".join(f"{plan.counts[name]} {name}" for name in names)
    console.note(f"{counts}; at most {size_text(plan.size_bound)}")
    console.note(f"to {', '.join(order.recipients)} for {order.purpose}")
    for finding in choice.scanned.findings:
        console.note(f"{finding.severity} {finding.code} ({finding.count}): {finding.why}")
    if choice.n_reports_left_out:
        console.note(
            f"{choice.n_reports_left_out} reports on the medium are left out: they may be of"
            " another patient; add them with --report"
        )


def _question(sending: Sending, order: ShareOrder) -> str:
    """Return the question that ends with yes; it says so where data is missing."""
    choice = sending.choice
    n_bad = len(choice.scanned.unreadable)
    bad = f" although {n_bad} files could not be read" if n_bad else ""
    people = "1 recipient" if len(order.recipients) == 1 else f"{len(order.recipients)} recipients"
    return f"send this to {people}{bad}?"


def _dry_run(
    selection: Any, order: ShareOrder, profile: str | None, *, json: bool, quiet: bool
) -> None:
    from emixcli.container.index import findings_json
    from emixcli.package import plan_package
    from emixcli.services import send as service
    from emixcli.ui import output
    from emixcli.ui.progress import progress

    with progress(quiet) as listener:
        choice = service.choose(selection, progress=listener)
        plan = plan_package(
            choice.file_set, reports=choice.reports, sender=_sender(profile, "", "")
        )
    if not json:
        _describe(plan, choice, order)
        output.write_line("nothing was sent")
        return
    output.write_json(
        {
            "schema": "emix.send/1",
            "dry_run": True,
            "package_id": None,
            "size_bound": plan.size_bound,
            "counts": dict(plan.counts),
            "recipients": list(order.recipients),
            "purpose": order.purpose,
            "hold_s": order.hold_s,
            "reports_left_out": choice.n_reports_left_out,
            "unreadable": len(choice.scanned.unreadable),
            "findings": findings_json(choice.scanned.findings),
            "shares": [],
            "losses": [],
        }
    )


def _show(result: SendResult, choice: Choice, *, json: bool) -> None:
    from emixcli.commands._exchange import show_shares
    from emixcli.errors import PartialError
    from emixcli.ui import console, output

    shares = [new.share for new in result.shares]
    if json:
        output.write_json(_document(result, choice))
    else:
        show_shares(shares)
        if result.already:
            console.note("this was sent before; nothing was sent again (--again sends it anew)")
        console.note(f"package {result.package_id}, {result.size} bytes")
    n_unreadable = len(choice.scanned.unreadable)
    if result.n_lost or n_unreadable:
        raise PartialError(
            f"sent, but {result.n_lost} objects are not in the package and {n_unreadable} files on"
            " the medium could not be read whole",
            hint="emix scan lists them; ask for a new copy of the medium",
        )


def _document(result: SendResult, choice: Choice) -> dict[str, Any]:
    from emixcli.commands._exchange import share_json
    from emixcli.container.index import findings_json

    return {
        "schema": "emix.send/1",
        "package_id": result.package_id,
        "size": result.size,
        "counts": result.counts,
        "losses": result.losses,
        "documents_lost": result.documents_lost,
        "reports_left_out": choice.n_reports_left_out,
        "unreadable": len(choice.scanned.unreadable),
        "findings": findings_json(choice.scanned.findings),
        "already_sent": result.already,
        "parts": result.n_parts,
        "parts_kept": result.n_skipped,
        "shares": [share_json(new.share) for new in result.shares],
    }
