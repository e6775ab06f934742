"""What `emix send` says: the plan, the question, the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emixcli.package import PackagePlan
    from emixcli.services.selection import Choice
    from emixcli.services.send import Sending, SendResult
    from emixcli.services.share import ShareOrder


def describe(plan: PackagePlan, choice: Choice, order: ShareOrder) -> None:
    """Say what will be sent to whom, and what is wrong with it."""
    from emixcli.commands._media import counts_text, note_left_out
    from emixcli.ui import console
    from emixcli.ui.progress import size_text

    console.note(f"{counts_text(plan.counts)}; at most {size_text(plan.size_bound)}")
    console.note(f"to {', '.join(order.recipients)} for {order.purpose}")
    for finding in choice.scanned.findings:
        console.note(f"{finding.severity} {finding.code} ({finding.count}): {finding.why}")
    note_left_out(choice)


def question(sending: Sending, order: ShareOrder) -> str:
    """Return the question that ends with yes; it says so where data is missing."""
    choice = sending.choice
    n_bad = len(choice.scanned.unreadable)
    bad = f" although {n_bad} files could not be read" if n_bad else ""
    people = "1 recipient" if len(order.recipients) == 1 else f"{len(order.recipients)} recipients"
    return f"send this to {people}{bad}?"


def show(result: SendResult, choice: Choice, *, json: bool) -> None:
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
    from emixcli.ui.progress import size_text

    if json:
        output.write_json(_document(result, choice))
    else:
        show_shares([new.share for new in result.shares])
        if result.already:
            console.note("this was sent before; nothing was sent again (--again sends it anew)")
        console.note(f"package {result.package_id}, {size_text(result.size)}")
    require_all(result.shares, result.refused)
    require_whole("sent", result, choice)


def _document(result: SendResult, choice: Choice) -> dict[str, Any]:
    from emixcli.commands._exchange import share_json
    from emixcli.commands._media import choice_json, made_json
    from emixcli.commands._sharing import refused_json

    return {
        "schema": "emix.send/1",
        **made_json(result),
        **choice_json(choice),
        "already_sent": result.already,
        "parts": result.n_parts,
        "parts_kept": result.n_skipped,
        "shares": [share_json(new.share) for new in result.shares],
        "refused": refused_json(result.refused),
    }
