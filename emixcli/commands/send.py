"""`emix send`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands import _deid as deid
from emixcli.commands import _deid_key as keyed
from emixcli.commands import _deid_reports as review
from emixcli.commands._exchange import (
    AcceptDifference,
    CaFile,
    ConfirmTo,
    Expires,
    ForRequest,
    Hold,
    MaxDownloads,
    OptionalPurpose,
    OptionalTo,
    TimeOut,
    TokenFile,
    Urgent,
)
from emixcli.commands._media import AcceptReport, AllPatients, Paths, Patients, Reports, Studies
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
    from emixcli.exchange.connect import Access
    from emixcli.exchange.interface import Exchange
    from emixcli.services.answer import Answer
    from emixcli.services.selection import Selection
    from emixcli.services.send import Sending, SendResult
    from emixcli.services.share import NewShare, ShareOrder

Again = Annotated[
    bool, typer.Option("--again", help="Send anew although the same was sent before.")
]


@dataclass(frozen=True)
class _Manner:
    """How to talk with whoever called, and where the codes go."""

    profile: str | None
    code_out: Path | None
    again: bool
    json: bool
    yes: bool
    no_input: bool
    quiet: bool
    told: deid.Anonymizing
    answer: Answer | None


def command(
    paths: Paths,
    *,
    to: OptionalTo = None,
    purpose: OptionalPurpose = None,
    for_request: ForRequest = "",
    accept_difference: AcceptDifference = False,
    confirm_to: ConfirmTo = None, hold: Hold = None,
    max_downloads: MaxDownloads = None, expires: Expires = "", urgent: Urgent = False,
    report: Reports = None, accept_report: AcceptReport = "",
    patient: Patients = None, study: Studies = None,
    all_patients: AllPatients = False,
    anonymize: deid.Anonymize = False,
    deid_option: deid.DeidOptions = None,
    key_file: keyed.KeyFileAfterAnonymize = None,
    key: keyed.KeptKey = None,
    new_key: keyed.NewKey = None,
    table: keyed.Table = None,
    table_passphrase_file: keyed.TablePassphrase = None,
    deid_rules: deid.DeidRules = None,
    accept_risk: deid.AcceptRisk = None, anonymize_report: deid.DeidReport = None,
    reports: review.ReportsMode = "", reviewer: review.Reviewer = "",
    review_out: review.ReviewOut = None, reviewed: review.Reviewed = "",
    code_out: CodeOut = None,
    again: Again = False,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False, yes: Yes = False, no_input: NoInput = False,
    quiet: Quiet = False, verbose: Verbose = 0,
) -> None:  # fmt: skip
    """Read, check, encrypt, upload and share in one stream.

    Each recipient gets a mail with a link, and an access code that is shown here once: give it by
    telephone. Where something cannot be read, or some recipients are refused, it ends with 3.
    Stopped at any moment, the same command goes on where it was; done, it sends nothing twice.
    """
    del verbose
    from emixcli.commands._answering import find_answer, find_order
    from emixcli.commands._exchange import access
    from emixcli.services.selection import Selection
    from emixcli.services.share import with_terms

    how = access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout)
    answer = find_answer(for_request, how, accepted=accept_difference)
    order = find_order(answer, to, purpose, hold_s=hold, confirmed=confirm_to)
    order = with_terms(order, max_opens=max_downloads, expires=expires, urgent=urgent)
    keys = keyed.Keys(key_file, key, new_key, table, table_passphrase_file)
    told = deid.Anonymizing(anonymize, deid_option, deid_rules, accept_risk, keys, anonymize_report)
    selection = Selection(
        paths=paths, patients=patient or (), studies=study or (), all_patients=all_patients,
        reports=report or (), accept_reports=accept_report, check=answer.check if answer else None,
        report_policy=review.Way(reports, reviewer, review_out, reviewed).find(anonymize, no_input),
        deidentification=told.find(paths, dry_run=dry_run),
    )  # fmt: skip
    manner = _Manner(profile, code_out, again, json, yes, no_input, quiet, told, answer)
    run = _dry_run if dry_run else _send
    run(selection, order, how, manner)


def _send(selection: Selection, order: ShareOrder, how: Access, manner: _Manner) -> None:
    from emixcli.commands._sending import show
    from emixcli.commands._sharing import check_code_out
    from emixcli.exchange.connect import connect
    from emixcli.services import send as service
    from emixcli.services.planning import find_sender
    from emixcli.services.targets import check_outside
    from emixcli.ui.progress import progress

    check_code_out(manner.code_out, json=manner.json, resumed=True)
    check_outside(manner.code_out, selection.paths)
    exchange = connect(how)
    account = exchange.account()
    sender = find_sender(account, profile=manner.profile)
    with contextlib.ExitStack() as stack:
        with progress(manner.quiet) as listener:
            sending = stack.enter_context(
                service.prepared(
                    selection, order, exchange,
                    account=account, sender=sender, again=manner.again, progress=listener,
                )
            )  # fmt: skip
        result = _run(sending, order, exchange, manner)
        choice = sending.choice
    show(result, choice, told=manner.told, json=manner.json)


def _run(sending: Sending, order: ShareOrder, exchange: Exchange, manner: _Manner) -> SendResult:
    """Ask, send, hand over the codes; nothing is asked where an earlier run has done it all."""
    from emixcli.commands._answering import confirm_differences
    from emixcli.commands._sending import ask, describe
    from emixcli.commands._sharing import (
        check_code_out,
        confirm_addresses,
        hand_over,
        judge_order,
        warn_of_kept,
    )
    from emixcli.services import send as service
    from emixcli.ui.progress import progress

    named = len(order.recipients) > 1
    if sending.earlier is not None:
        manner.told.require_kept()
        warn_of_kept(order, sending.journal)
        with manner.told.written(sending.choice):
            hand_over(sending.earlier.shares, manner.code_out, named=named)
        return sending.earlier
    check_code_out(manner.code_out, json=manner.json, resumed=sending.resumed)
    describe(sending.plan, sending.choice, order)
    confirm_differences(manner.answer, no_input=manner.no_input)
    judged = judge_order(exchange, order, sending.journal, no_input=manner.no_input)
    ask(sending, order, yes=manner.yes, no_input=manner.no_input)
    order = confirm_addresses(order, judged, no_input=manner.no_input)
    made: list[NewShare] = []
    try:
        with manner.told.written(sending.choice), progress(manner.quiet) as listener:
            hooks = service.Hooks(listener, made.append)
            result = service.send(sending, exchange, order, hooks=hooks)
    finally:
        hand_over(made, manner.code_out, named=named)
    if not result.refused:
        service.finish(sending)
    return result


def _dry_run(selection: Selection, order: ShareOrder, how: Access, manner: _Manner) -> None:
    from emixcli.commands._media import choice_json, plan_json
    from emixcli.commands._sending import describe
    from emixcli.commands._sharing import foreseen_json, show_foreseen
    from emixcli.services.planning import find_sender, plan_selection
    from emixcli.services.recipients import foresee
    from emixcli.ui import output
    from emixcli.ui.progress import progress

    with progress(manner.quiet) as listener:
        sender = find_sender(profile=manner.profile)
        choice, plan = plan_selection(selection, sender, progress=listener)
    differences = manner.answer.differences if manner.answer else []
    foreseen = foresee(order, how)
    if not manner.json:
        describe(plan, choice, order)
        for text in differences:
            output.write_line(f"differs from the request: {text}")
        output.write_line("nothing was sent")
        show_foreseen(order, foreseen)
        return
    document = {
        "schema": "emix.send/1",
        **plan_json(plan),
        "recipients": list(order.recipients),
        "purpose": order.purpose,
        "hold_s": order.hold_s,
        "request_id": order.request_id or None,
        "differences": differences,
        **choice_json(choice),
        **foreseen_json(foreseen),
        "shares": [],
    }
    output.write_json(document)
    show_foreseen(order, foreseen, quiet=True)
