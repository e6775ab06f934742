"""Errors of the exchange as HTTP answers, in the shape that all clients know.

Body: `{"error": {"id", "message", "hint"}}` with the ids of the table of exit codes.
"""

from __future__ import annotations

from typing import Any, ClassVar

from emixcli.errors import (
    AuthRequiredError,
    EmixError,
    ExchangeServerError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    OutputExistsError,
    QuotaError,
    RecipientUnconfirmedError,
    UploadInterruptedError,
    UsageError,
)


class RequestError(UsageError):
    """A request that does not keep to the API."""

    default_hint = "what sent it does not keep to the API of the exchange: update it"


class TooManyError(QuotaError):
    """Too many of these within a time (RFC 6585 section 4)."""

    status: ClassVar[int] = 429

    def __init__(self, message: str, *, retry_s: int) -> None:
        super().__init__(message, hint=f"try again in {retry_s} seconds")
        self.retry_s = retry_s


class BusyError(ExchangeServerError):
    """The exchange has too much to do at this moment."""

    status: ClassVar[int] = 503

    def __init__(self, message: str, *, retry_s: int) -> None:
        super().__init__(message, hint=f"try again in {retry_s} seconds")
        self.retry_s = retry_s


class NoRoomError(ExchangeServerError):
    """The disk of the exchange is full (RFC 4918 section 11.5)."""

    status: ClassVar[int] = 507


class TooLargeError(QuotaError):
    """A body or a package is larger than the exchange takes."""

    status: ClassVar[int] = 413


class ConflictError(UsageError):
    """The same thing was asked before with other values."""

    status: ClassVar[int] = 409
    default_hint = "what is there stays; begin anew for something else"


class NotApprovedError(ConflictError):
    """A request for images is not approved, or this would not be what was approved."""


class DecidedError(GoneError):
    """A request for images was decided otherwise, or its time is over."""


class RefusedRecipientError(RecipientUnconfirmedError):
    """A policy or the address guard refuses a recipient; `reason` is its stable id."""

    def __init__(self, message: str, *, hint: str, reason: str) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class WrongCodeError(ForbiddenError):
    """A mail code or an access code was wrong."""

    def __init__(self, message: str, *, tries_left: int | None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.tries_left = tries_left


_STATUS: tuple[tuple[type[EmixError], int], ...] = (
    (AuthRequiredError, 401),
    (NotFoundError, 404),
    (ForbiddenError, 403),
    (GoneError, 410),
    (QuotaError, 413),
    (RecipientUnconfirmedError, 409),
    (UploadInterruptedError, 409),
    (OutputExistsError, 409),
    (ExchangeServerError, 500),
    (UsageError, 400),
)


def status_of(error: EmixError) -> int:
    """The HTTP status for an error."""
    own = getattr(error, "status", None)
    if isinstance(own, int):
        return own
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def body_of(error: EmixError) -> dict[str, Any]:
    """The JSON body for an error."""
    inner: dict[str, Any] = {"id": error.id, "message": error.message, "hint": error.hint}
    body: dict[str, Any] = {"error": inner}
    if isinstance(error, WrongCodeError) and error.tries_left is not None:
        inner["tries_left"] = error.tries_left
        body["tries_left"] = error.tries_left
    return body


def headers_of(error: EmixError) -> dict[str, str]:
    """`Retry-After` and `WWW-Authenticate` where the error calls for them."""
    headers = {}
    retry_s = getattr(error, "retry_s", None)
    if isinstance(retry_s, int):
        headers["Retry-After"] = str(retry_s)
    if isinstance(error, AuthRequiredError):
        headers["WWW-Authenticate"] = "Bearer"
    return headers
