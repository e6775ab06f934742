"""Answers that say no: HTTP status and error body of an exchange to an error of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from emixcli.errors import (
    AuthRequiredError,
    EmixError,
    ExchangeServerError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    QuotaError,
    RecipientUnconfirmedError,
    ShareLockedError,
    UploadInterruptedError,
    UsageError,
)
from emixcli.exchange.retry import TryAgainError

_BY_ID: dict[str, type[EmixError]] = {
    error.id: error
    for error in (
        AuthRequiredError,
        ExchangeServerError,
        ForbiddenError,
        GoneError,
        NotFoundError,
        QuotaError,
        RecipientUnconfirmedError,
        ShareLockedError,
        UploadInterruptedError,
        UsageError,
    )
}
_BY_STATUS: dict[int, type[EmixError]] = {
    401: AuthRequiredError,
    403: ForbiddenError,
    404: NotFoundError,
    410: GoneError,
    413: QuotaError,
    429: QuotaError,
    507: QuotaError,
}
#: What is said where the exchange says nothing.
_PLAIN: dict[type[EmixError], str] = {
    AuthRequiredError: "not logged in, or the token is no longer valid",
    ForbiddenError: "the exchange does not allow this",
    NotFoundError: "no such package or share, or it belongs to somebody else",
    GoneError: "the package or share is revoked or has expired",
    ShareLockedError: "the share is locked: its access code was wrong too often",
    QuotaError: "a limit of the exchange is reached",
}
_TEXT_MAX = 300
_TRIES_MAX = 1000
_TELLS_TRIES = re.compile(r"\btr(?:y|ies)\b")
#: Nobody waits longer than this without being told why.
_AFTER_MAX_S = 30.0


def from_answer(status: int, body: bytes, headers: Mapping[str, str]) -> EmixError:
    """Return the error that an answer with a status of 400 and above stands for.

    The id in the body decides, else the status. The text of an exchange is shown only when it is
    one plain line, since it may be anything.
    """
    said = _said(body)
    kind = _BY_ID.get(said.get("id", "")) or _BY_STATUS.get(status)
    after_s = _seconds(headers.get("Retry-After", ""))
    busy = status in {429, 503} or (kind is None and status in {408, 425})
    if busy and after_s <= _AFTER_MAX_S:
        return TryAgainError(
            said.get("message") or "the exchange is busy",
            hint=said.get("hint") or "try again in a minute",
            after_s=after_s,
        )
    if kind is None:
        kind = ExchangeServerError if status >= 500 else UsageError
    message = _PLAIN.get(kind, f"the exchange answered with an error ({status})")
    error = kind(said.get("message") or message, hint=said.get("hint") or None)
    if isinstance(error, QuotaError) and after_s > 0:
        error.after_s = after_s
    if isinstance(error, ForbiddenError) and "tries_left" in said:
        error.tries_left = int(said["tries_left"])
    return error


def _said(body: bytes) -> dict[str, str]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return {}
    said = {name: _line(error.get(name)) for name in ("id", "message", "hint")}
    tries = error.get("tries_left", document.get("tries_left"))
    if isinstance(tries, int) and not isinstance(tries, bool) and 0 <= tries < _TRIES_MAX:
        said["tries_left"] = str(tries)
        if not _TELLS_TRIES.search(said["hint"]) and not (said["hint"] and tries == 0):
            left = "1 try is" if tries == 1 else f"{tries} tries are"
            said["hint"] = f"{left} left"
    return said


def _line(value: object) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_MAX or not value.isprintable():
        return ""
    return value


def _seconds(text: str) -> float:
    """Return a Retry-After in seconds (RFC 9110 section 10.2.3), 0 for a date or nothing."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0.0
