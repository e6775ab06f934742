"""`emix contacts`: the address book of the organisation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, NoInput, Profile, Yes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.exchange.contacts import Contact
    from emixcli.exchange.http import HttpExchange
    from emixcli.guard.check import Policy as OrganisationPolicy

app = typer.Typer(help="Keep the addresses that your organisation knows.", no_args_is_help=True)

EXAMPLES = {
    "list": "emix contacts list --state verified",
    "show": "emix contacts show jo@clinic.example",
    "add": "emix contacts add jo@clinic.example --name 'Jo Harmon' --npi 1234567893",
    "remove": "emix contacts remove jo@clinic.example",
    "block": "emix contacts block jo@clinic.example",
    "unblock": "emix contacts unblock jo@clinic.example",
    "import": "emix contacts import contacts.csv",
    "export": "emix contacts export -o contacts.csv",
    "policy": "emix contacts policy --free-mail warn --allow-domain clinic.example",
}

Address = Annotated[str, typer.Argument(metavar="ADDR", help="Mail address.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Do not ask the exchange: what was listed last.")
]


@app.command("list")
def list_(
    *,
    state: Annotated[
        str, typer.Option("--state", metavar="S", help="new, notified, verified or blocked.")
    ] = "",
    offline: Offline = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """List the contacts of your organisation.

    They are kept on this machine as well, for its owner only, and shown from there with the time
    where the exchange cannot be reached.
    """
    from emixcli.commands._contacts import check_state, load, show_table
    from emixcli.commands._exchange import access
    from emixcli.ui import console
    from emixcli.ui.times import time_text

    check_state(state)
    how = access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout)
    found, fresh = load(how, offline=offline)
    contacts = [one for one in found.contacts if state in {"", one.state}]
    if json:
        _write_json(contacts, as_of=found.as_of, offline=not fresh)
        return
    if not fresh:
        console.note(f"not asked: the contacts of {time_text(found.as_of)}")
    show_table(contacts)


@app.command("show")
def show(
    email: Address,
    *,
    offline: Offline = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show what is known of an address."""
    from emixcli.commands._contacts import load, show_one
    from emixcli.commands._exchange import access
    from emixcli.services.contacts import find_contact

    how = access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout)
    contact = find_contact(load(how, offline=offline)[0].contacts, email)
    if json:
        _write_json([contact])
    else:
        show_one(contact)


@app.command("add")
def add(
    email: Address,
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Of the person.")] = "",
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="NAME", help="Of the person.")
    ] = "",
    npi: Annotated[
        str, typer.Option("--npi", metavar="N", help="National Provider Identifier.")
    ] = "",
    identifier: Annotated[str, typer.Option("--id", metavar="ID", help="Another identifier.")] = "",
    fingerprint: Annotated[
        str,
        typer.Option("--fingerprint", metavar="HEX", help="Of the public key, read out to you."),
    ] = "",
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    yes: Yes = False,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Enter an address on purpose, or change what is noted of it; it then needs no confirming.

    This alone lets through an address that looks like a slip in another one: compare it letter by
    letter first. On a terminal it is typed a second time; elsewhere such an address needs --yes.
    """
    from emixcli.commands._contacts import accepted
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.exchange.contacts import enter_contact
    from emixcli.mailaddress import parse_address
    from emixcli.services.contacts import details_of

    email = parse_address(email)
    details = details_of(
        name=name, organisation=organisation, npi=npi, other=identifier, fingerprint=fingerprint
    )
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    accept = accepted(exchange, email, yes=yes, no_input=no_input)
    _done(enter_contact(exchange, email, details, accept=accept), json=json)


@app.command("remove")
def remove(
    email: Address,
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Forget a contact; its address is new again. A blocked one only by an administrator."""
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.exchange.contacts import remove_contact
    from emixcli.mailaddress import parse_address
    from emixcli.ui import console

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    remove_contact(exchange, parse_address(email))
    if json:
        _write_json([], removed=email)
    else:
        console.note("removed")


@app.command("block")
def block(
    email: Address,
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Have nothing more sent to an address, by anybody of your organisation; administrators only.

    Mails that are held for it never leave. What has left: emix revoke.
    """
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    _act(exchange, email, "block", json=json)


@app.command("unblock")
def unblock(
    email: Address,
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Take a block away; administrators only. The contact is what it was before."""
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    _act(exchange, email, "unblock", json=json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header.")],
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Enter the contacts of a CSV file; those that are there are brought up to date.

    A line that looks like a slip in another contact is not taken: add it by itself. Ends with 3
    where lines were not taken.
    """
    from emixcli.commands._contacts import show_imported
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.services.contacts import import_contacts, read_contacts

    rows = read_contacts(file)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    show_imported(len(rows), import_contacts(exchange, rows), json=json)


@app.command("export")
def export(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here, not to the terminal."),
    ] = None,
    offline: Offline = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Write the contacts as CSV, which import takes.

    Without addresses that nobody entered and no owner proved, and without blocked ones.
    """
    from emixcli.commands._contacts import load
    from emixcli.commands._exchange import access
    from emixcli.container.sink import FileSink
    from emixcli.services.contacts import contacts_csv, entered
    from emixcli.ui import console
    from emixcli.ui import output as out
    from emixcli.words import some

    how = access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout)
    found, fresh = load(how, offline=offline)
    contacts = entered(found.contacts)
    text = contacts_csv(contacts)
    if output is not None:
        with FileSink(output, mode=0o600) as sink:
            sink.write(text.encode())
    if json:
        file = None if output is None else str(output)
        _write_json(contacts, as_of=found.as_of, offline=not fresh, file=file)
        return
    if output is None:
        out.write_line(text.rstrip("\n"))
    left = len(found.contacts) - len(contacts)
    console.note(
        f"{some(len(contacts), 'contact')} written; {left} blocked or never entered left out"
    )


@app.command("policy")
def policy(
    *,
    allow_domain: Annotated[
        list[str] | None,
        typer.Option("--allow-domain", metavar="D", help="Send to this domain; once per domain."),
    ] = None,
    any_domain: Annotated[
        bool, typer.Option("--any-domain", help="Send to every domain again.")
    ] = False,
    free_mail: Annotated[
        str,
        typer.Option("--free-mail", metavar="P", help="gmail.com and such: allow, warn or refuse."),
    ] = "",
    second_person: Annotated[
        str,
        typer.Option(
            "--second-person",
            metavar="Y",
            help="yes or no: a new recipient is entered by another person than the one who sends.",
        ),
    ] = "",
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show whom your organisation sends to; administrators change it. The exchange enforces it.

    The domains that are given take the place of those before, and hold for those below them too.
    """
    from emixcli.commands._contacts import changed_policy, show_policy
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.exchange.contacts import load_policy, save_policy

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    now: OrganisationPolicy = load_policy(exchange)
    wanted = changed_policy(
        now,
        domains=() if any_domain else tuple(allow_domain or now.allow_domains),
        free_mail=free_mail,
        second_person=second_person,
    )
    show_policy(now if wanted == now else save_policy(exchange, wanted), json=json)


def _act(exchange: HttpExchange, email: str, action: str, *, json: bool) -> None:
    from emixcli.exchange.contacts import act_on_contact
    from emixcli.mailaddress import parse_address

    _done(act_on_contact(exchange, parse_address(email), action), json=json)


def _done(contact: Contact, *, json: bool) -> None:
    from emixcli.commands._contacts import show_one

    if json:
        _write_json([contact])
    else:
        show_one(contact)


def _write_json(contacts: Sequence[Contact], **more: Any) -> None:
    from emixcli.ui import output

    document = {"schema": "emix.contacts/1", "contacts": [one.as_json() for one in contacts]}
    output.write_json({**document, **more})
