"""What `emix send` and `emix share` do alike: ask for addresses twice, hand over access codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emixcli.exchange.interface import Exchange
    from emixcli.services.share import NewShare, Refusal, ShareOrder


def confirm_addresses(order: ShareOrder, exchange: Exchange, *, no_input: bool) -> ShareOrder:
    """Return the order with new addresses typed a second time, where a person sits there.

    Raises
    ------
    RecipientUnconfirmedError
        The second time it was another one.
    """
    from emixcli.errors import RecipientUnconfirmedError
    from emixcli.services.share import is_verified
    from emixcli.ui import prompts

    if no_input or not prompts.is_interactive():
        return order
    confirmed = set(order.confirmed)
    for address in order.recipients:
        if address.casefold() in confirmed or is_verified(exchange, address):
            continue
        typed = prompts.ask(f"{address} is new: type the address again", option="--confirm-to ADDR")
        if typed.casefold() != address.casefold():
            raise RecipientUnconfirmedError(
                "the two addresses differ; nothing was sent",
                hint="start the command again with the right address",
            )
        confirmed.add(address.casefold())
    return replace(order, confirmed=frozenset(confirmed))


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

    if not made:
        return
    if code_out is not None:
        lines = [f"{new.share.recipient} {new.code}" if named else new.code for new in made]
        replace_secret(code_out, "\n".join(lines))
        return
    for new in made:
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
        raise PartialError(
            f"{len(refused)} of {len(made) + len(refused)} recipients got nothing: {first.message}",
            hint=f"{first.hint}; the same command shares with the missing ones only".lstrip("; "),
        )
