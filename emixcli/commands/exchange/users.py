"""`emix exchange user`: the accounts of an exchange."""

from __future__ import annotations

from typing import Annotated

import typer

from emixcli.commands._options import Json, NoInput, PasswordFile
from emixcli.commands.exchange.installation import Dir, find_password, settings_of, show_password

app = typer.Typer(help="Accounts of an exchange.")

Address = Annotated[str, typer.Argument(metavar="ADDR", help="Mail address, the login name.")]


@app.command("add")
def add(
    data: Dir,
    email: Address,
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name, shown to recipients.")],
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="NAME", help="Name of the organisation.")
    ],
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="sender, admin or auditor.")
    ] = "sender",
    password_file: PasswordFile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Add an account; without a password, one is made and printed once."""
    from emixcli.server.accounts import NewAccount, Passwords, add_account
    from emixcli.server.app import opened_exchange
    from emixcli.server.setup import new_password
    from emixcli.server.states import Role
    from emixcli.ui import console, output

    if role not in set(Role):
        message = "a role is sender, admin or auditor"
        raise typer.BadParameter(message)
    given = find_password(password_file, no_input=no_input)
    generated = "" if given else new_password()
    new = NewAccount(email, name, organisation, Role(role), given or generated)
    with opened_exchange(settings_of(data)) as exchange:
        account = add_account(exchange, new, Passwords())
    if json:
        fields = {"id": account.id, "email": account.email, "role": account.role}
        output.write_json({"schema": "emix.exchange-user/1", "user": fields})
    else:
        console.note(f"added to {account.organisation}: {account.email}, {account.role}")
    show_password(account.email, generated, quiet=json)


@app.command("list")
def list_users(data: Dir, *, json: Json = False) -> None:
    """List the accounts."""
    from emixcli.server.accounts import list_accounts
    from emixcli.server.app import opened_exchange
    from emixcli.ui import output

    with opened_exchange(settings_of(data)) as exchange:
        rows = list_accounts(exchange)
    names = ("id", "email", "name", "organisation", "role", "disabled")
    users = [{name: getattr(row, name) for name in names} for row in rows]
    if json:
        output.write_json({"schema": "emix.exchange-user/1", "users": users})
        return
    columns = ("email", "role", "organisation", "name")
    table = [
        (*(str(user[name]) for name in columns), "disabled" if user["disabled"] else "active")
        for user in users
    ]
    output.write_table(table, head=(*columns, "state"))


@app.command("disable")
def disable(
    data: Dir,
    email: Address,
    *,
    json: Json = False,
) -> None:
    """Refuse an account from now on; its logins end."""
    from emixcli.server.accounts import change_account
    from emixcli.server.app import opened_exchange
    from emixcli.ui import console, output

    with opened_exchange(settings_of(data)) as exchange:
        change_account(exchange, email, disabled=True)
    if json:
        fields = {"email": email, "disabled": True}
        output.write_json({"schema": "emix.exchange-user/1", "user": fields})
    else:
        console.note(f"{email} is disabled; emix exchange user passwd enables it again")


@app.command("passwd")
def passwd(
    data: Dir,
    email: Address,
    *,
    password_file: PasswordFile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Set a new password and enable the account; its logins end."""
    from emixcli.server.accounts import Passwords, change_account
    from emixcli.server.app import opened_exchange
    from emixcli.server.setup import new_password
    from emixcli.ui import output

    given = find_password(password_file, no_input=no_input)
    generated = "" if given else new_password()
    password_hash = Passwords().hash(given or generated)
    with opened_exchange(settings_of(data)) as exchange:
        change_account(exchange, email, password_hash=password_hash, disabled=False)
    if json:
        fields = {"email": email, "disabled": False}
        output.write_json({"schema": "emix.exchange-user/1", "user": fields})
    show_password(email, generated, quiet=json)
