"""`emix request`: ask for images, and answer those who ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, NoInput, Profile, Yes
from emixcli.commands._request_create import create
from emixcli.commands._request_key import app as key_app

if TYPE_CHECKING:
    from emixcli.exchange.http import HttpExchange
    from emixcli.exchange.request_terms import RequestRecord
    from emixcli.services.request import OpenedRequest

app = typer.Typer(help="Ask for images, and answer those who ask.", no_args_is_help=True)
app.add_typer(key_app, name="key")
app.command("create")(create)

EXAMPLES = {
    "create": "emix request create --of 'General Hospital' --purpose treatment",
    "invite": "emix request invite jo@clinic.example",
    "uninvite": "emix request uninvite INVITATION_ID",
    "show": "emix request show REQUEST_ID --form-out form.pdf",
    "approve": "emix request approve REQUEST_ID",
    "decline": "emix request decline REQUEST_ID --reason no-authorisation",
    "key publish": "emix request key publish",
    "key list": "emix request key list",
    "key withdraw": "emix request key withdraw FINGERPRINT",
}

RequestId = Annotated[str, typer.Argument(metavar="ID", help="A request: emix requests.")]
FormOut = Annotated[
    Path | None,
    typer.Option("--form-out", metavar="FILE", help="Write the signed form here (mode 0600)."),
]


@app.command("invite")
def invite(
    address: Annotated[str, typer.Argument(metavar="ADDR", help="Who may ask, by mail.")],
    *,
    confirm_to: Annotated[
        str, typer.Option("--confirm-to", metavar="ADDR", help="The address once more.")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Invite anew whoever has an open invitation.")
    ] = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Mail somebody without an account a link by which they can ask, once.

    They prove the mailbox by a code, and what they write is encrypted in their browser. Whoever was
    invited and has not asked yet gets no second mail without --again.
    """
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.mailaddress import parse_address
    from emixcli.services.request import find_open
    from emixcli.ui import console, output, prompts
    from emixcli.ui.times import time_text

    address = parse_address(address)
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    earlier = None if again else find_open(exchange.requests, address)
    if earlier is None:
        confirmed = confirm_to or prompts.ask(
            "type the address again", option="--confirm-to ADDR", no_input=no_input
        )
        made = exchange.requests.invite(address, confirmed)
    else:
        made = earlier
    if json:
        document = {
            "schema": "emix.request/1",
            "invitation_id": made.invitation_id,
            "recipient": made.email,
            "expires": made.expires,
            "already_invited": earlier is not None,
        }
        output.write_json(document)
        return
    output.write_line(made.invitation_id)
    if earlier is not None:
        console.note("invited before: no second mail was sent (--again sends one)")
    console.note(f"{made.email} can ask once until {time_text(made.expires)}")


@app.command("uninvite")
def uninvite(
    invitation_id: Annotated[
        str, typer.Argument(metavar="ID", help="As emix request invite shows it.")
    ],
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """End an invitation that was not used yet, as after a mistyped address."""
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect
    from emixcli.ui import console, output

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    exchange.requests.uninvite(invitation_id)
    if json:
        output.write_json({"schema": "emix.request/1", "invitation_id": invitation_id})
        return
    console.note(f"nobody can ask by invitation {invitation_id} any more")


@app.command("show")
def show(
    request_id: RequestId,
    *,
    form_out: FormOut = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Open a request with the keys of this machine: who asks, whose images, and why.

    With --json the document names the patient, as the text does. Of an invitation it says what
    became of its mail.
    """
    from dataclasses import asdict

    from emixcli.commands._asking import record_json, show_invitation, show_opened
    from emixcli.commands._exchange import access
    from emixcli.errors import NotFoundError
    from emixcli.exchange.connect import connect
    from emixcli.ui import output

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    try:
        opened = _open(exchange, request_id, form_out)
    except NotFoundError:
        for one in exchange.requests.iter_invitations():
            if one.invitation_id == request_id:
                show_invitation(one, json=json)
                return
        raise
    if json:
        document = {"schema": "emix.request/1", **record_json(opened.record)}
        asked = asdict(opened.asked)
        output.write_json({**document, "asked": asked, "form_out": form_out and str(form_out)})
        return
    show_opened(opened)


def _open(exchange: HttpExchange, request_id: str, form_out: Path | None) -> OpenedRequest:
    from emixcli.container.identity import load_identity
    from emixcli.errors import UsageError
    from emixcli.services.request import open_request
    from emixcli.services.secret_file import write_private
    from emixcli.services.targets import check_new

    check_new(form_out)
    opened = open_request(exchange.requests, request_id, load_identity())
    if form_out is not None:
        if not opened.form:
            raise UsageError("this request has no form", hint="leave --form-out out")
        write_private(form_out, opened.form)
    return opened


@app.command("approve")
def approve(
    request_id: RequestId,
    *,
    identity_checked: Annotated[
        str | None,
        typer.Option(
            "--identity-checked",
            metavar="HOW",
            help="How it was made sure who asks: called-back, in-person, id-document,"
            " known-colleague, video-call.",
        ),
    ] = None,
    authorisation_checked: Annotated[
        str | None,
        typer.Option(
            "--authorisation-checked",
            metavar="HOW",
            help="What allows them to have the images: signed-form, treatment,"
            " patient-themselves, legal-representative, court-order.",
        ),
    ] = None,
    form_out: FormOut = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """Allow that the images be sent, having checked who asks and what allows them.

    Whoever asks cannot do it. The request is shown first; then a sentence is to be typed that says
    what was checked, or both options are to be given. What was checked, and by whom, is recorded.
    """
    from emixcli.commands._asking import ask_checks, show_opened
    from emixcli.commands._exchange import access
    from emixcli.exchange.connect import connect

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    opened = _open(exchange, request_id, form_out)
    if not json:
        show_opened(opened)
    # With --json the request was not shown, so nobody can be asked about it.
    identity, authorisation = ask_checks(
        identity_checked, authorisation_checked, no_input=no_input or json
    )
    record = exchange.requests.approve(
        request_id, sha256=opened.sha256, identity=identity, authorisation=authorisation
    )
    _tell(record, json=json)


@app.command("decline")
def decline(
    request_id: RequestId,
    *,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="WHY",
            help="unknown-requester, no-authorisation, no-such-images, incomplete; withdrawn"
            " where it is one's own.",
        ),
    ],
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    yes: Yes = False,
    no_input: NoInput = False,
    json: Json = False,
) -> None:
    """End a request without images; what it said is deleted, and who asked is told by mail.

    The mail does not say why: do that by telephone. Whoever asked withdraws it this way.
    """
    from emixcli.commands._exchange import access
    from emixcli.errors import UsageError
    from emixcli.exchange.connect import connect
    from emixcli.exchange.request_terms import DeclineReason
    from emixcli.ui import prompts

    if reason not in set(DeclineReason):
        raise UsageError("this is not a reason", hint=f"one of {', '.join(DeclineReason)}")
    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    prompts.confirm("decline this request and delete what it says?", yes=yes, no_input=no_input)
    _tell(exchange.requests.decline(request_id, reason), json=json)


def _tell(record: RequestRecord, *, json: bool) -> None:
    from emixcli.commands._asking import record_json
    from emixcli.ui import console, output

    if json:
        output.write_json({"schema": "emix.request/1", **record_json(record)})
        return
    console.note(f"request {record.request_id}: {record.state}")
    if record.state == "approved":
        console.note(f"next: emix send PATH… --for-request {record.request_id}")
