"""`emix inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._options import CodeFile, Json, NoInput

if TYPE_CHECKING:
    from emixcli.package import PackageHead, PackageReader


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A package.")],
    *,
    password: Annotated[
        bool,
        typer.Option("--password", help="Show the ZIP password, for 7-Zip and the like."),
    ] = False,
    contents: Annotated[
        bool, typer.Option("--contents", help="Open it with the own key and show what is in it.")
    ] = False,
    code_file: CodeFile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Tell what can be said about a package: without its key, or with --code-file all of it.

    Without a key that is format, package id, size and the kinds of keys. With one: sender,
    patients, series, reports and losses.
    """
    from emixcli.commands._opening import open_file
    from emixcli.package import load_head
    from emixcli.ui import output

    head = load_head(file)
    if head.file_size != head.size:
        _warn_of_size(head)
    document: dict[str, Any] = {"schema": "emix.inspect/1", **_head_fields(head)}
    if code_file is not None or password or contents:
        with open_file(file, code_file=code_file, no_input=no_input) as package:
            document |= _content_fields(package)
            if password:
                document["password"] = package.password
    if json:
        output.write_json(document)
    elif password:
        output.write_line(document["password"])
    else:
        _show(document)


def _head_fields(head: PackageHead) -> dict[str, Any]:
    return {
        "format": "emix/1",
        "package_id": head.package_id,
        "size": head.size,
        "file_size": head.file_size,
        "entries": head.n_entries,
        "slots": [
            {
                name: slot[name]
                for name in ("kind", "v", "suite", "fingerprint")
                if isinstance(slot.get(name), str | int)
            }
            for slot in head.slots
        ],
    }


def _warn_of_size(head: PackageHead) -> None:
    """Say what a person needs to know before anything else: the file is not whole."""
    from emixcli.ui import console

    there, made = head.file_size, head.size
    if there < made:
        console.warn(f"the file is cut short: {there} of {made} bytes are there; copy it again")
    else:
        console.warn(f"the file was changed: it has {there} bytes, and had {made} when it was made")


def _content_fields(package: PackageReader) -> dict[str, Any]:
    from emixcli.container.summary import summarise

    return {
        **summarise(package.index),
        "counts": package.manifest.counts,
        "losses": package.manifest.losses,
    }


def _show(document: dict[str, Any]) -> None:
    from emixcli.ui import output
    from emixcli.ui.times import time_text
    from emixcli.words import size_text, some

    output.write_line(f"package  {document['package_id']}, format {document['format']}")
    output.write_line(f"size     {size_text(document['size'])}, {document['entries']} entries")
    kinds = [str(slot.get("kind", "?")) for slot in document["slots"]]
    output.write_line(f"keys     {', '.join(kinds) or 'none'}")
    if "counts" not in document:
        return
    sender = document["sender"]
    output.write_line(f"created  {time_text(document['created'])}")
    output.write_line(f"sender   {sender['name']}, {sender['organisation']}")
    output.write_line(f"         key {sender['fingerprint']}")
    for patient in document["patients"]:
        output.write_line(f"patient  {patient['name']}  {patient['id']}  {patient['birth_date']}")
        for study in patient["studies"]:
            output.write_line(f"  study  {study['date']}  {study['description']}")
            for series in study["series"]:
                line = f"{series['modality']:<3} {series['instances']:>6}  {series['description']}"
                output.write_line(f"    {line}")
    for report in document["documents"]:
        output.write_line(f"report   {report['entry']}  {report['kind']}")
    for found in document["findings"]:
        if isinstance(found, dict) and found.get("severity") != "NOTE":
            output.write_line("finding  {code}  {count} x  {why}".format_map(_Known(found)))
    n_lost = document["counts"].get("lost", 0)
    if n_lost:
        output.write_line(f"lost     {some(n_lost, 'object')} could not be read when it was made")


class _Known(dict[str, Any]):
    """Gives "?" for what a finding of another version lacks."""

    def __missing__(self, name: str) -> str:
        return "?"
