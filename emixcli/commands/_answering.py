"""`emix send --for-request`: the order that a request gives, and what differs from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.exchange.connect import Access
    from emixcli.services.answer import Answer
    from emixcli.services.share import ShareOrder


def find_answer(request_id: str, how: Access, *, accepted: bool) -> Answer | None:
    """Return the answer to a request, opened with the keys of this machine; None without an id.

    Parameters
    ----------
    accepted
        Whether differences from the request were accepted beforehand.

    Raises
    ------
    GoneError
        It was not approved, or is over.
    """
    if not request_id:
        return None
    from emixcli.container.identity import load_identity
    from emixcli.exchange.connect import connect
    from emixcli.services.answer import start_answer
    from emixcli.services.request import open_request

    requests = connect(how).requests
    opened = open_request(requests, request_id, load_identity())
    return start_answer(opened, accepted=accepted)


def find_order(
    answer: Answer | None,
    to: Sequence[str] | None,
    purpose: str | None,
    *,
    hold_s: int | None,
    confirmed: Sequence[str] | None,
) -> ShareOrder:
    """Return to whom and what for: as given, or as the request says.

    Raises
    ------
    UsageError, RecipientUnconfirmedError
    """
    from emixcli.services.share import ShareOrder, check_order

    _require_both(answer, to, purpose)
    recipients, purpose = _recipients(answer, to), _purpose(answer, purpose)
    if answer is None:
        return check_order(ShareOrder(recipients, purpose, hold_s, frozenset(confirmed or ())))
    # Whoever asked has an account or has proven the mailbox: the address was not typed here.
    request_id = answer.opened.record.request_id
    return check_order(ShareOrder(recipients, purpose, hold_s, frozenset(recipients), request_id))


def _require_both(answer: Answer | None, to: Sequence[str] | None, purpose: str | None) -> None:
    from emixcli.errors import UsageError
    from emixcli.exchange.interface import Purpose

    if answer is not None:
        return
    missing = []
    if not to:
        missing.append(("recipient", "--to ADDR"))
    if not purpose:
        missing.append(("purpose of use", f"--purpose P ({', '.join(Purpose)})"))
    if missing:
        words, options = zip(*missing, strict=True)
        raise UsageError(f"no {' and no '.join(words)}", hint=f"give {' and '.join(options)}")


def _recipients(answer: Answer | None, to: Sequence[str] | None) -> tuple[str, ...]:
    """Return to whom: as given, or whoever asked and nobody else."""
    from emixcli.errors import UsageError
    from emixcli.mailaddress import address_key

    if answer is None:
        return tuple(to or ())
    requester = answer.opened.record.requester
    if to and [address_key(address) for address in to] != [address_key(requester)]:
        raise UsageError(
            "the answer to a request goes to whoever asked, and to nobody else",
            hint="leave out --to",
        )
    return (requester,)


def _purpose(answer: Answer | None, purpose: str | None) -> str:
    """Return the purpose of use: as given, or that of the request."""
    from emixcli.errors import UsageError

    if answer is None:
        return purpose or ""
    if purpose not in {None, answer.opened.record.purpose}:
        raise UsageError("the purpose is not that of the request", hint="leave out --purpose")
    return answer.opened.record.purpose


def confirm_differences(answer: Answer | None, *, no_input: bool) -> None:
    """Say what differs from the request, and ask whether to send it all the same.

    Raises
    ------
    DeclinedError
        The answer is no, or nobody can be asked.
    """
    from emixcli.errors import DeclinedError
    from emixcli.ui import console, prompts

    if answer is None or not answer.differences:
        return
    for text in answer.differences:
        console.warn(text)
    if answer.accepted:
        return
    if no_input or not prompts.is_interactive():
        raise DeclinedError(
            f"this is not what was asked for: {answer.differences[0]}",
            hint="choose with --study, or give --accept-difference if it is meant",
        )
    prompts.confirm("send it as the answer all the same?")
