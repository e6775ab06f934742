"""`emix keys`: the keys of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._keys_moving import export_private, import_
from emixcli.commands._options import Json, NoInput, PassphraseFile, Profile, Yes
from emixcli.words import groups

if TYPE_CHECKING:
    from emixcli.services.pins import Offered

app = typer.Typer(help="Show, publish and move the keys of this machine, and trust others.")

EXAMPLES = {
    "show": "emix keys show",
    "export": "emix keys export -o our-department.emixkey",
    "import": "emix keys import our-keys.json",
    "publish": "emix keys publish",
    "trust": "emix keys trust jo@clinic.example",
    "list": "emix keys list",
}


@app.command("show")
def show(
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="KEYFILE", help="Show a public key file instead."),
    ] = None,
    json: Json = False,
) -> None:
    """Show the fingerprint of the own keys, which are made on first use.

    Compare it by telephone with what the other side sees.
    """
    from emixcli.ui import output

    document = _document(file)
    if json:
        output.write_json(document)
    else:
        output.write_line(groups(document["fingerprint"]))


def _document(file: Path | None) -> dict[str, Any]:
    from emixcli.container.identity import load_identity, load_public

    public = load_identity().public if file is None else load_public(file)
    return {
        "schema": "emix.keys/1",
        "fingerprint": public.fingerprint,
        "algorithms": ["Ed25519", "X25519", *(["ML-KEM-768"] if public.mlkem else [])],
    }


@app.command("export")
def export(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here, not to the terminal."),
    ] = None,
    private: Annotated[
        bool,
        typer.Option("--private", help="The private keys, under a passphrase, to move them."),
    ] = False,
    passphrase_file: PassphraseFile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Write the public key file, which others give to `emix pack --recipient`.

    It holds nothing secret. With --private the keys themselves are written, encrypted under a
    passphrase of your own: emix keys import takes them on another machine, which then opens,
    shares and signs as this one does.
    """
    from emixcli.errors import UsageError

    if not private:
        if passphrase_file is not None:
            raise UsageError(
                "--passphrase-file goes with --private", hint="a public key needs no passphrase"
            )
        _export_public(output, json=json)
    elif output is None:
        raise UsageError("private keys are never written to the terminal", hint="give -o FILE")
    else:
        export_private(output, passphrase_file, no_input=no_input, json=json)


def _export_public(output: Path | None, *, json: bool) -> None:
    from emixcli.container.identity import load_identity
    from emixcli.container.sink import FileSink
    from emixcli.ui import output as out

    public = load_identity().public
    text = public.to_json().decode("ascii").strip()
    if output is not None:
        with FileSink(output) as sink:
            sink.write(public.to_json())
    if json:
        document = {
            "schema": "emix.keys/1",
            "fingerprint": public.fingerprint,
            "file": None if output is None else str(output),
            "public_key": text,
        }
        out.write_json(document)
    else:
        out.write_line(text if output is None else str(output))


@app.command("publish")
def publish(
    *,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take it back: access codes are needed again.")
    ] = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Let others seal packages for the keys of this machine, so that no access code is needed.

    The exchange hands the public keys out for the address of your account. Tell the fingerprint by
    telephone: nobody uses the keys before they have compared it.
    """
    from emixcli.commands._exchange import access
    from emixcli.container.identity import load_identity
    from emixcli.exchange.connect import connect
    from emixcli.exchange.inbox import publish_key, withdraw_key
    from emixcli.ui import console, output

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    public = load_identity().public
    if withdraw:
        withdraw_key(exchange)
    else:
        publish_key(exchange, public.to_json().decode("ascii"))
    if json:
        document = {"schema": "emix.keys/1", "fingerprint": public.fingerprint}
        output.write_json({**document, "published": not withdraw})
        return
    output.write_line(groups(public.fingerprint))
    console.note("taken back" if withdraw else "published; what is sealed for it: emix inbox")


@app.command("trust")
def trust(
    address: Annotated[str, typer.Argument(metavar="ADDR", help="Of a recipient with an account.")],
    *,
    fingerprint: Annotated[
        str,
        typer.Option("--fingerprint", metavar="F", help="As its owner reads it to you."),
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of another key of this address.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Trust none: share with access codes again.")
    ] = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    yes: Yes = False,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Seal for the published key of a recipient from now on, without access codes.

    Compare the fingerprint by telephone first: whoever runs the exchange could hand out a key of
    their own. Another key is never taken after that without --replace.
    """
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.services import pins

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    if remove:
        pins.forget_pin(exchange.url, address)
        _tell_trusted(address, "", json=json)
        return
    offered = pins.offered_key(exchange, address)
    _confirm_key(offered, fingerprint, replace=replace, yes=yes, no_input=no_input)
    pins.keep_pin(exchange.url, address, offered.public.fingerprint)
    _tell_trusted(address, offered.public.fingerprint, json=json)


def _confirm_key(
    offered: Offered, fingerprint: str, *, replace: bool, yes: bool, no_input: bool
) -> None:
    from emixcli.errors import DeclinedError, RecipientUnconfirmedError
    from emixcli.services.pins import check_fingerprint
    from emixcli.ui import prompts

    if offered.is_changed and not replace:
        raise RecipientUnconfirmedError(
            f"another key of this address is trusted: {groups(offered.pinned)}, and now"
            f" {groups(offered.public.fingerprint)} is published",
            hint="ask its owner by telephone whether they have new keys; then --replace",
        )
    if fingerprint:
        check_fingerprint(offered, fingerprint)
        return
    if not yes and (no_input or not prompts.is_interactive()):
        raise DeclinedError(
            "a terminal is needed to compare the fingerprint that its owner reads to you",
            hint="give it by --fingerprint F",
        )
    prompts.confirm(f"does its owner read {groups(offered.public.fingerprint)} to you?", yes=yes)


def _tell_trusted(address: str, fingerprint: str, *, json: bool) -> None:
    from emixcli.ui import console, output

    if json:
        document = {"schema": "emix.keys/1", "address": address, "trusted": fingerprint or None}
        output.write_json(document)
    elif fingerprint:
        console.note(f"packages for {address} are sealed for {groups(fingerprint)} from now on")
    else:
        console.note(f"packages for {address} need access codes again")


@app.command("list")
def list_(*, profile: Profile = None, json: Json = False) -> None:
    """List the addresses whose keys are trusted here."""
    from emixcli import config
    from emixcli.services.pins import list_pins
    from emixcli.ui import console, output
    from emixcli.urls import check_url

    url = config.load(profile).exchange_url
    found = list_pins(check_url(url)) if url else {}
    if json:
        keys = [{"address": name, "fingerprint": key} for name, key in found.items()]
        output.write_json({"schema": "emix.keys-list/1", "keys": keys})
        return
    if not found:
        console.note("no recipient's key is trusted here: emix keys trust ADDR")
        return
    output.write_table(
        [(name, groups(key)) for name, key in found.items()], head=("address", "key")
    )


app.command("import")(import_)
