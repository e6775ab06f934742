"""States of packages, shares and requests, and which change is allowed from where.

Package: draft → uploading → sealed → shared → revoked | expired → purged.
Share: held → notified → verified → opened → downloaded; or recalled | locked | revoked | expired.
Request: open → approved → fulfilled; or declined | expired.
"""

from __future__ import annotations

from enum import StrEnum


class PackageState(StrEnum):
    """Where a package is in its life of 30 days at most."""

    DRAFT = "draft"
    UPLOADING = "uploading"
    SEALED = "sealed"
    SHARED = "shared"
    REVOKED = "revoked"
    EXPIRED = "expired"
    PURGED = "purged"


class ShareState(StrEnum):
    """How far a recipient has come, or why a share has ended."""

    HELD = "held"
    NOTIFIED = "notified"
    VERIFIED = "verified"
    OPENED = "opened"
    DOWNLOADED = "downloaded"
    RECALLED = "recalled"
    LOCKED = "locked"
    REVOKED = "revoked"
    EXPIRED = "expired"


class RequestState(StrEnum):
    """What became of a request for images."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    FULFILLED = "fulfilled"
    EXPIRED = "expired"


class Role(StrEnum):
    """What an account may do in its organisation."""

    ADMIN = "admin"
    SENDER = "sender"
    #: Reads the audit and the accounting of disclosures, and sends nothing.
    AUDITOR = "auditor"


class ContactState(StrEnum):
    """What is known of an address: mailed to, proven by its owner, blocked by an administrator."""

    NEW = "new"
    NOTIFIED = "notified"
    VERIFIED = "verified"
    BLOCKED = "blocked"


class MailState(StrEnum):
    """What became of the mail that names the link."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    NONE = "none"
    #: Its address was blocked before it could leave.
    BLOCKED = "blocked"


UPLOADABLE = frozenset({PackageState.DRAFT, PackageState.UPLOADING})
READABLE = frozenset({PackageState.SEALED, PackageState.SHARED})
LIVE = UPLOADABLE | READABLE

#: Target state: the states it may be entered from.
PACKAGE_MOVES: dict[PackageState, frozenset[PackageState]] = {
    PackageState.UPLOADING: frozenset({PackageState.DRAFT}),
    PackageState.SEALED: UPLOADABLE,
    PackageState.SHARED: READABLE,
    PackageState.REVOKED: LIVE,
    PackageState.EXPIRED: LIVE,
    PackageState.PURGED: frozenset({PackageState.REVOKED, PackageState.EXPIRED}),
}

#: The link works in these (its mail has gone or is on its way).
REACHABLE = frozenset(
    {ShareState.NOTIFIED, ShareState.VERIFIED, ShareState.OPENED, ShareState.DOWNLOADED}
)
#: The recipient has proven the mailbox.
PROVEN = REACHABLE - {ShareState.NOTIFIED}
#: The recipient has proven the access code.
OPEN = frozenset({ShareState.OPENED, ShareState.DOWNLOADED})
ALIVE = REACHABLE | {ShareState.HELD}

SHARE_MOVES: dict[ShareState, frozenset[ShareState]] = {
    ShareState.NOTIFIED: frozenset({ShareState.HELD}),
    ShareState.VERIFIED: frozenset({ShareState.NOTIFIED}),
    ShareState.OPENED: frozenset({ShareState.VERIFIED}),
    ShareState.DOWNLOADED: frozenset({ShareState.OPENED}),
    ShareState.RECALLED: frozenset({ShareState.HELD}),
    ShareState.LOCKED: PROVEN,
    ShareState.REVOKED: ALIVE,
    ShareState.EXPIRED: ALIVE,
}
ENDED = frozenset({ShareState.RECALLED, ShareState.LOCKED, ShareState.REVOKED, ShareState.EXPIRED})

REQUEST_MOVES: dict[RequestState, frozenset[RequestState]] = {
    RequestState.APPROVED: frozenset({RequestState.OPEN}),
    RequestState.DECLINED: frozenset({RequestState.OPEN, RequestState.APPROVED}),
    RequestState.FULFILLED: frozenset({RequestState.APPROVED}),
    RequestState.EXPIRED: frozenset({RequestState.OPEN, RequestState.APPROVED}),
}
