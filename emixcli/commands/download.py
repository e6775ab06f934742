"""`emix download`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import CodeFile, DryRun, Json, NoInput, Profile, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.commands._receiving import Opened
    from emixcli.progress import ProgressListener
    from emixcli.services.download import Downloaded

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
    from emixcli.commands import _downloaded as shown
    from emixcli.commands import _receiving as receiving
    from emixcli.commands._exchange import access
    from emixcli.exchange.address import is_link
    from emixcli.services.download import target_path
    from emixcli.ui.progress import progress

    how = access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout)
    if dry_run:
        shown.dry_run(how, target, json=json)
        return
    if request_code:
        shown.request_code(how, target, json=json)
        return
    opened = (
        receiving.open_link(target, how, code_file, mail_code_file, no_input=no_input)
        if is_link(target)
        else receiving.open_own(target, how)
    )
    path = target_path(output, opened.content.package_id)
    with progress(quiet) as listener:
        found, folder = _get(opened, path, listener, unpack=unpack)
    shown.show(found, folder, json=json)


def _get(
    opened: Opened, path: Path, listener: ProgressListener, *, unpack: bool
) -> tuple[Downloaded, Path | None]:
    from emixcli.commands import _receiving as receiving
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
    receiving.note_arrival(opened)
    return found, folder
