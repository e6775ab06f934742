"""How `emix download` opens what it gets: by the own key, or by mail code and access code.

A mistyped code is asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emixcli.container.slots import Slot
    from emixcli.errors import EmixError
    from emixcli.exchange.connect import Access
    from emixcli.exchange.http import HttpExchange, HttpMailroom
    from emixcli.exchange.interface import Content, Mailbox, Mailroom


@dataclass(frozen=True)
class Opened:
    """A package that may be downloaded: from where, and its key."""

    source: HttpExchange | HttpMailroom
    content: Content
    key: bytes
    slots: list[Slot] | None


def note_arrival(opened: Opened) -> None:
    """Let the sender see that a share has come whole; nothing is lost where that fails."""
    import contextlib

    from emixcli.errors import EmixError
    from emixcli.exchange.http import note_arrival as note

    if opened.slots is not None:  # a share, not an own package
        with contextlib.suppress(EmixError):
            note(opened.source.transport, opened.content)


def open_own(package_id: str, how: Access) -> Opened:
    """Return an own package or one of the inbox, opened by the own key."""
    from emixcli.container.identity import load_identity
    from emixcli.errors import NotFoundError
    from emixcli.exchange.connect import connect
    from emixcli.services.share import fetch_key

    exchange = connect(how)
    try:
        content = exchange.content(package_id)
        key = fetch_key(exchange, content, load_identity(create=False))
    except NotFoundError:
        # Also where an administrator sees the package of somebody else and may not read it.
        return _open_inbox(exchange, package_id)
    return Opened(exchange, content, key, None)


def _open_inbox(exchange: HttpExchange, target_id: str) -> Opened:
    """Open what was sealed for the own key, by the id of its share or package."""
    from emixcli.container.identity import load_identity
    from emixcli.errors import NotFoundError
    from emixcli.exchange.inbox import iter_inbox
    from emixcli.services.receive import open_arrived

    for one in iter_inbox(exchange):
        if target_id in {one.share_id, one.package_id}:
            identity = load_identity(create=False)
            content, key = open_arrived(exchange, one.share_id, identity)
            return Opened(exchange, content, key, [dict(content.slot or {})])
    raise NotFoundError(
        "no package of this account has this id, and none in its inbox",
        hint="emix list shows those that you sent, emix inbox those that were sent to you",
    )


def open_link(
    text: str, how: Access, code_file: Path | None, mail_code_file: Path | None, *, no_input: bool
) -> Opened:
    """Return what a link leads to, once mailbox and access code are proven."""
    from emixcli.commands._opening import read_secret
    from emixcli.container.code import normalise_code
    from emixcli.errors import ForbiddenError
    from emixcli.exchange.address import parse_link
    from emixcli.exchange.connect import connect_link
    from emixcli.services.receive import open_share
    from emixcli.ui import console
    from emixcli.words import size_text

    room = connect_link(parse_link(text), how)
    # A mistyped code is found here by its check symbol, before a try is spent.
    code = normalise_code(read_secret(code_file)) if code_file is not None else None
    if code is None:
        require_person("the access code", "--code-file FILE", no_input=no_input)
    mailbox = prove_mailbox(room, mail_code_file, no_input=no_input)
    console.note(f"from {mailbox.sender_name}, {mailbox.organisation}: {size_text(mailbox.size)}")
    if code is None:
        content, key = ask_access_code(room, mailbox)
    else:
        try:
            content, key = open_share(room, mailbox, code)
        except ForbiddenError as error:
            # This command is over, and the exchange takes a mail code once.
            error.hint = "; ".join(
                filter(
                    None,
                    (error.hint, "the mail code is used up: have a new one sent by --request-code"),
                )
            )
            raise
    slots = [dict(content.slot)] if content.slot is not None else []
    return Opened(room, content, key, slots)


def prove_mailbox(room: Mailroom, file: Path | None, *, no_input: bool) -> Mailbox:
    """Return what the one-time code gives, after having it mailed unless it is in a file.

    Raises
    ------
    ForbiddenError
        The code is wrong, and nobody can be asked or no try is left.
    """
    from emixcli.errors import ForbiddenError
    from emixcli.ui import console, prompts

    if file is None:
        require_person("the code that is mailed", "--mail-code-file FILE", no_input=no_input)
    if file is None or str(file) == "-":
        room.request_code()
        console.note(
            "if the link is valid, a code comes to the mailbox that got it, within a minute"
        )
    if file is not None:
        return _verify(room, _read_mail_code(file))
    while True:
        typed = prompts.ask("code from the mail", option="--mail-code-file FILE")
        try:
            return _verify(room, typed)
        except ForbiddenError as error:
            if not error.tries_left:
                raise
            _tell_again(error)


def ask_access_code(room: Mailroom, mailbox: Mailbox) -> tuple[Content, bytes]:
    """Return where the package is and its key; the person is asked until the code is right.

    The exchange counts the wrong ones and locks the share in the end; a code whose check symbol
    does not fit is found here and not counted.

    Raises
    ------
    GoneError
        The share is locked: that was the last try.
    """
    from emixcli.container.code import normalise_code
    from emixcli.errors import ForbiddenError, PassphraseError
    from emixcli.services.receive import open_share
    from emixcli.ui import prompts

    while True:
        typed = prompts.ask_secret("access code", option="--code-file FILE")
        try:
            return open_share(room, mailbox, normalise_code(typed))
        except PassphraseError as error:
            _tell_again(error)
        except ForbiddenError as error:
            if not error.tries_left:
                raise
            _tell_again(error)


def require_person(question: str, option: str, *, no_input: bool) -> None:
    """Ask for no mail that nobody could type in.

    Raises
    ------
    DeclinedError
        Nobody can be asked.
    """
    from emixcli.errors import DeclinedError
    from emixcli.ui import prompts

    if no_input or not prompts.is_interactive():
        raise DeclinedError(f"a terminal is needed to ask for {question}", hint=f"give {option}")


def _verify(room: Mailroom, code: str) -> Mailbox:
    from emixcli.errors import ForbiddenError

    try:
        return room.verify_code(code)
    except ForbiddenError as error:
        if error.tries_left != 0:
            raise
        raise ForbiddenError(
            "this mail code was used, is older than ten minutes or was wrong too often",
            hint="have a new one mailed: emix download LINK -o DIR --request-code",
        ) from error


def _read_mail_code(file: Path) -> str:
    from emixcli.commands._opening import read_secret

    return read_secret(file, what="code from the mail", option="--mail-code-file").strip()


def _tell_again(error: EmixError) -> None:
    from emixcli.ui import console

    console.note(f"{error.message}: {error.hint}" if error.hint else error.message)
