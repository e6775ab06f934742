"""`emix status`."""

from __future__ import annotations

from typing import Annotated

import typer

from emixcli.commands._exchange import CaFile, TimeOut, TokenFile
from emixcli.commands._options import Json, Profile, Verbose


def command(
    package_id: Annotated[str, typer.Argument(metavar="ID", help="A package or a share.")],
    *,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    verbose: Verbose = 0,
) -> None:
    """Show how far a package and its shares have come."""
    del verbose
    from emixcli.commands._exchange import access, find_package, package_json
    from emixcli.exchange.connect import connect
    from emixcli.ui import output
    from emixcli.ui.progress import size_text
    from emixcli.ui.times import is_future, time_text

    exchange = connect(access(profile, ca_file=ca_file, token_file=token_file, timeout=timeout))
    package = find_package(exchange, package_id)
    if json:
        output.write_json({"schema": "emix.status/1", **package_json(package)})
        return
    output.write_line(f"package  {package.package_id}")
    output.write_line(f"state    {package.state}")
    output.write_line(f"size     {size_text(package.size)}")
    output.write_line(f"expires  {time_text(package.expires)}")
    for share in package.shares:
        output.write_line("")
        output.write_line(f"share    {share.share_id}")
        output.write_line(f"to       {share.recipient} ({share.purpose})")
        output.write_line(f"state    {share.state}")
        if share.state == "held" and is_future(share.hold_until):
            output.write_line(f"mail     {time_text(share.hold_until)}; emix recall stops it")
        if share.link:
            output.write_line(f"link     {share.link}")
