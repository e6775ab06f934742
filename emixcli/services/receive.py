"""Open a share as its recipient: prove the mailbox, prove the access code, unwrap the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emixcli.container.encoding import to_base64url
from emixcli.container.slots import code_proof, open_code_slot
from emixcli.errors import PackageDamagedError

if TYPE_CHECKING:
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
