"""Give a recipient a package on the exchange: its key under a fresh access code."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from emixcli.container.code import generate_code, normalise_code
from emixcli.container.encoding import from_base64url, to_base64url
from emixcli.container.page import MAX_PAGE, read_package_element, read_slots
from emixcli.container.slots import (
    binding,
    code_proof,
    make_code_slot,
    make_hpke_slot,
    open_slots,
)
from emixcli.errors import (
    EmixError,
    NoMatchingKeyError,
    PackageDamagedError,
    RecipientUnconfirmedError,
    UsageError,
)
from emixcli.exchange.interface import (
    HOLD_MAX_S,
    Content,
    Exchange,
    Purpose,
    Share,
    ShareRequest,
)
from emixcli.guard.check import check_form
from emixcli.mailaddress import address_key, parse_address
from emixcli.services.pins import trusted_key

if TYPE_CHECKING:
    from emixcli.container.identity import Identity, PublicIdentity
    from emixcli.services.journal import Journal, Record

#: Failures that say nothing of the next recipient.
_OF_ONE_RECIPIENT = (RecipientUnconfirmedError, UsageError)
ENDED: Final = frozenset({"recalled", "locked", "revoked", "expired"})
OPENS_MAX = 1000
LIFE_MAX_S = 30 * 86400
_MAX_DIGITS: Final = 9
_HEADS = (64 << 10, 1 << 20, MAX_PAGE)


@dataclass(frozen=True, slots=True)
class ShareOrder:
    """To whom, what for, and how the mail is held.

    `confirmed` are addresses that were typed a second time; `request_id` is the request for images
    that is answered. `max_opens` and `expires_s` limit how often and how long each recipient may
    open it; the mail of what is `urgent` goes first.
    """

    recipients: tuple[str, ...]
    purpose: str
    hold_s: int | None = None
    confirmed: frozenset[str] = frozenset()
    request_id: str = ""
    max_opens: int | None = None
    expires_s: int | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class NewShare:
    """A share and the access code that only its sender knows.

    The code is "" where the package is sealed for a published key.
    """

    share: Share
    code: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipient who got nothing, and why."""

    recipient: str
    error: EmixError


@dataclass(frozen=True, slots=True)
class Shared:
    """What became of an order: the shares that were made, and who got none."""

    made: list[NewShare]
    refused: list[Refusal]


def with_terms(
    order: ShareOrder, *, max_opens: int | None, expires: str, urgent: bool
) -> ShareOrder:
    """Return the order with how often, how long and how fast; raises as `check_order` does."""
    expires_s = parse_life(expires.strip())
    return check_order(replace(order, max_opens=max_opens, expires_s=expires_s, urgent=urgent))


def parse_life(text: str) -> int | None:
    """Return the seconds in `7d`, `7` (days) or `12h`; None for nothing.

    Raises
    ------
    UsageError
    """
    if not text:
        return None
    number, unit = (text[:-1], text[-1]) if text[-1] in "dh" else (text, "d")
    if not number.isdecimal() or not number.isascii() or len(number) > _MAX_DIGITS:
        raise UsageError("this is no length of time", hint="such as 7d for days, or 12h for hours")
    seconds = int(number) * {"d": 86400, "h": 3600}[unit]
    if not 0 < seconds <= LIFE_MAX_S:
        raise UsageError(
            "a share lives from 1 hour to 30 days", hint="such as 7d for days, or 12h for hours"
        )
    return seconds


def check_order(order: ShareOrder) -> ShareOrder:
    """Return the order with clean addresses.

    Raises
    ------
    UsageError
        An address, the purpose or the hold is not valid, or an address is there twice.
    RecipientUnconfirmedError
        A confirmed address is not among the recipients: one of the two is mistyped.
    """
    if order.purpose not in set(Purpose):
        raise UsageError("this is not a purpose of use", hint=f"one of {', '.join(Purpose)}")
    if order.hold_s is not None and not 0 <= order.hold_s <= HOLD_MAX_S:
        raise UsageError(
            f"the hold is not between 0 and {HOLD_MAX_S} seconds",
            hint="--hold 0 sends the mail at once",
        )
    if order.max_opens is not None and not 1 <= order.max_opens <= OPENS_MAX:
        raise UsageError(f"a share is opened 1 to {OPENS_MAX} times", hint="check --max-downloads")
    recipients = tuple(_plain(text, n) for n, text in enumerate(order.recipients, 1))
    same = {address_key(address) for address in recipients}
    if not recipients or len(same) != len(recipients):
        raise UsageError("no recipient, or one is given twice", hint="give --to ADDRESS")
    confirmed = frozenset(address_key(parse_address(text)) for text in order.confirmed)
    if not confirmed <= same:
        raise RecipientUnconfirmedError(
            "an address given to confirm is not among the recipients",
            hint="compare --to and --confirm-to letter by letter; nothing was sent",
        )
    return replace(order, recipients=recipients, confirmed=confirmed)


def _plain(text: str, number: int) -> str:
    """Return one address in plain letters; where others look like them, say that they do."""
    verdict = check_form(text)
    if verdict.reason == "address.letters":
        message = f"recipient {number}: {verdict.words}"
        raise UsageError(message, hint="type it in plain letters, do not copy it")
    try:
        return parse_address(text)
    except UsageError as error:
        raise UsageError(f"recipient {number}: {error.message}", hint=error.hint) from error


def fetch_key(exchange: Exchange, content: Content, identity: Identity) -> bytes:
    """Return the key of an own package, from the slot of one's own in its stored head.

    Raises
    ------
    NoMatchingKeyError
        It was made by somebody else, or with other keys.
    """
    head = bytearray()
    for length in _HEADS:
        stop = min(length, content.size)
        if stop > len(head):
            exchange.read(content, len(head), stop, head.extend)
        try:
            package_id = str(read_package_element(bytes(head))["package_id"])
            slots = read_slots(bytes(head))
        except PackageDamagedError:
            if stop == content.size or length == MAX_PAGE:
                raise
            continue
        if package_id != content.package_id:
            raise PackageDamagedError("the exchange gave another package")
        try:
            return open_slots(slots, package_id=package_id, identity=identity)
        except NoMatchingKeyError as exc:
            raise NoMatchingKeyError(
                "this package was not made with the keys of this machine",
                hint="share it where it was made, or bring its keys here: there emix keys export"
                " --private, here emix keys import",
            ) from exc
    raise PackageDamagedError("the head of the package is damaged")


def share_package(
    exchange: Exchange,
    key: bytes,
    order: ShareOrder,
    *,
    package_id: str,
    journal: Journal,
    on_share: Callable[[NewShare], object] = lambda _new: None,
) -> Shared:
    """Make one share with its own access code for each recipient.

    Each code is in the journal, sealed under the package key, before the exchange hears of the
    share, and the request bears a key of its own: after a crash the same call finds the same
    shares and the same codes, and nobody gets a second mail. Where one recipient is refused the
    others get theirs; where the exchange fails nobody else is tried.

    Parameters
    ----------
    exchange, key, package_id
        The sealed package and its key.
    order
        As `check_order` returned it.
    journal
        Of the command.
    on_share
        Hears of each share as soon as it is there.

    Raises
    ------
    EmixError
        The first failure, where no share was made at all.
    """
    made: list[NewShare] = []
    refused: list[Refusal] = []
    stopped: EmixError | None = None
    for email in order.recipients:
        if stopped is not None:
            refused.append(Refusal(email, stopped))
            continue
        try:
            new = _share_with(exchange, key, order, email, package_id=package_id, journal=journal)
        except _OF_ONE_RECIPIENT as error:
            journal.append("refused", recipient=email)
            refused.append(Refusal(email, error))
            continue
        except EmixError as error:
            refused.append(Refusal(email, error))
            stopped = error
            continue
        on_share(new)
        made.append(new)
    if refused and not made:
        raise refused[0].error
    return Shared(made, refused)


def _share_with(
    exchange: Exchange,
    key: bytes,
    order: ShareOrder,
    email: str,
    *,
    package_id: str,
    journal: Journal,
) -> NewShare:
    record = begun_share(journal, email)
    if record is None:
        public = trusted_key(exchange, email)
        record = _prepare(journal, key, email, order, package_id=package_id, public=public)
    code = _unseal(record["code"], key, package_id=package_id) if record["code"] else ""
    share = _create(exchange, email, order, record, code=code, package_id=package_id)
    if journal.find("shared", recipient=email) is None:
        journal.append("shared", recipient=email, share_id=share.share_id)
    return NewShare(share, code)


def begun_share(journal: Journal, email: str) -> Record | None:
    """Return the record of a share that was asked for and not refused."""
    for record in reversed(journal.records):
        if record.get("recipient") == email:
            return None if record["step"] == "refused" else journal.find("code", recipient=email)
    return None


def kept_terms(journal: Journal, order: ShareOrder) -> list[str]:
    """Return the recipients whose share is there with other terms than are asked for now."""
    terms = _terms(order)
    begun = ((email, begun_share(journal, email)) for email in order.recipients)
    return [email for email, record in begun if record and record.get("terms", terms) != terms]


def _terms(order: ShareOrder) -> list[int | bool | None]:
    return [order.max_opens, order.expires_s, order.urgent]


def _prepare(
    journal: Journal,
    key: bytes,
    email: str,
    order: ShareOrder,
    *,
    package_id: str,
    public: PublicIdentity | None,
) -> Record:
    code, sealed = "", ""
    if public is not None:
        slot = make_hpke_slot(public, key, package_id=package_id)
    else:
        code = generate_code()
        slot, _ = make_code_slot(code, key, package_id=package_id)
        sealed = _seal(code, key, package_id=package_id)
    return journal.append(
        "code",
        recipient=email,
        hold_s=order.hold_s,
        slot=slot,
        code=sealed,
        terms=_terms(order),
        idempotency_key=secrets.token_hex(16),
    )


def _create(
    exchange: Exchange,
    email: str,
    order: ShareOrder,
    record: Mapping[str, object],
    *,
    code: str,
    package_id: str,
) -> Share:
    slot, hold_s = record["slot"], record["hold_s"]
    if not isinstance(slot, dict) or not isinstance(hold_s, int | None):
        raise UsageError("the journal of this command is damaged", hint="send it anew: --again")

    # As it was asked for the first time: the same request gives the same share.
    terms = record.get("terms")
    max_opens, expires_s, urgent = terms if isinstance(terms, list) else (None, None, False)
    request = ShareRequest(
        email=email,
        # Whose key is trusted was confirmed with its owner.
        confirm_email=email if not code or address_key(email) in order.confirmed else "",
        purpose=order.purpose,
        hold_s=hold_s,
        slot=slot,
        auth=to_base64url(code_proof(slot, normalise_code(code))) if code else "",
        idempotency_key=str(record["idempotency_key"]),
        request_id=order.request_id,
        max_opens=max_opens,
        expires_s=expires_s,
        urgent=urgent,
    )
    return exchange.create_share(package_id, request)


def _sealing_key(key: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, b"", b"emix/v1/journal").derive(key))


def _seal(code: str, key: bytes, *, package_id: str) -> str:
    nonce = secrets.token_bytes(12)
    sealed = _sealing_key(key).encrypt(nonce, code.encode("ascii"), binding(package_id))
    return to_base64url(nonce + sealed)


def _unseal(text: str, key: bytes, *, package_id: str) -> str:
    try:
        data = from_base64url(text)
        return _sealing_key(key).decrypt(data[:12], data[12:], binding(package_id)).decode("ascii")
    except (ValueError, InvalidTag) as exc:
        raise UsageError(
            "the journal of this command is damaged", hint="send it anew: --again"
        ) from exc


def made_shares(
    shares: Sequence[Share], key: bytes, *, package_id: str, journal: Journal
) -> list[NewShare]:
    """Return the shares that a journal knows of, with their access codes."""
    found = []
    for share in shares:
        shared = journal.find("shared", share_id=share.share_id)
        record = shared and journal.find("code", recipient=shared["recipient"])
        if record:
            code = _unseal(record["code"], key, package_id=package_id) if record["code"] else ""
            found.append(NewShare(share, code))
    return found


def earlier_shares(order: ShareOrder, shares: Sequence[Share], journal: Journal) -> list[Share]:
    """Return the shares by which recipients can get the package already.

    Not those that were begun by the same command, which hands out their codes, nor those that were
    opened as often as they may be.
    """
    wanted = {
        address_key(email) for email in order.recipients if begun_share(journal, email) is None
    }
    return [
        share
        for share in live_shares(shares)
        if address_key(share.recipient) in wanted
        and (share.max_opens is None or share.opens < share.max_opens)
    ]


def without(order: ShareOrder, earlier: Sequence[Share]) -> ShareOrder:
    """Return the order for those who have no share yet; maybe for nobody."""
    had = {address_key(share.recipient) for share in earlier}
    left = tuple(email for email in order.recipients if address_key(email) not in had)
    return replace(order, recipients=left)


def live_shares(shares: Sequence[Share]) -> list[Share]:
    """Return the shares through which somebody can still get at the package."""
    return [share for share in shares if share.state not in ENDED]
