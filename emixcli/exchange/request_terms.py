"""What requests for images are spoken of in: states, what was checked, why one is declined.

All are words of a list, since the exchange keeps them: nothing typed freely can name a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class IdentityCheck(StrEnum):
    """How it was made sure who asks."""

    CALLED_BACK = "called-back"
    IN_PERSON = "in-person"
    ID_DOCUMENT = "id-document"
    KNOWN_COLLEAGUE = "known-colleague"
    VIDEO_CALL = "video-call"


class AuthorisationCheck(StrEnum):
    """What allows them to have these images."""

    SIGNED_FORM = "signed-form"
    TREATMENT = "treatment"
    PATIENT_THEMSELVES = "patient-themselves"
    LEGAL_REPRESENTATIVE = "legal-representative"
    COURT_ORDER = "court-order"


class DeclineReason(StrEnum):
    """Why a request is not granted."""

    UNKNOWN_REQUESTER = "unknown-requester"
    NO_AUTHORISATION = "no-authorisation"
    NO_SUCH_IMAGES = "no-such-images"
    INCOMPLETE = "incomplete"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class ReaderKey:
    """A public key that requests are sealed for; `email` only within one's own organisation."""

    fingerprint: str
    public_key: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What the exchange knows of a request; times as it writes them, "" where there is none.

    Attributes
    ----------
    organisation, requester
        Who is asked, and the mail address of who asks; `requester_organisation` where that is an
        account.
    is_received
        Whether it is one's own organisation that is asked.
    sha256
        Of the sealed request, where it is one's own.
    """

    request_id: str
    state: str
    purpose: str
    organisation: str
    requester: str
    requester_organisation: str
    is_received: bool
    sha256: str
    created: str
    expires: str
    decided: str = ""
    decided_by: str = ""
    identity_checked: str = ""
    authorisation_checked: str = ""
    declined_for: str = ""
    share_id: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link by which somebody without an account may ask, once; times "" where there is none.

    `mail` says what became of the mail with the link: `queued`, `sent`, `failed` or `blocked`.
    """

    invitation_id: str
    email: str
    expires: str
    mail: str = ""
    invited_by: str = ""
    created: str = ""
    used: str = ""


@dataclass(frozen=True, slots=True)
class Readers:
    """Whom a request to an organisation is sealed for."""

    organisation: str
    keys: Sequence[ReaderKey]
