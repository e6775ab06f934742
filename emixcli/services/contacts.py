"""The organisation's contacts: listed, entered one by one or from a CSV file, written to one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emixcli.errors import (
    EmixError,
    ForbiddenError,
    NotFoundError,
    RecipientUnconfirmedError,
    UsageError,
)
from emixcli.exchange.contacts import Contact, enter_contact, iter_contacts, load_policy
from emixcli.guard.decision import Action, Decision
from emixcli.mailaddress import address_key, parse_address
from emixcli.services.contact_cache import ContactCache, save_cache

if TYPE_CHECKING:
    from emixcli.exchange.connect import Access
    from emixcli.exchange.http import HttpExchange

COLUMNS: Final = {
    "email": "mail address",
    "name": "of the person",
    "organisation": "of the person",
    "npi": "National Provider Identifier",
    "identifier": "another identifier",
    "fingerprint": "of the public key",
    "state": "new, notified, verified or blocked; not read by import",
}
"""The columns of a file of contacts; the first is required."""

_MAX_SIZE: Final = 16 * 2**20
_FINGERPRINT: Final = re.compile("[0-9a-f]{40}")
#: Failures that say nothing of the next contact.
_OF_ONE: Final = (RecipientUnconfirmedError, UsageError, ForbiddenError)


@dataclass(frozen=True, slots=True)
class NewContact:
    """A line of a file: its number from 1, the header not counted; why it cannot be entered."""

    number: int
    email: str
    details: Mapping[str, str]
    error: UsageError | None = None


@dataclass(frozen=True, slots=True)
class NotEntered:
    """A line that was not taken, and why."""

    number: int
    email: str
    error: EmixError


def details_of(
    *, name: str = "", organisation: str = "", npi: str = "", other: str = "", fingerprint: str = ""
) -> dict[str, str]:
    """Return what is to be noted of a contact; what is empty is left as it is.

    Raises
    ------
    UsageError
        Two identifiers, or no fingerprint.
    """
    if npi and other:
        raise UsageError("a contact has one identifier", hint="leave one of the two out")
    found = {"name": name, "organisation": organisation}
    found["fingerprint"] = "".join(fingerprint.replace(":", " ").split()).lower()
    if found["fingerprint"] and not _FINGERPRINT.fullmatch(found["fingerprint"]):
        raise UsageError("this is not a fingerprint", hint="40 digits and letters from a to f")
    found = {key: text for key, text in found.items() if text}
    if npi or other:
        found |= {"identifier_kind": "npi" if npi else "other", "identifier": npi or other}
    return found


def fetch_contacts(exchange: HttpExchange, how: Access) -> ContactCache:
    """Return all contacts, and keep them for use without a network."""
    return save_cache(how, [*iter_contacts(exchange)], load_policy(exchange))


def find_contact(contacts: Iterable[Contact], email: str) -> Contact:
    """Return the contact with an address.

    Raises
    ------
    NotFoundError
    """
    key = address_key(parse_address(email))
    found = next((one for one in contacts if one.email == key), None)
    if found is None:
        raise NotFoundError("your organisation has no such contact", hint="emix contacts list")
    return found


def find_objection(exchange: HttpExchange, email: str) -> Decision | None:
    """Return why an address should not be entered as it was typed, None where nothing is wrong."""
    (decision,) = exchange.judge([(email, email)])
    # Under this rule entering an address is what is asked for.
    if decision.action is Action.OK or decision.reason == "contact.second_person":
        return None
    return decision


def read_contacts(path: Path) -> list[NewContact]:
    """Return the lines of a CSV file with a header; `,` or `;` between the columns.

    Raises
    ------
    UsageError
        It cannot be read, or has no column `email` or one that is not known.
    """
    try:
        if path.stat().st_size > _MAX_SIZE:
            raise UsageError("the file of contacts is too large", hint="16 MB at most")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise UsageError("the file of contacts cannot be read", hint="check its name") from exc
    except UnicodeDecodeError as exc:
        raise UsageError("the file of contacts is not UTF-8", hint="save it as CSV UTF-8") from exc
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in head else ",")
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        if "email" not in names or not set(names) <= set(COLUMNS):
            raise UsageError(
                "the columns of the file are not those of contacts",
                hint=f"email, and any of {', '.join(list(COLUMNS)[1:])}",
            )
        reader.fieldnames = names
        rows = [{key: (row.get(key) or "").strip() for key in COLUMNS} for row in reader]
    except csv.Error as exc:
        raise UsageError("the file is not CSV", hint="one line for each contact") from exc
    return [_new_contact(number, row) for number, row in enumerate(rows, 1)]


def _new_contact(number: int, row: Mapping[str, str]) -> NewContact:
    try:
        details = details_of(
            name=row["name"],
            organisation=row["organisation"],
            npi=row["npi"],
            other=row["identifier"],
            fingerprint=row["fingerprint"],
        )
    except UsageError as error:
        return NewContact(number, row["email"], {}, error)
    return NewContact(number, row["email"], details)


def import_contacts(exchange: HttpExchange, rows: Sequence[NewContact]) -> list[NotEntered]:
    """Enter the lines of a file; one that is refused stops no other.

    What looks like a slip in another contact is refused: a list is no place to look at letters.
    """
    refused = []
    for row in rows:
        try:
            if row.error is not None:
                raise row.error
            enter_contact(exchange, parse_address(row.email), row.details)
        except _OF_ONE as error:
            refused.append(NotEntered(row.number, row.email, error))
    return refused


def entered(contacts: Iterable[Contact]) -> list[Contact]:
    """Return the contacts that somebody entered or their owner proved, and that are not blocked.

    Others are addresses to which something was sent, perhaps mistyped: a file that is imported
    again must not make them known.
    """
    return [one for one in contacts if (one.added or one.verified) and one.state != "blocked"]


def contacts_csv(contacts: Sequence[Contact]) -> str:
    """Return contacts as `read_contacts` reads them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in contacts:
        is_npi = one.identifier_kind == "npi"
        identifiers = (one.identifier if is_npi else "", "" if is_npi else one.identifier)
        writer.writerow(
            (one.email, one.name, one.organisation, *identifiers, one.fingerprint, one.state)
        )
    return text.getvalue()
