"""`emix exchange`: run and look after an exchange."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._options import Json, NoInput, PasswordFile, Verbose

if TYPE_CHECKING:
    from emixcli.server.settings import Settings

app = typer.Typer(help="Run and look after an exchange.")
user_app = typer.Typer(help="Accounts of an exchange.")
app.add_typer(user_app, name="user")

EXAMPLES = {
    "init": "emix exchange init /srv/emix --email it@hospital.example",
    "serve": "emix exchange serve /srv/emix",
    "purge": "emix exchange purge /srv/emix",
    "check": "emix exchange check /srv/emix --full",
    "user add": "emix exchange user add /srv/emix ct@a.example --name CT --organisation Hospital",
    "user list": "emix exchange user list /srv/emix",
    "user disable": "emix exchange user disable /srv/emix ct@a.example",
    "user passwd": "emix exchange user passwd /srv/emix ct@a.example",
}

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="Data directory of the exchange.")]
Address = Annotated[str, typer.Argument(metavar="ADDR", help="Mail address, the login name.")]
BaseUrl = Annotated[
    str, typer.Option("--base-url", metavar="URL", help="Public address, used in links.")
]


@app.command("init")
def init(
    data: Dir,
    *,
    email: Annotated[
        str, typer.Option("--email", metavar="ADDR", help="Mail address of the administrator.")
    ],
    name: Annotated[
        str, typer.Option("--name", help="Name of the administrator.")
    ] = "Administrator",
    organisation: Annotated[
        str, typer.Option("--organisation", help="Name of the organisation, shown in mails.")
    ] = "My organisation",
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen.")
    ] = "127.0.0.1:8470",
    base_url: BaseUrl = "",
    mail_from: Annotated[
        str, typer.Option("--mail-from", metavar="ADDR", help="Sender of the mails.")
    ] = "",
    test_tls: Annotated[
        bool, typer.Option("--test-tls", help="Make a test certificate, to try things out.")
    ] = False,
    password_file: PasswordFile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Make the data directory of a new exchange."""
    from emixcli.server.accounts import NewAccount
    from emixcli.server.settings import MailSettings, Settings
    from emixcli.server.setup import create_installation
    from emixcli.server.states import Role

    mail = MailSettings(sender=mail_from) if mail_from else MailSettings()
    settings = Settings(data=data.absolute(), listen=listen, base_url=base_url, mail=mail)
    password = _password(password_file, no_input=no_input)
    account = NewAccount(email, name, organisation, Role.ADMIN, password)
    hosts = _certificate_hosts(settings) if test_tls else ()
    made = create_installation(settings, account, test_tls=hosts)
    document = {
        "schema": "emix.exchange-init/1",
        "data": str(made.data),
        "administrator": made.administrator,
        "authority": str(made.authority) if made.authority else None,
    }
    _show_init(document, made.generated_password, json=json)


@app.command("serve")
def serve(
    data: Dir,
    *,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen; port 0: any.")
    ] = "",
    base_url: BaseUrl = "",
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front does TLS.")
    ] = False,
    verbose: Verbose = 0,
    json: Json = False,
) -> None:
    """Serve until stopped; goes on where it was, also after a crash."""
    import logging

    from emixcli.server import run
    from emixcli.ui import console, output

    settings = _settings(data)
    settings = dataclasses.replace(
        settings,
        listen=listen or settings.listen,
        base_url=base_url or settings.base_url,
        behind_proxy=settings.behind_proxy or behind_proxy,
    )
    run.configure_logging(logging.INFO if verbose else logging.WARNING)

    def on_ready(url: str) -> None:
        if json:
            output.write_json({"schema": "emix.exchange-serve/1", "url": url})
        console.note(f"emix: exchange ready at {url}")

    run.serve(settings, on_ready)


@app.command("purge")
def purge(data: Dir, *, json: Json = False) -> None:
    """End what has expired and remove its bytes now, and bytes that belong to nothing."""
    from emixcli.server.app import opened_exchange
    from emixcli.server.housekeeping import purge_now
    from emixcli.ui import output

    with opened_exchange(_settings(data)) as exchange:
        counts = purge_now(exchange)
    if json:
        output.write_json({"schema": "emix.exchange-purge/1", **counts})
    else:
        words = ", ".join(f"{n} {name}" for name, n in counts.items())
        output.write_line(words)


@app.command("check")
def check(
    data: Dir,
    *,
    full: Annotated[bool, typer.Option("--full", help="Read and hash every stored byte.")] = False,
    json: Json = False,
) -> None:
    """Verify the database, the audit chains and the stored files; 3 when something is wrong."""
    from emixcli.errors import PartialError
    from emixcli.server.app import opened_exchange
    from emixcli.server.check import check_exchange
    from emixcli.ui import output
    from emixcli.ui.words import some

    with opened_exchange(_settings(data)) as exchange:
        problems = list(check_exchange(exchange, full=full))
    if json:
        output.write_json({"schema": "emix.exchange-check/1", "problems": problems})
    else:
        for problem in problems:
            output.write_line(problem)
    if problems:
        message = f"{some(len(problems), 'problem')} found"
        raise PartialError(
            message, hint="restore what is missing from a backup, or have it sent again"
        )
    if not json:
        output.write_line("everything is in order")


@user_app.command("add")
def user_add(
    data: Dir,
    email: Address,
    *,
    name: Annotated[str, typer.Option("--name", help="Name, shown to recipients.")],
    organisation: Annotated[str, typer.Option("--organisation", help="Name of the organisation.")],
    role: Annotated[str, typer.Option("--role", help="sender, admin or auditor.")] = "sender",
    password_file: PasswordFile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Add an account; without a password, one is made and printed once."""
    from emixcli.server.accounts import NewAccount, Passwords, add_account
    from emixcli.server.app import opened_exchange
    from emixcli.server.setup import new_password
    from emixcli.server.states import Role
    from emixcli.ui import output

    if role not in set(Role):
        message = "a role is sender, admin or auditor"
        raise typer.BadParameter(message)
    given = _password(password_file, no_input=no_input)
    generated = "" if given else new_password()
    new = NewAccount(email, name, organisation, Role(role), given or generated)
    with opened_exchange(_settings(data)) as exchange:
        account = add_account(exchange, new, Passwords())
    if json:
        fields = {"id": account.id, "email": account.email, "role": account.role}
        output.write_json({"schema": "emix.exchange-user/1", "user": fields})
    _show_password(account.email, generated, quiet=json)


@user_app.command("list")
def user_list(data: Dir, *, json: Json = False) -> None:
    """List the accounts."""
    from emixcli.server.accounts import list_accounts
    from emixcli.server.app import opened_exchange
    from emixcli.ui import output

    with opened_exchange(_settings(data)) as exchange:
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


@user_app.command("disable")
def user_disable(
    data: Dir,
    email: Address,
    *,
    json: Json = False,
) -> None:
    """Refuse an account from now on; its logins end."""
    from emixcli.server.accounts import change_account
    from emixcli.server.app import opened_exchange
    from emixcli.ui import output

    with opened_exchange(_settings(data)) as exchange:
        change_account(exchange, email, disabled=True)
    if json:
        fields = {"email": email, "disabled": True}
        output.write_json({"schema": "emix.exchange-user/1", "user": fields})


@user_app.command("passwd")
def user_passwd(
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

    given = _password(password_file, no_input=no_input)
    generated = "" if given else new_password()
    password_hash = Passwords().hash(given or generated)
    with opened_exchange(_settings(data)) as exchange:
        change_account(exchange, email, password_hash=password_hash, disabled=False)
    if json:
        fields = {"email": email, "disabled": False}
        output.write_json({"schema": "emix.exchange-user/1", "user": fields})
    _show_password(email, generated, quiet=json)


def _settings(data: Path) -> Settings:
    from emixcli.server.settings import load_settings

    return load_settings(data.absolute())


def _certificate_hosts(settings: Settings) -> tuple[str, ...]:
    from urllib.parse import urlsplit

    names = [urlsplit(settings.base_url).hostname, settings.listen.rpartition(":")[0].strip("[]")]
    hosts = [name for name in names if name and name not in {"0.0.0.0", "::"}]  # noqa: S104 - not bound
    return tuple(dict.fromkeys([*hosts, "localhost", "127.0.0.1"]))


def _password(password_file: Path | None, *, no_input: bool) -> str:
    """Return the password of a file, stdin or a prompt; empty where one is to be made."""
    from emixcli.commands._opening import read_secret
    from emixcli.ui import prompts

    if password_file is not None:
        return read_secret(password_file, what="password", option="--password-file")
    if no_input or not prompts.is_interactive():
        return ""
    return prompts.ask_secret("password (empty: make one)", repeat=True)


def _show_init(document: dict[str, str | None], generated: str | None, *, json: bool) -> None:
    from emixcli.ui import console, output

    if json:
        output.write_json(document)
    else:
        output.write_line(f"data directory  {document['data']}")
        output.write_line(f"administrator   {document['administrator']}")
        if document["authority"]:
            output.write_line(f"authority       {document['authority']}")
        console.note(f"next: emix exchange serve {document['data']}")
    _show_password(document["administrator"] or "", generated or "", quiet=False)


def _show_password(email: str, generated: str, *, quiet: bool = False) -> None:
    """A generated password, once, on the terminal; never in JSON."""
    from emixcli.ui import console

    if generated:
        console.tell(f"emix: password of {email}, shown only now: {generated}")
    elif not quiet:
        console.note(f"emix: the password of {email} is set")
