"""What `emix send` says: the plan, the question, the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emixcli.commands._deid import Anonymizing
    from emixcli.package import PackagePlan
    from emixcli.services.selection import Choice
    from emixcli.services.send import Sending, SendResult
    from emixcli.services.share import ShareOrder

_MAX_NAMED = 3


def describe(plan: PackagePlan, choice: Choice, order: ShareOrder) -> None:
    """Say what will be sent to whom, and what is wrong with it.

    The patients are named on a terminal only: elsewhere standard error ends in a log.
    """
    import sys

    from emixcli.commands._deid import note_second_look
    from emixcli.commands._media import counts_text, note_left_out, note_reports
    from emixcli.media.report import plan_lines
    from emixcli.ui import console
    from emixcli.words import size_text

    if sys.stderr.isatty():
        for line in plan_lines(choice.file_set):
            console.note(line.replace("\n", " "))
    console.note(f"{counts_text(plan.counts)}; at most {size_text(plan.size_bound)}")
    console.note(f"to {', '.join(order.recipients)} for {order.purpose}{_terms(order)}")
    for finding in choice.scanned.findings:
        console.note(f"{finding.severity} {finding.code} ({finding.count}): {finding.why}")
    note_second_look(choice.deid_report, where="it")
    note_reports(plan)
    note_left_out(choice)


def _terms(order: ShareOrder) -> str:
    """Return how often, how long and how fast, where it was said."""
    from emixcli.words import some

    terms = []
    if order.max_opens is not None:
        terms.append(f"{some(order.max_opens, 'opening')} each")
    if order.expires_s is not None:
        days, rest = divmod(order.expires_s, 86400)
        terms.append(f"for {some(rest // 3600 + days * 24, 'hour') if rest else some(days, 'day')}")
    if order.urgent:
        terms.append("urgent")
    return f"; {', '.join(terms)}" if terms else ""


def ask(sending: Sending, order: ShareOrder, *, yes: bool, no_input: bool) -> None:
    """Ask whether to send; the question names the patient, and says so where data is missing.

    Raises
    ------
    DeclinedError
        The answer is no, or nobody can be asked.
    """
    from emixcli.commands._media import missing_text
    from emixcli.media.report import patient_title
    from emixcli.ui import prompts
    from emixcli.words import some

    counts, file_set = sending.plan.counts, sending.choice.file_set
    people = list(order.recipients)
    to = ", ".join(people) if len(people) <= _MAX_NAMED else f"{len(people)} recipients"
    what = f"({some(counts['studies'], 'study')}, {some(counts['instances'], 'image')})"
    missing = missing_text(sending.choice)
    although = f" although {missing}" if missing else ""
    plain = f"send this {what} to {some(len(people), 'recipient')}{although}?"
    question = f"send {patient_title(file_set)} {what} to {to}{although}?"
    prompts.confirm(question, yes=yes, no_input=no_input, plain=plain)


def show(result: SendResult, choice: Choice, *, told: Anonymizing, json: bool) -> None:
    """Show what was sent.

    Raises
    ------
    PartialError
        Not everything, or not to everybody.
    """
    from emixcli.commands._exchange import show_shares
    from emixcli.commands._media import require_whole
    from emixcli.commands._sharing import require_all
    from emixcli.ui import console, output
    from emixcli.words import size_text

    if json:
        output.write_json(_document(result, choice, told))
    else:
        show_shares([new.share for new in result.shares])
        if result.already:
            console.note("this was sent before; nothing was sent again (--again sends it anew)")
        console.note(f"package {result.package_id}, {size_text(result.size)}")
    require_all(result.shares, result.refused)
    require_whole("sent", result, choice)


def _document(result: SendResult, choice: Choice, told: Anonymizing) -> dict[str, Any]:
    from emixcli.commands._exchange import share_json
    from emixcli.commands._media import choice_json, made_json
    from emixcli.commands._sharing import refused_json

    return {
        "schema": "emix.send/1",
        **made_json(result),
        **choice_json(choice),
        **told.as_json(),
        "already_sent": result.already,
        "parts": result.n_parts,
        "parts_kept": result.n_skipped,
        "shares": [share_json(new.share) for new in result.shares],
        "refused": refused_json(result.refused),
    }
