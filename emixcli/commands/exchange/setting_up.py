"""`emix exchange init`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._options import Json, NoInput, PasswordFile
from emixcli.commands.exchange.installation import BaseUrl, Dir, find_password, show_password

if TYPE_CHECKING:
    from emixcli.server.settings import Settings


def init(
    data: Dir,
    *,
    email: Annotated[
        str, typer.Option("--email", metavar="ADDR", help="Mail address of the administrator.")
    ],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of the administrator.")
    ] = "Administrator",
    organisation: Annotated[
        str,
        typer.Option(
            "--organisation", metavar="NAME", help="Name of the organisation, shown in mails."
        ),
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
    password = find_password(password_file, no_input=no_input)
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


def _certificate_hosts(settings: Settings) -> tuple[str, ...]:
    from urllib.parse import urlsplit

    names = [urlsplit(settings.base_url).hostname, settings.listen.rpartition(":")[0].strip("[]")]
    hosts = [name for name in names if name and name not in {"0.0.0.0", "::"}]  # noqa: S104 - not bound
    return tuple(dict.fromkeys([*hosts, "localhost", "127.0.0.1"]))


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
    show_password(document["administrator"] or "", generated or "")
