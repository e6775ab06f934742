"""`emix pseudonyms`: keys of de-identification in the keyring, and tables that lead back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._options import Json, NoInput, PassphraseFile, Yes

if TYPE_CHECKING:
    from emixcli.services.reidentification import Row

app = typer.Typer(help="Keep keys of de-identification, and read tables that lead back.")

EXAMPLES = {
    "new": "emix pseudonyms new trial-7",
    "list": "emix pseudonyms list",
    "import": "emix pseudonyms import trial-7 study.key",
    "export": "emix pseudonyms export trial-7 -o study.key",
    "remove": "emix pseudonyms remove trial-7",
    "table": "emix pseudonyms table march.table --find ANON-KBA6GW3PT33QBFYBJMZC",
}

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the key, such as trial-7.")]


@app.command("new")
def new(name: Name, *, json: Json = False) -> None:
    """Make a key in the keyring, for emix anonymize --key NAME.

    Export it once and put the file away safely: a lost key cannot be made again.
    """
    from emixcli.services.deid_key import make_kept_key
    from emixcli.ui import console

    make_kept_key(name)
    _tell([name], json=json)
    if not json:
        console.note("put a copy away safely: emix pseudonyms export")


@app.command("list")
def list_(*, json: Json = False) -> None:
    """List the names of the keys that were put into the keyring here."""
    from emixcli.services.deid_key import names

    _tell(names(), json=json)


@app.command("import")
def import_(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A key file.")],
    *,
    json: Json = False,
) -> None:
    """Put the key of a key file into the keyring; the file stays."""
    from emixcli.services.deid_key import keep_key, load_key_file

    keep_key(name, load_key_file(file))
    _tell([name], json=json)


@app.command("export")
def export(
    name: Name,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A new file, mode 0600.")
    ],
    json: Json = False,
) -> None:
    """Write a key of the keyring to a key file, to put it away or take it to another machine.

    It is not encrypted: whoever has it can link patients to their pseudonyms.
    """
    from emixcli.services.deid_key import export_key
    from emixcli.ui import console
    from emixcli.ui import output as out

    export_key(name, output)
    if json:
        out.write_json({"schema": "emix.pseudonyms/1", "keys": [name], "file": str(output)})
        return
    out.write_line(str(output))
    console.note("whoever has this key can link patients to their pseudonyms: put it away safely")


@app.command("remove")
def remove(name: Name, *, yes: Yes = False, no_input: NoInput = False, json: Json = False) -> None:
    """Remove a key from the keyring: without a copy, later deliveries will not fit to earlier."""
    from emixcli.services.deid_key import forget_key, load_kept_key
    from emixcli.ui import prompts

    load_kept_key(name)
    prompts.typed("remove this key for ever?", "REMOVE", yes=yes, no_input=no_input)
    forget_key(name)
    _tell([name], json=json)


@app.command("table")
def table(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Made by emix anonymize --table FILE.")
    ],
    *,
    find: Annotated[
        str | None,
        typer.Option(
            "--find",
            metavar="VALUE",
            help="Only what has this pseudonym, ID or UID, and what it belongs to.",
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Show what the new values of a de-identified folder were: this tells who the patients are.

    Below a header each line has kind, new value, old value, the new value of what it belongs to,
    and for a patient the days by which dates were moved, with tabs between them. Nothing is written
    to the disk. Ends with 2 where --find finds nothing.
    """
    from emixcli.commands._opening import read_secret
    from emixcli.errors import PassphraseError, UsageError
    from emixcli.services.reidentification import find_rows, read_table
    from emixcli.ui import prompts

    passphrase = None
    if passphrase_file is not None:
        passphrase = read_secret(passphrase_file, what="passphrase", option="--passphrase-file")
    try:
        rows = read_table(file, passphrase)
    except PassphraseError:
        if passphrase is not None or no_input or not prompts.is_interactive():
            raise
        rows = read_table(file, prompts.ask_secret("passphrase of the table"))
    if find is not None:
        rows = find_rows(rows, find)
    _show_rows(rows, json=json)
    if find is not None and not rows:
        raise UsageError(
            "the table has no such value",
            hint="give it whole: a pseudonym, an ID or a UID; another table may have it",
        )


def _show_rows(rows: list[Row], *, json: bool) -> None:
    from emixcli.ui import output

    if json:
        output.write_json(
            {"schema": "emix.pseudonyms-table/1", "rows": [row._asdict() for row in rows]}
        )
        return
    if not rows:
        return
    output.write_line("kind\tnew\told\tof\tdays")
    for row in rows:
        days = "" if row.shift_days is None else str(row.shift_days)
        output.write_line(f"{row.kind}\t{row.new}\t{row.old}\t{row.of}\t{days}".rstrip("\t"))


def _tell(names: list[str], *, json: bool) -> None:
    from emixcli.ui import output

    if json:
        output.write_json({"schema": "emix.pseudonyms/1", "keys": names})
        return
    for name in names:
        output.write_line(name)
