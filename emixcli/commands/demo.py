"""`emix demo`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._options import Json, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.demo.cd import SampleCd
    from emixcli.services.demo import Demo, Received, Sent

Folder = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        help="Keep everything in this empty folder; a temporary one is removed at the end.",
    ),
]
Once = Annotated[
    bool, typer.Option("--once", help="Play the recipient too, check every byte, and end.")
]


def command(
    *,
    directory: Folder = None,
    once: Once = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Make a sample CD, run a private exchange, send the CD, and let you open the link.

    Everything stays on this machine, and every image is made up. The exchange serves until Ctrl-C.
    """
    del verbose
    from emixcli.services.demo import Demo, demo_folder, require_server
    from emixcli.ui import console
    from emixcli.ui.progress import progress

    require_server()
    with (
        demo_folder(directory) as folder,
        progress(quiet or json) as listener,
        Demo(folder, progress=listener) as demo,
    ):
        cd = demo.make_cd()
        demo.start_exchange()
        sent = demo.send()
        received = demo.receive(sent, cd) if once else None
        # Ctrl-C is how this command is meant to end from here on.
        with contextlib.nullcontext() if once else contextlib.suppress(KeyboardInterrupt):
            _show(demo, cd, sent, received=received, json=json)
            if not once:
                _serve(demo, quiet=json)
    if not once:
        console.note("\nemix: the exchange has ended", quiet=quiet or json)


def _show(demo: Demo, cd: SampleCd, sent: Sent, *, received: Received | None, json: bool) -> None:
    from emixcli.ui import output

    if json:
        output.write_json(_document(demo, cd, sent, received))
    elif received is not None:
        size = f"{cd.size / 1e6:.0f} MB"
        output.write_line(f"sample CD   {len(cd.instances)} images, 1 report, {size}")
        output.write_line(f"sent        package {sent.package_id} in {sent.seconds:.1f} s")
        output.write_line(
            f"received    {received.n_instances} images, {received.n_documents} report, every byte "
            f"as on the CD, in {received.seconds:.1f} s"
        )
    else:
        for line in _story(demo, cd, sent):
            output.write_line(line)


def _story(demo: Demo, cd: SampleCd, sent: Sent) -> list[str]:
    """Return what a person needs to go on, as lines."""
    mail = demo.wait_for_mail(lambda found: found.link == sent.link)
    code = sent.code_file.read_text("ascii").strip()
    return [
        "A CD of a made-up patient was read, checked, encrypted and sent to a private exchange",
        "on this machine. Nothing has left it.",
        "",
        f"  sample CD    {cd.path}",
        f"  exchange     {demo.url}",
        f"  package      {sent.package_id}, {sent.seconds:.1f} s from CD to link",
        "",
        f"The recipient got this mail ({mail.path}):",
        "",
        f"  To: {mail.recipient}",
        f"  Subject: {mail.subject}",
        "",
        *(f"  {line}".rstrip() for line in mail.text.strip().splitlines()),
        "",
        "Now be the recipient:",
        "",
        f"  1. open          {sent.link}",
        "  2. mail code     ask for it on the page; it is shown here when it comes",
        f"  3. access code   {code}   (the sender gives it by telephone)",
        "",
        "Ctrl-C ends the exchange.",
    ]


def _serve(demo: Demo, *, quiet: bool) -> None:
    """Show the mail codes as they come, until Ctrl-C."""
    import sys

    from emixcli.ui import console

    sys.stdout.flush()
    for mail in demo.follow_mails():
        said = f"your code is {mail.code}" if mail.code else mail.subject
        console.note(f"mail to {mail.recipient}: {said}", quiet=quiet)


def _document(demo: Demo, cd: SampleCd, sent: Sent, received: Received | None) -> dict[str, Any]:
    from emixcli.services.demo import RECIPIENT

    share = {
        "share_id": sent.share_id,
        "recipient": RECIPIENT,
        "state": "opened" if received else "notified",
        "link": sent.link,
    }
    document: dict[str, Any] = {
        "schema": "emix.demo/1",
        "cd": str(cd.path),
        "exchange": demo.url,
        "mail_folder": str(demo.mail_folder),
        "code_file": str(sent.code_file),
        "package_id": sent.package_id,
        "shares": [share],
        "counts": {"instances": len(cd.instances), "documents": len(cd.documents)},
        "received": None,
    }
    if received is not None:
        document["received"] = {
            "instances": received.n_instances,
            "documents": received.n_documents,
            "identical": True,
        }
    return document
