"""Addresses of exchanges: which are well formed, and which are safe to speak to or to follow.

Settings, client and server ask here, so that what one of them takes the others take as well.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from emixcli.errors import ExchangeTlsError, UsageError

_EXAMPLE = "give it as https://exchange.example.org"


def is_loopback(host: str) -> bool:
    """Tell whether a host name can only mean this machine."""
    if host.lower() == "localhost":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(url: str) -> str:
    """Return the base address of an exchange without blanks and a trailing slash.

    Raises
    ------
    UsageError
        It is not an http or https address, or it carries a user name or a query.
    ExchangeTlsError
        Plain HTTP to another machine: nothing is ever sent that way.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as exc:
        raise UsageError("the address of the exchange is malformed", hint=_EXAMPLE) from exc
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError("the address of the exchange is not an https address", hint=_EXAMPLE)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("the address of the exchange holds a user name or a query", hint=_EXAMPLE)
    require_safe(url)
    return url.rstrip("/")


def require_safe(url: str) -> str:
    """Return `url` unless it is plain HTTP to another machine.

    Raises
    ------
    ExchangeTlsError
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname is not None and is_loopback(parts.hostname)
    ):
        return url
    raise ExchangeTlsError(
        "plain HTTP is used only to this machine itself",
        hint="give the address of the exchange with https://",
    )
