"""From settings and the remembered login to a client of the exchange."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli import config, credentials
from emixcli.errors import AuthRequiredError, UsageError
from emixcli.exchange.http import HttpExchange, HttpMailroom
from emixcli.exchange.retry import QUICK, Patience
from emixcli.exchange.transport import Transport
from emixcli.urls import check_url

if TYPE_CHECKING:
    from emixcli.exchange.address import Link


@dataclass(frozen=True, slots=True)
class Access:
    """How a command was told to reach the exchange; None is what was remembered or the default."""

    profile: str | None = None
    url: str | None = None
    ca_file: Path | None = None
    token_file: Path | None = None
    timeout_s: float | None = None


def connect(access: Access, *, login: bool = True, quick: Patience = QUICK) -> HttpExchange:
    """Return a client of the exchange in the settings.

    Parameters
    ----------
    access
        What was given on the command line.
    login
        Whether a token is needed.
    quick
        Patience with questions.

    Raises
    ------
    UsageError
        No exchange is set, or its address is malformed.
    AuthRequiredError
        A token is needed and there is none.
    """
    url = access.url or config.load(access.profile).exchange_url
    if not url:
        raise UsageError("no exchange is set", hint="run emix login https://exchange.example.org")
    url = check_url(url)
    token = ""
    if login:
        found = credentials.find_token(url, profile=access.profile, token_file=access.token_file)
        if found is None:
            raise AuthRequiredError("not logged in to the exchange", hint="run emix login")
        token = found.value
    return HttpExchange(_transport(url, access), token=token, quick=quick)


def connect_link(link: Link, access: Access) -> HttpMailroom:
    """Return a client for the link of a mail; the link names its exchange."""
    return HttpMailroom(_transport(link.base, access), link.token)


def _transport(url: str, access: Access) -> Transport:
    return Transport(url, ca_file=_ca_file(url, access), timeout_s=access.timeout_s)


def _ca_file(url: str, access: Access) -> Path | None:
    if access.ca_file is not None:
        return access.ca_file
    if value := os.environ.get("EMIX_CA_FILE"):
        return Path(value)
    remembered = credentials.find_login(url, profile=access.profile)
    if remembered is not None and remembered.ca_file:
        return Path(remembered.ca_file)
    return None
