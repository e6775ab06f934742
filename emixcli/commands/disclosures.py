"""`emix disclosures`: HIPAA's accounting, 45 CFR 164.528."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, NoInput, PassphraseFile, Profile

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange
    from emixcli.services.accounting import Accounted, AccountingKey


def command(
    patient: Annotated[
        str,
        typer.Argument(metavar="[PATIENT]", help="The Patient ID; - reads it from standard input."),
    ] = "",
    *,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Begin the accounting of your organisation.")
    ] = False,
    export_key: Annotated[
        Path | None,
        typer.Option("--export-key", metavar="FILE", help="Write its key, under a passphrase."),
    ] = None,
    import_key: Annotated[
        Path | None,
        typer.Option("--import-key", metavar="FILE", help="Bring its key to this machine."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """List what was disclosed of a patient within six years: when, to whom, what and what for.

    For administrators and auditors. The exchange does not know the patient: ids are hashed on this
    machine with a key of your organisation. An administrator makes it once (--new-key), and every
    machine that sends needs it; what was shared before is not in the accounting.
    """
    from emixcli.commands._exchange import access
    from emixcli.errors import UsageError
    from emixcli.exchange.connect import connect

    chosen = [bool(patient), new_key, export_key is not None, import_key is not None]
    if sum(chosen) != 1:
        raise UsageError(
            "give a patient, or one of --new-key, --export-key, --import-key",
            hint="emix disclosures PATIENT_ID lists what was disclosed of a patient",
        )
    if import_key is not None:
        _import(import_key, passphrase_file, no_input=no_input, json=json)
        return
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    if new_key:
        _begin(exchange, json=json)
    elif export_key is not None:
        _export(exchange, export_key, passphrase_file, no_input=no_input, json=json)
    else:
        _list(exchange, patient, json=json)


def _list(exchange: HttpExchange, patient: str, *, json: bool) -> None:
    from emixcli.commands._opening import read_secret
    from emixcli.services.accounting import find_accounting
    from emixcli.ui import console, output
    from emixcli.ui.times import time_text

    if patient == "-":
        patient = read_secret(Path("-"), what="patient", option="PATIENT")
    found = find_accounting(exchange, patient)
    if json:
        document = {"schema": "emix.disclosures/1", "disclosures": [_json(one) for one in found]}
        output.write_json(document)
        return
    if not found:
        console.note("nothing was disclosed of this patient within six years")
        return
    head = ("time", "recipient", "what", "purpose", "must be listed")
    rows = [
        (time_text(one.at), one.recipient, one.description, one.purpose, _yes(one)) for one in found
    ]
    output.write_table(rows, head=head)


def _yes(one: Accounted) -> str:
    return "yes" if one.must_list else "no"


def _json(one: Accounted) -> dict[str, str | bool]:
    return {
        "at": one.at,
        "recipient": one.recipient,
        "description": one.description,
        "issuer": one.issuer,
        "purpose": one.purpose,
        "must_list": one.must_list,
        "share_id": one.share_id,
    }


def _begin(exchange: HttpExchange, *, json: bool) -> None:
    from emixcli.errors import ForbiddenError, UsageError
    from emixcli.exchange.disclosures import begin_accounting
    from emixcli.services.accounting import keep_key
    from emixcli.services.accounting import new_key as make_key

    account = exchange.account()
    if account.role != "admin":
        raise ForbiddenError(
            "only an administrator begins the accounting of disclosures",
            hint="ask one of your organisation",
        )
    if account.accounting:
        raise UsageError(
            "your organisation keeps its accounting of disclosures already",
            hint="bring its key here: emix disclosures --import-key FILE",
        )
    key = make_key()
    # First here: an accounting whose key is lost could not be read, nor anything be sent.
    keep_key(key)
    begin_accounting(exchange, key.fingerprint)
    _tell(key, json=json, note="bring it to every machine that sends: --export-key, --import-key")


def _export(
    exchange: HttpExchange, path: Path, passphrase_file: Path | None, *, no_input: bool, json: bool
) -> None:
    from emixcli.commands._opening import ask_passphrase
    from emixcli.errors import UsageError
    from emixcli.services.accounting import export_key, load_key
    from emixcli.services.secret_file import write_secret

    fingerprint = exchange.account().accounting
    if not fingerprint:
        raise UsageError(
            "your organisation keeps no accounting of disclosures",
            hint="an administrator begins it: emix disclosures --new-key",
        )
    key = load_key(fingerprint)
    passphrase = ask_passphrase(passphrase_file, repeat=True, no_input=no_input)
    write_secret(path, export_key(key, passphrase))
    _tell(key, json=json, note=f"written to {path}")


def _import(path: Path, passphrase_file: Path | None, *, no_input: bool, json: bool) -> None:
    from emixcli.commands._opening import ask_passphrase
    from emixcli.services.accounting import keep_key, read_export

    key = read_export(path, ask_passphrase(passphrase_file, repeat=False, no_input=no_input))
    keep_key(key)
    _tell(key, json=json, note="this machine sends and reads with it from now on")


def _tell(key: AccountingKey, *, json: bool, note: str) -> None:
    from emixcli.ui import console, output

    if json:
        output.write_json({"schema": "emix.disclosures/1", "key": key.fingerprint})
        return
    output.write_line(key.fingerprint)
    console.note(note)
