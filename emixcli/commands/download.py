"""`emix download`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import CodeFile, DryRun, Json, NoInput, Profile, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.container.slots import Slot
    from emixcli.exchange.connect import Access
    from emixcli.exchange.http import HttpExchange
    from emixcli.exchange.interface import Content
    from emixcli.progress import ProgressListener
    from emixcli.services.download import Downloaded, Source

Target = Annotated[
    str,
    typer.Argument(
        metavar="ID|LINK", help="An own package, one of the inbox, or the link of a mail."
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Where the package goes.")
]
Unpack = Annotated[
    bool, typer.Option("--unpack", help="Get the DICOM files and reports, in a folder DIR/ID.")
]
MailCodeFile = Annotated[
    Path | None,
    typer.Option(
        "--mail-code-file",
        metavar="FILE",
        help="Read the code that was mailed from FILE; with - one is mailed, then read from"
        " standard input.",
    ),
]
RequestCode = Annotated[
    bool, typer.Option("--request-code", help="Only have a code mailed for this link.")
]


@dataclass
class _Opened:
    """A package that may be downloaded: from where, and its key."""

    source: Source
    content: Content
    key: bytes
    slots: list[Slot] | None


def command(
    target: Target,
    *,
    output: Output,
    unpack: Unpack = False,
    code_file: CodeFile = None,
    mail_code_file: MailCodeFile = None,
    request_code: RequestCode = False,
    dry_run: DryRun = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    no_input: NoInput = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Get an own package or one of the inbox by its id, or by the link of a mail.

    With a link a code is mailed to you; type it, then the access code that the sender told you.
    Every byte is checked against the sender's signature before the file gets its name. Stopped at
    any moment, the same command goes on where it was.
    """
    del verbose
    from emixcli.commands._exchange import access
    from emixcli.exchange.address import is_link
    from emixcli.services.download import target_path
    from emixcli.ui.progress import progress

    how = access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout)
    if dry_run:
        _dry_run(how, target, json=json)
        return
    if request_code:
        _request_code(how, target, json=json)
        return
    opened = (
        _open_link(target, how, code_file, mail_code_file, no_input=no_input)
        if is_link(target)
        else _open_own(target, how)
    )
    path = target_path(output, opened.content.package_id)
    with progress(quiet) as listener:
        found, folder = _get(opened, path, listener, unpack=unpack)
    _show(found, folder, json=json)


def _open_own(package_id: str, how: Access) -> _Opened:
    from emixcli.container.identity import load_identity
    from emixcli.errors import NotFoundError
    from emixcli.exchange.connect import connect
    from emixcli.services.share import fetch_key

    exchange = connect(how)
    try:
        content = exchange.content(package_id)
        key = fetch_key(exchange, content, load_identity(create=False))
    except NotFoundError:
        # Also where an administrator sees the package of somebody else and may not read it.
        return _open_inbox(exchange, package_id)
    return _Opened(exchange, content, key, None)


def _open_inbox(exchange: HttpExchange, target_id: str) -> _Opened:
    """Open what was sealed for the own key, by the id of its share or package."""
    from emixcli.container.identity import load_identity
    from emixcli.errors import NotFoundError
    from emixcli.exchange.inbox import iter_inbox
    from emixcli.services.receive import open_arrived

    for one in iter_inbox(exchange):
        if target_id in {one.share_id, one.package_id}:
            identity = load_identity(create=False)
            content, key = open_arrived(exchange, one.share_id, identity)
            return _Opened(exchange, content, key, [dict(content.slot or {})])
    raise NotFoundError(
        "no package of this account has this id, and none in its inbox",
        hint="emix list shows those that you sent, emix inbox those that were sent to you",
    )


def _open_link(
    text: str, how: Access, code_file: Path | None, mail_code_file: Path | None, *, no_input: bool
) -> _Opened:
    from emixcli.commands import _receiving as receiving
    from emixcli.commands._opening import read_secret
    from emixcli.container.code import normalise_code
    from emixcli.errors import ForbiddenError
    from emixcli.exchange.address import parse_link
    from emixcli.exchange.connect import connect_link
    from emixcli.services.receive import open_share
    from emixcli.ui import console
    from emixcli.ui.progress import size_text

    room = connect_link(parse_link(text), how)
    # A mistyped code is found here by its check symbol, before a try is spent.
    code = normalise_code(read_secret(code_file)) if code_file is not None else None
    if code is None:
        receiving.require_person("the access code", "--code-file FILE", no_input=no_input)
    mailbox = receiving.prove_mailbox(room, mail_code_file, no_input=no_input)
    console.note(f"from {mailbox.sender_name}, {mailbox.organisation}: {size_text(mailbox.size)}")
    if code is None:
        content, key = receiving.ask_access_code(room, mailbox)
    else:
        try:
            content, key = open_share(room, mailbox, code)
        except ForbiddenError as error:
            # This command is over, and the exchange takes a mail code once.
            error.hint = "; ".join(
                filter(
                    None,
                    (error.hint, "the mail code is used up: have a new one sent by --request-code"),
                )
            )
            raise
    slots = [dict(content.slot)] if content.slot is not None else []
    return _Opened(room, content, key, slots)


def _get(
    opened: _Opened, path: Path, listener: ProgressListener, *, unpack: bool
) -> tuple[Downloaded, Path | None]:
    from emixcli.services.download import download
    from emixcli.services.unpack import unpack as unpack_package

    folder = path.parent / opened.content.package_id if unpack else None

    def take_out(package: Any) -> None:
        if folder is not None:
            unpack_package(package, folder, progress=listener)

    found = download(
        opened.source,
        opened.content,
        path,
        key=opened.key,
        slots=opened.slots,
        progress=listener,
        on_checked=take_out,
    )
    return found, folder


def _request_code(how: Access, link: str, *, json: bool) -> None:
    from emixcli.exchange.address import parse_link
    from emixcli.exchange.connect import connect_link
    from emixcli.ui import console, output

    connect_link(parse_link(link), how).request_code()
    if json:
        output.write_json({"schema": "emix.download/1", "code_requested": True})
    else:
        console.note(
            "if the link is valid, a code comes to the mailbox that got it, within a minute"
        )


def _dry_run(how: Access, target: str, *, json: bool) -> None:
    """Tell what would come; a link says nothing before its code is given."""
    from emixcli.exchange.address import is_link, parse_link
    from emixcli.exchange.connect import connect
    from emixcli.ui import output
    from emixcli.ui.progress import size_text

    package_id, size = None, None
    if is_link(target):
        parse_link(target)
    else:
        package = connect(how).package(target)
        package_id, size = package.package_id, package.size
    if json:
        output.write_json(
            {"schema": "emix.download/1", "dry_run": True, "package_id": package_id, "size": size}
        )
    else:
        known = (
            f"package {package_id}, {size_text(size or 0)}" if package_id else "what the link gives"
        )
        output.write_line(f"would download {known}; nothing was written")


def _show(found: Downloaded, folder: Path | None, *, json: bool) -> None:
    from emixcli.ui import console, output
    from emixcli.ui.progress import size_text
    from emixcli.ui.words import some

    if json:
        document = {
            "schema": "emix.download/1",
            "package_id": found.package_id,
            "file": str(found.path),
            "folder": None if folder is None else str(folder),
            "size": found.size,
            "verified": True,
            "counts": found.counts,
            "losses": found.losses,
            "documents_lost": found.documents_lost,
        }
        output.write_json(document)
        return
    output.write_line(str(found.path))
    if folder is not None:
        output.write_line(str(folder))
    console.note(f"{size_text(found.size)}, every byte checked")
    n_lost = found.counts.get("lost", 0)
    if n_lost:
        console.warn(f"lost when the package was made: {some(n_lost, 'object')}")
