"""Where an exchange is: addresses that the client is willing to speak to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from emixcli.errors import UsageError
from emixcli.urls import check_url, require_safe

_LINK_PATH = "/r/"


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
