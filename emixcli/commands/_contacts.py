"""What `emix contacts` asks and shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emixcli.exchange.connect import Access
    from emixcli.exchange.contacts import Contact
    from emixcli.exchange.http import HttpExchange
    from emixcli.guard.check import Policy
    from emixcli.services.contact_cache import ContactCache
    from emixcli.services.contacts import NotEntered

_STATES = ("", "new", "notified", "verified", "blocked")
_ANSWERS = {"yes": True, "no": False}


def check_state(state: str) -> None:
    """Refuse a word that is no state of a contact.

    Raises
    ------
    UsageError
    """
    from emixcli.errors import UsageError

    if state not in _STATES:
        raise UsageError(
            "this is not a state of a contact", hint="--state new, notified, verified or blocked"
        )


def load(how: Access, *, offline: bool) -> tuple[ContactCache, bool]:
    """Return the contacts, and whether the exchange was asked.

    Raises
    ------
    ExchangeError
        It cannot be reached, and nothing was listed before.
    """
    from emixcli.errors import ExchangeError, NotFoundError
    from emixcli.exchange.connect import connect
    from emixcli.exchange.retry import is_transient
    from emixcli.services.contact_cache import load_cache
    from emixcli.services.contacts import fetch_contacts

    if offline:
        found = load_cache(how)
        if found is None:
            raise NotFoundError("no contacts are kept on this machine", hint="emix contacts list")
        return found, False
    try:
        return fetch_contacts(connect(how), how), True
    except ExchangeError as error:
        found = load_cache(how)
        if found is None or not is_transient(error):
            raise
        return found, False


def accepted(exchange: HttpExchange, email: str, *, yes: bool, no_input: bool) -> str:
    """Return the reason of the guard that somebody has looked at, "" where there is none.

    Raises
    ------
    RecipientUnconfirmedError
        The address cannot be entered, or looks mistyped and nobody can be asked.
    """
    from emixcli.errors import RecipientUnconfirmedError
    from emixcli.mailaddress import address_key
    from emixcli.services.contacts import find_objection
    from emixcli.ui import console, prompts

    objection = find_objection(exchange, email)
    if objection is not None and not objection.can_be_accepted:
        raise RecipientUnconfirmedError(objection.message, hint=objection.hint)
    if not yes and prompts.is_interactive() and not no_input:
        if objection is not None:
            meant = f"; did you mean {objection.meant}?" if objection.meant else ""
            console.warn(f"{objection.message}{meant}")
        typed = prompts.ask(f"{email}: type the address again", option="--yes")
        if address_key(typed) != address_key(email):
            raise RecipientUnconfirmedError(
                "the two addresses differ; nothing was entered",
                hint="start the command again with the right address",
            )
    elif objection is not None and not yes:
        meant = f"did you mean {objection.meant}? " if objection.meant else ""
        hint = f"{meant}if the one that you typed is right, letter by letter, add --yes"
        if objection.reason == "domain.free_mail":
            hint = "only an administrator of your organisation enters it, with --yes"
        raise RecipientUnconfirmedError(objection.message, hint=hint)
    return objection.reason if objection is not None else ""


def show_table(contacts: Sequence[Contact]) -> None:
    """Show contacts as a table."""
    from emixcli.ui import console, output

    if not contacts:
        console.note("no contacts")
        return
    head = ("address", "state", "known", "name", "organisation", "key")
    rows = [
        (
            one.email,
            one.state,
            "yes" if one.known else "no",
            one.name,
            one.organisation,
            one.fingerprint,
        )
        for one in contacts
    ]
    output.write_table(rows, head=head)


def show_one(contact: Contact) -> None:
    """Show all that is known of a contact."""
    from emixcli.ui import output
    from emixcli.ui.times import time_text

    rows = [("address", contact.email), ("state", contact.state)]
    rows.append(("known", _known(contact)))
    rows += [
        ("name", contact.name),
        ("organisation", contact.organisation),
        (contact.identifier_kind, contact.identifier),
        ("fingerprint", contact.fingerprint),
        ("entered by", contact.added_by),
        ("second person", contact.seconded_by),
    ]
    for name in ("added", "notified", "verified", "blocked"):
        moment = getattr(contact, name)
        rows.append((name, time_text(moment) if moment else ""))
    output.write_table([row for row in rows if row[1]])


def _known(contact: Contact) -> str:
    if contact.known:
        return "yes"
    if contact.state == "blocked":
        return "no: nothing goes there"
    if contact.added:
        return "no: a second person has to enter it"
    return "no: it must be confirmed each time"


def show_imported(n_rows: int, refused: Sequence[NotEntered], *, json: bool) -> None:
    """Show what became of a file of contacts.

    Raises
    ------
    PartialError
        Some were not taken.
    """
    from emixcli.errors import PartialError
    from emixcli.ui import output
    from emixcli.words import some

    n_taken = n_rows - len(refused)
    if json:
        document = {
            "schema": "emix.contacts-import/1",
            "counts": {"read": n_rows, "entered": n_taken, "refused": len(refused)},
            "refused": [
                {
                    "row": one.number,
                    "email": one.email,
                    "id": one.error.id,
                    "message": one.error.message,
                    "hint": one.error.hint,
                }
                for one in refused
            ],
        }
        output.write_json(document)
    else:
        for one in refused:
            output.write_line(f"row {one.number}: {one.email}: {one.error.message}")
            if one.error.hint:
                output.write_line(f"    {one.error.hint}")
        output.write_line(f"{some(n_taken, 'contact')} entered")
    if refused:
        raise PartialError(
            f"{len(refused)} of {n_rows} contacts were not taken",
            hint="compare them letter by letter; emix contacts add ADDR enters one on purpose",
        )


def changed_policy(
    now: Policy, *, domains: Sequence[str], free_mail: str, second_person: str
) -> Policy:
    """Return a policy with what was asked for.

    Raises
    ------
    UsageError
        A word that is none of those.
    """
    from emixcli.errors import UsageError
    from emixcli.guard.check import FreeMail

    wanted = replace(now, allow_domains=tuple(domains))
    if free_mail:
        if free_mail not in set(FreeMail):
            raise UsageError(
                "this is not a policy for free mail", hint="--free-mail allow, warn or refuse"
            )
        wanted = replace(wanted, free_mail=FreeMail(free_mail))
    if second_person:
        if second_person not in _ANSWERS:
            raise UsageError("a second person is wanted or not", hint="--second-person yes, or no")
        wanted = replace(wanted, second_person=_ANSWERS[second_person])
    return wanted


def show_policy(policy: Policy, *, json: bool) -> None:
    """Show what an organisation allows."""
    from emixcli.exchange.contacts import policy_json
    from emixcli.ui import output

    if json:
        output.write_json({"schema": "emix.contacts-policy/1", **policy_json(policy)})
        return
    output.write_table(
        [
            ("domains", ", ".join(policy.allow_domains) or "all"),
            ("free mail", policy.free_mail.value),
            ("second person for new recipients", "yes" if policy.second_person else "no"),
        ]
    )
