"""Open a share as its recipient: prove the mailbox, prove the access code, unwrap the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emixcli.container.encoding import to_base64url
from emixcli.container.slots import code_proof, open_code_slot, open_hpke_slot
from emixcli.errors import NoMatchingKeyError, PackageDamagedError
from emixcli.exchange.inbox import open_inbox

if TYPE_CHECKING:
    from emixcli.container.identity import Identity
    from emixcli.exchange.http import HttpExchange
    from emixcli.exchange.interface import Content, Mailbox, Mailroom


def open_share(room: Mailroom, mailbox: Mailbox, code: str) -> tuple[Content, bytes]:
    """Return where the package is and its key.

    Parameters
    ----------
    room
        The exchange behind the link.
    mailbox
        What the one-time code gave.
    code
        The access code, normalised: each wrong one counts, and five lock the share.

    Raises
    ------
    ForbiddenError
        The access code is wrong.
    GoneError
        The share is locked, revoked or has expired.
    """
    proof = to_base64url(code_proof(mailbox.kdf, code))
    content = room.open(mailbox.session, proof)
    if content.slot is None:
        raise PackageDamagedError("the exchange gave no key for this package")
    return content, open_code_slot(content.slot, code, package_id=content.package_id)


def open_arrived(
    exchange: HttpExchange, share_id: str, identity: Identity
) -> tuple[Content, bytes]:
    """Return where a package of the inbox is and its key.

    Raises
    ------
    GoneError
        It was opened as often as its sender allows.
    NoMatchingKeyError
        It was sealed for other keys than those of this machine.
    """
    content = open_inbox(exchange, share_id)
    if content.slot is None:
        raise PackageDamagedError("the exchange gave no key for this package")
    try:
        return content, open_hpke_slot(content.slot, identity, package_id=content.package_id)
    except NoMatchingKeyError as exc:
        raise NoMatchingKeyError(
            "this package is sealed for other keys than those of this machine",
            hint="get it where they are, or bring them here: emix keys export --private there,"
            " emix keys import here",
        ) from exc
