"""`emix keys`: the keys of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, NoInput, Profile, Yes

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

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="Read the passphrase from FILE (- for stdin)."
    ),
]


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
        output.write_line(_groups(document["fingerprint"]))


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
        _export_private(output, passphrase_file, no_input=no_input, json=json)


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


def _export_private(
    output: Path, passphrase_file: Path | None, *, no_input: bool, json: bool
) -> None:
    from emixcli.commands._opening import ask_passphrase
    from emixcli.container.identity import load_identity
    from emixcli.services.keys import export_keys
    from emixcli.services.secret_file import write_secret
    from emixcli.ui import console
    from emixcli.ui import output as out

    fingerprint = load_identity(create=False).fingerprint()
    passphrase = ask_passphrase(passphrase_file, repeat=True, no_input=no_input)
    write_secret(output, export_keys(passphrase).decode("ascii"))
    if json:
        document = {"schema": "emix.keys/1", "fingerprint": fingerprint, "file": str(output)}
        out.write_json(document)
        return
    out.write_line(str(output))
    console.note("whoever has this file and the passphrase opens what was packed here")


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Made by emix keys export --private.")
    ],
    *,
    passphrase_file: PassphraseFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of other keys, which are kept.")
    ] = False,
    yes: Yes = False,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Take the private keys of another machine as one's own.

    Where this machine has other keys already, nothing is done without --replace; what was packed
    with those opens with them only, so they are kept in a file beside the new ones.
    """
    from emixcli.commands._opening import ask_passphrase
    from emixcli.services import keys as service
    from emixcli.ui import console, output, prompts

    passphrase = ask_passphrase(passphrase_file, repeat=False, no_input=no_input)
    identity = service.read_export(file, passphrase)
    present = service.find_own()
    if replace and present not in {None, identity.fingerprint()}:
        prompts.typed("replace the keys of this machine?", "REPLACE", yes=yes, no_input=no_input)
    done = service.import_keys(identity, replace=replace)
    if json:
        document = {
            "schema": "emix.keys/1",
            "fingerprint": done.fingerprint,
            "already": done.already,
            "kept": None if done.kept is None else str(done.kept),
        }
        output.write_json(document)
        return
    output.write_line(_groups(done.fingerprint))
    if done.kept is not None:
        console.note(f"the keys that were here before are kept in {done.kept}")
    if done.already:
        console.note("this machine has these keys already")


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
    output.write_line(_groups(public.fingerprint))
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
    from emixcli.errors import RecipientUnconfirmedError
    from emixcli.services.pins import check_fingerprint
    from emixcli.ui import prompts

    if offered.is_changed and not replace:
        raise RecipientUnconfirmedError(
            f"another key of this address is trusted: {_groups(offered.pinned)}, and now"
            f" {_groups(offered.public.fingerprint)} is published",
            hint="ask its owner by telephone whether they have new keys; then --replace",
        )
    if fingerprint:
        check_fingerprint(offered, fingerprint)
        return
    prompts.confirm(
        f"does its owner read {_groups(offered.public.fingerprint)} to you?",
        yes=yes,
        no_input=no_input,
    )


def _tell_trusted(address: str, fingerprint: str, *, json: bool) -> None:
    from emixcli.ui import console, output

    if json:
        document = {"schema": "emix.keys/1", "address": address, "trusted": fingerprint or None}
        output.write_json(document)
    elif fingerprint:
        console.note(f"packages for {address} are sealed for {_groups(fingerprint)} from now on")
    else:
        console.note(f"packages for {address} need access codes again")


@app.command("list")
def list_(*, profile: Profile = None, json: Json = False) -> None:
    """List the addresses whose keys are trusted here."""
    from emixcli import config
    from emixcli.services.pins import list_pins
    from emixcli.ui import output
    from emixcli.urls import check_url

    url = config.load(profile).exchange_url
    found = list_pins(check_url(url)) if url else {}
    if json:
        keys = [{"address": name, "fingerprint": key} for name, key in found.items()]
        output.write_json({"schema": "emix.keys-list/1", "keys": keys})
        return
    output.write_table(
        [(name, _groups(key)) for name, key in found.items()], head=("address", "key")
    )


def _groups(fingerprint: str) -> str:
    return " ".join(fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4))
