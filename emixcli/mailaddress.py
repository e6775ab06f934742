"""Mail addresses: exactly one, plain ASCII, nothing that a header or a mail server could misread.

The form is RFC 5321's Mailbox with a dot-string and a domain name; quoted strings, comments,
address literals, display names and lists are refused, since a sender who types one of them has
made a mistake or means harm. The client and the exchange ask the same question, so that nothing
is uploaded for an address that the exchange would refuse.
"""

from __future__ import annotations

import re

from emixcli.errors import UsageError

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_ATEXT}(?:\.{_ATEXT})*)@((?:{_LABEL}\.)+{_LABEL})")
_MAX_LOCAL = 64
_MAX_ADDRESS = 254


def parse_address(text: str) -> str:
    """The address with its domain in lower case (RFC 5321 section 4.1.2).

    Raises
    ------
    UsageError
        Not exactly one valid address; the message does not repeat it.
    """
    match = _ADDRESS.fullmatch(text.strip(" "))
    if match is None or len(match[1]) > _MAX_LOCAL or len(match[0]) > _MAX_ADDRESS:
        message = "this is not exactly one valid mail address"
        hint = "give one address at a time, as name@example.org, plain letters only"
        raise UsageError(message, hint=hint)
    if match[2].rpartition(".")[2].isdecimal():
        message = "a mail address needs a domain name, not a number"
        raise UsageError(message, hint="as in name@example.org")
    return f"{match[1]}@{match[2].lower()}"


def address_key(address: str) -> str:
    """The form under which addresses are compared."""
    return address.lower()
