"""Where an exchange is: addresses that the client is willing to speak to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from emixcli.errors import ExchangeTlsError, UsageError

_LINK_PATH = "/r/"


def is_loopback(host: str) -> bool:
    """Tell whether a host name can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(url: str) -> str:
    """Return a base address without a trailing slash.

    Raises
    ------
    UsageError
        It is not an http or https address, or it carries a user name or a query.
    ExchangeTlsError
        Plain HTTP to another machine: nothing is ever sent that way.
    """
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


_EXAMPLE = "give it as https://exchange.example.org"


def require_safe(url: str) -> str:
    """Return `url` unless it is plain HTTP to another machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname is not None and is_loopback(parts.hostname)
    ):
        return url
    raise ExchangeTlsError(
        "plain HTTP is used only to this machine itself",
        hint="give the address of the exchange with https://",
    )


def resolve(base: str, url: str) -> str:
    """Return an address given by an exchange, absolute or beginning with "/", made absolute."""
    return require_safe(urljoin(base + "/", url))


def same_origin(one: str, other: str) -> bool:
    """Tell whether two addresses belong to one server (RFC 6454 section 5)."""
    a, b = urlsplit(one), urlsplit(other)
    return (a.scheme, a.hostname, a.port) == (b.scheme, b.hostname, b.port)


@dataclass(frozen=True, slots=True)
class Link:
    """The two parts of a recipient's link."""

    base: str
    token: str


def is_link(text: str) -> bool:
    """Tell whether `text` looks like an address rather than an id."""
    return "://" in text


def parse_link(text: str) -> Link:
    """Return the parts of a link as it stands in the mail.

    Raises
    ------
    UsageError
        It is not a link to a package.
    """
    bare = text.strip().partition("#")[0]
    base, found, token = bare.rpartition(_LINK_PATH)
    token = token.rstrip("/")
    if not found or not token or not all(c.isalnum() or c in "-_.~" for c in token):
        raise UsageError(
            "this is not a link to a package",
            hint="copy the whole link out of the mail",
        )
    return Link(check_url(base), token)
