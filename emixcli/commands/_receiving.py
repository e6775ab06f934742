"""How `emix download` proves the mailbox and the access code; a mistyped one is asked for again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emixcli.errors import EmixError
    from emixcli.exchange.interface import Content, Mailbox, Mailroom


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
