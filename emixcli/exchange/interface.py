"""What an exchange offers to a sender and to a recipient.

Services depend on the two protocols here, never on HTTP. An exchange holds ciphertext only: what
passes through these calls are sizes, digests, addresses, wrapped keys and proofs, never a package
key, an access code, a patient's name or a file name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from emixcli.guard.decision import Decision

#: A slot as in the page of a package: JSON, never holding a bare key (`docs/format`).
Slot = Mapping[str, Any]
#: Takes pieces of a body as they arrive.
Receive = Callable[[bytes], object]
#: Hears how many bytes have gone out; less than nothing where they have to go again.
Sent = Callable[[int], object]


#: Longest time for which the mail of a share is held back.
HOLD_MAX_S = 7 * 86400


class Purpose(StrEnum):
    """Purpose of use, named by every share (45 CFR 164.506, 164.508, 164.524)."""

    TREATMENT = "treatment"
    PAYMENT = "payment"
    OPERATIONS = "operations"
    PATIENT_REQUEST = "patient-request"
    AUTHORIZATION = "authorization"
    PUBLIC_HEALTH = "public-health"
    RESEARCH = "research"
    LEGAL = "legal"
    TEST = "test"


class PartBody(Protocol):
    """The bytes of one part, in memory or on disk; may be read any number of times."""

    def __len__(self) -> int:
        """Return the size in bytes."""

    def pieces(self) -> Iterator[memoryview]:
        """Yield the bytes in pieces of a few hundred kilobytes."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who is logged in."""

    account_id: str
    email: str
    name: str
    organisation: str
    role: str
    #: With which key the organisation keeps its accounting of disclosures, "" where it does not.
    accounting: str = ""


@dataclass(frozen=True, slots=True)
class AccountedPatient:
    """A patient of a package as the exchange may know one: a keyed hash, a sealed description."""

    ref: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Login:
    """A fresh token and whose it is."""

    token: str
    expires: str
    account: Account


@dataclass(frozen=True, slots=True)
class Share:
    """One recipient's way to a package.

    `state` is held, notified, verified, opened, downloaded, recalled, locked, revoked or expired;
    the times are when it came so far, "" where it has not. `mail` is queued, sent, failed or none.
    """

    share_id: str
    recipient: str
    state: str
    link: str
    purpose: str = ""
    hold_until: str = ""
    expires: str = ""
    package_id: str = ""
    mail: str = ""
    notified: str = ""
    verified: str = ""
    opened: str = ""
    downloaded: str = ""
    ended_at: str = ""
    #: Sealed for a published key: there is neither link nor access code.
    by_key: bool = False
    opens: int = 0
    max_opens: int | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """A package; `state` is draft, uploading, sealed, shared, revoked, expired or purged.

    `part_digest` is the digest that its parts should be signed with: `md5` or `sha256`.
    """

    package_id: str
    state: str
    size: int
    part_size: int
    created: str
    expires: str
    shares: tuple[Share, ...] = ()
    part_digest: str = "md5"


@dataclass(frozen=True, slots=True)
class Part:
    """A part: number from 1, size in bytes, and in hexadecimal its MD5 or its SHA-256."""

    number: int
    size: int
    md5: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class SignedPart:
    """Where and how to send one part; the exchange or an S3 store answers there."""

    number: int
    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SealedPart:
    """One line of a seal; `md5` is empty where the part was signed with its SHA-256."""

    number: int
    size: int
    md5: str
    sha256: str

    @property
    def signed(self) -> Part:
        """The part as it is signed and stored."""
        return Part(self.number, self.size, self.md5, "" if self.md5 else self.sha256)


@dataclass(frozen=True, slots=True)
class Seal:
    """What the exchange is told when all parts have arrived.

    `sha256` is the digest of the whole file where it is known, else "": a stream whose first part
    is completed last has no such digest, and the digests of the parts say the same.
    """

    size: int
    sha256: str
    parts: Sequence[SealedPart]
    slots_offset: int
    slots_length: int


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """One recipient to be given a package.

    Attributes
    ----------
    confirm_email
        The address typed again, "" where it was not; the exchange wants it for a new address.
    hold_s
        Seconds until the mail leaves, None for the default of the exchange.
    slot, auth
        The package key wrapped under the access code, and the proof that the code is known; or
        sealed for a published key, and "".
    idempotency_key
        The same key never makes a second share.
    request_id
        The request for images that it answers, "" where it is none.
    max_opens, expires_s
        How often it may be opened, and for how many seconds; None for any number, and for as long
        as the package lives.
    urgent
        Its mail goes before others, and is marked.
    """

    email: str
    confirm_email: str
    purpose: str
    hold_s: int | None
    slot: Slot
    auth: str
    idempotency_key: str
    request_id: str = ""
    max_opens: int | None = None
    expires_s: int | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What is told to somebody who has proven the mailbox by the one-time code."""

    session: str
    organisation: str
    sender_name: str
    kdf: Mapping[str, Any]
    expires: str
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """Where the bytes of a package are, and the token that opens them."""

    package_id: str
    size: int
    url: str
    token: str
    slot: Slot | None = None


class Exchange(Protocol):
    """What a sender may ask; every method raises a subclass of `EmixError` only."""

    @property
    def url(self) -> str:
        """Its address, as it was given."""

    def login(self, email: str, password: str) -> Login:
        """Return a fresh token."""

    def logout(self) -> None:
        """Make the token worthless."""

    def account(self) -> Account:
        """Return whose token this is."""

    def create_package(self, package_id: str, *, part_size: int, size_bound: int) -> Package:
        """Announce a package; the same id again returns the one that exists."""

    def iter_packages(self) -> Iterator[Package]:
        """Yield the packages of the account, newest first."""

    def package(self, package_id: str) -> Package:
        """Return one package."""

    def delete_package(self, package_id: str) -> None:
        """Revoke every share of a package and purge its bytes."""

    def parts(self, package_id: str) -> list[Part]:
        """Return the parts that have arrived and are on disk."""

    def sign_parts(self, package_id: str, parts: Sequence[Part]) -> list[SignedPart]:
        """Return addresses for parts, at most 64 of them."""

    def put_part(self, signed: SignedPart, body: PartBody, *, sent: Sent) -> None:
        """Send one part; no retry here, since an address may be too old for a second try."""

    def seal(self, package_id: str, seal: Seal) -> Package:
        """Close a package; once sealed its bytes never change."""

    def note_patients(self, package_id: str, patients: Sequence[AccountedPatient]) -> None:
        """Note whose images an own package holds, for the accounting of disclosures."""

    def content(self, package_id: str) -> Content:
        """Return where the bytes of an own package are."""

    def read(self, content: Content, start: int, stop: int, receive: Receive) -> None:
        """Hand the bytes from `start` up to `stop` to `receive`, going on after cuts."""

    def judge(self, typed: Sequence[tuple[str, str]]) -> list[Decision]:
        """Return what would become of shares with addresses, each with its second typing."""

    def published_key(self, email: str) -> str | None:
        """Return the public key file that the owner of an address has published, if any."""

    def create_share(self, package_id: str, request: ShareRequest) -> Share:
        """Give a recipient the package."""

    def share(self, share_id: str) -> Share:
        """Return one share."""

    def act_on_share(self, share_id: str, action: str) -> Share:
        """Do `recall`, `revoke` or `resend`."""


class Mailroom(Protocol):
    """What a recipient with a link may ask, without an account."""

    def request_code(self) -> None:
        """Ask for a one-time code to the mailbox; says nothing about whether the link is good."""

    def verify_code(self, code: str) -> Mailbox:
        """Prove the mailbox by its one-time code."""

    def open(self, session: str, proof: str) -> Content:
        """Prove the access code and get the wrapped key."""

    def read(self, content: Content, start: int, stop: int, receive: Receive) -> None:
        """Hand the bytes from `start` up to `stop` to `receive`, going on after cuts."""
