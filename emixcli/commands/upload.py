"""`emix upload`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import DryRun, Json, Profile, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.exchange.interface import Account
    from emixcli.package import PackageHead
    from emixcli.services.upload import UploadResult


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A package, made by emix pack.")],
    *,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Upload a package to the exchange; nobody gets access by that.

    Its access code stays behind: emix share makes new ones. Stopped at any moment, the same
    command goes on where it was.
    """
    del verbose
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.package import load_head
    from emixcli.services.accounting import patients_in
    from emixcli.services.upload import upload_file
    from emixcli.ui.progress import progress

    head = load_head(file)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    account = exchange.account()
    if dry_run:
        _show_plan(head, account, json=json)
        return
    patients = patients_in(file, account.accounting)
    with progress(quiet) as listener:
        result = upload_file(exchange, file, patients=patients, progress=listener)
    _show(result, json=json, quiet=quiet)


def _show_plan(head: PackageHead, account: Account, *, json: bool) -> None:
    from emixcli.ui import output
    from emixcli.words import size_text

    if json:
        document = {
            "schema": "emix.upload/1",
            "dry_run": True,
            "package_id": head.package_id,
            "size": head.size,
        }
        output.write_json(document)
        return
    output.write_line(
        f"would upload package {head.package_id}, {size_text(head.size)}, as {account.email};"
        " nothing was sent"
    )


def _show(result: UploadResult, *, json: bool, quiet: bool) -> None:
    from emixcli.commands._exchange import package_json
    from emixcli.ui import console, output
    from emixcli.ui.times import time_text
    from emixcli.words import size_text

    package = result.package
    if json:
        document = {
            "schema": "emix.upload/1",
            **package_json(package),
            "parts": result.n_parts,
            "parts_kept": result.n_skipped,
        }
        output.write_json(document)
        return
    output.write_line(package.package_id)
    console.note(
        f"{size_text(package.size)}, {package.state}, kept until"
        f" {time_text(package.expires)}; share it with emix share",
        quiet=quiet,
    )
