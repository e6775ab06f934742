"""What `emix send` and `emix share` do alike: ask for addresses twice, hand over access codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emixcli.exchange.interface import Exchange
    from emixcli.services.journal import Journal
    from emixcli.services.recipients import Foreseen, Judged
    from emixcli.services.share import NewShare, Refusal, ShareOrder


def warn_of_kept(order: ShareOrder, journal: Journal) -> None:
    """Say whose share is there already and does not get the limits that are asked for now."""
    from emixcli.services.share import kept_terms
    from emixcli.ui import console

    for email in kept_terms(journal, order):
        console.warn(
            f"{email} has a share from before, which keeps its own limits;"
            " to change them: emix revoke SHARE_ID, then send again"
        )


def judge_order(
    exchange: Exchange, order: ShareOrder, journal: Journal, *, no_input: bool
) -> list[Judged]:
    """Return what may happen with the recipients, asked before anything is uploaded.

    Raises
    ------
    RecipientUnconfirmedError
        Nobody could get anything; on a terminal, where one address is refused.
    """
    from emixcli.services.recipients import judge_recipients, require_possible
    from emixcli.ui import prompts

    warn_of_kept(order, journal)
    judged = judge_recipients(exchange, order, journal)
    require_possible(order, judged, each=not no_input and prompts.is_interactive())
    return judged


def confirm_addresses(order: ShareOrder, judged: Sequence[Judged], *, no_input: bool) -> ShareOrder:
    """Return the order with new addresses typed a second time, where a person sits there.

    Raises
    ------
    RecipientUnconfirmedError
        The second time it was another one.
    """
    from emixcli.errors import RecipientUnconfirmedError
    from emixcli.guard.decision import Action
    from emixcli.mailaddress import address_key
    from emixcli.ui import console, prompts

    if no_input or not prompts.is_interactive():
        return order
    confirmed = set(order.confirmed)
    for one in judged:
        if one.action is not Action.CONFIRM:
            continue
        if one.decision.reason != "address.new":
            console.warn(one.decision.message)
        typed = prompts.ask(
            f"{one.email} is new: type the address again", option="--confirm-to ADDR"
        )
        if address_key(typed) != address_key(one.email):
            raise RecipientUnconfirmedError(
                "the two addresses differ; nothing was sent",
                hint="start the command again with the right address",
            )
        confirmed.add(address_key(one.email))
    return replace(order, confirmed=frozenset(confirmed))


def foreseen_json(foreseen: Foreseen) -> dict[str, Any]:
    """Return what a plan says of its recipients."""
    found = [
        {
            "recipient": one.email,
            "action": one.action,
            "reason": one.decision.reason,
            "message": one.decision.message,
            "hint": one.decision.hint,
            "meant": one.decision.meant or None,
        }
        for one in foreseen.recipients
    ]
    return {"judged": found, "judged_by": foreseen.judge, "contacts_of": foreseen.as_of or None}


def show_foreseen(order: ShareOrder, foreseen: Foreseen, *, quiet: bool = False) -> None:
    """Say what would become of the recipients.

    Raises
    ------
    RecipientUnconfirmedError
        Nobody would get anything, however often the address is typed.
    """
    from emixcli.guard.decision import Action
    from emixcli.services.recipients import require_possible
    from emixcli.ui import console
    from emixcli.ui.times import time_text

    if foreseen.judge == "cache":
        when = time_text(foreseen.as_of)
        console.note(f"exchange not asked: judged by the contacts of {when}", quiet=quiet)
    elif foreseen.judge == "nothing":
        console.note("exchange not asked: contacts are not known here", quiet=quiet)
    for one in foreseen.recipients:
        if one.action is not Action.OK:
            console.note(f"{one.email}: {one.decision.message}", quiet=quiet)
    require_possible(order, foreseen.recipients, each=True)


def check_code_out(code_out: Path | None, *, json: bool, resumed: bool = False) -> None:
    """Refuse early where the access codes could not be handed over.

    Raises
    ------
    UsageError
        With `--json` there is no other place for them.
    OutputExistsError
        The file exists, and not from an earlier run of the same command.
    """
    from emixcli.errors import OutputError, OutputExistsError, UsageError

    if code_out is None:
        if json:
            raise UsageError(
                "a generated access code is never in JSON", hint="give --code-out FILE for it"
            )
        return
    if code_out.is_symlink() or (code_out.exists() and not resumed):
        raise OutputExistsError(
            "the file for the access code exists already", hint="choose another name for --code-out"
        )
    if not code_out.parent.is_dir():
        raise OutputError("the folder for the access code does not exist", hint="make it first")


def hand_over(made: Sequence[NewShare], code_out: Path | None, *, named: bool) -> None:
    """Show each access code once, or write them to a file.

    Parameters
    ----------
    made
        Nothing is done where it is empty.
    code_out
        The file; the terminal where None.
    named
        Whether a line holds an address and its code, or one code alone.
    """
    from emixcli.services.secret_file import replace_secret
    from emixcli.ui import console
    from emixcli.words import some

    for new in made:
        if not new.code:
            console.note(f"{new.share.recipient} needs no access code: sealed for their key")
    coded = [new for new in made if new.code]
    if not coded:
        return
    if code_out is not None:
        lines = [f"{new.share.recipient} {new.code}" if named else new.code for new in coded]
        replace_secret(code_out, "\n".join(lines))
        console.note(f"{some(len(coded), 'access code')} in {code_out}")
        return
    for new in coded:
        console.note(f"access code for {new.share.recipient}: {new.code}")
    console.note("Give each code to its recipient by telephone, never by mail.")


def refused_json(refused: Sequence[Refusal]) -> list[dict[str, Any]]:
    """Return who got nothing, and why."""
    return [
        {
            "recipient": one.recipient,
            "id": one.error.id,
            "message": one.error.message,
            "hint": one.error.hint,
        }
        for one in refused
    ]


def require_all(made: Sequence[NewShare], refused: Sequence[Refusal]) -> None:
    """Raise where somebody got nothing.

    Raises
    ------
    PartialError
        With the first reason; the result lists all.
    """
    from emixcli.errors import PartialError

    if refused:
        first = refused[0].error
        n_all = len(made) + len(refused)
        again = "the same command shares with the missing ones only; another address: emix share"
        raise PartialError(
            f"shared with {len(made)} of {n_all} recipients, not with"
            f" {refused[0].recipient}: {first.message}",
            hint=f"{first.hint}; {again}".lstrip("; "),
        )
