"""`emix status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Verbose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.exchange.http import HttpExchange
    from emixcli.exchange.interface import Package, Share


def command(
    target_id: Annotated[str, typer.Argument(metavar="ID", help="A package or a share.")],
    *,
    certificate: Annotated[
        list[Path] | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="Write a certificate that nobody had the content, of a share that has ended: a"
            " .json or an .html file; several times.",
        ),
    ] = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """Show how far a package and its shares have come, and when.

    A certificate is refused where the share was opened, or still can be: recall or revoke it first.
    """
    del verbose
    from emixcli.commands._exchange import access, find_target, package_json
    from emixcli.exchange.connect import connect
    from emixcli.ui import output

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    package, share = find_target(exchange, target_id)
    files = certificate or []
    if files:
        _certify(exchange, _one_of(package, share), files)
    if json:
        document = {"schema": "emix.status/1", **package_json(package)}
        output.write_json({**document, "certificates": [str(file) for file in files]})
        return
    _show(package)
    for file in files:
        output.write_line(f"written  {file}")


def _one_of(package: Package, share: Share | None) -> Share:
    from emixcli.errors import UsageError

    if share is not None:
        return share
    if len(package.shares) != 1:
        raise UsageError(
            "a certificate is about one share",
            hint=f"give the id of the share: emix status {package.package_id} shows them",
        )
    return package.shares[0]


def _certify(exchange: HttpExchange, share: Share, files: Sequence[Path]) -> None:
    from emixcli.services.certificate import check_certificate, check_names, write_certificate
    from emixcli.services.targets import check_new

    check_names(files)
    for file in files:
        check_new(file)
    document = check_certificate(exchange.certificate(share.share_id), share.share_id)
    for file in files:
        write_certificate(document, file)


def _show(package: Package) -> None:
    from emixcli.commands._exchange import NOT_SENT
    from emixcli.ui import output
    from emixcli.ui.times import is_future, time_text
    from emixcli.words import size_text

    output.write_line(f"package  {package.package_id}")
    output.write_line(f"state    {package.state}")
    output.write_line(f"size     {size_text(package.size)}")
    output.write_line(f"expires  {time_text(package.expires)}")
    for share in package.shares:
        output.write_line("")
        output.write_line(f"share    {share.share_id}")
        urgent = ", urgent" if share.urgent else ""
        output.write_line(f"to       {share.recipient} ({share.purpose}{urgent})")
        output.write_line(f"state    {share.state}")
        if share.state == "held" and is_future(share.hold_until):
            when = time_text(share.hold_until)
            output.write_line(f"mail     {when}; emix recall {share.share_id} stops it")
        elif share.mail in NOT_SENT:
            output.write_line(f"mail     {NOT_SENT[share.mail]}")
        for what, when in _steps(share):
            if when:
                output.write_line(f"{what:<9}{time_text(when)}")
        if share.max_opens is not None:
            output.write_line(f"openings {share.opens} of {share.max_opens}")
        if share.expires and not share.ended_at:
            output.write_line(f"expires  {time_text(share.expires)}")
        if share.link:
            output.write_line(f"link     {share.link}")


def _steps(share: Share) -> tuple[tuple[str, str], ...]:
    return (
        ("notified", share.notified),
        ("mailbox", share.verified),
        ("opened", share.opened),
        ("got it", share.downloaded),
        ("ended", share.ended_at),
    )
