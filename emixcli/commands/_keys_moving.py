"""Private keys from one machine to another: `emix keys export --private`, `emix keys import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emixcli.commands._options import Json, NoInput, PassphraseFile, Yes


def export_private(
    output: Path, passphrase_file: Path | None, *, no_input: bool, json: bool
) -> None:
    """Write the private keys under a passphrase."""
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
    from emixcli.words import groups

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
    output.write_line(groups(done.fingerprint))
    if done.kept is not None:
        console.note(f"the keys that were here before are kept in {done.kept}")
    if done.already:
        console.note("this machine has these keys already")
